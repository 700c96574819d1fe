/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE_H
#define SALLYPORT_IKE_H

#include "effects.h"
#include "rng.h"

/*
 * The key management core. Pure: datagram | timer | answer | command in,
 * effects out; no clock, socket, file or randomness of its own. The same seed
 * and trace give byte-identical effects.
 */
struct ike;
struct ike_protocol; /* the exchanges of one version; see exchange.h */

enum ike_error {
	IKE_OK = 0,
	IKE_ERR_NOMEM, /* nothing changed, nothing was added to the effects */
};

/* Daemon-wide settings; the names in comments are strongswan.conf's. */
struct ike_settings {
	instant_t retransmit_timeout_ns;    /* charon.retransmit_timeout, 4 s */
	double retransmit_base;             /* charon.retransmit_base, 1.8 */
	unsigned retransmit_tries;          /* charon.retransmit_tries, 5 */
	unsigned retransmit_jitter_percent; /* charon.retransmit_jitter, 0 */
	instant_t retransmit_limit_ns;      /* charon.retransmit_limit, 0 = none */
	instant_t keepalive_ns;             /* charon.keep_alive, 20 s; 0 = off */
	instant_t half_open_timeout_ns;     /* charon.half_open_timeout, 30 s */
	unsigned half_open_max;             /* charon.init_limit_half_open; 0 = 4096 */
	unsigned half_open_per_address;     /* charon.block_threshold, 5; 0 = no limit */
	unsigned exchanges_per_sa;          /* concurrent Phase 2 exchanges under one Phase 1; 0 = 64 */
	unsigned fragment_size;             /* charon.fragment_size: octets of an IP packet that holds one fragment; 0 = 1280 */
	unsigned max_packet;                /* charon.max_packet: largest message in fragments; 0 = 10000 */
	unsigned children_per_sa;           /* charon.sallyport.children_per_sa: Phase 2s under one Phase 1; 0 = 16384 */
	instant_t delete_wait_ns;           /* how long an SA that we deleted answers retransmissions, 10 s */
	bool initiator_only;                /* charon.initiator_only */
	bool export_keys;                   /* EFFECT_KEYS, for Wireshark */
	bool aggressive_psk;                /* charon.i_dont_care_about_security_and_use_aggressive_mode_psk */
	bool aggressive_without_pfs;        /* charon.sallyport.aggressive_mode_without_pfs */
	uint16_t port, port_nat_t;          /* 500 and 4500 */
	struct ip nat_aliases;              /* charon.sallyport.nat_aliases, 198.18.0.0/16: the network's first address */
	unsigned nat_alias_bits;            /* of its host part: 2 to 16; 0: there are none */
	bool inactivity_close_ike;          /* charon.inactivity_close_ike */
	bool unity;                         /* charon.cisco_unity: announce support of Cisco's attributes */
};

void ike_settings_default(struct ike_settings *s);

/**
 * ike_new - a core that holds no SA.
 *
 * @rng        outlives the core
 * @protocols  NULL-terminated; the versions that it speaks (&ike1_protocol)
 *
 * NULL when out of memory.
 */
struct ike *ike_new(const struct ike_settings *s, struct rng *rng, const struct ike_protocol *const *protocols);
/* Wipes every key; sends nothing (see COMMAND_SHUTDOWN). NULL is allowed. */
void ike_free(struct ike *ike);

/* One received datagram, the non-ESP marker already removed. Borrowed. */
struct datagram {
	struct endpoint local, remote;
	bool marker; /* it came with a non-ESP marker: UDP encapsulation is in use */
	struct span data;
};

/**
 * ike_receive - feed one UDP datagram to the core.
 *
 * RFC 2408 section 5.1. @now is never earlier than in any previous call. Hostile
 * input is not an error: it is counted, perhaps logged, and changes nothing.
 * Call ike_deadline() afterwards: it may have moved.
 */
enum ike_error ike_receive(struct ike *ike, instant_t now, const struct datagram *in, struct effects *out);

/* Does what is due at @now: retransmissions, lifetimes, DPD, keepalives. */
enum ike_error ike_tick(struct ike *ike, instant_t now, struct effects *out);
/* When ike_tick() must be called next; INSTANT_NEVER: no timer. */
instant_t ike_deadline(const struct ike *ike);

