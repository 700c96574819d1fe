/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "form.h"
#include "secret.h"

static uint64_t
random_u64(struct rng *r)
{
	uint64_t v;

	rng_fill(r, &v, sizeof v);
	return v;
}

struct esp_worker *
esp_worker_new(const struct esp_worker_options *o)
{
	struct esp_worker *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->rng = o->rng;
	w->bulk = bulk_new(o->provider);
	w->hash_key[0] = w->paths.k0 = random_u64(o->rng);
	w->hash_key[1] = w->paths.k1 = random_u64(o->rng);
	if (w->bulk && spi_table_open(&w->in, o->expect_sas, random_u64(o->rng)) &&
	    spi_table_open(&w->out, o->expect_sas, random_u64(o->rng)))
		return w;
	esp_worker_free(w);
	return NULL;
}

static void
remove_all(struct esp_worker *w, struct spi_table *t)
{
	for (size_t i = 0; t->slot && i <= t->mask;) {
		/* Removal may move another entry into this slot: look again. */
		if (t->slot[i].handle)
			esp_sa_remove(w, slab_at(&w->slab, t->slot[i].handle));
		else
			i++;
	}
	spi_table_close(t);
}

void
esp_worker_free(struct esp_worker *w)
{
	if (!w)
		return;
	remove_all(w, &w->in);
	remove_all(w, &w->out);
	path_table_close(&w->paths);
	slab_close(&w->slab);
	form_room_close(w);
	bulk_free(w->bulk);
	secret_wipe(w, sizeof *w);
	free(w);
}

const char *
esp_worker_crypto(const struct esp_worker *w)
{
	return bulk_name(w->bulk);
}

const struct esp_event *
esp_worker_events(const struct esp_worker *w, size_t *n)
{
	*n = w->n_events;
	return w->event;
}

bool
esp_worker_has_forms(const struct esp_worker *w)
{
	return w->form != NULL;
}

uint64_t *
esp_worker_drops(struct esp_worker *w)
{
	return w->drops;
}

/* ---- operations */

static void
run(struct esp_worker *w, const struct bulk_suite *s, struct bulk_op *op, size_t n, bool seal)
{
	if (seal)
		bulk_seal(w->bulk, s, op, n);
	else
		bulk_open(w->bulk, s, op, n);
}

/* Collects the operations of one suite, runs them, and puts the verdicts back. */
static void
run_suite(struct esp_worker *w, const struct bulk_suite *s, size_t first, bool seal)
{
	size_t n = 0;

	for (size_t i = first; i < w->n_op; i++) {
		if (w->suite[i] != s)
			continue;
		w->gathered[n] = w->op[i];
		w->gathered_from[n++] = (uint16_t)i;
		w->suite[i] = NULL;
	}
	run(w, s, w->gathered, n, seal);
	for (size_t k = 0; k < n; k++)
		w->op[w->gathered_from[k]].ok = w->gathered[k].ok;
}

void
op_run(struct esp_worker *w, bool seal)
{
	bool same = true;

	for (size_t i = 1; i < w->n_op; i++)
		same &= w->suite[i] == w->suite[0];
	if (same && w->n_op) {
		run(w, w->suite[0], w->op, w->n_op, seal);
		return;
	}
	for (size_t i = 0; i < w->n_op; i++)
		if (w->suite[i])
			run_suite(w, w->suite[i], i, seal);
}

/* ---- lifetimes */

static void
raise_event(struct esp_worker *w, struct esp_sa *sa, enum esp_event_kind kind, uint16_t flag)
{
	if (sa->flags & flag || w->n_events == sizeof w->event / sizeof w->event[0])
		return;
	__atomic_store_n(&sa->flags, (uint16_t)(sa->flags | flag), __ATOMIC_RELAXED);
	w->event[w->n_events++] = (struct esp_event) { kind, sa };
}

void
esp_account_limit(struct esp_worker *w, struct esp_sa *sa)
{
	raise_event(w, sa, ESP_EVENT_SOFT, SA_SOFT_REPORTED);
	sa->next_octets = sa->hard_octets;
	sa->next_packets = sa->hard_packets;
	if (sa->octets < sa->hard_octets && sa->packets < sa->hard_packets)
		return;
	raise_event(w, sa, ESP_EVENT_HARD, SA_HARD_REPORTED);
	sa->next_octets = sa->next_packets = UINT64_MAX;
}
