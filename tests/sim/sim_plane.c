/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A data plane that carries no packets and checks what a real one could not
 * survive: the same key twice, an SPI twice, a packet sent on an SA that the
 * other end does not hold. The last is checked for every instant and not only
 * for sampled packets: an outbound SA that becomes current at t must be found
 * installed at the peer from t + the least delay, and an inbound SA may go only
 * when nothing has been sent on it for the largest delay.
 */

struct spi_key {
	uint32_t spi, direction;
	struct ip remote; /* outbound SPIs are the peer's numbers */
};

struct used_key {
	struct table_link link;
	uint64_t key;
};

static struct spi_key
spi_key(enum sa_direction d, uint32_t spi, const struct endpoint *remote)
{
	struct spi_key k;

	memset(&k, 0, sizeof k);
	k.spi = spi;
	k.direction = d;
	if (d == SA_OUTBOUND && remote)
		k.remote = remote->ip;
	return k;
}

void
sim_plane_open(struct sim_peer *p)
{
	table_open(&p->sad, 1, 2);
	table_open(&p->keys, 3, 4);
}

static void
free_keys(struct table *t)
{
	for (size_t i = 0; i < t->n_buckets; i++)
		while (t->bucket[i]) {
			struct table_link *l = t->bucket[i];

			t->bucket[i] = l->next;
			free(table_entry(l, struct used_key, link));
		}
	t->n = 0;
}

void
sim_plane_close(struct sim_peer *p)
{
	while (p->sas) {
		struct sim_sa *s = p->sas;

		p->sas = s->next;
		free(s);
	}
	while (p->flows) {
		struct sim_flow *f = p->flows;

		p->flows = f->next;
		free(f);
	}
	while (p->claims) {
		struct sim_claim *c = p->claims;

		p->claims = c->next;
		free(c);
	}
	table_close(&p->sad);
	free_keys(&p->keys);
	table_close(&p->keys);
	p->n_in = p->n_out = p->n_claims = 0;
}

struct sim_sa *
sim_plane_find(struct sim_peer *p, enum sa_direction d, uint32_t spi, const struct endpoint *remote)
{
	struct spi_key k = spi_key(d, spi, remote);

	for (struct table_link *l = table_find(&p->sad, span_of(&k, sizeof k)); l; l = table_find_next(l)) {
		struct sim_sa *s = table_entry(l, struct sim_sa, by_spi);

		if (s->p.spi == spi && s->p.direction == d &&
		    (d == SA_INBOUND || !remote || ip_equal(&s->p.remote.ip, &remote->ip)))
			return s;
	}
	return NULL;
}

static void
note_loss(struct sim_peer *p, const char *what, const struct sim_sa *s)
{
	p->w->lost_windows++;
	snprintf(p->w->last_loss, sizeof p->w->last_loss, "at %.4f s: peer %u, spi %08x: %s", (double)p->w->now / 1e9, p->index,
	         s->p.spi, what);
	if (p->w->ladder)
		printf("# LOSS %s\n", p->w->last_loss);
}

static void
check_key_is_new(struct sim_peer *p, const struct sim_sa *s)
{
	struct used_key *u;

	for (struct table_link *l = table_find(&p->keys, span_of(&s->key, 8)); l; l = table_find_next(l))
		if (table_entry(l, struct used_key, link)->key == s->key)
			sim_fail(p->w, "peer %u installs a key for spi %08x that it used before", p->index, s->p.spi);
	u = calloc(1, sizeof *u);
	if (!u)
		abort();
	u->key = s->key;
	if (!table_insert(&p->keys, &u->link, span_of(&u->key, 8)))
		abort();
}

/* AH alone, or around ESP: RFC 4302. */
static void
check_bundle(struct sim_peer *p, const struct sa_params *s)
{
	bool alone = s->protocol == 51;
	const struct algorithm *integ = algorithm_by_id(TRANSFORM_INTEG, alone ? s->integ_id : s->ah.integ_id, 0);

	if (alone && (s->encr_key.n || !integ || s->integ_key.n != integ->key_octets))
		sim_fail(p->w, "peer %u installs AH with keys of %zu and %zu octets", p->index, s->encr_key.n, s->integ_key.n);
	if (s->ah.spi && (s->ah.spi < 256 || !integ || s->ah.integ_key.n != integ->key_octets))
		sim_fail(p->w, "peer %u installs AH around ESP with a key of %zu octets", p->index, s->ah.integ_key.n);
	if (s->ah.spi && s->ah.integ_key.n == s->integ_key.n && !memcmp(s->ah.integ_key.p, s->integ_key.p, s->integ_key.n))
		sim_fail(p->w, "peer %u installs one key for AH and ESP", p->index);
}

