/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "checksum.h"
#include "coalesce.h"
#include "esp_case.h"
#include "segment.h"

enum { SUPER_MAX = 65535, PACKETS = ESP_BATCH_MAX };

/* ---- a plain model of checksums: RFC 1071 section 4.1, octet by octet */

static uint16_t
model_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The sum over pseudo-header and layer 4 of a whole packet; 0xffff when the checksum holds. */
static uint16_t
model_l4(const uint8_t *p, uint32_t len, uint32_t l4, uint8_t proto)
{
	uint32_t sum = p[0] >> 4 == 4 ? model_sum(0, p + 12, 8) : model_sum(0, p + 8, 32);

	return model_sum(sum + proto + (len - l4), p + l4, len - l4);
}

static void
checksums_equal_the_plain_model(void **state)
{
	struct seeded_rng rng;
	uint8_t a[3000], b[3000];

	(void)state;
	seeded_rng_open(&rng, 3);
	for (unsigned i = 0; i < 3000; i++) {
		uint16_t v = 0, expect;

		rng_fill(&rng.rng, a, sizeof a);
		if (i % 3 == 0)
			memset(a, 0xff, i);
		expect = (uint16_t)~model_sum(0, a, i);
		checksum_store((uint8_t *)&v, checksum_add(0, a, i), 0);
		assert_int_equal(get_be16((uint8_t *)&v), expect);
		checksum_store((uint8_t *)&v, checksum_copy(0, b, a, i), 0);
		assert_int_equal(get_be16((uint8_t *)&v), expect);
		assert_memory_equal(a, b, i);
	}
}

/* ---- making packets of all kinds */

struct shape {
	int version;
	uint8_t proto;
	uint32_t options;     /* octets of IPv4 options or IPv6 extension headers, multiple of 8 */
	uint32_t tcp_options; /* multiple of 4 */
	uint32_t payload;
	uint8_t tcp_flags, tos;
	uint16_t id;
	uint32_t seq;
	uint16_t port;
};

static uint32_t
l4_of(const struct shape *s)
{
	return (s->version == 4 ? 20 : 40) + s->options;
}

static uint32_t
header_of(const struct shape *s)
{
	return l4_of(s) + (s->proto == 6 ? 20 + s->tcp_options : 8);
}

static void
ip_header(uint8_t *p, const struct shape *s, uint32_t len)
{
	static const uint8_t v4[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 63, 0, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2 };

	if (s->version == 4) {
		memcpy(p, v4, 20);
		p[0] = (uint8_t)(0x40 | (20 + s->options) / 4);
		p[1] = s->tos;
		put_be16(p + 2, (uint16_t)len);
		put_be16(p + 4, s->id);
		p[9] = s->proto;
		memset(p + 20, 1, s->options); /* no-operation options */
		put_be16(p + 10, (uint16_t)~model_sum(0, p, 20 + s->options));
		return;
	}
	memset(p, 0, 40);
	put_be32(p, 6u << 28 | (uint32_t)s->tos << 20 | 0x12345);
	put_be16(p + 4, (uint16_t)(len - 40));
	p[6] = s->options ? 60 : s->proto;
	p[7] = 63;
	p[8] = p[24] = 0xfd;
	p[23] = 1;
	p[39] = 2;
	if (s->options) { /* one destination options header, of padding */
		memset(p + 40, 0, s->options);
		p[40] = s->proto;
		p[41] = (uint8_t)(s->options / 8 - 1);
		p[42] = 1;
		p[43] = (uint8_t)(s->options - 4);
	}
}

