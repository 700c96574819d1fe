/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONN_H
#define SALLYPORT_CONN_H

#include "identity.h"
#include "instant.h"
#include "registry.h"
#include "selector.h"

/*
 * A configured connection: RFC 4301's Peer Authorization Database entry (who
 * the peer is, how it proves it) and the SPD entries under it. The names are
 * swanctl.conf's. Immutable once loaded; shared by reference count, so that an
 * SA keeps the configuration that it was made under.
 */

enum { PROPOSAL_ALGORITHMS_MAX = 24 };

struct transform {
	uint16_t id;
	uint16_t key_bits; /* ENCR only; 0 otherwise */
};

/* The algorithms that one configured proposal allows, per kind, in order of preference. */
struct proposal {
	struct {
		struct transform t[PROPOSAL_ALGORITHMS_MAX];
		uint8_t n;
	} kind[TRANSFORM_KINDS]; /* by enum transform_kind */
};

struct proposals {
	struct proposal *p;
	size_t n;
};

enum ike_version { IKE_ANY = 0, IKE_V1 = 1, IKE_V2 = 2 };

enum auth_method { AUTH_NONE = 0, AUTH_PSK, AUTH_PUBKEY, AUTH_XAUTH, AUTH_EAP };

/* start_action, close_action, dpd_action */
enum child_action { ACTION_NONE = 0, ACTION_TRAP = 1, ACTION_START = 2, ACTION_CLEAR = 3 };

enum child_mode { MODE_TUNNEL = 0, MODE_TRANSPORT, MODE_BEET, MODE_PASS, MODE_DROP };

/* A policy that needs no SA and no peer: BYPASS or DISCARD of RFC 4301 section 4.4.1. */
static inline bool
mode_is_shunt(enum child_mode m)
{
	return m == MODE_PASS || m == MODE_DROP;
}

/* IKEv1 fragmentation: never spoken; taken but not sent; sent to peers that announce it; always sent. */
enum fragmentation { FRAGMENTATION_NO = 0, FRAGMENTATION_ACCEPT, FRAGMENTATION_YES, FRAGMENTATION_FORCE };

/* send_cert */
enum send_cert { SEND_CERT_IFASKED = 0, SEND_CERT_NEVER, SEND_CERT_ALWAYS };

enum unique_policy { UNIQUE_NO = 0, UNIQUE_NEVER, UNIQUE_KEEP, UNIQUE_REPLACE };

/* local_addrs, remote_addrs: one item of the list. */
struct address_spec {
	struct ip lo, hi; /* one address, or a subnet or range; IP_NONE: %any or a name */
	char *name;       /* a DNS name to resolve, or NULL */
	uint8_t family;   /* %any4, %any6; IP_NONE: both */
};

struct address_specs {
	struct address_spec *a;
	size_t n;
};

/* Octet strings that their holder owns: DER certificates and public keys, names of pools and groups. */
struct octets_list {
	struct span *o;
	size_t n;
};

/* What must be known of the revocation of a peer's certificates (swanctl's `revocation`). */
enum revocation_policy { REVOCATION_RELAXED = 0, REVOCATION_IFURI, REVOCATION_STRICT };

/* One local or remote section: one round of authentication. */
struct auth_round {
	enum auth_method method;
	struct identity id; /* ID_ANY: local: the address, or the certificate's subject; remote: anyone */
	bool id_given;
	enum revocation_policy revocation;
	struct identity xauth_id;         /* the user name to log in with; ID_ANY: id */
	char *backend;                    /* what follows "xauth-" or "eap-" in auth: "generic", "radius"; NULL: any */
	char *constraint;                 /* "rsa-3072-sha256" and the like, as auth has it; NULL: none */
	struct octets_list certs;         /* DER; local: ours, in order of preference; remote: the only ones accepted */
	struct octets_list cacerts;       /* DER; remote: the chain must lead to one of them */
	struct identity ca_id;            /* remote: a CA of the chain is called that; ID_ANY: not asked */
	struct octets_list pubkeys;       /* DER SubjectPublicKeyInfo: raw public keys */
	struct octets_list groups;        /* remote: the peer must be a member of one */
	struct octets_list cert_policies; /* remote: OIDs as text, the chain must have one of them */
};

/* rekey_*, life_*, rand_*: at `rekey` minus a random part up to `rand` it is renewed, at `life` it ends; 0 = never. */
struct lifetime {
	instant_t rekey_ns, life_ns, rand_ns;
	uint64_t rekey_octets, life_octets, rand_octets;
	uint64_t rekey_packets, life_packets, rand_packets;
};

