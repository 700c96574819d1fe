/* SPDX-License-Identifier: Apache-2.0 */
/* Packets from one data plane to another, step by step. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "dp_case.h"
#include "segment.h"

struct fixture {
	struct dp_case a, b;
	uint8_t packet[DP_CASE_PACKET_MAX], got[DP_CASE_PACKET_MAX];
	struct dataplane_event event;
};

static void
open_two(void **state, unsigned workers, bool virtio)
{
	struct fixture *f = calloc(1, sizeof *f);

	dp_case_open(&f->a, 1, workers, virtio);
	dp_case_open(&f->b, 2, workers, virtio);
	*state = f;
}

static int
open_plain(void **state)
{
	open_two(state, 1, false);
	return 0;
}

static int
open_virtio(void **state)
{
	open_two(state, 1, true);
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

static void
join(struct fixture *f)
{
	assert_true(dp_case_claim(&f->a, 1, 1, 2, true));
	assert_true(dp_case_claim(&f->b, 1, 2, 1, true));
	dp_case_install(&f->a, &f->b, 0x1001, 1);
	dp_case_install(&f->b, &f->a, 0x1002, 2);
}

static void
expect_delivered(struct fixture *f, struct dp_case *at, size_t n)
{
	size_t got = dp_case_delivered(at, 0, NULL, f->got);

	assert_int_equal(got, n);
	assert_memory_equal(f->got, f->packet, n);
}

static void
packets_of_every_size_come_out_unchanged(void **state)
{
	struct fixture *f = *state;

	join(f);
	for (size_t size = 0; size <= 1372; size += size < 64 ? 1 : 53) {
		size_t n = dp_case_packet(f->packet, 1, 2, size, (uint8_t)size);

		dp_case_route(&f->a, 0, NULL, f->packet, n);
		dp_case_turn(&f->a);
		dp_case_turn(&f->b);
		expect_delivered(f, &f->b, n);
	}
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), 0);
}

static void
both_directions_and_usage(void **state)
{
	struct fixture *f = *state;
	struct sa_usage out, in;
	size_t n;

	join(f);
	for (unsigned i = 0; i < 10; i++) {
		n = dp_case_packet(f->packet, 2, 1, 100, (uint8_t)i);
		dp_case_route(&f->b, 0, NULL, f->packet, n);
		dp_case_turn(&f->b);
		dp_case_turn(&f->a);
		expect_delivered(f, &f->a, n);
	}
	assert_true(dataplane_usage(&f->b.dp, SA_OUTBOUND, 0x1002, 1, &out));
	assert_true(dataplane_usage(&f->a.dp, SA_INBOUND, 0x1002, 1, &in));
	assert_int_equal(out.packets, 10);
	assert_int_equal(in.packets, 10);
	assert_int_equal(out.octets, 1280);
	assert_int_equal(in.octets, 1280);
	assert_false(dataplane_usage(&f->a.dp, SA_INBOUND, 0x1003, 1, &in));
}

/* A UDP super-packet of the kernel's: its header once, checksum open, payload of many datagrams. */
static size_t
super_packet(uint8_t *out, struct virtio_net_hdr *vh, size_t payload, uint16_t segment)
{
	size_t n = dp_case_packet(out, 1, 2, payload, 9);
	uint32_t sum = 0;

	for (size_t i = 12; i < 20; i += 2)
		sum += get_be16(out + i);
	sum += 17 + 8 + (uint32_t)payload;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_be16(out + 26, (uint16_t)sum);
	*vh = (struct virtio_net_hdr) { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		                        .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		                        .hdr_len = 28,
		                        .gso_size = segment,
		                        .csum_start = 20,
		                        .csum_offset = 6 };
	return n;
}

/* Cut, sealed, sent, opened and joined: the same super-packet, or its parts in their order. */
static void
super_packets_come_out_with_the_same_payload(void **state)
{
	static const uint16_t segments[] = { 1, 100, 999, 1300 };
	struct fixture *f = *state;

	join(f);
	for (size_t k = 0; k < sizeof segments / sizeof *segments; k++) {
		for (size_t payload = segments[k] + 1u; payload <= (size_t)segments[k] * 45; payload = payload * 2 + 1) {
			struct virtio_net_hdr vh, back;
			size_t n = super_packet(f->packet, &vh, payload, segments[k]), at = 0, got;

			dp_case_route(&f->a, 0, &vh, f->packet, n);
			dp_case_turn(&f->a);
			for (unsigned i = 0; i < 4; i++)
				dp_case_turn(&f->b);
			while ((got = dp_case_delivered(&f->b, 0, &back, f->got)) != 0) {
				assert_memory_equal(f->got + 28, f->packet + 28 + at, got - 28);
				assert_true(got - 28 <= segments[k] || back.gso_size == segments[k]);
				at += got - 28;
			}
			assert_int_equal(at, payload);
		}
	}
}

