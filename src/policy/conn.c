/* SPDX-License-Identifier: Apache-2.0 */
#include "conn.h"

#include <stdlib.h>

enum { IKE_PORT = 500, REPLAY_WINDOW = 1024, COPY_DSCP_OUT = 1 };

#define HOURS(n) SECONDS((n)*3600)
#define MINUTES(n) SECONDS((n)*60)

struct conn *
conn_new(const char *name)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	*c = (struct conn) {
		.refs = 1,
		.name = strdup(name),
		.version = IKE_ANY,
		.local_port = IKE_PORT,
		.remote_port = IKE_PORT,
		.mobike = true,
		.rekey_ns = HOURS(4),
		/* over_time is a tenth of rekey_time, rand_time is over_time. */
		.over_ns = MINUTES(24),
		.rand_ns = MINUTES(24),
		.keyingtries = 1,
		.unique = UNIQUE_NO,
		.fragmentation = FRAGMENTATION_YES,
		.send_certreq = true,
		.pull = true,
		.local = { .method = AUTH_PUBKEY },
		.remote = { .method = AUTH_PUBKEY },
	};
	if (!c->name) {
		free(c);
		return NULL;
	}
	return c;
}

struct conn *
conn_ref(struct conn *c)
{
	c->refs++;
	return c;
}

bool
octets_list_add(struct octets_list *l, struct span o)
{
	struct span *grown = realloc(l->o, (l->n + 1) * sizeof *grown);
	uint8_t *copy = malloc(o.n + 1);

	if (grown)
		l->o = grown;
	if (!grown || !copy) {
		free(copy);
		return false;
	}
	if (o.n)
		memcpy(copy, o.p, o.n);
	copy[o.n] = 0; /* names are read as text */
	l->o[l->n++] = span_of(copy, o.n);
	return true;
}

void
octets_list_free(struct octets_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)l->o[i].p);
	free(l->o);
	*l = (struct octets_list) { 0 };
}

static void
free_round(struct auth_round *r)
{
	free(r->backend);
	free(r->constraint);
	octets_list_free(&r->certs);
	octets_list_free(&r->cacerts);
	octets_list_free(&r->pubkeys);
	octets_list_free(&r->groups);
	octets_list_free(&r->cert_policies);
}

static void
free_rounds(struct auth_round *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_round(&r[i]);
	free(r);
}

struct auth_round *
conn_add_round(struct conn *c, bool local)
{
	struct auth_round **more = local ? &c->local_more : &c->remote_more;
	size_t *n = local ? &c->n_local_more : &c->n_remote_more;
	struct auth_round *grown = realloc(*more, (*n + 1) * sizeof *grown);

	if (!grown)
		return NULL;
	*more = grown;
	grown[*n] = (struct auth_round) { .method = AUTH_PUBKEY };
	return &grown[(*n)++];
}

static void
free_specs(struct address_specs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->a[i].name);
	free(l->a);
}

static void
free_child(struct child *c)
{
	free(c->name);
	free(c->esp.p);
	free(c->ah.p);
	free(c->local_ts);
	free(c->remote_ts);
	free(c->updown);
}

void
conn_unref(struct conn *c)
{
	if (!c || --c->refs)
		return;
	free_specs(&c->local_addrs);
	free_specs(&c->remote_addrs);
	free(c->ike.p);
	free_round(&c->local);
	free_round(&c->remote);
	free_rounds(c->local_more, c->n_local_more);
	free_rounds(c->remote_more, c->n_remote_more);
	octets_list_free(&c->pools);
	free(c->vips);
	for (size_t i = 0; i < c->n_children; i++)
		free_child(&c->children[i]);
	free(c->children);
	free(c->name);
	free(c);
}

struct child *
conn_add_child(struct conn *c, const char *name)
{
	/* Room doubles: it is full at each power of two. */
	bool full = (c->n_children & (c->n_children - 1)) == 0;
	struct child *grown = full ? realloc(c->children, (c->n_children ? 2 * c->n_children : 1) * sizeof *grown) : c->children;
	char *copy;

	if (!grown)
		return NULL;
	c->children = grown;
	copy = strdup(name);
	if (!copy)
		return NULL;
	grown[c->n_children] = (struct child) {
		.name = copy,
		.mode = MODE_TUNNEL,
		.dpd_action = ACTION_CLEAR,
		/* life_time is rekey_time and a tenth, rand_time what lies between. */
		.lifetime = { .rekey_ns = HOURS(1), .life_ns = MINUTES(66), .rand_ns = MINUTES(6) },
		.replay_window = REPLAY_WINDOW,
		.copy_df = true,
		.copy_ecn = true,
		.copy_dscp = COPY_DSCP_OUT,
	};
	return &grown[c->n_children++];
}

