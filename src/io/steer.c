/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include "clock_rng.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>

/* Steering as a whole: opened beside what a dead process left, settled, closed or abandoned. */

static bool
fail(char *why, size_t why_size, const char *what, int error)
{
	snprintf(why, why_size, "%s: %s%s", what, strerror(error), error == EPERM ? " (root or CAP_NET_ADMIN is needed)" : "");
	return false;
}

static void
remember_table(const struct steer *s)
{
	char path[512];
	FILE *f;

	if (!s->state_dir)
		return;
	snprintf(path, sizeof path, "%s/steering", s->state_dir);
	f = fopen(path, "we");
	if (!f)
		return;
	fprintf(f, "route_table %u\n", (unsigned)s->options.route_table);
	fclose(f);
}

/* A number that no dead process uses, so that what it claimed stays in force beside ours. */
static bool
choose_generation(struct steer *s, char *why, size_t why_size)
{
	unsigned g = 0;

	if (!steer_nft_generations(s->nft.ctx, s->options.route_table, &s->others, why, why_size))
		return false;
	while (g < GENERATIONS - 1 && s->others & 1u << g)
		g++;
	s->others &= ~(1u << g);
	s->generation = g;
	s->numbers = steer_numbers(s->options.route_table, g);
	return true;
}

static bool
set_up_routing(struct steer *s, char *why, size_t why_size)
{
	int error = netlink_link_up(&s->nl, s->options.tun_ifindex);

	if (error)
		return fail(why, why_size, "cannot bring the TUN device up", error);
	error = steer_flush_generation(&s->nl, s->options.route_table, s->generation);
	if (error)
		return fail(why, why_size, "cannot clear our route tables", error);
	error = steer_base_add(s, IP_V4);
	if (error)
		return fail(why, why_size, "cannot route to the TUN device", error);
	/* A machine without IPv6 finds out when something claims IPv6. */
	steer_base_add(s, IP_V6);
	error = netlink_addresses(&s->nl, &s->addresses);
	return error ? fail(why, why_size, "cannot read this machine's addresses", error) : true;
}

static bool
open_parts(struct steer *s, char *why, size_t why_size)
{
	int error = netlink_open(&s->nl);

	if (error)
		return fail(why, why_size, "cannot open a netlink socket", error);
	s->nft.ctx = steer_nft_context(why, why_size);
	if (!s->nft.ctx || !choose_generation(s, why, why_size) || !steer_tun_settings(s, why, why_size))
		return false;
	/* The rules before the routes: no packet passes that nobody judges. */
	return steer_nft_open(&s->nft, &s->options, s->generation, why, why_size) && set_up_routing(s, why, why_size) &&
	       steer_watch_open(s, why, why_size);
}

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static void
take_options(struct steer *s, const struct steer_options *o)
{
	snprintf(s->tun_name, sizeof s->tun_name, "%s", o->tun_name);
	s->options = *o;
	s->options.tun_name = s->tun_name;
	s->options.divert_mark = or_default(o->divert_mark, STEER_DIVERT_MARK);
	s->options.bypass_mark = or_default(o->bypass_mark, STEER_BYPASS_MARK);
	s->options.mark_mask = s->options.divert_mark | s->options.bypass_mark;
	s->options.route_table = or_default(o->route_table, STEER_ROUTE_TABLE);
	s->options.port = o->port ? o->port : 500;
	s->options.port_nat_t = o->port_nat_t ? o->port_nat_t : 4500;
	s->state_dir = o->state_dir ? strdup(o->state_dir) : NULL;
}

static void
steer_free(struct steer *s)
{
	while (s->first_claimed) {
		struct claimed *c = s->first_claimed;

		s->first_claimed = c->next;
		while (c->wants) {
			struct want *w = c->wants;

			c->wants = w->next;
			free(w);
		}
		steer_claimed_free(c);
	}
	steer_watch_close(s);
	steer_closed_free(s);
	steer_nft_close(&s->nft);
	netlink_close(&s->nl);
	levels_free(&s->levels);
	address_list_free(&s->addresses);
	table_close(&s->claims);
	table_close(&s->wants);
	free(s->state_dir);
	free(s);
}

/* What we made goes; what a dead process left stays, as long as nobody has loaded a configuration instead. */
static void
remove_own(struct steer *s)
{
	struct steer_options o = s->options;
	char why[128];
	bool found;

	if (!s->nft.ctx || !s->nl.socket)
		return;
	o.state_dir = s->state_dir;
	if (!s->others) {
		steer_flush(&o, &found, why, sizeof why);
		return;
	}
	steer_flush_generation(&s->nl, o.route_table, s->generation);
	steer_nft_delete(s->nft.ctx, o.route_table, s->generation, why, sizeof why);
}

struct steer *
steer_open(const struct steer_options *o, char *why, size_t why_size)
{
	struct steer *s = calloc(1, sizeof *s);
	uint64_t key[4];

	if (!s) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	rng_fill(rng_kernel(), key, sizeof key);
	table_open(&s->claims, key[0], key[1]);
	table_open(&s->wants, key[2], key[3]);
	s->monitor = -1;
	take_options(s, o);
	if (!open_parts(s, why, why_size)) {
		remove_own(s);
		steer_free(s);
		return NULL;
	}
	remember_table(s);
	steer_turn_update(s, false);
	return s;
}

void
steer_settled(struct steer *s)
{
	char why[128];

	for (unsigned g = 0; g < GENERATIONS; g++)
		if (s->others & 1u << g && steer_flush_generation(&s->nl, s->options.route_table, g) == 0 &&
		    steer_nft_delete(s->nft.ctx, s->options.route_table, g, why, sizeof why))
			s->others &= ~(1u << g);
}

void
steer_close(struct steer *s)
{
	if (!s)
		return;
	remove_own(s);
	steer_free(s);
}

void
steer_abandon(struct steer *s)
{
	if (s)
		steer_free(s);
}
