/* SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

#include <stdlib.h>

/*
 * Mode Config, draft-dukes-ike-mode-cfg-02: addresses and settings for a client,
 * by REQUEST and REPLY (the client pulls) or by SET and ACK (the gateway pushes).
 */

/* ---- What the client asks for, and takes */

static const uint16_t unity_wanted[] = { UNITY_BANNER, UNITY_DEF_DOMAIN, UNITY_SPLITDNS_NAME, UNITY_SPLIT_INCLUDE,
	                                 UNITY_LOCAL_LAN };

static uint16_t
address_type(const struct ip *a)
{
	return a->family == IP_V6 ? INTERNAL_IP6_ADDRESS : INTERNAL_IP4_ADDRESS;
}

/* What the SA that this one replaces had: the gateway is asked for the same again. */
static const struct ip *
held_before(const struct ike_sa *sa, const struct ip *want, size_t index)
{
	const struct ike_sa *old = sa->rekeys ? ike_sa_by_id(sa->core, sa->rekeys) : NULL;
	const struct road *r = old ? old->road : NULL;

	if (r && !r->gateway && index < r->n_vip && ip_is_any(want) && r->vip[index].family == want->family)
		return &r->vip[index];
	return want;
}

static enum built
request_config(struct exchange *ex, struct builder *b)
{
	struct ike_sa *sa = ex->sa;
	const struct conn *c = sa->conn;
	struct attribute a[VIRTUAL_IPS_MAX + 2 + sizeof unity_wanted / sizeof unity_wanted[0]];
	bool four = false, six = false;
	size_t n = 0;

	for (size_t i = 0; i < c->n_vips && i < VIRTUAL_IPS_MAX; i++) {
		const struct ip *want = held_before(sa, &c->vips[i], i);

		a[n++] = (struct attribute) { .type = address_type(want),
			                      .octets = ip_is_any(want) ? (struct span) { 0 } : ip_span(want) };
		*(want->family == IP_V6 ? &six : &four) = true;
	}
	if (four)
		a[n++] = (struct attribute) { .type = INTERNAL_IP4_DNS };
	if (six)
		a[n++] = (struct attribute) { .type = INTERNAL_IP6_DNS };
	for (size_t i = 0; sa->peer_unity && i < sizeof unity_wanted / sizeof unity_wanted[0]; i++)
		a[n++] = (struct attribute) { .type = unity_wanted[i] };
	return transaction_build(ex, b, CONFIG_REQUEST, a, n);
}

static void
add_ip(struct ip *list, uint8_t *n, const struct ip *a)
{
	for (size_t i = 0; i < *n; i++)
		if (ip_equal(&list[i], a))
			return;
	if (*n < VIRTUAL_IPS_MAX && a->family && !ip_is_any(a) && !ip_is_loopback(a) && !ip_is_multicast(a))
		list[(*n)++] = *a;
}

static bool
add_networks(struct selector **list, size_t *n, struct span octets)
{
	struct selector *grown = realloc(*list, SPLIT_NETWORKS_MAX * sizeof *grown);

	if (!grown)
		return false;
	*list = grown;
	*n += unity_networks_read(*list + *n, SPLIT_NETWORKS_MAX - *n, octets);
	return true;
}

/* 0.0.0.0/0 is no network: it would leave out everything. */
static bool
add_excluded(struct road *r, struct span octets)
{
	size_t n = 0;

	if (!add_networks(&r->excluded, &r->n_excluded, octets))
		return false;
	for (size_t i = 0; i < r->n_excluded; i++)
		if (ip_range_prefix(&r->excluded[i].lo, &r->excluded[i].hi) != 0)
			r->excluded[n++] = r->excluded[i];
	r->n_excluded = n;
	return true;
}