/* A whole packet with right checksums; returns its length. */
static uint32_t
make_packet(uint8_t *p, const struct shape *s, struct rng *rng)
{
	uint32_t l4 = l4_of(s), header = header_of(s), len = header + s->payload;
	uint8_t *check = p + l4 + (s->proto == 6 ? 16 : 6);

	memset(p, 0, header);
	ip_header(p, s, len);
	put_be16(p + l4, s->port);
	put_be16(p + l4 + 2, 443);
	if (s->proto == 6) {
		put_be32(p + l4 + 4, s->seq);
		put_be32(p + l4 + 8, 0x01020304);
		p[l4 + 12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
		p[l4 + 13] = s->tcp_flags;
		put_be16(p + l4 + 14, 500);
		memset(p + l4 + 20, 1, s->tcp_options);
	} else {
		put_be16(p + l4 + 4, (uint16_t)(8 + s->payload));
	}
	rng_fill(rng, p + header, s->payload);
	put_be16(check, (uint16_t)~model_l4(p, len, l4, s->proto));
	if (s->proto == 17 && get_be16(check) == 0)
		put_be16(check, 0xffff);
	return len;
}

static struct shape
any_shape(struct rng *r)
{
	struct shape s = { .version = rng_below(r, 2) ? 4 : 6, .proto = rng_below(r, 2) ? 6 : 17 };

	s.options = rng_below(r, 3) ? 0 : (uint32_t)(1 + rng_below(r, s.version == 4 ? 5 : 9)) * 8;
	s.tcp_options = rng_below(r, 2) ? 0 : (uint32_t)rng_below(r, 11) * 4;
	s.tcp_flags = 0x10 | (uint8_t)(rng_below(r, 3) ? 0 : rng_below(r, 256));
	s.id = (uint16_t)rng_u32(r);
	s.seq = rng_u32(r);
	s.tos = (uint8_t)rng_u32(r);
	s.port = 1000;
	return s;
}

/* ---- segmenting: against a plain model of what TSO and USO mean */

static uint8_t super[SUPER_MAX + 64], out[SUPER_MAX + 64];

static struct virtio_net_hdr
gso_header(const struct shape *s, uint16_t gso)
{
	return (struct virtio_net_hdr) {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = s->proto == 17    ? VIRTIO_NET_HDR_GSO_UDP_L4
		            : s->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
		                              : VIRTIO_NET_HDR_GSO_TCPV6,
		.gso_size = gso,
		.hdr_len = (uint16_t)header_of(s),
		.csum_start = (uint16_t)l4_of(s),
		.csum_offset = s->proto == 6 ? 16 : 6,
	};
}

static void
check_segment(const struct shape *s, const uint8_t *p, uint32_t len, uint32_t i, uint32_t at, bool last)
{
	uint32_t l4 = l4_of(s), header = header_of(s);

	assert_int_equal(s->version == 4 ? get_be16(p + 2) : 40u + get_be16(p + 4), len);
	assert_int_equal(model_l4(p, len, l4, s->proto), 0xffff);
	assert_memory_equal(p + header, super + at, len - header);
	if (s->version == 4) {
		assert_int_equal(model_sum(0, p, l4), 0xffff);
		assert_int_equal(get_be16(p + 4), (uint16_t)(s->id + i));
	}
	if (s->proto == 17) {
		assert_int_equal(get_be16(p + l4 + 4), len - l4);
		assert_int_not_equal(get_be16(p + l4 + 6), 0);
		return;
	}
	assert_int_equal(get_be32(p + l4 + 4), s->seq + (at - header));
	assert_int_equal(p[l4 + 13], s->tcp_flags & (last ? 0xff : ~0x09) & (i ? ~0x80 : 0xff));
	assert_memory_equal(p + l4 + 14, super + l4 + 14, 2);
	assert_memory_equal(p + l4 + 20, super + l4 + 20, s->tcp_options);
}

static void
super_packets_are_cut_as_the_model_says(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 21);
	for (unsigned round = 0; round < 2000; round++) {
		struct shape s = any_shape(&rng.rng);
		uint32_t at, i = 0, n, len, count, max;
		uint16_t gso = (uint16_t)(1 + rng_below(&rng.rng, round % 2 ? 1500 : 60));
		struct virtio_net_hdr vh;
		struct segment g;

		s.payload = (uint32_t)rng_below(&rng.rng, round % 10 ? 4000 : 60000);
		len = make_packet(super, &s, &rng.rng);
		vh = gso_header(&s, gso);
		assert_int_equal(segment_open(&g, &vh, super, len), ESP_DROP_NONE);
		at = header_of(&s);
		count = segment_count(&g);
		max = segment_max_octets(&g);
		while ((n = segment_next_octets(&g)) != 0) {
			uint32_t left = len - at, expect = left < gso ? left : gso;

			assert_int_equal(n, header_of(&s) + expect);
			assert_true(n <= max);
			assert_int_equal(segment_count(&g), count - i);
			memset(out, 0xaa, n + 1);
			segment_take(&g, out);
			assert_int_equal(out[n], 0xaa);
			check_segment(&s, out, n, i, at, at + expect == len);
			at += expect;
			i++;
		}
		assert_int_equal(at, len);
		assert_int_equal(i, count);
	}
}

