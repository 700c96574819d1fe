/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

uint16_t
refusal_of_exchange(uint8_t type)
{
	switch (type) {
	case EXCHANGE_INFORMATIONAL:
		return 0;
	case EXCHANGE_BASE:
	case EXCHANGE_AUTH_ONLY:
		return NOTIFY_UNSUPPORTED_EXCHANGE_TYPE;
	default:
		return NOTIFY_INVALID_EXCHANGE_TYPE;
	}
}

static uint16_t
unreadable(uint8_t type)
{
	switch (type) {
	case PAYLOAD_NONE: /* they could be read, and did not end where the message does */
		return NOTIFY_UNEQUAL_PAYLOAD_LENGTHS;
	case PAYLOAD_SA:
		return NOTIFY_BAD_PROPOSAL_SYNTAX;
	default:
		return NOTIFY_PAYLOAD_MALFORMED;
	}
}

uint16_t
refusal_of_message(const struct exchange *ex, enum verdict v)
{
	switch (v) {
	case VERDICT_MALFORMED:
		return unreadable(ex->unreadable);
	case VERDICT_UNDECRYPTABLE:
	case VERDICT_CIPHERTEXT_LENGTH:
	case VERDICT_MISSING_PAYLOAD:
	case VERDICT_PAYLOAD_ORDER:
	case VERDICT_BAD_NONCE:
		return NOTIFY_PAYLOAD_MALFORMED;
	case VERDICT_EXTRA_PAYLOAD:
	case VERDICT_PAYLOAD_TYPE:
		return NOTIFY_INVALID_PAYLOAD_TYPE;
	case VERDICT_NOT_ENCRYPTED:
	case VERDICT_NO_KEYS:
		return NOTIFY_INVALID_FLAGS;
	case VERDICT_BAD_HASH:
		return NOTIFY_AUTHENTICATION_FAILED;
	case VERDICT_BAD_KE:
		return NOTIFY_INVALID_KEY_INFORMATION;
	case VERDICT_BAD_CHOICE:
		return NOTIFY_NO_PROPOSAL_CHOSEN;
	case VERDICT_TS_MISMATCH:
	case VERDICT_ID_MISMATCH:
		return NOTIFY_INVALID_ID_INFORMATION;
	default:
		return 0;
	}
}

enum verdict
refusal_of_situation(struct exchange *ex, const struct sa_payload *sa)
{
	struct arena *a = &ex->sa->core->scratch;

	if (sa->doi == DOI_IPSEC && sa->situation == SIT_IDENTITY_ONLY)
		return VERDICT_OK;
	if (sa->doi != DOI_IPSEC) {
		ex->notify = NOTIFY_DOI_NOT_SUPPORTED;
		ex->why = arena_printf(a, "the SA payload is of DOI %u, we negotiate that of IPsec (1)", (unsigned)sa->doi);
	} else {
		ex->notify = NOTIFY_SITUATION_NOT_SUPPORTED;
		ex->why = arena_printf(a, "the situation is %u, we know \"identity only\" (1)", (unsigned)sa->situation);
	}
	return VERDICT_DOI;
}

uint16_t
refusal_of_offer(const struct suites *offered)
{
	switch (suites_fault(offered)) {
	case SUITE_FAULT_PROTOCOL:
		return NOTIFY_INVALID_PROTOCOL_ID;
	case SUITE_FAULT_SPI:
		return NOTIFY_INVALID_SPI;
	case SUITE_FAULT_TRANSFORM:
		return NOTIFY_INVALID_TRANSFORM_ID;
	case SUITE_FAULT_ATTRIBUTE:
		return NOTIFY_ATTRIBUTES_NOT_SUPPORTED;
	case SUITE_FAULT_SYNTAX:
		return NOTIFY_BAD_PROPOSAL_SYNTAX;
	case SUITE_FAULT_NONE:
	case SUITE_FAULT_UNKNOWN:
		break;
	}
	return NOTIFY_NO_PROPOSAL_CHOSEN;
}
