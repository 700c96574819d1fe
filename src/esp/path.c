/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <stdlib.h>

#include "table.h"

enum { BUCKETS_MIN = 16 };

static size_t
bucket_of(const struct path_table *t, const struct endpoint *remote)
{
	uint8_t key[19] = { remote->ip.family };

	memcpy(key + 1, remote->ip.b, 16);
	put_be16(key + 17, remote->port);
	return siphash24(t->k0, t->k1, span_of(key, sizeof key)) & (t->n_buckets - 1);
}

static bool
grow(struct path_table *t)
{
	struct path_table grown = *t;

	grown.n_buckets = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	grown.bucket = calloc(grown.n_buckets, sizeof *grown.bucket);
	if (!grown.bucket)
		return false;
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct esp_path *p = t->bucket[i], *next; p; p = next) {
			struct esp_path **head = &grown.bucket[bucket_of(&grown, &p->remote)];

			next = p->next;
			p->next = *head;
			*head = p;
		}
	}
	free(t->bucket);
	*t = grown;
	return true;
}

struct esp_path *
path_get(struct path_table *t, const struct endpoint *local, const struct endpoint *remote, bool udp_encap, uint16_t mtu)
{
	struct esp_path *p, **head;

	if (t->n >= t->n_buckets && !grow(t))
		return NULL;
	head = &t->bucket[bucket_of(t, remote)];
	for (p = *head; p; p = p->next) {
		if (endpoint_equal(&p->remote, remote) && endpoint_equal(&p->local, local) && p->udp_encap == udp_encap) {
			p->refs++;
			return p;
		}
	}
	p = malloc(sizeof *p);
	if (!p)
		return NULL;
	*p = (struct esp_path) {
		.local = *local, .remote = *remote, .refs = 1, .mtu = mtu, .udp_encap = udp_encap, .next = *head
	};
	*head = p;
	t->n++;
	return p;
}

void
path_put(struct path_table *t, struct esp_path *p)
{
	struct esp_path **at;

	if (!p || --p->refs)
		return;
	for (at = &t->bucket[bucket_of(t, &p->remote)]; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	t->n--;
	free(p);
}

void
path_table_close(struct path_table *t)
{
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct esp_path *p = t->bucket[i], *next; p; p = next) {
			next = p->next;
			free(p);
		}
	free(t->bucket);
	*t = (struct path_table) { 0 };
}

size_t
path_table_memory(const struct path_table *t)
{
	/* malloc adds eight octets and rounds to sixteen. */
	return t->n * ((sizeof(struct esp_path) + 8 + 15) & ~(size_t)15) + t->n_buckets * sizeof *t->bucket;
}