static void
check_params(struct sim_peer *p, const struct effect *e)
{
	const struct sa_params *s = &e->sa;
	const struct algorithm *encr = algorithm_by_id(TRANSFORM_ENCR, s->encr.id, s->encr.key_bits);
	const struct algorithm *integ = algorithm_by_id(TRANSFORM_INTEG, s->integ_id, 0);

	if (s->spi < 256)
		sim_fail(p->w, "peer %u installs the reserved spi %u (RFC 4303 section 2.1)", p->index, s->spi);
	if (!e->ticket)
		sim_fail(p->w, "peer %u installs an SA without a ticket", p->index);
	check_bundle(p, s);
	if (s->protocol == 51)
		return;
	if (!encr || s->encr_key.n != (size_t)encr->key_octets + encr->salt_octets)
		sim_fail(p->w, "peer %u installs an encryption key of %zu octets", p->index, s->encr_key.n);
	if (encr && !encr->out_octets && (!integ || s->integ_key.n != integ->key_octets))
		sim_fail(p->w, "peer %u installs an integrity key of %zu octets", p->index, s->integ_key.n);
	if (sim_plane_find(p, s->direction, s->spi, &s->remote))
		sim_fail(p->w, "peer %u installs spi %08x twice", p->index, s->spi);
}

void
sim_plane_install(struct sim_peer *p, const struct effect *e)
{
	struct sim_world *w = p->w;
	struct sim_event *v = sim_event_new(w, w->now + w->opts.install_ns, SIM_INSTALLED, p);
	struct sim_sa *s;
	struct spi_key k;
	size_t n;

	v->answer = (struct answer) { .kind = ANSWER_INSTALLED,
		                      .ticket = e->ticket,
		                      .ok = !p->refuse_install,
		                      .reason = p->refuse_install ? "the data plane is full" : NULL };
	v->spi = e->sa.spi;
	v->direction = e->sa.direction;
	p->n_installed++;
	if (w->opts.bare || p->refuse_install)
		return;
	check_params(p, e);
	s = calloc(1, sizeof *s);
	n = e->sa.encr_key.n + e->sa.integ_key.n;
	if (!s || n + e->sa.ah.integ_key.n > sizeof s->key_octets)
		abort();
	s->p = e->sa;
	s->ticket = e->ticket;
	if (e->sa.encr_key.n)
		memcpy(s->key_octets, e->sa.encr_key.p, e->sa.encr_key.n);
	if (e->sa.integ_key.n)
		memcpy(s->key_octets + e->sa.encr_key.n, e->sa.integ_key.p, e->sa.integ_key.n);
	if (e->sa.ah.integ_key.n)
		memcpy(s->key_octets + n, e->sa.ah.integ_key.p, e->sa.ah.integ_key.n);
	s->p.ah.integ_key = span_of(s->key_octets + n, e->sa.ah.integ_key.n);
	s->p.encr_key = span_of(s->key_octets, e->sa.encr_key.n);
	s->p.integ_key = span_of(s->key_octets + e->sa.encr_key.n, e->sa.integ_key.n);
	/* What both ends must have alike: keys, SPIs, the CPI, the mode. */
	s->key = siphash24(5, 6, span_of(s->key_octets, n + e->sa.ah.integ_key.n)) ^ e->sa.ah.spi ^
	         (uint64_t)e->sa.ipcomp_cpi << 32 ^ (uint64_t)e->sa.protocol << 48 ^ (uint64_t)e->sa.mode << 56;
	s->active_at = INSTANT_NEVER;
	check_key_is_new(p, s);
	k = spi_key(s->p.direction, s->p.spi, &s->p.remote);
	if (!table_insert(&p->sad, &s->by_spi, span_of(&k, sizeof k)))
		abort();
	s->next = p->sas;
	p->sas = s;
	*(s->p.direction == SA_INBOUND ? &p->n_in : &p->n_out) += 1;
}

static struct sim_flow *
flow_of(struct sim_peer *p, const struct sim_sa *s)
{
	struct sim_flow *f = p->flows;

	while (f && !(f->reqid == s->p.reqid && selector_pair_equal(&f->ts, &s->p.ts)))
		f = f->next;
	if (f)
		return f;
	f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->reqid = s->p.reqid;
	f->ts = s->p.ts;
	f->next = p->flows;
	p->flows = f;
	return f;
}

