/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_nft.h"

#include <inttypes.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The elements of our table. Each box is in two maps: out..., which says what to do with
 * a packet that leaves, and in..., looked up with source and destination exchanged,
 * which counts what came in clear. To change a map that is looked up by ranges the
 * kernel copies it, so additions go to a small map that is emptied into
 * a large one now and then: a claim costs the same however many there are.
 */

enum { NEW_MAX = 256, KEY_TEXT_MAX = 4 * IP_TEXT_MAX + 64, MAP_TEXT_MAX = 32 };

static const char *const kind_names[BOX_KINDS] = { "addr", "proto", "port" };
static const char *const store_names[STORES] = { "", "new", "old" };
static const char *const directions[] = { "out", "in" };

static unsigned
family_of(const struct element *e)
{
	return e->box.src_lo.family == IP_V6;
}

/* "out4_port_0_new" */
static void
map_name(char out[MAP_TEXT_MAX], const char *direction, unsigned family, unsigned kind, unsigned level, unsigned store)
{
	snprintf(out, MAP_TEXT_MAX, "%s%c_%s_%u_%s", direction, family ? '6' : '4', kind_names[kind], level, store_names[store]);
}

static size_t
range_text(char *out, size_t size, const struct ip *lo, const struct ip *hi)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
	int n = ip_equal(lo, hi) ? snprintf(out, size, "%s", ip_format(a, lo)) : snprintf(out, size, "%s-%s", ip_format(a, lo), ip_format(b, hi));

	return (size_t)n;
}

static size_t
ports_text(char *out, size_t size, struct port_range r)
{
	return (size_t)(r.lo == r.hi ? snprintf(out, size, " . %u", r.lo) : snprintf(out, size, " . %u-%u", r.lo, r.hi));
}

/* An element's key. The inbound maps are looked up with the ends exchanged, but a message type stays where it is. */
static void
key_text(char out[KEY_TEXT_MAX], const struct box *b, bool inbound)
{
	bool swap = inbound && box_is_icmp(b);
	size_t n = range_text(out, KEY_TEXT_MAX, &b->src_lo, &b->src_hi);

	n += (size_t)snprintf(out + n, KEY_TEXT_MAX - n, " . ");
	n += range_text(out + n, KEY_TEXT_MAX - n, &b->dst_lo, &b->dst_hi);
	if (b->kind == BOX_ADDRESSES)
		return;
	n += (size_t)snprintf(out + n, KEY_TEXT_MAX - n, " . %u", b->proto);
	if (b->kind == BOX_PROTOCOL)
		return;
	n += ports_text(out + n, KEY_TEXT_MAX - n, swap ? b->dport : b->sport);
	ports_text(out + n, KEY_TEXT_MAX - n, swap ? b->sport : b->dport);
}

static const char *
verdict_text(const struct element *e, bool inbound)
{
	if (e->verdict == BOX_PASS)
		return "return";
	return e->verdict == BOX_DROP || inbound ? "drop" : "goto protect";
}

static struct nft_map *
map_of(struct steer_nft *t, const struct element *e, unsigned level, unsigned store)
{
	return &t->map[family_of(e)][e->box.kind][level][store];
}

static void
ensure_map(struct steer_nft *t, const struct element *e, unsigned level, unsigned store)
{
	static const char *const keys[2][BOX_KINDS] = {
		{ "ipv4_addr . ipv4_addr", "ipv4_addr . ipv4_addr . inet_proto",
		  "ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service" },
		{ "ipv6_addr . ipv6_addr", "ipv6_addr . ipv6_addr . inet_proto",
		  "ipv6_addr . ipv6_addr . inet_proto . inet_service . inet_service" },
	};
	struct nft_map *m = map_of(t, e, level, store);
	char name[MAP_TEXT_MAX];

	if (m->exists)
		return;
	for (unsigned d = 0; d < 2; d++) {
		map_name(name, directions[d], family_of(e), e->box.kind, level, store);
		text_add(&t->text, "add map inet %s %s { type %s : verdict; flags interval; %s}\n", t->table, name,
		         keys[family_of(e)][e->box.kind], d ? "counter; " : "");
	}
	m->exists = true;
}

static void
add_to(struct steer_nft *t, struct element *e, unsigned store)
{
	char name[MAP_TEXT_MAX], key[KEY_TEXT_MAX];

	ensure_map(t, e, e->level, store);
	for (unsigned d = 0; d < 2; d++) {
		map_name(name, directions[d], family_of(e), e->box.kind, e->level, store);
		key_text(key, &e->box, d);
		text_add(&t->text, "add element inet %s %s { %s : %s }\n", t->table, name, key, verdict_text(e, d));
	}
	e->store = (uint8_t)store;
	e->stored_level = e->level;
	map_of(t, e, e->level, store)->n++;
}

