/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

#include "keymat.h"

/* Quick Mode, RFC 2409 section 5.5: KEYMAT, lifetimes, and the SAs that come of it. */

static bool
key_sizes(struct quick *q)
{
	const struct algorithm *e = algorithm_by_id(TRANSFORM_ENCR, q->suite.encr.id, q->suite.encr.key_bits);
	const struct algorithm *i = q->suite.integ_id ? algorithm_by_id(TRANSFORM_INTEG, q->suite.integ_id, 0) : NULL;

	if (!e || (q->suite.integ_id && !i))
		return false;
	q->n_encr = (size_t)e->key_octets + e->salt_octets;
	q->n_integ = i ? i->key_octets : 0;
	return q->n_encr + q->n_integ <= ESP_KEYS_MAX;
}

/* RFC 2409 section 5.5: each SA's KEYMAT is made with the SPI that its receiver chose; encryption key first, then integrity. */
bool
quick_derive(struct exchange *ex)
{
	const struct ike_sa *sa = ex->sa;
	const struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);
	struct span d = ike1_skeyid_d(sa), gxy = secret_span(&q->gxy), ni = secret_span(&q->ni), nr = secret_span(&q->nr);

	if (!key_sizes(q))
		return false;

	size_t n = q->n_encr + q->n_integ;

	return phase2_keymat(q->in, n, sa->prf_id, d, gxy, PROTO_IPSEC_ESP, c->spi_in, ni, nr) &&
	       phase2_keymat(q->out, n, sa->prf_id, d, gxy, PROTO_IPSEC_ESP, c->spi_out, ni, nr);
}

void
quick_take_suite(struct exchange *ex, const struct suite *s)
{
	struct child_sa *c = ex->child;

	quick_of(ex)->suite = *s;
	c->spi_out = s->spi;
	c->encr = s->encr;
	c->integ_id = s->integ_id;
	c->dh_id = s->dh_id;
	c->esn = s->esn;
	c->udp_encap = ex->sa->nat_local || ex->sa->nat_remote || ex->sa->nat_fake;
}

bool
quick_install(struct exchange *ex, enum sa_direction dir, enum parked_for who)
{
	struct quick *q = quick_of(ex);
	const uint8_t *k = dir == SA_INBOUND ? q->in : q->out;
	uint64_t ticket = child_install(ex->child, dir, span_of(k, q->n_encr), span_of(k + q->n_encr, q->n_integ), who);

	if (ticket && who == PARKED_EXCHANGE)
		ex->ticket = ticket;
	return ticket != 0;
}

/* Inbound is there before the peer can use it. BUILT once the data plane said so. */
enum built
quick_inbound_first(struct exchange *ex)
{
	struct quick *q = quick_of(ex);
	struct ike *core = ex->sa->core;

	if (!q->asked) {
		q->asked = true;
		ex->child->state = CHILD_STATE_INSTALLING;
		return quick_install(ex, SA_INBOUND, PARKED_EXCHANGE) ? BUILD_PARKED : BUILD_FAILED;
	}
	if (ex->answer && ex->answer->ok)
		return BUILT;
	ex->child->in_installed = false;
	ex->notify = NOTIFY_NO_PROPOSAL_CHOSEN;
	ex->why = arena_printf(&core->scratch, "the data plane refused the inbound SA: %s",
	                       ex->answer && ex->answer->reason ? ex->answer->reason : "no reason given");
	ex->verdict = refuse(core, ex->sa, VERDICT_NOT_INSTALLED, ex->why);
	return BUILD_FAILED;
}

/* ---- Lifetimes */

void
quick_our_lifetimes(const struct child *cfg, uint64_t *seconds, uint64_t *kilobytes)
{
	*seconds = (uint64_t)(cfg->lifetime.life_ns / SECONDS(1));
	*kilobytes = cfg->lifetime.life_octets / 1024;
}

static uint64_t
shorter(uint64_t a, uint64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

void
quick_take_lifetimes(struct exchange *ex, const struct suite *s, const struct child *cfg)
{
	struct quick *q = quick_of(ex);
	uint64_t seconds, kilobytes, theirs = s->life_seconds_given ? s->life_seconds : 0;

	quick_our_lifetimes(cfg, &seconds, &kilobytes);
	q->life_seconds = shorter(seconds, theirs);
	q->life_kilobytes = shorter(kilobytes, s->life_kilobytes_given ? s->life_kilobytes : 0);
	if (q->life_kilobytes && q->life_kilobytes <= UINT64_MAX / 1024)
		ex->child->life_octets = q->life_kilobytes * 1024;
	q->shorten = theirs && seconds && seconds < theirs;
	if (theirs && seconds && theirs != seconds)
		say(ex->sa->core, LOG_CHD, LOG_CONTROL, ex->sa, "lifetime",
		    "lifetimes of CHILD_SA %s differ: the peer says %llu s, we say %llu s (life_time); the shorter holds",
		    cfg->name, (unsigned long long)theirs, (unsigned long long)seconds);
}
