/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first octet says what the rest is: an SA payload of Phase 1 or 2 that is
 * read, matched, answered and explained; or the text of a proposal.
 */
#include "explain.h"
#include "fuzz.h"
#include "ike1_sa.h"
#include "match.h"

enum { SUBJECT_PHASE_1, SUBJECT_PHASE_2, SUBJECT_TEXT_IKE, SUBJECT_TEXT_ESP, SUBJECT_TEXT_AH, SUBJECTS };

static struct message
decoded(const uint8_t *data, size_t n, struct arena *arena)
{
	struct message m = { 0 };

	/* the payload's header is put in front by us, so that inputs are plain SA payload bodies */
	uint8_t *whole = arena_alloc(arena, n + 4);

	if (!whole || n > UINT16_MAX - 4)
		return m;
	put_be16(whole + 2, (uint16_t)(n + 4));
	memcpy(whole + 4, data, n);
	if (isakmp_decode_payloads(&m, PAYLOAD_SA, span_of(whole, n + 4), false, arena))
		m.n = 0;
	return m;
}

/* The answer to a choice is accepted by whoever made the offer. */
static void
phase_1(const struct sa_payload *sa, struct arena *arena)
{
	struct match_terms terms = { .protocol = PROPOSAL_IKE, .auth = AUTH_OFFER_PSK };
	struct proposals ours = { 0 };
	struct suites offered;
	struct sa_payload answer;
	struct match match;
	struct suite seen;

	fuzz_require(suites_from_ike1_sa(&offered, sa, arena));
	fuzz_require(offered.n <= SUITES_MAX);
	fuzz_require(proposals_default(&ours, PROPOSAL_IKE));
	match_suites(&match, &offered, &ours, &terms);
	fuzz_require(explain_match(arena, &match, &offered, &ours, &terms));
	proposals_free(&ours);
	if (!match.chosen)
		return;
	fuzz_require(!offered.s[match.offered].unknown);
	fuzz_require(ike1_sa_answer(&answer, sa, &offered.s[match.offered], arena));
	fuzz_require(answer.n_proposal == 1 && answer.proposal[0].n_transform == 1);
	fuzz_require(ike1_sa_accept(&seen, &answer, sa, arena) == NULL);
	fuzz_require(suite_same(&seen, &offered.s[match.offered]));
}

static unsigned
bits(unsigned has)
{
	return (has & 1) + (has >> 1 & 1) + (has >> 2 & 1);
}

/* Under each set of protocols that a child can want. */
static void
phase_2(const struct sa_payload *sa, unsigned wanted, struct arena *arena)
{
	static const struct bundle_spis spis = { .esp = 0x12345678, .ah = 0x87654321, .cpi = 0x1234 };
	struct proposals esp = { 0 }, ah = { 0 };
	struct bundle_terms terms = {
		.esp = &esp, .ah = &ah, .ipcomp = wanted & BUNDLE_IPCOMP, .encapsulation = ENCAPSULATION_TUNNEL
	};
	struct suites offered;
	struct sa_payload answer;
	struct match match;
	struct bundle chosen, seen;

	fuzz_require(suites_from_ike1_ipsec_sa(&offered, sa, arena));
	fuzz_require(offered.n <= SUITES_MAX);
	fuzz_require(!(wanted & BUNDLE_ESP) || proposals_default(&esp, PROPOSAL_ESP));
	fuzz_require(!(wanted & BUNDLE_AH) || proposals_default(&ah, PROPOSAL_AH));
	match_bundles(&chosen, &match, &offered, &terms);
	fuzz_require(explain_bundles(arena, &match, &offered, &terms));
	proposals_free(&esp);
	proposals_free(&ah);
	if (!match.chosen)
		return;
	fuzz_require((chosen.has & (BUNDLE_ESP | BUNDLE_AH)) == (wanted & (BUNDLE_ESP | BUNDLE_AH)));
	fuzz_require(!chosen.esp.unknown && !chosen.ah.unknown && !chosen.ipcomp.unknown);
	fuzz_require(ike1_sa_answer_bundle(&answer, sa, &chosen, &spis, arena));
	fuzz_require(answer.n_proposal == bits(chosen.has));
	fuzz_require(ike1_sa_accept_bundle(&seen, &answer, sa, arena) == NULL);
	fuzz_require(seen.has == chosen.has);
}

static void
negotiate(const uint8_t *data, size_t n, bool esp)
{
	autoarena arena = { 0 };
	struct message m = decoded(data, n, &arena);

	if (m.n == 0)
		return;
	if (!esp) {
		phase_1(&m.payload[0].sa, &arena);
		return;
	}
	for (unsigned wanted = BUNDLE_ESP; wanted <= (BUNDLE_ESP | BUNDLE_AH | BUNDLE_IPCOMP); wanted++)
		if (wanted & (BUNDLE_ESP | BUNDLE_AH))
			phase_2(&m.payload[0].sa, wanted, &arena);
}

static void
parse(const uint8_t *data, size_t n, enum proposal_protocol protocol)
{
	struct proposals p = { 0 };
	char why[512] = "", text[1024];

	if (proposals_parse(&p, protocol, span_of(data, n), why, sizeof why)) {
		fuzz_require(p.n > 0);
		for (size_t i = 0; i < p.n; i++)
			fuzz_require(proposal_format(text, sizeof text, &p.p[i])[0]);
	} else {
		fuzz_require(p.n == 0 && why[0]);
	}
	proposals_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	switch (data[0] % SUBJECTS) {
	case SUBJECT_PHASE_1:
		negotiate(data + 1, n - 1, false);
		break;
	case SUBJECT_PHASE_2:
		negotiate(data + 1, n - 1, true);
		break;
	case SUBJECT_TEXT_IKE:
		parse(data + 1, n - 1, PROPOSAL_IKE);
		break;
	case SUBJECT_TEXT_ESP:
		parse(data + 1, n - 1, PROPOSAL_ESP);
		break;
	case SUBJECT_TEXT_AH:
		parse(data + 1, n - 1, PROPOSAL_AH);
		break;
	}
	return 0;
}
