/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_binding.h"

#include <stdio.h>

static uint8_t
id_type_of(enum alt_name_type type, size_t octets)
{
	switch (type) {
	case ALT_NAME_DNS:
		return ID_FQDN;
	case ALT_NAME_EMAIL:
		return ID_USER_FQDN;
	case ALT_NAME_IP:
		return octets == 4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;
	case ALT_NAME_DN:
		return ID_DER_ASN1_DN;
	}
	return ID_ANY;
}

static bool
next_identity(struct identity *out, const struct certificate *c, size_t *cursor)
{
	enum alt_name_type type;
	struct span name;

	while (certificate_next_alt_name(c, cursor, &type, &name))
		if (identity_from_wire(out, id_type_of(type, name.n), name))
			return true;
	return false;
}

bool
certificate_subject_identity(struct identity *out, const struct certificate *c)
{
	struct span subject = certificate_subject(c);

	/* RFC 4945 section 3.1.5: an empty subject (an empty SEQUENCE) is no identity. */
	return subject.n > 2 && identity_from_wire(out, ID_DER_ASN1_DN, subject);
}

static bool
has_key_id(const struct certificate *c, struct span id)
{
	const struct key_facts *f = public_key_facts(certificate_key(c));

	return span_equal(id, certificate_key_identifier(c)) || span_equal(id, span_of(f->id, KEY_ID_OCTETS)) ||
	       span_equal(id, span_of(f->info_id, KEY_ID_OCTETS));
}

static bool
is_same(const struct identity *id, const struct identity *named)
{
	return identity_equal(id, named);
}

static bool
fits(const struct identity *pattern, const struct identity *named)
{
	return identity_match(pattern, named) > 0;
}

static bool
has_name(const struct certificate *c, const struct identity *id, bool (*agrees)(const struct identity *, const struct identity *))
{
	struct identity named;
	size_t cursor = 0;

	if (id->type == ID_KEY_ID)
		return has_key_id(c, identity_span(id));
	if (certificate_subject_identity(&named, c) && agrees(id, &named))
		return true;
	while (next_identity(&named, c, &cursor))
		if (agrees(id, &named))
			return true;
	return false;
}

bool
certificate_has_identity(const struct certificate *c, const struct identity *id)
{
	return has_name(c, id, fits);
}

bool
certificate_names(const struct certificate *c, const struct identity *id)
{
	return has_name(c, id, is_same);
}

const char *
certificate_describe(char *out, size_t cap, const struct certificate *c)
{
	char text[IDENTITY_TEXT_MAX];
	struct identity named;
	size_t cursor = 0, n;
	const char *before = " (";

	dn_format(out, cap, certificate_subject(c));
	n = strlen(out);
	while (n < cap && next_identity(&named, c, &cursor)) {
		n += (size_t)snprintf(out + n, cap - n, "%s%s", before, identity_format(text, &named));
		before = ", ";
	}
	if (n < cap && before[0] == ',')
		snprintf(out + n, cap - n, ")");
	return out;
}
