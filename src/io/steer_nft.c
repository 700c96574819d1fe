/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_nft.h"

#include <inttypes.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The elements of our table. Each box is in two sets: out..., for packets that leave,
 * and in..., looked up with source and destination exchanged, which counts what
 * came in clear. To change a set that is looked up by ranges the
 * kernel copies it, so additions go to a small set that is emptied into
 * a large one now and then: a claim costs the same however many there are. Sets with a
 * rule per verdict, since the kernel walks through a whole verdict map at each change.
 */

enum { NEW_MAX = 64, KEY_TEXT_MAX = 4 * IP_TEXT_MAX + 64, SET_TEXT_MAX = 48 };

/* Where a set is in struct steer_nft. */
struct place {
	unsigned family, kind, verdict, level, store;
};

static const char *const kind_names[BOX_KINDS] = { "addr", "proto", "port" };
static const char *const verdict_names[BOX_VERDICTS] = { "protect", "pass", "drop" };
static const char *const store_names[STORES] = { "", "new", "old" };
static const char *const directions[] = { "out", "in" };

static unsigned
family_of(const struct element *e)
{
	return e->box.src_lo.family == IP_V6;
}

/* Where the kernel has the element. */
static struct place
place_of(const struct element *e)
{
	return (struct place) { family_of(e), e->box.kind, e->verdict, e->stored_level, e->store };
}

static struct nft_set *
set_at(struct steer_nft *t, const struct place *p)
{
	return &t->set[p->family][p->kind][p->verdict][p->level][p->store];
}

/* "out4_port_0_protect_new" */
static void
set_name(char out[SET_TEXT_MAX], unsigned direction, const struct place *p)
{
	snprintf(out, SET_TEXT_MAX, "%s%c_%s_%u_%s_%s", directions[direction], p->family ? '6' : '4', kind_names[p->kind],
	         p->level, verdict_names[p->verdict], store_names[p->store]);
}

static size_t
range_text(char *out, size_t size, const struct ip *lo, const struct ip *hi)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
	int n = ip_equal(lo, hi) ? snprintf(out, size, "%s", ip_format(a, lo))
	                         : snprintf(out, size, "%s-%s", ip_format(a, lo), ip_format(b, hi));

	return (size_t)n;
}

static size_t
ports_text(char *out, size_t size, struct port_range r)
{
	return (size_t)(r.lo == r.hi ? snprintf(out, size, " . %u", r.lo) : snprintf(out, size, " . %u-%u", r.lo, r.hi));
}

/* An element's key. The inbound sets are looked up with the ends exchanged, but a message type stays where it is. */
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

static void
ensure_set(struct steer_nft *t, const struct place *p)
{
	static const char *const kinds[BOX_KINDS] = { "", " . inet_proto", " . inet_proto . inet_service . inet_service" };
	const char *address = p->family ? "ipv6_addr" : "ipv4_addr";
	struct nft_set *set = set_at(t, p);
	char name[SET_TEXT_MAX];

	if (set->exists)
		return;
	for (unsigned d = 0; d < 2; d++) {
		set_name(name, d, p);
		text_add(&t->text, "add set inet %s %s { type %s . %s%s; flags interval; %s}\n", t->table, name, address, address,
		         kinds[p->kind], d ? "counter; " : "");
	}
	set->exists = true;
}

static void
change(struct steer_nft *t, const char *verb, const struct element *e, const struct place *p)
{
	char name[SET_TEXT_MAX], key[KEY_TEXT_MAX];

	for (unsigned d = 0; d < 2; d++) {
		set_name(name, d, p);
		key_text(key, &e->box, d);
		text_add(&t->text, "%s element inet %s %s { %s }\n", verb, t->table, name, key);
	}
}

static void
add_to(struct steer_nft *t, struct element *e, unsigned level, unsigned store)
{
	struct place p;

	e->left_store = e->store;
	e->left_level = e->stored_level;
	e->store = (uint8_t)store;
	e->stored_level = (uint8_t)level;
	p = place_of(e);
	ensure_set(t, &p);
	change(t, "add", e, &p);
	set_at(t, &p)->n++;
}

/* From where it was before it moved. */
static void
delete_left(struct steer_nft *t, struct element *e)
{
	struct place p = { family_of(e), e->box.kind, e->verdict, e->left_level, e->left_store };

	change(t, "delete", e, &p);
	set_at(t, &p)->n--;
	e->left_store = STORE_NONE;
}

/* ---- which sets are looked up, and in which order */

