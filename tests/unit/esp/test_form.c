/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <zlib.h>

#include "checksum.h"
#include "esp_case.h"
#include "form.h"
#include "pmtu.h"

/* Transport mode, AH, bundles and IPComp: between two workers, over every combination, and against hostile packets. */

enum { ROOM = 66000, AH_SPI = 0xa0010000, PLAIN_CPI = 2 };

struct shape {
	uint8_t protocol; /* 50, 51; 0: both, a bundle */
	bool transport, ipcomp, udp, esn;
	uint8_t version; /* of everything */
};

struct link {
	struct esp_worker *near, *far;
	struct esp_case out, in;
	struct esp_sa *sa, *sa_in;
	struct shape shape;
};

static uint8_t wire[ROOM], inner[ROOM], room[ROOM];
static uint8_t ah_key[32] = { 7, 7, 7 };

static struct endpoint
end(const char *text)
{
	struct endpoint e = { .port = 4500 };

	assert_true(ip_parse(&e.ip, text));
	return e;
}

static void
shape_params(struct sa_params *p, const struct shape *s)
{
	p->mode = s->transport ? MODE_TRANSPORT : MODE_TUNNEL;
	p->udp_encap = s->udp;
	p->esn = s->esn;
	p->ipcomp_cpi = s->ipcomp ? PLAIN_CPI : 0;
	p->protocol = s->protocol;
	if (s->protocol == 51) {
		p->encr = (struct transform) { 0 };
		p->encr_key.n = 0;
		p->integ_id = INTEG_HMAC_SHA2_256_128;
		p->integ_key.n = 32;
	} else if (s->protocol == 0) {
		p->ah.spi = AH_SPI;
		p->ah.integ_id = INTEG_HMAC_SHA2_256_128;
		p->ah.integ_key = span_of(ah_key, sizeof ah_key);
	}
}

static void
link_open(struct link *l, const struct shape *s, const char *suite)
{
	struct endpoint a = end(s->version == 4 ? "192.0.2.1" : "2001:db8::1"),
	                b = end(s->version == 4 ? "192.0.2.2" : "2001:db8::2");

	*l = (struct link) { .near = esp_case_worker(BULK_AUTO), .far = esp_case_worker(BULK_EVP), .shape = *s };
	esp_case_init(&l->out, esp_case_suite(suite), 5);
	esp_case_init(&l->in, esp_case_suite(suite), 5);
	l->out.params.local = l->in.params.remote = a;
	l->out.params.remote = l->in.params.local = b;
	l->out.extra.seq = l->in.extra.seq = s->esn ? UINT32_MAX - 2 : 7;
	shape_params(&l->out.params, s);
	shape_params(&l->in.params, s);
	l->sa = esp_case_add(l->near, &l->out, SA_OUTBOUND);
	l->sa_in = esp_case_add(l->far, &l->in, SA_INBOUND);
}

static void
link_close(struct link *l)
{
	esp_worker_free(l->near);
	esp_worker_free(l->far);
}

/* A UDP packet between the two ends, its payload repetitive or not. */
static void
make_inner(const struct link *l, uint32_t len, bool repetitive)
{
	uint32_t header = l->shape.version == 4 ? 20 : 40;

	esp_case_packet(inner, len, l->shape.version, len);
	memcpy(inner + (header == 20 ? 12 : 8), l->out.params.local.ip.b, header == 20 ? 4 : 16);
	memcpy(inner + (header == 20 ? 16 : 24), l->out.params.remote.ip.b, header == 20 ? 4 : 16);
	if (repetitive)
		memset(inner + header + 8, 'x', len - header - 8);
	put_be16(inner + header + 6, 0);
	if (header == 20)
		ip_complete(inner, 9, 17, len);
}

/* Seals the inner packet; what would be on the wire behind the outer IP header the kernel makes, or whole, is in @wire. */
static enum esp_drop
seal(struct link *l, uint32_t len, struct packet *p)
{
	static struct batch b;

	memcpy(room + ESP_HEADROOM, inner, len);
	b.n = 1;
	b.pkt[0] = (struct packet) { .p = room + ESP_HEADROOM, .len = len, .sa = l->sa };
	esp_transmit(l->near, &b, SECONDS(1));
	*p = b.pkt[0];
	if (!p->drop)
		memcpy(wire, p->p, p->len);
	p->p = wire;
	return p->drop;
}

