/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

/* NAT Original Address payload, RFC 3947 section 5.2, after the generic header. */
static void
nat_oa_wire(struct wire *w, uint8_t *type, struct span *address)
{
	wire_u8(w, "ID Type", type);
	wire_reserved(w, 3);
	wire_require(w, *type == ID_IPV4_ADDR || *type == ID_IPV6_ADDR, "ID Type must be ID_IPV4_ADDR or ID_IPV6_ADDR");
	wire_bytes(w, "Address", address, *type == ID_IPV4_ADDR ? 4 : 16);
}

bool
nat_oa_decode(struct ip *out, struct span body)
{
	struct wire w = wire_decoder(body, NULL);
	struct span address = { 0 };
	uint8_t type = 0;

	nat_oa_wire(&w, &type, &address);
	if (!wire_ok(&w) || wire_left(&w))
		return false;
	*out = ip_from_octets(address);
	return true;
}

struct span
nat_oa_encode(uint8_t room[20], const struct ip *ip)
{
	struct wire w = wire_encoder(room, 20);
	struct span address = ip_span(ip);
	uint8_t type = ip->family == IP_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;

	nat_oa_wire(&w, &type, &address);
	return span_of(room, wire_ok(&w) ? w.at : 0);
}
