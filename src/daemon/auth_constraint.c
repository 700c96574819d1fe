/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_constraint.h"

#include <stdio.h>
#include <stdlib.h>

#include "identity.h"
#include "registry.h"

enum { RSA_BITS_DEFAULT = 2048, ECDSA_BITS_DEFAULT = 256, RSA_BITS_MIN = 1024 };

static const struct {
	const char *word;
	uint16_t prf_id;
} hashes[] = {
	{ "sha1", PRF_HMAC_SHA1 },
	{ "sha256", PRF_HMAC_SHA2_256 },
	{ "sha384", PRF_HMAC_SHA2_384 },
	{ "sha512", PRF_HMAC_SHA2_512 },
};

enum { N_HASHES = sizeof hashes / sizeof hashes[0] };

static const uint32_t sha2 = 1u << PRF_HMAC_SHA2_256 | 1u << PRF_HMAC_SHA2_384 | 1u << PRF_HMAC_SHA2_512;

/* The state of the parser: a number belongs to the kind of key in front of it. */
struct parser {
	struct auth_constraint *out;
	unsigned *bits;
	const char *bad; /* what is wrong with a word */
};

static bool
take_number(struct parser *p, const char *word)
{
	char *end;
	unsigned long v = strtoul(word, &end, 10);

	if (end == word || *end)
		return false;
	if (!p->bits)
		p->bad = "a number of bits stands behind rsa or ecdsa";
	else if (p->bits == &p->out->rsa_bits && (v < RSA_BITS_MIN || v > 16384))
		p->bad = "RSA keys have from 1024 to 16384 bits";
	else if (p->bits == &p->out->ecdsa_bits && v > 521)
		p->bad = "ECDSA keys have 256, 384 or 521 bits";
	else
		*p->bits = (unsigned)v;
	return true;
}

static void
take_word(struct parser *p, const char *word)
{
	if (!strcmp(word, "pubkey")) {
		p->out->rsa = p->out->ecdsa = true;
	} else if (!strcmp(word, "rsa") || !strcmp(word, "rsa/pkcs1")) {
		p->out->rsa = true;
		p->bits = &p->out->rsa_bits;
	} else if (!strcmp(word, "ecdsa")) {
		p->out->ecdsa = true;
		p->bits = &p->out->ecdsa_bits;
	} else if (!take_number(p, word)) {
		for (size_t i = 0; i < N_HASHES; i++) {
			if (strcmp(word, hashes[i].word))
				continue;
			p->out->hashes |= 1u << hashes[i].prf_id;
			return;
		}
		p->bad = "there are pubkey, rsa, ecdsa, numbers of bits, sha1, sha256, sha384 and sha512, with '-' between them";
	}
}

bool
auth_constraint_parse(struct auth_constraint *out, const char *text, char *why, size_t why_size)
{
	struct parser p = { .out = out };
	char copy[256], *rest = copy, *word;

	*out = (struct auth_constraint) { .rsa_bits = RSA_BITS_DEFAULT, .ecdsa_bits = ECDSA_BITS_DEFAULT };
	/* "ike:" limits IKEv2's signatures only; in IKEv1 the hash is the PRF's. */
	if (!text || !strncmp(text, "ike:", 4))
		text = "pubkey";

	size_t n = strlen(text);

	if (n >= sizeof copy) {
		p.bad = "it is too long";
		n = 0;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	while (!p.bad && (word = strsep(&rest, "-")))
		take_word(&p, word);
	if (!out->hashes)
		out->hashes = sha2;
	if (p.bad)
		snprintf(why, why_size, "%s", p.bad);
	return !p.bad;
}

/* ---- judging */

static const char *
key_flaw(const struct auth_constraint *c, const struct key_facts *f, bool is_subject)
{
	if (is_subject && ((f->type == KEY_RSA && !c->rsa) || (f->type == KEY_ECDSA && !c->ecdsa)))
		return "its kind of key is not among those that auth allows";
	if (f->type == KEY_RSA && f->bits < c->rsa_bits)
		return "its RSA key is shorter than auth allows (2048 bits, unless it says rsa-<bits>)";
	if (f->type == KEY_ECDSA && f->bits < c->ecdsa_bits)
		return "its ECDSA key is shorter than auth allows";
	return NULL;
}

static const char *
hash_flaw(const struct auth_constraint *c, uint16_t hash)
{
	if (hash == 0)
		return c->hashes == sha2 ? NULL : "its signature has none of the hashes that auth allows";
	if (c->hashes & 1u << hash)
		return NULL;
	return hash == PRF_HMAC_SHA1 && c->hashes == sha2 ? "it is signed with SHA-1, which is broken: have it issued again, or "
	                                                    "permit it with auth = pubkey-sha1-sha256"
	                                                  : "it is signed with a hash that auth does not allow";
}

bool
auth_constraint_admits(const struct auth_constraint *c, const struct trust_path *path, char *why, size_t why_size)
{
	char name[IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < path->n; i++) {
		const char *flaw = key_flaw(c, public_key_facts(certificate_key(path->cert[i])), i == 0);

		if (!flaw && i + 1 < path->n)
			flaw = hash_flaw(c, certificate_signature_hash(path->cert[i]));
		if (!flaw)
			continue;
		snprintf(why, why_size, "certificate %s: %s", dn_format(name, sizeof name, certificate_subject(path->cert[i])),
		         flaw);
		return false;
	}
	return true;
}
