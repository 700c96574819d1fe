/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ESP_FORM_H
#define SALLYPORT_ESP_FORM_H

#include "esp_worker.h"

/*
 * SAs that are more than ESP in tunnel mode: transport mode, AH, AH around ESP,
 * IPComp inside. Their packets are copied to room of their own, where there is
 * space for headers on all sides; those of plain SAs never come here, so that
 * these forms cost them nothing. For this folder only.
 */

enum {
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_FRAGMENT = 44,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_IPCOMP = 108,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	FRAGMENT_HEADER_OCTETS = 8,
	AH_FIXED_OCTETS = 12,     /* up to the ICV: RFC 4302 section 2 */
	HEADER_OCTETS_MAX = 2048, /* IP header with its extension headers */
};

/* What an SA of a special form knows besides; the last part of its memory. */
struct sa_form {
	uint8_t protocol; /* PROTO_ESP, PROTO_AH */
	bool transport;
	bool member; /* the AH of a bundle: lives and dies with @other, its ESP */
	uint16_t ipcomp_cpi;
	/* In a bundle: of ESP, the AH around it; of that AH, the ESP within. Else NULL. */
	struct esp_sa *other;
	uint64_t compressed, incompressible; /* struct sa_usage */
	struct ip oa_local, oa_remote;       /* as the peer sees us and itself: RFC 3947 section 5.2 */
	struct ip alias;                     /* the peer's address on this side; IP_NONE: its own */
};

/* Of an SA with SA_FORM. */
struct sa_form *esp_sa_form(struct esp_sa *sa);

/* ---- room: one batch at a time */

enum { FORM_ROOM_OCTETS = 1 << 20, FORM_PACKET_OCTETS = 65536 + 512 };

/* A packet between its sealing as ESP and its completion. */
struct form_job {
	uint16_t packet;  /* in the batch */
	uint16_t header;  /* octets of the IP header at @ip */
	uint16_t next_at; /* where in it the next header is named */
	uint8_t *ip;
};

struct form_room {
	size_t used, n_jobs;
	struct form_job job[ESP_BATCH_MAX];
	struct batch bundle; /* ESP that came out of AH */
	struct ipcomp *ipcomp;
	uint16_t ip_id; /* of headers that need one: never zero, which the kernel would replace */
	uint8_t mac[FORM_PACKET_OCTETS];
	uint8_t octets[FORM_ROOM_OCTETS];
};

/* When the first SA of a form is added. False: no memory. */
bool form_room_open(struct esp_worker *w);
void form_room_close(struct esp_worker *w);

/* At the start of each batch. */
static inline void
form_room_reset(struct esp_worker *w)
{
	if (w->form)
		w->form->used = w->form->n_jobs = 0;
}

/* @n octets until the end of the batch; NULL: none left. */
uint8_t *form_take(struct esp_worker *w, size_t n);

/* ---- IP headers: transport.c */

/* Where a transport mode header goes: RFC 4302 section 3.1.1, RFC 4303 section 3.1.1. */
struct ip_split {
	uint32_t header;     /* octets that stay in front */
	uint32_t next_at;    /* the field that names what follows */
	uint32_t payload_at; /* behind an IPv6 Fragment header, which stays out */
	uint8_t next;        /* what the payload is */
	bool fragment;       /* a part of a datagram, not the whole */
};

/* False: options or extension headers are cut short. @packet is whole. */
bool ip_split(struct ip_split *out, const uint8_t *packet, uint32_t len);
/* Where an IP header of @header octets, all of it extension headers behind the first 40, names what follows; 0: malformed. */
uint32_t ip_next_at(const uint8_t *ip, uint32_t header);
/* Writes total or payload length, what follows, and IPv4's checksum. */
void ip_complete(uint8_t *packet, uint32_t next_at, uint8_t next, uint32_t len);
/* Writes an address, of the header's version, over that of the sender, or of the receiver. */
void ip_put_source(uint8_t *ip, const struct ip *a);
void ip_put_destination(uint8_t *ip, const struct ip *a);
/* RFC 3948 section 3.1.2: TCP and UDP checksums, made for the addresses before a NAT. @l4 is what follows @ip. */
void transport_fix_checksum(const uint8_t *ip, uint8_t *l4, uint32_t n, const struct ip *was_src, const struct ip *was_dst);

/* ---- stages */

/* Before sealing: brings a packet of an SA with SA_FORM into its room and form, and adds its operation. */
enum esp_drop form_prepare(struct esp_worker *w, struct batch *b, size_t i, instant_t now_ns);
/* After sealing: AH and the IP headers of the packets that want one. */
void form_complete(struct esp_worker *w, struct batch *b);

/* Whether ESP for this SA may come as it came: RFC 4301 section 5.2, the demands of a bundle. */
enum esp_drop form_admit(const struct packet *p);
/* What ESP or AH protected, with p, len and next set: decompresses, and rebuilds a whole IP packet. */
enum esp_drop form_restore(struct esp_worker *w, struct packet *p, const uint8_t *ip, uint32_t header, uint32_t next_at);
/* The same for a packet out of ESP, whose trailer is off. */
enum esp_drop form_restore_esp(struct esp_worker *w, struct packet *p);

/* Selectors and, in tunnel mode, ECN: RFC 4301 section 5.2 step 4, RFC 6040. */
enum esp_drop form_accept(struct packet *p);

/* ---- AH: ah.c */

/* Octets of the AH of this SA; @v6: RFC 4302 section 2.2, a multiple of 64 bits. */
uint32_t ah_octets(const struct esp_sa *sa, bool v6);
/*
 * Writes the AH at ip + header in front of what is there, and its ICV. @len counts to the packet's end. False: it must not
 * leave, its header is malformed or it is too long.
 */
bool ah_seal(struct esp_worker *w, struct esp_sa *sa, uint8_t *ip, const struct form_job *job, uint32_t len, uint64_t seq,
             uint8_t next);

/* Zeroes the mutable fields of a header for the ICV: RFC 4302 section 3.3.3.1. False: it is malformed. */
bool ah_mask_header(uint8_t *ip, uint32_t header);

/* ---- IPComp: ipcomp.c */

enum { IPCOMP_HEADER_OCTETS = 4, IPCOMP_CPI_DEFLATE = 2 };

struct ipcomp *ipcomp_new(void);
/* NULL is allowed. */
void ipcomp_free(struct ipcomp *c);
/*
 * Header and compressed octets to @out, which has room for @n octets. Returns how
 * many; 0 where they would not be fewer than @n (RFC 3173 section 2.2).
 */
uint32_t ipcomp_compress(struct ipcomp *c, uint8_t *out, const uint8_t *in, uint32_t n, uint8_t next, uint16_t cpi);
/* To @out with @room; 0: malformed, of another CPI, or too large. *next is what is inside. */
uint32_t ipcomp_decompress(struct ipcomp *c, uint8_t *out, uint32_t room, const uint8_t *in, uint32_t n, uint16_t cpi,
                           uint8_t *next);

#endif
