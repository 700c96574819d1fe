/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

const char *
conf_text(const struct conf_key *k, struct conf_errors *errs)
{
	if (!k->is_list)
		return k->value;
	if (k->n_items == 1)
		return k->item[0];
	conf_error(errs, k->where, "%s takes one value, not a list of %zu", k->name, k->n_items);
	return NULL;
}

char *
conf_copy(const char *text, const struct conf_key *k, struct conf_errors *errs)
{
	char *copy = strdup(text);

	if (!copy)
		conf_error(errs, k->where, "%s: out of memory", k->name);
	return copy;
}

bool
conf_bool(bool *out, const struct conf_key *k, struct conf_errors *errs)
{
	static const struct conf_word words[] = {
		{ "yes", 1, NULL }, { "no", 0, NULL },      { "true", 1, NULL },     { "false", 0, NULL }, { "1", 1, NULL },
		{ "0", 0, NULL },   { "enabled", 1, NULL }, { "disabled", 0, NULL }, { NULL, 0, NULL },
	};
	int v;

	if (!conf_word(&v, k, words, errs))
		return false;
	*out = v;
	return true;
}

bool
conf_word(int *out, const struct conf_key *k, const struct conf_word *words, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);
	char allowed[256] = "";
	size_t n = 0;

	if (!text)
		return false;
	for (const struct conf_word *w = words; w->word; w++) {
		if (!strcasecmp(text, w->word) && w->later) {
			conf_error(errs, k->where, "%s = %s is not yet supported: %s", k->name, text, w->later);
			return false;
		}
		if (!strcasecmp(text, w->word)) {
			*out = w->means;
			return true;
		}
		if (!w->later && n < sizeof allowed)
			n += (size_t)snprintf(allowed + n, sizeof allowed - n, "%s%s", n ? ", " : "", w->word);
	}
	conf_error(errs, k->where, "%s = %s is not allowed: it is one of %s", k->name, text, allowed);
	return false;
}

/* A number with one of the suffix letters, which multiplies it. False: not one, or too large. */
static bool
scaled(uint64_t *out, const char *text, const char *suffixes, const uint64_t *factors)
{
	char *end;
	unsigned long long v;
	const char *s;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno || end == text)
		return false;
	while (*end == ' ')
		end++;
	*out = v;
	if (!*end)
		return true;
	s = strchr(suffixes, tolower((unsigned char)*end));
	return s && !end[1] && !__builtin_mul_overflow(v, factors[s - suffixes], out);
}

bool
conf_number(uint64_t *out, const struct conf_key *k, uint64_t min, uint64_t max, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);
	uint64_t v;

	if (!text)
		return false;
	if (!scaled(&v, text, "", NULL) || v < min || v > max) {
		conf_error(errs, k->where, "%s = %s is not allowed: it is a number from %llu to %llu", k->name, text,
		           (unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*out = v;
	return true;
}

bool
conf_time(instant_t *out, const struct conf_key *k, struct conf_errors *errs)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };
	const char *text = conf_text(k, errs);
	uint64_t seconds;

	if (!text)
		return false;
	if (!scaled(&seconds, text, "smhd", factors)) {
		conf_error(errs, k->where,
		           "%s = %s is not a time: it is a number of seconds, or one with s, m, h or d, as in 90m", k->name,
		           text);
		return false;
	}
	/* A century is for ever, and keeps sums of instants far from overflow. */
	if (seconds > 100ULL * 366 * 86400) {
		conf_error(errs, k->where, "%s = %s is too long: at most 36600d; 0 means never", k->name, text);
		return false;
	}
	*out = SECONDS(seconds);
	return true;
}

bool
conf_octets(uint64_t *out, const struct conf_key *k, struct conf_errors *errs)
{
	static const uint64_t factors[] = { 1 << 10, 1 << 20, 1 << 30 };
	const char *text = conf_text(k, errs);
	uint64_t v;

	if (!text)
		return false;
	if (!scaled(&v, text, "kmg", factors)) {
		conf_error(errs, k->where, "%s = %s is not a size: it is a number of octets, or one with k, m or g, as in 500m",
		           k->name, text);
		return false;
	}
	*out = v;
	return true;
}

bool
conf_double(double *out, const struct conf_key *k, double min, double max, struct conf_errors *errs)
{
	const char *text = conf_text(k, errs);
	char *end;
	double v;

	if (!text)
		return false;
	v = strtod(text, &end);
	/* Written so that "nan" is refused too. */
	if (end == text || *end || !(v >= min && v <= max)) {
		conf_error(errs, k->where, "%s = %s is not allowed: it is a number from %g to %g", k->name, text, min, max);
		return false;
	}
	*out = v;
	return true;
}

/* An item in quotes: what is between them, commas too. False: it is not one. */
static bool
quoted_item(struct span *out, const char *text, size_t *cursor)
{
	const char *start = text + *cursor, *end = *start == '\'' || *start == '"' ? strchr(start + 1, *start) : NULL;

	if (!end)
		return false;
	*out = span_of(start + 1, (size_t)(end - start - 1));
	*cursor = (size_t)(end + 1 - text);
	return true;
}

bool
conf_next_item(struct span *out, const struct conf_key *k, size_t *cursor)
{
	if (k->is_list) {
		if (*cursor >= k->n_items)
			return false;
		*out = span_of(k->item[*cursor], k->n_item[*cursor]);
		++*cursor;
		return true;
	}
	*cursor += strspn(k->value + *cursor, ", ");
	if (!k->value[*cursor])
		return false;
	if (quoted_item(out, k->value, cursor))
		return true;
	*out = span_of(k->value + *cursor, strcspn(k->value + *cursor, ","));
	*cursor += out->n;
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
	return true;
}

/* Edit distance (insert, delete, replace), given up beyond 3. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[CONF_NAME_MAX + 2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > 64 || nb > 64)
		return 99;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			best = best < up + 1 ? best : up + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			diagonal = up;
		}
	}
	return row[nb];
}

const char *
conf_closest(const char *name, const char *const *candidates)
{
	const char *best = NULL;
	size_t n = strlen(name);
	unsigned least = n < 4 ? 2 : n < 8 ? 3 : 4; /* one, two or three letters are wrong */

	for (; *candidates; candidates++) {
		unsigned d = distance(name, *candidates);

		if (d < least) {
			least = d;
			best = *candidates;
		}
	}
	return best;
}
