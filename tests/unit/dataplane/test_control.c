/* SPDX-License-Identifier: Apache-2.0 */
/* What the control thread may ask for, and which worker gets it. */
#include "check.h"

#include <stdlib.h>

#include "dp_case.h"

struct fixture {
	struct dp_case a, b;
	uint8_t packet[DP_CASE_PACKET_MAX], got[DP_CASE_PACKET_MAX];
	struct dataplane_event event;
};

static int
open_two_workers(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	dp_case_open(&f->a, 1, 2, false);
	dp_case_open(&f->b, 2, 1, false);
	*state = f;
	return 0;
}

static int
close_both(void **state)
{
	struct fixture *f = *state;

	dp_case_close(&f->a);
	dp_case_close(&f->b);
	free(f);
	return 0;
}

static const char *
refused(struct fixture *f, const struct sa_params *p)
{
	const char *why = NULL;

	assert_false(dataplane_install(&f->a.dp, p, &why));
	assert_non_null(why);
	return why;
}

static void
installed(struct fixture *f, const struct sa_params *p)
{
	const char *why = "";

	if (!dataplane_install(&f->a.dp, p, &why))
		fail_msg("%s", why);
}

static void
keys_are_installed_once_only(void **state)
{
	struct fixture *f = *state;
	struct sa_params p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);

	installed(f, &p);
	p.spi = 0x1002;
	assert_non_null(strstr(refused(f, &p), "installed before"));
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, 0x1001, 1));
	p.spi = 0x1001;
	assert_non_null(strstr(refused(f, &p), "installed before"));
}

static void
what_cannot_work_is_refused_with_its_reason(void **state)
{
	struct fixture *f = *state;
	struct sa_params p = dp_case_sa(&f->a, &f->b, SA_INBOUND, 0x1001, 1);

	installed(f, &p);
	p = dp_case_sa(&f->a, &f->b, SA_INBOUND, 0x1001, 2);
	assert_non_null(strstr(refused(f, &p), "this SPI"));
	p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1003, 3);
	p.udp_encap = false;
	assert_non_null(strstr(refused(f, &p), "raw socket"));
	p.local.ip = ip_from_v4(0);
	assert_non_null(strstr(refused(f, &p), "local address"));
	p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1004, 4);
	p.remote.ip.family = IP_V6;
	assert_non_null(strstr(refused(f, &p), "IPv6"));
	p.remote.ip.family = IP_NONE;
	assert_non_null(strstr(refused(f, &p), "remote address"));
	p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1005, 5);
	p.encr.id = 77;
	refused(f, &p);
	p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1006, 6);
	p.encr_key.n = 35;
	refused(f, &p);
	/* Nothing of all that stays behind. */
	assert_int_equal(f->a.dp.sas.n, 1);
	assert_int_equal(f->a.dp.policies.n, 0);
	assert_int_equal(f->a.worker[0].policies.n_slots ? f->a.worker[0].policies.slot[0].n_sa : 0, 0);
}

/* Inbound: SPI mod workers, as the kernel steers. Outbound: beside the inbound SA of the pair. */
static void
each_sa_has_the_owner_that_its_packets_reach(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 8; i++) {
		struct sa_params in = dp_case_sa(&f->a, &f->b, SA_INBOUND, 0x1000 + i, (uint8_t)(10 + i));

		in.child_id = 100 + i;
		in.reqid = 1 + i;
		installed(f, &in);
		assert_non_null(esp_sa_find(f->a.worker[i % 2].esp, SA_INBOUND, in.spi, NULL));
		assert_null(esp_sa_find(f->a.worker[(i + 1) % 2].esp, SA_INBOUND, in.spi, NULL));

		struct sa_params out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x2000, (uint8_t)(30 + i));

		out.spi = 0x2000 + i * 2;
		out.child_id = 100 + i;
		out.reqid = 1 + i;
		installed(f, &out);
		assert_non_null(esp_sa_find(f->a.worker[i % 2].esp, SA_OUTBOUND, out.spi, &out.remote));
	}
}

/* Whichever worker reads the packet, its SA's owner sends it. */
static void
packets_at_the_wrong_worker_are_handed_over(void **state)
{
	struct fixture *f = *state;
	struct dataplane_counters c;
	const char *why;
	size_t n = 0;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	for (unsigned spi = 0x1000; spi < 0x1002; spi++) {
		struct sa_params in = dp_case_sa(&f->b, &f->a, SA_INBOUND, spi, (uint8_t)spi);

		assert_true(dataplane_install(&f->b.dp, &in, &why));
	}
	for (uint32_t owner = 0; owner < 2; owner++) {
		struct sa_params in = dp_case_sa(&f->a, &f->b, SA_INBOUND, 0x3000 + owner, 77);
		struct sa_params out;

		in.child_id = 50 + owner;
		installed(f, &in);
		out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1000 + owner, (uint8_t)(0x1000 + owner));
		out.child_id = 50 + owner;
		installed(f, &out);
		for (unsigned reader = 0; reader < 2; reader++) {
			n = dp_case_packet(f->packet, 1, 2, 64, (uint8_t)(owner * 2 + reader));
			dp_case_route(&f->a, reader, NULL, f->packet, n);
			dp_case_turn(&f->a);
			dp_case_turn(&f->b);
			assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), n);
			assert_memory_equal(f->got, f->packet, n);
		}
		assert_int_equal(esp_sa_find(f->a.worker[owner].esp, SA_OUTBOUND, 0x1000 + owner, &f->b.self)->packets, 2);
	}
	dataplane_counters(&f->a.dp, &c);
	assert_int_equal(c.handed_over, 2);
}