static void
without_a_policy_nothing_leaves(void **state)
{
	struct fixture *f = *state;
	size_t n = dp_case_packet(f->packet, 1, 9, 10, 0);

	join(f);
	dp_case_route(&f->a, 0, NULL, f->packet, n);
	dp_case_route(&f->a, 0, NULL, (const uint8_t *)"junk", 4);
	dp_case_turn(&f->a);
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_NO_POLICY), 1);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_MALFORMED), 1);
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), 0);
}

/* Held while the SA is negotiated, asked for once, sent in order when it comes. */
static void
held_packets_leave_when_their_sa_comes(void **state)
{
	struct fixture *f = *state;
	size_t n = 0;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, true));
	for (uint8_t i = 0; i < 5; i++) {
		n = dp_case_packet(f->packet, 1, 2, 50, i);
		dp_case_route(&f->a, 0, NULL, f->packet, n);
		dp_case_turn(&f->a);
	}
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_HELD_FULL), 1);
	assert_int_equal(dp_case_event(&f->a, &f->event), DATAPLANE_ACQUIRE);
	assert_int_equal(f->event.reqid, 1);
	assert_int_equal(f->event.flow.dport, 53);
	assert_int_equal(dp_case_event(&f->a, &f->event), -1);
	dp_case_install(&f->a, &f->b, 0x1001, 1);
	dp_case_turn(&f->b);
	for (uint8_t i = 0; i < 4; i++) {
		dp_case_packet(f->packet, 1, 2, 50, i);
		expect_delivered(f, &f->b, n);
	}
	assert_int_equal(f->a.worker[0].policies.n_held, 0);
}

static void
a_released_policy_drops_what_it_held(void **state)
{
	struct fixture *f = *state;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, 50, 0));
	dp_case_turn(&f->a);
	assert_int_equal(dp_case_event(&f->a, &f->event), -1);
	dataplane_release(&f->a.dp, 1);
	assert_int_equal(dp_case_drops(&f->a, ESP_DROP_NO_POLICY), 1);
	dp_case_install(&f->a, &f->b, 0x1001, 1);
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_delivered(&f->b, 0, NULL, f->got), 0);
}

static void
raw_datagram(struct dp_case *from, struct dp_case *to, const void *p, size_t n)
{
	struct sockaddr_storage s;
	socklen_t k = endpoint_to_sockaddr(&s, &to->self, true);

	assert_int_equal(sendto(from->worker[0].sockets.fd[SOCKET_UDP4], p, n, 0, (struct sockaddr *)&s, k), n);
}

/* RFC 3948 section 2: ESP, IKE behind a marker of four zero octets, keepalives of one octet. */
static void
the_port_is_shared_with_ike(void **state)
{
	struct fixture *f = *state;
	struct dataplane_counters c;

	join(f);
	raw_datagram(&f->a, &f->b, "\xff", 1);
	raw_datagram(&f->a, &f->b, "\xfe", 1);
	raw_datagram(&f->a, &f->b, "", 0);
	raw_datagram(&f->a, &f->b, "\0\0\0\0an IKE message", 18);
	raw_datagram(&f->a, &f->b, "\0\0\0\0", 4);
	raw_datagram(&f->a, &f->b, "\0\0\x10\x01xyz", 7);
	dp_case_turn(&f->b);
	dataplane_counters(&f->b.dp, &c);
	assert_int_equal(c.keepalives, 1);
	assert_int_equal(dp_case_drops(&f->b, ESP_DROP_RUNT), 3);
	assert_int_equal(dp_case_event(&f->b, &f->event), DATAPLANE_IKE);
	assert_true(span_equal(f->event.data, span_str("an IKE message")));
	assert_true(endpoint_equal(&f->event.remote, &f->a.self));
	assert_true(endpoint_equal(&f->event.local, &f->b.self));
	assert_int_equal(dp_case_event(&f->b, &f->event), DATAPLANE_IKE);
	assert_int_equal(f->event.data.n, 0);
	assert_int_equal(dp_case_event(&f->b, &f->event), -1);
}

