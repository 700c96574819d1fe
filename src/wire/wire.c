/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	LIST_FIRST_ROOM = 4,       /* a power of two: lists double */
	DUMP_OCTETS_PER_LINE = 48, /* more are cut with "..." */
	DUMP_INDENT_MAX = 16,
};

struct wire
wire_decoder(struct span in, struct arena *arena)
{
	return (struct wire) { .mode = WIRE_DECODE, .in = in.p, .end = in.n, .arena = arena };
}

struct wire
wire_encoder(uint8_t *out, size_t cap)
{
	return (struct wire) { .mode = WIRE_ENCODE, .out = out, .end = cap };
}

struct wire
wire_dumper(struct span in, struct arena *arena, struct dump *d)
{
	return (struct wire) { .mode = WIRE_DUMP, .in = in.p, .end = in.n, .arena = arena, .dump = d };
}

void
wire_fail(struct wire *w, const char *where, const char *why)
{
	if (w->failure)
		return;
	w->failure = why;
	w->where = where;
}

void
wire_require(struct wire *w, bool holds, const char *what)
{
	if (!holds)
		wire_fail(w, NULL, what);
}

/* Every bounds check of the project's network formats is this one. */
static bool
claim(struct wire *w, const char *name, size_t n)
{
	if (w->failure)
		return false;
	if (n <= w->end - w->at)
		return true;
	wire_fail(w, name, w->mode == WIRE_ENCODE ? "does not fit the message" : "is cut off");
	return false;
}

/* Big-endian numbers of 1 to 8 octets, both ways. True when *@v was read: encoding writes to no value. */
static bool
number(struct wire *w, const char *name, uint64_t *v, size_t octets)
{
	if (!claim(w, name, octets))
		return false;
	if (w->mode == WIRE_ENCODE) {
		for (size_t i = 0; i < octets; i++)
			w->out[w->at + i] = (uint8_t)(*v >> 8 * (octets - 1 - i));
	} else {
		*v = 0;
		for (size_t i = 0; i < octets; i++)
			*v = *v << 8 | w->in[w->at + i];
	}
	w->at += octets;
	return w->mode != WIRE_ENCODE;
}

static void
shown(struct wire *w, const char *name, uint64_t v)
{
	if (w->mode == WIRE_DUMP)
		dump_line(w->dump, "%s: %llu", name, (unsigned long long)v);
}

void
wire_hidden_u8(struct wire *w, const char *name, uint8_t *v)
{
	uint64_t n = *v;

	if (number(w, name, &n, sizeof *v))
		*v = (uint8_t)n;
}

void
wire_hidden_u16(struct wire *w, const char *name, uint16_t *v)
{
	uint64_t n = *v;

	if (number(w, name, &n, sizeof *v))
		*v = (uint16_t)n;
}

void
wire_u8(struct wire *w, const char *name, uint8_t *v)
{
	wire_hidden_u8(w, name, v);
	if (wire_ok(w))
		shown(w, name, *v);
}

void
wire_u16(struct wire *w, const char *name, uint16_t *v)
{
	wire_hidden_u16(w, name, v);
	if (wire_ok(w))
		shown(w, name, *v);
}

void
wire_u32(struct wire *w, const char *name, uint32_t *v)
{
	uint64_t n = *v;

	if (!number(w, name, &n, sizeof *v))
		return;
	*v = (uint32_t)n;
	shown(w, name, n);
}

void
wire_u64(struct wire *w, const char *name, uint64_t *v)
{
	if (number(w, name, v, sizeof *v))
		shown(w, name, *v);
}

void
wire_reserved(struct wire *w, size_t n)
{
	if (!claim(w, "RESERVED", n))
		return;
	if (w->mode == WIRE_ENCODE)
		memset(w->out + w->at, 0, n);
	w->at += n;
}

static void
shown_octets(struct wire *w, const char *name, struct span v)
{
	char hex[2 * DUMP_OCTETS_PER_LINE + 1] = "";
	size_t n = v.n < DUMP_OCTETS_PER_LINE ? v.n : DUMP_OCTETS_PER_LINE;

	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", v.p[i]);
	dump_line(w->dump, "%s (%zu): %s%s", name, v.n, hex, n < v.n ? "..." : "");
}

void
wire_bytes(struct wire *w, const char *name, struct span *v, size_t n)
{
	if (!claim(w, name, n))
		return;
	if (w->mode == WIRE_ENCODE) {
		if (v->n != n) {
			wire_fail(w, name, "has not the length that was announced");
			return;
		}
		if (n)
			memcpy(w->out + w->at, v->p, n);
	} else {
		*v = n ? span_of(w->in + w->at, n) : (struct span) { 0 };
	}
	w->at += n;
	if (w->mode == WIRE_DUMP)
		shown_octets(w, name, *v);
}

void
wire_rest(struct wire *w, const char *name, struct span *v)
{
	wire_bytes(w, name, v, w->mode == WIRE_ENCODE ? v->n : wire_left(w));
}

void *
wire_list_room(struct wire *w, const char *name, void *list, size_t n, size_t size, size_t max)
{
	bool full = n == 0 || (n >= LIST_FIRST_ROOM && (n & (n - 1)) == 0);

	if (w->failure)
		return NULL;
	if (n >= max) {
		wire_fail(w, name, "is one more than the limit");
		return NULL;
	}
	if (!full)
		return list;
	void *more = arena_alloc(w->arena, (n ? 2 * n : LIST_FIRST_ROOM) * size);

	if (!more)
		wire_fail(w, name, "found no memory");
	else if (n)
		memcpy(more, list, n * size);
	return more;
}

void
dump_line(struct dump *d, const char *fmt, ...)
{
	static const char tabs[DUMP_INDENT_MAX + 1] = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
	unsigned indent = d->indent < DUMP_INDENT_MAX ? d->indent : DUMP_INDENT_MAX;
	va_list ap;
	int n;

	for (int part = 0; part < 3; part++) {
		size_t room = d->cap - d->n;

		if (d->n >= d->cap)
			return;
		va_start(ap, fmt);
		n = part == 0   ? snprintf(d->text + d->n, room, "%.*s", (int)indent, tabs)
		    : part == 1 ? vsnprintf(d->text + d->n, room, fmt, ap)
		                : snprintf(d->text + d->n, room, "\n");
		va_end(ap);
		if (n > 0)
			d->n += (size_t)n < room ? (size_t)n : room - 1;
	}
}

size_t
wire_enter(struct wire *w, size_t n)
{
	size_t saved = w->end;

	if (claim(w, "length", n))
		w->end = w->at + n;
	return saved;
}

void
wire_leave(struct wire *w, size_t saved_end)
{
	if (wire_ok(w))
		w->at = w->end;
	w->end = saved_end;
}