static void
lookup_text(struct steer_nft *t, unsigned direction, const struct place *p)
{
	static const char *const here[] = { "saddr", "daddr" }, *const there[] = { "daddr", "saddr" };
	static const char *const ports[] = { " . th sport . th dport", " . th dport . th sport" };
	static const char *const verdicts[2][BOX_VERDICTS] = { { "goto protect", "return", "drop" },
		                                               { "drop", "return", "drop" } };
	const char *ip = p->family ? "ip6" : "ip";
	char name[SET_TEXT_MAX];

	set_name(name, direction, p);
	text_add(&t->text, "add rule inet %s %s%c %s %s . %s %s%s%s @%s %s\n", t->table, directions[direction],
	         p->family ? '6' : '4', ip, here[direction], ip, there[direction],
	         p->kind == BOX_ADDRESSES ? "" : " . meta l4proto", p->kind == BOX_PORTS ? ports[direction] : "", name,
	         verdicts[direction][p->verdict]);
}

/* Sets that hold something, by level. Those of one level overlap nowhere, so their order is free. */
static void
chain_text(struct steer_nft *t, unsigned direction, unsigned family)
{
	struct place p = { .family = family };

	text_add(&t->text, "flush chain inet %s %s%c\n", t->table, directions[direction], family ? '6' : '4');
	for (p.level = 0; p.level < LEVELS_MAX; p.level++)
		for (p.kind = 0; p.kind < BOX_KINDS; p.kind++)
			for (p.verdict = 0; p.verdict < BOX_VERDICTS; p.verdict++)
				for (p.store = STORE_NEW; p.store < STORES; p.store++)
					if (set_at(t, &p)->n)
						lookup_text(t, direction, &p);
}

