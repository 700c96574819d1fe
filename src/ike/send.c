/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

/* What leaves for a peer: whole messages, fragments, answers that belong to no SA. */

static void
send_datagram(struct ike *core, const struct endpoint *local, const struct endpoint *remote, uint8_t dscp, struct span data)
{
	struct effect *e = effects_add(core->fx, EFFECT_SEND);

	if (!e)
		return;
	core->counters.sent++;
	e->send = (struct effect_send) {
		.local = *local,
		.remote = *remote,
		/* RFC 3947 section 4: after the float everything on port 4500 has the marker. */
		.marker = local->port == core->settings.port_nat_t,
		.dscp = dscp,
		.data = effects_dup_span(core->fx, data),
	};
}

void
ike_send(struct ike *core, const struct endpoint *local, const struct endpoint *remote, struct span data)
{
	send_datagram(core, local, remote, 0, data);
}

/* A responder knows the connection from the first message on, before it answers. */
uint8_t
ike_sa_dscp(const struct ike_sa *sa)
{
	return sa->conn ? sa->conn->dscp : 0;
}

void
ike_sa_send_datagram(struct ike_sa *sa, struct span data)
{
	send_datagram(sa->core, &sa->local, &sa->remote, ike_sa_dscp(sa), data);
}

void
ike_sa_send(struct ike_sa *sa, struct span data)
{
	sa->said_at = sa->core->now;
	if (sa->protocol->send_fragments && sa->protocol->send_fragments(sa, data))
		return;
	ike_sa_send_datagram(sa, data);
}
