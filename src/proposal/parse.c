/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROPOSALS_MAX = 64 };

struct parse {
	enum proposal_protocol protocol;
	char *why;
	size_t why_size;
};

static bool
fail(const struct parse *ps, const char *what, struct span where, const char *hint)
{
	snprintf(ps->why, ps->why_size, "\"%.*s\" %s%s", (int)(where.n < 80 ? where.n : 80), (const char *)where.p, what, hint);
	return false;
}

static bool
usable(const struct algorithm *a, enum proposal_protocol protocol)
{
	switch (protocol) {
	case PROPOSAL_IKE:
		return a->ike;
	case PROPOSAL_ESP:
		return a->esp;
	case PROPOSAL_AH:
		return a->kind == TRANSFORM_INTEG ? a->ah1_value != 0 : a->esp && a->kind != TRANSFORM_ENCR;
	}
	return false;
}

/* The keywords that the protocol takes, one kind after another, weak ones last. */
static bool
fail_keyword(const struct parse *ps, struct span word)
{
	char list[1024];
	size_t n = 0;

	for (int weak = 0; weak < 2; weak++) {
		for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a)) {
			int k;

			if (a->weak != weak || !usable(a, ps->protocol))
				continue;
			k = snprintf(list + n, sizeof list - n, " %s", a->keyword);
			if (k > 0 && (size_t)k < sizeof list - n)
				n += (size_t)k;
		}
		if (weak == 0 && n + 2 < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, ";");
	}
	list[n] = 0;
	return fail(ps, "is no algorithm that is allowed here. Allowed (weak ones after the semicolon):", word, list);
}

/* What we have, and this protocol has no place for. */
static bool
fail_place(const struct parse *ps, const struct algorithm *a, struct span word)
{
	if (ps->protocol == PROPOSAL_IKE && a->kind == TRANSFORM_ENCR && a->id != ENCR_NULL)
		return fail(ps,
		            "is not for Phase 1: IKEv1 has no number for it there (RFC 2409 Appendix A, as IANA continues it, has ciphers "
		            "in CBC mode only, no AEAD such as GCM). Write aes256-sha256-modp2048 or aes256-sha384-ecp384 here; in "
		            "esp_proposals it is allowed",
		            word, "");
	if (ps->protocol == PROPOSAL_AH && a->kind == TRANSFORM_ENCR)
		return fail(ps, "encrypts, and AH does not: name integrity algorithms, such as sha256; ciphers go into esp_proposals",
		            word, "");
	return fail_keyword(ps, word);
}

static bool
add(struct proposal *p, const struct algorithm *a)
{
	struct transform t = { .id = a->id, .key_bits = a->kind == TRANSFORM_ENCR ? a->key_bits : 0 };
	uint8_t n = p->kind[a->kind].n;

	for (size_t i = 0; i < n; i++)
		if (p->kind[a->kind].t[i].id == t.id && p->kind[a->kind].t[i].key_bits == t.key_bits)
			return true;
	if (n == PROPOSAL_ALGORITHMS_MAX)
		return false;
	p->kind[a->kind].t[n] = t;
	p->kind[a->kind].n = (uint8_t)(n + 1);
	return true;
}

static bool
add_word(const struct parse *ps, struct proposal *p, struct span word)
{
	const struct algorithm *a = algorithm_by_keyword(word);

	/* strongSwan passes over a PRF outside of IKE proposals; so files that have one go on working. */
	if (a && a->kind == TRANSFORM_PRF && ps->protocol != PROPOSAL_IKE)
		return true;
	if (!a)
		return fail_keyword(ps, word);
	if (!usable(a, ps->protocol))
		return fail_place(ps, a, word);
	return add(p, a) || fail(ps, "is one algorithm of its kind too many in one proposal", word, "");
}

static size_t
count_aead(const struct proposal *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->kind[TRANSFORM_ENCR].n; i++) {
		const struct transform *t = &p->kind[TRANSFORM_ENCR].t[i];
		const struct algorithm *a = algorithm_by_id(TRANSFORM_ENCR, t->id, t->key_bits);

		n += a && a->out_octets > 0;
	}
	return n;
}

/* IKE's integrity keywords also name the PRF, unless one is named: "sha256" stands for both. */
static void
derive_prf(struct proposal *p)
{
	if (p->kind[TRANSFORM_PRF].n)
		return;
	for (size_t i = 0; i < p->kind[TRANSFORM_INTEG].n; i++) {
		const struct algorithm *integ = algorithm_by_id(TRANSFORM_INTEG, p->kind[TRANSFORM_INTEG].t[i].id, 0);
		const struct algorithm *prf = integ ? algorithm_by_ike1(TRANSFORM_PRF, integ->ike1_value, 0) : NULL;

		if (prf)
			add(p, prf);
	}
}

static bool
finish_ciphers(const struct parse *ps, struct proposal *p, struct span item)
{
	size_t aead = count_aead(p);

	if (p->kind[TRANSFORM_ENCR].n == 0)
		return fail(ps, "names no encryption algorithm: add one, such as aes256", item, "");
	if (aead && aead < p->kind[TRANSFORM_ENCR].n)
		return fail(ps, "mixes ciphers that protect integrity themselves (gcm) with others: write two proposals", item,
		            "");
	if (!aead && p->kind[TRANSFORM_INTEG].n == 0)
		return fail(ps, "names no integrity algorithm: add one, such as sha256", item, "");
	if (aead)
		p->kind[TRANSFORM_INTEG].n = 0;
	return true;
}

