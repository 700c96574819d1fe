/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include "conf_value.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
from_hex(struct secret *out, const char *text)
{
	size_t n = strlen(text), digits = 0;
	bool ok = n && secret_alloc(out, (n + 1) / 2);

	/* An odd number of digits: the first stands alone. */
	for (size_t at = n & 1; ok && *text; text++, at++) {
		int d = hex_digit(*text);

		ok = d >= 0;
		if (ok)
			out->p[at / 2] = (uint8_t)(out->p[at / 2] << 4 | d);
		digits++;
	}
	return ok && digits;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4; the padding may be missing. */
static bool
from_base64(struct secret *out, const char *text)
{
	size_t n = strlen(text);
	unsigned bits = 0, held = 0;
	size_t at = 0;

	while (n && text[n - 1] == '=' && strlen(text) - n < 2)
		n--;
	if (!n || n % 4 == 1 || !secret_alloc(out, n * 3 / 4))
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(text[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (unsigned)d;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out->p[at++] = (uint8_t)(bits >> held);
		}
	}
	return true;
}

bool
conf_secret(struct secret *out, const char *text, const char **why)
{
	bool ok;

	*why = "it is empty";
	if (!*text)
		return false;
	if (!strncmp(text, "0x", 2)) {
		*why = "0x is followed by hexadecimal digits only";
		ok = from_hex(out, text + 2);
	} else if (!strncmp(text, "0s", 2)) {
		*why = "0s is followed by base64 only";
		ok = from_base64(out, text + 2);
	} else {
		*why = "out of memory";
		ok = secret_copy(out, span_str(text));
	}
	if (!ok)
		secret_clear(out);
	return ok;
}
