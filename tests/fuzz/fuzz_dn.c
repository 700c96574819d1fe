/* SPDX-License-Identifier: Apache-2.0 */

/* A distinguished name: as DER from a peer's ID payload, and as text of a configuration. */
#include "fuzz.h"
#include "identity.h"

static void
check_text(const char *text)
{
	for (; *text; text++)
		fuzz_require(*text >= 0x20 && *text <= 0x7e);
}

/* What is read as a name equals itself, fits itself under each rule, and prints harmlessly. */
static void
as_der(struct span in)
{
	struct dn_attribute a[DN_ATTRIBUTES_MAX];
	char out[IDENTITY_TEXT_MAX];
	struct identity id;
	size_t n;

	if (!identity_from_wire(&id, ID_DER_ASN1_DN, in))
		return;
	check_text(identity_format(out, &id));
	fuzz_require(identity_equal(&id, &id));
	if (!dn_read(a, &n, DN_ATTRIBUTES_MAX, in))
		return;
	for (int how = RDN_STRICT; how <= RDN_RELAXED; how++)
		fuzz_require(dn_match(in, in, (enum rdn_matching)how) >= 0);
}

/* What the text means is a name in DER, whose text means the same where it needs no quotes. */
static void
as_text(struct span in)
{
	uint8_t der[IDENTITY_OCTETS_MAX];
	struct dn_attribute a[DN_ATTRIBUTES_MAX];
	char out[IDENTITY_TEXT_MAX];
	const char *why;
	size_t n = dn_parse(der, sizeof der, in, &why), m;

	fuzz_require(n <= sizeof der && (n > 0) == (why == NULL));
	if (!n)
		return;
	fuzz_require(dn_read(a, &m, DN_ATTRIBUTES_MAX, span_of(der, n)));
	check_text(dn_format(out, sizeof out, span_of(der, n)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	as_der(span_of(data, n));
	as_text(span_of(data, n));
	return 0;
}
