/* SPDX-License-Identifier: Apache-2.0 */
#include "ike1_sa.h"

#include <stdarg.h>
#include <stdio.h>

#include "ike1_attributes.h"

enum { CLASSES = 32, CPI_NEGOTIATED_MIN = 256 };

/* One transform being read. */
struct reading {
	struct suite *s;
	struct arena *a;
	uint64_t value[CLASSES]; /* by attribute class */
	bool seen[CLASSES];
	uint64_t life_type; /* of the next duration; 0: none said */
};

/* Which classes a phase has: those that we read, and those that we only know by name. */
struct classes {
	uint16_t life_type, life_duration;
	struct {
		const char *name;
		bool read;
	} c[CLASSES];
};

static const struct classes phase1 = {
	.life_type = IKE1_LIFE_TYPE,
	.life_duration = IKE1_LIFE_DURATION,
	.c = {
		[IKE1_ENCRYPTION] = { "encryption algorithm", true },
		[IKE1_HASH] = { "hash algorithm", true },
		[IKE1_AUTH] = { "authentication method", true },
		[IKE1_GROUP] = { "Diffie-Hellman group", true },
		[IKE1_KEY_LENGTH] = { "key length", true },
		[IKE1_GROUP_TYPE] = { "group type", false },
		[IKE1_GROUP_PRIME] = { "group prime", false },
		[IKE1_GROUP_GENERATOR_ONE] = { "group generator", false },
		[IKE1_GROUP_GENERATOR_TWO] = { "second group generator", false },
		[IKE1_GROUP_CURVE_A] = { "group curve", false },
		[IKE1_GROUP_CURVE_B] = { "group curve", false },
		[IKE1_PRF] = { "pseudo-random function", false },
		[IKE1_FIELD_SIZE] = { "group field size", false },
		[IKE1_GROUP_ORDER] = { "group order", false },
	},
};

static const struct classes phase2 = {
	.life_type = ESP1_LIFE_TYPE,
	.life_duration = ESP1_LIFE_DURATION,
	.c = {
		[ESP1_GROUP] = { "Diffie-Hellman group", true },
		[ESP1_ENCAPSULATION] = { "encapsulation mode", true },
		[ESP1_AUTH] = { "authentication algorithm", true },
		[ESP1_KEY_LENGTH] = { "key length", true },
		[ESP1_ESN] = { "extended sequence numbers", true },
		[ESP1_KEY_ROUNDS] = { "key rounds", false },
		[ESP1_COMPRESS_DICTIONARY] = { "compression dictionary size", false },
		[ESP1_COMPRESS_PRIVATE] = { "private compression algorithm", false },
	},
};

/* Marks the suite; the first reason stays. */
static void __attribute__((format(printf, 4, 5)))
unknown(struct suite *s, struct arena *a, enum suite_fault fault, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	if (s->unknown)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->unknown = true;
	s->fault = (uint8_t)fault;
	s->unknown_what = arena_printf(a, "%s", text);
	if (!s->unknown_what)
		s->unknown_what = "something (no memory to say what)";
}

/* "an attribute list that contains multiple instances of the same attribute class, so long as the different attribute
 * entries do not conflict with one another." RFC 2407 section 4.5.2 */
static void
read_duration(struct reading *r, uint64_t duration)
{
	bool kilobytes = r->life_type == LIFE_KILOBYTES;
	bool *given = kilobytes ? &r->s->life_kilobytes_given : &r->s->life_seconds_given;
	uint64_t *life = kilobytes ? &r->s->life_kilobytes : &r->s->life_seconds;

	/* "An SA Life Duration attribute MUST always follow an SA Life Type" RFC 2407 section 4.5 */
	if (r->life_type == 0)
		unknown(r->s, r->a, SUITE_FAULT_SYNTAX, "a life duration without a life type before it");
	else if (*given && *life != duration)
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "two different lifetimes in %s", kilobytes ? "kilobytes" : "seconds");
	*given = true;
	*life = duration;
	r->life_type = 0;
}

static void
read_life_type(struct reading *r, uint64_t type)
{
	if (type == LIFE_SECONDS || type == LIFE_KILOBYTES)
		r->life_type = type;
	else
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "life type %llu", (unsigned long long)type);
}

static void
read_attribute(struct reading *r, const struct classes *cl, const struct attribute *at)
{
	unsigned long long value = at->value;

	if (at->type == cl->life_type) {
		read_life_type(r, at->value);
	} else if (at->type == cl->life_duration) {
		read_duration(r, at->value);
	} else if (at->type >= CLASSES || !cl->c[at->type].name) {
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "attribute %u with the value %llu", at->type, value);
	} else if (!cl->c[at->type].read) {
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "%s %llu (attribute %u)", cl->c[at->type].name, value, at->type);
	} else if (at->value > UINT16_MAX) {
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "%s %llu", cl->c[at->type].name, value);
	} else if (r->seen[at->type] && r->value[at->type] != at->value) {
		unknown(r->s, r->a, SUITE_FAULT_ATTRIBUTE, "two different values of %s", cl->c[at->type].name);
	} else {
		r->seen[at->type] = true;
		r->value[at->type] = at->value;
	}
}

