/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "road_sa.h"

const char *
ike_state_name(enum ike_state s)
{
	static const char *const names[] = { "CONNECTING", "ESTABLISHED", "REKEYING", "REKEYED", "DELETING" };

	return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "?";
}

const char *
child_state_name(enum child_state s)
{
	static const char *const names[] = { "CREATED", "INSTALLING", "INSTALLED", "REKEYING", "REKEYED", "DELETING" };

	return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "?";
}

static const struct exchange *
running(const struct ike_sa *sa)
{
	const struct exchange *ex = sa->exchanges;

	while (ex && ex->over)
		ex = ex->next;
	return ex;
}

/* Valid until the next call: the scratch arena is only cleared then. */
void
ike_sa_info(struct ike_info *out, const struct ike_sa *sa)
{
	const struct exchange *ex = running(sa);
	const char *words = ex ? exchange_words(ex) : road_awaited(sa);

	*out = (struct ike_info) {
		.id = sa->id,
		.conn = sa->conn,
		.version = (enum ike_version)sa->protocol->major,
		.state = (enum ike_state)sa->state,
		.initiator = sa->role == INITIATOR,
		.local = sa->local,
		.remote = sa->remote,
		.local_id = id_box_get(sa->local_id),
		.remote_id = id_box_get(sa->remote_id),
		.encr = sa->encr,
		.prf_id = sa->prf_id,
		.dh_id = sa->dh_id,
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.nat_fake = sa->nat_fake,
		.aggressive = sa->aggressive,
		.group_key = sa->group_key,
		.auth = sa->auth,
		.established_at = sa->established_at,
		.rekey_at = sa->rekey_at,
		.reauth_at = sa->reauth_at,
		.expires_at = sa->expires_at,
		.retransmits = ex ? ex->tries : 0,
		.exchange = words ? words : "",
		.last_notice = sa->last_notice ? sa->last_notice : "",
	};
	road_info(out, sa);
	memcpy(out->spi_i, sa->cookie_i, 8);
	memcpy(out->spi_r, sa->cookie_r, 8);
}

bool
ike_next_sa(const struct ike *core, uint32_t *cursor, struct ike_info *out)
{
	const struct ike_sa *sa;

	while ((sa = id_index_after(&core->sas, *cursor))) {
		*cursor = sa->id;
		/* One that only lingers to repeat its Delete is not an SA any more. */
		if (sa->zombie)
			continue;
		ike_sa_info(out, sa);
		return true;
	}
	return false;
}

bool
ike_look(const struct ike *core, uint32_t ike_id, struct ike_info *out)
{
	const struct ike_sa *sa = ike_sa_by_id(core, ike_id);

	if (!sa || sa->zombie)
		return false;
	ike_sa_info(out, sa);
	return true;
}

uint32_t
ike_child_owner(const struct ike *core, uint32_t child_id)
{
	const struct child_sa *c = child_by_id(core, child_id);

	return c ? c->sa->id : 0;
}

void
child_sa_info(struct child_info *out, const struct child_sa *c)
{
	*out = (struct child_info) {
		.id = c->id,
		.reqid = c->policy->reqid,
		.ike_id = c->sa->id,
		.config = c->cfg,
		.state = (enum child_state)c->state,
		.spi_in = c->spi_in,
		.spi_out = c->spi_out,
		.protocol = c->protocol,
		.ah_spi_in = c->ah_spi_in,
		.ah_spi_out = c->ah_spi_out,
		.ah_integ_id = c->ah_integ_id,
		.cpi_in = c->cpi_in,
		.cpi_out = c->cpi_out,
		.encr = c->encr,
		.integ_id = c->integ_id,
		.dh_id = c->dh_id,
		.esn = c->esn,
		.udp_encap = c->udp_encap,
		.mode = c->cfg->mode,
		.ts = *child_ts(c),
		.installed_at = c->installed_at,
		.rekey_at = c->rekey_at,
		.expires_at = c->expires_at,
	};
}

bool
ike_next_child(const struct ike *core, uint32_t ike_id, uint32_t *cursor, struct child_info *out)
{
	const struct ike_sa *sa = ike_sa_by_id(core, ike_id);
	const struct child_sa *last = child_by_id(core, *cursor), *c = sa ? sa->children : NULL;

	/* The list is in order of id: from a child that is still in it, the next is at hand. */
	if (sa && last && last->sa == sa)
		c = last->next;
	while (c && c->id <= *cursor)
		c = c->next;
	if (!c)
		return false;
	*cursor = c->id;
	child_sa_info(out, c);
	return true;
}

void
ike_counters(const struct ike *core, struct ike_counters *out)
{
	*out = core->counters;
}
