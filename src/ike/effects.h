/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_EFFECTS_H
#define SALLYPORT_EFFECTS_H

#include "arena.h"
#include "conn.h"
#include "instant.h"
#include "isakmp.h"
#include "log.h"
#include "road.h"
#include "sad.h"

/*
 * What the core wants done. The core never acts: it appends effects, and the
 * daemon (or the simulator) carries them out in order. Everything that an
 * effect points to lives in the effects' arena, until effects_clear().
 */

enum effect_kind {
	EFFECT_SEND,       /* a datagram to a peer */
	EFFECT_INSTALL_SA, /* put one direction of an IPsec SA into the data plane; answered by ANSWER_INSTALLED */
	EFFECT_UPDATE_SA,  /* the peer's address changed (NAT mapping): sa.spi, sa.direction, sa.remote, sa.local */
	EFFECT_REMOVE_SA,  /* sa.spi, sa.direction, sa.remote */
	EFFECT_CLAIM,      /* divert the traffic of a policy to the data plane, or nowhere */
	EFFECT_RELEASE,    /* claim.reqid: give the traffic back to the plain route */
	EFFECT_ASK_PSK,    /* answered by ANSWER_PSK */
	/* Private keys and trust anchors stay behind these three. */
	EFFECT_ASK_CREDENTIAL, /* what one of our rounds signs with; answered by ANSWER_CREDENTIAL */
	EFFECT_ASK_SIGN,       /* answered by ANSWER_SIGNATURE */
	EFFECT_ASK_VERIFY,     /* the peer's signature and certificates; answered by ANSWER_VERIFIED */
	EFFECT_ASK_ADDRESS,    /* addresses of both ends for an initiation; answered by ANSWER_ADDRESS */
	EFFECT_ASK_NAMES,      /* ask_address.conn: all that the names of its remote_addrs mean; answered by ANSWER_NAMES */
	EFFECT_UPDOWN,         /* a CHILD_SA came up or went down: run its updown script, tell vici */
	EFFECT_EVENT,          /* state change, for vici and logs */
	EFFECT_LOG,            /* a line for the log */
	EFFECT_DONE,           /* the end of a command: its result and reason */
	EFFECT_KEYS,           /* key material for Wireshark; only when settings.export_keys */
	/* Road warriors: road.h. */
	EFFECT_ASK_LOGIN,      /* the user name and password that we log in with; answered by ANSWER_LOGIN */
	EFFECT_ASK_USER,       /* checks the name and password of the peer's user; answered by ANSWER_USER */
	EFFECT_ASK_LEASE,      /* addresses and settings for a client; answered by ANSWER_LEASE */
	EFFECT_RELEASE_LEASE,  /* lease.ike_id, lease.id, lease.held: the client is gone */
	EFFECT_ADD_VIRTUAL,    /* our own virtual addresses and what came with them; answered by ANSWER_VIRTUAL */
	EFFECT_REMOVE_VIRTUAL, /* virtual.ike_id */
	EFFECT_NOTHING,        /* memory ran out while it was filled */
};

/*
 * Work that can be continued later stops at EFFECTS_BATCH and stays due. Work that
 * cannot be divided may exceed it, up to a bound that only protects the machine.
 */
enum { EFFECTS_BATCH = 4096, EFFECTS_MAX = 1 << 18 };

struct effect_send {
	struct endpoint local, remote; /* local.port 500 or 4500: also says whether a non-ESP marker goes in front */
	bool marker;                   /* RFC 3948 2.2: four zero octets before the message (already not in `data`) */
	bool keepalive;                /* RFC 3948 2.3: `data` is the single octet 0xff, no marker */
	uint8_t dscp;                  /* RFC 2474 section 3: the upper six bits of the octet */
	struct span data;
};

/*
 * The lookup of RFC 2409 section 5.4. Pairs to try, best first; the store
 * answers with the best secret for the first pair that has one.
 */
struct psk_query {
	const struct identity *local, *remote; /* n each */
	size_t n;
};

/* What a signature of Phase 1 is made with: RFC 2409 section 5.1, RFC 4754 section 3. */
enum signature_scheme {
	SIGN_NONE = 0,
	SIGN_RSA,       /* PKCS #1 block type 1 around the bare HASH, without DigestInfo */
	SIGN_ECDSA_256, /* the bare HASH is the digest; r | s, each padded to the curve */
	SIGN_ECDSA_384,
	SIGN_ECDSA_521,
	SIGNATURE_SCHEMES,
};

/* The conn that @round belongs to is referenced as long as the effects live. */
struct credential_query {
	const struct conn *conn;
	const struct auth_round *round;
	unsigned schemes;      /* bits 1 << enum signature_scheme: only a key that makes one of them will do; 0: any */
	bool authorities_only; /* the round does not sign (hybrid): only the trusted CAs are wanted; having no key is no failure */
	const struct span *authorities; /* DER names of the CAs that the peer asked for */
	size_t n_authorities;
};