/* As the sockets hand it to the far end. */
static enum esp_drop
open_wire(struct link *l, struct packet *p)
{
	static struct batch b;
	uint8_t proto = p->head ? wire[ip_next_at(wire, p->head)] : 50;

	b.n = 1;
	b.pkt[0] = (struct packet) { .p = wire + p->head, .len = p->len - p->head, .tos = p->tos };
	if (proto == 17) {
		b.pkt[0].p += 8;
		b.pkt[0].len -= 8;
	} else if (proto == 51 || (p->head && l->shape.version == 4)) {
		b.pkt[0].head = p->head;
	}
	if (proto == 51)
		ah_receive(l->far, &b, SECONDS(2));
	else
		esp_receive(l->far, &b, SECONDS(2));
	assert_int_equal(b.n + b.n_dropped, 1);
	*p = b.pkt[0];
	return p->drop;
}

static bool
wants_whole(const struct shape *s)
{
	return s->transport || s->protocol != 50;
}

static void
check_header(const struct link *l, const struct packet *p)
{
	uint32_t next_at = p->head ? ip_next_at(p->p, p->head) : 0;

	assert_int_equal(p->head != 0, wants_whole(&l->shape));
	if (!p->head)
		return;
	assert_true(next_at);
	assert_int_equal(p->p[next_at], l->shape.udp ? 17 : l->shape.protocol == 50 ? 50 : 51);
	if (l->shape.version == 6) {
		assert_int_equal(get_be16(p->p + 4) + 40, p->len);
		return;
	}
	assert_int_equal(get_be16(p->p + 2), p->len);
	assert_int_equal(checksum_fold(checksum_add(0, p->p, p->head)), 0xffff);
	assert_true(get_be16(p->p + 4) != 0);
}

/* Of a header that the receiver had to make itself, addresses and protocol count. */
static void
check_restored(const struct link *l, const struct packet *p, uint32_t len)
{
	uint32_t header = l->shape.version == 4 ? 20 : 40;
	bool made = l->shape.transport && l->shape.protocol == 50 && (l->shape.udp || header == 40);

	assert_int_equal(p->len, len);
	assert_memory_equal(p->p + header, inner + header, len - header);
	if (!made) {
		assert_memory_equal(p->p, inner, header);
		return;
	}
	assert_memory_equal(p->p + (header == 20 ? 12 : 8), inner + (header == 20 ? 12 : 8), header == 20 ? 8 : 32);
	assert_int_equal(p->p[header == 20 ? 9 : 6], 17);
	if (header == 20)
		assert_int_equal(checksum_fold(checksum_add(0, p->p, 20)), 0xffff);
}

static void
round_trips(const struct shape *s, const char *suite)
{
	static const uint32_t lengths[] = { 60, 61, 90, 300, 1000, 1400, 9000 };
	struct link l;

	link_open(&l, s, suite);
	for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
		uint32_t len = lengths[i / 2];
		struct packet p;
		uint32_t sealed;

		make_inner(&l, len, i & 1);
		if (seal(&l, len, &p))
			fail_msg("%s %u: %s", suite, len, esp_drop_name(p.drop));
		check_header(&l, &p);
		sealed = p.len;
		if (s->ipcomp && (i & 1) && len >= 300)
			assert_true(sealed < len);
		if (open_wire(&l, &p))
			fail_msg("%s %u v%d transport %d proto %u: %s", suite, len, s->version, s->transport, s->protocol,
			         esp_drop_name(p.drop));
		check_restored(&l, &p, len);
	}
	assert_int_equal(l.sa->packets, 14);
	assert_int_equal(l.sa_in->packets, 14);
	link_close(&l);
}