static void
ike_messages_leave_with_the_marker(void **state)
{
	struct fixture *f = *state;
	struct dataplane_counters c;

	assert_true(dataplane_send_ike(&f->a.dp, &f->a.self, &f->b.self, 0, span_str("hello"), false));
	assert_true(dataplane_send_ike(&f->a.dp, &f->a.self, &f->b.self, 0, (struct span) { 0 }, true));
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_event(&f->b, &f->event), DATAPLANE_IKE);
	assert_true(span_equal(f->event.data, span_str("hello")));
	dataplane_counters(&f->b.dp, &c);
	assert_int_equal(c.keepalives, 1);
	/* There is no IPv6 socket here. */
	struct endpoint six = { .ip = { .family = IP_V6 }, .port = 4500 };

	assert_false(dataplane_send_ike(&f->a.dp, &f->a.self, &six, 0, span_str("hello"), false));
}

static void
an_unknown_spi_is_reported(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[64] = { 0xab, 0xcd, 0xef, 0x01 };

	for (unsigned i = 0; i < 5; i++)
		raw_datagram(&f->a, &f->b, packet, sizeof packet);
	dp_case_turn(&f->b);
	assert_int_equal(dp_case_drops(&f->b, ESP_DROP_NO_SA), 5);
	assert_int_equal(dp_case_event(&f->b, &f->event), DATAPLANE_INVALID_SPI);
	assert_int_equal(f->event.spi, 0xabcdef01);
	assert_true(endpoint_equal(&f->event.remote, &f->a.self));
	assert_int_equal(dp_case_event(&f->b, &f->event), -1);
}

static void
limits_are_reported_once(void **state)
{
	struct fixture *f = *state;
	struct sa_params p;
	const char *why;
	unsigned soft = 0, hard = 0;
	int kind;

	assert_true(dp_case_claim(&f->a, 1, 1, 2, false));
	p = dp_case_sa(&f->a, &f->b, SA_OUTBOUND, 0x1001, 1);
	p.soft_packets = 3;
	p.hard_packets = 5;
	assert_true(dataplane_install(&f->a.dp, &p, &why));
	for (uint8_t i = 0; i < 20; i++) {
		dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, 50, i));
		dp_case_turn(&f->a);
	}
	while ((kind = dp_case_event(&f->a, &f->event)) >= 0) {
		soft += kind == DATAPLANE_EXPIRE_SOFT;
		hard += kind == DATAPLANE_EXPIRE_HARD;
		assert_int_equal(f->event.spi, 0x1001);
		assert_int_equal(f->event.direction, SA_OUTBOUND);
	}
	assert_int_equal(soft, 1);
	assert_int_equal(hard, 1);
	/* An SA that stopped is none: its policy's packets wait for the next. */
	assert_true(f->a.worker[0].policies.n_held > 0);
}

static void
a_slow_reader_loses_packets_and_they_are_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t lost = 0;

	join(f);
	for (unsigned i = 0; i < 20000 && !lost; i++) {
		dp_case_route(&f->a, 0, NULL, f->packet, dp_case_packet(f->packet, 1, 2, 1000, (uint8_t)i));
		dp_case_turn(&f->a);
		dp_case_turn(&f->b);
		lost = dp_case_drops(&f->b, ESP_DROP_TUN_WRITE);
	}
	assert_true(lost > 0);
}

static void
a_closed_device_is_told(void **state)
{
	struct fixture *f = *state;
	int null = dup(f->a.worker[0].epoll_fd);

	/* Reading an epoll descriptor is no "try again": the device is gone. */
	assert_int_equal(dup2(null, f->a.worker[0].tun_fd), f->a.worker[0].tun_fd);
	close(null);
	assert_false(outbound_read(&f->a.worker[0]));
}

#define PLAIN(t) cmocka_unit_test_setup_teardown(t, open_plain, close_two)
#define VIRTIO(t) cmocka_unit_test_setup_teardown(t, open_virtio, close_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(packets_of_every_size_come_out_unchanged),
		VIRTIO(packets_of_every_size_come_out_unchanged),
		PLAIN(both_directions_and_usage),
		VIRTIO(super_packets_come_out_with_the_same_payload),
		PLAIN(without_a_policy_nothing_leaves),
		PLAIN(held_packets_leave_when_their_sa_comes),
		PLAIN(a_released_policy_drops_what_it_held),
		PLAIN(the_port_is_shared_with_ike),
		PLAIN(ike_messages_leave_with_the_marker),
		PLAIN(an_unknown_spi_is_reported),
		PLAIN(limits_are_reported_once),
		PLAIN(a_slow_reader_loses_packets_and_they_are_counted),
		PLAIN(a_closed_device_is_told),
	};

	return cmocka_run_group_tests_name("dataplane paths", tests, NULL, NULL);
}
