/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_case.h"

enum { BUF = 70000, LEN_MAX = 1500 };

static uint8_t buf[BUF];

/* Every suite, both providers against each other, both versions, ESN or not, every length modulo the block. */
static void
round_trip(const struct esp_suite_case *s, enum bulk_provider from, enum bulk_provider to, bool esn)
{
	struct esp_worker *a = esp_case_worker(from), *b = esp_case_worker(to);
	uint8_t inner[LEN_MAX];
	struct esp_case c;
	struct esp_sa *out;

	esp_case_init(&c, s, 5);
	c.params.esn = esn;
	c.extra.seq = esn ? 0xfffffff0 : 41; /* the low half wraps on the way */
	out = esp_case_add(a, &c, SA_OUTBOUND);
	esp_case_add(b, &c, SA_INBOUND);
	for (uint32_t len = 48; len < 120; len++) {
		int version = len % 2 ? 4 : 6;
		struct packet p;
		uint8_t *esp;
		uint32_t n;

		esp_case_packet(inner, len, version, len);
		assert_int_equal(esp_case_seal(a, out, buf, inner, len, &esp, &n), ESP_DROP_NONE);
		assert_int_equal(n, esp_sealed_octets(out, len));
		assert_int_equal(esp_case_open(b, esp, n, 0, &p), ESP_DROP_NONE);
		assert_int_equal(p.len, len);
		assert_memory_equal(p.p, inner, len);
		assert_int_equal(p.next, version == 4 ? 4 : 41);
		assert_int_equal(p.seq, out->seq);
	}
	assert_int_equal(esp_worker_drops(b)[ESP_DROP_NONE], 120 - 48);
	esp_worker_free(a);
	esp_worker_free(b);
}

static void
every_suite_opens_what_it_sealed(void **state)
{
	static const enum bulk_provider p[2] = { BULK_AUTO, BULK_EVP };

	(void)state;
	for (size_t s = 0; s < n_esp_suite_cases; s++)
		for (int i = 0; i < 8; i++)
			round_trip(&esp_suite_cases[s], p[i & 1], p[i >> 1 & 1], i >> 2);
}

/* Up to the largest packet there is, what one provider seals the other opens; beyond, it is refused. */
static void
providers_agree_on_long_packets(void **state)
{
	static uint8_t inner[65536 + 64], long_buf[65536 + 256];

	(void)state;
	for (size_t s = 0; s < n_esp_suite_cases; s++) {
		struct esp_worker *a = esp_case_worker(BULK_AUTO), *b = esp_case_worker(BULK_EVP);
		struct seeded_rng rng;
		struct esp_case c;
		struct esp_sa *out, *back;

		seeded_rng_open(&rng, s);
		esp_case_init(&c, &esp_suite_cases[s], 5);
		out = esp_case_add(a, &c, SA_OUTBOUND);
		esp_case_add(b, &c, SA_INBOUND);
		c.params.spi++;
		back = esp_case_add(b, &c, SA_OUTBOUND);
		esp_case_add(a, &c, SA_INBOUND);
		for (unsigned i = 0; i < 40; i++) {
			uint32_t len = i < 8 ? 65535 - 8 * i : 100 + (uint32_t)rng_below(&rng.rng, i % 4 ? 9000 : 65000), n;
			bool fits = esp_sealed_octets(out, len) <= ESP_OCTETS_MAX;
			struct esp_worker *from = i & 1 ? a : b, *to = i & 1 ? b : a;
			struct packet p;
			uint8_t *esp;

			esp_case_packet(inner, len, 4, i);
			assert_int_equal(esp_case_seal(from, i & 1 ? out : back, long_buf, inner, len, &esp, &n),
			                 fits ? ESP_DROP_NONE : ESP_DROP_TOO_BIG);
			if (!fits)
				continue;
			assert_int_equal(esp_case_open(to, esp, n, 0, &p), ESP_DROP_NONE);
			assert_int_equal(p.len, len);
			assert_memory_equal(p.p, inner, len);
		}
		esp_worker_free(a);
		esp_worker_free(b);
	}
}

