/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any octets as ESP packets, for an SA of each kind: none is accepted, since none
 * is authentic. Then the same octets as the payload of an authentic packet, as a
 * hostile peer could send: what comes out is a whole IP packet within them. The
 * same for AH and transport mode, with IPComp; and the octets as the IP header
 * that AH masks.
 */
#include "form.h"
#include "fuzz.h"
#include "pmtu.h"
#include "seeded_rng.h"

enum { ROOM = 4096, KINDS = 7, TRANSPORT_KIND = 4, AH_KIND = 5, FIRST_SPI = 0x1000, FORM_HEADER = 20 };

static const struct {
	struct transform encr;
	uint16_t integ_id;
	size_t encr_key, integ_key;
	uint8_t protocol, mode;
	uint16_t cpi;
} kinds[KINDS] = {
	{ { ENCR_AES_GCM_16, 256 }, INTEG_NONE, 36, 0 },
	{ { ENCR_CHACHA20_POLY1305, 0 }, INTEG_NONE, 36, 0 },
	{ { ENCR_AES_CBC, 128 }, INTEG_HMAC_SHA2_256_128, 16, 32 },
	{ { ENCR_NULL, 0 }, INTEG_HMAC_SHA1_96, 0, 20 },
	{ { ENCR_NULL, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 50, MODE_TRANSPORT, 2 },
	{ { 0, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 51, MODE_TRANSPORT, 2 },
	{ { 0, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 51, MODE_TUNNEL, 2 },
};

static struct esp_worker *worker;
static struct bulk *bulk;
static uint8_t key[64], sealing_key[2048] __attribute__((aligned(64)));

static struct selector
half(uint8_t family, uint16_t port_hi)
{
	struct ip a = { .family = family };

	return selector_from_prefix(&a, 1, 0, 0, port_hi);
}

static void
set_up(void)
{
	static struct seeded_rng rng;
	struct selector_pair ts[2] = { { half(IP_V4, 65535), half(IP_V4, 1023) }, { half(IP_V6, 65535), half(IP_V6, 65535) } };
	struct esp_sa_extra x = { .ts = ts, .n_ts = 2 };

	seeded_rng_open(&rng, 1);
	worker = esp_worker_new(&(struct esp_worker_options) { .provider = BULK_AUTO, .rng = &rng.rng });
	bulk = bulk_new(BULK_AUTO);
	fuzz_require(worker && bulk);
	for (uint32_t i = 0; i < KINDS; i++) {
		const char *why = "";
		struct sa_params p = { .direction = SA_INBOUND,
			               .spi = FIRST_SPI + i,
			               .encr = kinds[i].encr,
			               .integ_id = kinds[i].integ_id,
			               .encr_key = span_of(key, kinds[i].encr_key),
			               .integ_key = span_of(key, kinds[i].integ_key),
			               .esn = i & 1,
			               .copy_ecn = true,
			               .copy_dscp = 3,
			               .protocol = kinds[i].protocol,
			               .mode = kinds[i].mode,
			               .ipcomp_cpi = kinds[i].cpi };

		p.local.ip.family = p.remote.ip.family = IP_V4;
		fuzz_require(esp_sa_add(worker, &p, &x, &why));
	}
}

static void
forged(const uint8_t *data, size_t n)
{
	static uint8_t room[KINDS + 1][ROOM];
	static struct batch b;

	b.n = KINDS + 1;
	for (uint32_t i = 0; i <= KINDS; i++) {
		memcpy(room[i], data, n);
		if (i < KINDS && n >= 4)
			put_be32(room[i], FIRST_SPI + i);
		b.pkt[i] = (struct packet) { .p = room[i], .len = (uint32_t)n, .tos = 3 };
	}
	esp_receive(worker, &b, 1);
	fuzz_require(b.n == 0 && b.n_dropped == KINDS + 1);
}

static void
authentic(const uint8_t *data, size_t n)
{
	static uint8_t room[ROOM + 64];
	static struct batch b;
	const struct bulk_suite *s = bulk_suite(bulk, ENCR_NULL, 0, INTEG_HMAC_SHA1_96);
	struct bulk_op op = { .key = sealing_key, .head = room, .payload = (uint32_t)n & ~3u, .esn = true };
	struct packet *p = &b.pkt[0];
	uint8_t icmp[PMTU_ICMP_MAX];
	struct ip from = { 0 };

	fuzz_require(s->key_size <= sizeof sealing_key);
	fuzz_require(bulk_key_expand(bulk, s, sealing_key, true, (struct span) { 0 }, span_of(key, 20)));
	put_be32(room, FIRST_SPI + 3);
	put_be32(room + 4, 1);
	memcpy(room + 8, data, n);
	bulk_seal(bulk, s, &op, 1);
	bulk_key_clear(s, sealing_key);
	b.n = 1;
	*p = (struct packet) { .p = room, .len = 8 + op.payload + 12, .tos = data[0] };
	esp_receive(worker, &b, 1);
	fuzz_require(p->drop != ESP_DROP_ICV && p->drop != ESP_DROP_NO_SA);
	if (!b.n)
		return;
	fuzz_require(p->p == room + 8 && p->len <= op.payload - 2);
	fuzz_require(p->p[0] >> 4 == 4 ? get_be16(p->p + 2) == p->len : 40u + get_be16(p->p + 4) == p->len);
	fuzz_require(pmtu_icmp(icmp, p->p, p->len, &from, 1280) <= sizeof icmp);
}

/* Behind an IPv4 header: as AH for its SAs, and one that nobody has. */
static void
forged_ah(const uint8_t *data, size_t n)
{
	static uint8_t room[3][FORM_HEADER + ROOM];
	static struct batch b;

	b.n = 3;
	for (uint32_t i = 0; i < 3; i++) {
		memset(room[i], 0, FORM_HEADER);
		room[i][0] = 0x45;
		memcpy(room[i] + FORM_HEADER, data, n);
		if (n >= 8)
			put_be32(room[i] + FORM_HEADER + 4, FIRST_SPI + AH_KIND + i);
		b.pkt[i] = (struct packet) { .p = room[i] + FORM_HEADER, .len = (uint32_t)n, .head = FORM_HEADER };
	}
	ah_receive(worker, &b, 1);
	fuzz_require(b.n == 0 && b.n_dropped == 3);
}

/* What a hostile peer sends in transport mode; the IP header is made from the SA's ends. */
static void
authentic_transport(const uint8_t *data, size_t n)
{
	static uint8_t room[ROOM + 64];
	static struct batch b;
	const struct bulk_suite *s = bulk_suite(bulk, ENCR_NULL, 0, INTEG_HMAC_SHA1_96);
	struct bulk_op op = { .key = sealing_key, .head = room, .payload = (uint32_t)n & ~3u };
	struct packet *p = &b.pkt[0];

	fuzz_require(bulk_key_expand(bulk, s, sealing_key, true, (struct span) { 0 }, span_of(key, 20)));
	put_be32(room, FIRST_SPI + TRANSPORT_KIND);
	put_be32(room + 4, 1);
	memcpy(room + 8, data, n);
	bulk_seal(bulk, s, &op, 1);
	bulk_key_clear(s, sealing_key);
	b.n = 1;
	*p = (struct packet) { .p = room, .len = 8 + op.payload + 12 };
	esp_receive(worker, &b, 1);
	fuzz_require(p->drop != ESP_DROP_ICV && p->drop != ESP_DROP_NO_SA);
	if (b.n)
		fuzz_require(p->p[0] == 0x45 && get_be16(p->p + 2) == p->len);
}

static void
masked_header(const uint8_t *data, size_t n)
{
	static uint8_t copy[HEADER_OCTETS_MAX];
	uint32_t header = data[0] >> 4 == 4 ? (data[0] & 15u) * 4 : (uint32_t)n & ~7u;
	struct ip_split s;

	if (ip_split(&s, data, (uint32_t)n))
		fuzz_require(s.header <= n && s.next_at < s.header);
	if (header < (data[0] >> 4 == 4 ? IPV4_HEADER : IPV6_HEADER) || header > n || header > sizeof copy)
		return;
	memcpy(copy, data, header);
	ah_mask_header(copy, header);
	fuzz_require(ip_next_at(data, header) < header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!worker)
		set_up();
	if (n < 1 || n > ROOM)
		return 0;
	forged(data, n);
	authentic(data, n);
	forged_ah(data, n);
	authentic_transport(data, n);
	masked_header(data, n);
	return 0;
}