static void
delete_from(struct steer_nft *t, struct element *e)
{
	char name[MAP_TEXT_MAX], key[KEY_TEXT_MAX];

	for (unsigned d = 0; d < 2; d++) {
		map_name(name, directions[d], family_of(e), e->box.kind, e->stored_level, e->store);
		key_text(key, &e->box, d);
		text_add(&t->text, "delete element inet %s %s { %s }\n", t->table, name, key);
	}
	map_of(t, e, e->stored_level, e->store)->n--;
	e->store = STORE_NONE;
}

/* ---- which maps are looked up, and in which order */

static void
lookup_text(struct steer_nft *t, unsigned direction, unsigned family, unsigned kind, unsigned level, unsigned store)
{
	static const char *const here[] = { "saddr", "daddr" }, *const there[] = { "daddr", "saddr" };
	const char *ip = family ? "ip6" : "ip";
	char name[MAP_TEXT_MAX];

	map_name(name, directions[direction], family, kind, level, store);
	text_add(&t->text, "add rule inet %s %s%c %s %s . %s %s", t->table, directions[direction], family ? '6' : '4', ip, here[direction], ip,
	         there[direction]);
	if (kind != BOX_ADDRESSES)
		text_add(&t->text, " . meta l4proto");
	if (kind == BOX_PORTS)
		text_add(&t->text, direction ? " . th dport . th sport" : " . th sport . th dport");
	text_add(&t->text, " vmap @%s\n", name);
}

static void
chain_text(struct steer_nft *t, unsigned direction, unsigned family)
{
	text_add(&t->text, "flush chain inet %s %s%c\n", t->table, directions[direction], family ? '6' : '4');
	for (unsigned level = 0; level < LEVELS_MAX; level++)
		for (unsigned kind = 0; kind < BOX_KINDS; kind++)
			for (unsigned store = STORE_NEW; store < STORES; store++)
				if (t->map[family][kind][level][store].n)
					lookup_text(t, direction, family, kind, level, store);
}

/* Maps that became empty, or are no longer, change the family's chains. */
static bool
lookups_changed(struct steer_nft *t, unsigned family)
{
	struct nft_map *m = &t->map[family][0][0][0];
	bool changed = false;

	for (size_t i = 0; i < sizeof t->map[family] / sizeof *m; i++) {
		changed = changed || m[i].looked_up != (m[i].n > 0);
		m[i].looked_up = m[i].n > 0;
	}
	return changed;
}

static void
chains_text(struct steer_nft *t)
{
	for (unsigned family = 0; family < 2; family++)
		if (lookups_changed(t, family)) {
			chain_text(t, 0, family);
			chain_text(t, 1, family);
		}
}

/* ---- counters */

static uint64_t
counter_of(struct steer_nft *t, const struct element *e)
{
	char name[MAP_TEXT_MAX], key[KEY_TEXT_MAX], why[128];
	struct text get = { 0 };
	uint64_t packets = 0;
	const char *at = NULL;

	map_name(name, "in", family_of(e), e->box.kind, e->stored_level, e->store);
	key_text(key, &e->box, true);
	text_add(&get, "get element inet %s %s { %s }", t->table, name, key);
	if (steer_nft_run(t->ctx, &get, why, sizeof why))
		at = strstr(nft_ctx_get_output_buffer(t->ctx), "elements = {");
	if (at)
		at = strstr(at, "counter packets ");
	if (at)
		packets = strtoull(at + strlen("counter packets "), NULL, 10);
	text_free(&get);
	return packets;
}

uint64_t
steer_nft_dropped(struct steer_nft *t, const struct element *e)
{
	return e->verdict == BOX_PASS ? 0 : e->dropped + (e->store ? counter_of(t, e) : 0);
}

/* Whether anything in that inbound map has counted: spares one question per element. */
static bool
map_has_counted(struct steer_nft *t, unsigned family, unsigned kind, unsigned level)
{
	char name[MAP_TEXT_MAX], why[128];
	struct text list = { 0 };
	const char *at = "";
	bool counted = false;

	map_name(name, "in", family, kind, level, STORE_NEW);
	text_add(&list, "list map inet %s %s", t->table, name);
	if (steer_nft_run(t->ctx, &list, why, sizeof why))
		at = nft_ctx_get_output_buffer(t->ctx);
	while (!counted && (at = strstr(at, "counter packets "))) {
		at += strlen("counter packets ");
		counted = *at != '0';
	}
	text_free(&list);
	return counted;
}

