/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki.h"
#include "registry.h"
#include "trust_context.h"

static const char *const verdict_names[TRUST_VERDICTS] = {
	[TRUST_OK] = "trusted",
	[TRUST_NO_ISSUER] = "no-trusted-issuer",
	[TRUST_EXPIRED] = "certificate-expired",
	[TRUST_NOT_YET_VALID] = "certificate-not-yet-valid",
	[TRUST_BAD_SIGNATURE] = "certificate-signature",
	[TRUST_PATH_LENGTH] = "path-length",
	[TRUST_NAME_CONSTRAINTS] = "name-constraints",
	[TRUST_NOT_A_CA] = "not-a-ca",
	[TRUST_KEY_USAGE] = "key-usage",
	[TRUST_CRITICAL_EXTENSION] = "critical-extension",
	[TRUST_POLICY] = "certificate-policy",
	[TRUST_OTHER] = "certificate-invalid",
};

const char *
trust_verdict_name(enum trust_verdict v)
{
	return verdict_names[v];
}

/* What X509_verify_cert() calls its errors, in our words. */
static const struct {
	int error;
	enum trust_verdict verdict;
	const char *sentence;
} meanings[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TRUST_NO_ISSUER, "its issuer is not known here" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TRUST_NO_ISSUER, "its issuer is not known here" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TRUST_NO_ISSUER, "its issuer is not known here" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TRUST_NO_ISSUER, "it is signed by itself and not trusted here" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TRUST_NO_ISSUER, "it is a root that is not trusted here" },
	{ X509_V_ERR_CERT_UNTRUSTED, TRUST_NO_ISSUER, "it is not trusted here" },
	{ X509_V_ERR_CERT_HAS_EXPIRED, TRUST_EXPIRED, NULL },
	{ X509_V_ERR_CERT_NOT_YET_VALID, TRUST_NOT_YET_VALID, NULL },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, TRUST_BAD_SIGNATURE, "its signature is wrong" },
	{ X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, TRUST_BAD_SIGNATURE, "its signature algorithm is not supported" },
	{ X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, TRUST_BAD_SIGNATURE, "its issuer's public key cannot be read" },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, TRUST_PATH_LENGTH, "more CAs follow it than its pathLenConstraint allows" },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, TRUST_PATH_LENGTH, "the path is longer than 10 certificates" },
	{ X509_V_ERR_PERMITTED_VIOLATION, TRUST_NAME_CONSTRAINTS, "a CA's name constraints do not permit its names" },
	{ X509_V_ERR_EXCLUDED_VIOLATION, TRUST_NAME_CONSTRAINTS, "a CA's name constraints exclude one of its names" },
	{ X509_V_ERR_SUBTREE_MINMAX, TRUST_NAME_CONSTRAINTS, "a CA's name constraints cannot be understood" },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, TRUST_NAME_CONSTRAINTS, "a CA's name constraints cannot be understood" },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, TRUST_NAME_CONSTRAINTS, "a CA's name constraints cannot be understood" },
	{ X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, TRUST_NAME_CONSTRAINTS, "one of its names cannot be understood" },
	{ X509_V_ERR_INVALID_CA, TRUST_NOT_A_CA, "it is no CA certificate, but has issued another one" },
	{ X509_V_ERR_INVALID_NON_CA, TRUST_NOT_A_CA, "it is no CA certificate, but has issued another one" },
	{ X509_V_ERR_KEYUSAGE_NO_CERTSIGN, TRUST_KEY_USAGE, "its keyUsage does not let it sign certificates" },
	{ X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, TRUST_CRITICAL_EXTENSION,
	  "it has a critical extension that is not understood" },
	{ X509_V_ERR_INVALID_POLICY_EXTENSION, TRUST_POLICY, "its certificate policies cannot be understood" },
	{ X509_V_ERR_NO_EXPLICIT_POLICY, TRUST_POLICY,
	  "the path has none of the certificate policies that cert_policy asks for" },
};

