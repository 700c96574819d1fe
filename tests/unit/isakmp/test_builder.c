/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"
#include "check.h"
#include "isakmp.h"

static const struct isakmp_header header = {
	.cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.version = 0x10,
	.exchange = EXCHANGE_INFORMATIONAL,
	.flags = FLAG_ENCRYPTION,
	.message_id = 0x01020304,
	.next_payload = 99,
	.length = 99,
};

static void
payloads_are_chained_by_themselves(void **state)
{
	uint8_t room[128];
	struct builder b;
	struct span message, hash;

	(void)state;
	builder_start(&b, room, sizeof room, &header);
	hash = builder_add_data(&b, PAYLOAD_HASH, span_str("abcd"));
	builder_add(&b,
	            &(struct payload) { .type = PAYLOAD_D,
	                                .d = { .doi = 1, .protocol = 3, .spi_size = 4, .n_spi = 1, .spis = span_str("spi!") } });
	message = builder_finish(&b);
	static const uint8_t expected[] = {
		1, 2,  3,  4, 5, 6, 7,   8,   0,   0,   0, 0, 0, 0,  0, 0, 8, 0x10, 5, 1, 1, 2, 3,   4,   0,   0,
		0, 52, 12, 0, 0, 8, 'a', 'b', 'c', 'd', 0, 0, 0, 16, 0, 0, 0, 1,    3, 4, 0, 1, 's', 'p', 'i', '!',
	};
	assert_int_equal(message.n, sizeof expected);
	assert_memory_equal(message.p, expected, sizeof expected);
	assert_true(span_equal(hash, span_str("abcd")));
	assert_ptr_equal(hash.p, room + 32); /* where the engine writes HASH(1) over it */
}

static void
a_message_without_payloads_is_a_header(void **state)
{
	uint8_t room[28];
	struct builder b;
	struct span message;

	(void)state;
	builder_start(&b, room, sizeof room, &header);
	message = builder_finish(&b);
	assert_int_equal(message.n, 28);
	assert_int_equal(message.p[16], PAYLOAD_NONE);
	assert_int_equal(get_be32(message.p + 24), 28);
}

static void
what_does_not_fit_is_an_empty_span(void **state)
{
	uint8_t room[64];

	(void)state;
	for (size_t cap = 0; cap < 28 + 4 + 9; cap++) {
		struct builder b;

		builder_start(&b, room, cap, &header);
		builder_add_data(&b, PAYLOAD_VID, span_str("123456789"));
		assert_int_equal(builder_finish(&b).n, 0);
		assert_non_null(b.w.failure);
	}
}

static void
payloads_of_64_kib_are_refused(void **state)
{
	static uint8_t room[1 << 17], data[65532];
	struct builder b;

	(void)state;
	builder_start(&b, room, sizeof room, &header);
	assert_int_equal(builder_add_data(&b, PAYLOAD_VID, span_of(data, 65531)).n, 65531);
	assert_int_equal(builder_finish(&b).n, 0); /* the message is too large */
	builder_start(&b, room, sizeof room, &header);
	assert_int_equal(builder_add_data(&b, PAYLOAD_VID, span_of(data, 65532)).n, 0);
	assert_int_equal(builder_finish(&b).n, 0);
}

/* Bodies that were encoded before are written as they are, whatever their type. */
static void
raw_bodies_are_not_looked_at(void **state)
{
	uint8_t room[64];
	struct builder b;
	struct span message;

	(void)state;
	builder_start(&b, room, sizeof room, &header);
	assert_true(span_equal(builder_add_raw(&b, PAYLOAD_SA, span_str("abc")), span_str("abc")));
	assert_int_equal(builder_add_raw(&b, PAYLOAD_ID, (struct span) { 0 }).n, 0);
	message = builder_finish(&b);
	assert_int_equal(message.n, 28 + 7 + 4);
	assert_int_equal(message.p[16], PAYLOAD_SA);
	assert_memory_equal(message.p + 28,
	                    "\5\0\0\7"
	                    "abc"
	                    "\0\0\0\4",
	                    11);
}

