/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "check.h"
#include "explain.h"
#include "ike1_sa.h"

/*
 * Memory ends at each allocation in turn (arenas take theirs from calloc, which
 * the linker wraps here): every call says so, and nothing breaks.
 */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static long allowed = -1; /* how many more succeed; -1: all */

void *
__wrap_calloc(size_t n, size_t size)
{
	if (allowed == 0)
		return NULL;
	if (allowed > 0)
		allowed--;
	return __real_calloc(n, size);
}

/* An arena whose block is full, so that the next allocation of any size asks for another. */
static void
full(struct arena *a)
{
	long before = allowed;

	allowed = -1;
	assert_non_null(arena_alloc(a, 100000));
	allowed = before;
}

static struct proposals
parsed(enum proposal_protocol protocol, const char *text)
{
	struct proposals p = { 0 };
	char why[512] = "";

	assert_true(proposals_parse(&p, protocol, span_str(text), why, sizeof why));
	return p;
}

static bool
negotiate_phase_1(struct arena *a, const struct proposals *ours, const struct proposals *others)
{
	struct ike1_offer_terms offer_terms = { .auth = AUTH_OFFER_PSK, .life_seconds = 100000 };
	struct match_terms terms = { .protocol = PROPOSAL_IKE };
	struct sa_payload offer, answer;
	struct suites offered;
	struct suite seen;
	struct match m;

	if (ike1_sa_from_proposals(&offer, ours, &offer_terms, a))
		return false;
	full(a);
	if (!suites_from_ike1_sa(&offered, &offer, a))
		return false;
	match_suites(&m, &offered, others, &terms);
	assert_false(m.chosen);
	full(a);
	if (!explain_match(a, &m, &offered, others, &terms))
		return false;
	full(a);
	if (!ike1_sa_answer(&answer, &offer, &offered.s[0], a))
		return false;
	full(a);
	return !ike1_sa_accept(&seen, &answer, &offer, a);
}

/* An offer with long lifetimes, read, matched, explained, answered and checked. True when all of it worked. */
static bool
negotiate(struct arena *a, const struct proposals *ours, const struct proposals *others, bool esp)
{
	struct proposals none = { 0 };
	struct bundle_offer o = { .terms = { .esp = ours, .ah = &none, .ipcomp = true, .encapsulation = 1 },
		                  .spis = { .esp = 0x12345678, .cpi = 0x1234 },
		                  .life_seconds = 100000,
		                  .life_kilobytes = 1 << 20 };
	struct bundle_terms theirs = { .esp = others, .ah = &none };
	struct sa_payload offer, answer;
	struct suites offered;
	struct bundle chosen = { 0 }, seen;
	struct match m;

	if (!esp)
		return negotiate_phase_1(a, ours, others);
	if (ike1_sa_from_bundle(&offer, &o, a))
		return false;
	full(a);
	if (!suites_from_ike1_ipsec_sa(&offered, &offer, a))
		return false;
	match_bundles(&chosen, &m, &offered, &theirs);
	assert_false(m.chosen);
	full(a);
	if (!explain_bundles(a, &m, &offered, &theirs))
		return false;
	chosen = (struct bundle) { .has = BUNDLE_ESP, .esp = offered.s[0] };
	full(a);
	if (!ike1_sa_answer_bundle(&answer, &offer, &chosen, &(struct bundle_spis) { .esp = 0x1234 }, a))
		return false;
	full(a);
	return !ike1_sa_accept_bundle(&seen, &answer, &offer, a);
}

static void
starve(const char *ours_text, const char *others_text, bool esp)
{
	enum proposal_protocol protocol = esp ? PROPOSAL_ESP : PROPOSAL_IKE;
	struct proposals ours = parsed(protocol, ours_text), others = parsed(protocol, others_text);
	long n = 0;
	bool all = false;

	for (; !all; n++) {
		autoarena a = { 0 };

		full(&a);
		allowed = n;
		all = negotiate(&a, &ours, &others, esp);
		allowed = -1;
		assert_true(n < 100);
	}
	assert_true(n > 4); /* it did fail, several times, on its way */
	proposals_free(&ours);
	proposals_free(&others);
}

static void
phase_1_without_memory(void **state)
{
	(void)state;
	starve("aes256-sha256-modp2048", "aes128-sha1-modp1024", false);
}

static void
phase_2_without_memory(void **state)
{
	(void)state;
	starve("aes256gcm16,aes128-sha256", "null-sha1-modp1024", true);
}

/* A reason that cannot be written down still makes the suite unknown. */
static void
an_unknown_attribute_without_memory(void **state)
{
	struct attribute attr[] = { { .type = 99, .tv = true, .value = 1 } };
	struct transform_payload t = { .number = 1, .id = KEY_IKE, .attr = attr, .n_attr = 1 };
	struct proposal_payload p = { .number = 1, .protocol = PROTO_ISAKMP, .transform = &t, .n_transform = 1 };
	struct sa_payload sa = { .doi = 1, .situation = 1, .proposal = &p, .n_proposal = 1 };
	autoarena a = { 0 };
	struct suites s;
	bool ok;

	(void)state;
	/* what is left of the block holds the list of suites, and not the sentence as well */
	assert_non_null(arena_alloc(&a, 4096 - 64 - sizeof(struct suite) - 16));
	allowed = 0;
	ok = suites_from_ike1_sa(&s, &sa, &a);
	allowed = -1;
	assert_true(ok);
	assert_true(s.s[0].unknown);
	assert_non_null(s.s[0].unknown_what);
}

static void
a_message_without_memory(void **state)
{
	static const uint8_t octets[] = { 0, 0, 0, 40, 0, 0, 0, 1, 0,    0, 0, 1, 0,    0, 0, 28, 1,    1, 0, 1,
		                          0, 0, 0, 20, 1, 1, 0, 0, 0x80, 1, 0, 7, 0x80, 2, 0, 4,  0x80, 3, 0, 1 };
	const char *why = "";

	(void)state;
	for (long n = 0; why; n++) {
		autoarena a = { 0 };
		struct message m = { 0 };

		allowed = n;
		why = isakmp_decode_payloads(&m, PAYLOAD_SA, span_of(octets, sizeof octets), false, &a);
		allowed = -1;
		assert_true(n < 10);
		if (n == 0)
			assert_string_equal(why, "The message was not read: no memory.");
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_1_without_memory),
		cmocka_unit_test(phase_2_without_memory),
		cmocka_unit_test(an_unknown_attribute_without_memory),
		cmocka_unit_test(a_message_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
