/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

#include "conf_parse.h"

#include "conf_grammar.h"
#define YY_TYPEDEF_YY_SCANNER_T
#include "conf_lexer.h"

/* ---- what lexer and grammar call */

const char *
conf_parse_where(struct conf_parse *p, int line)
{
	const char *w = arena_printf(&p->tree->arena, "%s:%d", p->file, line);

	return w ? w : p->file;
}

static void *
take(struct conf_parse *p, size_t n)
{
	void *m = arena_alloc(&p->tree->arena, n);

	if (!m)
		p->tree->nomem = true;
	return m;
}

char *
conf_parse_word(struct conf_parse *p, const char *text, size_t n)
{
	char *w = take(p, n + 1);

	if (w)
		memcpy(w, text, n);
	return w;
}

const char *
conf_parse_join(struct conf_parse *p, const char *first, const char *second)
{
	const char *j = first && second ? arena_printf(&p->tree->arena, "%s %s", first, second) : NULL;

	if (!j)
		p->tree->nomem = true;
	return j;
}

void
conf_parse_quote_begin(struct conf_parse *p, int line)
{
	p->quote_line = (unsigned)line;
	p->n = 0;
	p->cap = 64;
	p->text = take(p, p->cap);
}

void
conf_parse_quote_add(struct conf_parse *p, const char *text, size_t n)
{
	if (p->text && p->n + n + 1 > p->cap) {
		size_t cap = 2 * (p->n + n + 1);
		char *more = take(p, cap);

		if (more)
			memcpy(more, p->text, p->n);
		p->text = more;
		p->cap = cap;
	}
	if (!p->text)
		return;
	memcpy(p->text + p->n, text, n);
	p->n += n;
}

/* Bison's "unexpected a name, expecting '=' or '{'" as a sentence. */
static void
tell_unexpected(struct conf_parse *p, int line, const char *what)
{
	static const char unexpected[] = "unexpected ", expecting[] = ", expecting ";
	const char *wanted = strstr(what, expecting);
	int n = wanted ? (int)(wanted - what) : (int)strlen(what);

	if (strncmp(what, unexpected, sizeof unexpected - 1) != 0)
		conf_error(p->errs, conf_parse_where(p, line), "%s", what);
	else
		conf_error(p->errs, conf_parse_where(p, line), "%.*s cannot stand here%s%s", n - (int)sizeof unexpected + 1,
		           what + sizeof unexpected - 1, wanted ? ": expected is " : "",
		           wanted ? wanted + sizeof expecting - 1 : "");
}

void
conf_parse_fail(struct conf_parse *p, int line, const char *what)
{
	static const char prefix[] = "syntax error, ";

	if (!strncmp(what, prefix, sizeof prefix - 1))
		what += sizeof prefix - 1;
	if (strstr(what, "within a quoted string"))
		conf_error(p->errs, conf_parse_where(p, (int)p->quote_line), "the quoted string that begins here has no end");
	else if (strstr(what, "unexpected the end of the file") && p->nesting)
		conf_error(p->errs, conf_parse_where(p, line), "the file ends within section '%s' (%s): a '}' is missing",
		           p->in->name, p->in->where);
	else
		tell_unexpected(p, line, what);
	p->failed = true;
}

static bool
name_fits(struct conf_parse *p, const char *name, int line)
{
	if (!name || p->tree->nomem)
		return false;
	if (strlen(name) <= CONF_NAME_MAX)
		return true;
	conf_error(p->errs, conf_parse_where(p, line), "a name has at most %d characters", CONF_NAME_MAX);
	return false;
}

/* Nesting is counted even where a section cannot be made, so that it closes what it opened. */
void
conf_parse_open_section(struct conf_parse *p, const char *name, int line)
{
	struct conf_section *s = NULL;

	if (p->nesting >= CONF_DEPTH_MAX && !p->failed) {
		conf_error(p->errs, conf_parse_where(p, line), "sections are nested deeper than %d levels", CONF_DEPTH_MAX);
		p->failed = true;
	}
	if (!p->failed && name_fits(p, name, line))
		s = conf_section_at(p->tree, p->in, name, conf_parse_where(p, line));
	p->failed = p->failed || !s;
	if (p->failed)
		return;
	p->nesting++;
	p->in = s;
}