static void
read_attributes(struct reading *r, const struct classes *cl, const struct transform_payload *t)
{
	for (size_t i = 0; i < t->n_attr; i++)
		read_attribute(r, cl, &t->attr[i]);
}

/* A value that is not in our registry, by its name where it has one. */
static void
unknown_value(struct reading *r, enum suite_fault fault, const char *class, const char *name, uint64_t value, uint64_t key_bits)
{
	char number[32];

	if (!name) {
		snprintf(number, sizeof number, "%llu", (unsigned long long)value);
		name = number;
	}
	if (key_bits)
		unknown(r->s, r->a, fault, "%s %s with a key of %llu bits", class, name, (unsigned long long)key_bits);
	else
		unknown(r->s, r->a, fault, "%s %s", class, name);
}

/*
 * "There is no default value for Key Length, as it must be specified for
 * transforms using ciphers with variable key lengths." RFC 2407 section 4.5
 */
static void
take_cipher(struct reading *r, const struct algorithm *a, uint64_t key_bits, const char *name, uint64_t value)
{
	if (!a)
		unknown_value(r, value ? SUITE_FAULT_UNKNOWN : SUITE_FAULT_TRANSFORM, "encryption algorithm", name, value,
		              key_bits);
	else if (a->key_bits && !key_bits)
		unknown(r->s, r->a, SUITE_FAULT_SYNTAX, "encryption algorithm %s without a key length", a->name);
	else
		r->s->encr = (struct transform) { a->id, a->key_bits };
}

static void
take_group(struct reading *r, uint64_t value)
{
	const struct algorithm *a = algorithm_by_ike1(TRANSFORM_DH, (uint16_t)value, 0);

	if (a)
		r->s->dh_id = a->id;
	else
		unknown_value(r, SUITE_FAULT_UNKNOWN, "Diffie-Hellman group", ike1_value_name(IKE1_GROUP, value), value, 0);
}

/* "All of these attributes are mandatory and MUST be negotiated." RFC 2409 section 4 */
static void
phase1_suite(struct reading *r, const struct transform_payload *t)
{
	static const uint16_t mandatory[] = { IKE1_ENCRYPTION, IKE1_HASH, IKE1_AUTH, IKE1_GROUP };
	const struct algorithm *prf;
	uint64_t *v = r->value;

	read_attributes(r, &phase1, t);
	if (t->id != KEY_IKE)
		unknown(r->s, r->a, t->id ? SUITE_FAULT_UNKNOWN : SUITE_FAULT_TRANSFORM, "transform %u, which is not KEY_IKE",
		        t->id);
	for (size_t i = 0; i < sizeof mandatory / sizeof *mandatory; i++)
		if (!r->seen[mandatory[i]])
			unknown(r->s, r->a, SUITE_FAULT_SYNTAX, "no %s", phase1.c[mandatory[i]].name);
	take_cipher(r, algorithm_by_ike1(TRANSFORM_ENCR, (uint16_t)v[IKE1_ENCRYPTION], (uint16_t)v[IKE1_KEY_LENGTH]),
	            v[IKE1_KEY_LENGTH], ike1_value_name(IKE1_ENCRYPTION, v[IKE1_ENCRYPTION]), v[IKE1_ENCRYPTION]);
	prf = algorithm_by_ike1(TRANSFORM_PRF, (uint16_t)v[IKE1_HASH], 0);
	if (prf)
		r->s->prf_id = prf->id;
	else
		unknown_value(r, SUITE_FAULT_UNKNOWN, "hash algorithm", ike1_value_name(IKE1_HASH, v[IKE1_HASH]), v[IKE1_HASH],
		              0);
	take_group(r, v[IKE1_GROUP]);
	r->s->auth = (uint16_t)v[IKE1_AUTH];
}

