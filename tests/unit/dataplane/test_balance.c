/* SPDX-License-Identifier: Apache-2.0 */
/* An outbound SA goes to an idle worker and home again, and the peer cannot tell. */
#include "check.h"

#include <stdlib.h>

#include "dp_case.h"

enum { SPI = 0x1001, CHILD = 50, HOME = 1, AWAY = 0, PEER_SPI = 0x3001 };

struct fixture {
	struct dp_case a, b;
	uint64_t queue[TUN_STEER_BUCKETS];
	uint8_t packet[DP_CASE_PACKET_MAX], got[DP_CASE_PACKET_MAX];
	uint8_t seed, seen;
};

static void
install(struct dp_case *c, struct sa_params p, uint32_t child_id)
{
	const char *why = "";

	p.child_id = child_id;
	if (!dataplane_install(&c->dp, &p, &why))
		fail_msg("%s", why);
}

/* Gateway a has two workers; the tunnel's home is worker 1. */
static int
open_tunnel(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	dp_case_open(&f->a, 1, 2, false);
	dp_case_open(&f->b, 2, 1, false);
	memset(f->queue, 0xff, sizeof f->queue);
	f->a.dp.shared.steer.queue = f->queue;
	f->a.worker[0].balances = f->a.worker[1].balances = true;
	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	install(&f->a, dp_case_sa(&f->a, &f->b, SA_INBOUND, PEER_SPI, 77), CHILD);
	install(&f->a, dp_case_sa(&f->a, &f->b, SA_OUTBOUND, SPI, 1), CHILD);
	install(&f->b, dp_case_sa(&f->b, &f->a, SA_INBOUND, SPI, 1), CHILD);
	*state = f;
	return 0;
}

static int
close_tunnel(void **state)
{
	struct fixture *f = *state;

	f->a.dp.shared.steer.queue = NULL;
	dp_case_close(&f->a);
	dp_case_close(&f->b);
	free(f);
	return 0;
}

static struct control_sa *
the_sa(struct fixture *f)
{
	return control_sa_find(&f->a.dp, SA_OUTBOUND, SPI, CHILD);
}

/* The figures that a worker publishes, which may be running. */
static void
set_load(struct fixture *f, unsigned worker, int in, int out)
{
	struct load *l = &f->a.worker[worker].load;

	l->share[SA_INBOUND] = in;
	l->share[SA_OUTBOUND] = out;
	l->large = LOAD_WHOLE;
	l->until = boottime();
}

static void
told(struct fixture *f, unsigned home_in, unsigned home_out, unsigned away_out)
{
	struct dataplane_event e = { .spi = SPI, .child_id = CHILD };

	set_load(f, HOME, (int)home_in, (int)home_out);
	set_load(f, AWAY, 0, (int)away_out);
	balance(&f->a.dp, &e);
}

/* As if it had stayed long enough. */
static void
may_move(struct fixture *f)
{
	the_sa(f)->stays_until = 0;
	f->a.dp.next_move = 0;
}

static void
go_away(struct fixture *f)
{
	may_move(f);
	told(f, 200, 700, 0);
	assert_int_equal(the_sa(f)->owner, AWAY);
}

static void
go_home(struct fixture *f)
{
	may_move(f);
	told(f, 50, 0, 100);
	assert_int_equal(the_sa(f)->owner, HOME);
}

static void
route(struct fixture *f, unsigned reader, unsigned n)
{
	while (n--)
		dp_case_route(&f->a, reader, NULL, f->packet, dp_case_packet(f->packet, 1, 2, 64, f->seed++));
}