/* We do not send what we would refuse. */
static void
what_we_would_not_accept_is_not_built(void **state)
{
	struct transform_payload none[1];
	struct proposal_payload p = { .number = 1, .protocol = 1, .transform = none, .n_transform = 0 };
	struct payload wrong[] = {
		{ .type = PAYLOAD_NONCE, .data = span_str("short") },
		{ .type = PAYLOAD_P },
		{ .type = PAYLOAD_SA, .sa = { .doi = 1, .situation = 1, .proposal = &p, .n_proposal = 1 } },
		{ .type = PAYLOAD_D, .d = { .n_spi = 2, .spi_size = 4, .spis = span_str("spi!") } },
		{ .type = PAYLOAD_D, .d = { .n_spi = 300 } },
	};
	uint8_t room[256];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct builder b;

		builder_start(&b, room, sizeof room, &header);
		builder_add(&b, &wrong[i]);
		assert_non_null(b.w.failure);
		assert_int_equal(builder_finish(&b).n, 0);
	}
}

/* Every kind of payload, written and read back. */
static void
what_is_built_is_read_back(void **state)
{
	static struct attribute attr[] = { { .type = 1, .tv = true, .value = 7 },
		                           { .type = 12, .octets = { (const uint8_t *)"\0\1\2\3", 4 } } };
	static struct transform_payload t[] = { { 1, 1, attr, 2 }, { 2, 1, attr, 1 } };
	static struct proposal_payload p[] = {
		{ .number = 1, .protocol = 1, .transform = t, .n_transform = 2 },
		{ .number = 2, .protocol = 3, .spi = { (const uint8_t *)"SPI!", 4 }, .transform = t, .n_transform = 1 }
	};
	const struct payload in[] = {
		{ .type = PAYLOAD_SA, .sa = { .doi = 1, .situation = 1, .proposal = p, .n_proposal = 2 } },
		{ .type = PAYLOAD_KE, .data = span_str("public value") },
		{ .type = PAYLOAD_NONCE, .data = span_str("eight octets") },
		{ .type = PAYLOAD_ID, .id = { .type = ID_FQDN, .proto = 17, .port = 500, .data = span_str("moon") } },
		{ .type = PAYLOAD_N,
		  .n = { .doi = 1, .protocol = 3, .type = 14, .spi = span_str("SPI!"), .data = span_str("x") } },
		{ .type = PAYLOAD_ATTR, .attr = { .type = 2, .identifier = 77, .attr = attr, .n_attr = 2 } },
		{ .type = PAYLOAD_CERT, .cert = { .encoding = 4, .data = span_str("der") } },
		{ .type = PAYLOAD_NAT_D, .data = span_str("hash") },
	};
	autoarena a = { 0 };
	struct message m = { 0 };
	uint8_t room[512];
	struct span message;
	struct builder b;
	size_t n = sizeof in / sizeof *in;

	(void)state;
	builder_start(&b, room, sizeof room, &header);
	for (size_t i = 0; i < n; i++)
		assert_non_null(builder_add(&b, &in[i]).p);
	message = builder_finish(&b);
	assert_null(isakmp_decode_header(&m.h, message));
	assert_null(isakmp_decode_payloads(&m, m.h.next_payload, span_of(message.p + 28, message.n - 28), false, &a));
	assert_int_equal(m.n, n);
	assert_int_equal(m.payload[0].sa.n_proposal, 2);
	assert_int_equal(m.payload[0].sa.proposal[0].transform[0].attr[1].value, 0x010203);
	assert_true(span_equal(m.payload[0].sa.proposal[1].spi, span_str("SPI!")));
	assert_true(span_equal(m.payload[3].id.data, span_str("moon")));
	assert_int_equal(m.payload[3].id.port, 500);
	assert_int_equal(m.payload[4].n.type, 14);
	assert_int_equal(m.payload[5].attr.identifier, 77);
	assert_true(span_equal(m.payload[7].data, span_str("hash")));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(payloads_are_chained_by_themselves), cmocka_unit_test(a_message_without_payloads_is_a_header),
		cmocka_unit_test(what_does_not_fit_is_an_empty_span), cmocka_unit_test(payloads_of_64_kib_are_refused),
		cmocka_unit_test(raw_bodies_are_not_looked_at),       cmocka_unit_test(what_we_would_not_accept_is_not_built),
		cmocka_unit_test(what_is_built_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