static void
every_form_comes_out_as_it_went_in(void **state)
{
	static const uint8_t protocols[] = { 50, 51, 0 };

	(void)state;
	for (unsigned i = 0; i < 3 * 32; i++) {
		struct shape s = { .protocol = protocols[i / 32],
			           .transport = i & 1,
			           .ipcomp = i & 2,
			           .version = i & 4 ? 6 : 4,
			           .udp = i & 8,
			           .esn = i & 16 };

		if (s.udp && s.protocol != 50)
			continue;
		round_trips(&s, i % 3 ? "aes256gcm16" : "aes128-sha256");
	}
}

static void
every_suite_does_transport_mode(void **state)
{
	struct shape s = { .protocol = 50, .transport = true, .version = 4 };

	(void)state;
	for (size_t i = 0; i < n_esp_suite_cases; i++)
		round_trips(&s, esp_suite_cases[i].name);
}

/* What is sent is never larger than the MTU that pmtu_inner_max was asked for, and one octet more would be. */
static void
the_mtu_is_exact(void **state)
{
	static const uint8_t protocols[] = { 50, 51, 0 };

	(void)state;
	for (unsigned i = 0; i < 3 * 8; i++) {
		struct shape s = {
			.protocol = protocols[i / 8], .transport = i & 1, .version = i & 2 ? 6 : 4, .udp = i & 4 && i < 8
		};
		struct link l;

		link_open(&l, &s, "aes128-sha256");
		for (uint32_t mtu = 1280; mtu < 1320; mtu++) {
			uint32_t max = pmtu_inner_max(l.sa, mtu), outside;

			for (uint32_t more = 0; more < 2; more++) {
				struct packet p;

				make_inner(&l, max + more, false);
				assert_int_equal(seal(&l, max + more, &p), ESP_DROP_NONE);
				outside = p.len + (p.head ? 0 : (s.version == 4 ? 20 : 40) + (s.udp ? 8 : 0));
				assert_true(more ? outside > mtu : outside <= mtu);
			}
		}
		link_close(&l);
	}
}

/* Options that AH cannot read it cannot protect. */
static void
crooked_options_do_not_leave_under_ah(void **state)
{
	struct shape s = { .protocol = 51, .transport = true, .version = 4 };
	static const uint8_t option[4] = { 148, 0, 0, 0 };
	struct link l;
	struct packet p;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	make_inner(&l, 100, false);
	inner[0] = 0x46;
	memcpy(inner + 20, option, sizeof option);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_MALFORMED);
	assert_int_equal(esp_worker_drops(l.near)[ESP_DROP_MALFORMED], 1);
	make_inner(&l, 100, false);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	link_close(&l);
}

static void
fragments_are_not_protected_in_transport_mode(void **state)
{
	struct shape s = { .protocol = 50, .transport = true, .version = 4 };
	struct link l;
	struct packet p;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	make_inner(&l, 100, false);
	put_be16(inner + 6, 0x2000);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_FRAGMENT);
	put_be16(inner + 6, 0x0010);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_FRAGMENT);
	assert_int_equal(l.sa->seq, 7);
	/* Too large without DF: it is fragmented outside, never before. */
	make_inner(&l, 1500, false);
	assert_int_equal(pmtu_judge(l.sa, inner, 1500), PMTU_OUTER);
	put_be16(inner + 6, 0x4000);
	assert_int_equal(pmtu_judge(l.sa, inner, 1500), PMTU_ICMP);
	link_close(&l);
}

