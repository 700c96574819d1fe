/* SPDX-License-Identifier: Apache-2.0 */
#include "config_keys.h"

#include <strings.h>

#include "config_habits.h"

static const struct key_row *
row_of(const struct key_row *rows, const char *name)
{
	for (const struct key_row *r = rows; r->name; r++)
		if (r->prefix ? !strncmp(name, r->name, strlen(r->name)) : !strcmp(name, r->name))
			return r;
	return NULL;
}

static bool
is_harmless(const char *harmless, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = harmless; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strcspn(p, "|") == n && !strncasecmp(p, value, n))
			return true;
	return false;
}

static void
unknown_key(struct config_reader *r, const struct conf_key *k, const struct key_row *rows, const char *what)
{
	const char *close, *habit = config_habit(k->name);
	const char *names[64];
	size_t n = 0;

	for (; rows->name && n < 63; rows++)
		names[n++] = rows->name;
	names[n] = NULL;
	close = conf_closest(k->name, names);
	if (habit)
		conf_error(r->errs, k->where, "unknown key '%s' in %s; in swanctl.conf this is %s", k->name, what, habit);
	else if (close)
		conf_error(r->errs, k->where, "unknown key '%s' in %s; did you mean '%s'?", k->name, what, close);
	else
		conf_error(r->errs, k->where, "unknown key '%s' in %s; docs/configuration.md lists those there are", k->name,
		           what);
}

static void
read_key(struct config_reader *r, const struct conf_key *k, const struct key_row *rows, const char *what)
{
	const struct key_row *row = row_of(rows, k->name);

	if (!row) {
		unknown_key(r, k, rows, what);
	} else if (k->value && strlen(k->value) != k->n_value) {
		conf_error(r->errs, k->where, "%s has a zero octet in it", k->name);
	} else if (row->set) {
		row->set(r, k);
	} else if (k->is_list ? k->n_items && !is_harmless(row->harmless, k->item[0]) : !is_harmless(row->harmless, k->value)) {
		if (row->harmless && *row->harmless)
			conf_error(r->errs, k->where,
			           "%s is known but not yet supported here: leave it out, or write its default, %s = %.*s",
			           k->name, k->name, (int)strcspn(row->harmless, "|"), row->harmless);
		else
			conf_error(r->errs, k->where, "%s is known but not yet supported here: leave it out", k->name);
	}
}

void
config_read_keys(struct config_reader *r, const struct conf_section *s, const struct key_row *rows, const char *what)
{
	for (const struct conf_key *k = s->keys; k; k = k->next)
		read_key(r, k, rows, what);
}

void
config_unknown_section(struct conf_errors *errs, const struct conf_section *s, const char *in, const char *const *known)
{
	const char *close = conf_closest(s->name, known);

	if (close)
		conf_error(errs, s->where, "unknown section '%s' in %s; did you mean '%s'?", s->name, in, close);
	else
		conf_error(errs, s->where, "unknown section '%s' in %s", s->name, in);
}
