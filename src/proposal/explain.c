/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "ike1_sa.h"

enum { TEXT_MAX = 1024 };

struct text {
	char s[TEXT_MAX];
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n < sizeof t->s - t->n ? (size_t)n : sizeof t->s - t->n - 1;
}

const char *
explain_mismatch(enum mismatch m)
{
	switch (m) {
	case MISMATCH_NONE:
		return "nothing";
	case MISMATCH_ENCR:
		return "encryption algorithm";
	case MISMATCH_KEY_LENGTH:
		return "key length of the encryption algorithm";
	case MISMATCH_PRF:
		return "hash algorithm";
	case MISMATCH_INTEG:
		return "integrity algorithm";
	case MISMATCH_DH:
		return "Diffie-Hellman group";
	case MISMATCH_PFS:
		return "perfect forward secrecy (PFS)";
	case MISMATCH_ESN:
		return "extended sequence numbers";
	case MISMATCH_AUTH:
		return "authentication method";
	case MISMATCH_ENCAPSULATION:
		return "encapsulation mode";
	case MISMATCH_PROTOCOL:
		return "protocol";
	case MISMATCH_LIFETIME:
		return "lifetime";
	case MISMATCH_UNKNOWN:
		return "something that we do not know";
	case MISMATCH_WEAK:
		return "strength";
	}
	return "something else";
}

/* IKEv1's hash stands for both PRF and integrity, and strongSwan prints both. */
static uint16_t
integ_of_prf(uint16_t prf_id)
{
	const struct algorithm *prf = algorithm_by_id(TRANSFORM_PRF, prf_id, 0);
	const struct algorithm *integ = prf ? algorithm_by_ike1(TRANSFORM_INTEG, prf->ike1_value, 0) : NULL;

	return integ ? integ->id : INTEG_NONE;
}

static void
one(struct proposal *p, enum transform_kind kind, uint16_t id, uint16_t key_bits)
{
	p->kind[kind].t[0] = (struct transform) { id, key_bits };
	p->kind[kind].n = 1;
}

const char *
explain_suite(struct arena *a, const struct suite *s, enum proposal_protocol protocol)
{
	struct proposal p = { 0 };
	uint16_t integ = protocol == PROPOSAL_IKE ? integ_of_prf(s->prf_id) : s->integ_id;
	char text[256];

	if (s->unknown)
		return arena_printf(a, "%s", s->unknown_what);
	if (protocol != PROPOSAL_AH)
		one(&p, TRANSFORM_ENCR, s->encr.id, s->encr.key_bits);
	if (integ != INTEG_NONE)
		one(&p, TRANSFORM_INTEG, integ, 0);
	if (s->dh_id != DH_NONE)
		one(&p, TRANSFORM_DH, s->dh_id, 0);
	if (protocol == PROPOSAL_IKE)
		one(&p, TRANSFORM_PRF, s->prf_id, 0);
	else
		one(&p, TRANSFORM_ESN, s->esn ? ESN_YES : ESN_NO, 0);
	return arena_printf(a, "%s", proposal_format(text, sizeof text, &p));
}

/* Where the comparison of a pair ended: the further, the nearer they are. What is unknown was not compared. */
static unsigned
nearness(enum mismatch m)
{
	return m == MISMATCH_UNKNOWN ? 0 : (unsigned)m;
}

/* The refusal that tells most: the pair that came nearest to agreement, the first of equals. */
static const struct refusal *
nearest(const struct match *m)
{
	const struct refusal *best = NULL;

	for (size_t i = 0; i < m->n_refusals; i++)
		if (!best || nearness(m->refusal[i].first) > nearness(best->first))
			best = &m->refusal[i];
	return best;
}

static enum transform_kind
kind_of(enum mismatch m)
{
	switch (m) {
	case MISMATCH_PRF:
		return TRANSFORM_PRF;
	case MISMATCH_INTEG:
		return TRANSFORM_INTEG;
	case MISMATCH_DH:
	case MISMATCH_PFS:
		return TRANSFORM_DH;
	case MISMATCH_ESN:
		return TRANSFORM_ESN;
	default:
		return TRANSFORM_ENCR;
	}
}

static struct transform
offered_transform(const struct suite *s, enum transform_kind kind)
{
	switch (kind) {
	case TRANSFORM_PRF:
		return (struct transform) { s->prf_id, 0 };
	case TRANSFORM_INTEG:
		return (struct transform) { s->integ_id, 0 };
	case TRANSFORM_DH:
		return (struct transform) { s->dh_id, 0 };
	case TRANSFORM_ESN:
		return (struct transform) { s->esn ? ESN_YES : ESN_NO, 0 };
	default:
		return s->encr;
	}
}

