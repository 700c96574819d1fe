/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONF_PARSE_H
#define SALLYPORT_CONF_PARSE_H

#include "conf_tree.h"

enum { LEXER_OCTETS = 2048 }; /* what a scanner allocates in all: its state, one buffer, a stack of start conditions */

/* What lexer and grammar share while one file is read; an included file has one of its own. */
struct conf_parse {
	struct conf_tree *tree;
	struct conf_errors *errs;
	const struct conf_parse *included_from;
	const char *file;
	unsigned depth;   /* of includes */
	unsigned nesting; /* of sections */
	bool exposed;     /* the file may be read by everybody */
	bool in_memory;   /* no file: nothing is included */
	bool failed;
	struct conf_section *in; /* the section being read */
	char *text;              /* of the quoted string being read; in the tree's arena */
	size_t n, cap;
	unsigned quote_line; /* where it began */
	/* The scanner's memory: without any of the heap it would end the process. */
	_Alignas(max_align_t) uint8_t lexer[LEXER_OCTETS];
	size_t n_lexer;
};

/* "file:line" in the tree's arena; never NULL. */
const char *conf_parse_where(struct conf_parse *p, int line);
/* One or two words put together: a value of several words has one space between them. NULL when out of memory. */
const char *conf_parse_join(struct conf_parse *p, const char *first, const char *second);
/* A copy of a token in the tree's arena; NULL when out of memory. */
char *conf_parse_word(struct conf_parse *p, const char *text, size_t n);
/* Collects a quoted string. */
void conf_parse_quote_begin(struct conf_parse *p, int line);
void conf_parse_quote_add(struct conf_parse *p, const char *text, size_t n);

void conf_parse_open_section(struct conf_parse *p, const char *name, int line);
void conf_parse_close_section(struct conf_parse *p);
void conf_parse_refer(struct conf_parse *p, const char *path, int line);
void conf_parse_key(struct conf_parse *p, const char *name, const char *value, int line);
/* Reads the files that @pattern means into the section being read. */
void conf_parse_include(struct conf_parse *p, const char *pattern, int line);
void conf_parse_fail(struct conf_parse *p, int line, const char *what);

#endif