static bool
take_one(struct road *r, const struct attribute *a)
{
	struct ip ip = config_attribute_ip(a);

	switch (a->type) {
	case INTERNAL_IP4_ADDRESS:
	case INTERNAL_IP6_ADDRESS:
		add_ip(r->vip, &r->n_vip, &ip);
		return true;
	case INTERNAL_IP4_DNS:
	case INTERNAL_IP6_DNS:
		add_ip(r->dns, &r->n_dns, &ip);
		return true;
	case UNITY_SPLIT_INCLUDE:
		return add_networks(&r->split, &r->n_split, a->octets);
	case UNITY_LOCAL_LAN:
		return add_excluded(r, a->octets);
	case UNITY_BANNER:
		secret_clear(&r->banner);
		return secret_copy(&r->banner, a->octets);
	case UNITY_DEF_DOMAIN:
		secret_clear(&r->domain);
		return secret_copy(&r->domain, a->octets);
	default:
		/* "Unknown private attributes SHOULD be silently discarded." */
		return true;
	}
}

static enum verdict
take_config(struct ike_sa *sa, const struct attr_payload *p)
{
	struct road *r = sa->road;

	r->n_vip = r->n_dns = 0;
	r->n_split = r->n_excluded = 0;
	for (size_t i = 0; i < p->n_attr; i++)
		if (!take_one(r, &p->attr[i]))
			return VERDICT_INTERNAL;
	return VERDICT_OK;
}

/* Whether the client waits for its configuration: else what comes is not asked for. */
static bool
expects_config(const struct ike_sa *sa)
{
	return sa->road && !sa->road->gateway && sa->road->stage == ROAD_CONFIG && sa->conn->n_vips;
}

static void
config_taken(struct ike_sa *sa)
{
	struct road *r = sa->road;

	if (r->n_vip) {
		road_next(sa, ROAD_INSTALL);
		return;
	}
	refuse(sa->core, sa, VERDICT_NO_LEASE, "the gateway has no virtual address for us");
	road_failed(sa, "the gateway has no virtual address for us (vips): see its pools");
}

/* ---- What the gateway gives */

static bool
ask_for_lease(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa, *old = ike_sa_same_peer(sa, NULL);
	struct ike *core = sa->core;
	struct transaction *t = transaction_of(ex);
	uint64_t ticket = park(core, PARKED_EXCHANGE, sa->id, ex->message_id, NULL);
	struct effect *e = ticket ? effects_add(core->fx, EFFECT_ASK_LEASE) : NULL;
	const struct road *held = sa->road->n_framed ? sa->road : NULL;

	if (!e)
		return false;
	/* The SA that this one replaces: it comes from the same place, and goes when this one is up. */
	while (old && (!old->road || !old->road->gateway || !old->road->n_vip || old->zombie ||
	               !endpoint_equal(&old->remote, &sa->remote)))
		old = ike_sa_same_peer(sa, old);
	e->ticket = ex->ticket = ticket;
	e->lease = (struct lease_query) {
		.conn = sa->conn,
		.ike_id = sa->id,
		.id = road_peer_id(sa),
		.remote = sa->remote,
		.wanted = effects_dup(core->fx, t->wanted, t->n_wanted * sizeof t->wanted[0]),
		.n_wanted = t->n_wanted,
	};
	if (held) {
		e->lease.held = effects_dup(core->fx, held->framed, held->n_framed * sizeof held->framed[0]);
		e->lease.n_held = held->n_framed;
	} else if (old) {
		e->lease.held = effects_dup(core->fx, old->road->vip, old->road->n_vip * sizeof old->road->vip[0]);
		e->lease.n_held = old->road->n_vip;
	}
	core_keep_conn(core, sa->conn);
	return true;
}

static void
take_lease(struct ike_sa *sa, const struct road_answer *w)
{
	struct road *r = sa->road;
	struct identity id = road_peer_id(sa);

	r->gateway = true;
	r->n_vip = 0;
	for (size_t i = 0; i < w->n_vip && i < VIRTUAL_IPS_MAX; i++) {
		r->vip[r->n_vip++] = w->vip[i];
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "assigning virtual IP %s to peer '%s'",
		    ip_text(sa->core, &w->vip[i]), id_text(sa->core, &id));
	}
}