/* Every bit of the packet is covered, but for the fields that routers change. */
static void
ah_covers_all_that_is_not_mutable(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version = (uint8_t)(version + 2)) {
		struct shape s = { .protocol = 51, .transport = true, .version = version };
		uint8_t copy[256];
		struct packet sealed, p;
		struct link l;

		link_open(&l, &s, "null-sha256");
		make_inner(&l, 80, false);
		assert_int_equal(seal(&l, 80, &sealed), ESP_DROP_NONE);
		memcpy(copy, wire, sealed.len);
		for (uint32_t bit = 0; bit < sealed.len * 8; bit++) {
			uint32_t at = bit / 8;
			bool mutable = version == 4 ? at == 1 || at == 6 || at == 7 || at == 8 || at == 10 || at == 11
			                            : (at == 0 && bit % 8 < 4) || (at > 0 && at < 4) || at == 7;

			/* Version and header length are the kernel's to judge, the ancillary lengths say where AH is. */
			if (mutable || at == 0)
				continue;
			memcpy(wire, copy, sealed.len);
			wire[at] ^= (uint8_t)(1u << bit % 8);
			p = sealed;
			if (wire[ip_next_at(wire, p.head)] != 51)
				continue;
			assert_int_not_equal(open_wire(&l, &p), ESP_DROP_NONE);
		}
		memcpy(wire, copy, sealed.len);
		if (version == 4) {
			wire[1] = 0x2e;
			wire[8] = 3;
		} else {
			put_be32(wire, 0x6ff54321);
			wire[7] = 3;
		}
		p = sealed;
		assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
		memcpy(wire, copy, sealed.len);
		p = sealed;
		assert_int_equal(open_wire(&l, &p), ESP_DROP_REPLAY);
		link_close(&l);
	}
}

/* RFC 4301 section 5.2: what was negotiated together must come together. */
static void
a_bundle_demands_both(void **state)
{
	struct shape s = { .protocol = 0, .transport = true, .version = 4 };
	struct packet p;
	struct link l;
	uint32_t ah;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	ah = ah_octets(esp_sa_form(l.sa)->other, false);
	make_inner(&l, 100, false);
	/* The AH taken off: its ESP alone is authentic, and still refused. */
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	memmove(wire + ah, wire, p.head);
	memmove(wire, wire + ah, p.len - ah);
	p.len -= ah;
	ip_complete(wire, 9, 50, p.len);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_BUNDLE);
	/* With it, the next packet passes. */
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	/* Both SAs go with one removal, whichever is named. */
	assert_int_equal(esp_sa_count(l.far), 2);
	esp_sa_remove(l.far, esp_sa_find(l.far, SA_INBOUND, AH_SPI, NULL));
	assert_int_equal(esp_sa_count(l.far), 0);
	link_close(&l);
}

/* An SA's number in the other protocol is no way in. */
static void
protocols_are_not_mixed_up(void **state)
{
	struct shape ah = { .protocol = 51, .transport = true, .version = 4 }, esp = ah;
	struct packet p;
	struct link l;

	(void)state;
	link_open(&l, &ah, "null-sha256");
	make_inner(&l, 100, false);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	memset(wire, 0, 128);
	put_be32(wire, l.sa->spi);
	p = (struct packet) { .p = wire, .len = 128 };
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NO_SA);
	link_close(&l);

	esp.protocol = 50;
	link_open(&l, &esp, "null-sha256");
	make_inner(&l, 100, false);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	put_be32(wire + 24, l.sa->spi);
	ip_complete(wire, 9, 51, p.len);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NO_SA);
	link_close(&l);
}

/* Only what is within the selectors comes out, whatever was inside. */
static void
selectors_hold_in_transport_mode(void **state)
{
	struct shape s = { .protocol = 50, .transport = true, .version = 4 };
	struct packet p;
	struct link l;

	(void)state;
	for (uint8_t proto = 6; proto <= 17; proto = (uint8_t)(proto + 11)) {
		link_open(&l, &s, "aes256gcm16");
		esp_sa_remove(l.far, l.sa_in);
		l.in.ts[0].local.proto = l.in.ts[0].remote.proto = proto;
		l.in.extra.n_ts = 1;
		esp_case_add(l.far, &l.in, SA_INBOUND);
		make_inner(&l, 100, false);
		assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
		assert_int_equal(open_wire(&l, &p), proto == 17 ? ESP_DROP_NONE : ESP_DROP_SELECTOR);
		link_close(&l);
	}
}

