/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include <stdio.h>

/* Signatures, RFC 2409 section 5.1 and RFC 4754, and hybrid authentication, in Main and Aggressive Mode. */

/* One row: what an initiator and a responder are, and what they should agree on. */
struct pairing {
	const char *a, *b;
	uint16_t auth;
	uint64_t messages; /* with Quick Mode */
};

#define ESP " esp=aes128gcm16-ecp256 "
#define ID_A " id=alice.example.org rid=bob.example.org" ESP
#define ID_B " id=bob.example.org rid=alice.example.org" ESP

static const struct pairing pairings[] = {
	{ "key=alice-rsa trust=bob-rsa" ESP, "key=bob-rsa trust=alice-rsa" ESP, 3, 9 },
	{ "key=alice-rsa trust=bob-rsa" ID_A, "key=bob-rsa trust=alice-rsa to=any" ID_B, 3, 9 },
	{ "key=alice-ec256 trust=bob-ec256" ID_A, "key=bob-ec256 trust=alice-ec256" ID_B, 9, 9 },
	{ "key=alice-ec384 trust=bob-ec384" ESP, "key=bob-ec384 trust=alice-ec384" ESP, 10, 9 },
	{ "key=alice-ec521 trust=bob-ec521" ESP, "key=bob-ec521 trust=alice-ec521" ESP, 11, 9 },
	{ "aggressive key=alice-rsa trust=bob-rsa" ID_A, "aggressive key=bob-rsa trust=alice-rsa to=any" ID_B, 3, 6 },
	{ "aggressive key=alice-ec256 trust=bob-ec256" ESP, "aggressive key=bob-ec256 trust=alice-ec256" ESP, 9, 6 },
	{ "aggressive key=alice-ec521 trust=bob-ec521" ID_A, "aggressive key=bob-ec521 trust=alice-ec521" ID_B, 11, 6 },
	{ "key=alice-rsa trust=bob-rsa login=carol:4iChxLT3" ESP, "key=bob-rsa trust=alice-rsa user=carol:4iChxLT3" ESP, 65005,
	  13 },
	{ "hybrid=client trust=bob-rsa login=carol:4iChxLT3" ESP, "key=bob-rsa hybrid=gateway user=carol:4iChxLT3" ESP, 64221,
	  13 },
	{ "aggressive hybrid=client trust=bob-rsa login=carol:4iChxLT3" ESP,
	  "aggressive key=bob-rsa hybrid=gateway user=carol:4iChxLT3" ESP, 64221, 10 },
};

enum { PAIRINGS = sizeof pairings / sizeof *pairings };

static void
expect_one_tunnel(struct sim *net, struct sim_peer *alice, struct sim_peer *bob, const struct pairing *p, uint64_t which)
{
	EXPECT(sim_established(alice) && sim_established(bob), which);
	EXPECT(sim_same_keys(alice, bob), which);
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, which);
	EXPECT(sim_children(alice) == 1 && sim_children(bob) == 1, which);
	EXPECT(sim_ike(alice).auth == p->auth && sim_ike(bob).auth == p->auth, which);
	EXPECT_SOUND(net, which);
}

static void
with_fault(const struct pairing *p, enum sim_fault f, uint64_t nth, instant_t answer_ns)
{
	uint64_t which = (uint64_t)(p - pairings) * 1000 + nth * 10 + f;
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = which, .answer_ns = answer_ns });
	struct sim_peer *alice = sim_peer(&net, p->a), *bob = sim_peer(&net, p->b);

	sim_fault_nth(&net, f, nth);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(60));
	expect_one_tunnel(&net, alice, bob, p, which);
}

TEST(every_exchange_and_method_survives_any_single_fault)
{
	for (const struct pairing *p = pairings; p < pairings + PAIRINGS; p++)
		for (enum sim_fault f = SIM_LOST; f < SIM_FAULTS; f++)
			for (uint64_t nth = 1; nth <= p->messages; nth++)
				with_fault(p, f, nth, nth % 2 ? 0 : MILLISECONDS(60));
}

