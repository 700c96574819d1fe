/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "arena.h"
#include "check.h"
#include "isakmp.h"

/* Payloads octet by octet: what the RFCs draw, and each way in which it can be wrong. */

static const char *
decode(struct message *m, uint8_t first, const uint8_t *octets, size_t n, struct arena *a)
{
	*m = (struct message) { 0 };
	return isakmp_decode_payloads(m, first, span_of(octets, n), false, a);
}

#define DECODE(m, first, a, ...) decode(m, first, (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }), a)

#define assert_says(text, part)                                                                                                  \
	do {                                                                                                                     \
		const char *said = text;                                                                                         \
		if (!said || !strstr(said, part))                                                                                \
			fail_msg("says \"%s\", not \"%s\"", said ? said : "(nothing)", part);                                    \
	} while (0)

/* RFC 2408 section 3.1 */
static void
the_header(void **state)
{
	static const uint8_t octets[] = { 1, 2,    3, 4, 5,    6,    7,    8,    9, 10, 11, 12, 13,   14,   15,  16,
		                          1, 0x10, 2, 0, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0,  0,  30, 0xfe, 0xff, 0x99 };
	struct isakmp_header h;

	(void)state;
	assert_null(isakmp_decode_header(&h, span_of(octets, sizeof octets)));
	assert_memory_equal(h.cookie_i, octets, 8);
	assert_memory_equal(h.cookie_r, octets + 8, 8);
	assert_int_equal(h.next_payload, PAYLOAD_SA);
	assert_int_equal(h.version, 0x10);
	assert_int_equal(h.exchange, EXCHANGE_MAIN);
	assert_int_equal(h.message_id, 0xaabbccdd);
	assert_int_equal(h.length, 30);
	for (size_t n = 0; n < ISAKMP_HEADER_OCTETS; n++)
		assert_says(isakmp_decode_header(&h, span_of(octets, n)), "shorter than an ISAKMP header");
	assert_says(isakmp_decode_header(&h, span_of(octets, 29)), "more than the datagram holds");
}

static void
a_false_length_in_the_header(void **state)
{
	static uint8_t octets[70000];
	struct isakmp_header h;

	(void)state;
	put_be32(octets + 24, 27);
	assert_says(isakmp_decode_header(&h, span_of(octets, 100)), "less than the header's own");
	put_be32(octets + 24, UINT32_MAX);
	assert_says(isakmp_decode_header(&h, span_of(octets, 100)), "more than the datagram holds");
	put_be32(octets + 24, 66000);
	assert_says(isakmp_decode_header(&h, span_of(octets, sizeof octets)), "more than a UDP datagram can hold");
}

static void
payloads_chain(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_HASH, &a, 10, 0, 0, 6, 0xab, 0xcd, 4, 0, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 5, 9));
	assert_int_equal(m.n, 3);
	assert_int_equal(m.payload[0].type, PAYLOAD_HASH);
	assert_int_equal(m.payload[1].type, PAYLOAD_NONCE);
	assert_int_equal(m.payload[2].type, PAYLOAD_KE);
	assert_int_equal(m.payload[0].raw.n, 2);
	assert_int_equal(m.payload[0].whole.n, 6);
	assert_int_equal(m.payload[2].data.p[0], 9);
	assert_int_equal(m.present, P(HASH) | P(NONCE) | P(KE));
}

static void
no_payload_at_all(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(isakmp_decode_payloads(&m, PAYLOAD_NONE, (struct span) { 0 }, false, &a));
	assert_int_equal(m.n, 0);
	assert_int_equal(m.present, 0);
}

static void
lengths_of_payloads(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 3), "Payload 1 (Key Exchange): Payload Length is less than");
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 5),
	            "Payload 1 (Key Exchange): Payload Length is more than the message has left");
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0xff, 0xff, 1), "Payload Length is more than");
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0), "Payload 1 (Key Exchange): Payload Length is cut off");
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 5, 0, 0, 4, 0, 0), "Payload 2 (Identification): ");
	assert_says(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 4, 1), "goes on after its last payload");
	assert_says(DECODE(&m, PAYLOAD_NONE, &a, 1), "goes on after its last payload");
}