static void
checksums_are_fixed_behind_a_nat(void **state)
{
	struct shape s = { .protocol = 50, .transport = true, .version = 4, .udp = true };
	struct packet p;
	struct link l;
	uint64_t sum;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	esp_sa_remove(l.far, l.sa_in);
	/* The NAT shows the sender as 203.0.113.9; it thinks that it is 192.0.2.1. */
	l.in.params.nat_oa_remote = l.in.params.remote.ip;
	l.in.params.remote = end("203.0.113.9");
	esp_case_add(l.far, &l.in, SA_INBOUND);
	make_inner(&l, 100, false);
	sum = checksum_add_u16(checksum_add_u16(checksum_add(0, inner + 12, 8), 80), 17);
	checksum_store(inner + 26, checksum_add(sum, inner + 20, 80), 1);
	assert_int_equal(seal(&l, 100, &p), ESP_DROP_NONE);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	assert_int_equal(get_be32(p.p + 12), 0xcb007109);
	sum = checksum_add_u16(checksum_add_u16(checksum_add(0, p.p + 12, 8), 80), 17);
	assert_int_equal(checksum_fold(checksum_add(sum, p.p + 20, 80)), 0xffff);
	link_close(&l);
}

/* Fills in the UDP checksum of the packet at @ip, or checks it. */
static uint64_t
udp_sum(const uint8_t *ip, uint32_t len)
{
	uint32_t header = ip[0] >> 4 == 4 ? 20 : 40;
	uint64_t sum = checksum_add(0, ip + (header == 20 ? 12 : 8), header == 20 ? 8 : 32);

	return checksum_add(checksum_add_u16(checksum_add_u16(sum, len - header), 17), ip + header, len - header);
}

/* A peer behind a NAT under an alias: it hears from us by its NAT's address, our packets know it by the alias. */
static void
an_alias_is_for_this_host_alone(void **state)
{
	static const char *const aliases[] = { "198.18.3.4", "2001:db8:18::4" };

	(void)state;
	for (unsigned v = 0; v < 4; v++) {
		struct shape s = { .protocol = 50, .transport = true, .version = v & 1 ? 6 : 4, .udp = true, .ipcomp = v > 1 };
		uint32_t header = v & 1 ? 40 : 20, src = v & 1 ? 8 : 12, octets = v & 1 ? 16 : 4;
		struct ip alias = end(aliases[v & 1]).ip;
		struct packet p;
		struct link l;

		link_open(&l, &s, "aes256gcm16");
		/* Outbound: @near is the host, its packet goes to the alias. */
		esp_sa_remove(l.near, l.sa);
		l.out.params.alias = alias;
		l.sa = esp_case_add(l.near, &l.out, SA_OUTBOUND);
		make_inner(&l, 300, true);
		memcpy(inner + src + octets, alias.b, octets);
		checksum_store(inner + header + 6, udp_sum(inner, 300), 1);
		assert_int_equal(seal(&l, 300, &p), ESP_DROP_NONE);
		assert_memory_equal(wire + src + octets, l.out.params.remote.ip.b, octets);
		assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
		assert_memory_equal(p.p + src + octets, l.out.params.remote.ip.b, octets);
		assert_int_equal(checksum_fold(udp_sum(p.p, p.len)), 0xffff);
		/* Inbound: @far is the host, and the peer made its checksum for an address that nobody sees. */
		esp_sa_remove(l.near, l.sa);
		esp_sa_remove(l.far, l.sa_in);
		l.out.params.alias = (struct ip) { 0 };
		l.sa = esp_case_add(l.near, &l.out, SA_OUTBOUND);
		l.in.params.alias = alias;
		l.in.params.nat_oa_remote = l.in.params.remote.ip;
		esp_case_add(l.far, &l.in, SA_INBOUND);
		make_inner(&l, 300, true);
		checksum_store(inner + header + 6, udp_sum(inner, 300), 1);
		assert_int_equal(seal(&l, 300, &p), ESP_DROP_NONE);
		assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
		assert_memory_equal(p.p + src, alias.b, octets);
		assert_int_equal(checksum_fold(udp_sum(p.p, p.len)), 0xffff);
		if (header == 20)
			assert_int_equal(checksum_fold(checksum_add(0, p.p, 20)), 0xffff);
		link_close(&l);
	}
}

