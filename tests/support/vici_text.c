/* SPDX-License-Identifier: Apache-2.0 */
#include "vici_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "vici_text: %s\n", what);
	abort();
}

/* ---- messages from text */

/* Up to one of @ends, or what is between quotes. */
const char *
vici_text_word(char out[VICI_TEXT_WORD_MAX], const char *at, const char *ends)
{
	size_t n;

	while (isspace((unsigned char)*at))
		at++;
	if (*at == '\'')
		ends = "'", at++;
	n = strcspn(at, ends);
	must(n < VICI_TEXT_WORD_MAX, "a word is too long");
	memcpy(out, at, n);
	out[n] = '\0';
	return at + n + (*ends == '\'');
}

static const char *
list(struct sallyport_message *m, const char *name, const char *at)
{
	char item[VICI_TEXT_WORD_MAX];

	while (at = vici_text_word(item, at, " ]"), *item) {
		must(sallyport_put_item(m, name, item), "an item");
		at += strspn(at, " ");
		if (*at == ']')
			break;
	}
	must(*at == ']', "a list does not end");
	return at + 1;
}

static const char *
section(struct sallyport_message *m, const char *at)
{
	char name[VICI_TEXT_WORD_MAX], value[VICI_TEXT_WORD_MAX];

	for (;;) {
		at += strspn(at, " \t\n");
		if (!*at || *at == '}')
			return at;
		at = vici_text_word(name, at, "={[");
		if (*at == '{') {
			must(sallyport_begin(m, name), "a section");
			at = section(m, at + 1);
			sallyport_end(m);
			must(*at++ == '}', "a section does not end");
		} else if (*at == '[') {
			at = list(m, name, at + 1);
		} else {
			must(*at == '=', "a word without a value");
			at = vici_text_word(value, at + 1, " }\n\t");
			must(sallyport_put(m, name, value), "a value");
		}
	}
}

struct sallyport_message *
vici_text_read(const char *text)
{
	struct sallyport_message *m = sallyport_message_new();

	must(m && !*section(m, text), "a message");
	return m;
}

/* ---- messages to text */

static void
put(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	snprintf(out + n, size - n, "%s", text);
}

static void
put_element(char *out, size_t size, const struct sallyport_node *n)
{
	static const char *const ends[] = {
		[SALLYPORT_SECTION] = "{ }", [SALLYPORT_LIST] = "[ ]", [SALLYPORT_VALUE] = "=", [SALLYPORT_ITEM] = ""
	};
	const char *end = ends[sallyport_kind(n)];

	put(out, size, " ");
	put(out, size, sallyport_name(n));
	put(out, size, (char[]) { end[0], 0 });
	put(out, size, sallyport_value(n));
	if (*end && end[1]) {
		vici_text_append(out, size, n);
		put(out, size, end + 1);
	}
}

void
vici_text_append(char *out, size_t size, const struct sallyport_node *of)
{
	for (const struct sallyport_node *n = sallyport_first(of); n; n = sallyport_next(n))
		put_element(out, size, n);
}
