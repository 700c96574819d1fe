/* SPDX-License-Identifier: Apache-2.0 */

/* What a peer, or a server that it names, can hand us: a certificate, a bundle, a revocation list, an OCSP response. */
#include "fuzz.h"
#include "trust.h"

static void
as_certificate(struct span in)
{
	struct certificate *c = certificate_read(in), *anchors[] = { c };
	enum alt_name_type type;
	struct trust_path path;
	char why[TRUST_WHY_MAX];
	struct span name;
	size_t cursor = 0;

	if (!c)
		return;
	while (certificate_next_alt_name(c, &cursor, &type, &name))
		fuzz_require(name.n && name.p);
	public_key_verify(certificate_key(c), span_of("0123456789abcdef0123", 20), in);
	if (trust_path_find(&path, &(struct trust_input) { .subject = c, .anchors = anchors, .n_anchors = 1, .now = 1 << 30 },
	                    why) == TRUST_OK)
		trust_path_clear(&path);
	certificate_unref(c);
}

static void
as_bundle(struct span in)
{
	struct certificate *c[4];
	size_t n = certificates_of_pkcs7(c, 4, in);

	fuzz_require(n <= 4);
	while (n)
		certificate_unref(c[--n]);
}

static void
as_crl(struct span in)
{
	struct crl *crl = crl_read(in);

	if (!crl)
		return;
	fuzz_require(crl_der(crl).n > 0 && crl_issuer(crl).n > 0);
	crl_unref(crl);
}

/* Nothing of what is invented can be signed by the issuer. */
static void
as_response(struct span in)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
	                          "MIIBzDCCAXKgAwIBAgIBATAKBggqhkjOPQQDAjA9MQswCQYDVQQGEwJDSDESMBAG\n"
	                          "A1UECgwJU2FsbHlwb3J0MRowGAYDVQQDDBFTYWxseXBvcnQgUm9vdCBDQTAeFw0y\n"
	                          "NjExMjQxOTI5NThaFw0yNzExMjUxOTI5NThaMD0xCzAJBgNVBAYTAkNIMRIwEAYD\n"
	                          "VQQKDAlTYWxseXBvcnQxGjAYBgNVBAMMEVNhbGx5cG9ydCBSb290IENBMFkwEwYH\n"
	                          "KoZIzj0CAQYIKoZIzj0DAQcDQgAE8NQUu8wlRFKIvuv4vzLRTuY9orGqapH6m+cK\n"
	                          "dbRJLA7N9we0HxmMeLajH1nf+gwMcXsvC3WbtdHgmjABP22bKqNjMGEwDwYDVR0T\n"
	                          "AQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFCursmVFHaV+BzDq\n"
	                          "8zr8Kc2zsnR+MB8GA1UdIwQYMBaAFCursmVFHaV+BzDq8zr8Kc2zsnR+MAoGCCqG\n"
	                          "SM49BAMCA0gAMEUCIGOhrls+hffNi6dAaVNblRm4DbKCaHjwcwo6kUPFA1dJAiEA\n"
	                          "/egRA5SfchHrRWGXgD5dz+RXYxqypqkFr9MU5LlgH3E=\n"
	                          "-----END CERTIFICATE-----\n";
	static struct certificate *issuer;
	char why[TRUST_WHY_MAX];
	int64_t until;

	if (!issuer)
		issuer = certificate_read(span_str(pem));
	fuzz_require(issuer);
	fuzz_require(ocsp_check(in, issuer, issuer, NULL, 0, (struct span) { 0 }, 1 << 30, &until, why) != REVOCATION_GOOD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);

	as_certificate(in);
	as_bundle(in);
	as_crl(in);
	as_response(in);
	return 0;
}
