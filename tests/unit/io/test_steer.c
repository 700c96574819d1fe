/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "own_netns.h"
#include "steer.h"
#include "steer_levels.h"

/* The interface of steering in a namespace of its own: what is in force after each step, also after refusals. */

static bool usable;
static int tun;

static int
set_up(void **state)
{
	(void)state;
	usable = own_netns_enter() && (tun = own_netns_tun("t0")) >= 0 &&
	         system("ip link set t0 up; ip addr add 10.1.0.1/16 dev t0") == 0;
	return 0;
}

static struct steer *
open_steer(void)
{
	struct steer_options o = { .tun_name = "t0", .tun_ifindex = if_nametoindex("t0") };
	char why[256] = "";
	struct steer *s;

	if (!usable)
		skip();
	s = steer_open(&o, why, sizeof why);
	if (!s)
		fail_msg("%s", why);
	return s;
}

static struct selector_pair
pair(const char *local, const char *remote)
{
	struct selector_pair p;
	const char *why;

	assert_true(selector_parse(&p.local, span_str(local), &why) && selector_parse(&p.remote, span_str(remote), &why));
	return p;
}

static bool
try_claim(struct steer *s, uint32_t reqid, const char *local, const char *remote, char *why, size_t why_size)
{
	struct selector_pair ts = pair(local, remote);
	struct claim c = { .reqid = reqid, .conn = "c", .child = "net", .ts = &ts, .n_ts = 1 };

	return steer_claim(s, &c, why, why_size);
}

static void
claim(struct steer *s, uint32_t reqid, const char *local, const char *remote)
{
	char why[256];

	if (!try_claim(s, reqid, local, remote, why, sizeof why))
		fail_msg("%s", why);
}

/* How many elements of the outbound sets contain the text; libnftables' own listing is the judge. */
static unsigned
listed(const char *text)
{
	char command[256];
	unsigned n = 0;
	FILE *p;

	snprintf(command, sizeof command,
	         "nft list ruleset | awk '/set out/ { o = 1 } /set in/ { o = 0 } o' | grep -o -F -e '%s' | wc -l", text);
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%u", &n), 1);
	pclose(p);
	return n;
}

static bool
nothing_is_left(void)
{
	return system("test -z \"$(nft list ruleset)\" -a $(ip rule | wc -l) = 3 -a -z \"$(ip route show table all proto "
	              "211)\"") == 0;
}

static void
claims_come_and_go(void **state)
{
	struct steer *s = open_steer();
	uint64_t n = 7;

	(void)state;
	claim(s, 1, "10.1.0.0/16", "10.2.0.0/16");
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16"), 1);
	assert_true(steer_dropped(s, 1, &n));
	assert_int_equal(n, 0);
	assert_false(steer_dropped(s, 2, &n));
	/* Replaced: the same again, another, both. */
	claim(s, 1, "10.1.0.0/16", "10.2.0.0/16");
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16"), 1);
	claim(s, 1, "10.1.0.0/16", "10.3.0.0/16");
	assert_int_equal(listed("10.2.0.0/16"), 0);
	assert_int_equal(listed("10.1.0.0/16 . 10.3.0.0/16"), 1);
	steer_release(s, 1);
	steer_release(s, 1);
	assert_int_equal(listed("10.3.0.0/16"), 0);
	steer_close(s);
	assert_true(nothing_is_left());
}

static void
what_is_refused_changes_nothing(void **state)
{
	struct steer *s = open_steer();
	struct selector_pair ts = pair("dynamic", "10.2.0.0/16");
	struct claim dynamic = { .reqid = 1, .conn = "c", .child = "net", .ts = &ts, .n_ts = 1 };
	char why[256] = "";

	(void)state;
	for (uint32_t i = 0; i < LEVELS_MAX; i++)
		claim(s, 100 + i, "10.1.0.0/16", "10.2.0.0/16");
	claim(s, 1, "10.1.0.0/16", "10.4.0.0/16");
	assert_false(try_claim(s, 1, "10.1.0.0/16", "10.2.0.0/16", why, sizeof why));
	assert_non_null(strstr(why, "overlap"));
	assert_int_equal(listed("10.1.0.0/16 . 10.4.0.0/16"), 1);
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16"), LEVELS_MAX);
	assert_false(steer_claim(s, &dynamic, why, sizeof why));
	assert_non_null(strstr(why, "dynamic"));
	assert_int_equal(listed("10.1.0.0/16 . 10.4.0.0/16"), 1);
	/* And it goes on working. */
	steer_release(s, 100);
	claim(s, 1, "10.1.0.0/16", "10.2.0.0/16");
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16"), LEVELS_MAX);
	assert_int_equal(listed("10.4.0.0/16"), 0);
	dynamic.local = ts.remote.lo;
	assert_true(steer_claim(s, &dynamic, why, sizeof why));
	assert_int_equal(listed("10.2.0.0 . 10.2.0.0/16"), 1);
	steer_close(s);
	assert_true(nothing_is_left());
}