/* What all protocols of Phase 2 have: RFC 2407 section 4.5. */
static void
take_common(struct reading *r)
{
	uint64_t *v = r->value;

	if (r->seen[ESP1_GROUP])
		take_group(r, v[ESP1_GROUP]);
	r->s->encapsulation = (uint16_t)v[ESP1_ENCAPSULATION];
	if (r->seen[ESP1_ENCAPSULATION] && !encapsulation_name(r->s->encapsulation))
		unknown_value(r, SUITE_FAULT_ATTRIBUTE, "encapsulation mode", NULL, v[ESP1_ENCAPSULATION], 0);
	/* "If an implementation receives any attribute value but the value for 64-bit sequence numbers, the security
	 * association setup MUST be aborted." RFC 4304 section 3 */
	if (r->seen[ESP1_ESN] && v[ESP1_ESN] != 1)
		unknown_value(r, SUITE_FAULT_ATTRIBUTE, "extended sequence numbers", NULL, v[ESP1_ESN], 0);
	r->s->esn = r->seen[ESP1_ESN];
}

static void
take_integ(struct reading *r)
{
	uint64_t value = r->value[ESP1_AUTH];
	const struct algorithm *integ = algorithm_by_esp1(TRANSFORM_INTEG, (uint16_t)value, 0);

	if (integ)
		r->s->integ_id = integ->id;
	else
		unknown_value(r, SUITE_FAULT_ATTRIBUTE, "authentication algorithm", esp1_auth_name(value), value, 0);
}

static void
esp_suite(struct reading *r, const struct transform_payload *t)
{
	uint64_t bits = r->value[ESP1_KEY_LENGTH];

	take_cipher(r, algorithm_by_esp1(TRANSFORM_ENCR, t->id, (uint16_t)bits), bits, esp1_transform_name(t->id), t->id);
	if (r->seen[ESP1_AUTH])
		take_integ(r);
}

/* "the Authentication Algorithm attribute MUST be specified to identify the appropriate AH protection suite" RFC 2407 4.4.3 */
static void
ah_suite(struct reading *r, const struct transform_payload *t)
{
	const struct algorithm *a = algorithm_by_ah1(t->id);

	if (!r->seen[ESP1_AUTH]) {
		unknown(r->s, r->a, SUITE_FAULT_SYNTAX, "AH without an authentication algorithm");
		return;
	}
	take_integ(r);
	if (!a || a->id != r->s->integ_id)
		unknown(r->s, r->a, SUITE_FAULT_SYNTAX,
		        "AH transform %u with an authentication algorithm that does not go with it", t->id);
}

static void
ipcomp_suite(struct reading *r, const struct transform_payload *t)
{
	static const char *const names[] = { "0", "OUI", "DEFLATE", "LZS", "V42BIS" };

	r->s->ipcomp_id = t->id;
	if (t->id != IPCOMP_DEFLATE)
		unknown_value(r, t->id ? SUITE_FAULT_UNKNOWN : SUITE_FAULT_TRANSFORM, "compression algorithm",
		              t->id < sizeof names / sizeof *names ? names[t->id] : NULL, t->id, 0);
}

static void
phase2_suite(struct reading *r, const struct transform_payload *t)
{
	read_attributes(r, &phase2, t);
	if (r->s->protocol == PROTO_IPSEC_ESP)
		esp_suite(r, t);
	else if (r->s->protocol == PROTO_IPSEC_AH)
		ah_suite(r, t);
	else if (r->s->protocol == PROTO_IPCOMP)
		ipcomp_suite(r, t);
	take_common(r);
}

static size_t
count_transforms(const struct sa_payload *sa)
{
	size_t n = 0;

	for (size_t i = 0; i < sa->n_proposal; i++)
		n += sa->proposal[i].n_transform;
	return n < SUITES_MAX ? n : SUITES_MAX;
}

static const char *
protocol_name(uint8_t protocol)
{
	static const char *const names[] = { "", "ISAKMP", "AH", "ESP", "IPComp" };

	return protocol > 0 && protocol < sizeof names / sizeof *names ? names[protocol] : "an unknown protocol";
}

/*
 * "If the SA establishment negotiation is for a combined protection suite
 * consisting of multiple protocols, then there MUST be multiple Proposal
 * payloads each with the same Proposal number." RFC 2408 section 4.2
 */
static bool
is_twice(const struct sa_payload *sa, size_t of)
{
	for (size_t i = 0; i < sa->n_proposal; i++)
		if (i != of && sa->proposal[i].number == sa->proposal[of].number &&
		    sa->proposal[i].protocol == sa->proposal[of].protocol)
			return true;
	return false;
}

/* RFC 3173 section 4: two octets, or four with the CPI in the last two; section 3.3: which values are whose. */
static void
take_cpi(struct suite *s, const struct proposal_payload *p, struct arena *a)
{
	if (p->spi.n != 2 && p->spi.n != 4) {
		unknown(s, a, SUITE_FAULT_SPI, "a CPI of %zu octets, which must have two or four", p->spi.n);
		return;
	}
	s->spi = p->spi.n == 2 ? get_be16(p->spi.p) : get_be32(p->spi.p);
	if (s->spi > UINT16_MAX || (s->spi < CPI_NEGOTIATED_MIN && s->spi != IPCOMP_DEFLATE))
		unknown(s, a, SUITE_FAULT_SPI, "the CPI %u, which is reserved (RFC 3173 section 3.3)", (unsigned)s->spi);
}

