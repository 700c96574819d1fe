/* SPDX-License-Identifier: Apache-2.0 */
#include "notifications.h"

#define CAUSE "ends the attempt under keys; in clear it is shown as the probable cause"
#define PROBE "probes the peer (DPD) at most once a second; it ends nothing"

/* RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706. */
/* clang-format off */
static const struct notification table[] = {
	{ NOTIFY_INVALID_PAYLOAD_TYPE, WAY_CLEAR | WAY_KEYS, "INVALID-PAYLOAD-TYPE",
	  "The peer does not know a payload that we sent: it may be an old implementation, or the message was damaged.",
	  "RFC 2408 5.2, 5.3",
	  "a payload has an undefined type, or one that has no place in its message; types for private use are ignored",
	  CAUSE },
	{ NOTIFY_DOI_NOT_SUPPORTED, WAY_CLEAR | WAY_KEYS, "DOI-NOT-SUPPORTED",
	  "The peer does not do IPsec negotiation (DOI 1): it is probably not an IPsec gateway.",
	  "RFC 2408 5.4", "an SA payload names another DOI than IPsec", CAUSE },
	{ NOTIFY_SITUATION_NOT_SUPPORTED, WAY_CLEAR | WAY_KEYS, "SITUATION-NOT-SUPPORTED",
	  "The peer requires security labels: it is configured for a labelled network.",
	  "RFC 2408 5.4, RFC 2407 4.2", "an SA payload wants secrecy or integrity labels", CAUSE },
	{ NOTIFY_INVALID_COOKIE, WAY_NEVER, "INVALID-COOKIE",
	  "The peer does not know this IKE SA: it has restarted or deleted it, or an old message reached it.",
	  "RFC 2408 5.2",
	  "never: it would tell a stranger which cookies are in use, and a forged message would make us tell a peer "
	  "that its SA is gone. A peer that uses an SA that we deleted gets our Delete again, under its keys",
	  PROBE },
	{ NOTIFY_INVALID_MAJOR_VERSION, WAY_CLEAR, "INVALID-MAJOR-VERSION",
	  "The peer does not speak IKEv1: set connections.<c>.version to one that it speaks.",
	  "RFC 2408 5.2, 3.1", "a first message has another major version", CAUSE },
	{ NOTIFY_INVALID_MINOR_VERSION, WAY_CLEAR, "INVALID-MINOR-VERSION",
	  "The peer does not accept our version of ISAKMP: it is 1.0, which every IKEv1 peer has to support.",
	  "RFC 2408 5.2, 3.1", "a first message has a minor version above 0", CAUSE },
	{ NOTIFY_INVALID_EXCHANGE_TYPE, WAY_CLEAR, "INVALID-EXCHANGE-TYPE",
	  "The peer does not allow this exchange: Main and Aggressive Mode are often allowed one without the other "
	  "(connections.<c>.aggressive).",
	  "RFC 2408 5.2", "a first message has an exchange type that is undefined, or cannot begin a Phase 1. Never under keys: no HASH covers "
	  "the header, so anybody can have changed it", CAUSE },
	{ NOTIFY_INVALID_FLAGS, WAY_CLEAR, "INVALID-FLAGS",
	  "The peer did not accept the flags of a message: it was damaged, or it is encrypted where the peer has no keys yet.",
	  "RFC 2408 5.2, 3.1", "a header has undefined flags; a message is encrypted before there are keys, or in clear after",
	  CAUSE },
	{ NOTIFY_INVALID_MESSAGE_ID, WAY_CLEAR, "INVALID-MESSAGE-ID",
	  "The peer did not expect this message: the two ends disagree about what is under way.",
	  "RFC 2408 5.2",
	  "a first message of Phase 1 has a message id other than 0. A message id used twice is not answered: it may be a replay",
	  CAUSE },
	{ NOTIFY_INVALID_PROTOCOL_ID, WAY_CLEAR | WAY_KEYS, "INVALID-PROTOCOL-ID",
	  "The peer does not allow a protocol that was offered (ESP, AH or IPComp).",
	  "RFC 2408 5.5", "no offered proposal is for a protocol that its phase negotiates", CAUSE },
	{ NOTIFY_INVALID_SPI, WAY_KEYS, "INVALID-SPI",
	  "The peer does not know an SPI: it has restarted, or has deleted an SA that is still used here.",
	  "RFC 2408 5.5",
	  "every proposal of a Quick Mode has an SPI of a wrong length or with a reserved value. ESP with an SPI that we do not have is "
	  "answered with a Delete under keys",
	  PROBE },
	{ NOTIFY_INVALID_TRANSFORM_ID, WAY_CLEAR | WAY_KEYS, "INVALID-TRANSFORM-ID",
	  "The peer does not know an algorithm that was offered: compare the proposals of both ends.",
	  "RFC 2408 5.6", "every transform has the reserved number 0; unknown ones \"MUST be ignored\"", CAUSE },
	{ NOTIFY_ATTRIBUTES_NOT_SUPPORTED, WAY_CLEAR | WAY_KEYS, "ATTRIBUTES-NOT-SUPPORTED",
	  "The peer does not accept an attribute that was offered: compare key lengths, lifetimes and the mode of both ends.",
	  "RFC 2408 5.6, RFC 2407 4.5.2, 4.5.3", "every transform has an attribute or value that we do not support, or two that conflict", CAUSE },
	{ NOTIFY_NO_PROPOSAL_CHOSEN, WAY_CLEAR | WAY_KEYS, "NO-PROPOSAL-CHOSEN",
	  "The peer allows none of the algorithms that were offered: compare connections.<c>.proposals (Phase 1) or "
	  "children.<ch>.esp_proposals (Phase 2) with its configuration; some peers also answer so when no connection fits.",
	  "RFC 2408 5.4", "we allow none of the proposals, no connection fits the addresses, or a limit is reached", CAUSE },
	{ NOTIFY_BAD_PROPOSAL_SYNTAX, WAY_CLEAR | WAY_KEYS, "BAD-PROPOSAL-SYNTAX",
	  "The peer could not read the proposal: the message was damaged, or one of the two ends is faulty.",
	  "RFC 2408 5.5, 5.6", "an SA payload cannot be read, or every transform in it lacks something required", CAUSE },
	{ NOTIFY_PAYLOAD_MALFORMED, WAY_CLEAR | WAY_KEYS, "PAYLOAD-MALFORMED",
	  "The peer could not read the message: it was damaged, or encrypted under another key.",
	  "RFC 2408 5.3", "a payload cannot be read, is missing, or is in the wrong place", CAUSE },
	{ NOTIFY_INVALID_KEY_INFORMATION, WAY_CLEAR | WAY_KEYS, "INVALID-KEY-INFORMATION",
	  "The peer does not accept the Diffie-Hellman value: compare the groups of both ends.",
	  "RFC 2408 5.7", "a public Diffie-Hellman value is not valid in its group", CAUSE },
	{ NOTIFY_INVALID_ID_INFORMATION, WAY_CLEAR | WAY_KEYS, "INVALID-ID-INFORMATION",
	  "The peer has nothing configured for these identities: compare local.id and remote.id (Phase 1) or local_ts and "
	  "remote_ts (Phase 2) with its configuration.",
	  "RFC 2408 5.8, RFC 2409 5.5", "no connection allows the identity, or no child allows the selectors", CAUSE },
	{ NOTIFY_INVALID_CERT_ENCODING, WAY_CLEAR | WAY_KEYS, "INVALID-CERT-ENCODING",
	  "The peer cannot read this kind of certificate: every peer can read X.509.",
	  "RFC 2408 5.9", "none of the peer's certificates is X.509, PKCS #7 or a raw key", CAUSE },
	{ NOTIFY_INVALID_CERTIFICATE, WAY_CLEAR | WAY_KEYS, "INVALID-CERTIFICATE",
	  "The peer does not accept the certificate: look at its dates, its issuer and the peer's list of authorities.",
	  "RFC 2408 5.9", "the peer's certificate has expired, is revoked or unreadable, or violates a rule of path validation", CAUSE },
	{ NOTIFY_CERT_TYPE_UNSUPPORTED, WAY_NEVER, "CERT-TYPE-UNSUPPORTED",
	  "The peer was asked for a type of certificate that it does not have.",
	  "RFC 2408 5.10", "never: a request for another type is discarded and the exchange goes on, since the peer may know our certificate; an error "
	  "would end it", CAUSE },
	{ NOTIFY_INVALID_CERT_AUTHORITY, WAY_CLEAR | WAY_KEYS, "INVALID-CERT-AUTHORITY",
	  "The peer does not know the authority that issued the certificate: load it there.",
	  "RFC 2408 5.10", "the issuer of the peer's certificate is not one of our CAs", CAUSE },
	{ NOTIFY_INVALID_HASH_INFORMATION, WAY_CLEAR | WAY_KEYS, "INVALID-HASH-INFORMATION",
	  "The peer found a wrong hash: the pre-shared keys or the hash algorithms differ, or the message was changed on its way.",
	  "RFC 2408 5.11", "the length of a HASH payload is not that of the negotiated hash", CAUSE },
	{ NOTIFY_AUTHENTICATION_FAILED, WAY_CLEAR | WAY_KEYS, "AUTHENTICATION-FAILED",
	  "The peer could not authenticate us: compare the pre-shared keys, the identities and the authentication method.",
	  "RFC 2408 5.11, 5.12", "HASH_I or HASH_R is wrong, or what it proves is not enough for any connection", CAUSE },
	{ NOTIFY_INVALID_SIGNATURE, WAY_CLEAR | WAY_KEYS, "INVALID-SIGNATURE",
	  "The peer found a wrong signature: key and certificate do not belong together, or the message was changed on its "
	  "way.",
	  "RFC 2408 5.12", "the signature was not made with the key of the certificate (more precise than AUTHENTICATION-FAILED)", CAUSE },
	{ NOTIFY_ADDRESS_NOTIFICATION, WAY_NEVER, "ADDRESS-NOTIFICATION",
	  "The peer sends an address; no RFC says what for.",
	  "RFC 2408 3.14.1", "never: no RFC gives it a meaning", "is logged and changes nothing" },
	{ NOTIFY_SA_LIFETIME, WAY_NEVER, "NOTIFY-SA-LIFETIME",
	  "The peer says how long it will keep the SA: compare the lifetimes of both ends.",
	  "RFC 2408 3.14.1", "never: RFC 2407 has RESPONDER-LIFETIME for that", "is logged and changes nothing" },
	{ NOTIFY_CERTIFICATE_UNAVAILABLE, WAY_CLEAR | WAY_KEYS, "CERTIFICATE-UNAVAILABLE",
	  "The peer lacks a certificate that it needs: load it there, or have it sent (send_cert = always).",
	  "RFC 2408 5.10", "we have no certificate of the CAs that the peer asks for, or none for the peer that signed", CAUSE },
	{ NOTIFY_UNSUPPORTED_EXCHANGE_TYPE, WAY_CLEAR, "UNSUPPORTED-EXCHANGE-TYPE",
	  "The peer does not support this exchange: compare Main and Aggressive Mode (connections.<c>.aggressive).",
	  "RFC 2408 5.2", "a first message is of an exchange that we do not serve, or that the connection does not allow", CAUSE },
	{ NOTIFY_UNEQUAL_PAYLOAD_LENGTHS, WAY_CLEAR | WAY_KEYS, "UNEQUAL-PAYLOAD-LENGTHS",
	  "The peer found lengths that do not add up: the message was damaged, or the pre-shared keys differ.",
	  "RFC 2408 5.1", "the header says more octets than the datagram has, or the payloads end before it does", CAUSE },
	{ NOTIFY_CONNECTED, WAY_NEVER, "CONNECTED",
	  "The peer has installed the SA (RFC 2408 section 3.1, commit bit).",
	  "RFC 2408 3.1", "never: we do not set the commit bit", "the SA that waited for it carries our traffic" },
	{ NOTIFY_RESPONDER_LIFETIME, WAY_EXCHANGE, "RESPONDER-LIFETIME",
	  "The peer will keep the SA for a shorter time than was offered.",
	  "RFC 2407 4.6.3.1", "in message 6 of Main Mode and message 2 of Quick Mode, where our lifetime is the shorter one",
	  "there, the lifetime becomes the shorter one" },
	{ NOTIFY_REPLAY_STATUS, WAY_EXCHANGE, "REPLAY-STATUS",
	  "The peer says whether it will check for replayed packets: if it does not, an attacker can have old packets accepted there.",
	  "RFC 2407 4.6.3.2", "in message 2 of Quick Mode if replay_window = 0",
	  "is logged with its value" },
	{ NOTIFY_INITIAL_CONTACT, WAY_EXCHANGE, "INITIAL-CONTACT",
	  "The peer has no other SA with us: SAs left here from before its restart are deleted.",
	  "RFC 2407 4.6.3.3",
	  "in message 5 of Main Mode and, encrypted, in message 3 of Aggressive Mode, where we have no SA with the peer's address "
	  "(unless unique = never)",
	  "older SAs of the same identity end; only where it was encrypted" },
	{ NOTIFY_R_U_THERE, WAY_KEYS, "R-U-THERE",
	  "The peer asks whether we are alive (RFC 3706).",
	  "RFC 3706 5.3", "nothing came from the peer for dpd_delay", "is answered" },
	{ NOTIFY_R_U_THERE_ACK, WAY_KEYS, "R-U-THERE-ACK",
	  "The peer is alive (RFC 3706).",
	  "RFC 3706 5.3", "in answer to R-U-THERE", "the peer is alive" },
};
/* clang-format on */

