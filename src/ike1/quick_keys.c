/* SPDX-License-Identifier: Apache-2.0 */
#include "quick.h"

#include "ike1_attributes.h"
#include "keymat.h"

/* Quick Mode, RFC 2409 section 5.5: KEYMAT, lifetimes, and the SAs that come of it. */

static size_t
integ_octets(uint16_t id)
{
	const struct algorithm *a = id ? algorithm_by_id(TRANSFORM_INTEG, id, 0) : NULL;

	return a ? a->key_octets : 0;
}

static bool
key_sizes(struct quick *q)
{
	const struct bundle *b = &q->bundle;
	const struct algorithm *e =
	        b->has & BUNDLE_ESP ? algorithm_by_id(TRANSFORM_ENCR, b->esp.encr.id, b->esp.encr.key_bits) : NULL;
	size_t ah = b->has & BUNDLE_AH ? integ_octets(b->ah.integ_id) : 0;

	if ((b->has & BUNDLE_ESP && !e) || (b->has & BUNDLE_AH && !ah))
		return false;
	q->n_encr = e ? (size_t)e->key_octets + e->salt_octets : 0;
	q->n_integ = e ? integ_octets(b->esp.integ_id) : ah;
	q->n_ah = e ? ah : 0;
	return q->n_encr + q->n_integ <= KEYMAT_MAX && q->n_ah <= KEYMAT_MAX;
}

/*
 * RFC 2409 section 5.5: "a single SA negotiation results in two security assocations - one inbound and one
 * outbound. Different SPIs for each SA (one chosen by the initiator, the other by the responder) guarantee a
 * different key for each direction"; and of a bundle one KEYMAT for each protocol, which is part of it.
 * The encryption key is its first part, then comes the integrity key.
 */
static bool
derive_direction(struct exchange *ex, struct quick_keys *out, uint32_t spi, uint32_t ah_spi)
{
	const struct ike_sa *sa = ex->sa;
	struct quick *q = quick_of(ex);
	struct span d = ike1_skeyid_d(sa), gxy = secret_span(&q->gxy), ni = secret_span(&q->ni), nr = secret_span(&q->nr);

	return phase2_keymat(out->esp, q->n_encr + q->n_integ, sa->prf_id, d, gxy, ex->child->protocol, spi, ni, nr) &&
	       phase2_keymat(out->ah, q->n_ah, sa->prf_id, d, gxy, PROTO_IPSEC_AH, ah_spi, ni, nr);
}

bool
quick_derive(struct exchange *ex)
{
	const struct child_sa *c = ex->child;
	struct quick *q = quick_of(ex);

	return key_sizes(q) && derive_direction(ex, &q->in, c->spi_in, c->ah_spi_in) &&
	       derive_direction(ex, &q->out, c->spi_out, c->ah_spi_out);
}

struct bundle_spis
quick_own_spis(const struct child_sa *c)
{
	bool alone = c->protocol == PROTO_IPSEC_AH;

	return (struct bundle_spis) {
		.esp = alone ? 0 : c->spi_in,
		.ah = alone ? c->spi_in : c->ah_spi_in,
		.cpi = c->cpi_in,
	};
}

bool
quick_new_spis(struct child_sa *c, uint8_t has)
{
	if (!child_new_spi(c))
		return false;
	child_new_bundle_spis(c, (has & BUNDLE_AH) && (has & BUNDLE_ESP), has & BUNDLE_IPCOMP);
	return true;
}

/* sha256_96 is not negotiated: the peer's number for HMAC-SHA-256 means the shorter form at both ends. */
static uint16_t
integ_as_used(const struct child *cfg, uint16_t id)
{
	return cfg->sha256_96 && id == INTEG_HMAC_SHA2_256_128 ? INTEG_HMAC_SHA2_256_96 : id;
}