struct sign_query {
	uint64_t key; /* of ANSWER_CREDENTIAL */
	enum signature_scheme scheme;
	/*
	 * HASH_I or HASH_R. For ECDSA with the HMAC of the scheme's own hash: "this can
	 * be overridden for construction of the signature if the signature algorithm is
	 * tied to a particular hash algorithm" (RFC 2409 section 5.1).
	 */
	struct span octets;
};

/*
 * The connections that may accept this peer, best first: the answer names the
 * first of them whose remote round is satisfied by identity, chain and constraints.
 */
struct verify_query {
	struct conn *const *conn;
	size_t n_conn;
	const struct identity *id;       /* that the peer claims */
	const struct cert_payload *cert; /* as they came */
	size_t n_cert;
	enum signature_scheme scheme;
	struct span octets, signature;
};

struct effect_ask_address {
	const struct conn *conn;
	unsigned attempt; /* how many failed already: with several addresses, each attempt takes the next */
};

enum event_kind {
	EVENT_IKE_UP,
	EVENT_IKE_DOWN,
	EVENT_IKE_REKEYED,
	EVENT_IKE_STATE,
	EVENT_CHILD_UP,
	EVENT_CHILD_DOWN,
	EVENT_CHILD_REKEYED,
	EVENT_CHILD_STATE,
	EVENT_PEER_MOVED,
};

struct ike_info;
struct child_info;

struct effect_event {
	enum event_kind kind;
	uint32_t ike_id, child_id;         /* unique ids; 0: none */
	uint32_t old_ike_id, old_child_id; /* of a rekey */
	/* DOWN: how it stood, copied into the arena, since it cannot be walked any more (of conn and config only the names); else
	 * NULL. */
	const struct ike_info *ike;
	const struct child_info *child;
};

/*
 * One line for people. `reason` names the cause in a stable word ("wrong-psk",
 * "no-proposal-chosen", ...; NULL where it is only narration).
 */
struct effect_log {
	enum log_group group;
	int level;
	uint32_t ike_id;  /* 0: none */
	const char *conn; /* name, or NULL */
	const char *reason;
	const char *text;
};

enum command_result {
	RESULT_OK,
	RESULT_FAILED, /* text says why */
	RESULT_NOT_FOUND,
	RESULT_TIMEOUT,
	RESULT_REFUSED, /* not possible as configured */
};

struct effect_done {
	uint64_t command;
	enum command_result result;
	uint32_t matches, terminated; /* TERMINATE, REKEY */
	const char *text;             /* the reason of a failure; "" for success */
};

struct effect_keys {
	bool ike; /* else the SA in effect.sa */
	uint8_t initiator_cookie[8];
	struct span ike_encr_key; /* Ka as it is used: after RFC 2409 Appendix B */
};

struct effect_claim {
	struct claim claim;
};

struct effect_updown {
	bool up;
	uint32_t ike_id, child_id;
	const struct conn *conn; /* referenced by the effect: the arena keeps no reference, conn outlives the batch */
	const struct child *child;
	struct endpoint local, remote;
	struct identity local_id, remote_id;
	struct selector_pair ts;
	bool udp_encap, ipcomp;
	uint8_t protocol; /* PROTO_IPSEC_* */
	uint32_t reqid;
	bool lent; /* virtual addresses: by us to the peer; else they are ours */
	const struct ip *vip, *dns;
	size_t n_vip, n_dns;
	struct identity user; /* of the peer, by XAUTH; ID_ANY: none */
};

struct effect {
	enum effect_kind kind;
	uint64_t ticket; /* for those that are answered */
	union {
		struct effect_send send;
		struct sa_params sa;
		struct claim claim;
		struct psk_query psk;
		struct credential_query credential;
		struct sign_query sign;
		struct verify_query verify;
		struct effect_ask_address ask_address;
		struct effect_updown updown;
		struct effect_event event;
		struct effect_log log;
		struct effect_done done;
		struct effect_keys keys;
		struct login_query login;
		struct user_query user;
		struct lease_query lease;
		struct virtual_config virtual;
	};
};

struct effects {
	struct effect *e;
	size_t n, cap;
	struct arena arena;
	bool nomem; /* an effect could not be appended */
};

/* An all-zero struct is an empty list. NULL (and fx->nomem) when out of memory or full. */
struct effect *effects_add(struct effects *fx, enum effect_kind kind);
/*
 * A copy, in the arena, of what the effect added last shall point to. Without memory NULL, and that effect becomes one of
 * nothing (fx->nomem): none goes out half filled.
 */
const void *effects_dup(struct effects *fx, const void *p, size_t n);
struct span effects_dup_span(struct effects *fx, struct span s);
/* Forgets all effects, wipes what they pointed to; keeps the capacity of an ordinary batch. */
void effects_clear(struct effects *fx);
/* Frees all. */
void effects_free(struct effects *fx);

void effects_log(struct effects *fx, enum log_group g, int level, uint32_t ike_id, const char *conn, const char *reason,
                 const char *fmt, ...) __attribute__((format(printf, 7, 8)));

#endif
