/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "own_netns.h"
#include "tun.h"
#include "tun_steer.h"
#include "uring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

/* What the kernel offers for TUN beyond reads and writes, against the kernel itself. */

enum { QUEUES = 2, PACKET_MAX = 2048, SEVERAL = 5 };

static bool usable;
static struct tun tun;
static int queue[QUEUES];

static int
set_up(void **state)
{
	char why[256];

	(void)state;
	usable = own_netns_enter() && tun_open(&tun, queue, QUEUES, "t0", 1400, false, why, sizeof why);
	return 0;
}

static void
need_tun(void)
{
	if (!usable)
		skip();
}

/* ---- io_uring */

static void
test_several_reads_in_order(void **state)
{
	uint8_t in[SEVERAL][8], c;
	int pair[2];
	struct uring *u;
	const int *r;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	u = uring_new(pair[0]);
	if (!u)
		skip();
	for (int round = 0; round < 40; round++) {
		for (c = 1; c < SEVERAL; c++)
			assert_int_equal(write(pair[1], (uint8_t[]) { c, c, c, c }, c), c);
		for (unsigned i = 0; i < SEVERAL; i++)
			uring_read(u, in[i], sizeof in[i]);
		r = uring_run(u);
		for (c = 1; c < SEVERAL; c++) {
			assert_int_equal(r[c - 1], c);
			assert_int_equal(in[c - 1][0], c);
		}
		/* The queue is empty: it does not wait. */
		assert_int_equal(r[SEVERAL - 1], -EAGAIN);
	}
	uring_free(u);
	close(pair[0]);
	close(pair[1]);
}

static void
test_several_writes_in_order(void **state)
{
	static uint8_t large[200 << 10];
	struct iovec part[2] = { { (void *)(uintptr_t) "ab", 2 }, { (void *)(uintptr_t) "cd", 2 } };
	struct iovec too_large = { large, sizeof large };
	int pair[2], octets = 4096;
	struct uring *u;
	uint8_t in[16];
	const int *r;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
	u = uring_new(pair[0]);
	if (!u)
		skip();
	uring_writev(u, part, 2);
	uring_writev(u, &too_large, 1);
	uring_writev(u, part, 1);
	r = uring_run(u);
	/* One that fails says so, and those behind it are written all the same. */
	assert_int_equal(r[0], 4);
	assert_int_equal(r[1], -EMSGSIZE);
	assert_int_equal(r[2], 2);
	assert_int_equal(read(pair[1], in, sizeof in), 4);
	assert_memory_equal(in, "abcd", 4);
	assert_int_equal(read(pair[1], in, sizeof in), 2);
	uring_free(u);
	close(pair[0]);
	close(pair[1]);
}

static void
test_a_tun_device_is_read_without_waiting(void **state)
{
	struct uring *u;
	uint8_t in[PACKET_MAX];

	(void)state;
	need_tun();
	u = uring_new(queue[0]);
	if (!u)
		skip();
	uring_read(u, in, sizeof in);
	assert_int_equal(uring_run(u)[0], -EAGAIN);
	uring_free(u);
}

static void
test_refused(void **state)
{
	(void)state;
	assert_null(uring_new(-1));
	uring_free(NULL);
}

/* ---- a kernel whose TUN devices have no virtio header. It looks at flags behind a pointer, so seccomp could not play it */

static bool without_vnet_hdr;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct ifreq *r;
	va_list arg;

	va_start(arg, request);
	r = va_arg(arg, void *);
	va_end(arg);
	if (without_vnet_hdr && request == TUNSETIFF && r->ifr_flags & IFF_VNET_HDR) {
		errno = EINVAL;
		return -1;
	}
	return __real_ioctl(fd, request, (void *)(uintptr_t)r);
}

/* The device then takes and gives plain packets. */
static void
test_without_virtio_headers(void **state)
{
	const uint8_t packet[28] = { 0x45, [3] = 28, [8] = 64, [9] = 17, [12] = 10, 9, 0, 1, 10, 9, 0, 2 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	uint8_t got[PACKET_MAX];
	int fd, packets;
	struct tun t;
	char why[256];

	(void)state;
	need_tun();
	without_vnet_hdr = true;
	assert_true(tun_open(&t, &fd, 1, "t1", 1400, true, why, sizeof why));
	without_vnet_hdr = false;
	assert_false(t.vnet_hdr || t.tso || t.uso);
	packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	to.sll_ifindex = (int)t.ifindex;
	assert_int_equal(bind(packets, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(write(fd, packet, sizeof packet), sizeof packet);
	assert_int_equal(recv(packets, got, sizeof got, 0), sizeof packet);
	assert_memory_equal(got, packet, sizeof packet);
	assert_int_equal(sendto(packets, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to), sizeof packet);
	assert_int_equal(read(fd, got, sizeof got), sizeof packet);
	assert_memory_equal(got, packet, sizeof packet);
	close(packets);
	close(fd);
	/* The same device with the flag: it is there, and offloads are asked for. */
	assert_true(tun_open(&t, &fd, 1, "t2", 1400, true, why, sizeof why));
	assert_true(t.vnet_hdr);
	close(fd);
}

/* ---- which queue */

static void
send_packet(const uint8_t *packet, size_t n, uint16_t protocol)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)tun.ifindex };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sendto(fd, packet, n, 0, (struct sockaddr *)&to, sizeof to), n);
	close(fd);
}