static void
put_allowed(struct text *t, const struct proposal *p, enum transform_kind kind)
{
	char name[40];

	for (size_t i = 0; i < p->kind[kind].n; i++)
		put(t, "%s%s", i ? ", " : "", algorithm_format(name, kind, p->kind[kind].t[i].id, p->kind[kind].t[i].key_bits));
	if (p->kind[kind].n == 0)
		put(t, "none");
}

static const char *
setting(const struct match_terms *terms)
{
	return terms->protocol == PROPOSAL_IKE   ? "connections.<c>.proposals"
	       : terms->protocol == PROPOSAL_ESP ? "connections.<c>.children.<ch>.esp_proposals"
	                                         : "connections.<c>.children.<ch>.ah_proposals";
}

/* The word that would make us accept it. In IKE the hash is asked for by the integrity keyword. */
static const struct algorithm *
wanted(const struct transform *t, enum transform_kind kind)
{
	const struct algorithm *a = algorithm_by_id(kind, t->id, t->key_bits);

	if (a && kind == TRANSFORM_PRF)
		return algorithm_by_ike1(TRANSFORM_INTEG, a->ike1_value, 0);
	return a;
}

static void
put_algorithm_mismatch(struct text *t, enum mismatch first, const struct suite *s, const struct proposal *p,
                       const struct match_terms *terms)
{
	enum transform_kind kind = kind_of(first);
	struct transform theirs = offered_transform(s, kind);
	const struct algorithm *a = wanted(&theirs, kind);
	char name[40];

	put(t, "they differ first in the %s (offered %s, allowed ", explain_mismatch(first),
	    algorithm_format(name, kind, theirs.id, theirs.key_bits));
	put_allowed(t, p, kind);
	put(t, "): ");
	if (a && a->id)
		put(t, "set %s to include %s%s, or change the peer", setting(terms), a->keyword, a->weak ? " (weak)" : "");
	else
		put(t, "change the peer, or %s", setting(terms));
}

static void
put_pfs_mismatch(struct text *t, const struct suite *s, const struct proposal *p, const struct match_terms *terms)
{
	const struct algorithm *a = algorithm_by_id(TRANSFORM_DH, s->dh_id, 0);
	char name[40];

	if (s->dh_id != DH_NONE) {
		put(t,
		    "the peer wants perfect forward secrecy (PFS) with %s, we have none configured: add %s%s to %s, "
		    "or turn PFS off at the peer",
		    algorithm_format(name, TRANSFORM_DH, s->dh_id, 0), a ? a->keyword : "the group",
		    a && a->weak ? " (weak)" : "", setting(terms));
		return;
	}
	if (terms->pfs) {
		put(t,
		    "Phase 1 was an Aggressive Mode, so we require perfect forward secrecy (PFS), but the peer offers none: turn "
		    "PFS on at the peer and name a group in %s, or set charon.sallyport.aggressive_mode_without_pfs = yes",
		    setting(terms));
		return;
	}
	put(t, "we want perfect forward secrecy (PFS) with ");
	put_allowed(t, p, TRANSFORM_DH);
	put(t, ", the peer offers none: turn PFS on at the peer, or leave the group out of %s", setting(terms));
}

static void
put_encapsulation_mismatch(struct text *t, const struct suite *s, const struct match_terms *terms)
{
	const char *theirs = encapsulation_name(s->encapsulation), *ours = encapsulation_name(terms->encapsulation);

	put(t,
	    "they differ first in the encapsulation mode (offered %s, needed here %s): set children.<ch>.mode alike at "
	    "both ends; \"in UDP\" follows from a NAT between them or from encap = yes",
	    theirs ? theirs : "an unknown one", ours ? ours : "another");
}

static void
put_mismatch(struct text *t, enum mismatch first, const struct suite *s, const struct proposal *p,
             const struct match_terms *terms)
{
	switch (first) {
	case MISMATCH_UNKNOWN:
		put(t, "the offer holds %s, which is not supported here: change the peer's proposal", s->unknown_what);
		return;
	case MISMATCH_PFS:
		put_pfs_mismatch(t, s, p, terms);
		return;
	case MISMATCH_ENCAPSULATION:
		put_encapsulation_mismatch(t, s, terms);
		return;
	default:
		put_algorithm_mismatch(t, first, s, p, terms);
		return;
	}
}

