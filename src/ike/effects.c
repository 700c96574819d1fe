/* SPDX-License-Identifier: Apache-2.0 */
#include "effects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool
grow(struct effects *fx)
{
	size_t cap = fx->cap ? fx->cap * 2 : 16;
	struct effect *e = realloc(fx->e, cap * sizeof *e);

	if (!e)
		return false;
	fx->e = e;
	fx->cap = cap;
	return true;
}

struct effect *
effects_add(struct effects *fx, enum effect_kind kind)
{
	if (fx->n == EFFECTS_MAX || (fx->n == fx->cap && !grow(fx))) {
		fx->nomem = true;
		return NULL;
	}

	struct effect *e = &fx->e[fx->n++];

	memset(e, 0, sizeof *e);
	e->kind = kind;
	return e;
}

const void *
effects_dup(struct effects *fx, const void *p, size_t n)
{
	const void *copy = arena_dup(&fx->arena, span_of(p, n)).p;

	if (!copy) {
		fx->e[fx->n - 1].kind = EFFECT_NOTHING;
		fx->nomem = true;
	}
	return copy;
}

struct span
effects_dup_span(struct effects *fx, struct span s)
{
	return span_of(effects_dup(fx, s.p, s.n), s.n);
}

void
effects_clear(struct effects *fx)
{
	arena_clear(&fx->arena);
	if (fx->cap > EFFECTS_BATCH) {
		free(fx->e);
		fx->e = NULL;
		fx->cap = 0;
	}
	fx->n = 0;
	fx->nomem = false;
}

void
effects_free(struct effects *fx)
{
	effects_clear(fx);
	free(fx->e);
	*fx = (struct effects) { 0 };
}

static char *
format_in(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);

	int n = vsnprintf(NULL, 0, fmt, again);

	va_end(again);
	if (n < 0)
		return NULL;

	char *text = arena_alloc(a, (size_t)n + 1);

	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

void
effects_log(struct effects *fx, enum log_group g, int level, uint32_t ike_id, const char *conn, const char *reason,
            const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);

	char *text = format_in(&fx->arena, fmt, ap);

	va_end(ap);

	struct effect *e = text ? effects_add(fx, EFFECT_LOG) : NULL;

	if (!e) {
		fx->nomem = true;
		return;
	}

	/* The name is copied: a connection may be gone before the line is written. */
	const char *name = conn ? arena_printf(&fx->arena, "%s", conn) : NULL;

	e->log = (struct effect_log) {
		.group = g, .level = level, .ike_id = ike_id, .conn = name, .reason = reason, .text = text
	};
}