/* The queue that this packet comes out of. */
static int
arrives_at(const uint8_t *packet, size_t n)
{
	struct pollfd p[QUEUES] = { { queue[0], POLLIN, 0 }, { queue[1], POLLIN, 0 } };
	uint8_t got[PACKET_MAX];

	while (poll(p, QUEUES, 2000) > 0) {
		for (int i = 0; i < QUEUES; i++) {
			ssize_t k = p[i].revents ? read(queue[i], got, sizeof got) : 0;

			if (k == (ssize_t)n && memcmp(got, packet, n) == 0)
				return i;
		}
	}
	return -1;
}

static void
check_teaching(struct tun_steer *s, const uint8_t *packet, size_t n, uint16_t protocol)
{
	for (unsigned i = 0; i < 4; i++) {
		tun_steer_teach(s, tun_steer_bucket(span_of(packet, n)), i % QUEUES);
		send_packet(packet, n, protocol);
		assert_int_equal(arrives_at(packet, n), i % QUEUES);
	}
}

static void
test_packets_come_where_they_were_sent(void **state)
{
	uint8_t v4[28] = { 0x45, [3] = 28, [8] = 64, [9] = 17, [12] = 10, 1, 0, 1, 10, 2, 0, 1 };
	uint8_t v6[48] = { 0x60, [5] = 8, [6] = 17, [7] = 64, [8] = 0xfd, [24] = 0xfd };
	struct tun_steer s = { 0 };

	(void)state;
	need_tun();
	if (!tun_steer_open(&s, queue[0], QUEUES))
		skip();
	for (unsigned i = 0; i < 20; i++) {
		v4[14 + i % 2] = v4[19] = (uint8_t)(i * 11);
		v6[16 + i % 8] = v6[39 - i % 8] = (uint8_t)(i * 13 + 1);
		check_teaching(&s, v4, sizeof v4, ETH_P_IP);
		check_teaching(&s, v6, sizeof v6, ETH_P_IPV6);
	}
	tun_steer_close(&s);
}

static void
test_without_a_table_nothing_is_taught(void **state)
{
	struct tun_steer s = { 0 };
	uint8_t packet[20] = { 0x45 };

	(void)state;
	assert_false(tun_steer_open(&s, -1, QUEUES));
	assert_null(s.queue);
	tun_steer_teach(&s, tun_steer_bucket(span_of(packet, sizeof packet)), 1);
	tun_steer_close(&s);
}

/* Pairs of hosts spread over the buckets, also where both ends are numbered alike: 10.1.k.1 and 10.2.k.1. */
static void
test_buckets(void **state)
{
	uint8_t v6[40] = { 0x60 }, v4[20] = { 0x45, [12] = 10, 1, 0, 1, 10, 2, 0, 1 };
	bool seen[TUN_STEER_BUCKETS] = { false };
	unsigned different = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		uint32_t b;

		v4[14] = v4[18] = (uint8_t)i;
		b = tun_steer_bucket(span_of(v4, sizeof v4));
		assert_true(b < TUN_STEER_BUCKETS);
		different += !seen[b];
		seen[b] = true;
		v6[39] = (uint8_t)i;
		assert_true(tun_steer_bucket(span_of(v6, sizeof v6)) < TUN_STEER_BUCKETS);
	}
	assert_true(different > 200);
	/* Too short to have addresses: any bucket will do. */
	assert_true(tun_steer_bucket(span_of(v6, 12)) < TUN_STEER_BUCKETS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_reads_in_order),
		cmocka_unit_test(test_several_writes_in_order),
		cmocka_unit_test(test_a_tun_device_is_read_without_waiting),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_without_virtio_headers),
		cmocka_unit_test(test_packets_come_where_they_were_sent),
		cmocka_unit_test(test_without_a_table_nothing_is_taught),
		cmocka_unit_test(test_buckets),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