static void
describe(char why[TRUST_WHY_MAX], const X509 *x, const char *sentence)
{
	char name[TRUST_WHY_MAX / 2] = "";
	X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;

	if (subject)
		X509_NAME_oneline(subject, name, sizeof name);
	for (char *p = name; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	snprintf(why, TRUST_WHY_MAX, "certificate %s: %s", name, sentence);
}

/* The moment from which, or since when, a certificate is no good, for those whose clock or certificate it is. */
static void
describe_date(char why[TRUST_WHY_MAX], const X509 *x, bool expired)
{
	char sentence[TRUST_WHY_MAX / 2 - 16], date[64] = "?";
	struct tm tm;

	if (ASN1_TIME_to_tm(expired ? X509_get0_notAfter(x) : X509_get0_notBefore(x), &tm))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
	snprintf(sentence, sizeof sentence,
	         expired ? "it has expired: it ended at %s. Issue a new one"
	                 : "it is not valid yet: it begins at %s. Compare the clocks",
	         date);
	describe(why, x, sentence);
}

bool
trust_is_in_time(const struct certificate *c, int64_t now, char why[TRUST_WHY_MAX])
{
	bool early = pki_time(X509_get0_notBefore(c->x)) > now, late = pki_time(X509_get0_notAfter(c->x)) < now;

	if (early || late)
		describe_date(why, c->x, late);
	return !early && !late;
}

static enum trust_verdict
failed(X509_STORE_CTX *ctx, char why[TRUST_WHY_MAX])
{
	int error = X509_STORE_CTX_get_error(ctx);
	const X509 *x = X509_STORE_CTX_get_current_cert(ctx);

	/* What concerns the whole path, concerns the subject. */
	x = x ? x : X509_STORE_CTX_get0_cert(ctx);
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		if (meanings[i].error != error)
			continue;
		if (meanings[i].sentence)
			describe(why, x, meanings[i].sentence);
		else
			describe_date(why, x, meanings[i].verdict == TRUST_EXPIRED);
		return meanings[i].verdict;
	}
	describe(why, x, X509_verify_cert_error_string(error));
	return TRUST_OTHER;
}

/* ---- the context that X509_verify_cert() works in */

static bool
push_all(STACK_OF(X509) * to, struct certificate *const *from, size_t n)
{
	for (size_t i = 0; i < n && i < TRUST_CERTIFICATES_MAX; i++)
		if (!sk_X509_push(to, from[i]->x))
			return false;
	return true;
}

bool
trust_context_open(struct trust_context *t, const struct certificate *subject, struct certificate *const *anchors,
                   size_t n_anchors, struct certificate *const *others, size_t n_others, int64_t now)
{
	*t = (struct trust_context) { X509_STORE_new(), X509_STORE_CTX_new(), sk_X509_new_null() };
	if (!t->store || !t->ctx || !t->others || !push_all(t->others, others, n_others))
		return false;
	for (size_t i = 0; i < n_anchors; i++)
		if (!X509_STORE_add_cert(t->store, anchors[i]->x))
			return false;
	if (!X509_STORE_CTX_init(t->ctx, t->store, subject->x, t->others))
		return false;
	/* An anchor need not be a root (RFC 5280 section 6.1.1 (d)). */
	X509_STORE_CTX_set_flags(t->ctx, X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_CTX_set_time(t->ctx, 0, (time_t)now);
	X509_STORE_CTX_set_depth(t->ctx, TRUST_PATH_MAX - 2);
	/* How strong keys and hashes must be, the configuration says. */
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(t->ctx), 0);
	return true;
}

void
trust_context_close(struct trust_context *t)
{
	X509_STORE_CTX_free(t->ctx);
	X509_STORE_free(t->store);
	sk_X509_free(t->others);
	ERR_clear_error();
}

/* ---- the path */

static bool
require_policies(X509_STORE_CTX *ctx, const struct trust_input *in)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	for (size_t i = 0; i < in->n_policies; i++) {
		ASN1_OBJECT *oid = OBJ_txt2obj(in->policies[i], 1);

		if (!oid || !X509_VERIFY_PARAM_add0_policy(param, oid)) {
			ASN1_OBJECT_free(oid);
			return false;
		}
	}
	if (in->n_policies)
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY);
	return true;
}

/* RFC 4945 section 5.1.3.2: digitalSignature or nonRepudiation, where keyUsage is there. */
static bool
may_sign(X509 *x)
{
	return X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
}