TEST(every_exchange_and_method_survives_a_bad_link)
{
	for (uint64_t seed = 1; seed <= 5 * PAIRINGS; seed++) {
		const struct pairing *p = &pairings[seed % PAIRINGS];
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = seed,
		                                                  .loss_permille = 100,
		                                                  .dup_permille = 100,
		                                                  .reorder_permille = 100,
		                                                  .answer_ns = seed % 5 });
		char a[512];
		struct sim_peer *alice, *bob;

		snprintf(a, sizeof a, "%s tries=20 base=1.2", p->a);
		alice = sim_peer(&net, a);
		bob = sim_peer(&net, p->b);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(200));
		EXPECT(sim_same_keys(alice, bob), seed);
		EXPECT_SOUND(&net, seed);
	}
}

/* RSA signatures and all else come out the same from the same seed. */
TEST(the_same_seed_gives_the_same_effects)
{
	uint64_t trace[2];

	for (int i = 0; i < 2; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 77, .loss_permille = 50 });
		struct sim_peer *alice = sim_peer(&net, pairings[0].a), *bob = sim_peer(&net, pairings[0].b);

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(60));
		trace[i] = net.w->trace;
	}
	assert_true(trace[0] == trace[1]);
}

static void
refused(const char *a, const char *b, const char *reason_a, const char *reason_b)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 5 });
	struct sim_peer *alice = sim_peer(&net, a), *bob = sim_peer(&net, b);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(200));
	EXPECT(alice->n_installed == 0 && bob->n_installed == 0, 0);
	EXPECT(sim_ike_sas_in(bob, IKE_STATE_ESTABLISHED) == 0 && sim_ike_sas_in(alice, IKE_STATE_ESTABLISHED) == 0, 0);
	if (reason_a && !sim_reason(alice, reason_a))
		fail_msg("%s / %s: alice says nothing of %s", a, b, reason_a);
	if (reason_b && !sim_reason(bob, reason_b))
		fail_msg("%s / %s: bob says nothing of %s", a, b, reason_b);
	EXPECT_SOUND(&net, 0);
}

TEST(a_refusal_is_explained_at_both_ends)
{
	/* Who trusts somebody else. */
	refused("key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=bob-rsa", "bad-certificate", "bad-certificate");
	refused("key=alice-rsa trust=alice-rsa", "key=bob-rsa trust=alice-rsa", "bad-certificate", NULL);
	refused("aggressive key=alice-rsa trust=bob-rsa", "aggressive key=bob-rsa trust=bob-rsa", NULL, "bad-certificate");
	refused("aggressive key=alice-rsa trust=alice-rsa", "aggressive key=bob-rsa trust=alice-rsa", "bad-certificate", NULL);
	/* An identity that the certificate does not hold, or that is not wanted. */
	refused("id=mallory.example.org key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa", NULL, "bad-certificate");
	refused("key=alice-rsa trust=bob-rsa", "rid=carol.example.org key=bob-rsa trust=alice-rsa", "id-mismatch", "id-mismatch");
	/* The kinds of key, and of authentication, that do not meet. */
	refused("key=alice-rsa trust=bob-ec256", "key=bob-ec256 trust=alice-rsa", "no-proposal-chosen", "no-credential");
	refused("psk=swordfish", "key=bob-rsa trust=alice-rsa", "no-proposal-chosen", "no-proposal-chosen");
	refused("key=alice-rsa trust=bob-rsa", "psk=swordfish", "no-proposal-chosen", "no-proposal-chosen");
	/* No key to begin with. */
	refused("key= trust=bob-rsa", "key=bob-rsa trust=alice-rsa", "no-credential", NULL);
	/* XAUTH without RSA. */
	refused("key=alice-ec256 trust=bob-ec256 login=carol:x", "key=bob-ec256 trust=alice-ec256 user=carol:x", "failed", NULL);
}