/* The networks behind us go to a Unity client as those that it sends into the tunnel: all but "everything". */
static size_t
split_include(const struct ike_sa *sa, struct arena *a, struct attribute *out)
{
	uint8_t *room = arena_alloc(a, SPLIT_NETWORKS_MAX * UNITY_NETWORK_OCTETS);
	size_t n = 0;

	for (size_t i = 0; room && i < sa->conn->n_children; i++) {
		const struct child *c = &sa->conn->children[i];

		for (size_t k = 0; k < c->n_local_ts && n < SPLIT_NETWORKS_MAX; k++) {
			if (ip_range_prefix(&c->local_ts[k].lo, &c->local_ts[k].hi) == 0)
				return 0;
			n += unity_network_write(room + n * UNITY_NETWORK_OCTETS, &c->local_ts[k]);
		}
	}
	*out = (struct attribute) { .type = UNITY_SPLIT_INCLUDE, .octets = span_of(room, n * UNITY_NETWORK_OCTETS) };
	return n > 0;
}

static size_t
attributes(struct ike_sa *sa, const struct road_answer *w, struct attribute *a)
{
	size_t n = 0;
	bool split = false;

	for (size_t i = 0; i < sa->road->n_vip; i++)
		a[n++] = (struct attribute) { .type = address_type(&sa->road->vip[i]), .octets = ip_span(&sa->road->vip[i]) };
	for (size_t i = 0; i < w->n_attr && n < CONFIG_ATTRIBUTES_KEPT; i++) {
		/* Section 3.4: private numbers mean something to those only who say that they know them. */
		if (config_attribute_is_unity(w->attr[i].type) && !sa->peer_unity)
			continue;
		a[n++] = (struct attribute) { .type = w->attr[i].type, .octets = w->attr[i].value };
		split |= w->attr[i].type == UNITY_SPLIT_INCLUDE;
	}
	if (sa->core->settings.unity && sa->peer_unity && !split)
		n += split_include(sa, &sa->core->scratch, &a[n]);
	return n;
}

/* A REPLY and a SET carry the same: the lease first, which is asked for. */
static enum built
build_config(struct exchange *ex, struct builder *b, uint8_t type)
{
	struct ike_sa *sa = ex->sa;
	struct transaction *t = transaction_of(ex);
	const struct answer *w = ex->answer;
	struct attribute a[VIRTUAL_IPS_MAX + CONFIG_ATTRIBUTES_KEPT + 2];
	size_t n = 0;

	if (!t->asked && t->n_wanted) {
		t->asked = t->leased = true;
		return ask_for_lease(ex) ? BUILD_PARKED : BUILD_FAILED;
	}
	if (t->leased && w && w->kind == ANSWER_LEASE && w->ok) {
		take_lease(sa, &w->road);
		n = attributes(sa, &w->road, a);
	} else if (t->leased) {
		refuse(sa->core, sa, VERDICT_NO_LEASE, w && w->reason ? w->reason : NULL);
	}
	/* "A Reply MUST always be sent when a Request is received, even if it is an empty Reply" (section 2). */
	if (transaction_has(t, APPLICATION_VERSION))
		a[n++] = (struct attribute) { .type = APPLICATION_VERSION, .octets = span_str("Sallyport " SALLYPORT_VERSION) };
	return transaction_build(ex, b, type, a, n);
}

/* ---- Pull: REQUEST and REPLY */

static void
remember_wanted(struct transaction *t, const struct attr_payload *p)
{
	t->n_wanted = 0;
	for (size_t i = 0; i < p->n_attr && t->n_wanted < VIRTUAL_IPS_MAX; i++) {
		const struct attribute *a = &p->attr[i];
		struct ip want = config_attribute_ip(a);

		if (a->type != INTERNAL_IP4_ADDRESS && a->type != INTERNAL_IP6_ADDRESS)
			continue;
		want.family = a->type == INTERNAL_IP6_ADDRESS ? IP_V6 : IP_V4;
		t->wanted[t->n_wanted++] = want;
	}
}

/* Who has to log in gets nothing before. */
static bool
may_ask(const struct ike_sa *sa)
{
	return sa->established_at || !sa->road || sa->road->stage != ROAD_LOGIN;
}