void
quick_take_bundle(struct exchange *ex, const struct bundle *b)
{
	struct child_sa *c = ex->child;
	bool esp = b->has & BUNDLE_ESP, both = esp && (b->has & BUNDLE_AH);
	const struct suite *s = esp ? &b->esp : &b->ah;

	quick_of(ex)->bundle = *b;
	c->protocol = esp ? PROTO_IPSEC_ESP : PROTO_IPSEC_AH;
	c->spi_out = s->spi;
	c->encr = s->encr;
	c->integ_id = integ_as_used(c->cfg, s->integ_id);
	c->dh_id = s->dh_id;
	c->esn = s->esn;
	c->ah_spi_out = both ? b->ah.spi : 0;
	c->ah_integ_id = both ? integ_as_used(c->cfg, b->ah.integ_id) : INTEG_NONE;
	c->cpi_out = b->has & BUNDLE_IPCOMP ? (uint16_t)b->ipcomp.spi : 0;
	/* What we offered and the peer left out. */
	c->ah_spi_in = both ? c->ah_spi_in : 0;
	c->cpi_in = c->cpi_out ? c->cpi_in : 0;
	c->udp_encap = ex->sa->nat_local || ex->sa->nat_remote || ex->sa->nat_fake;
}

struct sa_keys
quick_keys_of(const struct quick *q, enum sa_direction dir)
{
	const struct quick_keys *k = dir == SA_INBOUND ? &q->in : &q->out;

	return (struct sa_keys) {
		.encr = span_of(k->esp, q->n_encr),
		.integ = span_of(k->esp + q->n_encr, q->n_integ),
		.ah = span_of(k->ah, q->n_ah),
	};
}

bool
quick_install(struct exchange *ex, enum sa_direction dir, enum parked_for who)
{
	struct sa_keys keys = quick_keys_of(quick_of(ex), dir);
	uint64_t ticket = child_install(ex->child, dir, &keys, who);

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

/* Who says no lifetime at all keeps the SA for the default one. */
static uint64_t
seconds_said(const struct suite *s)
{
	return s->life_seconds_given ? s->life_seconds : s->life_kilobytes_given ? 0 : LIFE_DEFAULT_SECONDS;
}

void
quick_take_lifetimes(struct exchange *ex, const struct child *cfg)
{
	struct quick *q = quick_of(ex);
	const struct suite *s = q->bundle.has & BUNDLE_ESP ? &q->bundle.esp : &q->bundle.ah;
	uint64_t seconds, kilobytes, theirs = seconds_said(s);

	quick_our_lifetimes(cfg, &seconds, &kilobytes);
	q->life_seconds = shorter(seconds, theirs);
	q->life_kilobytes = shorter(kilobytes, s->life_kilobytes_given ? s->life_kilobytes : 0);
	if (q->life_kilobytes && q->life_kilobytes <= UINT64_MAX / 1024)
		ex->child->life_octets = q->life_kilobytes * 1024;
	q->shorten = (theirs && seconds && seconds < theirs) ||
	             (s->life_kilobytes_given && kilobytes && kilobytes < s->life_kilobytes);
	if (theirs && seconds && theirs != seconds)
		say(ex->sa->core, LOG_CHD, LOG_CONTROL, ex->sa, "lifetime",
		    "lifetimes of CHILD_SA %s differ: the peer says %llu s, we say %llu s (life_time); the shorter holds",
		    cfg->name, (unsigned long long)theirs, (unsigned long long)seconds);
}

void
quick_shorten(struct exchange *ex, const struct message *m)
{
	struct quick *q = quick_of(ex);
	struct ike_sa *sa = ex->sa;
	struct lifetimes l = info_responder_lifetime(m, ex->child->protocol, &sa->core->scratch);

	if (l.seconds && (!q->life_seconds || l.seconds < q->life_seconds)) {
		say(sa->core, LOG_CHD, LOG_CONTROL, sa, "lifetime",
		    "the responder shortens the lifetime of CHILD_SA %s to %llu s", child_name(ex->child),
		    (unsigned long long)l.seconds);
		q->life_seconds = l.seconds;
	}
	if (l.kilobytes && l.kilobytes <= UINT64_MAX / 1024 && (!q->life_kilobytes || l.kilobytes < q->life_kilobytes)) {
		say(sa->core, LOG_CHD, LOG_CONTROL, sa, "lifetime",
		    "the responder shortens the lifetime of CHILD_SA %s to %llu kilobytes", child_name(ex->child),
		    (unsigned long long)l.kilobytes);
		q->life_kilobytes = l.kilobytes;
		ex->child->life_octets = l.kilobytes * 1024;
	}
}
