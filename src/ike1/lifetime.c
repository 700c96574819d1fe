/* SPDX-License-Identifier: Apache-2.0 */
#include "ike1_attributes.h"
#include "informational.h"

/* RESPONDER-LIFETIME, RFC 2407 section 4.6.3.1, for both phases: attributes of the phase's own classes. */

enum { ATTRIBUTES = 4, LIFETIME_OCTETS_MAX = 24 };

static size_t
add_duration(struct attribute *at, bool ike, uint16_t unit, uint64_t duration, uint8_t octets[4])
{
	if (!duration || duration > UINT32_MAX)
		return 0;
	put_be32(octets, (uint32_t)duration);
	at[0] = (struct attribute) { .type = ike ? IKE1_LIFE_TYPE : ESP1_LIFE_TYPE, .tv = true, .value = unit };
	at[1] = (struct attribute) { .type = ike ? IKE1_LIFE_DURATION : ESP1_LIFE_DURATION,
		                     .value = duration,
		                     .octets = span_of(octets, 4) };
	return 2;
}

void
info_add_responder_lifetime(struct builder *b, struct arena *a, uint8_t protocol, struct span spi, uint64_t seconds,
                            uint64_t kilobytes)
{
	struct attribute at[ATTRIBUTES];
	uint8_t duration[2][4], *room = arena_alloc(a, LIFETIME_OCTETS_MAX);
	bool ike = protocol == PROTO_ISAKMP;
	size_t n = add_duration(at, ike, LIFE_SECONDS, seconds, duration[0]);

	n += add_duration(at + n, ike, LIFE_KILOBYTES, kilobytes, duration[1]);
	if (!room || !n)
		return;
	builder_add(b, &(struct payload) { .type = PAYLOAD_N,
	                                   .n = { .doi = DOI_IPSEC,
	                                          .protocol = protocol,
	                                          .type = NOTIFY_RESPONDER_LIFETIME,
	                                          .spi = spi,
	                                          .data = attributes_encode(room, LIFETIME_OCTETS_MAX, at, n) } });
}

/* "An SA Life Duration attribute MUST always follow an SA Life Type which describes the units of duration." (4.5) */
static struct lifetimes
read_lifetimes(const struct attribute *at, size_t n, bool ike)
{
	struct lifetimes out = { 0 };
	uint64_t unit = 0;

	for (size_t i = 0; i < n; i++) {
		if (at[i].type == (ike ? IKE1_LIFE_TYPE : ESP1_LIFE_TYPE)) {
			unit = at[i].value;
		} else if (at[i].type == (ike ? IKE1_LIFE_DURATION : ESP1_LIFE_DURATION)) {
			if (unit == LIFE_SECONDS)
				out.seconds = at[i].value;
			else if (unit == LIFE_KILOBYTES)
				out.kilobytes = at[i].value;
			unit = 0;
		}
	}
	return out;
}

struct lifetimes
info_responder_lifetime(const struct message *m, uint8_t protocol, struct arena *a)
{
	for (const struct payload *p = message_find(m, PAYLOAD_N, NULL); p; p = message_find(m, PAYLOAD_N, p)) {
		struct attribute *at;
		size_t n;

		if (p->n.type == NOTIFY_RESPONDER_LIFETIME && p->n.protocol == protocol &&
		    attributes_decode(&at, &n, p->n.data, a))
			return read_lifetimes(at, n, protocol == PROTO_ISAKMP);
	}
	return (struct lifetimes) { 0 };
}
