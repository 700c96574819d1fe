/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "esp_case.h"
#include "slab.h"
#include "spi_table.h"

static struct selector
subnet(const char *text, unsigned bits, uint8_t proto, uint16_t lo, uint16_t hi)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return selector_from_prefix(&a, bits, proto, lo, hi);
}

static const char *
refusal(struct esp_worker *w, struct esp_case *c)
{
	const char *why = NULL;

	c->extra.ts = c->ts;
	assert_null(esp_sa_add(w, &c->params, &c->extra, &why));
	assert_non_null(why);
	return why;
}

static void
what_cannot_work_is_refused_with_its_reason(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	size_t before;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	esp_case_add(w, &c, SA_INBOUND);
	before = esp_sa_count(w);
#define REFUSED(change, word)                                                                                                    \
	do {                                                                                                                     \
		esp_case_init(&c, &esp_suite_cases[2], 2);                                                                       \
		change;                                                                                                          \
		assert_non_null(strstr(refusal(w, &c), word));                                                                   \
	} while (0)
	REFUSED(c.params.spi = 255, "reserved");
	REFUSED(c.params.spi = 0, "reserved");
	REFUSED(c.params.mode = MODE_BEET, "transport mode are supported");
	REFUSED((c.params.mode = MODE_TRANSPORT, c.params.local.ip.family = IP_NONE), "addresses of both ends");
	REFUSED(c.params.ah.spi = 0x1000, "AH cannot pass a NAT");
	REFUSED((c.params.ah.spi = 0x1000, c.params.udp_encap = false), "AH algorithms");
	REFUSED((c.params.ah.spi = 100, c.params.ah.integ_id = INTEG_HMAC_SHA1_96, c.params.udp_encap = false), "key lengths");
	REFUSED(c.params.encr_key.n = 35, "key length");
	REFUSED(c.params.integ_key.n = 1, "key length");
	REFUSED(c.params.encr.id = 77, "algorithms");
	REFUSED(c.params.integ_id = INTEG_HMAC_SHA2_256_128, "algorithms");
	REFUSED(c.ts[0].local.lo.family = IP_NONE, "selector");
	REFUSED(c.ts[0].remote = c.ts[1].remote, "selector");
	REFUSED(c.extra.n_ts = SA_SELECTORS_MAX + 1, "selector");
	REFUSED(c.params.spi -= 1, "installed already");
#undef REFUSED
	assert_int_equal(esp_sa_count(w), before);
	esp_worker_free(w);
}

static void
outbound_spis_are_unique_per_peer_only(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct esp_sa *a, *b;
	struct endpoint first, second, third;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	first = second = third = c.params.remote;
	second.ip.b[3]++;
	third.port = 4501;
	a = esp_case_add(w, &c, SA_OUTBOUND);
	refusal(w, &c);
	c.params.remote = second;
	b = esp_case_add(w, &c, SA_OUTBOUND);
	assert_ptr_equal(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &first), a);
	assert_ptr_equal(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &second), b);
	assert_null(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &third));
	assert_null(esp_sa_find(w, SA_INBOUND, c.params.spi, &first));
	/* A changed NAT mapping; but not onto another SA. */
	assert_true(esp_sa_move(w, a, &c.params.local, &third));
	assert_ptr_equal(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &third), a);
	assert_null(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &first));
	assert_false(esp_sa_move(w, a, &c.params.local, &second));
	assert_ptr_equal(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &third), a);
	esp_sa_remove(w, a);
	assert_null(esp_sa_find(w, SA_OUTBOUND, c.params.spi, &third));
	assert_int_equal(esp_sa_count(w), 1);
	esp_worker_free(w);
}

/* SAs between the same two ends share a path, and what is learnt about it. */
static void
paths_are_shared(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct esp_sa *a, *b;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	a = esp_case_add(w, &c, SA_OUTBOUND);
	c.params.spi++;
	b = esp_case_add(w, &c, SA_OUTBOUND);
	assert_ptr_equal(a->path, b->path);
	assert_int_equal(a->path->refs, 2);
	assert_int_equal(a->path->mtu, 1500);
	c.params.spi++;
	c.params.udp_encap = false;
	assert_ptr_not_equal(esp_case_add(w, &c, SA_OUTBOUND)->path, a->path);
	esp_sa_remove(w, a);
	assert_int_equal(b->path->refs, 1);
	esp_worker_free(w);
}