/*
 * RFC 4945 section 5.1.3.12: id-kp-ipsecIKE or anyExtendedKeyUsage, where the
 * extension is there; and what CAs have put into gateways' and users'
 * certificates before and since.
 */
static bool
is_for_ike(X509 *x)
{
	static const char *const usable[] = {
		"1.3.6.1.5.5.7.3.17", "2.5.29.37.0",       "1.3.6.1.5.5.8.2.2", "1.3.6.1.5.5.7.3.1",
		"1.3.6.1.5.5.7.3.2",  "1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.6", "1.3.6.1.5.5.7.3.7",
	};
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool fits = usages == NULL;
	char oid[64];

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages) && !fits; i++) {
		OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usages, i), 1);
		for (size_t j = 0; j < sizeof usable / sizeof usable[0]; j++)
			fits |= strcmp(oid, usable[j]) == 0;
	}
	EXTENDED_KEY_USAGE_free(usages);
	return fits;
}

static enum trust_verdict
check_usage(const STACK_OF(X509) * chain, char why[TRUST_WHY_MAX])
{
	X509 *subject = sk_X509_value(chain, 0);

	if (!may_sign(subject)) {
		describe(why, subject, "its keyUsage has neither digitalSignature nor nonRepudiation");
		return TRUST_KEY_USAGE;
	}
	if (!is_for_ike(subject)) {
		describe(why, subject, "its extendedKeyUsage is not for IPsec: ipsecIKE, or none, is what it should have");
		return TRUST_KEY_USAGE;
	}
	/* Without purpose libcrypto is lenient towards certificates of before X.509v3; between subject and anchor we are not. */
	for (int i = 1; i < sk_X509_num(chain) - 1; i++) {
		if (X509_check_ca(sk_X509_value(chain, i)) == 1)
			continue;
		describe(why, sk_X509_value(chain, i), "it is no CA certificate, but has issued another one");
		return TRUST_NOT_A_CA;
	}
	return TRUST_OK;
}

static bool
take_path(struct trust_path *out, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain) && out->n < TRUST_PATH_MAX; i++) {
		X509 *x = sk_X509_value(chain, i);

		out->cert[out->n] = X509_up_ref(x) ? certificate_wrap(x) : NULL;
		if (!out->cert[out->n])
			return false;
		out->n++;
	}
	return out->n && out->n == (size_t)sk_X509_num(chain);
}

enum trust_verdict
trust_path_find(struct trust_path *out, const struct trust_input *in, char why[TRUST_WHY_MAX])
{
	struct trust_context t;
	enum trust_verdict v = TRUST_OTHER;

	out->n = 0;
	snprintf(why, TRUST_WHY_MAX, "out of memory, or a policy is no OID");
	if (trust_context_open(&t, in->subject, in->anchors, in->n_anchors, in->others, in->n_others, in->now) &&
	    require_policies(t.ctx, in)) {
		v = X509_verify_cert(t.ctx) == 1 ? check_usage(X509_STORE_CTX_get0_chain(t.ctx), why) : failed(t.ctx, why);
		if (v == TRUST_OK && !take_path(out, X509_STORE_CTX_get0_chain(t.ctx)))
			v = TRUST_OTHER;
	}
	trust_context_close(&t);
	if (v != TRUST_OK)
		trust_path_clear(out);
	return v;
}

void
trust_path_clear(struct trust_path *p)
{
	for (size_t i = 0; i < p->n; i++)
		certificate_unref(p->cert[i]);
	p->n = 0;
}

uint16_t
certificate_signature_hash(const struct certificate *c)
{
	int hash;

	if (!X509_get_signature_info(c->x, &hash, NULL, NULL, NULL))
		return 0;
	switch (hash) {
	case NID_md5:
		return PRF_HMAC_MD5;
	case NID_sha1:
		return PRF_HMAC_SHA1;
	case NID_sha256:
		return PRF_HMAC_SHA2_256;
	case NID_sha384:
		return PRF_HMAC_SHA2_384;
	case NID_sha512:
		return PRF_HMAC_SHA2_512;
	default:
		return 0;
	}
}