/* Behind the last payload: padding when it was encrypted; else only what aligns to four octets. */
static void
padding(void **state)
{
	static const uint8_t padded[] = { 0, 0, 0, 5, 7, 0xde, 0xad, 0xbe, 0xef };
	autoarena a = { 0 };
	struct message m = { 0 };

	(void)state;
	assert_null(isakmp_decode_payloads(&m, PAYLOAD_KE, span_of(padded, sizeof padded), true, &a));
	assert_int_equal(m.n, 1);
	assert_non_null(isakmp_decode_payloads(&m, PAYLOAD_KE, span_of(padded, sizeof padded), false, &a));
	assert_null(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 5, 7, 0, 0, 0));
	assert_non_null(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 5, 7, 0, 0, 0, 0));
	assert_non_null(DECODE(&m, PAYLOAD_KE, &a, 0, 0, 0, 5, 7, 0, 1, 0));
}

/* RESERVED fields: "MUST be set to 0" by who sends; we do not look. */
static void
reserved_fields_are_ignored(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_KE, &a, 0, 0xff, 0, 5, 1));
}

static void
unknown_types_are_kept(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, 200, &a, 15, 0, 0, 6, 1, 2, 130, 0, 0, 4, 0, 0, 0, 5, 3));
	assert_int_equal(m.n, 3);
	assert_true(span_equal(m.payload[0].data, span_of("\1\2", 2)));
	assert_int_equal(m.payload[1].type, 15);
	assert_int_equal(m.present, P(NAT_D) | 1u << 15);
}

static void
no_proposal_or_transform_outside_of_an_sa(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_says(DECODE(&m, PAYLOAD_P, &a, 0, 0, 0, 8, 1, 1, 0, 0), "must be inside an SA payload");
	assert_says(DECODE(&m, PAYLOAD_T, &a, 0, 0, 0, 8, 1, 1, 0, 0), "Payload 1 (Transform)");
}

static void
the_number_of_payloads_is_bounded(void **state)
{
	uint8_t octets[4 * (ISAKMP_PAYLOADS_MAX + 1)];
	autoarena a = { 0 };
	struct message m;

	(void)state;
	for (size_t i = 0; i <= ISAKMP_PAYLOADS_MAX; i++)
		memcpy(octets + 4 * i, (const uint8_t[]) { PAYLOAD_VID, 0, 0, 4 }, 4);
	octets[4 * (ISAKMP_PAYLOADS_MAX - 1)] = PAYLOAD_NONE;
	assert_null(decode(&m, PAYLOAD_VID, octets, 4 * ISAKMP_PAYLOADS_MAX, &a));
	assert_int_equal(m.n, ISAKMP_PAYLOADS_MAX);
	octets[4 * (ISAKMP_PAYLOADS_MAX - 1)] = PAYLOAD_VID;
	octets[4 * ISAKMP_PAYLOADS_MAX] = PAYLOAD_NONE;
	assert_says(decode(&m, PAYLOAD_VID, octets, sizeof octets, &a), "Payload 129 (Vendor ID): number of payloads");
}

/* RFC 2408 section 4.2.1's shape: one proposal with two transforms. */
#define SA_HEAD(length) 0, 0, 0, length, 0, 0, 0, 1, 0, 0, 0, 1
#define PROPOSAL(length, n) 0, 0, 0, length, 1, 3, 4, n, 0xde, 0xad, 0xbe, 0xef
#define TRANSFORM(next, num) next, 0, 0, 16, num, 12, 0, 0, 0x80, 6, 1, 0, 0x80, 5, 0, 2