/* Thousands of SAs come and go in random order; each is found exactly while it is there, and memory is used again. */
static void
sas_come_and_go(void **state)
{
	enum { N = 3000, ROUNDS = 12000 };
	static struct esp_sa *sa[N];
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct seeded_rng rng;
	size_t full = 0, count = 0;

	(void)state;
	seeded_rng_open(&rng, 9);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i = round < N ? round : (unsigned)rng_below(&rng.rng, N);
		uint32_t spi = 0x10000 + i * 0x10001;

		assert_ptr_equal(esp_sa_find(w, SA_INBOUND, spi, NULL), sa[i]);
		if (sa[i]) {
			esp_sa_remove(w, sa[i]);
			sa[i] = NULL;
			count--;
		} else {
			struct esp_case c;

			esp_case_init(&c, &esp_suite_cases[i % n_esp_suite_cases], i);
			c.params.spi = spi;
			c.params.replay_window = 32u << i % 6;
			sa[i] = esp_case_add(w, &c, SA_INBOUND);
			count++;
		}
		assert_int_equal(esp_sa_count(w), count);
		if (round == N)
			full = esp_sa_memory(w);
	}
	/* Churn at the same level does not grow. */
	assert_true(esp_sa_memory(w) <= full + SLAB_CHUNK);
	esp_worker_free(w);
	memset(sa, 0, sizeof sa);
}

/* The key of a removed SA is nowhere in the slab any more. */
/* One packet from @from to @to; whether it was accepted. */
static bool
passes(struct esp_worker *w, struct esp_sa *from, struct esp_worker *peer, uint8_t *copy, uint32_t *copied)
{
	uint8_t inner[200], buf[1024], *esp;
	struct packet got;
	uint32_t n;

	esp_case_packet(inner, sizeof inner, 4, 9);
	assert_int_equal(esp_case_seal(w, from, buf, inner, sizeof inner, &esp, &n), ESP_DROP_NONE);
	memcpy(copy, esp, n);
	*copied = n;
	return esp_case_open(peer, esp, n, 0, &got) == ESP_DROP_NONE && got.len == sizeof inner && !memcmp(got.p, inner, got.len);
}

/* With every suite: the peer sees no difference, and what was seen before is not taken twice. */
static void
another_worker_adopts_keys_numbers_and_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * n_esp_suite_cases; i++) {
		enum bulk_provider p = i % 2 ? BULK_EVP : BULK_AUTO;
		struct esp_worker *w[2] = { esp_case_worker(p), esp_case_worker(p) };
		struct esp_worker *peer[2] = { esp_case_worker(p), esp_case_worker(p) };
		uint8_t copy[1024];
		struct esp_case c;
		struct esp_sa *out, *in;
		struct packet got;
		uint32_t n;

		esp_case_init(&c, &esp_suite_cases[i / 2], 5);
		out = esp_case_add(w[0], &c, SA_OUTBOUND);
		in = esp_case_add(peer[0], &c, SA_INBOUND);
		assert_true(passes(w[0], out, peer[0], copy, &n));
		out = esp_sa_adopt(w[1], w[0], out);
		in = esp_sa_adopt(peer[1], peer[0], in);
		assert_non_null(out);
		assert_non_null(in);
		assert_int_equal(esp_sa_count(w[0]) + esp_sa_count(peer[0]), 0);
		assert_int_equal(esp_case_open(peer[1], copy, n, 0, &got), ESP_DROP_REPLAY);
		assert_true(passes(w[1], out, peer[1], copy, &n));
		assert_int_equal(out->seq, 2);
		assert_int_equal(in->packets, 2);
		for (unsigned k = 0; k < 2; k++) {
			esp_worker_free(w[k]);
			esp_worker_free(peer[k]);
		}
	}
}

static void
keys_are_wiped(void **state)
{
	struct slab s = { 0 };
	slab_handle h = slab_alloc(&s, 1000);
	uint8_t *p = slab_at(&s, h);

	(void)state;
	assert_int_equal((uintptr_t)p % 64, 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	memset(p, 0x5a, 1000);
	slab_free(&s, h, 1000);
	for (unsigned i = sizeof(slab_handle); i < 1000; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(slab_alloc(&s, 1000), h);
	assert_int_equal(slab_alloc(&s, SLAB_CHUNK), 0);
	assert_int_equal(slab_alloc(&s, 0), 0);
	slab_close(&s);
}

/* AES-256-GCM, a window of 1024, a peer of its own: 2.5 KiB, without what is left of chunks that are not full. */
static void
memory_per_pair_is_bounded(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_IMB);
	enum { PAIRS = 12000 };

	(void)state;
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct esp_case c;

		esp_case_init(&c, &esp_suite_cases[2], 1);
		c.params.spi = 0x10000 + i;
		c.params.remote.ip = ip_from_v4(0x0a000000 + i);
		c.extra.n_ts = 1;
		esp_case_add(w, &c, SA_INBOUND);
		esp_case_add(w, &c, SA_OUTBOUND);
	}
	assert_in_range(esp_sa_memory(w) / PAIRS, 2000, 2560);
	esp_worker_free(w);
}

