/* SPDX-License-Identifier: Apache-2.0 */
#include "bare.h"
#include "report.h"
#include "seeded_rng.h"

/* What the primitives of key management cost: crypto.md and crypto.json in the folder given. */

static void
line(struct report *r, const char *name, double ns)
{
	fprintf(r->md, "| %s | %.2f |\n", name, ns / 1e3);
	json_object_set_new(r->json, name, json_real(ns / 1e3));
}

/* Slow groups are measured fewer times; each for about 50 ms at least. */
static double
time_dh(uint16_t group, bool agree)
{
	struct seeded_rng r;
	struct dh *mine, *peer;
	double start, spent;
	unsigned n = 0;

	seeded_rng_open(&r, group);
	mine = dh_new(group, &r.rng);
	peer = dh_new(group, &r.rng);
	start = cpu_ns();
	do {
		if (agree) {
			autosecret s = { 0 };

			dh_shared(&s, mine, dh_public(peer));
		} else {
			dh_free(dh_new(group, &r.rng));
		}
		n++;
		spent = cpu_ns() - start;
	} while (spent < 50e6);
	dh_free(mine);
	dh_free(peer);
	return spent / n;
}

static void
groups(struct report *r)
{
	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a)) {
		char name[64];

		if (a->kind != TRANSFORM_DH || a->id == DH_NONE)
			continue;
		snprintf(name, sizeof name, "%s, public value", a->name);
		line(r, name, time_dh(a->id, false));
		snprintf(name, sizeof name, "%s, shared secret", a->name);
		line(r, name, time_dh(a->id, true));
	}
}

static void
prfs(struct report *r)
{
	enum { ROUNDS = 50000 };
	static const uint8_t message[100];

	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a)) {
		struct span in = span_of(message, sizeof message);
		uint8_t key[PRF_OCTETS_MAX] = { 0 };
		char name[64];
		double start;

		if (a->kind != TRANSFORM_PRF)
			continue;
		start = cpu_ns();
		for (unsigned i = 0; i < ROUNDS; i++)
			prf(key, a->id, span_of(key, a->out_octets), &in, 1);
		snprintf(name, sizeof name, "%s of 100 octets", a->name);
		line(r, name, (cpu_ns() - start) / ROUNDS);
	}
}

static void
exchanges(struct report *r)
{
	struct bare_suite pfs = bare_suite_default;

	pfs.pfs_id = DH_ECP_256;
	line(r, "Main Mode at one end, ECP 256", bare_main_mode_ns(&bare_suite_default, 2000));
	line(r, "Quick Mode at one end, no PFS", bare_quick_mode_ns(&bare_suite_default, 20000));
	line(r, "Quick Mode at one end, PFS with ECP 256", bare_quick_mode_ns(&pfs, 2000));
}

int
main(int argc, char **argv)
{
	struct report r = report_open(argc, argv, "crypto");

	fprintf(r.md, "CPU time of one operation, and the bare operations of an exchange with nothing around them.\n\n"
	              "| operation | us |\n|---|---|\n");
	prfs(&r);
	groups(&r);
	exchanges(&r);
	fprintf(r.md, "\n");
	return report_close(&r);
}
