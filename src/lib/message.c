/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* vici's elements. */
enum { SECTION_START = 1, SECTION_END = 2, KEY_VALUE = 3, LIST_START = 4, LIST_ITEM = 5, LIST_END = 6 };

struct sallyport_node {
	enum sallyport_kind kind;
	char *name;
	char *value;
	size_t n_value;
	struct sallyport_node *parent, *next, *first, *last;
};

struct sallyport_message {
	struct sallyport_node root, *at; /* at: the section that is being made */
	unsigned depth;
};

/* ---- nodes */

static void
node_free(struct sallyport_node *n)
{
	free(n->name);
	free(n->value);
	free(n);
}

static void
free_below(struct sallyport_node *root)
{
	while (root->first) {
		struct sallyport_node *n = root->first;

		while (n->first)
			n = n->first;
		n->parent->first = n->next;
		node_free(n);
	}
	root->last = NULL;
}

struct sallyport_message *
sallyport_message_new(void)
{
	struct sallyport_message *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->root.kind = SALLYPORT_SECTION;
	m->at = &m->root;
	return m;
}

void
sallyport_message_free(struct sallyport_message *m)
{
	if (!m)
		return;
	free_below(&m->root);
	free(m);
}

static struct sallyport_node *
add(struct sallyport_node *in, enum sallyport_kind kind, const void *name, size_t n_name, const void *value, size_t n_value)
{
	struct sallyport_node *n = n_name <= MESSAGE_NAME_MAX && n_value <= MESSAGE_VALUE_MAX ? calloc(1, sizeof *n) : NULL;

	if (!n)
		return NULL;
	*n = (struct sallyport_node) { .kind = kind, .parent = in, .n_value = n_value };
	n->name = calloc(1, n_name + 1);
	n->value = calloc(1, n_value + 1);
	if (!n->name || !n->value) {
		node_free(n);
		return NULL;
	}
	if (n_name)
		memcpy(n->name, name, n_name);
	if (n_value)
		memcpy(n->value, value, n_value);
	if (in->last)
		in->last->next = n;
	else
		in->first = n;
	in->last = n;
	return n;
}

/* ---- making */

bool
sallyport_put(struct sallyport_message *m, const char *name, const char *value)
{
	return add(m->at, SALLYPORT_VALUE, name, strlen(name), value, strlen(value));
}

bool
sallyport_begin(struct sallyport_message *m, const char *section)
{
	struct sallyport_node *n =
	        m->depth < MESSAGE_DEPTH_MAX ? add(m->at, SALLYPORT_SECTION, section, strlen(section), NULL, 0) : NULL;

	if (!n)
		return false;
	m->at = n;
	m->depth++;
	return true;
}

void
sallyport_end(struct sallyport_message *m)
{
	if (!m->depth)
		return;
	m->at = m->at->parent;
	m->depth--;
}

bool
sallyport_put_item(struct sallyport_message *m, const char *list, const char *item)
{
	struct sallyport_node *l = (struct sallyport_node *)sallyport_find(m->at, list);

	if (!l)
		l = add(m->at, SALLYPORT_LIST, list, strlen(list), NULL, 0);
	return l && l->kind == SALLYPORT_LIST && add(l, SALLYPORT_ITEM, NULL, 0, item, strlen(item));
}

/* ---- reading */

const struct sallyport_node *
sallyport_root(const struct sallyport_message *m)
{
	return m ? &m->root : NULL;
}

const struct sallyport_node *
sallyport_first(const struct sallyport_node *n)
{
	return n ? n->first : NULL;
}

const struct sallyport_node *
sallyport_next(const struct sallyport_node *n)
{
	return n ? n->next : NULL;
}

const struct sallyport_node *
sallyport_find(const struct sallyport_node *section, const char *name)
{
	const struct sallyport_node *n = sallyport_first(section);

	while (n && (n->kind == SALLYPORT_ITEM || strcmp(n->name, name)))
		n = n->next;
	return n;
}

enum sallyport_kind
sallyport_kind(const struct sallyport_node *n)
{
	return n ? n->kind : SALLYPORT_NONE;
}

const char *
sallyport_name(const struct sallyport_node *n)
{
	return n && n->name ? n->name : "";
}

const char *
sallyport_value(const struct sallyport_node *n)
{
	return n && n->value ? n->value : "";
}

const char *
sallyport_get(const struct sallyport_node *section, const char *name)
{
	const struct sallyport_node *n = sallyport_find(section, name);

	return n && n->kind == SALLYPORT_VALUE ? n->value : NULL;
}

const char *
sallyport_refused(const struct sallyport_message *answer)
{
	const char *success = sallyport_get(sallyport_root(answer), "success"), *why;

	if (!success || !strcmp(success, "yes"))
		return NULL;
	why = sallyport_get(sallyport_root(answer), "errmsg");
	return why && *why ? why : "the daemon gave no reason";
}

/* ---- encoding */

