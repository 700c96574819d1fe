/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ESP_H
#define SALLYPORT_ESP_H

#include "counter.h"
#include "rng.h"
#include "sa.h"
#include "sad.h"

/*
 * ESP and AH for batches of packets in memory: RFC 4303, RFC 4302. Stages mark
 * packets, one function drops and counts. No lock, no allocation and no system
 * call per packet.
 */

/* Drop reasons of the data path: one list yields enum, counter and sentence. */
#define ESP_DROPS(X)                                                                                                             \
	X(NONE, "none", "accepted")                                                                                              \
	X(NO_SA, "no-sa", "no SA for this SPI (RFC 4303 3.4.2)")                                                                 \
	X(RUNT, "runt", "shorter than the SA's smallest packet")                                                                 \
	X(REPLAY, "replay", "sequence number already seen or left of the window (RFC 4303 3.4.3)")                               \
	X(ICV, "icv", "integrity check failed (RFC 4303 3.4.4)")                                                                 \
	X(PADDING, "padding", "padding or next header is malformed (RFC 4303 2.4)")                                              \
	X(SELECTOR, "selector", "decrypted packet is outside the SA's selectors (RFC 4301 5.2)")                                 \
	X(INNER, "inner", "decrypted packet is not a whole IPv4 or IPv6 packet")                                                 \
	X(DUMMY, "dummy", "dummy packet for traffic flow confidentiality (RFC 4303 2.6)")                                        \
	X(NO_POLICY, "no-policy", "no policy protects this packet")                                                              \
	X(HELD_FULL, "held-full", "waiting for an SA: the hold queue is full")                                                   \
	X(HELD_TIMEOUT, "held-timeout", "waited too long for an SA")                                                             \
	X(NO_OUTBOUND_SA, "no-outbound-sa", "its policy has no SA and none may be negotiated")                                   \
	X(SEQ_EXHAUSTED, "seq-exhausted", "sequence number would cycle (RFC 4303 3.3.3)")                                        \
	X(LIFETIME, "lifetime", "the SA reached its hard limit of octets or packets")                                            \
	X(TOO_BIG, "too-big", "larger than the path with DF set; ICMP sent to the sender (RFC 4301 8.2.1)")                      \
	X(TTL, "ttl", "TTL or hop limit expired")                                                                                \
	X(ECN, "ecn", "CE outside on a packet that does not understand ECN (RFC 6040)")                                          \
	X(MALFORMED, "malformed", "not a packet that can be judged")                                                             \
	X(SEND, "send", "the socket refused it")                                                                                 \
	X(TUN_WRITE, "tun-write", "the TUN device refused it")                                                                   \
	X(PEER_ADDRESS, "peer-address", "a plain packet or wrong encapsulation for this SA")                                     \
	X(FRAGMENT, "fragment", "its datagram did not become whole: pieces late, overlapping, too many (RFC 4303 3.3.4)")        \
	X(BUNDLE, "bundle", "ESP or AH alone where the SA bundle demands both (RFC 4301 5.2)")                                   \
	X(IPCOMP, "ipcomp", "compressed payload is malformed, too large or of another CPI (RFC 3173)")                           \
	X(HEADER, "header", "options or extension headers of the IP header are malformed")                                       \
	X(NO_ROOM, "no-room", "no room left for the packets of one batch")

enum esp_drop {
#define X(id, name, sentence) ESP_DROP_##id,
	ESP_DROPS(X)
#undef X
	        ESP_DROP_COUNT
};

const char *esp_drop_name(enum esp_drop d);
const char *esp_drop_sentence(enum esp_drop d);

enum {
	ESP_BATCH_MAX = 256,
	/* Room that esp_transmit needs before and behind an inner packet, at most; esp_sealed_octets is exact. */
	ESP_HEADROOM = 24,
	ESP_TAILROOM = 64,
	/* What one IPv4 packet can carry; libipsec-mb counts in 16 bits, too. */
	ESP_OCTETS_MAX = 65535 - 20,
};