void
conf_parse_close_section(struct conf_parse *p)
{
	if (p->failed || !p->nesting)
		return;
	p->nesting--;
	p->in = p->in->parent;
}

void
conf_parse_refer(struct conf_parse *p, const char *path, int line)
{
	if (!p->failed && path)
		conf_reference_add(p->tree, p->in, path, conf_parse_where(p, line));
}

void
conf_parse_key(struct conf_parse *p, const char *name, const char *value, int line)
{
	struct conf_key *k;

	if (p->failed || !name_fits(p, name, line))
		return;
	k = conf_key_set(p->tree, p->in, name, value, conf_parse_where(p, line));
	if (k)
		k->exposed = p->exposed;
}

/* ---- files */

/* What the scanner calls in place of malloc() and its like; nothing of it outlives the conf_parse. */
void *
conf_yyalloc(yy_size_t n, yyscan_t scanner)
{
	struct conf_parse *p = conf_yyget_extra(scanner);
	size_t align = _Alignof(max_align_t), need = (n + align - 1) & ~(align - 1);

	if (need < n || need > sizeof p->lexer - p->n_lexer)
		return NULL;
	p->n_lexer += need;
	return p->lexer + p->n_lexer - need;
}

/* Only what is read from a stream, or nested beyond what the rules do, would grow. */
void *
conf_yyrealloc(void *old, yy_size_t n, yyscan_t scanner)
{
	return old ? NULL : conf_yyalloc(n, scanner);
}

void
conf_yyfree(void *p, yyscan_t scanner)
{
	(void)p;
	(void)scanner;
}

static bool
parse(struct conf_parse *p, char *text, size_t n)
{
	yyscan_t scanner;
	YY_BUFFER_STATE buffer;
	const char *nul = memchr(text, 0, n);

	if (nul) {
		conf_error(p->errs, p->file, "it has a zero octet at offset %zu: not a text file", (size_t)(nul - text));
		return false;
	}
	if (conf_yylex_init_extra(p, &scanner)) {
		p->tree->nomem = true;
		return false;
	}
	text[n] = text[n + 1] = 0;
	buffer = conf_yy_scan_buffer(text, n + 2, scanner);
	if (buffer) {
		conf_yyset_lineno(1, scanner);
		if (conf_yyparse(scanner, p))
			p->failed = true;
		conf_yy_delete_buffer(buffer, scanner);
	}
	conf_yylex_destroy(scanner);
	if (!buffer || p->tree->nomem) {
		conf_error(p->errs, p->file, "out of memory, or more than %d keys and sections", CONF_NODES_MAX);
		return false;
	}
	return !p->failed;
}

static char *
read_all(int fd, size_t size, size_t *n)
{
	char *text = malloc(size + 2);
	ssize_t got = 1;

	*n = 0;
	while (text && *n < size && got > 0) {
		got = read(fd, text + *n, size - *n);
		*n += got > 0 ? (size_t)got : 0;
	}
	if (got >= 0)
		return text;
	/* Half a file is none. */
	secret_wipe(text, *n);
	free(text);
	return NULL;
}

static const char *
unreadable(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "it is a folder; to include what is in it write 'include FOLDER/*.conf'";
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return "it is not a regular file";
	return st->st_size > CONF_FILE_OCTETS_MAX ? "it is larger than 16 MiB" : NULL;
}

/*
 * Everybody on this machine can read the file: its own mode lets them, and so
 * does every folder above it. A private folder protects what is in it; a strict
 * check does not count on that, since files get copied.
 */
