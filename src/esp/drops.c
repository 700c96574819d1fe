/* SPDX-License-Identifier: Apache-2.0 */
#include "esp.h"

#define X(id, name, sentence) name,
static const char *const names[ESP_DROP_COUNT] = { ESP_DROPS(X) };
#undef X

#define X(id, name, sentence) sentence,
static const char *const sentences[ESP_DROP_COUNT] = { ESP_DROPS(X) };
#undef X

const char *
esp_drop_name(enum esp_drop d)
{
	return (unsigned)d < ESP_DROP_COUNT ? names[d] : "unknown";
}

const char *
esp_drop_sentence(enum esp_drop d)
{
	return (unsigned)d < ESP_DROP_COUNT ? sentences[d] : "unknown reason";
}

/* From the first dropped packet on, each survivor changes places with the earliest dropped one. */
static void
compact_from(struct batch *b, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < b->n; i++) {
		struct packet p = b->pkt[i];

		if (p.drop)
			continue;
		b->pkt[i] = b->pkt[kept];
		b->pkt[kept++] = p;
	}
	b->n_dropped = b->n - kept;
	b->n = kept;
}

void
batch_compact(struct batch *b, uint64_t drops[ESP_DROP_COUNT])
{
	size_t first = b->n;

	b->n_dropped = 0;
	for (size_t i = b->n; i-- > 0;) {
		if (!b->pkt[i].drop)
			continue;
		counter_add(&drops[b->pkt[i].drop], 1);
		first = i;
	}
	if (first < b->n)
		compact_from(b, first);
}