enum answer_kind {
	ANSWER_INSTALLED,
	ANSWER_PSK,
	ANSWER_ADDRESS,
	ANSWER_CREDENTIAL,
	ANSWER_SIGNATURE,
	ANSWER_VERIFIED,
	ANSWER_LOGIN,
	ANSWER_USER,
	ANSWER_LEASE,
	ANSWER_VIRTUAL,
	ANSWER_NAMES,
};

struct answer {
	enum answer_kind kind;
	uint64_t ticket;    /* of the effect; stale tickets are ignored */
	bool ok;            /* false: not installed, no secret, no address */
	const char *reason; /* where ok is false: for people; NULL allowed */
	struct span psk;
	struct endpoint local, remote;
	/* CREDENTIAL: everything is borrowed during the call. */
	uint64_t key;                    /* handle for ASK_SIGN */
	enum signature_scheme scheme;    /* that the key makes */
	struct identity id;              /* what the certificate says, for a round without an id */
	const struct cert_payload *cert; /* ours first, then intermediate CAs */
	size_t n_cert;
	const struct span *authorities; /* DER names of the CAs that we trust for the peer */
	size_t n_authorities;
	struct span signature;
	size_t conn;     /* VERIFIED: index into verify_query.conn */
	uint16_t notify; /* where ok is false: the notification that fits, or 0 */
	const struct ip *named; /* NAMES: borrowed during the call */
	size_t n_named;
	struct road_answer road; /* LOGIN, USER, LEASE: borrowed during the call */
};

enum ike_error ike_answer(struct ike *ike, instant_t now, const struct answer *a, struct effects *out);

enum command_kind {
	COMMAND_LOAD,      /* conn: added, or replaces the one of its name; claims traps, starts `start` children */
	COMMAND_UNLOAD,    /* name: no new SA from it; established ones stay, claims of traps are released */
	COMMAND_INITIATE,  /* ike and/or child name */
	COMMAND_TERMINATE, /* by names or ids; `force`: without waiting for the peer */
	COMMAND_REKEY,     /* by names or ids; `reauth` */
	COMMAND_INSTALL,   /* child: claim as a trap */
	COMMAND_UNINSTALL,
	COMMAND_ACQUIRE,     /* the data plane holds a packet for reqid, flow */
	COMMAND_EXPIRE,      /* spi, direction, hard: an IPsec SA reached its limit of octets or packets */
	COMMAND_INVALID_SPI, /* ESP came from `remote` for an SPI that we do not have: at most starts a probe */
	COMMAND_MAPPING,     /* authenticated, fresh ESP on `spi` came from a new address: follow it (RFC 3948) */
	COMMAND_TRAFFIC,     /* spi: authenticated traffic came in, so the peer is alive (RFC 3706); outbound: child_id. used_at */
	COMMAND_CLAIM_REFUSED, /* reqid, reason: a CLAIM could not be made; its traffic is dropped meanwhile */
	COMMAND_MOVED,       /* ike_id, local: the SA's address is no longer ours; `local` reaches the peer now */
	COMMAND_RESTARTED,   /* the data plane lost its SAs: renegotiate all */
	COMMAND_SHUTDOWN,    /* delete everything and tell the peers; done when all have answered or timed out */
};

struct command {
	enum command_kind kind;
	uint64_t id;               /* returned in EFFECT_DONE; 0: no EFFECT_DONE wanted */
	struct conn *conn;         /* LOAD: the core takes its own reference */
	const char *ike, *child;   /* names; NULL: any */
	uint32_t ike_id, child_id; /* 0: any */
	bool force, reauth, hard;
	instant_t timeout_ns; /* INITIATE, TERMINATE: 0 = until it ends by itself */
	uint32_t reqid, spi;
	enum sa_direction direction;
	struct flow flow;   /* ACQUIRE */
	const char *reason; /* CLAIM_REFUSED */
	instant_t used_at;  /* TRAFFIC: when its last packet passed; 0: now */
	struct endpoint local, remote;
};

/* COMMAND_TRAFFIC reports the traffic of children with an `inactivity` at least this often. */
#define TRAFFIC_REPORTED_EVERY MILLISECONDS(500)

enum ike_error ike_command(struct ike *ike, instant_t now, const struct command *c, struct effects *out);