static void
an_sa_payload(void **state)
{
	autoarena a = { 0 };
	struct message m;
	const struct sa_payload *sa;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(56), PROPOSAL(44, 2), TRANSFORM(3, 1), TRANSFORM(0, 2)));
	sa = &m.payload[0].sa;
	assert_int_equal(sa->doi, DOI_IPSEC);
	assert_int_equal(sa->situation, SIT_IDENTITY_ONLY);
	assert_int_equal(sa->n_proposal, 1);
	assert_int_equal(sa->proposal[0].protocol, PROTO_IPSEC_ESP);
	assert_int_equal(get_be32(sa->proposal[0].spi.p), 0xdeadbeef);
	assert_int_equal(sa->proposal[0].n_transform, 2);
	assert_int_equal(sa->proposal[0].transform[1].number, 2);
	assert_int_equal(sa->proposal[0].transform[1].id, 12);
	assert_int_equal(sa->proposal[0].transform[1].n_attr, 2);
	assert_int_equal(sa->proposal[0].transform[1].attr[0].type, 6);
	assert_int_equal(sa->proposal[0].transform[1].attr[0].value, 256);
}

static void
wrong_sa_payloads(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	/* the count is more, and less, than the chain */
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(56), PROPOSAL(44, 3), TRANSFORM(3, 1), TRANSFORM(0, 2)),
	            "Payload 1 (Security Association): # of Transforms is not the number");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(56), PROPOSAL(44, 1), TRANSFORM(3, 1), TRANSFORM(0, 2)),
	            "# of Transforms");
	/* the chain ends before the proposal does, and the other way round */
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(56), PROPOSAL(44, 1), TRANSFORM(0, 1), TRANSFORM(0, 2)),
	            "Payload Length of a Proposal is more than its content");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(28, 2), TRANSFORM(3, 1)), "# of Transforms");
	/* each length, too small and too large */
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(29, 1), TRANSFORM(0, 1)),
	            "Payload Length of a Proposal is more than the payload around it has left");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(3, 1), TRANSFORM(0, 1)),
	            "Payload Length of a Proposal is less than its own header");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(27, 1), TRANSFORM(0, 1)), "Payload Length of a Transform");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(24), PROPOSAL(12, 0)), "# of Transforms is 0");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(12)), "Next Payload of a Proposal is cut off");
	/* a proposal among transforms */
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(28, 1), TRANSFORM(2, 1)),
	            "Next Payload of a Transform is neither 0 nor another of its kind");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, 0, 0, 0, 11, 0, 0, 0, 1, 0, 0, 0), "Situation is cut off");
}

static void
attributes_are_cut_off(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	/* a long attribute that says 9 octets where 4 are left; half an attribute */
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(40), PROPOSAL(28, 1), 0, 0, 0, 16, 1, 12, 0, 0, 0, 12, 0, 9, 1, 2, 3, 4),
	            "Attribute Value is cut off");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(34), PROPOSAL(22, 1), 0, 0, 0, 10, 1, 12, 0, 0, 0x80, 12),
	            "Attribute Value is cut off");
	assert_says(DECODE(&m, PAYLOAD_SA, &a, SA_HEAD(33), PROPOSAL(21, 1), 0, 0, 0, 9, 1, 12, 0, 0, 0x80),
	            "Attribute Type is cut off");
}

static void
long_attributes_have_a_value(void **state)
{
	static const struct {
		uint8_t n, octets[12];
		uint64_t value;
	} rows[] = {
		{ 0, { 0 }, 0 },
		{ 1, { 7 }, 7 },
		{ 4, { 0, 1, 0x51, 0x80 }, 86400 },
		{ 8, { 1, 2, 3, 4, 5, 6, 7, 8 }, 0x0102030405060708 },
		{ 12, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 }, 256 },
		{ 9, { 1, 0, 0, 0, 0, 0, 0, 0, 0 }, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		autoarena a = { 0 };
		uint8_t octets[64] = { SA_HEAD(0), PROPOSAL(0, 1), 0, 0, 0, 0, 1, 12, 0, 0, 0, 12, 0, rows[i].n };
		size_t n = 36 + (size_t)rows[i].n;
		struct message m;

		octets[3] = (uint8_t)n;
		octets[15] = (uint8_t)(n - 12);
		octets[27] = (uint8_t)(n - 24);
		memcpy(octets + 36, rows[i].octets, rows[i].n);
		assert_null(decode(&m, PAYLOAD_SA, octets, n, &a));
		assert_false(m.payload[0].sa.proposal[0].transform[0].attr[0].tv);
		assert_true(m.payload[0].sa.proposal[0].transform[0].attr[0].value == rows[i].value);
	}
}

