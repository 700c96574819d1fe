/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * An administrator's source NAT comes after all routing, and may give a forwarded packet addresses that a selector covers:
 * a gateway whose clients share its virtual address. RFC 4301 section 5.1 has every packet that crosses the boundary
 * looked up in the SPD, whatever it was before. Where such a packet has its new addresses (postrouting) no route can be chosen
 * any more, so a copy goes to the TUN device, and the original dies at the very edge of the machine. It may not die
 * earlier: connection tracking takes note of a translation only behind all of postrouting.
 *
 *   inet, postrouting 110      the guard: what is forwarded and covered now gets both marks, if it leaves by a device with ...
 *   ip, ip6, postrouting 111   both marks: a copy to the TUN device
 *   netdev, egress             both marks: dropped. ... this chain
 *
 * The guard names devices by their index: one that comes later, perhaps with an old name, has no chain yet, and what
 * would leave by it is dropped as before. Nothing of this is there before somebody translates addresses: it costs every
 * packet a look. A kernel without egress hooks (before 5.16) or without `dup` keeps dropping.
 */

enum { TURN_TABLE_TEXT_MAX = 40, TURN_FAMILIES = 3 };

static const char *const families[TURN_FAMILIES] = { "netdev", "ip", "ip6" };

static void
table_name(char out[TURN_TABLE_TEXT_MAX], uint32_t route_table)
{
	snprintf(out, TURN_TABLE_TEXT_MAX, "sallyport_%u_turn", (unsigned)route_table);
}

/* ---- whether anybody translates */

static bool
file_has(const char *path, const char *line)
{
	char buf[64];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(buf, sizeof buf, f))
		found = strcmp(buf, line) == 0;
	if (f)
		fclose(f);
	return found;
}

/* Chains of nftables, also those that iptables makes; then the tables of the old iptables. */
static bool
somebody_translates(struct nft_ctx *ctx)
{
	struct text list = { 0 };
	char why[128];
	bool found;

	text_add(&list, "list chains");
	found = steer_nft_run(ctx, &list, why, sizeof why) && strstr(nft_ctx_get_output_buffer(ctx), "type nat hook postrouting");
	text_free(&list);
	return found || file_has("/proc/net/ip_tables_names", "nat\n") || file_has("/proc/net/ip6_tables_names", "nat\n");
}

/* ---- the rules */

static void
remove_text(struct text *t, const char *name)
{
	/* Adding first makes deleting a missing table no error. */
	for (size_t i = 0; i < TURN_FAMILIES; i++)
		text_add(t, "add table %s %s\ndelete table %s %s\n", families[i], name, families[i], name);
}

static void
egress_text(struct steer_nft *t, const char *name)
{
	unsigned mask = t->options.mark_mask;
	const struct turn *turn = &t->turn;

	text_add(&t->text, "table netdev %s {\n", name);
	for (size_t i = 0; i < turn->n; i++)
		text_add(&t->text,
		         "chain device_%u {\ntype filter hook egress device \"%s\" priority 0; policy accept;\n"
		         "meta mark and 0x%08x == 0x%08x counter drop\n}\n",
		         turn->device[i].index, turn->device[i].name, mask, mask);
	text_add(&t->text, "}\n");
}

static void
copy_text(struct steer_nft *t, const char *name)
{
	unsigned mask = t->options.mark_mask;
	const char *tun = t->options.tun_name;

	for (size_t six = 0; six < 2; six++) {
		const char *ip = six ? "ip6" : "ip";

		text_add(&t->text,
		         "table %s %s {\nchain postrouting {\ntype filter hook postrouting priority 111; policy accept;\n"
		         "oifname != \"%s\" meta mark and 0x%08x == 0x%08x dup to %s daddr device \"%s\"\n}\n}\n",
		         ip, name, tun, mask, mask, ip, tun);
	}
}

void
steer_turn_text(struct steer_nft *t)
{
	const struct turn *turn = &t->turn;
	unsigned mask = t->options.mark_mask;

	for (size_t i = 0; turn->on && i < turn->n; i++)
		text_add(&t->text, "add rule inet %s turn oif \"%s\" meta mark set meta mark or 0x%08x accept\n", t->table,
		         turn->device[i].name, mask);
}

/* ---- when something changes */

static bool
same_devices(const struct turn *a, const struct turn *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->device[i].index != b->device[i].index || strcmp(a->device[i].name, b->device[i].name) != 0)
			return false;
	return true;
}

/* Every device but ours and the loopback; what exceeds the limit has no chain. */
static void
find_devices(const struct steer *s, struct turn *out)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *d = all; d && d->if_index && out->n < TURN_DEVICES_MAX; d++) {
		struct turn_device *device = &out->device[out->n];

		if (d->if_index == s->options.tun_ifindex || strcmp(d->if_name, "lo") == 0)
			continue;
		device->index = d->if_index;
		snprintf(device->name, sizeof device->name, "%s", d->if_name);
		out->n++;
	}
	if (all)
		if_freenameindex(all);
}

/* One transaction: the guard lets nothing pass that the others do not stop. */
static bool
install(struct steer_nft *t)
{
	char name[TURN_TABLE_TEXT_MAX], why[128];
	bool ok;

	table_name(name, t->options.route_table);
	text_clear(&t->text);
	remove_text(&t->text, name);
	egress_text(t, name);
	copy_text(t, name);
	text_add(&t->text, "flush chain inet %s turn\n", t->table);
	steer_turn_text(t);
	ok = steer_nft_run(t->ctx, &t->text, why, sizeof why);
	text_clear(&t->text);
	return ok;
}

void
steer_turn_update(struct steer *s, bool gone)
{
	struct turn now = { .on = s->nft.turn.on }, before = s->nft.turn;

	if (!now.on && !somebody_translates(s->nft.ctx))
		return;
	find_devices(s, &now);
	if (now.on && !gone && same_devices(&now, &before))
		return;
	now.on = true;
	s->nft.turn = now;
	if (!install(&s->nft))
		s->nft.turn = before;
}

static bool
tables_are_there(struct nft_ctx *ctx, const char *name)
{
	struct text list = { 0 };
	char why[128], line[TURN_TABLE_TEXT_MAX + 16];
	const char *out;
	bool there;

	text_add(&list, "list tables");
	there = steer_nft_run(ctx, &list, why, sizeof why);
	text_free(&list);
	/* libnftables gives its output once. */
	out = there ? nft_ctx_get_output_buffer(ctx) : "";
	for (size_t i = 0; i < TURN_FAMILIES && there; i++) {
		snprintf(line, sizeof line, "table %s %s\n", families[i], name);
		there = strstr(out, line) != NULL;
	}
	return there;
}

void
steer_turn_verify(struct steer *s)
{
	struct steer_nft *t = &s->nft;
	char name[TURN_TABLE_TEXT_MAX], why[128];

	table_name(name, t->options.route_table);
	if (!t->turn.on || tables_are_there(t->ctx, name))
		return;
	t->turn.on = false;
	text_clear(&t->text);
	text_add(&t->text, "flush chain inet %s turn\n", t->table);
	steer_nft_run(t->ctx, &t->text, why, sizeof why);
	text_clear(&t->text);
}

bool
steer_turn_remove(struct nft_ctx *ctx, uint32_t route_table, char *why, size_t why_size)
{
	char name[TURN_TABLE_TEXT_MAX];
	struct text t = { 0 };
	bool ok;

	table_name(name, route_table);
	remove_text(&t, name);
	ok = steer_nft_run(ctx, &t, why, why_size);
	text_free(&t);
	return ok;
}
