/* SPDX-License-Identifier: Apache-2.0 */
#include "vici_msg.h"

#include <stdarg.h>
#include <stdlib.h>

/* ---- reading */

struct reader {
	struct conf_tree *tree;
	struct span in;
	size_t at;
	unsigned depth, elements;
	bool text_only;
	const char *why; /* the first failure */
	char path[1024]; /* of the section being read, with a dot behind each name */
	size_t n_path;
};

static bool
fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return false;
}

static struct span
take(struct reader *r, size_t n)
{
	struct span s = { 0 };

	if (r->why || n > r->in.n - r->at) {
		fail(r, "the message ends within an element");
		return s;
	}
	s = span_of(r->in.p + r->at, n);
	r->at += n;
	return s;
}

static uint8_t
take_u8(struct reader *r)
{
	struct span s = take(r, 1);

	return s.n ? s.p[0] : 0;
}

static bool
take_name(struct reader *r, char out[CONF_NAME_MAX + 1])
{
	struct span s = take(r, take_u8(r));

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return fail(r, "a name has a control character in it");
	if (!r->why && !s.n)
		return fail(r, "a name is empty");
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return !r->why;
}

static struct span
take_value(struct reader *r)
{
	struct span n = take(r, 2);
	struct span s = take(r, n.n ? get_be16(n.p) : 0);

	if (r->text_only && s.n && memchr(s.p, 0, s.n))
		fail(r, "a value has a zero octet in it");
	return s;
}

static const char *
where(struct reader *r, const char *name)
{
	const char *w = arena_printf(&r->tree->arena, "%.*s%s", (int)r->n_path, r->path, name);

	if (!w)
		fail(r, "out of memory");
	return w ? w : "";
}

static bool
enter(struct reader *r, struct conf_section **in, const char *name)
{
	size_t n = strlen(name);

	if (++r->depth > CONF_DEPTH_MAX || r->n_path + n + 1 > sizeof r->path)
		return fail(r, "sections are nested too deep");
	*in = conf_section_at(r->tree, *in, name, where(r, name));
	if (!*in)
		return fail(r, "out of memory");
	memcpy(r->path + r->n_path, name, n);
	r->path[r->n_path + n] = '.';
	r->n_path += n + 1;
	return true;
}

static bool
leave(struct reader *r, struct conf_section **in)
{
	if (!r->depth)
		return fail(r, "a section is closed that was never opened");
	r->depth--;
	r->n_path -= strlen((*in)->name) + 1;
	*in = (*in)->parent;
	return true;
}

static bool
read_list(struct reader *r, struct conf_section *in, const char *name)
{
	struct conf_key *k = conf_key_set_list(r->tree, in, name, where(r, name));
	uint8_t type;

	while (!r->why && k && (type = take_u8(r)) != VICI_LIST_END) {
		struct span item;

		if (type != VICI_LIST_ITEM)
			return fail(r, "a list holds something that is not an item");
		item = take_value(r);
		if (++r->elements > VICI_ELEMENTS_MAX)
			return fail(r, "the message has too many elements");
		if (!r->why && !conf_key_add_item(r->tree, k, item))
			return fail(r, "out of memory");
	}
	return k || fail(r, "out of memory");
}

static bool
read_element(struct reader *r, struct conf_section **in)
{
	uint8_t type = take_u8(r);
	char name[CONF_NAME_MAX + 1];
	struct span value;

	if (++r->elements > VICI_ELEMENTS_MAX)
		return fail(r, "the message has too many elements");
	if (type == VICI_SECTION_END)
		return leave(r, in);
	if (type != VICI_SECTION_START && type != VICI_KEY_VALUE && type != VICI_LIST_START)
		return fail(r, type == VICI_LIST_ITEM || type == VICI_LIST_END ? "a list item stands outside of a list"
		                                                               : "an element has an unknown type");
	if (!take_name(r, name))
		return false;
	if (type == VICI_SECTION_START)
		return enter(r, in, name);
	if (type == VICI_LIST_START)
		return read_list(r, *in, name);
	value = take_value(r);
	if (r->why)
		return false;
	return conf_key_set_octets(r->tree, *in, name, value, where(r, name)) || fail(r, "out of memory");
}

bool
vici_message_read(struct conf_tree *t, struct span message, bool text_only, const char **why)
{
	struct reader r = { .tree = t, .in = message, .text_only = text_only };
	struct conf_section *in = t->root;

	while (!r.why && r.at < r.in.n)
		read_element(&r, &in);
	if (r.depth)
		fail(&r, "a section is not closed");
	*why = r.why ? r.why : "";
	return !r.why;
}