static void
single_packets_pass_and_get_their_checksum(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 22);
	for (unsigned round = 0; round < 500; round++) {
		struct shape s = any_shape(&rng.rng);
		struct virtio_net_hdr vh = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
		uint8_t expect[3000];
		struct segment g;
		uint32_t len, l4 = l4_of(&s);
		uint16_t pseudo;

		s.payload = (uint32_t)rng_below(&rng.rng, 1500);
		len = make_packet(super, &s, &rng.rng);
		memcpy(expect, super, len);
		vh.csum_start = (uint16_t)l4;
		vh.csum_offset = s.proto == 6 ? 16 : 6;
		/* As the kernel leaves it: the sum of the pseudo-header, not complemented. */
		pseudo = model_sum((s.version == 4 ? model_sum(0, super + 12, 8) : model_sum(0, super + 8, 32)) + s.proto +
		                           (len - l4),
		                   NULL, 0);
		put_be16(super + l4 + vh.csum_offset, pseudo);
		assert_int_equal(segment_open(&g, &vh, super, len), ESP_DROP_NONE);
		assert_int_equal(segment_next_octets(&g), len);
		segment_take(&g, out);
		assert_int_equal(segment_next_octets(&g), 0);
		if (get_be16(expect + l4 + vh.csum_offset) == 0) /* TCP: both stand for zero */
			put_be16(expect + l4 + vh.csum_offset, 0xffff);
		assert_memory_equal(out, expect, len);
		assert_int_equal(segment_open(&g, NULL, super, len), ESP_DROP_NONE);
		segment_take(&g, out);
		assert_memory_equal(out, super, len);
	}
}

/* Arbitrary virtio headers and packets: refused, or cut within the lengths promised. Memory errors are for ASan. */
static void
hostile_super_packets_do_no_harm(void **state)
{
	struct seeded_rng rng;
	unsigned refused = 0;

	(void)state;
	seeded_rng_open(&rng, 23);
	for (unsigned round = 0; round < 20000; round++) {
		struct shape s = any_shape(&rng.rng);
		struct virtio_net_hdr vh;
		struct segment g;
		uint8_t *p;
		uint32_t n, len, max;

		s.payload = (uint32_t)rng_below(&rng.rng, 200);
		len = make_packet(super, &s, &rng.rng);
		vh = gso_header(&s, (uint16_t)(1 + rng_below(&rng.rng, 64)));
		for (unsigned k = (unsigned)rng_below(&rng.rng, 4); k; k--)
			super[rng_below(&rng.rng, header_of(&s))] = (uint8_t)rng_u32(&rng.rng);
		if (rng_below(&rng.rng, 2))
			((uint8_t *)&vh)[rng_below(&rng.rng, sizeof vh)] = (uint8_t)rng_u32(&rng.rng);
		len = (uint32_t)rng_below(&rng.rng, len + 1);
		p = malloc(len ? len : 1);
		memcpy(p, super, len);
		refused += segment_open(&g, &vh, p, len) != ESP_DROP_NONE;
		max = segment_max_octets(&g);
		while ((n = segment_next_octets(&g)) != 0) {
			assert_true(n <= max && n <= len);
			segment_take(&g, out);
		}
		free(p);
	}
	assert_in_range(refused, 1000, 19000);
}

