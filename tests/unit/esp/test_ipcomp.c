/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "esp_case.h"
#include "form.h"

/* RFC 3173 and 2394, judged by zlib used directly: one datagram at a time, nothing that grows, no bomb. */

enum { ROOM = 65536 };

static uint8_t in[ROOM], out[ROOM], back[ROOM];

static void
fill_text(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		in[i] = (uint8_t) "the quick brown fox jumps over the lazy dog "[i % 44];
}

static void
fill_noise(uint32_t n, uint64_t seed)
{
	struct seeded_rng r;

	seeded_rng_open(&r, seed);
	rng_fill(&r.rng, in, n);
}

/* What zlib makes of our octets: it knows no header of IPComp. */
static uint32_t
inflated(const uint8_t *p, uint32_t n)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = n, .next_out = back, .avail_out = sizeof back };
	int r;

	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	assert_int_equal(r, Z_STREAM_END);
	return (uint32_t)z.total_out;
}

static void
what_shrinks_is_sent_compressed(void **state)
{
	struct ipcomp *c = ipcomp_new();
	uint8_t next = 0;

	(void)state;
	for (uint32_t n = 90; n < 60000; n += n / 3) {
		uint32_t k;

		fill_text(n);
		k = ipcomp_compress(c, out, in, n, 6, 0xc0de);
		assert_true(k > 4 && k < n);
		assert_int_equal(out[0], 6);
		assert_int_equal(out[1], 0);
		assert_int_equal(get_be16(out + 2), 0xc0de);
		assert_int_equal(inflated(out + 4, k - 4), n);
		assert_memory_equal(back, in, n);
		assert_int_equal(ipcomp_decompress(c, back, sizeof back, out, k, 0xc0de, &next), n);
		assert_memory_equal(back, in, n);
		assert_int_equal(next, 6);
	}
	ipcomp_free(c);
}

/* RFC 3173 section 2.2: what would grow, or is small, goes as it is; after many failures not even a try is made. */
static void
what_does_not_shrink_is_not(void **state)
{
	struct ipcomp *c = ipcomp_new();
	uint32_t tried = 0;

	(void)state;
	fill_text(89);
	assert_int_equal(ipcomp_compress(c, out, in, 89, 6, 2), 0);
	for (unsigned i = 0; i < 8; i++) {
		fill_noise(1400, i);
		memset(out, 0xee, sizeof out);
		assert_int_equal(ipcomp_compress(c, out, in, 1400, 6, 2), 0);
		/* What is written stays within the packet that it was to replace. */
		assert_int_equal(out[1400], 0xee);
	}
	fill_text(1400);
	while (!ipcomp_compress(c, out, in, 1400, 6, 2))
		assert_true(++tried < 1000);
	assert_int_equal(tried, 64);
	ipcomp_free(c);
}

static void
hostile_payloads_end(void **state)
{
	struct ipcomp *c = ipcomp_new();
	uint32_t k;
	uint8_t next;

	(void)state;
	memset(in, 0, sizeof in);
	k = ipcomp_compress(c, out, in, 60000, 17, 2);
	assert_true(k && k < 200);
	/* A bomb: more than the room is refused, and writes no more than that. */
	memset(back, 0xee, sizeof back);
	assert_int_equal(ipcomp_decompress(c, back, 59999, out, k, 2, &next), 0);
	assert_int_equal(back[59999], 0xee);
	assert_int_equal(ipcomp_decompress(c, back, 60000, out, k, 2, &next), 60000);
	for (uint32_t n = 0; n < k; n++)
		assert_int_equal(ipcomp_decompress(c, back, sizeof back, out, n, 2, &next), 0);
	put_be16(out + 2, 3);
	assert_int_equal(ipcomp_decompress(c, back, sizeof back, out, k, 2, &next), 0);
	assert_int_equal(ipcomp_decompress(c, back, sizeof back, out, k, 3, &next), 60000);
	/* The well-known CPI means DEFLATE also where another was negotiated: RFC 3173 section 3.3. */
	put_be16(out + 2, 2);
	assert_int_equal(ipcomp_decompress(c, back, sizeof back, out, k, 0x1234, &next), 60000);
	for (unsigned i = 0; i < 300; i++) {
		fill_noise(200, i);
		put_be16(in + 2, 2);
		ipcomp_decompress(c, back, 5000, in, 200, 2, &next);
	}
	ipcomp_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_shrinks_is_sent_compressed),
		cmocka_unit_test(what_does_not_shrink_is_not),
		cmocka_unit_test(hostile_payloads_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