bool
vici_packet_read(enum vici_packet *type, struct span *name, struct span *message, struct span packet)
{
	size_t n = 0;

	if (packet.n < 1 || packet.p[0] > VICI_EVENT)
		return false;
	*type = (enum vici_packet)packet.p[0];
	*name = (struct span) { 0 };
	if (*type == VICI_CMD_REQUEST || *type == VICI_EVENT_REGISTER || *type == VICI_EVENT_UNREGISTER || *type == VICI_EVENT) {
		if (packet.n < 2 || packet.p[1] > packet.n - 2)
			return false;
		n = 1u + packet.p[1];
		*name = span_of(packet.p + 2, n - 1);
	}
	*message = span_of(packet.p + 1 + n, packet.n - 1 - n);
	return true;
}

/* ---- writing */

static void
put(struct vici_writer *w, const void *p, size_t n)
{
	if (w->failed || !n)
		return;
	if (w->n + n > 4 + VICI_PACKET_MAX) {
		w->failed = true;
		return;
	}
	if (w->n + n > w->cap) {
		size_t cap = 2 * (w->n + n);
		uint8_t *more = realloc(w->p, cap);

		if (!more) {
			w->failed = true;
			return;
		}
		w->p = more;
		w->cap = cap;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void
put_u8(struct vici_writer *w, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put(w, &b, 1);
}

static void
put_name(struct vici_writer *w, const char *name)
{
	size_t n = strlen(name);

	w->failed = w->failed || n > CONF_NAME_MAX;
	put_u8(w, (unsigned)n);
	put(w, name, n);
}

/* Text that is too long for the format is cut: it is for people. */
static void
put_octets(struct vici_writer *w, struct span value)
{
	uint16_t n = (uint16_t)(value.n < UINT16_MAX ? value.n : UINT16_MAX);
	uint8_t length[2];

	put_be16(length, n);
	put(w, length, 2);
	put(w, value.p, n);
}

static void
put_value(struct vici_writer *w, const char *value)
{
	put_octets(w, span_str(value));
}

void
vici_begin(struct vici_writer *w, enum vici_packet type, const char *name)
{
	*w = (struct vici_writer) { 0 };
	put(w, "\0\0\0\0", 4);
	put_u8(w, type);
	if (name)
		put_name(w, name);
}

void
vici_section(struct vici_writer *w, const char *name)
{
	w->failed = w->failed || w->in_list;
	w->depth++;
	put_u8(w, VICI_SECTION_START);
	put_name(w, name);
}

void
vici_section_end(struct vici_writer *w)
{
	w->failed = w->failed || w->in_list || !w->depth;
	if (w->failed)
		return;
	w->depth--;
	put_u8(w, VICI_SECTION_END);
}

void
vici_key(struct vici_writer *w, const char *name, const char *value)
{
	w->failed = w->failed || w->in_list;
	put_u8(w, VICI_KEY_VALUE);
	put_name(w, name);
	put_value(w, value);
}

void
vici_key_octets(struct vici_writer *w, const char *name, struct span value)
{
	w->failed = w->failed || w->in_list;
	put_u8(w, VICI_KEY_VALUE);
	put_name(w, name);
	put_octets(w, value);
}

void
vici_keyf(struct vici_writer *w, const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	vici_key(w, name, text);
}

void
vici_list(struct vici_writer *w, const char *name)
{
	w->failed = w->failed || w->in_list;
	w->in_list = true;
	put_u8(w, VICI_LIST_START);
	put_name(w, name);
}

void
vici_item(struct vici_writer *w, const char *value)
{
	w->failed = w->failed || !w->in_list;
	put_u8(w, VICI_LIST_ITEM);
	put_value(w, value);
}

void
vici_list_end(struct vici_writer *w)
{
	w->failed = w->failed || !w->in_list;
	w->in_list = false;
	put_u8(w, VICI_LIST_END);
}

bool
vici_finish(struct vici_writer *w)
{
	if (w->failed || w->in_list || w->depth) {
		vici_writer_free(w);
		return false;
	}
	put_be32(w->p, (uint32_t)(w->n - 4));
	return true;
}

void
vici_writer_free(struct vici_writer *w)
{
	free(w->p);
	*w = (struct vici_writer) { 0 };
}