/* IPv6 extension headers: those for the hops stay outside, those for the destination are inside and come back. */
static void
extension_headers_travel(void **state)
{
	static const uint8_t protocols[] = { 50, 51, 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct shape s = { .protocol = protocols[i], .transport = true, .version = 6 };
		struct packet p;
		struct link l;

		link_open(&l, &s, "aes256gcm16");
		make_inner(&l, 120, false);
		inner[6] = 0;
		inner[40] = 60;
		inner[41] = inner[48 + 1] = 0;
		memcpy(inner + 42, "\x3e\x04zzzz", 6);
		inner[48] = 17;
		memcpy(inner + 50, "\x01\x04\0\0\0\0", 6);
		assert_int_equal(seal(&l, 120, &p), ESP_DROP_NONE);
		assert_int_equal(p.head, 48);
		assert_int_equal(wire[40], s.protocol == 50 ? 50 : 51);
		wire[44] ^= 0xff; /* a router's business */
		if (s.protocol == 50) {
			/* The raw socket with its ancillary data: the caller put the header in front. */
			static struct batch b;

			b.n = 1;
			b.pkt[0] = (struct packet) { .p = wire + 48, .len = p.len - 48, .head = 48 };
			esp_receive(l.far, &b, 1);
			p = b.pkt[0];
			assert_int_equal(p.drop, ESP_DROP_NONE);
		} else {
			assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
		}
		inner[44] ^= 0xff;
		assert_int_equal(p.len, 120);
		assert_memory_equal(p.p, inner, 120);
		link_close(&l);
	}
}

/* DPDK's whole packet: AH in transport mode, HMAC-SHA-256. */
static void
dpdk_ah_packet(void **state)
{
	size_t n, at;
	char *text = read_test_data("vectors/ipsec-packets-dpdk.json", &n);
	json_t *root = json_loadb(text, n, 0, NULL), *o;
	unsigned checked = 0;

	(void)state;
	json_array_foreach (root, at, o) {
		struct shape s = { .protocol = 51, .transport = true, .version = 4 };
		uint8_t key[64], expect[512];
		struct link l;
		uint32_t len;
		size_t m;

		if (strcmp(json_string_value(json_object_get(o, "protocol")), "AH") != 0)
			continue;
		m = from_hex(expect, sizeof expect, json_string_value(json_object_get(o, "output_text")));
		len = (uint32_t)from_hex(inner, sizeof inner, json_string_value(json_object_get(o, "input_text")));
		link_open(&l, &s, "null-sha256");
		esp_worker_free(l.near);
		esp_worker_free(l.far);
		l.near = esp_case_worker(BULK_AUTO);
		l.far = esp_case_worker(BULK_EVP);
		from_hex(key, sizeof key, json_string_value(json_object_get(o, "auth_key")));
		l.out.params.integ_key = l.in.params.integ_key = span_of(key, 32);
		l.out.extra.seq = get_be32(expect + 28) - 1;
		l.in.extra.seq = 0;
		/* Its SPI is one that RFC 4302 reserves: the SA gets another, which then is put in its place. */
		l.sa = esp_case_add(l.near, &l.out, SA_OUTBOUND);
		l.sa->spi = get_be32(expect + 24);
		/* Its identification is zero, which we would not send: so the stage that makes the AH is called by itself. */
		memcpy(wire, expect, m);
		assert_memory_equal(wire + 24 + 28 - 4, inner + 20, len - 20);
		memset(wire + 20, 0, 28);
		ah_seal(l.near, l.sa, wire, &(struct form_job) { .header = 20 }, (uint32_t)m, get_be32(expect + 28), expect[20]);
		assert_memory_equal(wire, expect, m);
		l.sa->spi = l.out.params.spi;
		link_close(&l);
		checked++;
	}
	assert_int_equal(checked, 1);
	json_decref(root);
	free(text);
}

