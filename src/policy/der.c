/* SPDX-License-Identifier: Apache-2.0 */
#include "der.h"

/* The length at @in->p[*at]; moves *at behind it. False where it is damaged, or longer than what is there. */
static bool
take_length(size_t *out, struct span in, size_t *at)
{
	size_t octets;

	if (*at >= in.n)
		return false;
	*out = in.p[(*at)++];
	if (*out < 0x80)
		return *out <= in.n - *at;
	octets = *out & 0x7f;
	if (octets == 0 || octets > sizeof(uint32_t) || octets > in.n - *at || in.p[*at] == 0)
		return false;
	*out = 0;
	while (octets--)
		*out = *out << 8 | in.p[(*at)++];
	return *out >= 0x80 && *out <= in.n - *at;
}

bool
der_next(struct span *in, uint8_t *tag, struct span *content)
{
	size_t at = 1, n;

	if (in->n == 0 || (in->p[0] & 0x1f) == 0x1f || !take_length(&n, *in, &at))
		return false;
	*tag = in->p[0];
	*content = span_of(in->p + at, n);
	*in = span_of(in->p + at + n, in->n - at - n);
	return true;
}

bool
der_take(struct span *in, uint8_t tag, struct span *content)
{
	struct span rest = *in;
	uint8_t found;

	if (!der_next(&rest, &found, content) || found != tag)
		return false;
	*in = rest;
	return true;
}

size_t
der_put_header(uint8_t out[4], uint8_t tag, size_t n)
{
	out[0] = tag;
	if (n < 0x80) {
		out[1] = (uint8_t)n;
		return 2;
	}
	if (n < 0x100) {
		out[1] = 0x81;
		out[2] = (uint8_t)n;
		return 3;
	}
	out[1] = 0x82;
	put_be16(out + 2, (uint16_t)n);
	return 4;
}