const struct child *
conn_child(const struct conn *c, const char *name)
{
	for (size_t i = 0; i < c->n_children; i++)
		if (strcmp(c->children[i].name, name) == 0)
			return &c->children[i];
	return NULL;
}

/* ---- equality, octet for octet: a name in other letters is a change that shows in status */

static bool
text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
specs_equal(const struct address_specs *a, const struct address_specs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct address_spec *x = &a->a[i], *y = &b->a[i];

		if (!ip_equal(&x->lo, &y->lo) || !ip_equal(&x->hi, &y->hi) || x->family != y->family ||
		    !text_equal(x->name, y->name))
			return false;
	}
	return true;
}

static bool
proposal_equal(const struct proposal *a, const struct proposal *b)
{
	for (size_t k = 0; k < TRANSFORM_KINDS; k++) {
		if (a->kind[k].n != b->kind[k].n)
			return false;
		for (size_t i = 0; i < a->kind[k].n; i++)
			if (a->kind[k].t[i].id != b->kind[k].t[i].id || a->kind[k].t[i].key_bits != b->kind[k].t[i].key_bits)
				return false;
	}
	return true;
}

static bool
proposals_equal(const struct proposals *a, const struct proposals *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!proposal_equal(&a->p[i], &b->p[i]))
			return false;
	return true;
}

static bool
selectors_equal(const struct selector *a, size_t n_a, const struct selector *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!selector_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool
octets_lists_equal(const struct octets_list *a, const struct octets_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!span_equal(a->o[i], b->o[i]))
			return false;
	return true;
}

static bool
identities_same(const struct identity *a, const struct identity *b)
{
	return a->type == b->type && a->rdn_matching == b->rdn_matching && span_equal(identity_span(a), identity_span(b));
}

static bool
round_equal_but_groups(const struct auth_round *a, const struct auth_round *b)
{
	return a->method == b->method && a->id_given == b->id_given && identities_same(&a->id, &b->id) &&
	       a->revocation == b->revocation && identities_same(&a->xauth_id, &b->xauth_id) &&
	       text_equal(a->backend, b->backend) && text_equal(a->constraint, b->constraint) &&
	       identities_same(&a->ca_id, &b->ca_id) &&
	       octets_lists_equal(&a->certs, &b->certs) && octets_lists_equal(&a->cacerts, &b->cacerts) &&
	       octets_lists_equal(&a->pubkeys, &b->pubkeys) && octets_lists_equal(&a->cert_policies, &b->cert_policies);
}

static bool
round_equal(const struct auth_round *a, const struct auth_round *b)
{
	return round_equal_but_groups(a, b) && octets_lists_equal(&a->groups, &b->groups);
}

