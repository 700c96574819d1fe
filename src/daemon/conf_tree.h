/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONF_TREE_H
#define SALLYPORT_CONF_TREE_H

#include "conf_errors.h"

/*
 * A configuration as a tree of sections: what a file in strongSwan's syntax,
 * or a vici message, says before anybody asks what it means. All of it lives
 * in one arena, which wipes it: secrets pass through here.
 */
struct conf_key {
	struct conf_key *next;
	const char *name;
	const char *where; /* "file:line", or the dotted path of a vici message */
	const char *value; /* NULL: "key =", which takes back an inherited value */
	size_t n_value;    /* its octets; those of a vici message may include NULs */
	const char **item; /* of a vici list; then value is NULL and is_list is set */
	size_t *n_item;    /* octets of each, which may include NULs */
	size_t n_items;
	bool is_list;
	bool exposed; /* its file may be read by everybody */
};

/* "name : reference, reference {" */
struct conf_reference {
	struct conf_reference *next;
	const char *path; /* "connections.base", from the root */
	const char *where;
};

struct conf_section {
	struct conf_section *next, *parent;
	const char *name; /* "" for the root */
	const char *where;
	struct conf_key *keys, *last_key;
	struct conf_section *sections, *last_section;
	struct conf_reference *references, *last_reference;
	/* Finding a section by name: a hash table, once there are more than a few. */
	struct conf_section **bucket, *same_bucket;
	size_t n_buckets, n_sections;
	uint32_t hash;   /* of the name */
	bool resolving;  /* guards against references in a circle */
	bool referenced; /* some other section refers to it, or to one within it */
};

enum {
	CONF_DEPTH_MAX = 16,      /* sections within sections */
	CONF_INCLUDES_MAX = 16,   /* files within files */
	CONF_NODES_MAX = 1000000, /* keys and sections, after references are followed */
	CONF_FILE_OCTETS_MAX = 16 << 20,
	CONF_NAME_MAX = 255, /* what vici can carry */
};

struct conf_tree {
	struct arena arena;
	struct conf_section *root;
	size_t n_nodes;
	bool nomem;
};

/* False when out of memory. */
bool conf_tree_open(struct conf_tree *t, const char *where);
/* Wipes and frees. */
void conf_tree_close(struct conf_tree *t);

/* The section of that name in @in, made if it is not there yet: a section that is written twice is one. NULL when out of memory.
 */
struct conf_section *conf_section_at(struct conf_tree *t, struct conf_section *in, const char *name, const char *where);
/* The file can be read by everybody on this machine; @strict: whatever the folders above it let through. */
struct stat;
bool conf_readable_by_all(const char *path, const struct stat *st, bool strict);
/* Sets a key; a later value replaces an earlier one. NULL when out of memory. */
struct conf_key *conf_key_set(struct conf_tree *t, struct conf_section *in, const char *name, const char *value,
                              const char *where);
/* The same for a value of octets, a NUL added behind. */
struct conf_key *conf_key_set_octets(struct conf_tree *t, struct conf_section *in, const char *name, struct span value,
                                     const char *where);
/* Sets a key to an empty list; items are added to it with conf_key_add_item. */
struct conf_key *conf_key_set_list(struct conf_tree *t, struct conf_section *in, const char *name, const char *where);
bool conf_key_add_item(struct conf_tree *t, struct conf_key *k, struct span item);
bool conf_reference_add(struct conf_tree *t, struct conf_section *in, const char *path, const char *where);

/* NULL when there is none. */
struct conf_section *conf_section_find(const struct conf_section *in, const char *name);
struct conf_key *conf_key_find(const struct conf_section *in, const char *name);

/**
 * conf_tree_resolve - the tree with every reference followed.
 *
 * A section has its own keys and sections first, then those of the sections
 * that it refers to, in order, where it has none of that name itself; what it
 * takes back ("key =") stays away. The result has no references and no keys
 * without a value, in the same arena. False, with the reasons in @errs: a reference to nothing, too deep, too large.
 */
bool conf_tree_resolve(struct conf_tree *t, struct conf_errors *errs);

/**
 * conf_file_read - parses a file in strongSwan's syntax, and what it includes, into @t.
 *
 * References are not followed yet. False when @errs got an error.
 */
bool conf_file_read(struct conf_tree *t, const char *path, struct conf_errors *errs);
/* The same for text in memory, which cannot include files. @name is for messages; @text has two spare octets behind its @n, and
 * is overwritten. */
bool conf_text_read(struct conf_tree *t, const char *name, char *text, size_t n, struct conf_errors *errs);

#endif