/* ---- RFC 4301 section 5.2: selectors of an inbound SA */

static void
inner_v4(uint8_t *p, const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct ip a, b;

	assert_true(ip_parse(&a, src) && ip_parse(&b, dst));
	esp_case_packet(p, 40, 4, 1);
	p[9] = proto;
	memcpy(p + 12, a.b, 4);
	memcpy(p + 16, b.b, 4);
	put_be16(p + 20, sport);
	put_be16(p + 22, dport);
}

static void
selectors_admit_exactly_what_they_say(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct esp_sa *sa;
	uint8_t p[40];

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	c.ts[0].local = subnet("10.1.0.0", 16, 0, 0, 65535);
	c.ts[0].remote = subnet("10.2.0.0", 24, 0, 0, 65535);
	c.ts[1].local = subnet("10.3.0.1", 32, 17, 53, 53);
	c.ts[1].remote = subnet("10.4.0.0", 16, 17, 1024, 65535);
	sa = esp_case_add(w, &c, SA_INBOUND);
#define ADMITS(yes, ...)                                                                                                         \
	do {                                                                                                                     \
		inner_v4(p, __VA_ARGS__);                                                                                        \
		assert_int_equal(sa_selectors_admit(sa, p, sizeof p), yes);                                                      \
	} while (0)
	/* Incoming: the source is the remote side. */
	ADMITS(true, "10.2.0.9", "10.1.255.255", 6, 1, 2);
	ADMITS(false, "10.1.0.9", "10.2.0.5", 6, 1, 2);
	ADMITS(false, "10.2.1.0", "10.1.0.1", 6, 1, 2);
	ADMITS(false, "10.2.0.9", "10.2.0.0", 6, 1, 2);
	ADMITS(true, "10.4.9.9", "10.3.0.1", 17, 1024, 53);
	ADMITS(false, "10.4.9.9", "10.3.0.1", 17, 1023, 53);
	ADMITS(false, "10.4.9.9", "10.3.0.1", 17, 5000, 54);
	ADMITS(false, "10.4.9.9", "10.3.0.1", 6, 5000, 53);
	/* Section 7: a later fragment has no ports; it passes only where they do not matter. */
	inner_v4(p, "10.4.9.9", "10.3.0.1", 17, 5000, 53);
	put_be16(p + 6, 10);
	assert_false(sa_selectors_admit(sa, p, sizeof p));
	inner_v4(p, "10.2.0.9", "10.1.0.1", 17, 5000, 53);
	put_be16(p + 6, 10);
	assert_true(sa_selectors_admit(sa, p, sizeof p));
#undef ADMITS
	esp_worker_free(w);
}

static void
opaque_ports_take_later_fragments(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct esp_sa *sa;
	uint8_t p[40];

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	c.extra.n_ts = 1;
	c.ts[0].local = subnet("10.0.0.0", 8, 17, 65535, 0);
	c.ts[0].remote = subnet("10.0.0.0", 8, 17, 65535, 0);
	sa = esp_case_add(w, &c, SA_INBOUND);
	inner_v4(p, "10.2.0.9", "10.1.0.1", 17, 5000, 53);
	assert_false(sa_selectors_admit(sa, p, sizeof p));
	put_be16(p + 6, 10);
	assert_true(sa_selectors_admit(sa, p, sizeof p));
	esp_worker_free(w);
}

