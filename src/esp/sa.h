/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SA_H
#define SALLYPORT_SA_H

#include "bulk.h"
#include "instant.h"
#include "replay.h"
#include "sad.h"

/*
 * The Security Associations of one worker (RFC 4301 section 4.4.2). A worker
 * owns its SAs alone, so nothing here locks. Memory per SA: two cache lines, the
 * expanded key (1 KiB for AES-GCM with libipsec-mb) and, inbound, the ring of the
 * window and the selectors, unless these are one pair of IPv4 ranges.
 */

struct esp_worker;

/* Where the packets of SAs go; shared by the SAs between the same two ends. */
struct esp_path {
	struct endpoint local, remote;
	uint32_t refs;
	uint16_t mtu; /* of the outer path, whole packets; the data plane writes what it learns */
	bool udp_encap;
	uint16_t told_mtu;   /* what a router said itself, and the kernel does not know; */
	uint64_t told_until; /* until then */
	struct esp_path *next;
};

enum sa_flag {
	SA_OUT = 1 << 0,
	SA_ESN = 1 << 1,
	SA_COPY_DF = 1 << 2,
	SA_COPY_ECN = 1 << 3,
	SA_COPY_DSCP_OUT = 1 << 4,
	SA_COPY_DSCP_IN = 1 << 5,
	SA_SOFT_REPORTED = 1 << 6,
	SA_HARD_REPORTED = 1 << 7, /* stopped: a hard limit was met or the sequence numbers are used up */
	SA_PORTS = 1 << 8,         /* its selectors look at ports: see pmtu.h */
	SA_NARROW = 1 << 9,        /* its selectors look at more than addresses */
	SA_FORM = 1 << 11,         /* more than ESP in tunnel mode: form.h */
	SA_TRANSPORT = 1 << 12,    /* of those: transport mode */
	SA_CBC = 1 << 10,          /* the IV is made by the cipher: bulk.h, iv_nonce */
	SA_ONE_RANGE = 1 << 13,    /* inbound: its only selector is esp_sa.range */
};

/* Addresses of a selector, the local and the remote end; host order. */
struct range_v4 {
	uint32_t lo[2], hi[2];
};

enum { SA_PACKET_OCTETS = 128, SA_SELECTORS_MAX = 64, SA_MTU_DEFAULT = 1500 };

/*
 * Read freely; written only by this layer, but for @user, which belongs to the data
 * plane. Behind it in the same memory: the expanded key, the ring of the replay
 * window (inbound), selectors in compact form (inbound), the form (SA_FORM).
 */
struct esp_sa {
	/* First cache line: what each packet needs. */
	const struct bulk_suite *suite;
	uint64_t octets, packets; /* inner octets */
	uint32_t spi;             /* host order */
	uint16_t flags;           /* enum sa_flag */
	uint8_t head_octets;      /* SPI, sequence number, IV */
	uint8_t align;            /* payload multiple */
	union {
		struct {                     /* outbound */
			uint64_t seq;        /* last number used */
			uint8_t iv_mask[16]; /* XORed into the counter that makes the IV */
		};
		struct { /* inbound */
			struct replay replay;
			struct range_v4 range; /* SA_ONE_RANGE */
		};
	};
	/* Second cache line. */
	uint8_t icv_octets;
	uint8_t n_v4, n_v6; /* inbound: selectors by family, behind the ring */
	uint8_t pad;
	uint32_t child_id;
	uint64_t next_octets, next_packets; /* the next limit that raises an event */
	uint64_t hard_octets, hard_packets;
	uint64_t last_use_ns;
	struct esp_path *path;
	void *user;
};

_Static_assert(sizeof(struct esp_sa) == SA_PACKET_OCTETS, "two cache lines, as the memory figures say");

static inline const void *
esp_sa_key(const struct esp_sa *sa)
{
	return (const uint8_t *)sa + SA_PACKET_OCTETS;
}

/* The ring of the replay window; inbound only. */
static inline uint64_t *
esp_sa_ring(struct esp_sa *sa)
{
	return (uint64_t *)((uint8_t *)sa + SA_PACKET_OCTETS + sa->suite->key_size);
}

/* What esp_sa_add takes beyond the parameters of key management. */
struct esp_sa_extra {
	/* All selectors of the SA; n_ts 0: sa_params.ts alone. At most SA_SELECTORS_MAX. */
	const struct selector_pair *ts;
	size_t n_ts;
	uint16_t mtu;           /* of the outer path; 0: 1500. A path that exists already keeps its own */
	uint64_t seq;           /* the number before the first (outbound), the top of the window (inbound); for tests */
	const uint8_t *iv_mask; /* 16 octets; NULL: zero for an AEAD and CTR, random for CBC. For tests */
};

/*
 * esp_sa_add - installs one direction of an SA: expands its keys, chooses the
 * functions for its algorithms. @x may be NULL. Copies everything it keeps.
 *
 * A bundle gets a second SA for its AH, which is removed with it.
 *
 * NULL with a sentence in *why: algorithms or key lengths that we do not have,
 * a mode other than tunnel and transport, an SPI in use or reserved (RFC 4303 section 2.1),
 * no memory. Pointers to other SAs stay valid.
 */
struct esp_sa *esp_sa_add(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *x, const char **why);
/* Wipes the keys. @sa must not be in a batch any more. */
void esp_sa_remove(struct esp_worker *w, struct esp_sa *sa);
/* Inbound: by SPI alone (@remote is not looked at). Outbound: by SPI and remote endpoint. */
struct esp_sa *esp_sa_find(struct esp_worker *w, enum sa_direction d, uint32_t spi, const struct endpoint *remote);
/* New endpoints (RFC 3948 section 4, MOBIKE). False: no memory, or the SPI exists there; unchanged. */
bool esp_sa_move(struct esp_worker *w, struct esp_sa *sa, const struct endpoint *local, const struct endpoint *remote);
/*
 * esp_sa_adopt - an SA of another worker, where both stand still, becomes one of @w: with its keys, its numbers and its
 * window. Returns what it is now. NULL: it stays as it was, for want of memory, or since it has a form (SA_FORM).
 */
struct esp_sa *esp_sa_adopt(struct esp_worker *w, struct esp_worker *from, struct esp_sa *sa);
/* From any thread, as long as the SA is not removed: its worker counts on meanwhile; each number is whole. */
void esp_sa_usage(const struct esp_sa *sa, struct sa_usage *out);
size_t esp_sa_count(const struct esp_worker *w);
/* Octets of memory that the worker's SAs take: slabs, tables, paths. */
size_t esp_sa_memory(const struct esp_worker *w);

/*
 * Whether the inner packet of an inbound SA is within its selectors: RFC 4301
 * section 5.2 step 4. @packet is whole. A later fragment has no ports: it
 * passes only where the selector takes any (or OPAQUE) ports, section 7.
 */
bool sa_selectors_admit(struct esp_sa *sa, const uint8_t *packet, uint32_t len);

#endif
