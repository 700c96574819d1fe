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

/* Behind the first dropped packet the survivors move up; until then nothing is copied. */
static void
compact_from(struct batch *b, size_t first)
{
	struct packet dropped[ESP_BATCH_MAX];
	size_t kept = first, n_dropped = 0;

	for (size_t i = first; i < b->n; i++) {
		if (b->pkt[i].drop)
			dropped[n_dropped++] = b->pkt[i];
		else
			b->pkt[kept++] = b->pkt[i];
	}
	memcpy(&b->pkt[kept], dropped, n_dropped * sizeof dropped[0]);
	b->n = kept;
	b->n_dropped = n_dropped;
}

void
batch_compact(struct batch *b, uint64_t drops[ESP_DROP_COUNT])
{
	size_t first = b->n;

	b->n_dropped = 0;
	for (size_t i = b->n; i-- > 0;) {
		if (!b->pkt[i].drop)
			continue;
		drops[b->pkt[i].drop]++;
		first = i;
	}
	if (first < b->n)
		compact_from(b, first);
}
