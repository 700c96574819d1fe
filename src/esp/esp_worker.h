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

/* Slow path of esp_account: raises the events whose limits are met. */
void esp_account_limit(struct esp_worker *w, struct esp_sa *sa);

/* Counts one packet of @octets. */
static inline void
esp_account(struct esp_worker *w, struct esp_sa *sa, uint32_t octets, instant_t now_ns)
{
	sa->octets += octets;
	sa->packets++;
	sa->last_use_ns = (uint64_t)now_ns;
	if (__builtin_expect(sa->octets >= sa->next_octets || sa->packets >= sa->next_packets, 0))
		esp_account_limit(w, sa);
}

#endif