/* A flipped bit anywhere in the packet is refused, and the SA is as before. */
static void
any_flipped_bit_is_refused(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_esp_suite_cases; s++) {
		struct esp_worker *w = esp_case_worker(BULK_AUTO);
		uint8_t inner[80], copy[512];
		struct esp_case c;
		struct esp_sa *out;
		struct packet p;
		uint8_t *esp;
		uint32_t n;

		esp_case_init(&c, &esp_suite_cases[s], 6);
		c.extra.seq = 2; /* the packet's number is 3, so that no flip makes it 0 */
		out = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_add(w, &c, SA_INBOUND);
		esp_case_packet(inner, sizeof inner, 4, 1);
		esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
		for (uint32_t bit = 0; bit < n * 8; bit++) {
			enum esp_drop d;

			memcpy(copy, esp, n);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			d = esp_case_open(w, copy, n, 0, &p);
			assert_int_equal(d, bit < 32 ? ESP_DROP_NO_SA : ESP_DROP_ICV);
		}
		memcpy(copy, esp, n);
		assert_int_equal(esp_case_open(w, copy, n, 0, &p), ESP_DROP_NONE);
		assert_int_equal(esp_case_open(w, esp, n, 0, &p), ESP_DROP_REPLAY);
		esp_worker_free(w);
	}
}

static void
short_and_crooked_lengths_are_refused(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_esp_suite_cases; s++) {
		struct esp_worker *w = esp_case_worker(BULK_AUTO);
		uint8_t inner[60];
		struct esp_case c;
		struct esp_sa *out;
		struct packet p;
		uint8_t *esp, copy[512];
		uint32_t n;

		esp_case_init(&c, &esp_suite_cases[s], 6);
		out = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_add(w, &c, SA_INBOUND);
		esp_case_packet(inner, sizeof inner, 4, 1);
		esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
		for (uint32_t len = 0; len < n; len++) {
			enum esp_drop d;

			memcpy(copy, esp, n);
			d = esp_case_open(w, copy, len, 0, &p);
			assert_true(d == ESP_DROP_RUNT || d == ESP_DROP_ICV);
		}
		esp_worker_free(w);
	}
}

/* Builds an ESP packet whose plaintext is ours, by way of a NULL cipher SA and a second one with its key. */
static enum esp_drop
open_payload(const uint8_t *payload, uint32_t len, struct packet *p)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct bulk *b = bulk_new(BULK_EVP);
	const struct bulk_suite *s = bulk_suite(b, ENCR_NULL, 0, INTEG_HMAC_SHA2_256_128);
	uint8_t key[64] __attribute__((aligned(64)));
	struct bulk_op op = { .key = key, .head = buf, .payload = len };
	enum esp_drop d;

	esp_case_init(&c, esp_case_suite("null-sha256"), 9);
	esp_case_add(w, &c, SA_INBOUND);
	assert_true(s->key_size <= sizeof key);
	assert_true(bulk_key_expand(b, s, key, true, (struct span) { 0 }, c.params.integ_key));
	put_be32(buf, c.params.spi);
	put_be32(buf + 4, 1);
	memcpy(buf + 8, payload, len);
	bulk_seal(b, s, &op, 1);
	d = esp_case_open(w, buf, 8 + len + 16, 0, p);
	/* An authentic packet moves the window whatever is inside. */
	assert_int_equal(esp_case_open(w, buf, 8 + len + 16, 0, p), ESP_DROP_REPLAY);
	bulk_key_clear(s, key);
	bulk_free(b);
	esp_worker_free(w);
	return d;
}

/* Old implementations cut HMAC-SHA-256 to 96 bits, which RFC 4868 section 2.3 has at 128: the same octets, four fewer. */
static void
sha256_cut_to_96_bits(void **state)
{
	static const uint16_t integ[] = { INTEG_HMAC_SHA2_256_128, INTEG_HMAC_SHA2_256_96 };
	static const uint8_t octets[32] = { 1, 2, 3 };

	(void)state;
	for (int p = BULK_EVP; p <= BULK_IMB; p++) {
		struct bulk *b = bulk_new((enum bulk_provider)p);
		uint8_t key[2048] __attribute__((aligned(64))), packet[2][8 + 32 + 16] = { 0 };

		for (size_t i = 0; b && i < 2; i++) {
			const struct bulk_suite *s = bulk_suite(b, ENCR_NULL, 0, integ[i]);
			struct bulk_op op = { .key = key, .head = packet[i], .payload = 32 };

			assert_true(s->key_size <= sizeof key);
			assert_int_equal(s->icv_octets, i ? 12 : 16);
			assert_true(bulk_key_expand(b, s, key, true, (struct span) { 0 }, span_of(octets, 32)));
			bulk_seal(b, s, &op, 1);
			bulk_key_clear(s, key);
		}
		assert_memory_equal(packet[0], packet[1], 8 + 32 + 12);
		assert_memory_equal(packet[1] + 8 + 32 + 12, "\0\0\0\0", 4);
		bulk_free(b);
	}
}