/* ---- coalescing: segment(coalesce(x)) == x, in order within each flow */

static uint8_t in[PACKETS][2048], original[PACKETS][2048];
static uint32_t in_len[PACKETS];
static struct batch batch;
static struct coalesce co;

static void
flatten(const struct super_packet *o, uint8_t *to)
{
	for (uint32_t i = 1; i < o->n_iov; i++) {
		memcpy(to, o->iov[i].iov_base, o->iov[i].iov_len);
		to += o->iov[i].iov_len;
	}
}

/* Cuts every super-packet again; each result must be the next original that the super-packet took. */
static void
expect_same_again(size_t n, unsigned *joined)
{
	bool seen[PACKETS] = { false };
	uint32_t total = 0;

	*joined = 0;
	for (size_t i = 0; i < co.n; i++) {
		const struct super_packet *o = &co.out[i];
		uint32_t at = o->first, len, count = 0;
		struct segment g;

		assert_true(i == 0 || co.out[i - 1].first < o->first);
		flatten(o, super);
		assert_int_equal(segment_open(&g, &o->vh, super, o->octets), ESP_DROP_NONE);
		while ((len = segment_next_octets(&g)) != 0) {
			segment_take(&g, out);
			/* The next original with these octets: order within a flow is order in the batch. */
			while (at < n && (seen[at] || in_len[at] != len || memcmp(original[at], out, len) != 0))
				at++;
			if (at == n)
				fail_msg("super-packet %zu: segment %u is none that went in", i, count);
			seen[at] = true;
			count++;
		}
		assert_int_equal(count, o->packets);
		total += count;
		*joined += count - 1;
	}
	assert_int_equal(total, n);
}

static void
load(size_t i, uint32_t len)
{
	in_len[i] = len;
	memcpy(original[i], in[i], len);
	batch.pkt[i] = (struct packet) { .p = in[i], .len = len };
}

/* Several flows whose segments interleave, with every kind of disturbance. */
static void
fill_batch(struct rng *r, size_t n)
{
	struct shape flow[6];
	uint32_t size[6];

	for (unsigned f = 0; f < 6; f++) {
		flow[f] = any_shape(r);
		flow[f].options = rng_below(r, 5) ? 0 : flow[f].options;
		flow[f].tcp_flags = 0x10;
		flow[f].port = (uint16_t)(1000 + f);
		size[f] = 1 + (uint32_t)rng_below(r, 1400);
	}
	for (size_t i = 0; i < n; i++) {
		unsigned f = (unsigned)rng_below(r, 6);
		struct shape *s = &flow[f], now;
		uint32_t len;

		s->payload = size[f];
		now = *s;
		switch (rng_below(r, 24)) {
		case 0:
			now.payload = (uint32_t)rng_below(r, size[f] + 1);
			break;
		case 1:
			now.tcp_flags |= 0x08;
			break;
		case 2:
			now.tcp_flags = (uint8_t)rng_u32(r);
			break;
		case 3:
			now.seq += 1;
			break;
		case 4:
			now.id += 1;
			break;
		case 5:
			now.tos ^= 1;
			break;
		case 6:
			size[f] = 1 + (uint32_t)rng_below(r, 1400);
			break;
		}
		len = make_packet(in[i], &now, r);
		switch (rng_below(r, 60)) {
		case 0:
			in[i][header_of(&now) - 1] ^= 1;
			break; /* bad checksum or other options */
		case 1:
			put_be16(in[i] + l4_of(&now) + 6, 0);
			break; /* UDP without checksum */
		case 2:
			if (now.version == 4)
				in[i][6] = 0x20;
			break; /* a fragment with a stale header checksum */
		case 3:
			in[i][now.version == 4 ? 8 : 7] = 9;
			break; /* another TTL */
		}
		load(i, len);
		s->seq += now.payload;
		s->id++;
	}
	batch.n = n;
}

