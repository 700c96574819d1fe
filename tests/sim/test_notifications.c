/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "notifications.h"

/*
 * Notifications between two engines: those about certificates, RFC 2408 sections 5.9, 5.10 and 5.12, and those inside
 * exchanges. The rest: misbehave/notifications_sent.c and notifications_received.c.
 */

/* Of the datagrams, the notifications in clear. */
static void
look(void *arg, struct sim *net, struct sim_packet *p)
{
	unsigned *in_clear = arg;

	(void)net;
	*in_clear += !p->keepalive && p->n >= 40 && p->data[18] == EXCHANGE_INFORMATIONAL && !(p->data[19] & FLAG_ENCRYPTION);
}

/* Bob refuses Alice's certificate, key or signature: she reads why under the keys, in the table's words, and gives up. */
static void
told(uint16_t type, const char *a, const char *b)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9 });
	struct sim_peer *alice = sim_peer(&net, a), *bob = sim_peer(&net, b);
	const struct notification *row = notification_find(type);
	unsigned in_clear = 0;
	uint64_t command;
	const char *text;

	sim_set_tap(&net, look, &in_clear);
	command = sim_initiate(alice, bob);
	sim_run(&net, SECONDS(400));
	text = sim_result(alice, command)->text;
	if (!strstr(text, row->name) || !strstr(text, notify_sentence_in(type, 1)))
		fail_msg("%s / %s: %s was expected, not: %s", a, b, row->name, text);
	EXPECT(row->sent & WAY_KEYS, type);
	EXPECT(in_clear == 0 && sim_verdicts(alice, "unprotected-notify") == 0, type);
	EXPECT(!sim_established(alice) && !sim_established(bob), type);
	EXPECT_SOUND(&net, type);
}

TEST(certificates_that_are_refused)
{
	told(NOTIFY_INVALID_CERT_ENCODING, "key=alice-rsa trust=bob-rsa send-cert=always cert-encoding=2",
	     "key=bob-rsa trust=alice-rsa");
	told(NOTIFY_INVALID_CERTIFICATE, "key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa judge=20");
	told(NOTIFY_INVALID_CERT_AUTHORITY, "key=alice-rsa trust=bob-rsa send-cert=always", "key=bob-rsa trust=bob-rsa");
	told(NOTIFY_INVALID_SIGNATURE, "id=alice.example.org key=alice-rsa trust=bob-rsa send-cert=never",
	     "key=bob-rsa trust=alice-ec256");
	told(NOTIFY_CERTIFICATE_UNAVAILABLE, "key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa key-once=1");
	told(NOTIFY_INVALID_ID_INFORMATION, "key=alice-rsa trust=bob-rsa", "rid=carol.example.org key=bob-rsa trust=alice-rsa");
}

/* RFC 2407 section 4.6.3.2: a responder without a replay window says so in message 2; with one it says nothing. */
TEST(who_does_not_check_for_replays_says_so)
{
	for (unsigned window = 0; window <= 32; window += 32) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 3 });
		struct sim_peer *alice = sim_peer(&net, "psk=swordfish"), *bob = sim_peer(&net, "psk=swordfish unloaded");
		struct conn *c = sim_conn(bob, "psk=swordfish");

		c->children[0].replay_window = window;
		sim_load(bob, c);
		conn_unref(c);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(10));
		EXPECT(sim_established(alice) && sim_established(bob), window);
		EXPECT((strstr(sim_reason_text(alice, "notify"), "REPLAY-STATUS") != NULL) == (window == 0), window);
		EXPECT(window || strstr(sim_reason_text(alice, "notify"), "It does not."), window);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_that_are_refused),
		cmocka_unit_test(who_does_not_check_for_replays_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
