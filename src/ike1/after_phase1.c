/* SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

#include <stdlib.h>

/*
 * Between Phase 1 and the first Quick Mode: the login, the configuration, the
 * addresses. An IKE_SA is not established for its children until that is over
 * (draft-beaulieu-ike-xauth-02 section 6: XAUTH comes "before any other exchange
 * with the exception of Info mode exchanges"; draft-dukes-ike-mode-cfg-02 section 5.1).
 */

static bool
pushes(const struct conn *c)
{
	return c->pools.n && !c->pull;
}

/* An exchange of ours, or the peer's turn, for no longer than retransmissions would go on. */
static void
begin(struct ike_sa *sa, const struct exchange_kind *kind)
{
	sa->road->deadline = sa->core->now + retransmit_total(sa->core);
	ike_sa_schedule(sa);
	if (kind && !transaction_start(sa, kind))
		road_failed(sa, "out of memory");
}

static void
begin_login(struct ike_sa *sa)
{
	if (road_peer_logs_in(sa))
		begin(sa, &xauth_login);
	else if (road_we_log_in(sa))
		begin(sa, NULL);
	else
		road_next(sa, ROAD_CONFIG);
}

static void
begin_config(struct ike_sa *sa)
{
	sa->road->identifier = 0;
	if (sa->conn->n_vips)
		begin(sa, sa->conn->pull ? &mode_config_pull : NULL);
	else if (pushes(sa->conn))
		begin(sa, &mode_config_push);
	else
		road_next(sa, ROAD_DONE);
}

static void
say_banner(const struct ike_sa *sa)
{
	const struct road *r = sa->road;

	if (r->banner.n)
		say(sa->core, LOG_IKE, LOG_AUDIT, sa, "banner", "the gateway's banner: %s",
		    transaction_text(sa->core, secret_span(&r->banner)));
	if (r->n_split)
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "the gateway accepts traffic to only %zu network%s (split tunnel)",
		    r->n_split, r->n_split == 1 ? "" : "s");
}

static void
begin_install(struct ike_sa *sa)
{
	struct road *r = sa->road;
	struct ike *core = sa->core;
	struct arena *a = &core->fx->arena;
	struct effect *e;

	say_banner(sa);
	for (size_t i = 0; i < r->n_vip; i++)
		say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "installing new virtual IP %s", ip_text(core, &r->vip[i]));
	begin(sa, NULL);
	r->ticket = park(core, PARKED_ROAD, sa->id, 0, NULL);
	e = r->ticket ? effects_add(core->fx, EFFECT_ADD_VIRTUAL) : NULL;
	if (!e) {
		road_failed(sa, "out of memory");
		return;
	}
	r->installed = true;
	e->ticket = r->ticket;
	e->virtual = (struct virtual_config) {
		.ike_id = sa->id,
		.conn = sa->conn,
		.local = sa->local,
		.remote = sa->remote,
		.vip = effects_dup(core->fx, r->vip, r->n_vip * sizeof r->vip[0]),
		.n_vip = r->n_vip,
		.dns = effects_dup(core->fx, r->dns, r->n_dns * sizeof r->dns[0]),
		.n_dns = r->n_dns,
		.banner = arena_dup(a, secret_span(&r->banner)),
		.domain = arena_dup(a, secret_span(&r->domain)),
	};
	core_keep_conn(core, sa->conn);
}

static void
established(struct ike_sa *sa)
{
	struct road *r = sa->road;

	r->deadline = INSTANT_NEVER;
	secret_clear(&r->name);
	secret_clear(&r->password);
	secret_clear(&r->message);
	road_bypass(sa);
	ike_sa_established(sa, sa->lifetime_ns, sa->initial_contact);
}

void
road_next(struct ike_sa *sa, enum road_stage stage)
{
	/* An answer to a gateway that asks again in the middle of things changes nothing of them. */
	if (sa->established_at)
		return;
	sa->road->stage = (uint8_t)stage;
	switch (stage) {
	case ROAD_LOGIN:
		begin_login(sa);
		break;
	case ROAD_CONFIG:
		begin_config(sa);
		break;
	case ROAD_INSTALL:
		begin_install(sa);
		break;
	case ROAD_DONE:
		established(sa);
		break;
	}
}

void
phase1_next(struct ike_sa *sa)
{
	const struct conn *c = sa->conn;
	bool login = sa->log_in != LOG_IN_NOBODY;
	struct road *r;

	if (!login && !c->n_vips && !pushes(c)) {
		ike_sa_established(sa, sa->lifetime_ns, sa->initial_contact);
		return;
	}
	r = road_open(sa);
	if (!r) {
		ike_sa_failed(sa, "out of memory", false);
		return;
	}
	/* One identifier for the whole transaction of a login: the one that strongSwan's client always answers with. */
	r->identifier = 0;
	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "Phase 1 of IKE_SA %s is done; %s follows", sa_name(sa),
	    login ? "the login (XAUTH)" : "the configuration (Mode Config)");
	road_next(sa, ROAD_LOGIN);
}