/* Any octets inside authentic AH or ESP: what comes out is a whole packet, or is dropped. */
static void
hostile_insides_are_survived(void **state)
{
	static const uint8_t protocols[] = { 50, 51, 0 };
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 11);
	for (unsigned i = 0; i < 3 * 8; i++) {
		struct shape s = { .protocol = protocols[i / 8], .transport = i & 1, .ipcomp = true, .version = i & 2 ? 6 : 4 };
		struct link l;

		link_open(&l, &s, "aes256gcm16");
		for (unsigned k = 0; k < 100; k++) {
			uint32_t header = s.version == 4 ? 20 : 40, len = header + 8 + (uint32_t)rng_below(&rng.rng, 200);
			struct packet p;

			make_inner(&l, len, false);
			/* The near end protects anything: here, what only looks like IPComp. */
			if (s.transport)
				inner[header == 20 ? 9 : 6] = k & 1 ? 108 : (uint8_t)rng_below(&rng.rng, 256);
			if (k & 1)
				put_be16(inner + header + 2, PLAIN_CPI);
			if (seal(&l, len, &p) || p.head + 8u > p.len)
				continue;
			if (open_wire(&l, &p))
				continue;
			assert_true(p.len >= 20 && (p.p[0] >> 4 == 4 ? get_be16(p.p + 2) : get_be16(p.p + 4) + 40u) == p.len);
		}
		link_close(&l);
	}
}

/* Each packet is counted by what became of it, at both ends. */
static void
compression_is_counted(void **state)
{
	struct shape s = { .protocol = 50, .ipcomp = true, .version = 4 };
	struct sa_usage near, far;
	struct packet p;
	struct link l;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	for (unsigned i = 0; i < 6; i++) {
		make_inner(&l, 1000, i < 2);
		assert_int_equal(seal(&l, 1000, &p), ESP_DROP_NONE);
		assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	}
	esp_sa_usage(l.sa, &near);
	esp_sa_usage(l.sa_in, &far);
	assert_int_equal(near.compressed, 2);
	assert_int_equal(near.incompressible, 4);
	assert_int_equal(far.compressed, 2);
	assert_int_equal(far.incompressible, 0);
	link_close(&l);
}

/* A datagram that would expand to more than a packet: dropped and counted, a whole batch of them too, and the next is served. */
static void
bombs_go_off_in_their_room(void **state)
{
	struct shape s = { .protocol = 50, .transport = true, .version = 4 }, compressing = s;
	uint8_t bomb[1000] = { 6, 0, 0, PLAIN_CPI };
	static uint8_t zeros[200000];
	z_stream z = { .next_in = zeros, .avail_in = sizeof zeros, .next_out = bomb + 4, .avail_out = sizeof bomb - 4 };
	struct sa_usage far;
	struct packet p;
	struct link l;
	uint32_t n;

	(void)state;
	compressing.ipcomp = true;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = 4 + (uint32_t)z.total_out;
	deflateEnd(&z);
	link_open(&l, &s, "aes256gcm16");
	esp_worker_free(l.far);
	l.far = esp_case_worker(BULK_EVP);
	shape_params(&l.in.params, &compressing);
	l.sa_in = esp_case_add(l.far, &l.in, SA_INBOUND);
	for (unsigned i = 0; i < 50; i++) {
		make_inner(&l, 20 + n, false);
		memcpy(inner + 20, bomb, n);
		ip_complete(inner, 9, PROTO_IPCOMP, 20 + n);
		assert_int_equal(seal(&l, 20 + n, &p), ESP_DROP_NONE);
		assert_int_equal(open_wire(&l, &p), ESP_DROP_IPCOMP);
	}
	esp_sa_usage(l.sa_in, &far);
	assert_int_equal(far.incompressible, 50);
	make_inner(&l, 300, false);
	assert_int_equal(seal(&l, 300, &p), ESP_DROP_NONE);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	link_close(&l);
}

/* RFC 3173 section 2: only where an IPCA was agreed on. A batch of such packets leaves room for the one behind them. */
static void
compression_that_was_not_agreed_on_takes_no_room(void **state)
{
	enum { PACKETS = 33, LEN = 300 };
	struct shape s = { .protocol = 50, .transport = true, .version = 4 };
	static uint8_t sealed[PACKETS][LEN + 200];
	static struct batch b;
	struct packet p;
	struct link l;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	for (unsigned i = 0; i < PACKETS; i++) {
		make_inner(&l, LEN, false);
		if (i + 1 < PACKETS)
			ip_complete(inner, 9, PROTO_IPCOMP, LEN);
		assert_int_equal(seal(&l, LEN, &p), ESP_DROP_NONE);
		memcpy(sealed[i], wire, p.len);
		b.pkt[i] = (struct packet) { .p = sealed[i] + p.head, .len = p.len - p.head, .head = p.head };
	}
	b.n = PACKETS;
	esp_receive(l.far, &b, SECONDS(2));
	assert_int_equal(b.n, 1);
	assert_int_equal(b.pkt[0].len, LEN);
	for (unsigned i = 1; i < PACKETS; i++)
		assert_int_equal(b.pkt[i].drop, ESP_DROP_IPCOMP);
	link_close(&l);
}

