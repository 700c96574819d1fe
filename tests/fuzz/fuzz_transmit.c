/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any octets as an inner packet that is to be protected, in each form there is. As they are they may be refused. Made a
 * whole IP packet, a tunnel must carry them to the other end octet for octet; transport mode and AH may refuse a header
 * that they cannot keep, and what does come out has its payload. Then the octets as an IPComp payload: within its room;
 * and what was compressed is what is decompressed.
 */
#include "form.h"
#include "fuzz.h"
#include "seeded_rng.h"

enum { PACKET_MAX = 4096, ROOM = ESP_HEADROOM + PACKET_MAX + ESP_TAILROOM, FORMS = 7, FIRST_SPI = 0x1000, BUNDLE_SPI = 0x2000 };

static const struct form {
	struct transform encr;
	uint16_t integ_id;
	size_t encr_key, integ_key;
	uint8_t protocol, mode;
	uint16_t cpi;
	bool bundle;
} forms[FORMS] = {
	{ { ENCR_AES_GCM_16, 256 }, INTEG_NONE, 36, 0, 50, MODE_TUNNEL },
	{ { ENCR_AES_CBC, 128 }, INTEG_HMAC_SHA2_256_128, 16, 32, 50, MODE_TUNNEL },
	{ { ENCR_NULL, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 50, MODE_TUNNEL, 2 },
	{ { 0, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 51, MODE_TUNNEL },
	{ { ENCR_NULL, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 50, MODE_TRANSPORT, 2 },
	{ { 0, 0 }, INTEG_HMAC_SHA1_96, 0, 20, 51, MODE_TRANSPORT, 2 },
	{ { ENCR_AES_GCM_16, 128 }, INTEG_NONE, 20, 0, 50, MODE_TRANSPORT, .bundle = true },
};

static struct esp_worker *near, *far;
static struct esp_sa *outbound[FORMS];
static struct ipcomp *ipcomp;
static const uint8_t key[64] = { 9, 8, 7 };

static struct esp_sa *
add(struct esp_worker *w, const struct form *f, uint32_t i, enum sa_direction d)
{
	struct ip v4 = { .family = IP_V4 }, v6 = { .family = IP_V6 };
	struct selector any4 = selector_from_prefix(&v4, 0, 0, 0, 65535), any6 = selector_from_prefix(&v6, 0, 0, 0, 65535);
	struct selector_pair ts[2] = { { any4, any4 }, { any6, any6 } };
	struct sa_params p = {
		.direction = d,
		.spi = FIRST_SPI + i,
		.encr = f->encr,
		.integ_id = f->integ_id,
		.encr_key = span_of(key, f->encr_key),
		.integ_key = span_of(key, f->integ_key),
		.replay_window = 64,
		.protocol = f->protocol,
		.mode = f->mode,
		.ipcomp_cpi = f->cpi,
		.local.ip = ip_from_v4(0xc0000201),
		.remote.ip = ip_from_v4(0xc0000202),
	};
	const char *why = "";
	struct esp_sa *sa;

	if (f->bundle) {
		p.ah.spi = BUNDLE_SPI + i;
		p.ah.integ_id = INTEG_HMAC_SHA1_96;
		p.ah.integ_key = span_of(key, 20);
	}
	sa = esp_sa_add(w, &p, &(struct esp_sa_extra) { .ts = ts, .n_ts = 2 }, &why);
	fuzz_require(sa);
	return sa;
}

static void
set_up(void)
{
	static struct seeded_rng rng;

	seeded_rng_open(&rng, 1);
	near = esp_worker_new(&(struct esp_worker_options) { .provider = BULK_AUTO, .rng = &rng.rng });
	far = esp_worker_new(&(struct esp_worker_options) { .provider = BULK_EVP, .rng = &rng.rng });
	ipcomp = ipcomp_new();
	fuzz_require(near && far && ipcomp);
	for (uint32_t i = 0; i < FORMS; i++) {
		outbound[i] = add(near, &forms[i], i, SA_OUTBOUND);
		add(far, &forms[i], i, SA_INBOUND);
	}
}

static struct packet
seal(uint32_t form, const uint8_t *inner, size_t n)
{
	static uint8_t room[ROOM];
	static struct batch b;

	memcpy(room + ESP_HEADROOM, inner, n);
	b.n = 1;
	b.pkt[0] = (struct packet) { .p = room + ESP_HEADROOM, .len = (uint32_t)n, .sa = outbound[form] };
	esp_transmit(near, &b, 1);
	fuzz_require(b.n + b.n_dropped == 1);
	return b.pkt[0];
}

/* As the sockets hand it to the far end. */
static struct packet
open_sealed(uint32_t form, const struct packet *p)
{
	static uint8_t wire[ROOM + HEADER_OCTETS_MAX + 256];
	static struct batch b;

	fuzz_require(p->len <= sizeof wire && p->head < p->len);
	memcpy(wire, p->p, p->len);
	b.n = 1;
	b.pkt[0] = (struct packet) { .p = wire + p->head, .len = p->len - p->head, .head = p->head };
	if (forms[form].protocol == 51 || forms[form].bundle)
		ah_receive(far, &b, 1);
	else
		esp_receive(far, &b, 1);
	fuzz_require(b.n + b.n_dropped == 1);
	return b.pkt[0];
}

static void
carried(uint32_t form, const uint8_t *inner, uint32_t n)
{
	struct packet p = seal(form, inner, n);
	struct ip_split s;

	fuzz_require(!p.drop || forms[form].mode == MODE_TRANSPORT);
	if (p.drop)
		return;
	p = open_sealed(form, &p);
	fuzz_require(!p.drop || forms[form].mode == MODE_TRANSPORT);
	if (forms[form].mode == MODE_TUNNEL)
		fuzz_require(p.len == n && memcmp(p.p, inner, n) == 0);
	else if (!p.drop && ip_split(&s, inner, n) && s.payload_at == s.header)
		fuzz_require(p.len == n && memcmp(p.p + s.header, inner + s.header, n - s.header) == 0);
}

/* The octets with a version and a length that are theirs. False: too few. */
static bool
make_whole(uint8_t *p, uint32_t n)
{
	if (n < IPV4_HEADER || (p[0] >> 4 == 6 && n < IPV6_HEADER))
		return false;
	if (p[0] >> 4 == 6) {
		put_be16(p + 4, (uint16_t)(n - IPV6_HEADER));
		return true;
	}
	p[0] = (uint8_t)(0x40 | (p[0] & 15));
	if ((p[0] & 15) < 5 || (p[0] & 15u) * 4 > n)
		p[0] = 0x45;
	put_be16(p + 2, (uint16_t)n);
	return true;
}

static void
compressed(const uint8_t *data, uint32_t n)
{
	static uint8_t small[PACKET_MAX], out[2 * PACKET_MAX];
	uint8_t next = 0;
	uint32_t k;

	fuzz_require(ipcomp_decompress(ipcomp, out, sizeof out, data, n, IPCOMP_CPI_DEFLATE, &next) <= sizeof out);
	k = ipcomp_compress(ipcomp, small, data, n, 17, IPCOMP_CPI_DEFLATE);
	fuzz_require(k < n);
	if (!k)
		return;
	fuzz_require(ipcomp_decompress(ipcomp, out, sizeof out, small, k, IPCOMP_CPI_DEFLATE, &next) == n && next == 17);
	fuzz_require(memcmp(out, data, n) == 0);
	fuzz_require(ipcomp_decompress(ipcomp, out, n - 1, small, k, IPCOMP_CPI_DEFLATE, &next) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t whole[PACKET_MAX];
	uint32_t form;

	if (!near)
		set_up();
	if (n < 1 || n > PACKET_MAX)
		return 0;
	form = data[n - 1] % FORMS;
	for (uint32_t i = 0; i < FORMS; i++) {
		struct packet p = seal(i, data, n);

		if (!p.drop && i == form)
			open_sealed(i, &p);
	}
	memcpy(whole, data, n);
	if (make_whole(whole, (uint32_t)n))
		for (uint32_t i = 0; i < FORMS; i++)
			carried(i, whole, (uint32_t)n);
	compressed(data, (uint32_t)n);
	return 0;
}