/* Everything routed so far comes out at the peer, in its order. */
static void
all_arrive(struct fixture *f)
{
	dp_case_turn(&f->a);
	dp_case_turn(&f->b);
	while (f->seen != f->seed) {
		size_t n = dp_case_packet(f->packet, 1, 2, 64, f->seen++);

		assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), n);
		assert_memory_equal(f->got, f->packet, n);
	}
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), 0);
	for (unsigned why = ESP_DROP_NONE + 1; why < ESP_DROP_COUNT; why++) {
		assert_int_equal(dp_case_drops(&f->a, (enum esp_drop)why), 0);
		assert_int_equal(dp_case_drops(&f->b, (enum esp_drop)why), 0);
	}
}

static void
it_goes_and_comes_back_and_its_numbers_go_on(void **state)
{
	struct fixture *f = *state;
	struct dataplane_counters c;
	struct sa_usage u;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned reader = 0; reader < 2; reader++)
			route(f, reader, 3), all_arrive(f);
		go_away(f);
		assert_int_equal(f->a.worker[AWAY].guests, 1);
		for (unsigned reader = 0; reader < 2; reader++)
			route(f, reader, 3), all_arrive(f);
		go_home(f);
		assert_int_equal(f->a.worker[AWAY].guests, 0);
	}
	assert_int_equal(the_sa(f)->sa->seq, 36);
	assert_true(dataplane_usage(&f->a.dp, SA_OUTBOUND, SPI, CHILD, &u));
	assert_int_equal(u.packets, 36);
	dataplane_counters(&f->a.dp, &c);
	assert_int_equal(c.moved, 6);
	assert_int_equal(esp_sa_count(f->a.worker[AWAY].esp), 0);
	assert_int_equal(esp_sa_count(f->a.worker[HOME].esp), 2);
}

/* Neither what lies in the old owner's queue nor what is in a ring between the workers is lost, late or sent twice. */
static void
what_is_on_its_way_goes_first(void **state)
{
	struct fixture *f = *state;

	route(f, HOME, 5);
	route(f, AWAY, 5);
	outbound_read(&f->a.worker[AWAY]);
	go_away(f);
	/* The five that were handed over were first in the ring. */
	dp_case_turn(&f->b);
	f->seen = 5;
	for (unsigned i = 0; i < 5; i++)
		assert_true(dp_case_delivered(&f->b, 0, NULL, f->got) > 0);
	f->seed = 5;
	f->seen = 0;
	all_arrive(f);
	assert_int_equal(the_sa(f)->sa->seq, 10);
}

/* The flows that were in the queue come to the new owner from then on. */
static void
the_device_learns_the_new_owner(void **state)
{
	struct fixture *f = *state;
	uint32_t bucket = tun_steer_bucket(span_of(f->packet, dp_case_packet(f->packet, 1, 2, 64, 0)));
	struct dataplane_counters c;

	route(f, HOME, 1);
	go_away(f);
	assert_int_equal(f->queue[bucket], AWAY);
	for (unsigned i = 0; i < TUN_STEER_BUCKETS; i++)
		assert_true(i == bucket || f->queue[i] == UINT64_MAX);
	dataplane_counters(&f->a.dp, &c);
	assert_int_equal(c.handed_over, 0);
}

static void
it_stays_where_there_is_no_reason_to_go(void **state)
{
	static const struct {
		unsigned in, out, other;
	} at_home[] = { { 0, 990, 0 }, { 990, 0, 0 }, { 100, 400, 0 }, { 200, 700, 400 } },
	  away[] = { { 200, 0, 700 }, { 600, 0, 200 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof at_home / sizeof *at_home; i++) {
		may_move(f);
		told(f, at_home[i].in, at_home[i].out, at_home[i].other);
		assert_int_equal(the_sa(f)->owner, HOME);
	}
	go_away(f);
	for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
		may_move(f);
		told(f, away[i].in, away[i].out, away[i].other);
		assert_int_equal(the_sa(f)->owner, AWAY);
	}
}

