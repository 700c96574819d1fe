/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "esp.h"
#include "esp_bare.h"
#include "report.h"
#include "seeded_rng.h"
#include "spd.h"

/*
 * The packet layer in memory: esp.md and esp.json in the folder given. Seal and
 * open of batches in tunnel mode, IPv4, with SAD lookup, selector and replay
 * checks and counters, against bare libipsec-mb over as many keys in the same
 * order. Both run in turn, batch by batch; each figure is the median of the batches.
 */

enum { BATCH = 64, RING = 256, STRIDE = 2048, SAMPLES = 4000, SAMPLES_FEW = 1000, HEADER = 20, MAX_SAMPLES = SAMPLES };

static const uint64_t memory_for_a_million = UINT64_C(7) << 30;

struct suite {
	const char *name;
	enum bare_kind bare;
	struct transform encr;
	uint16_t integ_id;
	size_t encr_key, integ_key;
};

static const struct suite suites[] = {
	{ "AES-256-GCM", BARE_GCM256, { ENCR_AES_GCM_16, 256 }, INTEG_NONE, 36, 0 },
	{ "AES-256-CBC + HMAC-SHA2-256", BARE_CBC256_SHA256, { ENCR_AES_CBC, 256 }, INTEG_HMAC_SHA2_256_128, 32, 32 },
	{ "ChaCha20-Poly1305", BARE_CHACHA, { ENCR_CHACHA20_POLY1305, 0 }, INTEG_NONE, 36, 0 },
};

/* One configuration: SAs, bare keys, packets and their order. */
struct bench {
	const struct suite *suite;
	size_t n;
	uint32_t inner, bare_payload;
	struct esp_worker *w;
	struct esp_sa **out;
	struct bare *bare;
	uint8_t *ring, *bare_ring;
	uint32_t *order;
	size_t at;
	double seal[MAX_SAMPLES], open[MAX_SAMPLES], bare_seal[MAX_SAMPLES], bare_open[MAX_SAMPLES];
};

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_esp: %s\n", what);
	exit(1);
}

static void
header_v4(uint8_t *p, uint32_t len)
{
	static const uint8_t fixed[HEADER] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1 };

	memcpy(p, fixed, HEADER);
	put_be16(p + 2, (uint16_t)len);
}

static void
add_pair(struct bench *b, struct rng *rng, size_t i)
{
	uint8_t encr[64], integ[64];
	const char *why = "";
	struct sa_params p = {
		.spi = 0,
		.local = { .ip = ip_from_v4(0xc0000201), .port = 4500 },
		.remote = { .ip = ip_from_v4(0xc6000000 + (uint32_t)i), .port = 4500 },
		.udp_encap = true,
		.encr = b->suite->encr,
		.integ_id = b->suite->integ_id,
		.encr_key = span_of(encr, b->suite->encr_key),
		.integ_key = span_of(integ, b->suite->integ_key),
		.replay_window = 1024,
		.copy_df = true,
		.copy_ecn = true,
		.copy_dscp = 1,
	};
	struct ip local = ip_from_v4(0x0a020000), remote = ip_from_v4(0x0a010000);

	p.ts.local = selector_from_prefix(&local, 16, 0, 0, 65535);
	p.ts.remote = selector_from_prefix(&remote, 16, 0, 0, 65535);
	rng_fill(rng, encr, sizeof encr);
	rng_fill(rng, integ, sizeof integ);
	do
		p.spi = rng_u32(rng) | 0x100;
	while (esp_sa_find(b->w, SA_INBOUND, p.spi, NULL));
	p.direction = SA_INBOUND;
	if (!esp_sa_add(b->w, &p, NULL, &why))
		die(why);
	p.direction = SA_OUTBOUND;
	b->out[i] = esp_sa_add(b->w, &p, NULL, &why);
	if (!b->out[i])
		die(why);
}

static void
bench_open(struct bench *b, const struct suite *s, size_t n)
{
	static struct seeded_rng rng;

	seeded_rng_open(&rng, n);
	*b = (struct bench) { .suite = s, .n = n };
	b->w = esp_worker_new(&(struct esp_worker_options) { .provider = BULK_AUTO, .rng = &rng.rng, .expect_sas = n });
	b->out = malloc(n * sizeof(struct esp_sa *));
	b->ring = aligned_alloc(64, RING * STRIDE);
	b->bare_ring = aligned_alloc(64, RING * STRIDE);
	b->order = malloc(RING * 4096 * sizeof(uint32_t));
	if (!b->w || !b->out || !b->ring || !b->bare_ring || !b->order)
		die("out of memory");
	for (size_t i = 0; i < n; i++)
		add_pair(b, &rng.rng, i);
	b->bare = bare_new(s->bare, n);
	if (!b->bare)
		die("out of memory for the bare keys");
	for (size_t i = 0; i < RING * 4096; i++)
		b->order[i] = (uint32_t)rng_below(&rng.rng, n);
	memset(b->ring, 0xa5, RING * STRIDE);
	memset(b->bare_ring, 0xa5, RING * STRIDE);
}