/* The device holds what finds no room in the ring to the owner, who is slow: nothing is lost. */
static void
more_than_can_be_handed_over_waits(void **state)
{
	enum { ROUNDS = 3, PACKETS = 30, LARGE = 60000 };
	struct fixture *f = *state;
	size_t n = dp_case_packet(f->packet, 1, 2, LARGE, 0);
	struct sa_params out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	const struct esp_sa *sa;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	installed(f, &out);
	sa = esp_sa_find(f->a.worker[1].esp, SA_OUTBOUND, 0x1001, &f->b.self);
	assert_non_null(sa);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < PACKETS; i++)
			dp_case_route(&f->a, 0, NULL, f->packet, n);
		for (unsigned turn = 0; turn < PACKETS; turn++)
			outbound_read(&f->a.worker[0]);
	}
	assert_true(f->a.worker[0].no_room);
	for (unsigned turn = 0; turn < ROUNDS * PACKETS; turn++)
		dp_case_turn(&f->a);
	assert_false(f->a.worker[0].no_room);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_SEND), 0);
	assert_int_equal(sa->packets, ROUNDS * PACKETS);
}

/* A packet in the ring of an SA's owner is dealt with before that SA goes. */
static void
removal_waits_for_what_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	struct sa_params out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	struct sa_params in = dp_case_sa(&f->a, &f->b, SA_INBOUND, 0x3000, 2);
	const char *why;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	installed(f, &in);
	out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	installed(f, &out);
	struct sa_params peer = dp_case_sa(&f->b, &f->a, SA_INBOUND, 0x1001, 1);

	assert_true(dataplane_install(&f->b.dp, &peer, &why));
	for (unsigned i = 0; i < 2; i++)
		assert_true(worker_start(&f->a.worker[i]));
	for (unsigned i = 0; i < 200; i++)
		dp_case_route(&f->a, 1, NULL, f->packet, dp_case_packet(f->packet, 1, 2, 64, (uint8_t)i));
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, 0x1001, 1));
	assert_false(dataplane_remove(&f->a.dp, SA_OUTBOUND, 0x1001, 1));
	for (unsigned i = 0; i < 2; i++)
		worker_stop(&f->a.worker[i]);
}

static void
an_update_moves_the_sa_to_its_new_ends(void **state)
{
	struct fixture *f = *state;
	struct sa_params out = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	struct endpoint moved = f->b.self;
	struct sa_usage u;

	installed(f, &out);
	moved.port = 4711;
	assert_true(dataplane_update(&f->a.dp, SA_OUTBOUND, 0x1001, 1, &f->a.self, &moved));
	assert_true(dataplane_usage(&f->a.dp, SA_OUTBOUND, 0x1001, 1, &u));
	assert_false(dataplane_update(&f->a.dp, SA_OUTBOUND, 0x9999, 1, &f->a.self, &moved));
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, 0x1001, 1));
}

/* Outbound SPIs are the peers' own numbers: two peers may choose the same. */
static void
two_peers_may_choose_the_same_spi(void **state)
{
	struct fixture *f = *state;
	struct sa_params one = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1), two;
	struct esp_sa *first;

	installed(f, &one);
	two = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 2);
	two.remote.ip.b[3] = 99;
	two.child_id = 2;
	installed(f, &two);
	first = esp_sa_find(f->a.worker[1].esp, SA_OUTBOUND, 0x1001, &one.remote);
	assert_non_null(first);
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, 0x1001, two.child_id));
	assert_ptr_equal(esp_sa_find(f->a.worker[1].esp, SA_OUTBOUND, 0x1001, &one.remote), first);
	assert_null(esp_sa_find(f->a.worker[1].esp, SA_OUTBOUND, 0x1001, &two.remote));
}

static void
slots_of_policies_are_used_again(void **state)
{
	struct fixture *f = *state;

	for (uint32_t round = 0; round < 50; round++) {
		for (uint32_t reqid = 1; reqid <= 20; reqid++)
			assert_true(dp_case_claim(&f->a, round * 100 + reqid, 1, 2, false));
		for (uint32_t reqid = 1; reqid <= 20; reqid++)
			dataplane_release(&f->a.dp, round * 100 + reqid);
	}
	assert_int_equal(f->a.dp.policies.n, 0);
	assert_int_equal(f->a.dp.n_slots, 20);
	dataplane_release(&f->a.dp, 4242);
}

static void
a_dynamic_selector_is_no_claim(void **state)
{
	struct fixture *f = *state;
	struct selector_pair ts = { 0 };
	struct claim c = { .reqid = 5, .ts = &ts, .n_ts = 1 };

	assert_false(dataplane_claim(&f->a.dp, &c));
	assert_int_equal(f->a.dp.policies.n, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_two_workers, close_both)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_installed_once_only),
		TEST(what_cannot_work_is_refused_with_its_reason),
		TEST(each_sa_has_the_owner_that_its_packets_reach),
		TEST(packets_at_the_wrong_worker_are_handed_over),
		TEST(more_than_can_be_handed_over_waits),
		TEST(removal_waits_for_what_is_on_its_way),
		TEST(an_update_moves_the_sa_to_its_new_ends),
		TEST(two_peers_may_choose_the_same_spi),
		TEST(slots_of_policies_are_used_again),
		TEST(a_dynamic_selector_is_no_claim),
	};

	return cmocka_run_group_tests_name("dataplane control", tests, NULL, NULL);
}
