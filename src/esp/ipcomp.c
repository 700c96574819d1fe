/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <zlib.h>

#include "form.h"

/*
 * IPComp with DEFLATE: RFC 3173, RFC 2394. Each datagram by itself: "the
 * compression algorithm ... history is reset", so that losses do no harm.
 */

enum {
	/* RFC 2394 section 2.1: raw DEFLATE, without zlib's header. */
	RAW_WINDOW_BITS = -15,
	MEMORY_LEVEL = 8,
	/* RFC 3173 section 2.2 lets one not try what will not shrink: less than this never pays the header. */
	LEAST_OCTETS = 90,
	/* "an adaptive algorithm may be used": after so many failures in a row, so many packets are sent as they are. */
	FAILURES_MAX = 8,
	PACKETS_SKIPPED = 64,
};

struct ipcomp {
	z_stream deflate, inflate;
	uint32_t failures, skip;
};

struct ipcomp *
ipcomp_new(void)
{
	struct ipcomp *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	if (deflateInit2(&c->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) ==
	    Z_OK) {
		if (inflateInit2(&c->inflate, RAW_WINDOW_BITS) == Z_OK)
			return c;
		deflateEnd(&c->deflate);
	}
	free(c);
	return NULL;
}

void
ipcomp_free(struct ipcomp *c)
{
	if (!c)
		return;
	deflateEnd(&c->deflate);
	inflateEnd(&c->inflate);
	free(c);
}

/* "the original IP datagram MUST be sent in the non-compressed form" where compression does not help. */
static uint32_t
did_not_help(struct ipcomp *c)
{
	if (++c->failures >= FAILURES_MAX)
		c->skip = PACKETS_SKIPPED;
	return 0;
}

uint32_t
ipcomp_compress(struct ipcomp *c, uint8_t *out, const uint8_t *in, uint32_t n, uint8_t next, uint16_t cpi)
{
	z_stream *z = &c->deflate;

	if (n < LEAST_OCTETS)
		return 0;
	if (c->skip) {
		c->skip--;
		return 0;
	}
	if (deflateReset(z) != Z_OK)
		return 0;
	z->next_in = (Bytef *)(uintptr_t)in;
	z->avail_in = n;
	z->next_out = out + IPCOMP_HEADER_OCTETS;
	/* One octet less than what it replaces: what does not fit has not helped. */
	z->avail_out = n - IPCOMP_HEADER_OCTETS - 1;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return did_not_help(c);
	c->failures = 0;
	out[0] = next;
	out[1] = 0;
	put_be16(out + 2, cpi);
	return IPCOMP_HEADER_OCTETS + (uint32_t)z->total_out;
}

uint32_t
ipcomp_decompress(struct ipcomp *c, uint8_t *out, uint32_t room, const uint8_t *in, uint32_t n, uint16_t cpi, uint8_t *next)
{
	z_stream *z = &c->inflate;
	uint16_t got;

	if (n <= IPCOMP_HEADER_OCTETS || inflateReset(z) != Z_OK)
		return 0;
	got = get_be16(in + 2);
	/* Well-known DEFLATE, or what was negotiated for it: RFC 3173 section 3.3. */
	if (got != cpi && got != IPCOMP_CPI_DEFLATE)
		return 0;
	*next = in[0];
	z->next_in = (Bytef *)(uintptr_t)(in + IPCOMP_HEADER_OCTETS);
	z->avail_in = n - IPCOMP_HEADER_OCTETS;
	z->next_out = out;
	z->avail_out = room;
	/* A bomb ends where the room does: one IP packet. */
	return inflate(z, Z_FINISH) == Z_STREAM_END ? (uint32_t)z->total_out : 0;
}