static void
padding_next_header_and_inner_packet_are_checked(void **state)
{
	static const struct {
		uint8_t pad[3], pad_len, next;
		uint32_t inner, total;
		enum esp_drop expect;
	} cases[] = {
		{ { 0 }, 0, 4, 30, 30, ESP_DROP_NONE },       { { 1, 2 }, 2, 4, 28, 28, ESP_DROP_NONE },
		{ { 1, 3 }, 2, 4, 28, 28, ESP_DROP_PADDING }, { { 0, 0 }, 2, 4, 28, 28, ESP_DROP_PADDING },
		{ { 0 }, 31, 4, 30, 30, ESP_DROP_PADDING },   { { 0 }, 255, 4, 30, 30, ESP_DROP_PADDING },
		{ { 0 }, 0, 59, 30, 30, ESP_DROP_DUMMY },     { { 0 }, 0, 6, 30, 30, ESP_DROP_PADDING },
		{ { 0 }, 0, 0, 30, 30, ESP_DROP_PADDING },    { { 0 }, 0, 41, 30, 30, ESP_DROP_INNER }, /* says IPv6, is IPv4 */
		{ { 0 }, 0, 4, 30, 31, ESP_DROP_INNER },                                              /* longer than what came */
		{ { 0 }, 0, 4, 30, 19, ESP_DROP_INNER },      { { 0 }, 0, 4, 30, 24, ESP_DROP_NONE }, /* TFC padding behind it */
		{ { 0 }, 0, 4, 18, 18, ESP_DROP_INNER },      { { 0 }, 0, 4, 2, 2, ESP_DROP_INNER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t payload[64], inner[64];
		uint32_t pad = cases[i].pad_len <= 3 ? cases[i].pad_len : 0, n = cases[i].inner;
		struct packet p;

		esp_case_packet(inner, 40, 4, 3);
		put_be16(inner + 2, (uint16_t)cases[i].total);
		memcpy(payload, inner, n);
		memcpy(payload + n, cases[i].pad, pad);
		payload[n + pad] = cases[i].pad_len;
		payload[n + pad + 1] = cases[i].next;
		if (open_payload(payload, n + pad + 2, &p) != cases[i].expect)
			fail_msg("case %zu: not %s", i, esp_drop_name(cases[i].expect));
	}
}

/* RFC 4303 2.6: any octets, even none, that the other end drops without a word; the window moves. */
static void
dummy_packets_leave_and_vanish(void **state)
{
	static struct batch b;

	(void)state;
	for (size_t s = 0; s < n_esp_suite_cases; s++) {
		struct esp_worker *w = esp_case_worker(BULK_AUTO);
		struct esp_case c;
		struct esp_sa *out;

		esp_case_init(&c, &esp_suite_cases[s], 6);
		out = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_add(w, &c, SA_INBOUND);
		for (uint32_t len = 0; len < 40; len++) {
			memset(buf + ESP_HEADROOM, 0xee, len);
			b.n = 1;
			b.pkt[0] = (struct packet) { .p = buf + ESP_HEADROOM, .len = len, .sa = out, .next = 59 };
			esp_transmit(w, &b, 1);
			assert_int_equal(b.n, 1);
			esp_receive(w, &b, 1);
			assert_int_equal(b.n_dropped, 1);
			assert_int_equal(b.pkt[0].drop, ESP_DROP_DUMMY);
		}
		assert_int_equal(out->seq, 40);
		assert_int_equal(out->octets, 0);
		esp_worker_free(w);
	}
}

/* RFC 4303 3.3.3: the counter never cycles; the last number is still used; ESN goes on. */
static void
sequence_numbers_never_cycle(void **state)
{
	(void)state;
	for (int esn = 0; esn < 2; esn++) {
		struct esp_worker *w = esp_case_worker(BULK_AUTO);
		uint8_t inner[60], *esp;
		struct esp_case c;
		struct esp_sa *out;
		size_t n_events;
		uint32_t n;

		esp_case_init(&c, &esp_suite_cases[2], 6);
		c.params.esn = esn;
		c.extra.seq = UINT32_MAX - 2;
		out = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_packet(inner, sizeof inner, 4, 1);
		assert_int_equal(esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n), ESP_DROP_NONE);
		esp_worker_events(w, &n_events);
		assert_int_equal(n_events, esn ? 0 : 1); /* soft: renew it */
		assert_int_equal(esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n), ESP_DROP_NONE);
		assert_int_equal(get_be32(esp + 4), UINT32_MAX);
		esp_worker_events(w, &n_events);
		assert_int_equal(n_events, esn ? 0 : 1); /* hard */
		assert_int_equal(esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n),
		                 esn ? ESP_DROP_NONE : ESP_DROP_SEQ_EXHAUSTED);
		esp_worker_events(w, &n_events);
		assert_int_equal(n_events, 0);
		if (esn)
			assert_int_equal(get_be32(esp + 4), 0);
		esp_worker_free(w);
	}
}