/* More than the set for additions holds: they move on, and are found and released wherever they are. */
static void
hundreds_of_claims(void **state)
{
	struct steer *s = open_steer();
	char remote[32], local[32];

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(remote, sizeof remote, "10.%u.%u.0/24", 20 + i / 200, i % 200);
		claim(s, i, "10.1.0.0/16", remote);
	}
	assert_int_equal(listed("10.1.0.0/16 . 10.2"), 300);
	/* Wider ones below all of them, narrower ones above. */
	claim(s, 1000, "0.0.0.0/0", "0.0.0.0/0");
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(local, sizeof local, "10.1.0.%u", i + 1);
		claim(s, 2000 + i, local, "10.20.7.7");
	}
	assert_int_equal(listed("0.0.0.0/0 . 0.0.0.0/0"), 1);
	assert_int_equal(listed(" . 10.20.7.7"), 100);
	for (uint32_t i = 0; i < 300; i += 2)
		steer_release(s, i);
	assert_int_equal(listed("10.1.0.0/16 . 10.2"), 150);
	steer_close(s);
	assert_true(nothing_is_left());
}

static void
a_flushed_ruleset_is_made_anew(void **state)
{
	struct steer *s = open_steer();

	(void)state;
	claim(s, 1, "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]");
	assert_int_equal(system("nft flush ruleset"), 0);
	assert_int_equal(listed("10.2.0.0/16"), 0);
	assert_true(steer_fd(s) >= 0);
	steer_event(s);
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16 . tcp . 0-65535 . 80"), 1);
	/* Without the event a change fails at first, and makes all anew. */
	assert_int_equal(system("nft flush ruleset"), 0);
	claim(s, 2, "10.1.0.0/16", "10.3.0.0/16");
	assert_int_equal(listed("10.1.0.0/16 . 10.2.0.0/16 . tcp . 0-65535 . 80"), 1);
	assert_int_equal(listed("10.1.0.0/16 . 10.3.0.0/16"), 1);
	steer_close(s);
	assert_true(nothing_is_left());
}

static void
what_cannot_be_opened_says_why(void **state)
{
	struct steer_options o = { .tun_name = "nosuch0", .tun_ifindex = 9999 };
	char why[256] = "";
	bool found = true;

	(void)state;
	if (!usable)
		skip();
	assert_null(steer_open(&o, why, sizeof why));
	assert_non_null(strstr(why, "nosuch0"));
	assert_true(nothing_is_left());
	assert_true(steer_flush(&o, &found, why, sizeof why));
	assert_true(steer_flush(&o, &found, why, sizeof why) && !found);
	steer_close(NULL);
}

static void
questions_about_addresses(void **state)
{
	struct ip own = ip_from_v4(0x0a010001), other = ip_from_v4(0x0a010002), nowhere = ip_from_v4(0xcb007101), none = { 0 },
	          src;

	(void)state;
	if (!usable)
		skip();
	assert_true(steer_is_local(&own));
	assert_false(steer_is_local(&other) || steer_is_local(&none));
	assert_true(steer_source_address(&src, &other, STEER_BYPASS_MARK));
	assert_true(ip_equal(&src, &own));
	assert_false(steer_source_address(&src, &nowhere, 0) || steer_source_address(&src, &none, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_come_and_go),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(hundreds_of_claims),
		cmocka_unit_test(a_flushed_ruleset_is_made_anew),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(questions_about_addresses),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
