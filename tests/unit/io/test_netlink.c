/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "netlink.h"
#include "own_netns.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool usable;
static int tun;
static struct netlink nl;

static struct ip
ip(const char *text)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return a;
}

static int
set_up(void **state)
{
	(void)state;
	usable = own_netns_enter() && (tun = own_netns_tun("t0")) >= 0;
	return netlink_open(&nl);
}

static int
tear_down(void **state)
{
	(void)state;
	netlink_close(&nl);
	return 0;
}

static unsigned
device(void)
{
	if (!usable)
		skip();
	return if_nametoindex("t0");
}

static void
give_address(const char *text)
{
	char command[128];

	snprintf(command, sizeof command, "ip addr replace %s dev t0%s", text, strchr(text, ':') ? " nodad" : "");
	assert_int_equal(system(command), 0);
}

static bool
lookup_finds(const char *to, uint32_t mark, const char *source)
{
	struct ip dst = ip(to), src;
	char out[IP_TEXT_MAX];
	bool local;

	if (netlink_lookup(&nl, &dst, mark, &src, &local) != 0)
		return source == NULL;
	return source && strcmp(ip_format(out, &src), source) == 0;
}

static void
links_come_up(void **state)
{
	unsigned index = device();

	(void)state;
	assert_int_equal(netlink_link_up(&nl, index), 0);
	assert_int_equal(netlink_link_up(&nl, index), 0);
	assert_int_equal(netlink_link_up(&nl, 9999), ENODEV);
}

static void
addresses_are_those_one_may_send_from(void **state)
{
	struct address_list l = { 0 };
	struct ip dummy = ip("192.0.0.8");
	bool v4 = false, v6 = false;

	(void)state;
	assert_int_equal(netlink_link_up(&nl, device()), 0);
	give_address("10.1.0.1/16");
	give_address("fd01::1/64");
	give_address("169.254.1.1/16");
	assert_int_equal(netlink_host_address_add(&nl, device(), &dummy), 0);
	assert_int_equal(netlink_host_address_add(&nl, device(), &dummy), 0);
	assert_int_equal(netlink_addresses(&nl, &l), 0);
	assert_int_equal(l.n, 2);
	for (size_t i = 0; i < l.n; i++) {
		struct ip a4 = ip("10.1.0.1"), a6 = ip("fd01::1");

		v4 = v4 || ip_equal(&l.a[i], &a4);
		v6 = v6 || ip_equal(&l.a[i], &a6);
	}
	assert_true(v4 && v6);
	address_list_free(&l);
}

static void
routes_come_are_replaced_and_go(void **state)
{
	struct netlink_route r = { .to = { ip("203.0.113.0"), 24 }, .table = 254, .ifindex = device() }, behind = r;

	(void)state;
	give_address("10.1.0.1/16");
	give_address("10.3.0.1/16");
	r.src = ip("10.1.0.1");
	behind.ifindex = 0;
	assert_true(lookup_finds("203.0.113.5", 0, NULL));
	assert_int_equal(netlink_route_set(&nl, &r), 0);
	assert_true(lookup_finds("203.0.113.5", 0, "10.1.0.1"));
	r.src = ip("10.3.0.1");
	assert_int_equal(netlink_route_set(&nl, &r), 0);
	assert_true(lookup_finds("203.0.113.5", 0, "10.3.0.1"));
	assert_int_equal(netlink_route_set(&nl, &behind), 0);
	assert_true(lookup_finds("203.0.113.5", 0, "10.3.0.1"));
	/* The source does not matter when it goes. */
	r.src = ip("10.1.0.1");
	assert_int_equal(netlink_route_delete(&nl, &r), 0);
	assert_true(lookup_finds("203.0.113.5", 0, NULL));
	assert_int_equal(netlink_route_delete(&nl, &behind), 0);
	assert_int_equal(netlink_route_delete(&nl, &behind), ESRCH);
	r.src = ip("10.99.0.1");
	assert_int_equal(netlink_route_set(&nl, &r), EINVAL);
}

static void
rules_lead_marks_to_tables(void **state)
{
	struct netlink_route r = { .to = { ip("203.0.113.0"), 24 }, .table = 700, .ifindex = device(), .src = ip("10.1.0.1") };
	struct netlink_rule rule = {
		.family = IP_V4, .priority = 700, .table = 700, .mark = 4, .mark_mask = 12, .suppress_prefix = -1
	};

	(void)state;
	give_address("10.1.0.1/16");
	assert_int_equal(netlink_route_set(&nl, &r), 0);
	assert_int_equal(netlink_rule_add(&nl, &rule), 0);
	/* Again is no mistake. */
	assert_int_equal(netlink_rule_add(&nl, &rule), 0);
	assert_true(lookup_finds("203.0.113.5", 4, "10.1.0.1"));
	assert_true(lookup_finds("203.0.113.5", 0xf4, NULL) || lookup_finds("203.0.113.5", 0xf4, "10.1.0.1"));
	assert_true(lookup_finds("203.0.113.5", 8, NULL));
	assert_true(lookup_finds("203.0.113.5", 12, NULL));
	assert_int_equal(netlink_rule_delete(&nl, &rule), 0);
	assert_true(lookup_finds("203.0.113.5", 4, NULL));
	assert_int_equal(netlink_rule_delete(&nl, &rule), ENOENT);
	assert_int_equal(netlink_route_delete(&nl, &r), 0);
}