static bool
rounds_equal(const struct auth_round *a, size_t n_a, const struct auth_round *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!round_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool
vips_equal(const struct conn *a, const struct conn *b)
{
	if (a->n_vips != b->n_vips)
		return false;
	for (size_t i = 0; i < a->n_vips; i++)
		if (!ip_equal(&a->vips[i], &b->vips[i]))
			return false;
	return true;
}

static bool
lifetime_equal(const struct lifetime *a, const struct lifetime *b)
{
	return a->rekey_ns == b->rekey_ns && a->life_ns == b->life_ns && a->rand_ns == b->rand_ns &&
	       a->rekey_octets == b->rekey_octets && a->life_octets == b->life_octets && a->rand_octets == b->rand_octets &&
	       a->rekey_packets == b->rekey_packets && a->life_packets == b->life_packets && a->rand_packets == b->rand_packets;
}

static bool
child_equal(const struct child *a, const struct child *b)
{
	return text_equal(a->name, b->name) && proposals_equal(&a->esp, &b->esp) && proposals_equal(&a->ah, &b->ah) &&
	       a->ipcomp == b->ipcomp && selectors_equal(a->local_ts, a->n_local_ts, b->local_ts, b->n_local_ts) &&
	       selectors_equal(a->remote_ts, a->n_remote_ts, b->remote_ts, b->n_remote_ts) && a->mode == b->mode &&
	       a->start_action == b->start_action && a->close_action == b->close_action && a->dpd_action == b->dpd_action &&
	       lifetime_equal(&a->lifetime, &b->lifetime) && a->replay_window == b->replay_window && a->reqid == b->reqid &&
	       a->priority == b->priority && a->hostaccess == b->hostaccess && a->copy_df == b->copy_df &&
	       a->copy_ecn == b->copy_ecn && a->copy_dscp == b->copy_dscp &&
	       a->sha256_96 == b->sha256_96 && a->inactivity_ns == b->inactivity_ns && text_equal(a->updown, b->updown);
}

static bool
children_equal(const struct conn *a, const struct conn *b)
{
	if (a->n_children != b->n_children)
		return false;
	for (size_t i = 0; i < a->n_children; i++)
		if (!child_equal(&a->children[i], &b->children[i]))
			return false;
	return true;
}

static bool
methods_equal(const struct auth_round *a, size_t n_a, const struct auth_round *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (a[i].method != b[i].method || !text_equal(a[i].constraint, b[i].constraint))
			return false;
	return true;
}

bool
conn_proves_alike(const struct conn *a, const struct conn *b)
{
	bool same = a->version == b->version && a->aggressive == b->aggressive && proposals_equal(&a->ike, &b->ike) &&
	            a->unique == b->unique && round_equal(&a->local, &b->local) && round_equal_but_groups(&a->remote, &b->remote) &&
	            rounds_equal(a->local_more, a->n_local_more, b->local_more, b->n_local_more) &&
	            a->n_remote_more == b->n_remote_more;

	for (size_t i = 0; same && i < a->n_remote_more; i++)
		same = round_equal_but_groups(&a->remote_more[i], &b->remote_more[i]);
	return same;
}

bool
conn_answers_like(const struct conn *a, const struct conn *b)
{
	return a->aggressive == b->aggressive && proposals_equal(&a->ike, &b->ike) && round_equal(&a->local, &b->local) &&
	       methods_equal(&a->remote, 1, &b->remote, 1) &&
	       methods_equal(a->local_more, a->n_local_more, b->local_more, b->n_local_more) &&
	       methods_equal(a->remote_more, a->n_remote_more, b->remote_more, b->n_remote_more);
}

bool
conn_equal_but_children(const struct conn *a, const struct conn *b)
{
	return text_equal(a->name, b->name) && a->version == b->version && specs_equal(&a->local_addrs, &b->local_addrs) &&
	       specs_equal(&a->remote_addrs, &b->remote_addrs) && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port && proposals_equal(&a->ike, &b->ike) && a->encap == b->encap && a->dscp == b->dscp &&
	       a->mobike == b->mobike && a->aggressive == b->aggressive && a->dpd_delay_ns == b->dpd_delay_ns &&
	       a->dpd_timeout_ns == b->dpd_timeout_ns && a->rekey_ns == b->rekey_ns && a->reauth_ns == b->reauth_ns &&
	       a->over_ns == b->over_ns && a->rand_ns == b->rand_ns && a->keyingtries == b->keyingtries &&
	       a->unique == b->unique && round_equal(&a->local, &b->local) && round_equal(&a->remote, &b->remote) &&
	       rounds_equal(a->local_more, a->n_local_more, b->local_more, b->n_local_more) &&
	       rounds_equal(a->remote_more, a->n_remote_more, b->remote_more, b->n_remote_more) &&
	       a->fragmentation == b->fragmentation && a->send_cert == b->send_cert && a->send_certreq == b->send_certreq &&
	       a->pull == b->pull && vips_equal(a, b) && octets_lists_equal(&a->pools, &b->pools);
}

bool
conn_equal(const struct conn *a, const struct conn *b)
{
	return conn_equal_but_children(a, b) && children_equal(a, b);
}

/* ---- addresses */

/* 0: not within; else one more than how specific the item is. A name matches once it is resolved. */
static unsigned
spec_rank(const struct address_spec *s, const struct ip *a)
{
	struct ip lo = s->lo;
	unsigned bits = 0;

	if (s->lo.family == IP_NONE)
		return !s->name && (s->family == IP_NONE || s->family == a->family);
	if (s->lo.family != a->family || ip_compare(&s->lo, a) > 0 || ip_compare(a, &s->hi) > 0)
		return 0;
	while (bits < ip_bits(&lo) && ((lo.b[bits / 8] ^ s->hi.b[bits / 8]) >> (7 - (bits & 7)) & 1) == 0)
		bits++;
	return 2 + bits;
}

bool
address_specs_match(const struct address_specs *l, const struct ip *a, unsigned *score)
{
	unsigned best = l->n == 0;

	for (size_t i = 0; i < l->n; i++) {
		unsigned rank = spec_rank(&l->a[i], a);

		if (rank > best)
			best = rank;
	}
	*score = best ? best - 1 : 0;
	return best != 0;
}

bool
address_specs_named(const struct address_specs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->a[i].name)
			return true;
	return false;
}

bool
address_specs_match_own(const struct address_specs *l, const struct ip *a, unsigned *score)
{
	return address_specs_match(l, a, score) || address_specs_named(l);
}
