/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_tree.h"

/* Sections that together make up one: itself first, then what it refers to. */
enum { LAYERS_MAX = 64 };

struct layers {
	struct conf_section *s[LAYERS_MAX];
	size_t n;
};

/* One run of conf_tree_resolve. */
struct resolving {
	struct conf_tree *tree;
	struct conf_errors *errs;
	size_t steps; /* bounds references that multiply */
	bool stopped;
};

static void *
node(struct conf_tree *t, size_t n)
{
	void *p = ++t->n_nodes <= CONF_NODES_MAX ? arena_alloc(&t->arena, n) : NULL;

	if (!p)
		t->nomem = true;
	return p;
}

static const char *
keep(struct conf_tree *t, const char *text)
{
	/* With the NUL, so that the copy is a string. */
	struct span s = arena_dup(&t->arena, span_of(text, strlen(text) + 1));

	if (!s.p)
		t->nomem = true;
	return (const char *)s.p;
}

bool
conf_tree_open(struct conf_tree *t, const char *where)
{
	*t = (struct conf_tree) { 0 };
	t->root = node(t, sizeof *t->root);
	if (!t->root)
		return false;
	*t->root = (struct conf_section) { .name = "", .where = keep(t, where) };
	return !t->nomem;
}

void
conf_tree_close(struct conf_tree *t)
{
	arena_clear(&t->arena);
	*t = (struct conf_tree) { 0 };
}

/* FNV-1a. */
static uint32_t
hash_of(const char *name)
{
	uint32_t h = 2166136261u;

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h;
}

static void
index_add(struct conf_section *in, struct conf_section *s)
{
	struct conf_section **b = &in->bucket[s->hash & (in->n_buckets - 1)];

	s->same_bucket = *b;
	*b = s;
}

/* The table doubles with what is in it; the old one stays in the arena. Without memory, finding is only slower. */
static void
index_grow(struct conf_tree *t, struct conf_section *in)
{
	size_t n = in->n_buckets ? 2 * in->n_buckets : 32;
	struct conf_section **bucket = arena_alloc(&t->arena, n * sizeof *bucket);

	if (!bucket)
		return;
	in->bucket = bucket;
	in->n_buckets = n;
	for (struct conf_section *s = in->sections; s; s = s->next)
		index_add(in, s);
}

struct conf_section *
conf_section_find(const struct conf_section *in, const char *name)
{
	uint32_t h = hash_of(name);

	if (in && in->n_buckets) {
		for (struct conf_section *s = in->bucket[h & (in->n_buckets - 1)]; s; s = s->same_bucket)
			if (s->hash == h && !strcmp(s->name, name))
				return s;
		return NULL;
	}
	for (struct conf_section *s = in ? in->sections : NULL; s; s = s->next)
		if (s->hash == h && !strcmp(s->name, name))
			return s;
	return NULL;
}

struct conf_key *
conf_key_find(const struct conf_section *in, const char *name)
{
	for (struct conf_key *k = in ? in->keys : NULL; k; k = k->next)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

struct conf_section *
conf_section_at(struct conf_tree *t, struct conf_section *in, const char *name, const char *where)
{
	struct conf_section *s = conf_section_find(in, name);

	if (s)
		return s;
	s = node(t, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct conf_section) { .parent = in, .name = keep(t, name), .where = keep(t, where), .hash = hash_of(name) };
	if (t->nomem)
		return NULL;
	if (in->last_section)
		in->last_section->next = s;
	else
		in->sections = s;
	in->last_section = s;
	if (++in->n_sections > 2 * in->n_buckets && in->n_sections > 8)
		index_grow(t, in);
	else if (in->n_buckets)
		index_add(in, s);
	return s;
}

static struct conf_key *
key_at(struct conf_tree *t, struct conf_section *in, const char *name, const char *where)
{
	struct conf_key *k = conf_key_find(in, name);

	if (!k) {
		k = node(t, sizeof *k);
		if (!k)
			return NULL;
		*k = (struct conf_key) { .name = keep(t, name) };
		if (in->last_key)
			in->last_key->next = k;
		else
			in->keys = k;
		in->last_key = k;
	}
	*k = (struct conf_key) { .next = k->next, .name = k->name, .where = keep(t, where) };
	return t->nomem ? NULL : k;
}

struct conf_key *
conf_key_set_octets(struct conf_tree *t, struct conf_section *in, const char *name, struct span value, const char *where)
{
	struct conf_key *k = key_at(t, in, name, where);
	char *copy = k ? arena_alloc(&t->arena, value.n + 1) : NULL;

	if (!copy) {
		t->nomem = true;
		return NULL;
	}
	if (value.n)
		memcpy(copy, value.p, value.n);
	k->value = copy;
	k->n_value = value.n;
	return k;
}

struct conf_key *
conf_key_set(struct conf_tree *t, struct conf_section *in, const char *name, const char *value, const char *where)
{
	return value ? conf_key_set_octets(t, in, name, span_str(value), where) : key_at(t, in, name, where);
}

struct conf_key *
conf_key_set_list(struct conf_tree *t, struct conf_section *in, const char *name, const char *where)
{
	struct conf_key *k = key_at(t, in, name, where);

	if (k)
		k->is_list = true;
	return k;
}

bool
conf_key_add_item(struct conf_tree *t, struct conf_key *k, struct span item)
{
	size_t cap = k->n_items & (k->n_items - 1) ? 0 : k->n_items ? 2 * k->n_items : 1;
	char *copy = arena_alloc(&t->arena, item.n + 1);

	/* The room doubles whenever the number of items is a power of two. */
	if (cap) {
		const char **more = arena_alloc(&t->arena, cap * sizeof *more);
		size_t *lengths = arena_alloc(&t->arena, cap * sizeof *lengths);

		if (more && lengths && k->n_items) {
			memcpy(more, k->item, k->n_items * sizeof *more);
			memcpy(lengths, k->n_item, k->n_items * sizeof *lengths);
		}
		k->item = more;
		k->n_item = lengths;
	}
	if (!copy || !k->item || !k->n_item) {
		t->nomem = true;
		return false;
	}
	if (item.n)
		memcpy(copy, item.p, item.n);
	k->n_item[k->n_items] = item.n;
	k->item[k->n_items++] = copy;
	return true;
}

bool
conf_reference_add(struct conf_tree *t, struct conf_section *in, const char *path, const char *where)
{
	struct conf_reference *r = node(t, sizeof *r);

	if (!r)
		return false;
	*r = (struct conf_reference) { .path = keep(t, path), .where = keep(t, where) };
	if (in->last_reference)
		in->last_reference->next = r;
	else
		in->references = r;
	in->last_reference = r;
	return !t->nomem;
}

/* ---- references */

static void resolve_path(struct resolving *r, struct layers *out, const struct conf_reference *ref);

static bool
step(struct resolving *r)
{
	if (++r->steps > CONF_NODES_MAX && !r->stopped) {
		conf_error(r->errs, r->tree->root->where, "section references multiply beyond %d steps", CONF_NODES_MAX);
		r->stopped = true;
	}
	return !r->stopped;
}

static bool
layers_have(const struct layers *l, const struct conf_section *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i] == s)
			return true;
	return false;
}

