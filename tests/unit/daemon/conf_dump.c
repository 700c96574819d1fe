/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our parser reads in a file of strongSwan's syntax, as JSON, for tests that
 * ask strongSwan's own parser the same. Sections have a '{' before their name,
 * since a key may be called the same; what swanctl knows to be a list is one.
 */
#include <jansson.h>

#include "conf_value.h"

static bool
is_list(const char *name)
{
	static const char *const lists[] = {
		"local_addrs", "remote_addrs", "proposals", "esp_proposals", "ah_proposals", "local_ts",
		"remote_ts",   "vips",         "pools",     "groups",        "cert_policy",
	};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (!strcmp(lists[i], name))
			return true;
	return false;
}

static json_t *
value_of(const struct conf_key *k)
{
	json_t *items = json_array();
	struct span item;
	size_t at = 0;

	if (!is_list(k->name)) {
		json_decref(items);
		return json_stringn_nocheck(k->value, strlen(k->value));
	}
	while (conf_next_item(&item, k, &at))
		json_array_append_new(items, json_stringn_nocheck((const char *)item.p, item.n));
	return items;
}

static json_t *
dump(const struct conf_section *s)
{
	json_t *o = json_object();
	char name[CONF_NAME_MAX + 2];

	for (const struct conf_key *k = s->keys; k; k = k->next)
		json_object_set_new(o, k->name, value_of(k));
	for (const struct conf_section *c = s->sections; c; c = c->next) {
		snprintf(name, sizeof name, "{%s", c->name);
		json_object_set_new(o, name, dump(c));
	}
	return o;
}

int
main(int argc, char **argv)
{
	struct conf_errors errs = { 0 };
	struct conf_tree t;
	bool ok = argc == 2 && conf_tree_open(&t, argv[1]) && conf_file_read(&t, argv[1], &errs) && conf_tree_resolve(&t, &errs);
	json_t *o = ok ? dump(t.root) : NULL;

	conf_errors_print(&errs, stderr);
	if (o)
		json_dumpf(o, stdout, 0);
	json_decref(o);
	conf_tree_close(&t);
	conf_errors_free(&errs);
	return !ok;
}