/* Chains by the thousand end at a limit, not in memory. */
static void
chains_inside_an_sa_are_bounded(void **state)
{
	static uint8_t octets[65535];
	autoarena a = { 0 };
	struct message m;
	size_t at = 12;

	(void)state;
	memcpy(octets, (const uint8_t[]) { SA_HEAD(0) }, 12);
	for (; at + 16 <= sizeof octets; at += 16) /* proposals of one empty transform each */
		memcpy(octets + at, (const uint8_t[]) { 2, 0, 0, 16, 1, 1, 0, 1, 0, 0, 0, 8, 1, 1, 0, 0 }, 16);
	put_be16(octets + 2, (uint16_t)at);
	assert_says(decode(&m, PAYLOAD_SA, octets, at, &a), "number of Proposals");
	memcpy(octets + 12, (const uint8_t[]) { 0, 0, 0, 0, 1, 1, 0, 255 }, 8);
	for (at = 20; at + 8 <= sizeof octets; at += 8)
		memcpy(octets + at, (const uint8_t[]) { 3, 0, 0, 8, 1, 1, 0, 0 }, 8);
	put_be16(octets + 2, (uint16_t)at);
	put_be16(octets + 14, (uint16_t)(at - 12));
	assert_says(decode(&m, PAYLOAD_SA, octets, at, &a), "number of Transforms");
	memcpy(octets + 20, (const uint8_t[]) { 0, 0, 0, 0, 1, 1, 0, 0 }, 8);
	for (at = 28; at + 4 <= sizeof octets; at += 4)
		memcpy(octets + at, (const uint8_t[]) { 0x80, 1, 0, 1 }, 4);
	put_be16(octets + 2, (uint16_t)at);
	put_be16(octets + 14, (uint16_t)(at - 12));
	put_be16(octets + 22, (uint16_t)(at - 20));
	assert_says(decode(&m, PAYLOAD_SA, octets, at, &a), "number of attributes");
}

/* RFC 2408 section 3.4: what is behind another DOI or situation is not ours to read. */
static void
another_doi_or_situation_is_kept_unread(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_SA, &a, 0, 0, 0, 14, 0, 0, 0, 2, 0, 0, 0, 1, 0xab, 0xcd));
	assert_int_equal(m.payload[0].sa.doi, 2);
	assert_int_equal(m.payload[0].sa.n_proposal, 0);
	assert_int_equal(m.payload[0].sa.unread.n, 2);
	assert_null(DECODE(&m, PAYLOAD_SA, &a, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 3, 0xab, 0xcd));
	assert_int_equal(m.payload[0].sa.situation, 3);
	assert_int_equal(m.payload[0].sa.n_proposal, 0);
}

/* RFC 2408 section 3.14 */
static void
notifications(void **state)
{
	autoarena a = { 0 };
	struct message m;
	const struct notify_payload *n;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_N, &a, 0, 0, 0, 18, 0, 0, 0, 1, 3, 4, 0, 14, 1, 2, 3, 4, 0xfe, 0xed));
	n = &m.payload[0].n;
	assert_int_equal(n->doi, 1);
	assert_int_equal(n->protocol, 3);
	assert_int_equal(n->type, NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_int_equal(get_be32(n->spi.p), 0x01020304);
	assert_int_equal(n->data.n, 2);
	assert_says(DECODE(&m, PAYLOAD_N, &a, 0, 0, 0, 15, 0, 0, 0, 1, 3, 4, 0, 14, 1, 2, 3),
	            "Payload 1 (Notification): SPI is cut off");
	assert_says(DECODE(&m, PAYLOAD_N, &a, 0, 0, 0, 11, 0, 0, 0, 1, 3, 0, 0), "Notify Message Type is cut off");
}

