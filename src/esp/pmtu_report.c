/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"
#include "pmtu.h"

/* What a router says of an AH packet of ours: RFC 4301 section 8.2.1, "extracting the header information from the payload". */

enum { PACKET_TOO_BIG = 2, ICMP6_HEADER = 8, IPV6_LEAST = 1280, AH_SPI_AT = 4, AH_SEQ_AT = 8, SENT_LATELY = 1 << 20 };

bool
pmtu_report_read(struct pmtu_report *out, struct span icmp)
{
	const uint8_t *quoted = icmp.p + ICMP6_HEADER;
	uint32_t n, mtu;
	struct ip_split s;

	if (icmp.n < ICMP6_HEADER + IPV6_HEADER || icmp.p[0] != PACKET_TOO_BIG || icmp.p[1] != 0)
		return false;
	n = (uint32_t)(icmp.n - ICMP6_HEADER);
	mtu = get_be32(icmp.p + 4);
	if (quoted[0] >> 4 != 6 || !ip_split(&s, quoted, n) || s.next != PROTO_AH || n < s.payload_at + AH_FIXED_OCTETS)
		return false;
	/* A later fragment has no AH; what says it is too large for more than it has is no router's. */
	if ((s.fragment && get_be16(quoted + s.header + 2) >> 3) || get_be16(quoted + 4) + (uint32_t)IPV6_HEADER <= mtu)
		return false;
	*out = (struct pmtu_report) {
		.local = ip_from_octets(span_of(quoted + 8, 16)),
		.remote = ip_from_octets(span_of(quoted + 24, 16)),
		.spi = get_be32(quoted + s.payload_at + AH_SPI_AT),
		.seq = get_be32(quoted + s.payload_at + AH_SEQ_AT),
		.mtu = mtu < IPV6_LEAST ? IPV6_LEAST : mtu,
	};
	return true;
}

/* Of a bundle it is the AH around the ESP. */
static const struct esp_sa *
ah_of(struct esp_sa *sa)
{
	const struct sa_form *f = sa->flags & SA_FORM ? esp_sa_form(sa) : NULL;

	return !f ? NULL : f->protocol == PROTO_AH ? sa : f->other;
}

bool
pmtu_report_is_of(struct esp_sa *sa, const struct pmtu_report *r)
{
	const struct esp_sa *ah = ah_of(sa);
	uint32_t age = ah ? (uint32_t)ah->seq - r->seq : 0;

	return ah && ah->spi == r->spi && age < SENT_LATELY && age < ah->seq && ip_equal(&sa->path->remote.ip, &r->remote) &&
	       ip_equal(&sa->path->local.ip, &r->local);
}