/* ---- Looking at the state. Pointers are valid until the next call into the core. */

enum ike_state { IKE_STATE_CONNECTING, IKE_STATE_ESTABLISHED, IKE_STATE_REKEYING, IKE_STATE_REKEYED, IKE_STATE_DELETING };
enum child_state {
	CHILD_STATE_CREATED,
	CHILD_STATE_INSTALLING,
	CHILD_STATE_INSTALLED,
	CHILD_STATE_REKEYING,
	CHILD_STATE_REKEYED,
	CHILD_STATE_DELETING,
};

/* "ESTABLISHED": strongSwan's words. */
const char *ike_state_name(enum ike_state s);
const char *child_state_name(enum child_state s);

struct child_info {
	uint32_t id, reqid, ike_id;
	const struct child *config;
	enum child_state state;
	uint8_t protocol; /* PROTO_IPSEC_*: of the SPIs; AH only where it is alone */
	uint32_t spi_in, spi_out;
	uint32_t ah_spi_in, ah_spi_out;        /* AH around ESP; 0: none */
	uint16_t ah_integ_id, cpi_in, cpi_out; /* cpi: IPComp; 0: none */
	struct transform encr;
	uint16_t integ_id, dh_id; /* dh_id: the PFS group, DH_NONE without */
	bool esn, udp_encap;
	enum child_mode mode;
	struct selector_pair ts;
	instant_t installed_at, rekey_at, expires_at; /* INSTANT_NEVER: not */
};

struct ike_info {
	uint32_t id;
	const struct conn *conn; /* NULL: not decided yet */
	enum ike_version version;
	enum ike_state state;
	bool initiator;
	uint8_t spi_i[8], spi_r[8];
	struct endpoint local, remote;
	struct identity local_id, remote_id;
	struct transform encr;
	uint16_t integ_id, prf_id, dh_id;
	bool nat_local, nat_remote, nat_fake;
	bool aggressive;         /* Phase 1 was, or is, an Aggressive Mode: identities went in clear */
	bool group_key;          /* authenticated by a pre-shared key that others share */
	uint16_t auth;           /* IKEv1: the Authentication Method that was agreed; 0: none yet */
	instant_t established_at, rekey_at, reauth_at, expires_at;
	unsigned retransmits;    /* of the message now under way */
	const char *exchange;    /* what is under way: "Main Mode message 3 sent", or "" */
	const char *last_notice; /* the last unauthenticated notification: the probable cause; or "" */
	struct identity remote_xauth_id;            /* the user that logged in; ID_ANY: none */
	const struct ip *local_vips, *remote_vips; /* virtual addresses of ours, and those that we lent to the peer */
	size_t n_local_vips, n_remote_vips;
};

/* Walks in order of id: *cursor starts at 0. False at the end. */
bool ike_next_sa(const struct ike *ike, uint32_t *cursor, struct ike_info *out);
/* The children of one IKE SA (@ike_id), in order of id. */
bool ike_next_child(const struct ike *ike, uint32_t ike_id, uint32_t *cursor, struct child_info *out);
/* The IKE_SA with this id; false: it is gone. */
bool ike_look(const struct ike *ike, uint32_t ike_id, struct ike_info *out);
/* The id of the IKE_SA that has this child; 0: it is gone. */
uint32_t ike_child_owner(const struct ike *ike, uint32_t child_id);
/* Loaded connections in order of name; *cursor starts NULL. */
const struct conn *ike_next_conn(const struct ike *ike, const struct conn *cursor);
/* Whether a child of a loaded connection claims its traffic as a trap now: by its start_action, or by INSTALL. */
bool ike_is_trapped(const struct ike *ike, const struct conn *conn, const struct child *child);

/* What was received and not accepted, and why: the verdict list is in verdict.h. */
struct ike_counters {
	uint64_t received, sent, retransmits_sent, retransmits_answered;
	uint64_t ike_established, ike_failed, child_established, child_failed;
	uint64_t half_open;
	uint64_t fragments_sent, fragments_received;
};

void ike_counters(const struct ike *ike, struct ike_counters *out);
/* The counted verdicts: name and count by index; false past the last. */
bool ike_verdict_count(const struct ike *ike, unsigned index, const char **name, const char **sentence, uint64_t *count);

#endif