/* Adds a section and, behind it, what it refers to. */
static void
layers_add(struct resolving *r, struct layers *l, struct conf_section *s)
{
	if (!step(r) || layers_have(l, s))
		return;
	if (l->n == LAYERS_MAX) {
		conf_error(r->errs, s->where, "section '%s' refers to more than %d sections", s->name, LAYERS_MAX - 1);
		r->stopped = true;
		return;
	}
	l->s[l->n++] = s;
	if (s->resolving) /* a circle adds nothing new */
		return;
	s->resolving = true;
	for (const struct conf_reference *ref = s->references; ref; ref = ref->next)
		resolve_path(r, l, ref);
	s->resolving = false;
}

/* The layers of sub-section @name in a section made up of @in. */
static struct layers
layers_below(struct resolving *r, const struct layers *in, const char *name)
{
	struct layers out = { 0 };

	for (size_t i = 0; i < in->n; i++) {
		struct conf_section *s = conf_section_find(in->s[i], name);

		if (s)
			layers_add(r, &out, s);
	}
	return out;
}

static void
resolve_path(struct resolving *r, struct layers *out, const struct conf_reference *ref)
{
	struct layers l = { .s = { r->tree->root }, .n = 1 };
	const char *p = ref->path;
	char name[CONF_NAME_MAX + 1];

	while (*p && l.n) {
		size_t n = strcspn(p, ".");

		snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), p);
		l = layers_below(r, &l, name);
		for (size_t i = 0; i < l.n; i++)
			l.s[i]->referenced = true;
		p += n + (p[n] == '.');
	}
	if (!l.n && !r->stopped)
		conf_error(r->errs, ref->where,
		           "there is no section '%s' to refer to; a reference is the path from the top, as in 'connections.base'",
		           ref->path);
	for (size_t i = 0; i < l.n; i++)
		layers_add(r, out, l.s[i]);
}

static void
copy_keys(struct resolving *r, struct conf_section *out, const struct layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (const struct conf_key *k = l->s[i]->keys; k; k = k->next) {
			struct conf_key *c =
			        conf_key_find(out, k->name) ? NULL : conf_key_set(r->tree, out, k->name, k->value, k->where);

			if (c)
				c->exposed = k->exposed;
		}
}

/* A key without a value has done its work once the layers are together. */
static void
drop_unset_keys(struct conf_section *s)
{
	struct conf_key **at = &s->keys;

	s->last_key = NULL;
	while (*at) {
		if ((*at)->value) {
			s->last_key = *at;
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
		}
	}
}

static void
flatten(struct resolving *r, struct conf_section *out, const struct layers *l, unsigned depth)
{
	if (depth > CONF_DEPTH_MAX) {
		conf_error(r->errs, out->where, "sections are nested deeper than %d levels", CONF_DEPTH_MAX);
		r->stopped = true;
	}
	if (!step(r) || r->tree->nomem)
		return;
	copy_keys(r, out, l);
	drop_unset_keys(out);
	for (size_t i = 0; i < l->n; i++)
		for (const struct conf_section *s = l->s[i]->sections; s && !r->stopped; s = s->next) {
			struct conf_section *below =
			        conf_section_find(out, s->name) ? NULL : conf_section_at(r->tree, out, s->name, s->where);
			struct layers sub;

			if (!below)
				continue;
			sub = layers_below(r, l, s->name);
			flatten(r, below, &sub, depth + 1);
		}
}

bool
conf_tree_resolve(struct conf_tree *t, struct conf_errors *errs)
{
	struct resolving r = { .tree = t, .errs = errs };
	struct layers l = { .s = { t->root }, .n = 1 };
	struct conf_section *out = node(t, sizeof *out);
	size_t before = errs->n_errors;

	if (out) {
		*out = (struct conf_section) { .name = "", .where = t->root->where };
		flatten(&r, out, &l, 0);
		for (struct conf_section *s = out->sections; s; s = s->next)
			s->referenced = conf_section_find(t->root, s->name)->referenced;
		t->root = out;
	}
	if (t->nomem)
		conf_error(errs, t->root->where, "out of memory, or more than %d keys and sections", CONF_NODES_MAX);
	return errs->n_errors == before;
}
