/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <nftables/libnftables.h>
#include <stdio.h>

/* Removing everything, by what it is called: no process needs to remember it. */

/* The route table that the daemon wrote down, where it was not the default one. */
static uint32_t
remembered_table(const struct steer_options *o)
{
	uint32_t table = o->route_table ? o->route_table : STEER_ROUTE_TABLE;
	char path[512];
	unsigned found;
	FILE *f;

	if (!o->state_dir)
		return table;
	snprintf(path, sizeof path, "%s/steering", o->state_dir);
	f = fopen(path, "re");
	if (f && fscanf(f, "route_table %u", &found) == 1)
		table = found;
	if (f)
		fclose(f);
	return table;
}

static void
forget_table(const struct steer_options *o)
{
	char path[512];

	if (!o->state_dir)
		return;
	snprintf(path, sizeof path, "%s/steering", o->state_dir);
	remove(path);
}

/* nftables last: until then protected packets find the unreachable route, or no route of ours. */
static int
flush_routing(struct netlink *nl, uint32_t table)
{
	int error = 0;

	for (unsigned g = 0; g < GENERATIONS && !error; g++)
		error = steer_flush_generation(nl, table, g);
	if (!error)
		error = netlink_rules_flush(nl, table - 1, table + 1, table, table);
	return error ? error : netlink_routes_flush(nl, table, table);
}

static bool
flush_nft(uint32_t table, bool *found, char *why, size_t why_size)
{
	struct nft_ctx *ctx = steer_nft_context(why, why_size);
	unsigned there = 0;
	bool ok = ctx && steer_nft_generations(ctx, table, &there, why, why_size);

	*found = *found || there;
	for (unsigned g = 0; g < GENERATIONS && ok; g++)
		if (there & 1u << g)
			ok = steer_nft_delete(ctx, table, g, why, why_size);
	ok = ok && steer_turn_remove(ctx, table, why, why_size);
	if (ctx)
		nft_ctx_free(ctx);
	return ok;
}

bool
steer_flush(const struct steer_options *o, bool *found, char *why, size_t why_size)
{
	uint32_t table = remembered_table(o);
	struct netlink nl = { 0 };
	int error = netlink_open(&nl);

	*found = false;
	if (!error) {
		error = flush_routing(&nl, table);
		*found = nl.removed > 0;
		netlink_close(&nl);
	}
	if (error) {
		snprintf(why, why_size, "cannot remove routes and rules: %s (root or CAP_NET_ADMIN is needed)", strerror(error));
		return false;
	}
	if (!flush_nft(table, found, why, why_size))
		return false;
	forget_table(o);
	return true;
}
