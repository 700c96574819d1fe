/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_WIRE_H
#define SALLYPORT_WIRE_H

#include "arena.h"

/*
 * The one codec: a cursor over a message. One function per payload describes
 * it once and serves decoding, encoding and the human-readable dump. All bounds
 * checks of the project's network formats are here. The cursor keeps its first
 * failure; every later call is then a no-op that leaves its value alone.
 */
enum wire_mode { WIRE_DECODE, WIRE_ENCODE, WIRE_DUMP };

struct wire {
	enum wire_mode mode;
	const uint8_t *in;   /* DECODE, DUMP: the octets */
	uint8_t *out;        /* ENCODE: where they go */
	size_t at, end;      /* position; end of what may be read or written */
	struct arena *arena; /* DECODE, DUMP: where lists are allocated */
	const char *failure; /* NULL: all is well; else what was wrong */
	const char *where;   /* the field in which it was */
	struct dump *dump;   /* DUMP: where text goes */
};

struct dump {
	char *text;
	size_t n, cap;
	unsigned indent;
};

struct wire wire_decoder(struct span in, struct arena *arena);
struct wire wire_encoder(uint8_t *out, size_t cap);
struct wire wire_dumper(struct span in, struct arena *arena, struct dump *d);

static inline bool
wire_ok(const struct wire *w)
{
	return w->failure == NULL;
}

/*
 * Keeps the first failure only. @where is a field's name and @why continues the
 * sentence ("is cut off"); @where NULL: @why is the whole sentence.
 */
void wire_fail(struct wire *w, const char *where, const char *why);
/* @what says what must be so: "SPI Size must be 0 or 4". */
void wire_require(struct wire *w, bool holds, const char *what);

void wire_u8(struct wire *w, const char *name, uint8_t *v);
void wire_u16(struct wire *w, const char *name, uint16_t *v);
void wire_u32(struct wire *w, const char *name, uint32_t *v);
void wire_u64(struct wire *w, const char *name, uint64_t *v);
/* RESERVED: written as zero, ignored on receipt ("must be zero" is checked by nobody: be liberal). */
void wire_reserved(struct wire *w, size_t n);
/* Exactly @n octets; decoding borrows them from the input. */
void wire_bytes(struct wire *w, const char *name, struct span *v, size_t n);
/* Everything up to the end of the current window. */
void wire_rest(struct wire *w, const char *name, struct span *v);

static inline size_t
wire_left(const struct wire *w)
{
	return w->failure ? 0 : w->end - w->at;
}

/* Octets that are written and checked but not shown in a dump (lengths, chain fields). */
void wire_hidden_u8(struct wire *w, const char *name, uint8_t *v);
void wire_hidden_u16(struct wire *w, const char *name, uint16_t *v);

/*
 * A list of @size octets an element while decoding: room for element number @n,
 * with the @n earlier ones in place. NULL, with the failure set, beyond @max
 * elements or without memory.
 */
void *wire_list_room(struct wire *w, const char *name, void *list, size_t n, size_t size, size_t max);

/* One line of a dump, indented; the text stays terminated and is cut where it is full. */
void dump_line(struct dump *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Narrows the window to the next @n octets; wire_leave() puts the position behind them and restores the end. */
size_t wire_enter(struct wire *w, size_t n);
void wire_leave(struct wire *w, size_t saved_end);

#endif