/* The Fragment header of a datagram that was made whole stays out: RFC 4303 section 3.1.1, RFC 6946. */
static void
an_only_fragment_is_protected_without_its_header(void **state)
{
	struct shape s = { .protocol = 51, .transport = true, .version = 6 };
	static uint8_t plain[1000];
	struct packet p;
	struct link l;

	(void)state;
	link_open(&l, &s, "aes256gcm16");
	make_inner(&l, 1000, false);
	memcpy(plain, inner, 1000);
	memcpy(inner + 48, plain + 40, 960);
	memset(inner + 40, 0, 8);
	inner[40] = 17;
	inner[47] = 99;
	ip_complete(inner, 6, PROTO_FRAGMENT, 1008);
	assert_int_equal(seal(&l, 1008, &p), ESP_DROP_NONE);
	assert_int_equal(p.head, 40);
	assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
	assert_int_equal(p.len, 1000);
	assert_memory_equal(p.p, plain, 1000);
	/* One of several is not. */
	memcpy(inner + 48, plain + 40, 960);
	inner[43] = 1;
	assert_int_equal(seal(&l, 1008, &p), ESP_DROP_FRAGMENT);
	link_close(&l);
}

/* Nothing leaves whose length 16 bits cannot say, and up to there everything comes through. */
static void
the_largest_datagrams_pass_or_are_refused(void **state)
{
	static const uint8_t protocols[] = { 50, 51, 0 };

	(void)state;
	for (unsigned i = 0; i < 3 * 4; i++) {
		struct shape s = { .protocol = protocols[i / 4], .transport = i & 1, .version = i & 2 ? 6 : 4 };
		uint32_t passed = 0;
		struct packet p;
		struct link l;

		link_open(&l, &s, "aes256-sha512");
		for (uint32_t len = 65200; len < 65535; len += 5) {
			make_inner(&l, len, false);
			if (seal(&l, len, &p)) {
				assert_int_equal(p.drop, ESP_DROP_TOO_BIG);
				continue;
			}
			assert_true(p.len <= 65535);
			assert_int_equal(open_wire(&l, &p), ESP_DROP_NONE);
			assert_int_equal(p.len, len);
			passed++;
		}
		assert_true(passed > 10);
		link_close(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_comes_out_as_it_went_in),
		cmocka_unit_test(every_suite_does_transport_mode),
		cmocka_unit_test(the_mtu_is_exact),
		cmocka_unit_test(fragments_are_not_protected_in_transport_mode),
		cmocka_unit_test(crooked_options_do_not_leave_under_ah),
		cmocka_unit_test(ah_covers_all_that_is_not_mutable),
		cmocka_unit_test(a_bundle_demands_both),
		cmocka_unit_test(protocols_are_not_mixed_up),
		cmocka_unit_test(selectors_hold_in_transport_mode),
		cmocka_unit_test(checksums_are_fixed_behind_a_nat),
		cmocka_unit_test(an_alias_is_for_this_host_alone),
		cmocka_unit_test(extension_headers_travel),
		cmocka_unit_test(dpdk_ah_packet),
		cmocka_unit_test(hostile_insides_are_survived),
		cmocka_unit_test(compression_is_counted),
		cmocka_unit_test(bombs_go_off_in_their_room),
		cmocka_unit_test(compression_that_was_not_agreed_on_takes_no_room),
		cmocka_unit_test(an_only_fragment_is_protected_without_its_header),
		cmocka_unit_test(the_largest_datagrams_pass_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