static void
it_does_not_go_to_and_fro(void **state)
{
	struct fixture *f = *state;

	go_away(f);
	f->a.dp.next_move = 0;
	told(f, 0, 0, 0);
	assert_int_equal(the_sa(f)->owner, AWAY);
	/* Nor do all of them together stand still too often. */
	may_move(f);
	f->a.dp.next_move = boottime() + SECONDS(5);
	told(f, 0, 0, 0);
	assert_int_equal(the_sa(f)->owner, AWAY);
}

static void
news_of_an_sa_that_is_gone_is_nothing(void **state)
{
	struct fixture *f = *state;
	struct dataplane_event e = { .spi = SPI, .child_id = CHILD };

	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, SPI, CHILD));
	balance(&f->a.dp, &e);
	assert_int_equal(f->a.dp.moved, 0);
}

static void
what_is_away_can_be_updated_and_removed(void **state)
{
	struct fixture *f = *state;
	struct endpoint moved = f->b.self;

	go_away(f);
	moved.port = 4711;
	assert_true(dataplane_update(&f->a.dp, SA_OUTBOUND, SPI, CHILD, &f->a.self, &moved));
	assert_true(dataplane_update(&f->a.dp, SA_OUTBOUND, SPI, CHILD, &f->a.self, &f->b.self));
	route(f, AWAY, 2);
	all_arrive(f);
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, SPI, CHILD));
	assert_int_equal(f->a.worker[AWAY].guests, 0);
	assert_int_equal(esp_sa_count(f->a.worker[AWAY].esp), 0);
}

/* The new SA of a rekeying takes the place of the old one; its home is where its replies come in. */
static void
a_successor_follows(void **state)
{
	struct fixture *f = *state;

	go_away(f);
	install(&f->a, dp_case_sa(&f->a, &f->b, SA_INBOUND, PEER_SPI + 2, 78), CHILD + 1);
	install(&f->a, dp_case_sa(&f->a, &f->b, SA_OUTBOUND, SPI + 2, 2), CHILD + 1);
	install(&f->b, dp_case_sa(&f->b, &f->a, SA_INBOUND, SPI + 2, 2), CHILD + 1);
	assert_int_equal(control_sa_find(&f->a.dp, SA_OUTBOUND, SPI + 2, CHILD + 1)->owner, AWAY);
	assert_int_equal(control_sa_find(&f->a.dp, SA_OUTBOUND, SPI + 2, CHILD + 1)->home, HOME);
	assert_int_equal(f->a.worker[AWAY].guests, 2);
	assert_true(dataplane_remove(&f->a.dp, SA_OUTBOUND, SPI, CHILD));
	assert_int_equal(f->a.worker[AWAY].guests, 1);
	route(f, AWAY, 2);
	all_arrive(f);
}

/* With running workers, and packets at both queues all the while. */
static void
running_workers_move_it_too(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++)
		assert_true(worker_start(&f->a.worker[i]));
	for (unsigned round = 0; round < 20; round++) {
		route(f, HOME, 5);
		may_move(f);
		/* The workers' own figures may come between: then it stays for this round. */
		told(f, 200, 700, 0);
		route(f, AWAY, 5);
		may_move(f);
		told(f, 50, 0, 100);
	}
	for (unsigned i = 0; i < 2; i++)
		worker_stop(&f->a.worker[i]);
	dp_case_turn(&f->a);
	assert_int_equal(the_sa(f)->sa->seq, 200);
	assert_true(f->a.dp.moved > 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_tunnel, close_tunnel)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_goes_and_comes_back_and_its_numbers_go_on),
		TEST(what_is_on_its_way_goes_first),
		TEST(the_device_learns_the_new_owner),
		TEST(it_stays_where_there_is_no_reason_to_go),
		TEST(it_does_not_go_to_and_fro),
		TEST(news_of_an_sa_that_is_gone_is_nothing),
		TEST(what_is_away_can_be_updated_and_removed),
		TEST(a_successor_follows),
		TEST(running_workers_move_it_too),
	};

	return cmocka_run_group_tests_name("dataplane balance", tests, NULL, NULL);
}
