/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "fetch.h"

/* libcurl writes LDAP entries as LDIF (RFC 2849): "certificateRevocationList;binary:: BASE64". */

static int
digit(uint8_t c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place: what is decoded is shorter. Stops at the first octet that is no digit; lines may be folded. */
static size_t
decode(uint8_t *out, const uint8_t *in, const uint8_t *end)
{
	unsigned bits = 0, held = 0;
	size_t n = 0;

	for (; in < end; in++) {
		int d = digit(*in);

		if (*in == '\n' && in + 1 < end && in[1] == ' ') {
			in++;
			continue;
		}
		if (d < 0)
			break;
		bits = bits << 6 | (unsigned)d;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t)(bits >> held);
		}
	}
	return n;
}

bool
fetch_ldap_value(struct fetched *f)
{
	const uint8_t *end = f->p + f->n, *binary = memmem(f->p, f->n, ";binary", 7);
	/* Other attributes, a name in another alphabet say, may be encoded so too: they come before. */
	const uint8_t *at = binary ? memmem(binary, (size_t)(end - binary), ":: ", 3) : NULL;

	if (!at)
		return false;
	f->n = decode(f->p, at + 3, end);
	return f->n > 0;
}