/* One packet on its way through the stages. */
struct packet {
	uint8_t *p;        /* in: ESP header, then the inner packet; out: inner packet, then ESP header */
	struct esp_sa *sa; /* out: set by the caller; in: found by SPI */
	uint64_t seq;      /* with its high half where ESN is on */
	uint32_t len;      /* octets at p */
	uint32_t spi;      /* in: read from the packet */
	uint16_t user;     /* the caller's: not looked at */
	uint16_t head;     /* in: octets of the IP header directly before p, 0: not there; out: p begins with so many, 0: none */
	uint8_t drop;      /* enum esp_drop; the caller may set it beforehand: such a packet passes no stage */
	uint8_t tos;       /* outer TOS or traffic class; in: as received (set by the caller), out: to send with (set here) */
	bool df;           /* out: DF of an outer IPv4 header (set here) */
	uint8_t next;      /* next header of the payload; out: 59 asks for a dummy packet of any octets */
	void *tag;         /* the caller's: not looked at */
};

/*
 * After esp_receive and esp_transmit: pkt[0..n) passed, in their order, and
 * pkt[n..n+n_dropped) did not, in any order; p->drop says why.
 */
struct batch {
	size_t n, n_dropped;
	struct packet pkt[ESP_BATCH_MAX];
};

/* A limit that an SA met: reported once each. */
enum esp_event_kind { ESP_EVENT_SOFT, ESP_EVENT_HARD };

struct esp_event {
	enum esp_event_kind kind;
	struct esp_sa *sa;
};

struct esp_worker_options {
	enum bulk_provider provider;
	struct rng *rng;   /* hash keys, IV masks; used when SAs are added, never per packet */
	size_t expect_sas; /* a hint for the tables; 0: small */
};

/* NULL when out of memory, or without the provider asked for. One thread at a time. */
struct esp_worker *esp_worker_new(const struct esp_worker_options *o);
/* Removes and wipes all SAs. NULL is allowed. */
void esp_worker_free(struct esp_worker *w);
const char *esp_worker_crypto(const struct esp_worker *w);

/*
 * esp_receive - inbound ESP for one batch: RFC 4303 section 3.4, RFC 4301 section 5.2.
 *
 * Each packet's p points to the SPI and len counts to the end of the ICV; the
 * octets are overwritten. tos is the outer header's. Afterwards p and len are
 * the inner packet, its TTL untouched, ECN (RFC 6040) and DSCP carried inwards
 * as the SA says. @now_ns is stored as last use. In transport mode the IP header
 * before p (where @head says that it is there; else one is made from the SA's
 * ends) is in front of the inner packet again. Packets of transport mode, AH and
 * IPComp lie in memory of the worker's, until its next batch.
 */
void esp_receive(struct esp_worker *w, struct batch *b, instant_t now_ns);

/*
 * esp_transmit - outbound ESP for one batch: RFC 4303 section 3.3, RFC 4301 section 5.1.
 *
 * Each packet's p points to an inner packet whose checksums are complete, sa
 * is its outbound SA; sa->head_octets octets before it and the rest of
 * esp_sealed_octets behind it are written. Afterwards p points to the SPI, and tos
 * and df are for the outer header. The inner packet is not altered: its TTL was
 * decremented by the kernel that routed it into the TUN device (RFC 4301
 * section 5.1.2 note 3 asks for that only when forwarding). Where @head is not
 * zero afterwards, p is a whole IP packet: transport mode, or AH. Packets of
 * transport mode, AH and IPComp lie in memory of the worker's, until its next batch.
 */
void esp_transmit(struct esp_worker *w, struct batch *b, instant_t now_ns);

/*
 * ah_receive - inbound AH for one batch: RFC 4302 section 3.4; within a bundle, the ESP inside too.
 *
 * As esp_receive, but each packet's p points to the AH and @head octets of IP header
 * stand directly before it, which may be overwritten.
 */
void ah_receive(struct esp_worker *w, struct batch *b, instant_t now_ns);

/* Octets of the ESP packet (SPI to ICV) that carries an inner packet of @inner octets. */
static inline uint32_t
esp_sealed_octets(const struct esp_sa *sa, uint32_t inner)
{
	return sa->head_octets + ((inner + 2 + sa->align - 1u) & ~(sa->align - 1u)) + sa->icv_octets;
}

/* Marks without counting twice: moves what is dropped behind what passed, and counts it. */
void batch_compact(struct batch *b, uint64_t drops[ESP_DROP_COUNT]);

/* Events that the last call of esp_receive or esp_transmit raised; valid until the next. */
const struct esp_event *esp_worker_events(const struct esp_worker *w, size_t *n);

/* Whether a batch may hold whole packets (packet.head) at all. */
bool esp_worker_has_forms(const struct esp_worker *w);

/* Counters by enum esp_drop; index ESP_DROP_NONE counts packets accepted inbound. The caller may add to them. */
uint64_t *esp_worker_drops(struct esp_worker *w);

#endif