static void
limits_raise_each_event_once(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	unsigned soft = 0, hard = 0, passed = 0, soft_at = 0;
	uint8_t inner[100];
	struct esp_case c;
	struct esp_sa *out;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 6);
	c.params.soft_octets = 1000;
	c.params.hard_octets = 100000;
	c.params.soft_packets = 500;
	c.params.hard_packets = 30;
	out = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_packet(inner, sizeof inner, 4, 1);
	for (unsigned i = 1; i <= 60; i++) {
		const struct esp_event *e;
		uint8_t *esp;
		uint32_t n;
		size_t k;

		passed += esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n) == ESP_DROP_NONE;
		e = esp_worker_events(w, &k);
		for (size_t j = 0; j < k; j++) {
			assert_ptr_equal(e[j].sa, out);
			if (e[j].kind == ESP_EVENT_SOFT) {
				soft++;
				soft_at = i;
			} else {
				hard++;
			}
		}
	}
	assert_int_equal(soft, 1);
	assert_int_equal(soft_at, 10);
	assert_int_equal(hard, 1);
	assert_int_equal(passed, 30);
	assert_int_equal(esp_worker_drops(w)[ESP_DROP_LIFETIME], 30);
	esp_worker_free(w);
}

/* A batch with several suites and with SAs in any order: results are those of one by one. */
static void
mixed_batches_come_out_right(void **state)
{
	static struct batch b;
	static uint8_t room[ESP_BATCH_MAX][512], inner[ESP_BATCH_MAX][300];
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct esp_sa *out[40];
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 11);
	for (unsigned i = 0; i < 40; i++) {
		struct esp_case c;

		esp_case_init(&c, &esp_suite_cases[i % n_esp_suite_cases], 100 + i);
		c.params.esn = i & 1;
		out[i] = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_add(w, &c, SA_INBOUND);
	}
	for (unsigned round = 0; round < 20; round++) {
		b.n = ESP_BATCH_MAX;
		for (unsigned i = 0; i < b.n; i++) {
			uint32_t len = 48 + (uint32_t)rng_below(&rng.rng, 250);

			esp_case_packet(inner[i], len, rng_below(&rng.rng, 2) ? 4 : 6, i);
			memcpy(room[i] + ESP_HEADROOM, inner[i], len);
			b.pkt[i] = (struct packet) {
				.p = room[i] + ESP_HEADROOM, .len = len, .sa = out[rng_below(&rng.rng, 40)], .user = (uint16_t)i
			};
		}
		esp_transmit(w, &b, 1);
		assert_int_equal(b.n, ESP_BATCH_MAX);
		for (unsigned i = 0; i < b.n; i += 7)
			b.pkt[i].p[b.pkt[i].len - 1] ^= 1;
		esp_receive(w, &b, 2);
		assert_int_equal(b.n_dropped, (ESP_BATCH_MAX + 6) / 7);
		for (unsigned i = 0; i < b.n + b.n_dropped; i++) {
			struct packet *p = &b.pkt[i];

			assert_int_equal(p->drop, p->user % 7 ? ESP_DROP_NONE : ESP_DROP_ICV);
			assert_true(i == 0 || i >= b.n || b.pkt[i - 1].user < p->user);
			if (!p->drop)
				assert_memory_equal(p->p, inner[p->user], p->len);
		}
	}
	esp_worker_free(w);
}

static void
duplicates_inside_a_batch_pass_once(void **state)
{
	static struct batch b;
	static uint8_t room[8][256];
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	uint8_t inner[60], *esp;
	struct esp_case c;
	struct esp_sa *out;
	uint32_t n;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 6);
	out = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_add(w, &c, SA_INBOUND);
	esp_case_packet(inner, sizeof inner, 4, 1);
	esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
	b.n = 8;
	for (unsigned i = 0; i < 8; i++) {
		memcpy(room[i], esp, n);
		b.pkt[i] = (struct packet) { .p = room[i], .len = n, .user = (uint16_t)i };
	}
	esp_receive(w, &b, 1);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.pkt[0].user, 0);
	assert_int_equal(esp_worker_drops(w)[ESP_DROP_REPLAY], 7);
	esp_worker_free(w);
}

/*
 * Reordering, loss and duplication, in batches of any size: exactly what a plain
 * model of the window accepts, decided packet by packet, comes out. With ESN the
 * numbers cross 2^32 on the way.
 */
