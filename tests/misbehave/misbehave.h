/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_MISBEHAVE_H
#define SALLYPORT_MISBEHAVE_H

#include "rogue.h"

/* One file a misbehaviour; main.c runs those that are listed here. */
#define MISBEHAVIOURS(X)                                                                                                         \
	X(nothing_at_all)                                                                                                        \
	X(wrong_hash_i)                                                                                                          \
	X(wrong_hash_r)                                                                                                          \
	X(short_hash)                                                                                                            \
	X(phase_1_id_port)                                                                                                       \
	X(invalid_spi_of_another)                                                                                                \
	X(missing_id)                                                                                                            \
	X(missing_nonce)                                                                                                         \
	X(missing_key_exchange)                                                                                                  \
	X(nonce_length)                                                                                                          \
	X(weak_public_value)                                                                                                     \
	X(own_public_value_back)                                                                                                 \
	X(reflected_messages)                                                                                                    \
	X(a_certificate_before_its_time)                                                                                         \
	X(certificates_in_quick_mode)                                                                                            \
	X(extra_payload)                                                                                                         \
	X(identity_in_clear)                                                                                                     \
	X(encrypted_too_early)                                                                                                   \
	X(odd_ciphertext)                                                                                                        \
	X(quick_mode_in_clear)                                                                                                   \
	X(quick_mode_too_early)                                                                                                  \
	X(wrong_hash_1)                                                                                                          \
	X(wrong_hash_2)                                                                                                          \
	X(wrong_hash_3)                                                                                                          \
	X(swapped_payloads)                                                                                                      \
	X(hash_not_first)                                                                                                        \
	X(one_client_id)                                                                                                         \
	X(client_ids_by_name)                                                                                                    \
	X(client_ids_by_foreign_name)                                                                                            \
	X(three_client_ids)                                                                                                      \
	X(zero_spi)                                                                                                              \
	X(an_spi_in_phase_1)                                                                                                     \
	X(spi_of_another_length)                                                                                                 \
	X(replayed_message_id)                                                                                                   \
	X(message_id_zero)                                                                                                       \
	X(oversized_proposal)                                                                                                    \
	X(proposal_without_transforms)                                                                                           \
	X(bad_choice)                                                                                                            \
	X(two_choices)                                                                                                           \
	X(mixed_protocols)                                                                                                       \
	X(nested_proposals)                                                                                                      \
	X(two_groups)                                                                                                            \
	X(a_public_value_of_no_group)                                                                                            \
	X(commit_bit)                                                                                                            \
	X(commit_bit_fourth_message)                                                                                             \
	X(commit_bit_in_phase_1)                                                                                                 \
	X(other_esp_choice)                                                                                                      \
	X(other_identities_back)                                                                                                 \
	X(no_identities_back)                                                                                                    \
	X(unknown_exchange)                                                                                                      \
	X(unknown_version)                                                                                                       \
	X(lying_length)                                                                                                          \
	X(foreign_cookies)                                                                                                       \
	X(too_many_exchanges)                                                                                                    \
	X(fragment_floods)                                                                                                       \
	X(fragments_of_a_first_message)                                                                                          \
	X(fragments_without_our_cookie)                                                                                          \
	X(fragments_that_overlap)                                                                                                \
	X(fragments_of_something_else)                                                                                           \
	X(dpd_of_another_sa)                                                                                                     \
	X(a_login_as_it_should_be)                                                                                               \
	X(a_quick_mode_without_login)                                                                                            \
	X(a_transaction_with_a_wrong_hash)                                                                                       \
	X(a_reply_that_nobody_asked_for)                                                                                         \
	X(a_status_of_its_own_making)                                                                                            \
	X(a_set_of_a_foreign_address)                                                                                            \
	X(another_identifier)                                                                                                    \
	X(attributes_by_the_hundred)                                                                                             \
	X(transactions_by_the_hundred)                                                                                           \
	X(a_login_without_a_password)                                                                                            \
	X(aggressive_as_it_should_be)                                                                                            \
	X(aggressive_in_clear)                                                                                                   \
	X(aggressive_wrong_hash_i)                                                                                               \
	X(aggressive_wrong_hash_r)                                                                                               \
	X(aggressive_missing_id)                                                                                                 \
	X(aggressive_empty_id)                                                                                                   \
	X(aggressive_weak_public_value)                                                                                          \
	X(aggressive_reflected)                                                                                                  \
	X(aggressive_encrypted_wrongly)                                                                                          \
	X(refusal_under_keys)                                                                                                    \
	X(deletes_that_cannot_be)                                                                                                \
	X(deletes_by_the_hundred)                                                                                                \
	X(delete_of_what_is_not_its_own)                                                                                         \
	X(answers_larger_than_the_question)                                                                                      \
	X(strangers_from_one_address)                                                                                            \
	X(strangers_from_everywhere)                                                                                             \
	X(first_messages_again_and_again)                                                                                        \
	X(vendor_ids_by_the_dozen)                                                                                               \
	X(notifications_to_be_answered)                                                                                          \
	X(aggressive_quick_mode_too_early)                                                                                       \
	X(each_notification_is_sent)                                                                                             \
	X(errors_under_keys_are_about_authentic_messages)                                                                        \
	X(each_notification_is_understood_in_clear)                                                                              \
	X(each_notification_is_understood_under_keys)                                                                            \
	X(notifications_that_cannot_be)                                                                                          \
	X(replay_status_in_quick_mode)                                                                                           \
	X(duplicate_payloads)                                                                                                    \
	X(payloads_by_the_hundred)                                                                                               \
	X(client_ids_of_wrong_length)                                                                                            \
	X(identities_of_wrong_length)                                                                                            \
	X(huge_lifetimes)                                                                                                        \
	X(lifetimes_that_cannot_be)                                                                                              \
	X(logins_too_long)                                                                                                       \
	X(initial_contact_of_another)                                                                                            \
	X(cookies_of_another)                                                                                                    \
	X(cookie_of_zeros)                                                                                                       \
	X(nat_oa_lies)                                                                                                           \
	X(nat_oa_without_an_address)                                                                                             \
	X(certificates_by_the_dozen)                                                                                             \
	X(certificates_of_many_octets)                                                                                           \
	X(certificates_in_clear)                                                                                                 \
	X(dpd_again)

#define MISBEHAVIOUR(name) void misbehave_##name(void **state __attribute__((unused)))

#define X(name) MISBEHAVIOUR(name);
MISBEHAVIOURS(X)
#undef X

#endif
