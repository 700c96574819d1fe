/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ESP_H
#define SALLYPORT_ESP_H

#include "sad.h"

/* Drop reasons of the data path: one list yields enum, counter and sentence. */
#define ESP_DROPS(X) \
	X(NONE, "none", "accepted") \
	X(NO_SA, "no-sa", "no SA for this SPI (RFC 4303 3.4.2)") \
	X(RUNT, "runt", "shorter than the SA's smallest packet") \
	X(REPLAY, "replay", "sequence number already seen or left of the window (RFC 4303 3.4.3)") \
	X(ICV, "icv", "integrity check failed (RFC 4303 3.4.4)") \
	X(PADDING, "padding", "padding or next header is malformed (RFC 4303 2.4)") \
	X(SELECTOR, "selector", "decrypted packet is outside the SA's selectors (RFC 4301 5.2)") \
	X(INNER, "inner", "decrypted packet is not a whole IPv4 or IPv6 packet") \
	X(DUMMY, "dummy", "dummy packet for traffic flow confidentiality (RFC 4303 2.6)") \
	X(NO_POLICY, "no-policy", "no policy protects this packet") \
	X(HELD_FULL, "held-full", "waiting for an SA: the hold queue is full") \
	X(HELD_TIMEOUT, "held-timeout", "waited too long for an SA") \
	X(NO_OUTBOUND_SA, "no-outbound-sa", "its policy has no SA and none may be negotiated") \
	X(SEQ_EXHAUSTED, "seq-exhausted", "sequence number would cycle (RFC 4303 3.3.3)") \
	X(LIFETIME, "lifetime", "the SA reached its hard limit of octets or packets") \
	X(TOO_BIG, "too-big", "larger than the path with DF set; ICMP sent to the sender (RFC 4301 8.2.1)") \
	X(TTL, "ttl", "TTL or hop limit expired") \
	X(ECN, "ecn", "CE outside on a packet that does not understand ECN (RFC 6040)") \
	X(MALFORMED, "malformed", "not a packet that can be judged") \
	X(SEND, "send", "the socket refused it") \
	X(TUN_WRITE, "tun-write", "the TUN device refused it") \
	X(PEER_ADDRESS, "peer-address", "a plain packet or wrong encapsulation for this SA")

enum esp_drop {
#define X(id, name, sentence) ESP_DROP_##id,
	ESP_DROPS(X)
#undef X
	ESP_DROP_COUNT
};

const char *esp_drop_name(enum esp_drop d);
const char *esp_drop_sentence(enum esp_drop d);

#endif
