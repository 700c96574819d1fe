/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/*
 * status --json:
 *   { "daemon": { ... }, "uptime": { ... }, "ike-sas": [ { "name": ..., vici's fields, "child-sas": [ ... ] } ],
 *     "connections": [ { "name": ..., ..., "children": [ ... ] } ], "failures": { ... }, "progress": { ... }, "counters": { ... }
 * } Field names are vici's; numbers are numbers, "yes" is true.
 */

/* Fields whose digits, if they have but digits, are no quantities. */
static bool
is_text(const char *name)
{
	static const char *const texts[] = { "initiator-spi", "responder-spi",   "spi-in", "spi-out",  "ah-spi-in", "ah-spi-out",
		                             "cpi-in",        "cpi-out",         "name",   "local-id", "remote-id", "id",
		                             "text",          "remote-xauth-id", "reason", "notice",   "exchange",  "daemon",
		                             "release",       "since",           "warning" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!strcmp(texts[i], name))
			return true;
	return false;
}

static json_t *
value_of(const char *name, const char *text)
{
	size_t n = strlen(text);
	json_t *string;

	if (!strcmp(text, "yes") && !is_text(name))
		return json_true();
	if (n && n < 19 && strspn(text, "0123456789") == n && !is_text(name))
		return json_integer(strtoll(text, NULL, 10));
	/* Octets that are no UTF-8 are none in JSON either. */
	string = json_string(text);
	return string ? string : json_string("(not UTF-8)");
}

static json_t *named_sections(const struct sallyport_node *n);

static json_t *
list_of(const struct sallyport_node *n)
{
	json_t *a = json_array();

	for (n = sallyport_first(n); n; n = sallyport_next(n))
		json_array_append_new(a, value_of("name", sallyport_value(n)));
	return a;
}

static json_t *
object_of(const struct sallyport_node *section)
{
	json_t *o = json_object();

	for (const struct sallyport_node *n = sallyport_first(section); n; n = sallyport_next(n)) {
		const char *name = sallyport_name(n);
		json_t *v;

		if (sallyport_kind(n) == SALLYPORT_LIST)
			v = list_of(n);
		else if (sallyport_kind(n) == SALLYPORT_SECTION)
			v = !strcmp(name, "child-sas") || !strcmp(name, "children") ? named_sections(n) : object_of(n);
		else
			v = value_of(name, sallyport_value(n));
		json_object_set_new(o, name, v);
	}
	return o;
}

/* Sections of names that are data become an array of objects with a name. */
static json_t *
named_sections(const struct sallyport_node *n)
{
	json_t *a = json_array();

	for (n = sallyport_first(n); n; n = sallyport_next(n)) {
		json_t *o = object_of(n);

		if (!json_object_get(o, "name"))
			json_object_set_new(o, "name", value_of("name", sallyport_name(n)));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *
events(const struct cli_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++) {
		json_t *of_one = named_sections(sallyport_root(l->m[i]));

		json_array_extend(a, of_one);
		json_decref(of_one);
	}
	return a;
}

void
cli_state_print_json(const struct cli_state *st, FILE *to)
{
	static const char *const parts[] = { "uptime", "failures", "progress", "counters" };
	const char *dataplane = sallyport_get(sallyport_root(st->status), "dataplane");
	json_t *o = json_object();

	json_object_set_new(o, "daemon", object_of(sallyport_root(st->version)));
	if (dataplane)
		json_object_set_new(o, "dataplane", value_of("dataplane", dataplane));
	json_object_set_new(o, "ike-sas", events(&st->sas));
	json_object_set_new(o, "connections", events(&st->conns));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		json_object_set_new(o, parts[i], object_of(sallyport_find(sallyport_root(st->status), parts[i])));
	json_dumpf(o, to, JSON_INDENT(2));
	fputc('\n', to);
	json_decref(o);
}
