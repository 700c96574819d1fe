/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers of a RADIUS server. The first octet says how the rest is taken: as it comes from the network, or as what the
 * server really signed, read and put into a login. What is read and written again is the same octets.
 */
#include "fuzz.h"
#include "login.h"
#include "seeded_rng.h"

static const uint8_t request[] = { RADIUS_ACCESS_REQUEST, 1, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void
log_in(const struct radius_packet *p, enum radius_method m)
{
	struct radius_login l;
	struct seeded_rng rng;
	char why[RADIUS_REASON_MAX] = "";
	enum radius_outcome o;

	seeded_rng_open(&rng, 1);
	radius_login_begin(&l, m, span_str("carol"), span_str("4iChxLT3"), &rng.rng);
	for (int i = 0; i < 2; i++) {
		o = radius_login_take(&l, p, why);
		fuzz_require(o != RADIUS_REFUSED || why[0]);
		fuzz_require(o != RADIUS_GO_ON || (m == RADIUS_EAP && l.n_message >= 5 && l.n_message <= EAP_OCTETS_MAX));
		fuzz_require(o != RADIUS_ACCEPTED || p->code == RADIUS_ACCESS_ACCEPT);
	}
	radius_login_clear(&l);
}

static void
read_values(const struct radius_packet *p)
{
	uint32_t v;

	for (size_t i = 0; i < p->n_attr; i++) {
		fuzz_require(p->attr[i].value.n <= RADIUS_VALUE_MAX);
		radius_number(&p->attr[i], &v);
		fuzz_require(radius_vendor_value(&p->attr[i], RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER).n <=
		             RADIUS_VALUE_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autoarena arena = { 0 };
	struct radius_packet p = { 0 };
	uint8_t again[RADIUS_PACKET_MAX];
	struct wire w, out;

	if (n < 1)
		return 0;
	/* Nobody signs by chance. */
	fuzz_require(
	        radius_open(&p, &arena, span_of(data + 1, n - 1), span_of(request, sizeof request), span_str("s"), data[0] & 2));
	p = (struct radius_packet) { 0 };
	w = wire_decoder(span_of(data + 1, n - 1), &arena);
	radius_packet_wire(&w, &p);
	if (!wire_ok(&w))
		return 0;
	out = wire_encoder(again, sizeof again);
	radius_packet_wire(&out, &p);
	fuzz_require(wire_ok(&out) && out.at == w.at && !memcmp(again, data + 1, out.at));
	read_values(&p);
	log_in(&p, data[0] & 1 ? RADIUS_EAP : RADIUS_PAP);
	return 0;
}
