/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core_case.h"

/* What somebody is told who fits no connection, and that he is told nothing where a name may have moved to him. */

static void
load(const char *host, const char *address)
{
	struct conn *c = conn_new("carol");

	assert_non_null(c);
	c->version = IKE_V1;
	c->remote_addrs.a = calloc(1, sizeof *c->remote_addrs.a);
	assert_non_null(c->remote_addrs.a);
	c->remote_addrs.n = 1;
	if (host)
		c->remote_addrs.a[0].name = strdup(host);
	else
		assert_true(ip_parse(&c->remote_addrs.a[0].lo, address) && ip_parse(&c->remote_addrs.a[0].hi, address));
	command((struct command) { .kind = COMMAND_LOAD, .conn = c });
	conn_unref(c);
}

/* Datagrams that the header of a message 1 of Main Mode from elsewhere brings about. */
static unsigned
told(void)
{
	/* No answer in clear is larger than what it answers. */
	uint8_t octets[100] = { [0] = 1, [16] = 1, [17] = 0x10, [18] = EXCHANGE_MAIN, [27] = sizeof octets };
	struct datagram in = { .data = span_of(octets, sizeof octets), .local.port = 500, .remote.port = 500 };
	unsigned sent = 0;

	assert_true(ip_parse(&in.local.ip, "198.51.100.1") && ip_parse(&in.remote.ip, "192.0.2.200"));
	ike_receive(core, SECONDS(5), &in, &fx);
	assert_int_equal(core->verdicts[VERDICT_NO_CONNECTION], 1);
	for (size_t i = 0; i < fx.n; i++)
		sent += fx.e[i].kind == EFFECT_SEND;
	effects_clear(&fx);
	return sent;
}

static void
a_stranger_is_told(void **state)
{
	(void)state;
	load(NULL, "192.0.2.1");
	assert_int_equal(told(), 1);
}

static void
who_may_be_behind_a_name_is_not(void **state)
{
	(void)state;
	load("carol.example.org", NULL);
	assert_int_equal(told(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stranger_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_be_behind_a_name_is_not, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