/* ---- transactions */

static bool
is_in(const struct element *e, unsigned family, unsigned kind, unsigned level, unsigned store)
{
	return family_of(e) == family && e->box.kind == kind && e->stored_level == level && e->store == store && e->level == level;
}

/* Empties a new map into the old one beside it. */
static bool
merge(struct steer_nft *t, struct levels *l, const unsigned at[3], char *why, size_t why_size)
{
	unsigned family = at[0], kind = at[1], level = at[2];
	bool counted = map_has_counted(t, family, kind, level);

	text_clear(&t->text);
	/* Those on their way elsewhere are deleted by themselves afterwards. */
	for (size_t i = 0; i < l->all.n; i++) {
		struct element *e = l->all.e[i];

		if (!is_in(e, family, kind, level, STORE_NEW))
			continue;
		if (counted)
			e->dropped += counter_of(t, e);
		delete_from(t, e);
		add_to(t, e, STORE_OLD);
	}
	chains_text(t);
	return steer_nft_run(t->ctx, &t->text, why, why_size);
}

static bool
merge_full_maps(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	for (unsigned family = 0; family < 2; family++)
		for (unsigned kind = 0; kind < BOX_KINDS; kind++)
			for (unsigned level = 0; level < LEVELS_MAX; level++)
				if (t->map[family][kind][level][STORE_NEW].n >= NEW_MAX &&
				    !merge(t, l, (const unsigned[]){ family, kind, level }, why, why_size))
					return false;
	return true;
}

/*
 * Fragments show no ports. The tproxy statement makes the kernel put them
 * together before any rule sees them, and needs no connection tracking; its chain is
 * never entered. Where the kernel lacks it, connection tracking does the same.
 */
static bool
defragment(struct steer_nft *t, char *why, size_t why_size)
{
	static const char *const ways[] = { "meta l4proto tcp tproxy to :1", "ct state new" };
	bool ok = false;

	for (size_t i = 0; i < 2 && !ok; i++) {
		text_clear(&t->text);
		text_add(&t->text, "add chain inet %s defragment\nadd rule inet %s defragment %s\n", t->table, t->table, ways[i]);
		ok = steer_nft_run(t->ctx, &t->text, why, why_size);
	}
	t->defragments = ok;
	return ok;
}

static bool
needs_defragmentation(const struct element_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->e[i]->doomed && l->e[i]->box.kind == BOX_PORTS)
			return true;
	return false;
}

bool
steer_nft_apply(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	if (!t->defragments && needs_defragmentation(&l->touched) && !defragment(t, why, why_size))
		return false;
	if (!merge_full_maps(t, l, why, why_size))
		return false;
	for (size_t i = 0; i < l->touched.n; i++) {
		struct element *e = l->touched.e[i];

		/* It moves: what it has counted must not be lost with its old place. */
		if (e->store && !e->doomed && e->level != e->stored_level)
			e->dropped += counter_of(t, e);
	}
	text_clear(&t->text);
	for (size_t i = 0; i < l->touched.n; i++) {
		struct element *e = l->touched.e[i];

		if (e->store && (e->doomed || e->level != e->stored_level))
			delete_from(t, e);
	}
	for (size_t i = 0; i < l->touched.n; i++)
		if (!l->touched.e[i]->doomed && l->touched.e[i]->store == STORE_NONE)
			add_to(t, l->touched.e[i], STORE_NEW);
	chains_text(t);
	return steer_nft_run(t->ctx, &t->text, why, why_size);
}

bool
steer_nft_rebuild(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	memset(t->map, 0, sizeof t->map);
	t->defragments = false;
	text_clear(&t->text);
	steer_nft_table_text(t);
	for (size_t i = 0; i < l->touched.n; i++)
		l->touched.e[i]->store = STORE_NONE;
	for (size_t i = 0; i < l->all.n; i++)
		add_to(t, l->all.e[i], STORE_OLD);
	chains_text(t);
	return steer_nft_run(t->ctx, &t->text, why, why_size) &&
	       (!needs_defragmentation(&l->all) || defragment(t, why, why_size));
}

bool
steer_nft_open(struct steer_nft *t, const struct steer_options *o, unsigned generation, char *why, size_t why_size)
{
	struct levels none = { 0 };

	t->options = *o;
	steer_nft_table_name(t->table, o->route_table, generation);
	return steer_nft_rebuild(t, &none, why, why_size);
}

void
steer_nft_close(struct steer_nft *t)
{
	text_free(&t->text);
	if (t->ctx)
		nft_ctx_free(t->ctx);
	t->ctx = NULL;
}
