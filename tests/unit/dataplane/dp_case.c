/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "dp_case.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* Tests run side by side: each process has a port of its own. */
static uint16_t
port(void)
{
	return (uint16_t)(20000 + getpid() % 12000);
}

static int
udp_socket(uint8_t last)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), one = 1, large = 4 << 20;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port()), .sin_addr.s_addr = htonl(0x7f000000u | last) };

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
	setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof one);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void
open_worker(struct dp_case *c, unsigned i, uint8_t last)
{
	struct worker *w = &c->worker[i];
	int pair[2], large = 4 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	for (unsigned k = 0; k < 2; k++)
		setsockopt(pair[k], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
	c->tun[i] = pair[0];
	for (unsigned k = 0; k < SOCKET_KINDS; k++)
		w->sockets.fd[k] = w->sockets.fd_no_df[k] = -1;
	w->sockets.fd_header[0] = w->sockets.fd_header[1] = w->sockets.fd_too_big = -1;
	w->sockets.fd[SOCKET_UDP4] = udp_socket(last);
	w->sockets.fd_no_df[SOCKET_UDP4] = dup(w->sockets.fd[SOCKET_UDP4]);
	assert_true(worker_open(w, &c->dp.shared, i, pair[1], c->dp.event_fd));
}

void
dp_case_open(struct dp_case *c, uint8_t last, unsigned workers, bool virtio)
{
	memset(c, 0, sizeof *c);
	c->self = (struct endpoint) { ip_from_v4(0x7f000000u | last), port() };
	c->dp.event_fd = eventfd(0, EFD_NONBLOCK);
	c->dp.shared = (struct worker_shared) {
		.tun = { .vnet_hdr = virtio, .tso = virtio, .uso = virtio },
		.features = { .gso = true },
		.options = { .port_nat_t = port(), .hold_packets = 4, .hold_ms = 1000 },
		.worker = c->worker,
		.n = workers,
	};
	table_open(&c->dp.sas, 1, 2);
	table_open(&c->dp.children, 3, 4);
	table_open(&c->dp.policies, 5, 6);
	installed_open(&c->dp.installed, 7, 8);
	for (unsigned i = 0; i < workers; i++)
		open_worker(c, i, last);
}

void
dp_case_close(struct dp_case *c)
{
	for (unsigned i = 0; i < c->dp.shared.n; i++) {
		worker_close(&c->worker[i]);
		close(c->tun[i]);
	}
	control_close_sas(&c->dp);
	control_close_policies(&c->dp);
	installed_close(&c->dp.installed);
	close(c->dp.event_fd);
}

struct selector_pair
dp_case_ts(unsigned from, unsigned to)
{
	struct ip a = ip_from_v4(0x0a000000u | from << 16), b = ip_from_v4(0x0a000000u | to << 16);

	return (struct selector_pair) { selector_from_prefix(&a, 16, 0, 0, 65535), selector_from_prefix(&b, 16, 0, 0, 65535) };
}

bool
dp_case_claim(struct dp_case *c, uint32_t reqid, unsigned from, unsigned to, bool trap)
{
	struct selector_pair ts = dp_case_ts(from, to);
	struct claim claim = { .reqid = reqid, .conn = "c", .child = "c", .ts = &ts, .n_ts = 1, .trap = trap };

	return dataplane_claim(&c->dp, &claim);
}

struct sa_params
dp_case_sa(const struct dp_case *c, const struct dp_case *peer, enum sa_direction d, uint32_t spi, uint8_t key)
{
	static uint8_t octets[36];

	memset(octets, key, sizeof octets);
	put_be32(octets, spi);
	return (struct sa_params) {
		.direction = d,
		.spi = spi,
		.child_id = 1,
		.reqid = 1,
		.local = c->self,
		.remote = peer->self,
		.udp_encap = true,
		.encr = { .id = ENCR_AES_GCM_16, .key_bits = 256 },
		.integ_id = INTEG_NONE,
		.encr_key = span_of(octets, sizeof octets),
		.ts = dp_case_ts(c->self.ip.b[3], peer->self.ip.b[3]),
		.replay_window = 256,
		.copy_df = true,
		.copy_ecn = true,
	};
}

void
dp_case_install(struct dp_case *from, struct dp_case *to, uint32_t spi, uint8_t key)
{
	const char *why = "";
	struct sa_params in = dp_case_sa(to, from, SA_INBOUND, spi, key);

	if (!dataplane_install(&to->dp, &in, &why))
		fail_msg("in: %s", why);
	struct sa_params out = dp_case_sa(from, to, SA_OUTBOUND, spi, key);

	if (!dataplane_install(&from->dp, &out, &why))
		fail_msg("out: %s", why);
}

static uint16_t
checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t
dp_case_packet(uint8_t *out, unsigned src, unsigned dst, size_t n, uint8_t seed)
{
	uint16_t total = (uint16_t)(28 + n), sum;

	memset(out, 0, 28);
	out[0] = 0x45;
	put_be16(out + 2, total);
	put_be16(out + 4, seed);
	out[6] = 0x40;
	out[8] = 64;
	out[9] = 17;
	put_be32(out + 12, 0x0a000001u | src << 16);
	put_be32(out + 16, 0x0a000001u | dst << 16);
	put_be16(out + 10, checksum(out, 20, 0));
	put_be16(out + 20, 1000);
	put_be16(out + 22, 53);
	put_be16(out + 24, (uint16_t)(8 + n));
	for (size_t i = 0; i < n; i++)
		out[28 + i] = (uint8_t)(seed + i * 7);
	/* The pseudo header: addresses, protocol, length. */
	sum = checksum(out + 12, 8 + 8 + n, 17 + 8 + (uint32_t)n);
	put_be16(out + 26, sum ? sum : 0xffff);
	return total;
}

void
dp_case_route(struct dp_case *c, unsigned worker, const struct virtio_net_hdr *vh, const uint8_t *packet, size_t n)
{
	struct virtio_net_hdr none = { 0 };
	struct iovec v[2] = { { (void *)(uintptr_t)(vh ? vh : &none), sizeof none }, { (void *)(uintptr_t)packet, n } };
	int skip = c->dp.shared.tun.vnet_hdr ? 0 : 1;

	assert_true(writev(c->tun[worker], v + skip, 2 - skip) > 0);
}

size_t
dp_case_delivered(struct dp_case *c, unsigned worker, struct virtio_net_hdr *vh, uint8_t *out)
{
	struct virtio_net_hdr scratch;
	struct iovec v[2] = { { vh ? vh : &scratch, sizeof scratch }, { out, DP_CASE_PACKET_MAX } };
	int skip = c->dp.shared.tun.vnet_hdr ? 0 : 1;
	ssize_t n = readv(c->tun[worker], v + skip, 2 - skip);

	return n <= 0 ? 0 : (size_t)n - (skip ? 0 : sizeof scratch);
}

void
dp_case_turn(struct dp_case *c)
{
	for (unsigned i = 0; i < c->dp.shared.n; i++) {
		assert_true(outbound_read(&c->worker[i]));
		assert_true(inbound_read(&c->worker[i], SOCKET_UDP4));
	}
	for (unsigned i = 0; i < c->dp.shared.n; i++)
		worker_drain_inboxes(&c->worker[i]);
}

uint64_t
dp_case_drops(struct dp_case *c, enum esp_drop why)
{
	uint64_t d[ESP_DROP_COUNT];

	dataplane_drops(&c->dp, d);
	return d[why];
}

int
dp_case_event(struct dp_case *c, struct dataplane_event *out)
{
	for (unsigned i = 0; i < c->dp.shared.n; i++)
		event_queue_tell(&c->worker[i].events);
	return dataplane_next_event(&c->dp, out) ? (int)out->kind : -1;
}