/* RFC 2409 section 5.7: under the keys where there are some, so that nobody goes on repeating what was refused. */
TEST(who_is_refused_under_the_keys_gives_up_at_once)
{
	static const char *const pairs[][2] = {
		{ "key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=bob-rsa" },
		{ "id=mallory.example.org key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa" },
		{ "key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa key-once=1" },
		{ "ike1 main psk=swordfish id=@alice", "ike1 main psk=swordfish rid=@carol" },
	};

	for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = i + 1 });
		struct sim_peer *alice = sim_peer(&net, pairs[i][0]), *bob = sim_peer(&net, pairs[i][1]);
		uint64_t command = sim_initiate(alice, bob);

		sim_run(&net, SECONDS(3));
		if (!sim_result(alice, command) || !strstr(sim_result(alice, command)->text, "the peer refuses us"))
			fail_msg("%s / %s: alice does not know", pairs[i][0], pairs[i][1]);
		EXPECT(sim_ike_sas(alice) == 0 && sim_ike_sas(bob) == 0, i);
	}
}

TEST(a_failed_signature_ends_the_attempt)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 6 });
	struct sim_peer *alice = sim_peer(&net, "key=alice-rsa trust=bob-rsa"),
	                *bob = sim_peer(&net, "key=bob-rsa trust=alice-rsa");
	uint64_t command;

	alice->keys_held.refuse_sign = true;
	command = sim_initiate(alice, bob);
	sim_run(&net, SECONDS(5));
	assert_true(sim_result(alice, command)->result != RESULT_OK);
	assert_non_null(strstr(sim_result(alice, command)->text, "the token was pulled out"));
}

/* send_cert: as asked, never, always; chains of a few, and no chain without end. */
TEST(certificates_are_sent_as_configured)
{
	static const struct {
		const char *a, *b;
		unsigned seen; /* by bob */
	} rows[] = {
		{ "", "", 1 },
		{ "chain=2", "", 3 },
		{ "send-cert=never", "", 0 },
		{ "", "no-certreq", 0 },
		{ "send-cert=always", "no-certreq", 1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int mode = 0; mode < 2; mode++) {
			autoclose(sim) net = sim_open((struct sim_opts) { .seed = i });
			const char *exchange = mode ? "aggressive" : "main";
			char a[256], b[256];
			struct sim_peer *alice, *bob;

			snprintf(a, sizeof a, "%s key=alice-rsa trust=bob-rsa" ESP "%s", exchange, rows[i].a);
			snprintf(b, sizeof b, "%s key=bob-rsa trust=alice-rsa" ESP "%s", exchange, rows[i].b);
			alice = sim_peer(&net, a);
			bob = sim_peer(&net, b);
			sim_initiate(alice, bob);
			sim_run(&net, SECONDS(10));
			EXPECT(sim_same_keys(alice, bob), i);
			EXPECT(bob->keys_held.certs_seen == rows[i].seen, i * 10 + (unsigned)bob->keys_held.certs_seen);
		}
}

TEST(rekeying_signs_again)
{
	for (const struct pairing *p = pairings; p < pairings + 8; p++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9, .traffic_ns = MILLISECONDS(50) });
		struct sim_peer *alice = sim_peer(&net, p->a), *bob = sim_peer(&net, p->b);

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(5));
		sim_rekey(alice, "net", NULL);
		sim_run(&net, SECONDS(60));
		expect_one_tunnel(&net, alice, bob, p, (uint64_t)(p - pairings));
		EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0 && alice->n_installed == 2, p->auth);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_exchange_and_method_survives_any_single_fault),
		cmocka_unit_test(every_exchange_and_method_survives_a_bad_link),
		cmocka_unit_test(the_same_seed_gives_the_same_effects),
		cmocka_unit_test(a_refusal_is_explained_at_both_ends),
		cmocka_unit_test(who_is_refused_under_the_keys_gives_up_at_once),
		cmocka_unit_test(a_failed_signature_ends_the_attempt),
		cmocka_unit_test(certificates_are_sent_as_configured),
		cmocka_unit_test(rekeying_signs_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