void
road_failed(struct ike_sa *sa, const char *reason)
{
	/* Trying again is for what time may change: a password it does not. */
	ike_sa_failed(sa, reason, false);
}

/* ---- The user's password goes to who knows it */

void
road_ask_user(struct ike_sa *sa)
{
	struct ike *core = sa->core;
	struct road *r = sa->road;
	struct arena *a = &core->fx->arena;
	struct effect *e;

	r->deadline = core->now + retransmit_total(core);
	ike_sa_schedule(sa);
	r->ticket = park(core, PARKED_ROAD, sa->id, 0, NULL);
	e = r->ticket ? effects_add(core->fx, EFFECT_ASK_USER) : NULL;
	if (!e) {
		road_failed(sa, "out of memory");
		return;
	}
	e->ticket = r->ticket;
	e->user = (struct user_query) {
		.conn = sa->conn,
		.round = road_round(sa->conn, false, r->rounds),
		.ike_id = sa->id,
		.name = arena_dup(a, secret_span(&r->name)),
		.password = arena_dup(a, secret_span(&r->password)),
		.remote_id = id_box_get(sa->remote_id),
		.local = sa->local,
		.remote = sa->remote,
	};
	core_keep_conn(core, sa->conn);
	secret_clear(&r->password);
}

/* The user's name as an identity, which leases and uniqueness go by. */
static bool
remember_user(struct ike_sa *sa)
{
	struct road *r = sa->road;
	struct identity id;
	const char *why = NULL;

	if (!identity_parse(&id, secret_span(&r->name), &why) || id.type == ID_ANY) {
		id = (struct identity) { .type = ID_KEY_ID,
			                 .n = (uint16_t)(r->name.n < IDENTITY_OCTETS_MAX ? r->name.n : IDENTITY_OCTETS_MAX) };
		memcpy(id.b, r->name.p, id.n);
	}
	free(r->user);
	r->user = id_box_new(&id);
	return r->user != NULL;
}

static void
user_refused(struct ike_sa *sa, const char *reason)
{
	const char *name = transaction_text(sa->core, secret_span(&sa->road->name));
	const char *text = arena_printf(&sa->core->scratch, "user '%s' from %s: %s", name, ip_text(sa->core, &sa->remote.ip), reason);

	say(sa->core, LOG_IKE, LOG_AUDIT, sa, NULL, "XAuth authentication of '%s' failed", name);
	refuse(sa->core, sa, VERDICT_LOGIN_FAILED, text);
	road_refusal(sa, text);
	begin(sa, &xauth_status);
}

static void
user_accepted(struct ike_sa *sa, const struct road_answer *w)
{
	struct road *r = sa->road;

	say(sa->core, LOG_IKE, LOG_AUDIT, sa, NULL, "XAuth authentication of '%s' successful",
	    transaction_text(sa->core, secret_span(&r->name)));
	if (!r->rounds && !remember_user(sa)) {
		road_failed(sa, "out of memory");
		return;
	}
	r->rounds++;
	for (size_t i = 0; i < w->n_vip && r->n_framed < 2; i++)
		r->framed[r->n_framed++] = w->vip[i];
	if (road_round(sa->conn, false, r->rounds)) {
		begin(sa, &xauth_login);
	} else if (phase1_kept_out(sa)) {
		refuse(sa->core, sa, VERDICT_NOT_UNIQUE, NULL);
		road_failed(sa, "unique = keep, and this user has an IKE_SA from another address");
	} else {
		begin(sa, &xauth_status);
	}
}

enum { REQUESTS_MAX = 8 };

static void
user_answered(struct ike_sa *sa, const struct answer *a)
{
	struct road *r = sa->road;

	secret_clear(&r->message);
	if (!secret_copy(&r->message, a->road.message)) {
		road_failed(sa, "out of memory");
		return;
	}
	if (a->ok && login_groups_admit(sa, a->road.groups)) {
		user_accepted(sa, &a->road);
		return;
	}
	if (a->ok) {
		user_refused(sa, "the RADIUS server puts the user into none of the connection's remote.groups");
		return;
	}
	if (a->road.again && r->asked < REQUESTS_MAX) {
		begin(sa, &xauth_login);
		return;
	}
	user_refused(sa, a->reason ? a->reason : "refused");
}

void
road_answered(struct ike_sa *sa, const struct answer *a)
{
	sa->road->ticket = 0;
	if (sa->established_at)
		return;
	if (a->kind == ANSWER_USER && sa->road->stage == ROAD_LOGIN)
		user_answered(sa, a);
	else if (a->kind == ANSWER_VIRTUAL && a->ok)
		road_next(sa, ROAD_DONE);
	else
		road_failed(sa, arena_printf(&sa->core->scratch, "the virtual address cannot be installed: %s",
		                             a->reason ? a->reason : "no reason given"));
}