static void
rules_for_lookups_without_a_source(void **state)
{
	struct netlink_route r4 = { .to = { ip("203.0.113.0"), 24 }, .table = 701, .ifindex = device(), .src = ip("10.1.0.1") };
	struct netlink_route r6 = {
		.to = { ip("2001:db8::"), 32 }, .table = 701, .ifindex = device(), .src = ip("fd01::1"), .sourceless = true
	};
	struct netlink_rule r = {
		.family = IP_V4, .priority = 701, .table = 701, .from_device = "lo", .sourceless = true, .suppress_prefix = -1
	};

	(void)state;
	give_address("10.1.0.1/16");
	give_address("fd01::1/64");
	assert_int_equal(netlink_route_set(&nl, &r4), 0);
	assert_int_equal(netlink_rule_add(&nl, &r), 0);
	assert_true(lookup_finds("203.0.113.5", 0, "10.1.0.1"));
	assert_int_not_equal(system("ip route get 203.0.113.5 from 10.1.0.1 >/dev/null 2>&1"), 0);
	assert_int_equal(netlink_rule_delete(&nl, &r), 0);
	r.family = IP_V6;
	assert_int_equal(netlink_route_set(&nl, &r6), 0);
	assert_int_equal(netlink_rule_add(&nl, &r), 0);
	assert_true(lookup_finds("2001:db8::5", 0, "fd01::1"));
	assert_int_not_equal(system("ip -6 route get 2001:db8::5 from fd01::1 >/dev/null 2>&1"), 0);
	assert_int_equal(netlink_rule_delete(&nl, &r), 0);
	assert_int_equal(netlink_route_delete(&nl, &r4), 0);
	assert_int_equal(netlink_route_delete(&nl, &r6), 0);
}

static void
flushing_takes_what_is_ours_and_nothing_else(void **state)
{
	struct netlink_rule r = { .family = IP_V4, .action = RULE_NOP, .suppress_prefix = -1 };
	struct netlink_route route = { .table = 750, .ifindex = device() };

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		route.to = (struct prefix) { ip_from_v4(0x14000000 + (i << 8)), 24 };
		assert_int_equal(netlink_route_set(&nl, &route), 0);
	}
	for (r.priority = 750; r.priority < 760; r.priority++)
		assert_int_equal(netlink_rule_add(&nl, &r), 0);
	assert_int_equal(system("ip route add 198.51.100.0/24 dev t0 table 750; ip rule add pref 755 from 10.9.9.9 lookup 750"),
	                 0);
	assert_int_equal(netlink_routes_flush(&nl, 740, 749), 0);
	assert_int_equal(system("test $(ip route show table 750 | wc -l) = 2001"), 0);
	assert_int_equal(netlink_routes_flush(&nl, 740, 750), 0);
	assert_int_equal(system("test $(ip route show table 750 | wc -l) = 1"), 0);
	assert_int_equal(netlink_rules_flush(&nl, 751, 759, 750, 750), 0);
	assert_int_equal(system("test $(ip rule | grep -c '^75') = 2"), 0);
	assert_int_equal(netlink_rules_flush(&nl, 750, 750, 750, 750), 0);
	assert_int_equal(system("ip rule del pref 755"), 0);
}

/* Somebody who changes addresses all the time, until the pipe to him closes. */
static void
change_addresses(int until)
{
	struct ip a = ip("10.30.0.1");
	struct pollfd closed = { .fd = until };
	struct netlink own;

	if (netlink_open(&own) == 0)
		while (poll(&closed, 1, 20) == 0) {
			netlink_address_add(&own, device(), &a);
			netlink_address_delete(&own, device(), &a);
		}
	_exit(0);
}

/* A dump that a change interrupts is asked for again, and nothing of it is taken for the answer to what comes next. */
static void
answers_belong_to_their_questions(void **state)
{
	enum { ADDRESSES = 800, DUMPS = 50 };
	unsigned index = device();
	int until[2];
	pid_t child;

	(void)state;
	assert_int_equal(netlink_link_up(&nl, index), 0);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		struct ip a = ip_from_v4(0x0a140000 + i);

		assert_int_equal(netlink_address_add(&nl, index, &a), 0);
	}
	assert_int_equal(pipe(until), 0);
	child = fork();
	if (child == 0) {
		close(until[1]);
		change_addresses(until[0]);
	}
	for (unsigned i = 0; i < DUMPS; i++) {
		struct address_list l = { 0 };

		assert_int_equal(netlink_addresses(&nl, &l), 0);
		assert_true(l.n >= ADDRESSES);
		address_list_free(&l);
	}
	close(until[0]);
	close(until[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(netlink_link_up(&nl, 9999), ENODEV);
}

static int
out_of_memory(const struct nlmsghdr *h, void *arg)
{
	(void)h, (void)arg;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

/* Who stops reading in the middle does not read the rest instead of his next answer. */
static void
a_reader_that_gives_up_can_ask_again(void **state)
{
	struct address_list l = { 0 };

	(void)state;
	device();
	assert_int_equal(netlink_dump(&nl, RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), out_of_memory, NULL), ENOMEM);
	assert_int_equal(netlink_link_up(&nl, 9999), ENODEV);
	assert_int_equal(netlink_addresses(&nl, &l), 0);
	assert_true(l.n > 0);
	address_list_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_come_up),
		cmocka_unit_test(addresses_are_those_one_may_send_from),
		cmocka_unit_test(routes_come_are_replaced_and_go),
		cmocka_unit_test(rules_lead_marks_to_tables),
		cmocka_unit_test(rules_for_lookups_without_a_source),
		cmocka_unit_test(flushing_takes_what_is_ours_and_nothing_else),
		cmocka_unit_test(answers_belong_to_their_questions),
		cmocka_unit_test(a_reader_that_gives_up_can_ask_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