static void
carry_on(struct sim_peer *p, struct sim_sa *s)
{
	struct sim_flow *f = flow_of(p, s);
	struct sim_event *v;

	if (f->current)
		f->current->current_until = p->w->now;
	f->current = s;
	f->since = p->w->now;
	f->carried = true;
	s->flow = f;
	s->current_until = INSTANT_NEVER;
	v = sim_event_new(p->w, p->w->now + sim_delay_min(p->w), SIM_CHECK_OPEN, p);
	v->spi = s->p.spi;
}

void
sim_plane_activate(struct sim_peer *p, enum sa_direction d, uint32_t spi, uint64_t ticket)
{
	/* Removed while it was being installed, or refused, or not tracked. */
	for (struct sim_sa *s = p->ike ? p->sas : NULL; s; s = s->next)
		if (s->p.direction == d && s->p.spi == spi && s->ticket == ticket && s->active_at == INSTANT_NEVER) {
			s->active_at = p->w->now;
			if (d == SA_OUTBOUND)
				carry_on(p, s);
			return;
		}
}

/* The other end of @s, whoever holds it. */
static struct sim_sa *
opposite(struct sim_peer *p, const struct sim_sa *s, struct sim_peer **holder)
{
	enum sa_direction d = s->p.direction == SA_INBOUND ? SA_OUTBOUND : SA_INBOUND;

	for (unsigned i = 0; i < p->w->n_peers; i++) {
		struct sim_peer *o = p->w->peer[i];

		if (o == p || !o->ike)
			continue;
		for (struct sim_sa *t = d == SA_INBOUND ? sim_plane_find(o, d, s->p.spi, NULL) : o->sas; t; t = t->next) {
			if (t->p.direction == d && t->p.spi == s->p.spi && t->key == s->key) {
				*holder = o;
				return t;
			}
			if (d == SA_INBOUND)
				break;
		}
	}
	return NULL;
}

/* The first packet on a new outbound SA arrives at the earliest now. */
void
sim_plane_check_open(struct sim_peer *p, uint32_t spi)
{
	struct sim_sa *s = p->ike ? p->sas : NULL, *in;
	struct sim_peer *holder;

	while (s && !(s->p.direction == SA_OUTBOUND && s->p.spi == spi && s->flow))
		s = s->next;
	if (!s)
		return;
	in = opposite(p, s, &holder);
	if (!in || in->active_at == INSTANT_NEVER || in->active_at > p->w->now)
		note_loss(p, "outbound traffic moved to an SA that the peer cannot open yet", s);
}

static void
check_nobody_sends(struct sim_peer *p, const struct sim_sa *in)
{
	struct sim_peer *holder;
	struct sim_sa *out = opposite(p, in, &holder);

	if (!out || !out->flow || in->active_at == INSTANT_NEVER || holder->deaf)
		return;
	if (out->current_until == INSTANT_NEVER || out->current_until > p->w->now - sim_delay_max(p->w))
		note_loss(p, "inbound SA removed while its packets may still be on their way", in);
}

static void
stop_carrying(struct sim_peer *p, struct sim_sa *s)
{
	struct sim_flow *f = s->flow;

	if (!f || f->current != s)
		return;
	f->current = NULL;
	f->since = p->w->now;
	/* An older one that is still there takes over again. */
	for (struct sim_sa *o = p->sas; o; o = o->next)
		if (o != s && o->flow == f && (!f->current || o->active_at > f->current->active_at))
			f->current = o;
	if (f->current)
		f->current->current_until = INSTANT_NEVER;
}

void
sim_plane_remove(struct sim_peer *p, const struct sa_params *sa)
{
	struct sim_sa *s, **at = &p->sas;

	if (p->w->opts.bare)
		return;
	s = sim_plane_find(p, sa->direction, sa->spi, &sa->remote);
	if (!s) {
		sim_fail(p->w, "peer %u removes an %s SA %08x that is not installed", p->index,
		         sa->direction == SA_INBOUND ? "inbound" : "outbound", sa->spi);
		return;
	}
	if (s->p.direction == SA_INBOUND)
		check_nobody_sends(p, s);
	else
		stop_carrying(p, s);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	table_remove(&p->sad, &s->by_spi);
	*(s->p.direction == SA_INBOUND ? &p->n_in : &p->n_out) -= 1;
	secret_wipe(s->key_octets, sizeof s->key_octets);
	free(s);
}