static void
replay_is_exact_across_batches(void **state)
{
	enum { N = 3000, WINDOW = 64, SEALED_MAX = 160 };
	static uint8_t sealed[N][SEALED_MAX], room[ESP_BATCH_MAX][SEALED_MAX];
	static bool seen[N];
	static struct batch b;
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 17);
	for (int esn = 0; esn < 2; esn++) {
		struct esp_worker *w = esp_case_worker(BULK_AUTO);
		uint64_t start = esn ? UINT64_C(0x100000000) - N / 2 : 0;
		uint32_t n = 0, top = 0, sent = 0, expect[ESP_BATCH_MAX];
		struct esp_case c;
		struct esp_sa *out;

		esp_case_init(&c, &esp_suite_cases[2], 3);
		c.params.esn = esn;
		c.params.replay_window = WINDOW;
		c.extra.seq = start;
		out = esp_case_add(w, &c, SA_OUTBOUND);
		esp_case_add(w, &c, SA_INBOUND);
		memset(seen, 0, sizeof seen);
		for (unsigned i = 0; i < N; i++) {
			uint8_t inner[60], *esp;

			esp_case_packet(inner, sizeof inner, 4, i);
			assert_int_equal(esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n), ESP_DROP_NONE);
			memcpy(sealed[i], esp, n);
		}
		while (sent < N - 200) {
			size_t passing = 0;

			b.n = 1 + rng_below(&rng.rng, ESP_BATCH_MAX);
			for (size_t i = 0; i < b.n; i++) {
				uint32_t back = (uint32_t)rng_below(&rng.rng, rng_below(&rng.rng, 4) ? 8 : 2 * WINDOW), k;
				bool fresh;

				sent += (uint32_t)rng_below(&rng.rng, 3);
				k = sent >= back ? sent - back : 0;
				k = k < N ? k : N - 1;
				memcpy(room[i], sealed[k], n);
				b.pkt[i] = (struct packet) { .p = room[i], .len = n, .user = (uint16_t)i };
				/* top is the highest index accepted, plus one */
				fresh = k + 1 > top || (top - (k + 1) < WINDOW && !seen[k]);
				if (!fresh)
					continue;
				seen[k] = true;
				top = k + 1 > top ? k + 1 : top;
				expect[passing++] = (uint32_t)i;
			}
			esp_receive(w, &b, 1);
			assert_int_equal(b.n, passing);
			for (size_t i = 0; i < passing; i++)
				assert_int_equal(b.pkt[i].user, expect[i]);
		}
		esp_worker_free(w);
	}
}

/* No two packets of a key have one IV; CBC's show no counter. */
static void
ivs_are_unique_and_cbc_ones_unpredictable(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	uint8_t inner[60], last[16] = { 0 }, *esp;
	struct esp_case c;
	struct esp_sa *gcm, *cbc;
	unsigned bits = 0;
	uint32_t n;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 6);
	gcm = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_init(&c, esp_case_suite("aes128-sha256"), 8);
	cbc = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_packet(inner, sizeof inner, 4, 1);
	for (unsigned i = 1; i <= 1000; i++) {
		esp_case_seal(w, gcm, buf, inner, sizeof inner, &esp, &n);
		assert_int_equal(get_be64(esp + 8), i);
		esp_case_seal(w, cbc, buf, inner, sizeof inner, &esp, &n);
		for (unsigned k = 0; k < 16; k++)
			bits += (unsigned)__builtin_popcount(esp[8 + k] ^ last[k]);
		memcpy(last, esp + 8, 16);
	}
	/* 64 of 128 bits change on average: 64,000 with a standard deviation of 179. */
	assert_in_range(bits, 63000, 65000);
	esp_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite_opens_what_it_sealed),
		cmocka_unit_test(providers_agree_on_long_packets),
		cmocka_unit_test(any_flipped_bit_is_refused),
		cmocka_unit_test(short_and_crooked_lengths_are_refused),
		cmocka_unit_test(sha256_cut_to_96_bits),
		cmocka_unit_test(padding_next_header_and_inner_packet_are_checked),
		cmocka_unit_test(dummy_packets_leave_and_vanish),
		cmocka_unit_test(sequence_numbers_never_cycle),
		cmocka_unit_test(limits_raise_each_event_once),
		cmocka_unit_test(mixed_batches_come_out_right),
		cmocka_unit_test(duplicates_inside_a_batch_pass_once),
		cmocka_unit_test(replay_is_exact_across_batches),
		cmocka_unit_test(ivs_are_unique_and_cbc_ones_unpredictable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
