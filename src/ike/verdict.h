/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VERDICT_H
#define SALLYPORT_VERDICT_H

/*
 * What came and was not accepted, and why: each verdict is counted and has a
 * sentence. The name doubles as the stable `reason` word of log lines.
 */
/* clang-format off */
#define VERDICTS(X) \
	X(OK, "ok", "accepted") \
	X(RUNT, "bad-header", "the ISAKMP header does not fit the datagram") \
	X(VERSION, "unknown-version", "we do not speak this major version") \
	X(UNKNOWN_SA, "unknown-cookies", "no IKE_SA has these cookies: it ended, or never existed") \
	X(MINOR_VERSION, "unknown-minor-version", "the minor version is not 0, the only one defined") \
	X(FLAGS, "unknown-flags", "the header has undefined flags") \
	X(MESSAGE_ID, "bad-message-id", "a first message has a message id other than 0") \
	X(PAYLOAD_TYPE, "unknown-payload", "a payload has an undefined type") \
	X(DOI, "unknown-doi", "the SA payload is for another DOI than IPsec, or asks for security labels") \
	X(BAD_NOTIFY, "bad-notification", "a notification or Delete with an impossible DOI, protocol or SPI: it is ignored") \
	X(EXCHANGE_TYPE, "unknown-exchange", "this exchange type is not supported here") \
	X(DUPLICATE, "duplicate", "a repetition of the last message: the stored answer was sent again") \
	X(ABSORBED, "absorbed", "a repetition while we wait for an answer of our own: nothing to do") \
	X(OVERFLOW, "queue-full", "too many messages came while the exchange waited") \
	X(UNEXPECTED, "unexpected-message", "the exchange does not expect a message from the peer now") \
	X(REPLAYED, "replayed", "its message id was used before under this IKE_SA") \
	X(REFLECTED, "reflected", "it is one of our own messages, sent back to us") \
	X(NOT_ENCRYPTED, "not-encrypted", "a message that must be protected came in clear") \
	X(NO_KEYS, "no-keys", "an encrypted message came before there are keys") \
	X(CIPHERTEXT_LENGTH, "ciphertext-length", "the encrypted part is not whole cipher blocks") \
	X(MALFORMED, "malformed", "the payloads cannot be read") \
	X(UNDECRYPTABLE, "undecryptable", "the decrypted payloads cannot be read: the keys differ") \
	X(WRONG_PSK, "wrong-psk", "a message of Phase 1 decrypts to garbage, or its hash is wrong: probably the pre-shared keys differ") \
	X(MISSING_PAYLOAD, "missing-payload", "a payload that the exchange needs is missing") \
	X(EXTRA_PAYLOAD, "extra-payload", "there is a payload that the exchange does not allow") \
	X(PAYLOAD_ORDER, "payload-order", "a payload is not where RFC 2409 section 5.5 requires it") \
	X(BAD_HASH, "bad-hash", "the HASH payload does not verify") \
	X(BAD_SIGNATURE, "bad-signature", "the signature does not verify") \
	X(BAD_CERTIFICATE, "bad-certificate", "the peer's certificate is not one that we trust") \
	X(NO_CREDENTIAL, "no-credential", "there is no private key with a certificate to sign with") \
	X(EXCHANGE_REFUSED, "exchange-refused", "no connection for these addresses and this identity allows this exchange") \
	X(BAD_NONCE, "bad-nonce", "the nonce is not 8 to 256 octets long") \
	X(BAD_KE, "bad-key-exchange", "the public Diffie-Hellman value is not valid in its group") \
	X(NO_PROPOSAL, "no-proposal-chosen", "we allow none of the offered proposals") \
	X(BAD_CHOICE, "bad-choice", "the responder chose what we did not offer") \
	X(NO_CONNECTION, "no-connection", "no configured connection matches the two addresses") \
	X(NO_PSK, "no-psk", "no pre-shared key is configured for this peer") \
	X(ID_MISMATCH, "id-mismatch", "the identity is not the one that the connection allows") \
	X(NOT_UNIQUE, "not-unique", "this identity already has an IKE_SA, and that one is kept") \
	X(TS_MISMATCH, "ts-mismatch", "no configured child contains the offered traffic selectors") \
	X(TS_TAKEN, "ts-taken", "another peer already has these traffic selectors") \
	X(HALF_OPEN_LIMIT, "half-open-limit", "too many half-open IKE_SAs") \
	X(HALF_OPEN_EVICTED, "half-open-evicted", "a half-open IKE_SA whose initiator has not returned our cookie was dropped to make room") \
	X(HALF_OPEN_EXPIRED, "half-open-expired", "the initiator of a half-open IKE_SA never returned our cookie") \
	X(CLEAR_LIMIT, "clear-limit", "an answer in clear was not sent: the limit per second was reached, in total or for one address") \
	X(CLEAR_SIZE, "clear-size", "an answer in clear was not sent: it would be larger than what it answers") \
	X(EXCHANGE_LIMIT, "exchange-limit", "too many simultaneous exchanges under one IKE_SA") \
	X(FRAGMENT, "bad-fragment", "a fragment that does not fit the others of its message, or was not expected") \
	X(CHILD_LIMIT, "child-limit", "too many CHILD_SAs under one IKE_SA") \
	X(DELETE_LIMIT, "delete-limit", "a Delete names more SPIs than we accept in one: only the first were deleted") \
	X(DPD_COOKIES, "dpd-cookies", "the SPI of a DPD notification does not consist of the two cookies of its IKE_SA") \
	X(UNPROTECTED_NOTIFY, "unprotected-notify", "a notification in clear: shown as the probable cause, not acted on") \
	X(UNPROTECTED_DELETE, "unprotected-delete", "a Delete in clear is never obeyed") \
	X(DPD_SEQUENCE, "dpd-sequence", "the DPD sequence number is not the expected one") \
	X(NOT_INSTALLED, "not-installed", "the data plane refused the IPsec SA") \
	X(NOT_CLAIMED, "not-claimed", "the traffic of a child cannot be diverted: its SAs end, and what a trap covers is dropped") \
	X(SHUTTING_DOWN, "shutting-down", "the daemon is shutting down: nothing new is started")                                                              \
	X(INITIATOR_ONLY, "initiator-only", "this daemon does not answer anybody: initiator_only is set") \
	X(LOGIN_FAILED, "login-failed", "the user name or password is not accepted") \
	X(LOGIN_REQUIRED, "login-required", "the peer has to log in (XAUTH) before anything else") \
	X(CONFIG_TYPE, "config-type", "a configuration message of a type that does not belong there") \
	X(CONFIG_IDENTIFIER, "config-identifier", "the answer has a different identifier from the configuration message that it answers") \
	X(NO_LEASE, "no-lease", "no address is free for this client") \
	X(INTERNAL, "internal", "memory ran out, or the cryptographic library failed")
/* clang-format on */

#define X(name, word, sentence) VERDICT_##name,
enum verdict { VERDICTS(X) VERDICT_COUNT };
#undef X

const char *verdict_word(enum verdict v);
const char *verdict_sentence(enum verdict v);

#endif
