/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any virtio header and packet: cut within its length, or refused. Then the octets
 * as a batch of packets (a length octet in front of each), coalesced and cut
 * again: exactly the same packets, and those of one super-packet in their order.
 */
#include "coalesce.h"
#include "fuzz.h"
#include "pmtu.h"
#include "segment.h"

enum { ROOM = 65536 + 64, PACKETS = 64, PACKET_MAX = 512 };

static uint8_t out[ROOM], super[ROOM];

static void
cut(const uint8_t *data, size_t n)
{
	struct virtio_net_hdr vh;
	struct segment s;
	uint32_t len, max, count, payload = 0;

	if (n < sizeof vh)
		return;
	memcpy(&vh, data, sizeof vh);
	n -= sizeof vh;
	/* From memory of exactly this length, so that a reader beyond it is seen. */
	uint8_t *p = malloc(n ? n : 1);

	fuzz_require(p);
	memcpy(p, data + sizeof vh, n);
	if (segment_open(&s, &vh, p, (uint32_t)n) == ESP_DROP_NONE) {
		max = segment_max_octets(&s);
		count = segment_count(&s);
		while ((len = segment_next_octets(&s)) != 0) {
			fuzz_require(len <= max && len <= n);
			segment_take(&s, out);
			payload += len - s.header;
			count--;
		}
		fuzz_require(count == 0);
		fuzz_require(!s.gso_size || payload == n - s.header);
	}
	free(p);
}

static void
fragments(const uint8_t *data, size_t n)
{
	struct fragment f;
	uint32_t len;

	if (n < 2)
		return;
	if (!fragment_open(&f, data + 1, (uint32_t)n - 1, 28 + data[0] * 4u, 7))
		return;
	while ((len = fragment_next_octets(&f)) != 0) {
		fuzz_require(len <= f.mtu);
		fragment_take(&f, out);
	}
}

/* Only whole IP packets come out of esp_receive: make one of the octets. */
static uint32_t
whole_packet(uint8_t *p, uint32_t n)
{
	if (n < 20 || (p[0] & 0x20 && n < 40))
		return 0;
	p[0] = (uint8_t)((p[0] & 15) | (p[0] & 0x20 ? 0x60 : 0x40));
	if (p[0] >> 4 == 6) {
		put_be16(p + 4, (uint16_t)(n - 40));
		return n;
	}
	if ((p[0] & 15) < 5 || (p[0] & 15u) * 4 > n)
		p[0] = 0x45;
	put_be16(p + 2, (uint16_t)n);
	return n;
}

static size_t
read_batch(struct batch *b, uint8_t in[PACKETS][PACKET_MAX], const uint8_t *data, size_t n)
{
	b->n = 0;
	while (n > 1 && b->n < PACKETS) {
		uint32_t len = data[0] * 2u;

		data++;
		n--;
		if (len > n)
			len = (uint32_t)n;
		memcpy(in[b->n], data, len);
		data += len;
		n -= len;
		len = whole_packet(in[b->n], len);
		if (!len)
			continue;
		b->pkt[b->n] = (struct packet) { .p = in[b->n], .len = len };
		b->n++;
	}
	return b->n;
}

static void
joined_and_cut(const uint8_t *data, size_t n)
{
	static uint8_t in[PACKETS][PACKET_MAX], was[PACKETS][PACKET_MAX];
	static struct coalesce c;
	static struct batch b;
	uint32_t total = 0;

	read_batch(&b, in, data, n);
	memcpy(was, in, sizeof was);
	c.features = COALESCE_TCP4 | COALESCE_TCP6 | COALESCE_UDP;
	coalesce(&c, &b);
	for (size_t i = 0; i < c.n; i++) {
		uint8_t *to = super;
		uint32_t len, at = c.out[i].first, count = 0;
		struct segment s;

		for (uint32_t k = 1; k < c.out[i].n_iov; k++) {
			memcpy(to, c.out[i].iov[k].iov_base, c.out[i].iov[k].iov_len);
			to += c.out[i].iov[k].iov_len;
		}
		fuzz_require(to - super == c.out[i].octets);
		fuzz_require(segment_open(&s, &c.out[i].vh, super, c.out[i].octets) == ESP_DROP_NONE);
		for (; (len = segment_next_octets(&s)) != 0; count++, at++) {
			segment_take(&s, out);
			while (at < b.n && (b.pkt[at].len != len || memcmp(was[at], out, len) != 0))
				at++;
			fuzz_require(at < b.n);
		}
		fuzz_require(count == c.out[i].packets);
		total += count;
	}
	fuzz_require(total == b.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > ROOM - 64)
		return 0;
	cut(data, n);
	fragments(data, n);
	joined_and_cut(data, n);
	return 0;
}