/* What it means where the phase is known in which it came. */
static const struct {
	uint16_t type;
	const char *sentence[2];
} in_phase[] = {
	{ NOTIFY_NO_PROPOSAL_CHOSEN,
	  { "The peer allows none of the algorithms that were offered for Phase 1, or has no connection for our address: compare "
	    "connections.<c>.proposals, the addresses and the authentication method with its configuration.",
	    "The peer allows nothing of what was offered for Phase 2: compare children.<ch>.esp_proposals (or ah_proposals), its "
	    "group for PFS, and the mode with its configuration." } },
	{ NOTIFY_INVALID_ID_INFORMATION,
	  { "The peer has no connection for these identities: its remote.id must be our local.id, and its local.id our "
	    "remote.id.",
	    "The peer has no child for these networks: its remote_ts must be our local_ts, and its local_ts our remote_ts." } },
};

const struct notification *
notification_at(size_t index)
{
	return index < sizeof table / sizeof *table ? &table[index] : NULL;
}

const struct notification *
notification_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

const char *
notify_name(uint16_t type)
{
	const struct notification *n = notification_find(type);

	return n ? n->name : NULL;
}

const char *
notify_sentence(uint16_t type)
{
	const struct notification *n = notification_find(type);

	return n ? n->sentence : NULL;
}