bool
conf_readable_by_all(const char *path, const struct stat *st, bool strict)
{
	char real[PATH_MAX], *slash;
	struct stat dir;

	if (strict || !(st->st_mode & S_IROTH))
		return st->st_mode & S_IROTH;
	if (!realpath(path, real))
		return true;
	while ((slash = strrchr(real, '/')) && slash != real) {
		*slash = 0;
		if (stat(real, &dir) || !(dir.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

static bool
read_file(struct conf_parse *p, const char *where)
{
	int fd = open(p->file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *why;
	size_t n;
	char *text;
	bool ok;

	if (fd < 0 || fstat(fd, &st)) {
		conf_error(p->errs, where, "cannot read '%s': %s", p->file, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	why = unreadable(&st);
	text = why ? NULL : read_all(fd, S_ISREG(st.st_mode) ? (size_t)st.st_size : CONF_FILE_OCTETS_MAX, &n);
	why = why || text ? why : strerror(errno);
	close(fd);
	if (!text) {
		conf_error(p->errs, where, "cannot read '%s': %s", p->file, why);
		return false;
	}
	p->exposed = conf_readable_by_all(p->file, &st, p->errs->strict);
	ok = parse(p, text, n);
	secret_wipe(text, n);
	free(text);
	return ok;
}

static bool
includes_itself(const struct conf_parse *p, const char *path)
{
	for (; p; p = p->included_from)
		if (!strcmp(p->file, path))
			return true;
	return false;
}

static void
include_file(struct conf_parse *p, const char *path, const char *where)
{
	struct conf_parse sub = { .tree = p->tree, .errs = p->errs, .included_from = p, .depth = p->depth + 1, .in = p->in };

	if (sub.depth > CONF_INCLUDES_MAX || includes_itself(p, path)) {
		conf_error(p->errs, where, "'%s' %s", path,
		           sub.depth > CONF_INCLUDES_MAX ? "is included through too many other files" : "includes itself");
		return;
	}
	sub.file = conf_parse_word(p, path, strlen(path));
	if (sub.file)
		read_file(&sub, where);
}

/* A relative pattern starts at the folder of the file that it is in. */
static const char *
include_pattern(struct conf_parse *p, const char *pattern)
{
	const char *slash = strrchr(p->file, '/');

	if (*pattern == '/' || !slash)
		return pattern;
	return arena_printf(&p->tree->arena, "%.*s/%s", (int)(slash - p->file), p->file, pattern);
}

/* A folder that is not there holds no file; one that cannot be read might hold half of the configuration. */
static int
on_glob_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

void
conf_parse_include(struct conf_parse *p, const char *pattern, int line)
{
	const char *where = conf_parse_where(p, line);
	glob_t found = { 0 };
	bool wild;
	int error;

	if (p->in_memory)
		conf_error(p->errs, where, "a text that is not a file cannot include files");
	pattern = pattern && !p->failed && !p->in_memory ? include_pattern(p, pattern) : NULL;
	if (!pattern)
		return;
	wild = strpbrk(pattern, "*?[");
	if (!wild) {
		include_file(p, pattern, where);
		return;
	}
	error = glob(pattern, 0, on_glob_error, &found);
	if (error && error != GLOB_NOMATCH)
		conf_error(p->errs, where, "cannot look for '%s': %s", pattern,
		           error == GLOB_NOSPACE ? "out of memory" : strerror(errno));
	for (size_t i = 0; !error && i < found.gl_pathc; i++)
		include_file(p, found.gl_pathv[i], where);
	globfree(&found);
}

bool
conf_file_read(struct conf_tree *t, const char *path, struct conf_errors *errs)
{
	struct conf_parse p = { .tree = t, .errs = errs, .in = t->root };
	size_t before = errs->n_errors;

	p.file = conf_parse_word(&p, path, strlen(path));
	if (!p.file)
		conf_error(errs, path, "out of memory");
	else
		read_file(&p, "");
	return errs->n_errors == before;
}

bool
conf_text_read(struct conf_tree *t, const char *name, char *text, size_t n, struct conf_errors *errs)
{
	struct conf_parse p = { .tree = t, .errs = errs, .in = t->root, .in_memory = true };
	size_t before = errs->n_errors;

	p.file = conf_parse_word(&p, name, strlen(name));
	if (p.file)
		parse(&p, text, n);
	return errs->n_errors == before;
}