static void
bench_close(struct bench *b)
{
	esp_worker_free(b->w);
	bare_free(b->bare);
	free(b->out);
	free(b->ring);
	free(b->bare_ring);
	free(b->order);
}

static void
ours(struct bench *b, size_t sample, const uint32_t *order)
{
	static struct batch k;
	double t0, t1, t2;
	size_t slot = sample * BATCH % RING;

	k.n = BATCH;
	for (size_t i = 0; i < BATCH; i++) {
		uint8_t *p = b->ring + (slot + i) * STRIDE + ESP_HEADROOM;

		header_v4(p, b->inner);
		k.pkt[i] = (struct packet) { .p = p, .len = b->inner, .sa = b->out[order[i]] };
	}
	t0 = now_ns();
	esp_transmit(b->w, &k, (instant_t)t0);
	t1 = now_ns();
	for (size_t i = 0; i < BATCH; i++)
		k.pkt[i].sa = NULL;
	t2 = now_ns();
	esp_receive(b->w, &k, (instant_t)t0);
	b->open[sample] = (now_ns() - t2) / BATCH;
	b->seal[sample] = (t1 - t0) / BATCH;
	if (k.n != BATCH)
		die("a packet was dropped");
}

static void
theirs(struct bench *b, size_t sample, const uint32_t *order)
{
	uint8_t *packet[BATCH];
	double t0, t1;

	for (size_t i = 0; i < BATCH; i++)
		packet[i] = b->bare_ring + (sample * BATCH % RING + i) * STRIDE + 16;
	t0 = now_ns();
	bare_run(b->bare, 1, packet, order, BATCH, b->bare_payload);
	t1 = now_ns();
	bare_run(b->bare, 0, packet, order, BATCH, b->bare_payload);
	b->bare_open[sample] = (now_ns() - t1) / BATCH;
	b->bare_seal[sample] = (t1 - t0) / BATCH;
}

static void
report_line(struct report *r, struct bench *b, size_t n, const char *way, double *mine, double *bare, double target)
{
	double m = median(mine, n), c = median(bare, n);
	json_t *o = json_object();

	fprintf(r->md, "| %s | %u | %zu | %s | %.0f | %.0f | %.2f | %.2f |\n", b->suite->name, b->inner, b->n, way, m, c, m / c,
	        target);
	json_object_set_new(o, "suite", json_string(b->suite->name));
	json_object_set_new(o, "octets", json_integer(b->inner));
	json_object_set_new(o, "sas", json_integer((json_int_t)b->n));
	json_object_set_new(o, "direction", json_string(way));
	json_object_set_new(o, "ns", json_real(m));
	json_object_set_new(o, "bare_ns", json_real(c));
	json_object_set_new(o, "ratio", json_real(m / c));
	json_object_set_new(o, "aim", json_real(target));
	json_array_append_new(json_object_get(r->json, "packets"), o);
}

static void
measure(struct report *r, struct bench *b, uint32_t inner, size_t n)
{
	double target = b->suite->bare != BARE_GCM256 ? 1.25 : inner == 64 ? 2.0 : 1.25;

	b->inner = inner;
	b->bare_payload = esp_sealed_octets(b->out[0], inner) - b->out[0]->head_octets - b->out[0]->icv_octets;
	for (size_t i = 0; i < n; i++) {
		const uint32_t *order = b->order + b->at;

		b->at = (b->at + BATCH) % (RING * 4096);
		ours(b, i, order);
		theirs(b, i, order);
	}
	report_line(r, b, n, "seal", b->seal, b->bare_seal, target);
	report_line(r, b, n, "open", b->open, b->bare_open, target);
}

static uint64_t
memory_available(void)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

