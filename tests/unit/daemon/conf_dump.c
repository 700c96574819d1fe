/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our parser reads in a file of strongSwan's syntax, as JSON, for tests that
 * ask strongSwan's own parser the same. Sections have a '{' before their name,
 * since a key may be called the same.
 */
#include <jansson.h>

#include "conf_tree.h"

static json_t *
dump(const struct conf_section *s)
{
	json_t *o = json_object();
	char name[CONF_NAME_MAX + 2];

	for (const struct conf_key *k = s->keys; k; k = k->next)
		json_object_set_new(o, k->name, json_stringn_nocheck(k->value, strlen(k->value)));
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