void
buffer_put(struct buffer *b, const void *p, size_t n)
{
	if (b->failed || n > MESSAGE_OCTETS_MAX || b->n + n > MESSAGE_OCTETS_MAX) {
		b->failed = true;
		return;
	}
	if (b->n + n > b->cap) {
		size_t cap = 2 * (b->n + n);
		uint8_t *more = realloc(b->p, cap);

		if (!more) {
			b->failed = true;
			return;
		}
		b->p = more;
		b->cap = cap;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buffer_free(struct buffer *b)
{
	free(b->p);
	*b = (struct buffer) { 0 };
}

static void
put_head(struct buffer *b, uint8_t type, const struct sallyport_node *n)
{
	uint8_t head[2] = { type, (uint8_t)strlen(n->name) };

	buffer_put(b, head, 2);
	buffer_put(b, n->name, head[1]);
}

static void
put_value(struct buffer *b, const struct sallyport_node *n)
{
	uint8_t length[2] = { (uint8_t)(n->n_value >> 8), (uint8_t)n->n_value };

	buffer_put(b, length, 2);
	buffer_put(b, n->value, n->n_value);
}

static void
put_list(struct buffer *b, const struct sallyport_node *list)
{
	put_head(b, LIST_START, list);
	for (const struct sallyport_node *i = list->first; i; i = i->next) {
		buffer_put(b, &(uint8_t) { LIST_ITEM }, 1);
		put_value(b, i);
	}
	buffer_put(b, &(uint8_t) { LIST_END }, 1);
}

/* At most MESSAGE_DEPTH_MAX deep: deeper ones can neither be made nor decoded. */
static void
put_elements(struct buffer *b, const struct sallyport_node *section)
{
	for (const struct sallyport_node *n = section->first; n; n = n->next) {
		if (n->kind == SALLYPORT_LIST) {
			put_list(b, n);
		} else if (n->kind == SALLYPORT_SECTION) {
			put_head(b, SECTION_START, n);
			put_elements(b, n);
			buffer_put(b, &(uint8_t) { SECTION_END }, 1);
		} else {
			put_head(b, KEY_VALUE, n);
			put_value(b, n);
		}
	}
}

void
message_encode(struct buffer *out, const struct sallyport_message *m)
{
	put_elements(out, &m->root);
}

/* ---- decoding */

struct reader {
	const uint8_t *p;
	size_t n;
	const char *why;
};

static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->why || n > r->n) {
		if (!r->why)
			r->why = "a message from the daemon ends within an element";
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

/* A length of one or two octets, and that many octets. */
static const uint8_t *
take_counted(struct reader *r, unsigned width, size_t *n)
{
	const uint8_t *l = take(r, width);

	*n = !l ? 0 : width == 1 ? l[0] : (size_t)l[0] << 8 | l[1];
	return take(r, *n);
}

static void
decode_one(struct reader *r, struct sallyport_message *m, uint8_t type)
{
	const uint8_t *name = NULL, *value = NULL;
	size_t n_name = 0, n_value = 0;
	bool in_list = m->at->kind == SALLYPORT_LIST, ok = true;

	if (type < SECTION_START || type > LIST_END || in_list != (type == LIST_ITEM || type == LIST_END))
		r->why = "a message from the daemon is not well-formed";
	if (!r->why && (type == SECTION_START || type == KEY_VALUE || type == LIST_START))
		name = take_counted(r, 1, &n_name);
	if (!r->why && (type == KEY_VALUE || type == LIST_ITEM))
		value = take_counted(r, 2, &n_value);
	if (r->why)
		return;
	if (type == SECTION_END || type == LIST_END) {
		if (!m->depth)
			r->why = "a message from the daemon ends a section that did not begin";
		sallyport_end(m);
	} else if (type == KEY_VALUE || type == LIST_ITEM) {
		ok = add(m->at, type == KEY_VALUE ? SALLYPORT_VALUE : SALLYPORT_ITEM, name, n_name, value, n_value);
	} else {
		struct sallyport_node *n =
		        m->depth < MESSAGE_DEPTH_MAX
		                ? add(m->at, type == LIST_START ? SALLYPORT_LIST : SALLYPORT_SECTION, name, n_name, NULL, 0)
		                : NULL;

		ok = n;
		m->depth += ok;
		m->at = ok ? n : m->at;
	}
	if (!ok)
		r->why = "out of memory, or a message from the daemon is nested too deep";
}

struct sallyport_message *
message_decode(const uint8_t *p, size_t n, const char **why)
{
	struct reader r = { p, n, NULL };
	struct sallyport_message *m = sallyport_message_new();

	*why = "out of memory";
	if (!m)
		return NULL;
	while (r.n && !r.why)
		decode_one(&r, m, *take(&r, 1));
	if (!r.why && m->depth)
		r.why = "a message from the daemon has a section without an end";
	if (!r.why)
		return m;
	*why = r.why;
	sallyport_message_free(m);
	return NULL;
}