void
sim_plane_update(struct sim_peer *p, const struct sa_params *sa)
{
	struct sim_sa *s = NULL;
	struct spi_key k;

	if (p->w->opts.bare)
		return;
	for (struct sim_sa *t = p->sas; t; t = t->next)
		if (t->p.direction == sa->direction && t->p.spi == sa->spi)
			s = t;
	if (!s) {
		sim_fail(p->w, "peer %u moves an SA %08x that is not installed", p->index, sa->spi);
		return;
	}
	table_remove(&p->sad, &s->by_spi);
	s->p.local = sa->local;
	s->p.remote = sa->remote;
	k = spi_key(s->p.direction, s->p.spi, &s->p.remote);
	if (!table_insert(&p->sad, &s->by_spi, span_of(&k, sizeof k)))
		abort();
}

struct refused_claim {
	struct sim_peer *p;
	uint32_t reqid;
};

static void
refuse_claim(void *arg)
{
	struct refused_claim *r = arg;

	sim_command(r->p, (struct command) { .kind = COMMAND_CLAIM_REFUSED, .reqid = r->reqid, .reason = "too many overlap" });
	free(r);
}

void
sim_plane_claim(struct sim_peer *p, const struct claim *c)
{
	struct sim_claim *k = p->claims;
	struct refused_claim *r = p->refuse_claim ? malloc(sizeof *r) : NULL;
	struct sim net = { p->w };

	if (r) {
		*r = (struct refused_claim) { p, c->reqid };
		sim_at(&net, 0, refuse_claim, r);
	}

	if (p->w->opts.bare)
		return;
	if (!c->reqid || !c->n_ts)
		sim_fail(p->w, "peer %u claims nothing: reqid %u, %zu selectors", p->index, c->reqid, c->n_ts);
	while (k && k->reqid != c->reqid)
		k = k->next;
	if (!k) {
		k = calloc(1, sizeof *k);
		if (!k)
			abort();
		k->reqid = c->reqid;
		k->next = p->claims;
		p->claims = k;
		p->n_claims++;
	}
	k->trap = c->trap;
	k->mode = c->mode;
	k->pairs = c->n_ts;
}

void
sim_plane_release(struct sim_peer *p, uint32_t reqid)
{
	struct sim_claim **at = &p->claims, *k;

	if (p->w->opts.bare)
		return;
	while (*at && (*at)->reqid != reqid)
		at = &(*at)->next;
	k = *at;
	if (!k) {
		sim_fail(p->w, "peer %u releases policy %u that it does not claim", p->index, reqid);
		return;
	}
	*at = k->next;
	p->n_claims--;
	p->releases++;
	free(k);
}

/* ---- packets through the tunnels, for tests that want the receiver to see traffic */

/* As the daemon does: only of what is closed when it is idle. */
static void
tell_of_sending(struct sim_peer *p, const struct sim_sa *s)
{
	struct command c = { .kind = COMMAND_TRAFFIC, .direction = SA_OUTBOUND, .child_id = s->p.child_id };

	if (p->conn->n_children && p->conn->children[0].inactivity_ns)
		sim_command(p, c);
}

void
sim_plane_traffic(struct sim_peer *p)
{
	struct sim_world *w = p->w;

	for (struct sim_flow *f = p->ike ? p->flows : NULL; f; f = f->next) {
		struct sim_packet k = { .from = p, .esp = true, .copies = 1 };

		if (!f->current) {
			p->esp_held += f->carried;
			continue;
		}
		k.src = f->current->p.local;
		k.dst = f->current->p.remote;
		k.spi = f->current->p.spi;
		k.key = f->current->key;
		p->esp_sent++;
		sim_send(w, &k);
		tell_of_sending(p, f->current);
	}
	sim_event_new(w, w->now + w->opts.traffic_ns, SIM_TRAFFIC, p);
}

static void
count_lost(struct sim_peer *to, const struct sim_packet *k)
{
	k->from->esp_lost++;
	sim_command(to, (struct command) { .kind = COMMAND_INVALID_SPI, .spi = k->spi, .local = k->dst, .remote = k->src });
}

void
sim_plane_receive(struct sim_peer *p, const struct sim_packet *k)
{
	struct sim_sa *s = p->ike ? sim_plane_find(p, SA_INBOUND, k->spi, NULL) : NULL;

	if (!s || s->active_at == INSTANT_NEVER || s->key != k->key) {
		count_lost(p, k);
		return;
	}
	k->from->esp_opened++;
	if (s->p.udp_encap && !endpoint_equal(&s->p.remote, &k->src))
		sim_command(p, (struct command) { .kind = COMMAND_MAPPING, .spi = k->spi, .local = k->dst, .remote = k->src });
	sim_command(p, (struct command) { .kind = COMMAND_TRAFFIC, .spi = k->spi });
}
