/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_errors.h"

#include <stdarg.h>

static void
add(struct conf_errors *e, bool notice, const char *where, const char *fmt, va_list ap)
{
	struct conf_error *x;
	char text[1024];
	size_t *count = notice ? &e->n_notices : &e->n_errors;

	if (++*count > CONF_ERRORS_MAX)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	x = arena_alloc(&e->arena, sizeof *x);
	if (!x)
		return;
	*x = (struct conf_error) { .notice = notice };
	x->text = where && *where ? arena_printf(&e->arena, "%s: %s", where, text) : arena_printf(&e->arena, "%s", text);
	if (!x->text)
		return;
	if (e->last)
		e->last->next = x;
	else
		e->first = x;
	e->last = x;
}

void
conf_error(struct conf_errors *e, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(e, false, where, fmt, ap);
	va_end(ap);
}

void
conf_notice(struct conf_errors *e, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(e, true, where, fmt, ap);
	va_end(ap);
}

void
conf_errors_print(const struct conf_errors *e, FILE *to)
{
	for (const struct conf_error *x = e->first; x; x = x->next)
		fprintf(to, "%s%s\n", x->text, x->notice ? " (notice)" : "");
	if (e->n_errors > CONF_ERRORS_MAX)
		fprintf(to, "and %zu more errors\n", e->n_errors - CONF_ERRORS_MAX);
}

const char *
conf_errors_first(const struct conf_errors *e)
{
	for (const struct conf_error *x = e->first; x; x = x->next)
		if (!x->notice)
			return x->text;
	return e->n_errors ? "out of memory" : "";
}

void
conf_errors_free(struct conf_errors *e)
{
	arena_clear(&e->arena);
	*e = (struct conf_errors) { 0 };
}
