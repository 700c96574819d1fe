/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_PROTECT_H
#define SALLYPORT_IKE1_PROTECT_H

#include "exchange.h"

/*
 * What an ISAKMP SA of IKEv1 keeps in ike_sa.keys: SKEYID_d, SKEYID_a and the
 * encryption key, in this order. SKEYID_e itself is not needed after Ka.
 */
struct span ike1_skeyid_d(const struct ike_sa *sa);
struct span ike1_skeyid_a(const struct ike_sa *sa);
struct span ike1_ka(const struct ike_sa *sa);

/* The cipher's block: how long an IV is. */
size_t ike1_block(const struct ike_sa *sa);

/* HDR*: pads with zeros to a whole block, encrypts in place, moves @iv on. The new length; 0 on failure. */
size_t ike1_encrypt(const struct ike_sa *sa, uint8_t *iv, uint8_t *message, size_t n, size_t cap);
/* Decrypts into the scratch arena. @next_iv: the last block; the caller takes it over once the message is authentic. */
enum verdict ike1_decrypt(const struct ike_sa *sa, const uint8_t *iv, uint8_t *next_iv, const struct isakmp_header *h,
                          struct span datagram, struct span *body);

enum verdict ike1_open(struct exchange *ex, const struct isakmp_header *h, struct span datagram, struct span *body);
size_t ike1_seal(struct exchange *ex, uint8_t *message, size_t n, size_t cap);

/* Everything in @m behind its first payload, without padding: what HASH(1) and HASH(2) cover. */
struct span ike1_after_hash(const struct message *m);
/* Appends an empty HASH payload, filled in by ike1_hash_fill when the message is whole. */
struct span ike1_hash_reserve(const struct ike_sa *sa, struct builder *b);
bool ike1_hash_fill(const struct ike_sa *sa, struct builder *b, struct span hash, uint32_t message_id, struct span ni_b);
bool ike1_hash_verify(const struct ike_sa *sa, const struct message *m, struct span ni_b);

#endif