static void
put_more(struct text *t, size_t n)
{
	if (n > 1)
		put(t, " (%zu more)", n - 1);
}

/* It is compared last, so the algorithms agree, and to list them would only hide what does not. */
static const char *
explain_auth(struct arena *a, const struct suite *s, const struct match_terms *terms)
{
	const char *theirs = ike1_auth_name(s->auth), *ours = ike1_auth_name(terms->auth);

	return arena_printf(
	        a,
	        "only the authentication method differs: the peer offers %s (%u), this connection has %s; set local.auth "
	        "and remote.auth alike at both ends",
	        theirs ? theirs : "an unknown one", s->auth, ours ? ours : "another");
}

/* "the peer offers X (2 more); we allow Y (1 more): " and the first thing that differs. */
static const char *
explain_refusal(struct arena *a, const struct refusal *r, const struct suites *offered, const struct proposals *ours,
                const struct match_terms *terms)
{
	const char *suite;
	struct text t = { .n = 0 };
	char configured[400];

	if (r->first == MISMATCH_AUTH)
		return explain_auth(a, &offered->s[r->offered], terms);
	suite = explain_suite(a, &offered->s[r->offered], terms->protocol);
	if (!suite)
		return NULL;
	put(&t, "the peer offers %s", suite);
	put_more(&t, offered->n);
	put(&t, "; we allow %s", proposal_format(configured, sizeof configured, &ours->p[r->configured]));
	put_more(&t, ours->n);
	put(&t, ": ");
	put_mismatch(&t, r->first, &offered->s[r->offered], &ours->p[r->configured], terms);
	return arena_printf(a, "%s", t.s);
}

const char *
explain_match(struct arena *a, const struct match *m, const struct suites *offered, const struct proposals *ours,
              const struct match_terms *terms)
{
	const struct refusal *r = nearest(m);
	const char *suite;

	if (m->chosen) {
		suite = explain_suite(a, &offered->s[m->offered], terms->protocol);
		return suite ? arena_printf(a, "selected %s", suite) : NULL;
	}
	if (offered->n == 0)
		return "the peer offers no proposal at all";
	if (ours->n == 0 || !r)
		return arena_printf(a, "nothing is allowed here: set %s", setting(terms));
	return explain_refusal(a, r, offered, ours, terms);
}

/* The protocols under the number of one suite. */
static uint8_t
offered_protocols(const struct suites *all, uint8_t number)
{
	uint8_t has = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->s[i].proposal_number == number)
			has |= bundle_bit(all->s[i].protocol);
	return has;
}

static const char *
explain_protocols(struct arena *a, const struct suite *s, const struct suites *offered, const struct bundle_terms *terms)
{
	uint8_t want = bundle_wanted(terms), has = offered_protocols(offered, s->proposal_number);

	if (s->unknown)
		return arena_printf(a, "the offer holds %s, which is not supported here: change the peer's proposal",
		                    s->unknown_what);
	return arena_printf(a,
	                    "the peer offers %s, we want %s: set children.<ch>.esp_proposals, ah_proposals and ipcomp alike at "
	                    "both ends",
	                    bundle_name(has), bundle_name(terms->ipcomp ? want | BUNDLE_IPCOMP : want));
}

const char *
explain_bundles(struct arena *a, const struct match *m, const struct suites *offered, const struct bundle_terms *terms)
{
	const struct refusal *r = NULL;
	const struct suite *s;

	if (offered->n == 0)
		return "the peer offers no proposal at all";
	if (!bundle_wanted(terms))
		return "nothing is allowed here: set esp_proposals or ah_proposals";
	/* Of the right protocols first: those came nearer. */
	for (size_t i = 0; i < m->n_refusals; i++)
		if (m->refusal[i].first != MISMATCH_PROTOCOL && (!r || nearness(m->refusal[i].first) > nearness(r->first)))
			r = &m->refusal[i];
	if (!r && m->n_refusals)
		return explain_protocols(a, &offered->s[m->refusal[0].offered], offered, terms);
	if (!r)
		return "the peer's proposals of one number do not go together: they need one group and one encapsulation mode, "
		       "and IPComp with DEFLATE";
	s = &offered->s[r->offered];

	struct match_terms t = { .protocol = s->protocol == PROTO_IPSEC_AH ? PROPOSAL_AH : PROPOSAL_ESP,
		                 .encapsulation = terms->encapsulation,
		                 .pfs = terms->pfs };

	return explain_refusal(a, r, offered, t.protocol == PROPOSAL_AH ? terms->ah : terms->esp, &t);
}