struct child {
	char *name;
	struct proposals esp; /* esp_proposals; with ah_proposals none, unless they are given too */
	struct proposals ah;  /* ah_proposals */
	bool ipcomp;
	struct selector *local_ts, *remote_ts;
	size_t n_local_ts, n_remote_ts;
	enum child_mode mode;
	enum child_action start_action, close_action, dpd_action;
	struct lifetime lifetime;
	uint32_t replay_window; /* packets; 0: off */
	uint32_t reqid;         /* 0: chosen at load */
	uint32_t priority;
	bool hostaccess;
	bool copy_df, copy_ecn;
	bool sha256_96;          /* HMAC-SHA-256 is cut to 96 bits, as old implementations do: not negotiated */
	instant_t inactivity_ns; /* a CHILD_SA without traffic for so long is closed; 0: never */
	uint8_t copy_dscp;       /* bit 0: out, bit 1: in */
	char *updown;            /* script, or NULL */
};

struct conn {
	unsigned refs;
	char *name;
	enum ike_version version;
	struct address_specs local_addrs, remote_addrs; /* n == 0: %any */
	uint16_t local_port, remote_port;
	struct proposals ike;
	bool encap, mobike, aggressive;
	uint8_t dscp; /* of its IKE packets: RFC 2474 section 3 */
	instant_t dpd_delay_ns, dpd_timeout_ns;
	instant_t rekey_ns, reauth_ns, over_ns, rand_ns; /* 0 = never (rand, over: resolved defaults) */
	unsigned keyingtries;                            /* 0 = %forever */
	enum unique_policy unique;
	struct auth_round local, remote;             /* the first round: what Phase 1 itself proves */
	struct auth_round *local_more, *remote_more; /* further rounds, in order of `round`: XAUTH */
	size_t n_local_more, n_remote_more;
	enum fragmentation fragmentation;
	enum send_cert send_cert;
	bool send_certreq;
	bool pull;       /* Mode Config: the client asks; else the gateway pushes */
	struct ip *vips; /* virtual addresses to ask for; all zero: any of that family */
	size_t n_vips;
	struct octets_list pools; /* names of the pools to lend addresses from */
	struct child *children;
	size_t n_children;
};

/* A new connection with swanctl's defaults, one reference; NULL when out of memory. */
struct conn *conn_new(const char *name);
struct conn *conn_ref(struct conn *c);
/* Frees with the last reference; NULL is allowed. */
void conn_unref(struct conn *c);
/* Appends a copy of @o; false when out of memory. */
bool octets_list_add(struct octets_list *l, struct span o);
void octets_list_free(struct octets_list *l);
/* Appends a further round; NULL when out of memory. Moves the ones added before. */
struct auth_round *conn_add_round(struct conn *c, bool local);
/*
 * Appends a child with swanctl's defaults; NULL when out of memory. Proposals and
 * traffic selectors are left empty: who loads the configuration fills in "default"
 * and "dynamic" where it says nothing. Only before the connection is shared; moves
 * the children added before.
 */
struct child *conn_add_child(struct conn *c, const char *name);
const struct child *conn_child(const struct conn *c, const char *name);
/* Deep equality, so that a reload leaves unchanged connections alone. */
bool conn_equal(const struct conn *a, const struct conn *b);
/* Whether an IKE_SA of one serves the other: all but the children is equal. */
bool conn_equal_but_children(const struct conn *a, const struct conn *b);
/* Whether the peer proves as much to one as to the other, but for its groups: each step until it may have children is equal. */
bool conn_proves_alike(const struct conn *a, const struct conn *b);
/* Whether both answer a first message alike: exchange, suites, methods and credentials. */
bool conn_answers_like(const struct conn *a, const struct conn *b);

/*
 * Whether an address is within one of the items (true for an empty list); @score:
 * how specific the best item is, 0 for %any. A name matches once it is resolved
 * into lo and hi.
 */
bool address_specs_match(const struct address_specs *l, const struct ip *a, unsigned *score);
/* The same for an address of our own: a name in the list stands for any of them. */
bool address_specs_match_own(const struct address_specs *l, const struct ip *a, unsigned *score);
/* Whether one of the items is a name. */
bool address_specs_named(const struct address_specs *l);

#endif
