/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <libgen.h>
#include <stdlib.h>

#include "config_credentials.h"
#include "config_keys.h"
#include "config_overlap.h"
#include "config_secrets.h"

static void
read_connections(struct config *out, const struct conf_section *s, struct conf_errors *errs)
{
	size_t n = 0;

	for (const struct conf_key *k = s->keys; k; k = k->next)
		conf_error(errs, k->where, "key '%s' in connections: only sections, one a connection, belong there", k->name);
	for (const struct conf_section *c = s->sections; c; c = c->next)
		n++;
	out->conn = calloc(n + 1, sizeof *out->conn);
	if (!out->conn) {
		conf_error(errs, s->where, "out of memory");
		return;
	}
	for (s = s->sections; s; s = s->next) {
		struct conn *c = config_conn(s, out->replay_window, errs);

		if (c) {
			config_rdn_matching(c, out->rdn_matching);
			out->conn[out->n++] = c;
		}
	}
}

static void
read_pools(struct config *out, const struct conf_section *s, struct conf_errors *errs)
{
	for (const struct conf_key *k = s->keys; k; k = k->next)
		conf_error(errs, k->where, "key '%s' in pools: only sections, one a pool, belong there", k->name);
	for (s = s->sections; s; s = s->next) {
		struct pool *p = pool_read(s, POOL_FROM_FILE, errs);

		if (p && !pools_put(&out->pools, p))
			conf_error(errs, s->where, "out of memory, or more than %d pools", POOLS_MAX);
	}
}

static void
read_tree(struct config *out, const struct conf_tree *t, struct conf_errors *errs)
{
	static const char *const known[] = { "connections", "secrets", "pools", "authorities", NULL };

	for (const struct conf_key *k = t->root->keys; k; k = k->next)
		conf_error(errs, k->where, "key '%s' outside of any section: the sections are connections and secrets", k->name);
	for (const struct conf_section *s = t->root->sections; s; s = s->next) {
		if (!strcmp(s->name, "connections"))
			read_connections(out, s, errs);
		else if (!strcmp(s->name, "secrets"))
			config_secrets(&out->secrets, &out->logins, s, errs);
		else if (!strcmp(s->name, "pools"))
			read_pools(out, s, errs);
		else if (!strcmp(s->name, "authorities"))
			config_authorities(&out->credentials, s, errs);
		else if (!s->referenced) /* else a template for others */
			config_unknown_section(errs, s, "swanctl.conf (only templates that others refer to have free names)",
			                       known);
	}
}

/* What was read becomes the configuration; one mistake, and there is none. */
static bool
finish(struct config *out, struct conf_tree *tree, bool read, const char *dir, size_t errors_before, struct conf_errors *errs)
{
	if (read && conf_tree_resolve(tree, errs)) {
		if (dir) {
			config_read_files(tree, dir, errs);
			config_folders(&out->credentials, tree, dir, errs);
		}
		read_tree(out, tree, errs);
		if (out->n)
			config_overlaps(out, conf_section_find(tree->root, "connections"), errs);
	}
	conf_tree_close(tree);
	if (errs->n_errors == errors_before)
		return true;
	config_free(out);
	return false;
}

bool
config_load_file(struct config *out, const char *path, struct conf_errors *errs)
{
	size_t before = errs->n_errors;
	struct conf_tree tree;
	bool opened = conf_tree_open(&tree, path), ok;
	char *copy = strdup(path);

	if (!opened || !copy)
		conf_error(errs, path, "out of memory");
	ok = finish(out, &tree, opened && copy && conf_file_read(&tree, path, errs), copy ? dirname(copy) : NULL, before, errs);
	free(copy);
	return ok;
}

bool
config_load_text(struct config *out, const char *name, char *text, size_t n, struct conf_errors *errs)
{
	size_t before = errs->n_errors;
	struct conf_tree tree;
	bool opened = conf_tree_open(&tree, name);

	if (!opened)
		conf_error(errs, name, "out of memory");
	return finish(out, &tree, opened && conf_text_read(&tree, name, text, n, errs), NULL, before, errs);
}

void
config_free(struct config *c)
{
	for (size_t i = 0; i < c->n; i++)
		conn_unref(c->conn[i]);
	free(c->conn);
	secret_store_free(&c->secrets);
	secret_store_free(&c->logins);
	pools_free(&c->pools);
	credentials_free(&c->credentials);
	*c = (struct config) { .replay_window = c->replay_window, .rdn_matching = c->rdn_matching };
}
