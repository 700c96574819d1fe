/* SPDX-License-Identifier: Apache-2.0 */
#include "isakmp.h"

const char *
payload_name(uint8_t type)
{
	switch (type) {
	case PAYLOAD_SA:
		return "Security Association";
	case PAYLOAD_P:
		return "Proposal";
	case PAYLOAD_T:
		return "Transform";
	case PAYLOAD_KE:
		return "Key Exchange";
	case PAYLOAD_ID:
		return "Identification";
	case PAYLOAD_CERT:
		return "Certificate";
	case PAYLOAD_CR:
		return "Certificate Request";
	case PAYLOAD_HASH:
		return "Hash";
	case PAYLOAD_SIG:
		return "Signature";
	case PAYLOAD_NONCE:
		return "Nonce";
	case PAYLOAD_N:
		return "Notification";
	case PAYLOAD_D:
		return "Delete";
	case PAYLOAD_VID:
		return "Vendor ID";
	case PAYLOAD_ATTR:
		return "Attribute";
	case PAYLOAD_NAT_D:
	case PAYLOAD_NAT_D_DRAFT:
		return "NAT-D";
	case PAYLOAD_NAT_OA:
	case PAYLOAD_NAT_OA_DRAFT:
		return "NAT-OA";
	case PAYLOAD_FRAGMENT:
		return "Fragment";
	}
	return NULL;
}

const char *
exchange_name(uint8_t type)
{
	switch (type) {
	case EXCHANGE_BASE:
		return "Base Exchange";
	case EXCHANGE_MAIN:
		return "Main Mode";
	case EXCHANGE_AUTH_ONLY:
		return "Authentication Only Exchange";
	case EXCHANGE_AGGRESSIVE:
		return "Aggressive Mode";
	case EXCHANGE_INFORMATIONAL:
		return "Informational Exchange";
	case EXCHANGE_TRANSACTION:
		return "Transaction Exchange";
	case EXCHANGE_QUICK:
		return "Quick Mode";
	case EXCHANGE_NEW_GROUP:
		return "New Group Mode";
	}
	return NULL;
}

/* RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706: number, name, what it means and what to look at. */
static const struct {
	uint16_t type;
	const char *name, *sentence;
} notify[] = {
	{ NOTIFY_INVALID_PAYLOAD_TYPE, "INVALID-PAYLOAD-TYPE",
	  "The peer does not know a payload that we sent: it may be an old implementation, or the message was damaged." },
	{ NOTIFY_DOI_NOT_SUPPORTED, "DOI-NOT-SUPPORTED",
	  "The peer does not do IPsec negotiation (DOI 1): it is probably not an IPsec gateway." },
	{ NOTIFY_SITUATION_NOT_SUPPORTED, "SITUATION-NOT-SUPPORTED",
	  "The peer wants security labels: it is configured for a labelled network." },
	{ NOTIFY_INVALID_COOKIE, "INVALID-COOKIE",
	  "The peer does not know this IKE SA: it has restarted or deleted it, or an old message reached it." },
	{ NOTIFY_INVALID_MAJOR_VERSION, "INVALID-MAJOR-VERSION",
	  "The peer does not speak IKEv1: set connections.<c>.version to what it speaks." },
	{ NOTIFY_INVALID_MINOR_VERSION, "INVALID-MINOR-VERSION", "The peer does not accept our minor version of ISAKMP." },
	{ NOTIFY_INVALID_EXCHANGE_TYPE, "INVALID-EXCHANGE-TYPE",
	  "The peer does not allow this exchange: Main and Aggressive Mode are often allowed one without the other "
	  "(connections.<c>.aggressive)." },
	{ NOTIFY_INVALID_FLAGS, "INVALID-FLAGS", "The peer did not accept the flags of a message: it was damaged or replayed." },
	{ NOTIFY_INVALID_MESSAGE_ID, "INVALID-MESSAGE-ID",
	  "The peer did not expect this message: the two ends disagree about what is under way." },
	{ NOTIFY_INVALID_PROTOCOL_ID, "INVALID-PROTOCOL-ID",
	  "The peer does not allow a protocol that was offered (ESP, AH or IPComp)." },
	{ NOTIFY_INVALID_SPI, "INVALID-SPI",
	  "The peer does not know an SPI: it has restarted, or has deleted an SA that is still used here." },
	{ NOTIFY_INVALID_TRANSFORM_ID, "INVALID-TRANSFORM-ID",
	  "The peer does not know an algorithm that was offered: compare the proposals of both ends." },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, "ATTRIBUTES-NOT-SUPPORTED",
	  "The peer does not accept an attribute that was offered: compare key lengths, lifetimes and the mode of both ends." },
	{ NOTIFY_NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN",
	  "The peer allows none of the algorithms that were offered: compare connections.<c>.proposals (Phase 1) or "
	  "children.<ch>.esp_proposals (Phase 2) with its configuration; some peers also answer so when no connection fits." },
	{ NOTIFY_BAD_PROPOSAL_SYNTAX, "BAD-PROPOSAL-SYNTAX",
	  "The peer could not read the proposal: the message was damaged, or one of the two ends is faulty." },
	{ NOTIFY_PAYLOAD_MALFORMED, "PAYLOAD-MALFORMED",
	  "The peer could not read the message." },
	{ NOTIFY_INVALID_KEY_INFORMATION, "INVALID-KEY-INFORMATION",
	  "The peer does not accept the Diffie-Hellman value: compare the groups of both ends." },
	{ NOTIFY_INVALID_ID_INFORMATION, "INVALID-ID-INFORMATION",
	  "The peer has nothing configured for these identities: compare local.id and remote.id (Phase 1) or local_ts and "
	  "remote_ts (Phase 2) with its configuration." },
	{ NOTIFY_INVALID_CERT_ENCODING, "INVALID-CERT-ENCODING", "The peer does not read this kind of certificate." },
	{ NOTIFY_INVALID_CERTIFICATE, "INVALID-CERTIFICATE",
	  "The peer does not accept the certificate: look at its dates, its issuer and the peer's list of authorities." },
	{ NOTIFY_CERT_TYPE_UNSUPPORTED, "CERT-TYPE-UNSUPPORTED", "The peer does not support this type of certificate." },
	{ NOTIFY_INVALID_CERT_AUTHORITY, "INVALID-CERT-AUTHORITY", "The peer does not know the authority that was named." },
	{ NOTIFY_INVALID_HASH_INFORMATION, "INVALID-HASH-INFORMATION",
	  "The peer found a wrong hash: the pre-shared keys differ, or the message was changed on its way." },
	{ NOTIFY_AUTHENTICATION_FAILED, "AUTHENTICATION-FAILED",
	  "The peer could not authenticate us: compare the pre-shared keys, the identities and the authentication method." },
	{ NOTIFY_INVALID_SIGNATURE, "INVALID-SIGNATURE",
	  "The peer found a wrong signature: key and certificate do not belong together, or the message was changed on its "
	  "way." },
	{ NOTIFY_ADDRESS_NOTIFICATION, "ADDRESS-NOTIFICATION", NULL },
	{ NOTIFY_SA_LIFETIME, "NOTIFY-SA-LIFETIME", "The peer says how long it will keep the SA." },
	{ NOTIFY_CERTIFICATE_UNAVAILABLE, "CERTIFICATE-UNAVAILABLE", "The peer could not get a certificate that it needs." },
	{ NOTIFY_UNSUPPORTED_EXCHANGE_TYPE, "UNSUPPORTED-EXCHANGE-TYPE",
	  "The peer does not support this exchange: compare Main and Aggressive Mode (connections.<c>.aggressive)." },
	{ NOTIFY_UNEQUAL_PAYLOAD_LENGTHS, "UNEQUAL-PAYLOAD-LENGTHS",
	  "The peer found lengths that do not add up: the message was damaged, or the pre-shared keys differ." },
	{ NOTIFY_CONNECTED, "CONNECTED", "The peer has installed the SA (RFC 2408 section 3.1, commit bit)." },
	{ NOTIFY_RESPONDER_LIFETIME, "RESPONDER-LIFETIME", "The peer will keep the SA for a shorter time than was offered." },
	{ NOTIFY_REPLAY_STATUS, "REPLAY-STATUS", "The peer says whether it will check for replayed packets." },
	{ NOTIFY_INITIAL_CONTACT, "INITIAL-CONTACT",
	  "The peer has no other SA with us: what is left here from before its restart is deleted." },
	{ NOTIFY_R_U_THERE, "R-U-THERE", "The peer asks whether we are alive (RFC 3706)." },
	{ NOTIFY_R_U_THERE_ACK, "R-U-THERE-ACK", "The peer is alive (RFC 3706)." },
};

const char *
notify_name(uint16_t type)
{
	for (size_t i = 0; i < sizeof notify / sizeof *notify; i++)
		if (notify[i].type == type)
			return notify[i].name;
	return NULL;
}

const char *
notify_sentence(uint16_t type)
{
	for (size_t i = 0; i < sizeof notify / sizeof *notify; i++)
		if (notify[i].type == type)
			return notify[i].sentence;
	return NULL;
}