/* Both compact forms (one range, and several selectors) against selector.h, at and around the edges of ranges, both families. */
static void
compact_selectors_equal_the_plain_ones(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 77);
	for (unsigned round = 0; round < 300; round++) {
		bool v6 = round & 1;
		uint8_t p[60];
		struct esp_case c;
		struct esp_sa *sa;

		esp_case_init(&c, esp_case_suite("null-sha256"), 1);
		c.extra.n_ts = round & 2 ? 2 : 1;
		for (unsigned e = 0; e < 2; e++) {
			struct selector *s = e ? &c.ts[0].remote : &c.ts[0].local;
			struct ip a = { .family = v6 ? IP_V6 : IP_V4 };

			rng_fill(&rng.rng, a.b, v6 ? 16 : 4);
			*s = selector_from_prefix(&a, (unsigned)rng_below(&rng.rng, v6 ? 129 : 33), 0, 0, 65535);
		}
		c.ts[1] = c.ts[0];
		c.ts[1].remote.port_hi = 0;
		sa = esp_case_add(w, &c, SA_INBOUND);
		assert_int_equal(!!(sa->flags & SA_ONE_RANGE), round % 4 == 0);
		for (unsigned k = 0; k < 64; k++) {
			unsigned at = v6 ? 8 : 12, n = v6 ? 16 : 4;
			const struct ip *edge[2] = { k & 1 ? &c.ts[0].remote.lo : &c.ts[0].remote.hi,
				                     k & 2 ? &c.ts[0].local.lo : &c.ts[0].local.hi };
			struct flow f, out;

			esp_case_packet(p, sizeof p, v6 ? 6 : 4, k);
			memcpy(p + at, edge[0]->b, n);
			memcpy(p + at + n, edge[1]->b, n);
			if (k & 4) {
				uint8_t *octet = &p[at + rng_below(&rng.rng, 2 * n)];

				*octet = (uint8_t)(*octet + (k & 8 ? 1 : 255));
			}
			assert_true(flow_from_packet(&f, span_of(p, sizeof p)));
			out = flow_reversed(&f);
			assert_int_equal(sa_selectors_admit(sa, p, sizeof p), selector_pair_admits(&c.ts[0], &out));
		}
		esp_sa_remove(w, sa);
	}
	esp_worker_free(w);
}

static void
packets_outside_are_dropped_and_counted(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct esp_case c;
	struct esp_sa *out;
	uint8_t inner[60], buf[256], *esp;
	struct packet p;
	uint32_t n;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 6);
	c.ts[0].remote = subnet("10.99.0.0", 16, 0, 0, 65535);
	out = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_add(w, &c, SA_INBOUND);
	esp_case_packet(inner, sizeof inner, 4, 1);
	esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
	assert_int_equal(esp_case_open(w, esp, n, 0, &p), ESP_DROP_SELECTOR);
	assert_int_equal(esp_worker_drops(w)[ESP_DROP_SELECTOR], 1);
	assert_int_equal(esp_worker_drops(w)[ESP_DROP_NONE], 0);
	esp_worker_free(w);
}

/* ---- the table beneath */

static void
table_equals_the_plain_model(void **state)
{
	enum { N = 2000 };
	static uint32_t model[N];
	struct spi_table t;
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 5);
	/* A multiplier of 1 is as bad as it gets: all keys have home 0. */
	for (unsigned bad = 0; bad < 2; bad++) {
		memset(model, 0, sizeof model);
		assert_true(spi_table_open(&t, 0, bad ? 1 : 0x9e3779b97f4a7c15));
		for (unsigned round = 0; round < (bad ? 3000 : 30000); round++) {
			uint32_t k = (uint32_t)rng_below(&rng.rng, bad ? 200 : N);

			assert_int_equal(spi_table_find(&t, k), model[k]);
			if (model[k]) {
				spi_table_remove(&t, k, model[k]);
				model[k] = 0;
			} else {
				model[k] = round + 1;
				assert_true(spi_table_add(&t, k, model[k]));
			}
		}
		for (uint32_t k = 0; k < N; k++)
			assert_int_equal(spi_table_find(&t, k), model[k]);
		spi_table_close(&t);
	}
}

static void
every_drop_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (unsigned d = 0; d < ESP_DROP_COUNT; d++) {
		assert_true(strlen(esp_drop_name(d)) >= 3);
		assert_true(strlen(esp_drop_sentence(d)) >= 8);
		for (unsigned e = 0; e < d; e++)
			assert_string_not_equal(esp_drop_name(d), esp_drop_name(e));
	}
	assert_string_equal(esp_drop_name(ESP_DROP_COUNT), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_work_is_refused_with_its_reason),
		cmocka_unit_test(outbound_spis_are_unique_per_peer_only),
		cmocka_unit_test(paths_are_shared),
		cmocka_unit_test(sas_come_and_go),
		cmocka_unit_test(another_worker_adopts_keys_numbers_and_window),
		cmocka_unit_test(keys_are_wiped),
		cmocka_unit_test(memory_per_pair_is_bounded),
		cmocka_unit_test(selectors_admit_exactly_what_they_say),
		cmocka_unit_test(opaque_ports_take_later_fragments),
		cmocka_unit_test(compact_selectors_equal_the_plain_ones),
		cmocka_unit_test(packets_outside_are_dropped_and_counted),
		cmocka_unit_test(table_equals_the_plain_model),
		cmocka_unit_test(every_drop_has_a_name_and_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