static enum verdict
take_request(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_REQUEST, &v);
	struct transaction *t = transaction_of(ex);

	if (!p)
		return v;
	if (!may_ask(sa))
		return VERDICT_LOGIN_REQUIRED;
	remember_wanted(t, p);
	if (t->n_wanted && !sa->conn->pools.n)
		refuse(sa->core, sa, VERDICT_NO_LEASE, "the peer asks for an address, and the connection has no pools to give one from");
	/* A lease belongs to a client of a connection with pools; and it is one lease an SA. */
	if (!sa->conn->pools.n || (sa->road && sa->road->n_vip))
		t->n_wanted = 0;
	return t->n_wanted && !road_open(sa) ? VERDICT_INTERNAL : VERDICT_OK;
}

static enum built
reply_config(struct exchange *ex, struct builder *b)
{
	return build_config(ex, b, CONFIG_REPLY);
}

static enum verdict
take_reply(struct exchange *ex, const struct message *m)
{
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_REPLY, &v);

	return p ? take_config(ex->sa, p) : v;
}

static void
pull_done(struct exchange *ex)
{
	if (ex->role == INITIATOR)
		config_taken(ex->sa);
}

/* clang-format off */
static const struct step pull_steps[] = {
	/* sender    must               may HDR*  build           process */
	{ INITIATOR, P(HASH) | P(ATTR), 0,  true, request_config, take_request },
	{ RESPONDER, P(HASH) | P(ATTR), 0,  true, reply_config,   take_reply },
};
/* clang-format on */

const struct exchange_kind mode_config_pull = TRANSACTION("Mode Config (pull)", pull_steps, pull_done);

/* ---- Push: SET and ACK */

/* A client that did not ask gets one address of each family that the pools have. */
static enum built
set_config(struct exchange *ex, struct builder *b)
{
	struct transaction *t = transaction_of(ex);

	if (!t->n_wanted) {
		t->wanted[t->n_wanted++] = (struct ip) { .family = IP_V4 };
		t->wanted[t->n_wanted++] = (struct ip) { .family = IP_V6 };
	}
	return build_config(ex, b, CONFIG_SET);
}

static enum verdict
take_set(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_SET, &v);

	if (!p)
		return v;
	transaction_of(ex)->ok = expects_config(sa);
	if (transaction_of(ex)->ok)
		return take_config(sa, p);
	refuse(sa->core, sa, VERDICT_CONFIG_TYPE, "an unexpected SET: it is ignored");
	return VERDICT_OK;
}

/* "The Acknowledge code MUST return the zero length attributes that it accepted." */
static enum built
ack_config(struct exchange *ex, struct builder *b)
{
	static const uint16_t known[] = { INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS, INTERNAL_IP4_DNS,    INTERNAL_IP6_DNS,
		                          UNITY_BANNER,         UNITY_DEF_DOMAIN,     UNITY_SPLIT_INCLUDE, UNITY_LOCAL_LAN };
	const struct transaction *t = transaction_of(ex);
	struct attribute a[sizeof known / sizeof known[0]];
	size_t n = 0;

	for (size_t i = 0; t->ok && i < sizeof known / sizeof known[0]; i++)
		if (transaction_has(t, known[i]))
			a[n++] = (struct attribute) { .type = known[i] };
	return transaction_build(ex, b, CONFIG_ACK, a, n);
}

static enum verdict
take_ack(struct exchange *ex, const struct message *m)
{
	enum verdict v;

	transaction_open(ex, m, CONFIG_ACK, &v);
	return v;
}

static void
push_done(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	if (ex->role == RESPONDER && transaction_of(ex)->ok)
		config_taken(sa);
	else if (ex->role == INITIATOR && !sa->established_at)
		road_next(sa, ROAD_DONE);
}

/* clang-format off */
static const struct step push_steps[] = {
	/* sender    must               may HDR*  build       process */
	{ INITIATOR, P(HASH) | P(ATTR), 0,  true, set_config, take_set },
	{ RESPONDER, P(HASH) | P(ATTR), 0,  true, ack_config, take_ack },
};
/* clang-format on */

const struct exchange_kind mode_config_push = TRANSACTION("Mode Config (push)", push_steps, push_done);
