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
judge_answer(const struct sa_payload *offer, const struct suite *chosen, bool esp, struct arena *arena)
{
	enum proposal_protocol protocol = esp ? PROPOSAL_ESP : PROPOSAL_IKE;
	struct sa_payload answer;
	struct suite seen;

	fuzz_require(ike1_sa_answer(&answer, offer, chosen, esp ? 0x12345678 : 0, arena));
	fuzz_require(answer.n_proposal == 1 && answer.proposal[0].n_transform == 1);
	fuzz_require(ike1_sa_accept(&seen, &answer, offer, protocol, arena) == NULL);
	fuzz_require(suite_same(&seen, chosen));
}

static void
negotiate(const uint8_t *data, size_t n, bool esp)
{
	autoarena arena = { 0 };
	struct message m = decoded(data, n, &arena);
	struct match_terms terms = { .protocol = esp ? PROPOSAL_ESP : PROPOSAL_IKE,
		                     .auth = esp ? 0 : AUTH_OFFER_PSK,
		                     .encapsulation = esp ? ENCAPSULATION_TUNNEL : 0 };
	struct proposals ours = { 0 };
	struct suites offered;
	struct match match;

	if (m.n == 0)
		return;
	fuzz_require(esp ? suites_from_ike1_esp_sa(&offered, &m.payload[0].sa, &arena)
	                 : suites_from_ike1_sa(&offered, &m.payload[0].sa, &arena));
	fuzz_require(offered.n <= SUITES_MAX);
	fuzz_require(proposals_default(&ours, terms.protocol));
	match_suites(&match, &offered, &ours, &terms);
	fuzz_require(explain_match(&arena, &match, &offered, &ours, &terms));
	if (match.chosen) {
		fuzz_require(!offered.s[match.offered].unknown);
		judge_answer(&m.payload[0].sa, &offered.s[match.offered], esp, &arena);
	}
	proposals_free(&ours);
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
