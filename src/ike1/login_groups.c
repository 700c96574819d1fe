/* SPDX-License-Identifier: Apache-2.0 */
#include "phase1.h"
#include "transaction.h"

/*
 * remote.groups: who logged in has to be a member of one of them. Where the connection that was chosen by addresses and
 * identity does not want him, another may that asked the same of the peer: so users of one Phase 1 get different pools and
 * networks.
 */

static bool
is_member(const struct auth_round *r, const struct octets_list *groups)
{
	for (size_t i = 0; groups && i < r->groups.n; i++)
		for (size_t k = 0; k < groups->n; k++)
			if (span_equal(r->groups.o[i], groups->o[k]))
				return true;
	return r->groups.n == 0;
}

/* Whether all that the peer has proved before the round that is just over is what @c wants, too. */
static bool
proved_for(const struct ike_sa *sa, const struct conn *c)
{
	const struct auth_round *r;

	if (!conn_proves_alike(c, sa->conn))
		return false;
	for (size_t i = 0; i < sa->road->rounds && (r = road_round(c, false, i)); i++)
		if (r->groups.n)
			return false;
	return true;
}

static struct conn *
another_for(struct ike_sa *sa, const struct octets_list *groups)
{
	struct ike *core = sa->core;
	struct candidates all = conn_candidates(core, IKE_V1, &sa->local.ip, &sa->remote.ip);
	struct identity id = id_box_get(sa->remote_id);
	struct conn **c;
	size_t n = candidates_for(core, &all, &id, &c);

	for (size_t i = 0; i < n; i++)
		if (c[i] != sa->conn && proved_for(sa, c[i]) && is_member(road_round(c[i], false, sa->road->rounds), groups))
			return c[i];
	return NULL;
}

bool
login_groups_admit(struct ike_sa *sa, const struct octets_list *groups)
{
	struct conn *other;

	if (is_member(road_round(sa->conn, false, sa->road->rounds), groups))
		return true;
	other = another_for(sa, groups);
	if (!other)
		return false;
	say(sa->core, LOG_CFG, LOG_CONTROL, sa, NULL, "the user's groups select connection %s", other->name);
	ike_sa_set_conn(sa, other);
	return true;
}