static void
packets(struct report *r)
{
	static const size_t counts[] = { 1, 1000, 100000, 1000000 };
	static struct bench b;

	json_object_set_new(r->json, "packets", json_array());
	fprintf(r->md, "ESP in memory: nanoseconds a packet, against bare libipsec-mb over as many keys in the same order.\n\n"
	               "| suite | inner octets | SAs | | ns | bare ns | ratio | aim |\n|---|---|---|---|---|---|---|---|\n");
	for (size_t s = 0; s < sizeof suites / sizeof suites[0]; s++) {
		for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
			size_t samples = counts[c] > 1000 ? SAMPLES_FEW * 2 : SAMPLES;

			/* The million is for the suite that everyone uses; it needs 5 GiB. */
			if (counts[c] > 1000 && suites[s].bare != BARE_GCM256)
				continue;
			if (counts[c] == 1000000 && memory_available() < memory_for_a_million)
				continue;
			bench_open(&b, &suites[s], counts[c]);
			measure(r, &b, 64, samples);
			measure(r, &b, 1400, samples);
			bench_close(&b);
		}
	}
	fprintf(r->md, "\n");
}

static void
memory(struct report *r)
{
	enum { PAIRS = 100000 };
	static struct bench b;
	static struct seeded_rng rng;
	double octets;

	seeded_rng_open(&rng, 1);
	b = (struct bench) { .suite = &suites[0], .n = PAIRS };
	b.w = esp_worker_new(&(struct esp_worker_options) { .provider = BULK_AUTO, .rng = &rng.rng });
	b.out = malloc(PAIRS * sizeof(struct esp_sa *));
	if (!b.w || !b.out)
		die("out of memory");
	for (size_t i = 0; i < PAIRS; i++)
		add_pair(&b, &rng.rng, i);
	octets = (double)esp_sa_memory(b.w) / PAIRS;
	fprintf(r->md, "Memory of an SA pair (AES-256-GCM, window 1024, a peer of its own): %.0f octets; aim 2560.\n\n", octets);
	json_object_set_new(r->json, "octets_per_sa_pair", json_real(octets));
	esp_worker_free(b.w);
	free(b.out);
}

/* Subnets, hosts and single ports, as gateways have them; no two alike. */
static struct selector_pair
pair_of(size_t i)
{
	unsigned bits = i % 3 == 0 ? 32 : 24 + (unsigned)(i % 4);
	struct ip src = ip_from_v4(0x0a000000 + ((uint32_t)i << 8)), dst = ip_from_v4(0xac000000 + ((uint32_t)i << 8));
	uint16_t port_lo = i % 5 == 0 ? 443 : 0, port_hi = i % 5 == 0 ? 443 : 65535;
	uint8_t proto = i % 5 == 0 ? 6 : 0;

	return (struct selector_pair) {
		.local = selector_from_prefix(&src, bits, proto, 0, 65535),
		.remote = selector_from_prefix(&dst, bits, proto, port_lo, port_hi),
	};
}

static void
policies(struct report *r)
{
	enum { FLOWS = 4096, ROUNDS = 50 };
	static struct flow flows[FLOWS];
	static double sample[ROUNDS];
	static struct seeded_rng rng;

	seeded_rng_open(&rng, 2);
	fprintf(r->md, "Policy lookup of an outbound packet.\n\n| selectors | ns |\n|---|---|\n");
	json_object_set_new(r->json, "policy_lookup_ns", json_object());
	for (size_t n = 1; n <= 100000; n *= 10) {
		struct spd *s = spd_new(1, 2);
		unsigned found = 0;
		char name[16];
		double ns;

		for (size_t i = 0; i < n; i++) {
			struct selector_pair ts = pair_of(i);

			spd_add(s, &ts, 0, (uint32_t)i + 1);
		}
		for (size_t i = 0; i < FLOWS; i++) {
			struct selector_pair ts = pair_of(rng_below(&rng.rng, n));

			flows[i] = (struct flow) { .src = ts.local.hi,
				                   .dst = ts.remote.hi,
				                   .proto = 6,
				                   .ports_known = true,
				                   .sport = 999,
				                   .dport = 443 };
		}
		for (size_t k = 0; k < ROUNDS; k++) {
			double t0 = now_ns();

			for (size_t i = 0; i < FLOWS; i++)
				found += spd_lookup(s, &flows[i]) != SPD_NONE;
			sample[k] = (now_ns() - t0) / FLOWS;
		}
		if (found != FLOWS * ROUNDS)
			die("a policy was not found");
		ns = median(sample, ROUNDS);
		fprintf(r->md, "| %zu | %.0f |\n", n, ns);
		snprintf(name, sizeof name, "%zu", n);
		json_object_set_new(json_object_get(r->json, "policy_lookup_ns"), name, json_real(ns));
		spd_free(s);
	}
	fprintf(r->md, "\n");
}

int
main(int argc, char **argv)
{
	struct report r = report_open(argc, argv, "esp");

	packets(&r);
	memory(&r);
	policies(&r);
	return report_close(&r);
}