/* RFC 2408 section 3.15 */
static void
deletes(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_D, &a, 0, 0, 0, 20, 0, 0, 0, 1, 3, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8));
	assert_int_equal(m.payload[0].d.n_spi, 2);
	assert_int_equal(m.payload[0].d.spis.n, 8);
	assert_says(DECODE(&m, PAYLOAD_D, &a, 0, 0, 0, 19, 0, 0, 0, 1, 3, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7), "SPIs is cut off");
	assert_says(DECODE(&m, PAYLOAD_D, &a, 0, 0, 0, 20, 0, 0, 0, 1, 3, 4, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8), "SPIs are more than");
	assert_says(DECODE(&m, PAYLOAD_D, &a, 0, 0, 0, 12, 0, 0, 0, 1, 3, 0, 0xff, 0xff), "# of SPIs must be at most 256");
	assert_null(DECODE(&m, PAYLOAD_D, &a, 0, 0, 0, 12, 0, 0, 0, 1, 3, 0, 0, 9)); /* nine times nothing */
}

/* RFC 2409 section 5: nonces of 8 to 256 octets */
static void
nonces(void **state)
{
	static uint8_t octets[4 + 257];
	autoarena a = { 0 };
	struct message m;

	(void)state;
	for (size_t n = 0; n <= 257; n++) {
		const char *why;

		put_be16(octets + 2, (uint16_t)(n + 4));
		why = decode(&m, PAYLOAD_NONCE, octets, n + 4, &a);
		if (n >= 8 && n <= 256)
			assert_null(why);
		else
			assert_says(why, "Payload 1 (Nonce): Nonce Data is not 8 to 256 octets");
	}
}

/* draft-dukes-ike-mode-cfg-02 section 3.2 */
static void
mode_config(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_ATTR, &a, 0, 0, 0, 20, 1, 0, 0x12, 0x34, 0, 1, 0, 4, 10, 0, 0, 1, 0x80, 2, 0, 7));
	assert_int_equal(m.payload[0].attr.type, 1);
	assert_int_equal(m.payload[0].attr.identifier, 0x1234);
	assert_int_equal(m.payload[0].attr.n_attr, 2);
	assert_int_equal(m.payload[0].attr.attr[0].octets.n, 4);
	assert_int_equal(m.payload[0].attr.attr[1].value, 7);
}

static void
certificates(void **state)
{
	autoarena a = { 0 };
	struct message m;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_CERT, &a, 7, 0, 0, 8, 4, 1, 2, 3, 0, 0, 0, 5, 4));
	assert_int_equal(m.payload[0].cert.encoding, 4);
	assert_int_equal(m.payload[0].cert.data.n, 3);
	assert_int_equal(m.payload[1].cert.data.n, 0);
	assert_says(DECODE(&m, PAYLOAD_CERT, &a, 0, 0, 0, 4), "Payload 1 (Certificate): Cert Encoding is cut off");
}

/* NAT-D of the drafts is found under the RFC's number, in the order of the message. */
static void
finding_payloads(void **state)
{
	autoarena a = { 0 };
	struct message m;
	const struct payload *p;

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_NAT_D_DRAFT, &a, 13, 0, 0, 5, 1, 20, 0, 0, 5, 2, 0, 0, 0, 5, 3));
	p = message_find(&m, PAYLOAD_NAT_D, NULL);
	assert_ptr_equal(p, &m.payload[0]);
	p = message_find(&m, PAYLOAD_NAT_D, p);
	assert_ptr_equal(p, &m.payload[2]);
	assert_null(message_find(&m, PAYLOAD_NAT_D, p));
	assert_null(message_find(&m, PAYLOAD_SA, NULL));
	assert_ptr_equal(message_find(&m, PAYLOAD_NAT_D_DRAFT, NULL), &m.payload[0]);
}