/* Sets that became empty, or are no longer, change the family's chains. */
static bool
lookups_changed(struct steer_nft *t, unsigned family)
{
	struct nft_set *set = &t->set[family][0][0][0][0];
	bool changed = false;

	for (size_t i = 0; i < sizeof t->set[family] / sizeof *set; i++) {
		changed = changed || set[i].looked_up != (set[i].n > 0);
		set[i].looked_up = set[i].n > 0;
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
	char name[SET_TEXT_MAX], key[KEY_TEXT_MAX], why[128];
	struct place p = place_of(e);
	struct text get = { 0 };
	uint64_t packets = 0;
	const char *at = NULL;

	set_name(name, 1, &p);
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

/* Whether anything in that inbound set has counted: spares one question per element. */
static bool
set_has_counted(struct steer_nft *t, const struct place *p)
{
	char name[SET_TEXT_MAX], why[128];
	struct text list = { 0 };
	const char *at = "";
	bool counted = false;

	set_name(name, 1, p);
	text_add(&list, "list set inet %s %s", t->table, name);
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
commit(struct steer_nft *t, char *why, size_t why_size)
{
	bool ok;

	if (t->text.n == 0)
		return true;
	chains_text(t);
	ok = steer_nft_run(t->ctx, &t->text, why, why_size);
	text_clear(&t->text);
	t->stale = t->stale || !ok;
	return ok;
}

static bool
is_at(const struct element *e, const struct place *p)
{
	struct place at = place_of(e);

	return memcmp(&at, p, sizeof at) == 0;
}

static void
flush_set(struct steer_nft *t, const struct place *p)
{
	char name[SET_TEXT_MAX];

	for (unsigned d = 0; d < 2; d++) {
		set_name(name, d, p);
		text_add(&t->text, "flush set inet %s %s\n", t->table, name);
	}
	set_at(t, p)->n = 0;
}

/* Empties a new set into the old one beside it. */
static bool
merge(struct steer_nft *t, struct levels *l, const struct place *p, char *why, size_t why_size)
{
	bool counted = set_has_counted(t, p);

	for (size_t i = 0; i < l->all.n; i++) {
		struct element *e = l->all.e[i];

		if (!is_at(e, p))
			continue;
		if (counted)
			e->dropped += counter_of(t, e);
		add_to(t, e, e->stored_level, STORE_OLD);
		e->left_store = STORE_NONE;
	}
	for (size_t i = 0; i < l->touched.n; i++)
		if (l->touched.e[i]->doomed && is_at(l->touched.e[i], p))
			add_to(t, l->touched.e[i], p->level, STORE_OLD);
	if (!commit(t, why, why_size))
		return false;
	flush_set(t, p);
	return commit(t, why, why_size);
}

static bool
merge_full_sets(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	struct place p = { .store = STORE_NEW };

	for (p.family = 0; p.family < 2; p.family++)
		for (p.kind = 0; p.kind < BOX_KINDS; p.kind++)
			for (p.verdict = 0; p.verdict < BOX_VERDICTS; p.verdict++)
				for (p.level = 0; p.level < LEVELS_MAX; p.level++)
					if (set_at(t, &p)->n >= NEW_MAX && !merge(t, l, &p, why, why_size))
						return false;
	return true;
}

/*
 * Fragments show no ports: neither those that selectors name, nor those of ESP in UDP between gateways whose own
 * addresses are claimed, which are reassembled before they are opened (RFC 4303 section 3.4.1). The tproxy statement makes the
 * kernel put them together before any rule sees them, and needs no connection tracking; its chain is never entered. Where the
 * kernel lacks it, connection tracking does the same.
 */
static bool
defragment(struct steer_nft *t, char *why, size_t why_size)
{
	static const char *const ways[] = { "meta l4proto 6 tproxy to :1", "ct state new" };
	bool ok = false;

	for (size_t i = 0; i < 2 && !ok; i++) {
		text_add(&t->text, "add chain inet %s defragment\nadd rule inet %s defragment %s\n", t->table, t->table, ways[i]);
		ok = steer_nft_run(t->ctx, &t->text, why, why_size);
		text_clear(&t->text);
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

static bool
belongs_on(const struct element *e, unsigned level)
{
	return !e->doomed && e->level == level && (e->store == STORE_NONE || e->stored_level != level);
}

/* Brings to a level what belongs there, then takes it from where it was. */
static bool
fill_level(struct steer_nft *t, struct levels *l, unsigned level, char *why, size_t why_size)
{
	bool moved = false;

	for (size_t i = 0; i < l->touched.n; i++)
		if (belongs_on(l->touched.e[i], level)) {
			add_to(t, l->touched.e[i], level, STORE_NEW);
			moved = moved || l->touched.e[i]->left_store;
		}
	if (!commit(t, why, why_size))
		return false;
	for (size_t i = 0; moved && i < l->touched.n; i++)
		if (l->touched.e[i]->left_store)
			delete_left(t, l->touched.e[i]);
	return commit(t, why, why_size);
}

/* What an element has counted must not be lost with its place. */
static void
keep_counts(struct steer_nft *t, const struct levels *l)
{
	for (size_t i = 0; i < l->touched.n; i++) {
		struct element *e = l->touched.e[i];

		if (e->store && !e->doomed && e->level != e->stored_level)
			e->dropped += counter_of(t, e);
	}
}

static bool
remove_doomed(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	for (size_t i = 0; i < l->touched.n; i++) {
		struct element *e = l->touched.e[i];

		if (!e->doomed || !e->store)
			continue;
		e->left_store = e->store;
		e->left_level = e->stored_level;
		e->store = STORE_NONE;
		delete_left(t, e);
	}
	return commit(t, why, why_size);
}

static bool
apply_changes(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	if (!t->defragments && l->touched.n && !defragment(t, why, why_size) && needs_defragmentation(&l->touched))
		return false;
	if (!merge_full_sets(t, l, why, why_size))
		return false;
	keep_counts(t, l);
	/* Elements move to higher levels only: from the top, each finds its place vacant. */
	for (unsigned level = LEVELS_MAX; level-- > 0;)
		if (!fill_level(t, l, level, why, why_size))
			return false;
	return remove_doomed(t, l, why, why_size);
}

/* A refusal may only mean that somebody has flushed the ruleset: then all anew succeeds. */
bool
steer_nft_apply(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	if (!t->stale && !l->relaid && apply_changes(t, l, why, why_size))
		return true;
	return steer_nft_rebuild(t, l, why, why_size);
}

/* Everything into the table that t->table names. */
static bool
build(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	memset(t->set, 0, sizeof t->set);
	t->defragments = false;
	text_clear(&t->text);
	steer_nft_table_text(t);
	steer_nft_closed_text(t);
	steer_turn_text(t);
	for (size_t i = 0; i < l->touched.n; i++)
		l->touched.e[i]->store = STORE_NONE;
	for (size_t i = 0; i < l->all.n; i++) {
		add_to(t, l->all.e[i], l->all.e[i]->level, STORE_OLD);
		l->all.e[i]->left_store = STORE_NONE;
	}
	return commit(t, why, why_size) && (!needs_defragmentation(&l->all) || defragment(t, why, why_size));
}

bool
steer_nft_rebuild(struct steer_nft *t, struct levels *l, char *why, size_t why_size)
{
	char old[NFT_TABLE_TEXT_MAX];

	memcpy(old, t->table, sizeof old);
	steer_nft_table_name(t->table, t->options.route_table, t->generation, !t->half);
	t->stale = !build(t, l, why, why_size);
	if (t->stale) {
		memcpy(t->table, old, sizeof old);
		return false;
	}
	t->half = !t->half;
	text_add(&t->text, "add table inet %s\ndelete table inet %s\n", old, old);
	return commit(t, why, why_size);
}

bool
steer_nft_open(struct steer_nft *t, const struct steer_options *o, unsigned generation, char *why, size_t why_size)
{
	struct levels none = { 0 };

	t->options = *o;
	t->generation = generation;
	steer_nft_table_name(t->table, o->route_table, generation, t->half);
	return build(t, &none, why, why_size);
}

void
steer_nft_close(struct steer_nft *t)
{
	text_free(&t->text);
	if (t->ctx)
		nft_ctx_free(t->ctx);
	t->ctx = NULL;
}