static void
coalescing_and_segmenting_gives_the_same_octets(void **state)
{
	struct seeded_rng rng;
	unsigned joined, all = 0;

	(void)state;
	seeded_rng_open(&rng, 31);
	co.features = COALESCE_TCP4 | COALESCE_TCP6 | COALESCE_UDP;
	for (unsigned round = 0; round < 600; round++) {
		size_t n = 1 + rng_below(&rng.rng, PACKETS);

		fill_batch(&rng.rng, n);
		coalesce(&co, &batch);
		expect_same_again(n, &joined);
		all += joined;
	}
	/* The disturbances leave room for joining, or this would prove nothing. */
	assert_true(all > 10000);
}

/* A super-packet cut, delivered whole, is one super-packet again. */
static void
a_cut_super_packet_is_joined_again(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 32);
	co.features = COALESCE_TCP4 | COALESCE_TCP6 | COALESCE_UDP;
	for (unsigned round = 0; round < 300; round++) {
		struct shape s = any_shape(&rng.rng);
		struct virtio_net_hdr vh;
		struct segment g;
		uint32_t len, n, i = 0;

		s.options = 0;
		s.tcp_flags = rng_below(&rng.rng, 2) ? 0x10 : 0x18;
		s.payload = 1400 * 40 + (uint32_t)rng_below(&rng.rng, 1400);
		len = make_packet(super, &s, &rng.rng);
		vh = gso_header(&s, 1400);
		assert_int_equal(segment_open(&g, &vh, super, len), ESP_DROP_NONE);
		while ((n = segment_next_octets(&g)) != 0) {
			segment_take(&g, in[i]);
			load(i++, n);
		}
		batch.n = i;
		coalesce(&co, &batch);
		/* One checksum in 65536 is 0xffff for TCP, which is never joined. */
		assert_in_range(co.n, 1, 3);
		if (co.n > 1)
			continue;
		assert_int_equal(co.out[0].octets, len);
		flatten(&co.out[0], out);
		/* All but the checksum, which is open. */
		put_be16(super + l4_of(&s) + vh.csum_offset, 0);
		put_be16(out + l4_of(&s) + vh.csum_offset, 0);
		assert_memory_equal(out, super, len);
		assert_int_equal(co.out[0].vh.gso_size, 1400);
		assert_int_equal(co.out[0].vh.gso_type, vh.gso_type);
	}
}

/* Packets of one flow keep their order, whatever joins what: checked by position. */
static void
no_packet_overtakes_another_of_its_flow(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 33);
	co.features = COALESCE_TCP4 | COALESCE_TCP6 | COALESCE_UDP;
	for (unsigned round = 0; round < 300; round++) {
		uint32_t next[8] = { 0 };

		batch.n = PACKETS;
		for (unsigned i = 0; i < PACKETS; i++) {
			unsigned f = (unsigned)rng_below(&rng.rng, 3);
			struct shape s = { .version = 4,
				           .proto = 17,
				           .payload = rng_below(&rng.rng, 9) ? 64 : 32,
				           .port = (uint16_t)f,
				           .id = (uint16_t)next[f] };
			uint32_t len = make_packet(in[i], &s, &rng.rng);

			/* The first octets count; a wrong checksum now and then keeps it from joining. */
			put_be32(in[i] + 28, next[f]++);
			put_be16(in[i] + 26, 0);
			if (rng_below(&rng.rng, 10))
				put_be16(in[i] + 26, (uint16_t)~model_l4(in[i], len, 20, 17));
			load(i, len);
		}
		coalesce(&co, &batch);
		memset(next, 0, sizeof next);
		for (size_t i = 0; i < co.n; i++) {
			struct segment g;

			flatten(&co.out[i], super);
			assert_int_equal(segment_open(&g, &co.out[i].vh, super, co.out[i].octets), ESP_DROP_NONE);
			while (segment_next_octets(&g)) {
				segment_take(&g, out);
				assert_int_equal(get_be32(out + 28), next[get_be16(out + 20)]++);
			}
		}
	}
}

