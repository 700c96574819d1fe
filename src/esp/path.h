/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_PATH_H
#define SALLYPORT_PATH_H

#include "sa.h"

/* Interned paths: one struct esp_path per (local, remote, encapsulation) in use. */
struct path_table {
	struct esp_path **bucket;
	size_t n_buckets, n;
	uint64_t k0, k1;
};

/* A reference; made with @mtu if it is new. NULL: no memory. */
struct esp_path *path_get(struct path_table *t, const struct endpoint *local, const struct endpoint *remote, bool udp_encap,
                          uint16_t mtu);
void path_put(struct path_table *t, struct esp_path *p);
void path_table_close(struct path_table *t);
size_t path_table_memory(const struct path_table *t);

#endif