/* RFC 3947 section 5.2: ID Type, three reserved octets, an address of that type's length and nothing else. */
static void
original_addresses(void **state)
{
	static const struct {
		uint8_t octets[21];
		size_t n;
		const char *address; /* NULL: refused */
	} rows[] = {
		{ { 1, 0, 0, 0, 192, 0, 2, 1 }, 8, "192.0.2.1" },
		{ { 1, 9, 9, 9, 192, 0, 2, 1 }, 8, "192.0.2.1" },
		{ { 5, 0, 0, 0, 0x20, 1, 0xd, 0xb8, [19] = 1 }, 20, "2001:db8::1" },
		{ { 1, 0, 0, 0, 192, 0, 2 }, 7, NULL },
		{ { 1, 0, 0, 0, 192, 0, 2, 1, 0 }, 9, NULL },
		{ { 5, 0, 0, 0, 192, 0, 2, 1 }, 8, NULL },
		{ { 5, 0, 0, 0, 0x20, 1, 0xd, 0xb8 }, 21, NULL },
		{ { 4, 0, 0, 0, 192, 0, 2, 0 }, 8, NULL },
		{ { 1, 0, 0, 0 }, 4, NULL },
		{ { 0 }, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip ip = { 0 };
		char text[IP_TEXT_MAX];
		uint8_t room[20];
		struct span again;

		assert_int_equal(nat_oa_decode(&ip, span_of(rows[i].octets, rows[i].n)), rows[i].address != NULL);
		if (!rows[i].address)
			continue;
		assert_string_equal(ip_format(text, &ip), rows[i].address);
		again = nat_oa_encode(room, &ip);
		assert_int_equal(again.n, rows[i].n);
		assert_memory_equal(again.p + 4, rows[i].octets + 4, rows[i].n - 4);
		assert_memory_equal(again.p + 1, "\0\0\0", 3);
	}
}

static void
a_dump_has_a_line_for_each_field(void **state)
{
	autoarena a = { 0 };
	struct message m;
	char text[2048];
	struct dump d = { .text = text, .cap = sizeof text };

	(void)state;
	assert_null(DECODE(&m, PAYLOAD_SA, &a, 200, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, PROPOSAL(28, 1), TRANSFORM(0, 1), 0, 0, 0,
	                   5, 0xab));
	m.h = (struct isakmp_header) { .version = 0x10, .exchange = EXCHANGE_QUICK, .message_id = 0x1234, .length = 73 };
	message_dump(&d, &m);
	assert_string_equal(
	        text, "ISAKMP 1.0 Quick Mode (32), cookies 0000000000000000 0000000000000000, flags 00, message id 00001234, "
	              "length 73\n"
	              "Security Association (1), 36 octets\n"
	              "\tDOI: 1\n\tSituation: 1\n\tProposal #: 1\n\tProtocol-Id: 3\n\tSPI of a Proposal (4): deadbeef\n"
	              "\t\tTransform #: 1\n\t\tTransform-Id: 12\n\t\tAttribute 6: 256\n\t\tAttribute 5: 2\n"
	              "unknown payload (200), 1 octets\n\tData (1): ab\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header),
		cmocka_unit_test(a_false_length_in_the_header),
		cmocka_unit_test(payloads_chain),
		cmocka_unit_test(no_payload_at_all),
		cmocka_unit_test(lengths_of_payloads),
		cmocka_unit_test(padding),
		cmocka_unit_test(reserved_fields_are_ignored),
		cmocka_unit_test(unknown_types_are_kept),
		cmocka_unit_test(no_proposal_or_transform_outside_of_an_sa),
		cmocka_unit_test(the_number_of_payloads_is_bounded),
		cmocka_unit_test(an_sa_payload),
		cmocka_unit_test(wrong_sa_payloads),
		cmocka_unit_test(attributes_are_cut_off),
		cmocka_unit_test(long_attributes_have_a_value),
		cmocka_unit_test(chains_inside_an_sa_are_bounded),
		cmocka_unit_test(another_doi_or_situation_is_kept_unread),
		cmocka_unit_test(notifications),
		cmocka_unit_test(deletes),
		cmocka_unit_test(nonces),
		cmocka_unit_test(mode_config),
		cmocka_unit_test(certificates),
		cmocka_unit_test(original_addresses),
		cmocka_unit_test(finding_payloads),
		cmocka_unit_test(a_dump_has_a_line_for_each_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