static void
take_spi(struct suite *s, const struct proposal_payload *p, struct arena *a)
{
	if (p->spi.n != 4) {
		unknown(s, a, SUITE_FAULT_SPI, "an SPI of %zu octets, which must have four", p->spi.n);
		return;
	}
	s->spi = get_be32(p->spi.p);
	if (s->spi < ESP_SPI_MIN)
		unknown(s, a, SUITE_FAULT_SPI, "the SPI %u: those below 256 are reserved (RFC 4303 section 2.1)",
		        (unsigned)s->spi);
}

static void
check_ipsec_proposal(struct suite *s, const struct sa_payload *sa, size_t index, struct arena *a)
{
	const struct proposal_payload *p = &sa->proposal[index];

	s->spi_octets = (uint8_t)p->spi.n;
	if (is_twice(sa, index))
		unknown(s, a, SUITE_FAULT_SYNTAX, "%s twice in proposal %u, whose protocols are all or nothing",
		        protocol_name(p->protocol), p->number);
	if (p->protocol == PROTO_IPSEC_ESP || p->protocol == PROTO_IPSEC_AH)
		take_spi(s, p, a);
	else if (p->protocol == PROTO_IPCOMP)
		take_cpi(s, p, a);
	else
		unknown(s, a, SUITE_FAULT_PROTOCOL, "%s in Phase 2, which negotiates AH, ESP and IPComp",
		        protocol_name(p->protocol));
}

static void
read_suite(struct suite *s, const struct sa_payload *sa, size_t proposal, size_t transform, bool ipsec, struct arena *a)
{
	const struct proposal_payload *p = &sa->proposal[proposal];
	const struct transform_payload *t = &p->transform[transform];
	struct reading r = { .s = s, .a = a };

	*s = (struct suite) { .protocol = p->protocol,
		              .proposal_number = p->number,
		              .transform_number = t->number,
		              .proposal_index = (uint16_t)proposal,
		              .transform_index = (uint16_t)transform };
	if (ipsec) {
		check_ipsec_proposal(s, sa, proposal, a);
		phase2_suite(&r, t);
		return;
	}
	if (p->protocol != PROTO_ISAKMP)
		unknown(s, a, SUITE_FAULT_PROTOCOL, "%s in Phase 1, which negotiates ISAKMP alone", protocol_name(p->protocol));
	phase1_suite(&r, t);
}

/* A proposal that was read in part must not pass for the whole, nor its bundle for one without it. */
static void
mark_cut_off(struct suites *out, const struct sa_payload *sa, struct arena *a)
{
	size_t n = 0;

	for (size_t i = 0; i < sa->n_proposal; i++) {
		n += sa->proposal[i].n_transform;
		for (size_t k = 0; n > SUITES_MAX && k < out->n; k++)
			if (out->s[k].proposal_number == sa->proposal[i].number)
				unknown(&out->s[k], a, SUITE_FAULT_SYNTAX, "more than %d transforms", SUITES_MAX);
	}
}

static bool
read_suites(struct suites *out, const struct sa_payload *sa, bool ipsec, struct arena *a)
{
	size_t n = count_transforms(sa);

	*out = (struct suites) { .s = arena_alloc(a, (n ? n : 1) * sizeof *out->s) };
	if (!out->s)
		return false;
	for (size_t i = 0; i < sa->n_proposal; i++)
		for (size_t j = 0; j < sa->proposal[i].n_transform && out->n < n; j++)
			read_suite(&out->s[out->n++], sa, i, j, ipsec, a);
	if (ipsec)
		mark_cut_off(out, sa, a);
	return true;
}

bool
suites_from_ike1_sa(struct suites *out, const struct sa_payload *sa, struct arena *a)
{
	return read_suites(out, sa, false, a);
}

bool
suites_from_ike1_ipsec_sa(struct suites *out, const struct sa_payload *sa, struct arena *a)
{
	return read_suites(out, sa, true, a);
}

enum suite_fault
suites_fault(const struct suites *all)
{
	enum suite_fault fault = all->n && all->s[0].unknown ? (enum suite_fault)all->s[0].fault : SUITE_FAULT_NONE;

	for (size_t i = 1; i < all->n && fault; i++) {
		if (!all->s[i].unknown)
			fault = SUITE_FAULT_NONE;
		else if (all->s[i].fault != fault)
			fault = SUITE_FAULT_UNKNOWN;
	}
	return fault;
}
