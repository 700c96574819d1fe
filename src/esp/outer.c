/* SPDX-License-Identifier: Apache-2.0 */
#include "outer.h"

#include "checksum.h"

enum { TOS_ECN = 3, TOS_DSCP = 0xfc, PROTO_UDP = 17, PROTO_ESP = 50, IPV4_OCTETS = 20, IPV6_OCTETS = 40, DF_BIT = 0x4000 };

static uint8_t
inner_tos(const uint8_t *inner)
{
	return inner[0] >> 4 == 4 ? inner[1] : (uint8_t)(get_be16(inner) >> 4);
}

uint8_t
outer_tos(const struct esp_sa *sa, const uint8_t *inner)
{
	uint8_t tos = inner_tos(inner), mask = 0;

	if (sa->flags & SA_COPY_DSCP_OUT)
		mask |= TOS_DSCP;
	/* RFC 6040 section 4.1: normal mode copies ECN; without it the outer header is Not-ECT (compatibility mode). */
	if (sa->flags & SA_COPY_ECN)
		mask |= TOS_ECN;
	return tos & mask;
}

bool
outer_df(const struct esp_sa *sa, const uint8_t *inner)
{
	return (sa->flags & SA_COPY_DF) && (inner[0] >> 4 == 6 || get_be16(inner + 6) & DF_BIT);
}

static void
set_tos(uint8_t *inner, uint8_t tos)
{
	uint64_t sum;

	if (inner[0] >> 4 == 6) {
		inner[0] = (uint8_t)(0x60 | tos >> 4);
		inner[1] = (uint8_t)(tos << 4 | (inner[1] & 15));
		return;
	}
	/* RFC 1624 section 3, equation 3: HC' = ~(~HC + ~m + m'). */
	sum = checksum_add_u16(0, ~(uint32_t)get_be16(inner + 10) & UINT16_MAX);
	sum = checksum_add_u16(sum, ~(uint32_t)get_be16(inner) & UINT16_MAX);
	inner[1] = tos;
	sum = checksum_add_u16(sum, get_be16(inner));
	checksum_store(inner + 10, sum, 0);
}

/* RFC 6040 figure 4: rows are the inner field, columns the outer one; both by codepoint. */
static const uint8_t egress_ecn[4][4] = {
	/*                  Not-ECT      ECT(1)       ECT(0)       CE */
	[ECN_NOT_ECT] = { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT },
	[ECN_ECT_1] = { ECN_ECT_1, ECN_ECT_1, ECN_ECT_1, ECN_CE },
	[ECN_ECT_0] = { ECN_ECT_0, ECN_ECT_1, ECN_ECT_0, ECN_CE },
	[ECN_CE] = { ECN_CE, ECN_CE, ECN_CE, ECN_CE },
};

bool
outer_carry_in(const struct esp_sa *sa, uint8_t *inner, uint8_t tos)
{
	uint8_t was = inner_tos(inner), is = was;

	if (sa->flags & SA_COPY_ECN) {
		/* "If the inner ECN field is Not-ECT and the outer ECN field is CE, the decapsulator MUST drop the packet." */
		if ((was & TOS_ECN) == ECN_NOT_ECT && (tos & TOS_ECN) == ECN_CE)
			return false;
		is = (uint8_t)((is & TOS_DSCP) | egress_ecn[was & TOS_ECN][tos & TOS_ECN]);
	}
	if (sa->flags & SA_COPY_DSCP_IN)
		is = (uint8_t)((tos & TOS_DSCP) | (is & TOS_ECN));
	if (is != was)
		set_tos(inner, is);
	return true;
}

/* ---- whole outer headers */

size_t
outer_octets(const struct esp_path *path)
{
	return (path->remote.ip.family == IP_V4 ? IPV4_OCTETS : IPV6_OCTETS) + (path->udp_encap ? UDP_HEADER_OCTETS : 0);
}

static void
build_v4(uint8_t *out, const struct esp_path *path, uint32_t total, uint8_t tos, bool df, uint16_t id)
{
	out[0] = 0x45;
	out[1] = tos;
	put_be16(out + 2, (uint16_t)total);
	put_be16(out + 4, id);
	put_be16(out + 6, df ? DF_BIT : 0);
	out[8] = OUTER_TTL;
	out[9] = path->udp_encap ? PROTO_UDP : PROTO_ESP;
	put_be16(out + 10, 0);
	memcpy(out + 12, path->local.ip.b, 4);
	memcpy(out + 16, path->remote.ip.b, 4);
	checksum_store(out + 10, checksum_add(0, out, IPV4_OCTETS), 0);
}

static void
build_v6(uint8_t *out, const struct esp_path *path, uint32_t payload, uint8_t tos, uint32_t flow_label)
{
	put_be32(out, 6u << 28 | (uint32_t)tos << 20 | (flow_label & 0xfffff));
	put_be16(out + 4, (uint16_t)payload);
	out[6] = path->udp_encap ? PROTO_UDP : PROTO_ESP;
	out[7] = OUTER_TTL;
	memcpy(out + 8, path->local.ip.b, 16);
	memcpy(out + 24, path->remote.ip.b, 16);
}

size_t
outer_build(uint8_t *out, const struct esp_path *path, uint32_t esp, uint8_t tos, bool df, uint16_t id, uint32_t flow_label)
{
	size_t n = outer_octets(path), ip = path->remote.ip.family == IP_V4 ? IPV4_OCTETS : IPV6_OCTETS;
	uint32_t total = (uint32_t)n + esp;

	if (path->remote.ip.family == IP_V4)
		build_v4(out, path, total, tos, df, id);
	else
		build_v6(out, path, total - (uint32_t)ip, tos, flow_label);
	if (!path->udp_encap)
		return n;
	/* RFC 3948 section 2.1: "the IPv4 UDP Checksum SHOULD be transmitted as a zero value". */
	put_be16(out + ip, path->local.port);
	put_be16(out + ip + 2, path->remote.port);
	put_be16(out + ip + 4, (uint16_t)(UDP_HEADER_OCTETS + esp));
	put_be16(out + ip + 6, 0);
	return n;
}

void
outer_udp6_checksum(uint8_t *packet, size_t n)
{
	uint32_t udp = (uint32_t)(n - IPV6_OCTETS);
	uint64_t sum = checksum_add(0, packet + 8, 32);

	put_be16(packet + IPV6_OCTETS + 6, 0);
	sum = checksum_add_u16(checksum_add_u16(sum, udp), PROTO_UDP);
	checksum_store(packet + IPV6_OCTETS + 6, checksum_add(sum, packet + IPV6_OCTETS, udp), 1);
}