/* A later fragment shows no ports: it may belong to any flow between its hosts, and none may pass it. */
static void
nothing_overtakes_a_fragment(void **state)
{
	struct seeded_rng rng;
	struct shape s = { .version = 4, .proto = 17, .payload = 100, .port = 5 };

	(void)state;
	seeded_rng_open(&rng, 34);
	co.features = COALESCE_UDP;
	for (unsigned i = 0; i < 3; i++) {
		uint32_t len;

		s.id = (uint16_t)(i / 2);
		len = make_packet(in[i], &s, &rng.rng);
		if (i == 1)
			put_be16(in[i] + 6, 0x0003);
		load(i, len);
	}
	batch.n = 3;
	coalesce(&co, &batch);
	assert_int_equal(co.n, 3);
	load(1, in_len[2]);
	batch.pkt[1].p = in[2];
	batch.n = 2;
	coalesce(&co, &batch);
	assert_int_equal(co.n, 1); /* without it they join */
}

static void
features_are_respected(void **state)
{
	static const struct {
		unsigned feature;
		int version;
		uint8_t proto;
	} cases[] = { { COALESCE_TCP4, 4, 6 }, { COALESCE_TCP6, 6, 6 }, { COALESCE_UDP, 4, 17 }, { COALESCE_UDP, 6, 17 } };
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 35);
	for (size_t c = 0; c < 4; c++) {
		for (unsigned f = 1; f <= COALESCE_UDP; f <<= 1) {
			for (unsigned i = 0; i < 2; i++) {
				struct shape s = { .version = cases[c].version,
					           .proto = cases[c].proto,
					           .payload = 100,
					           .tcp_flags = 0x10,
					           .id = (uint16_t)i,
					           .seq = i * 100 };

				load(i, make_packet(in[i], &s, &rng.rng));
			}
			batch.n = 2;
			co.features = f;
			coalesce(&co, &batch);
			assert_int_equal(co.n, f == cases[c].feature ? 1 : 2);
		}
	}
}

/* Constant identification with DF: joined only where the caller says so. */
static void
constant_identification_needs_its_feature(void **state)
{
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 36);
	for (unsigned atomic = 0; atomic < 2; atomic++) {
		for (unsigned i = 0; i < 5; i++) {
			struct shape s = { .version = 4, .proto = 17, .payload = 64, .id = 0 };

			load(i, make_packet(in[i], &s, &rng.rng));
		}
		batch.n = 5;
		co.features = COALESCE_UDP | (atomic ? COALESCE_ATOMIC_ID : 0);
		coalesce(&co, &batch);
		assert_int_equal(co.n, atomic ? 1 : 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_equal_the_plain_model),
		cmocka_unit_test(super_packets_are_cut_as_the_model_says),
		cmocka_unit_test(single_packets_pass_and_get_their_checksum),
		cmocka_unit_test(hostile_super_packets_do_no_harm),
		cmocka_unit_test(coalescing_and_segmenting_gives_the_same_octets),
		cmocka_unit_test(a_cut_super_packet_is_joined_again),
		cmocka_unit_test(no_packet_overtakes_another_of_its_flow),
		cmocka_unit_test(nothing_overtakes_a_fragment),
		cmocka_unit_test(features_are_respected),
		cmocka_unit_test(constant_identification_needs_its_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
