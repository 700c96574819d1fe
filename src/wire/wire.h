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
	const uint8_t *in;  /* DECODE, DUMP: the octets */
	uint8_t *out;       /* ENCODE: where they go */
	size_t at, end;     /* position; end of what may be read or written */
	struct arena *arena; /* DECODE: where lists are allocated; DUMP: unused */
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

/* Keeps the first failure only. */
void wire_fail(struct wire *w, const char *where, const char *why);
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

/* Narrows the window to the next @n octets; wire_leave() puts the position behind them and restores the end. */
size_t wire_enter(struct wire *w, size_t n);
void wire_leave(struct wire *w, size_t saved_end);

#endif