const char *
notify_sentence_in(uint16_t type, unsigned phase)
{
	for (size_t i = 0; i < sizeof in_phase / sizeof *in_phase; i++)
		if (in_phase[i].type == type)
			return in_phase[i].sentence[phase == 2];
	return notify_sentence(type);
}

bool
notification_is_error(uint16_t type)
{
	return type < 8192 && type != NOTIFY_ADDRESS_NOTIFICATION && type != NOTIFY_SA_LIFETIME;
}

/* "the two ISAKMP cookies or ... the sender's inbound IPSEC SPI" (RFC 2407 section 4.6.3); none is fine where none is needed. */
static bool
spi_fits(uint8_t protocol, size_t n)
{
	switch (protocol) {
	case PROTO_IPSEC_AH:
	case PROTO_IPSEC_ESP:
		return n == 0 || n == 4 || n == 16;
	case PROTO_IPCOMP:
		return n == 0 || n == 2 || n == 4 || n == 16;
	default: /* "The SPI Size may be from zero (0) to sixteen (16)" for ISAKMP, RFC 2408 section 3.14 */
		return n <= 16;
	}
}

const char *
notification_wrong(const struct notify_payload *n)
{
	/* DOI 0 is ISAKMP's own. Some peers leave the protocol out where none is meant. */
	if (n->doi != DOI_IPSEC && n->doi != DOI_ISAKMP)
		return "a notification of another DOI than IPsec";
	if (n->protocol > PROTO_IPCOMP)
		return "a notification of a protocol that is not ISAKMP, AH, ESP or IPComp";
	if (!spi_fits(n->protocol, n->spi.n))
		return "a notification with an SPI of a length that its protocol does not have";
	return NULL;
}
