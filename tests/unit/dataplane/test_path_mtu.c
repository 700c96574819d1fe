/* SPDX-License-Identifier: Apache-2.0 */
/* The path grew narrow, or the peer moved: what the data plane does of itself, between two of them in one process. */
#include "check.h"

#include <stdlib.h>

#include "dp_case.h"
#include "pmtu.h"

enum { NARROW = 700, LARGE = 1200, IPV4_HEADER_OCTETS = 20 };

struct fixture {
	struct dp_case a, b;
	uint8_t packet[DP_CASE_PACKET_MAX], got[DP_CASE_PACKET_MAX];
	struct dataplane_event event;
};

static int
open_two(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	dp_case_open(&f->a, 1, 1, false);
	dp_case_open(&f->b, 2, 1, false);
	assert_true(dp_case_claim(&f->a, 1, 1, 2, true) && dp_case_claim(&f->b, 1, 2, 1, true));
	dp_case_install(&f->a, &f->b, 0x1001, 1);
	dp_case_install(&f->b, &f->a, 0x1002, 2);
	*state = f;
	return 0;
}

static int
close_two(void **state)
{
	struct fixture *f = *state;

	dp_case_close(&f->a);
	dp_case_close(&f->b);
	free(f);
	return 0;
}

/* What the kernel would say of the path; it was asked just now, and is not again for ten seconds. */
static struct esp_sa *
narrow_path(struct dp_case *c)
{
	const struct policies *p = &c->worker[0].policies;
	struct esp_sa *sa = NULL;

	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slot[i].n_sa)
			sa = p->slot[i].sa[0].sa;
	assert_non_null(sa);
	sa->path->mtu = NARROW;
	return sa;
}

static void
allow_fragments(uint8_t *packet)
{
	/* RFC 1624: DF goes, the checksum grows by as much. */
	uint32_t sum = get_be16(packet + 10) + 0x4000u;

	packet[6] &= (uint8_t)~0x40;
	put_be16(packet + 10, (uint16_t)((sum & 0xffff) + (sum >> 16)));
}

/* RFC 4301 section 8.2.1: with DF the sender is told how large its packets may be, through the TUN device. */
static void
a_packet_with_df_is_answered(void **state)
{
	struct fixture *f = *state;
	uint32_t largest = pmtu_advertised(narrow_path(&f->a), 4);
	struct dataplane_counters c;
	size_t n;

	dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, LARGE, 1));
	dp_case_turn(&f->a);
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), 0);
	n = dp_case_delivered(&f->a, 0, NULL, f->got);
	assert_true(n > IPV4_HEADER_OCTETS + 8);
	assert_int_equal(f->got[9], 1); /* ICMP: destination unreachable, fragmentation needed */
	assert_int_equal(get_be16(f->got + IPV4_HEADER_OCTETS), 0x0304);
	assert_int_equal(get_be16(f->got + IPV4_HEADER_OCTETS + 6), largest);
	assert_int_equal(get_be32(f->got + 16), 0x0a010001);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_TOO_BIG), 1);
	dataplane_counters(&f->a.dp, &c);
	assert_int_equal(c.icmp_sent, 1);
	/* RFC 1812 section 4.3.2.8: not one for each packet. */
	dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, LARGE, 2));
	dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, LARGE, 3));
	dp_case_turn(&f->a);
	dataplane_counters(&f->a.dp, &c);
	assert_true(c.icmp_sent < 3);
	/* What is small enough goes on. */
	dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, largest - 28, 4));
	dp_case_turn(&f->a);
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), largest);
}

/* Without DF it is cut before encryption: fragments come out that make the packet whole, each within the path. */
static void
a_packet_without_df_is_cut(void **state)
{
	struct fixture *f = *state;
	uint32_t largest = pmtu_inner_max(narrow_path(&f->a), NARROW);
	size_t n = dp_case_packet(f->packet, 1, 2, LARGE, 1), got, octets = 0;
	bool last = false;

	allow_fragments(f->packet);
	dp_case_route(&f->a, 0, NULL, f->packet, n);
	dp_case_turn(&f->a);
	dp_case_turn(&f->b);
	while ((got = dp_case_delivered(&f->b, 0, NULL, f->got)) != 0) {
		size_t at = (size_t)(get_be16(f->got + 6) & 0x1fff) * 8;

		assert_true(got > IPV4_HEADER_OCTETS && got <= largest);
		assert_int_equal(get_be16(f->got + 4), get_be16(f->packet + 4));
		assert_true(IPV4_HEADER_OCTETS + at + got - IPV4_HEADER_OCTETS <= n);
		assert_memory_equal(f->got + IPV4_HEADER_OCTETS, f->packet + IPV4_HEADER_OCTETS + at, got - IPV4_HEADER_OCTETS);
		octets += got - IPV4_HEADER_OCTETS;
		last |= !(f->got[6] & 0x20);
	}
	assert_int_equal(octets, n - IPV4_HEADER_OCTETS);
	assert_true(last);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_TOO_BIG), 0);
}

/* RFC 3948 section 4: authentic ESP from elsewhere is delivered, and told once a second. */
static void
a_peer_that_moved_is_told(void **state)
{
	struct fixture *f = *state;
	struct dp_case elsewhere;
	struct sa_params p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	const char *why = "";
	size_t n;

	dp_case_open(&elsewhere, 3, 1, false);
	assert_true(dp_case_claim(&elsewhere, 1, 1, 2, true));
	p.local = elsewhere.self;
	assert_true(dataplane_install(&elsewhere.dp, &p, &why));
	for (uint8_t i = 0; i < 3; i++) {
		n = dp_case_packet(f->packet, 1, 2, 100, i);
		dp_case_route(&elsewhere, 0, NULL, f->packet, n);
		dp_case_turn(&elsewhere);
		dp_case_turn(&f->b);
		assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), n);
	}
	assert_int_equal(dp_case_event(&f->b, &f->event), DATAPLANE_MAPPING);
	assert_int_equal(f->event.spi, 0x1001);
	assert_true(endpoint_equal(&f->event.remote, &elsewhere.self));
	assert_true(endpoint_equal(&f->event.local, &f->b.self));
	assert_int_equal(dp_case_event(&f->b, &f->event), -1);
	dp_case_close(&elsewhere);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_packet_with_df_is_answered, open_two, close_two),
		cmocka_unit_test_setup_teardown(a_packet_without_df_is_cut, open_two, close_two),
		cmocka_unit_test_setup_teardown(a_peer_that_moved_is_told, open_two, close_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
