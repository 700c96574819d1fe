/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ESP_WORKER_H
#define SALLYPORT_ESP_WORKER_H

#include "esp.h"
#include "path.h"
#include "slab.h"
#include "spi_table.h"

/* What is behind a struct esp_worker; for this folder only. */
struct esp_worker {
	struct bulk *bulk;
	struct rng *rng;
	struct slab slab;
	struct spi_table in, out;
	struct path_table paths;
	uint64_t hash_key[2];
	uint64_t drops[ESP_DROP_COUNT];
	struct form_room *form; /* NULL: no SA of a special form was ever added */
	/* Scratch of one batch. */
	size_t n_op, n_events;
	struct bulk_op op[ESP_BATCH_MAX], gathered[ESP_BATCH_MAX];
	const struct bulk_suite *suite[ESP_BATCH_MAX];
	uint16_t packet_of[ESP_BATCH_MAX], gathered_from[ESP_BATCH_MAX];
	uint8_t nonce[ESP_BATCH_MAX][16];
	struct esp_event event[2 * ESP_BATCH_MAX];
};

/* ---- stages shared by both directions */

/* Adds an operation for packet @i of the batch and returns it. */
static inline struct bulk_op *
op_add(struct esp_worker *w, size_t i, struct esp_sa *sa)
{
	w->packet_of[w->n_op] = (uint16_t)i;
	w->suite[w->n_op] = sa->suite;
	return &w->op[w->n_op++];
}

/* Runs all operations, those of one suite together. */
void op_run(struct esp_worker *w, bool seal);

/* Adds the operation that seals packet @i as ESP: @p points to its payload, next is set. */
void esp_add_seal(struct esp_worker *w, struct batch *b, size_t i);

/* pmtu_inner_max of an SA with SA_FORM. */
uint32_t form_inner_max(const struct esp_sa *sa, uint32_t outer_mtu);

/* The inner packet of tunnel mode says its own length; what follows it is TFC padding, RFC 4303 section 2.7. */
enum esp_drop esp_trim_inner(struct packet *p);

/* esp_receive for packets that are a part of another batch. */
void esp_receive_more(struct esp_worker *w, struct batch *b, instant_t now_ns);

/* Slow path of esp_account: raises the events whose limits are met. */
void esp_account_limit(struct esp_worker *w, struct esp_sa *sa);

/* Counts one packet of @octets. */
static inline void
esp_account(struct esp_worker *w, struct esp_sa *sa, uint32_t octets, instant_t now_ns)
{
	counter_add(&sa->octets, octets);
	counter_add(&sa->packets, 1);
	counter_set(&sa->last_use_ns, (uint64_t)now_ns);
	if (__builtin_expect(sa->octets >= sa->next_octets || sa->packets >= sa->next_packets, 0))
		esp_account_limit(w, sa);
}

#endif