static bool
finish(const struct parse *ps, struct proposal *p, struct span item)
{
	if (ps->protocol == PROPOSAL_IKE)
		derive_prf(p);
	if (ps->protocol != PROPOSAL_AH && !finish_ciphers(ps, p, item))
		return false;
	if (ps->protocol == PROPOSAL_AH && p->kind[TRANSFORM_INTEG].n == 0)
		return fail(ps, "names no integrity algorithm: add one, such as sha256", item, "");
	if (ps->protocol != PROPOSAL_IKE)
		return p->kind[TRANSFORM_ESN].n || add(p, algorithm_by_id(TRANSFORM_ESN, ESN_NO, 0));
	if (p->kind[TRANSFORM_PRF].n == 0)
		return fail(ps, "names no pseudo-random function: add one, such as prfsha256", item, "");
	if (p->kind[TRANSFORM_DH].n == 0)
		return fail(ps, "names no Diffie-Hellman group: add one, such as modp2048 or ecp256", item, "");
	return true;
}

static struct span
trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The part before the next @c, which @rest then starts behind; false at the end. */
static bool
next_part(struct span *part, struct span *rest, char c, bool *done)
{
	const uint8_t *at;

	if (*done)
		return false;
	at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
	*part = span_of(rest->p, at ? (size_t)(at - rest->p) : rest->n);
	*rest = at ? span_of(at + 1, rest->n - part->n - 1) : (struct span) { 0 };
	*done = !at;
	return true;
}

static bool
append(struct proposals *out, const struct proposal *p)
{
	struct proposal *more = out->n < PROPOSALS_MAX ? realloc(out->p, (out->n + 1) * sizeof *more) : NULL;

	if (!more)
		return false;
	out->p = more;
	more[out->n++] = *p;
	return true;
}

static bool
parse_item(const struct parse *ps, struct proposals *out, struct span item)
{
	struct proposal p = { 0 };
	struct span rest = item, word;
	bool done = false;

	if (item.n == 0)
		return fail(ps, "is an empty proposal: write algorithms joined by '-', or \"default\"", item, "");
	if (span_equal(item, span_str("default")))
		return proposals_default(out, ps->protocol) || fail(ps, "is one proposal too many", item, "");
	while (next_part(&word, &rest, '-', &done))
		if (!add_word(ps, &p, word))
			return false;
	return finish(ps, &p, item) && (append(out, &p) || fail(ps, "is one proposal too many", item, ""));
}

bool
proposals_parse(struct proposals *out, enum proposal_protocol protocol, struct span text, char *why, size_t why_size)
{
	struct parse ps = { .protocol = protocol, .why = why, .why_size = why_size };
	struct span rest = text, item;
	size_t before = out->n;
	bool done = false;

	while (next_part(&item, &rest, ',', &done)) {
		if (!parse_item(&ps, out, trim(item))) {
			out->n = before;
			return false;
		}
	}
	return true;
}

/*
 * RFC 8247 (IKE) and RFC 8221 (ESP), without what they call legacy. The groups
 * of ESP begin with none: PFS is accepted, and asked for by those who name a group.
 */
static const char *const defaults[][3] = {
	[PROPOSAL_IKE] = { "aes256-aes192-aes128-sha256-sha384-sha512-ecp256-ecp384-ecp521-curve25519-modp3072-modp4096-"
	                   "modp6144-modp8192-modp2048" },
	[PROPOSAL_ESP] = { "aes256gcm16-aes192gcm16-aes128gcm16-modpnone-ecp256-ecp384-ecp521-curve25519-modp3072-modp4096-"
	                   "modp6144-modp8192-modp2048",
	                   "aes256-aes192-aes128-sha256-sha384-sha512-modpnone-ecp256-ecp384-ecp521-curve25519-modp3072-"
	                   "modp4096-modp6144-modp8192-modp2048" },
	[PROPOSAL_AH] = { "sha256-sha384-sha512" },
};

bool
proposals_default(struct proposals *out, enum proposal_protocol protocol)
{
	char why[128];

	for (size_t i = 0; i < 3 && defaults[protocol][i]; i++)
		if (!proposals_parse(out, protocol, span_str(defaults[protocol][i]), why, sizeof why))
			return false;
	return true;
}

bool
proposals_copy(struct proposals *out, const struct proposals *from)
{
	*out = (struct proposals) { 0 };
	if (from->n == 0)
		return true;
	out->p = malloc(from->n * sizeof *out->p);
	if (!out->p)
		return false;
	memcpy(out->p, from->p, from->n * sizeof *out->p);
	out->n = from->n;
	return true;
}

void
proposals_free(struct proposals *p)
{
	free(p->p);
	*p = (struct proposals) { 0 };
}

const char *
proposal_format(char *out, size_t n, const struct proposal *p)
{
	static const enum transform_kind order[] = { TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_PRF, TRANSFORM_DH,
		                                     TRANSFORM_ESN };
	size_t at = 0;

	if (n)
		out[0] = 0;
	for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
		for (size_t i = 0; i < p->kind[order[k]].n; i++) {
			const struct transform *t = &p->kind[order[k]].t[i];
			char name[40];
			int len = snprintf(out + at, n - at, "%s%s", at ? "/" : "",
			                   algorithm_format(name, order[k], t->id, t->key_bits));

			if (len < 0 || (size_t)len >= n - at)
				return out;
			at += (size_t)len;
		}
	}
	return out;
}
