/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SIM_H
#define SALLYPORT_SIM_H

#include "ike.h"
#include "seeded_rng.h"
#include "table.h"

/*
 * Whole conversations between engines in one process: simulated time, a seeded
 * network that loses, duplicates, reorders and delays, NATs, and a data plane
 * per peer that checks what a real one could not survive. No socket, no sleep.
 * Set SIM_LADDER=1 in the environment to read a conversation as a ladder.
 */

enum { SIM_SCRIPT_MAX = 16, SIM_TEXT_MAX = 512, SIM_PSKS_MAX = 4, SIM_REASONS_MAX = 64 };

struct sim_opts {
	uint64_t seed;
	unsigned loss_permille, dup_permille, reorder_permille;
	instant_t delay_min_ns, delay_max_ns; /* of one link; 0, 0: 5 to 15 ms; -1: none at all */
	instant_t install_ns;                 /* how long the data plane takes to install an SA */
	instant_t answer_ns;                  /* how long secrets and addresses take */
	instant_t traffic_ns;                 /* each tunnel carries a packet each way so often; 0: none */
	bool bare;                            /* no trace, no invariants, nothing remembered: for benchmarks */
	bool measure;                         /* sum up the CPU time spent inside each engine, without what reading the clock takes */
};

/* One datagram on its way. A tap may change it: drop it, copy it, hold it back, tamper with it. */
struct sim_packet {
	struct endpoint src, dst;
	struct sim_peer *from; /* NULL: injected */
	bool marker, keepalive;
	bool esp; /* not IKE: spi and key stand for a protected packet */
	uint32_t spi;
	uint64_t key;
	uint64_t number; /* IKE datagrams, counted from 1 since the last sim_mark() */
	uint8_t *data;
	size_t n;
	unsigned copies; /* 0: dropped */
	instant_t extra_ns;
	bool no_tap;
};

struct sim;

typedef void sim_tap(void *arg, struct sim *net, struct sim_packet *p);

/* A source NAT: everything behind it appears from one address. */
struct sim_nat {
	struct sim_nat *next;
	struct ip outside;
	uint16_t next_port;
	instant_t timeout_ns; /* of an idle mapping; 0: never */
	struct sim_mapping {
		struct endpoint inside;
		uint16_t port;
		instant_t used_at;
		bool gone;
	} * map;
	size_t n_map;
};

struct sim_sa {
	struct table_link by_spi;
	struct sim_sa *next; /* of the same peer */
	struct sa_params p;  /* spans point into key_octets */
	uint8_t key_octets[240];
	uint64_t key; /* hash of both keys */
	uint64_t ticket;
	instant_t active_at;     /* INSTANT_NEVER: not yet */
	instant_t current_until; /* outbound: when it last carried traffic; INSTANT_NEVER: it does */
	struct sim_flow *flow;
};

/* The outbound side of one policy and pair of selectors. */
struct sim_flow {
	struct sim_flow *next;
	uint32_t reqid;
	struct selector_pair ts;
	struct sim_sa *current;
	instant_t since;
	bool carried; /* it had an SA at some time */
};

struct sim_claim {
	struct sim_claim *next;
	uint32_t reqid;
	size_t pairs; /* of selectors */
	bool trap;
	enum child_mode mode;
};

struct sim_done {
	uint64_t command;
	enum command_result result;
	uint32_t matches, terminated;
	char text[SIM_TEXT_MAX];
};

struct sim_reason {
	char reason[48];
	char text[SIM_TEXT_MAX];
	unsigned count;
};

struct sim_psk {
	bool any;
	struct identity id;
	char secret[64];
};

/* The users and the addresses of a peer; as a client, its own name and password. */
struct sim_road {
	char user[32], password[32], group[32]; /* group: of the user; "": none */
	struct span group_span;
	struct octets_list groups;
	unsigned challenges, challenged; /* how often the right password is not yet enough */
	unsigned asked, messages;
	struct ip pool4, pool6; /* the first address */
	struct identity lent[8];
	unsigned n_lent, leases, released;
	bool no_install, excludes; /* excludes: leaves 10.2.9.0/24 out of the tunnel */
	struct ip vip; /* the last one that was installed */
	unsigned n_installed, n_dns;
};

/* Certificates and keys by name, in tests/data/pki. */
struct sim_keys {
	char own[32], trusted[32];
	unsigned chain; /* so many certificates more than the own one are sent along */
	unsigned certs_seen; /* that came with the last signature */
	bool refuse_sign;
	uint16_t judge;   /* the notification for whatever certificate comes; 0: none */
	uint8_t encoding; /* of the own certificate, as the payload says it; 0: X.509 */
	unsigned asked, once; /* for a credential: only so often there is one; 0: always */
};

struct sim_peer {
	struct sim_world *w;
	unsigned index;
	struct ike *ike; /* NULL: killed */
	struct seeded_rng rng;
	struct ike_settings settings;
	struct endpoint local, remote;
	struct sim_nat *nat;
	struct conn *conn;
	struct sim_psk psk[SIM_PSKS_MAX];
	unsigned n_psk;
	bool no_psk, no_address, refuse_install, refuse_claim, deaf; /* deaf: receives nothing */
	instant_t deadline;
	/* data plane */
	struct table sad, keys;
	struct sim_sa *sas;
	struct sim_flow *flows;
	struct sim_claim *claims;
	unsigned n_in, n_out, n_claims, n_installed;       /* n_installed: ever */
	uint64_t esp_sent, esp_opened, esp_lost, esp_held; /* lost: sent by us and not opened */
	/* what people were told */
	struct sim_done done[16];
	unsigned n_done;
	struct sim_reason reason[SIM_REASONS_MAX];
	unsigned n_reasons;
	unsigned events[16]; /* by enum event_kind */
	unsigned updown_up, updown_down;
	uint64_t sends, keepalives, releases, addresses_asked;
	int64_t cpu_ns;
	struct sim_road road;
	struct sim_keys keys_held;
};

enum sim_event_kind { SIM_DELIVER, SIM_ANSWER, SIM_INSTALLED, SIM_CHECK_OPEN, SIM_TRAFFIC, SIM_CALL };

struct sim_event {
	instant_t at;
	uint64_t seq;
	enum sim_event_kind kind;
	struct sim_peer *peer;
	struct sim_packet packet;
	struct answer answer;
	struct ip vip[2]; /* that the answer points to */
	struct arena arena; /* likewise */
	uint32_t spi;
	enum sa_direction direction;
	void (*call)(void *arg);
	void *arg;
};

struct sim_world {
	struct sim_opts opts;
	struct seeded_rng rng;
	instant_t now;
	int64_t clock_ns; /* what reading the clock takes, when the time inside the engines is measured */
	struct sim_event **heap;
	size_t n_heap, cap_heap;
	uint64_t seq;
	struct sim_peer **peer;
	unsigned n_peers;
	struct sim_nat *nats;
	uint64_t datagrams; /* since sim_mark() */
	uint64_t total;     /* since the start */
	struct {
		uint64_t nth;
		unsigned copies;
		instant_t extra_ns;
	} script[SIM_SCRIPT_MAX];
	unsigned n_script;
	sim_tap *tap;
	void *tap_arg;
	bool cut; /* nothing gets through */
	struct effects fx;
	uint64_t trace;
	unsigned lost_windows; /* moments at which a packet would have been lost */
	char last_loss[SIM_TEXT_MAX];
	char failure[SIM_TEXT_MAX];
	bool failure_seen;
	bool ladder;
	uint64_t command;
	instant_t spin_at;
	unsigned spins;
};

struct sim {
	struct sim_world *w;
};

struct sim sim_open(struct sim_opts o);
/* Aborts when an invariant failed and no one looked (sim_failure). */
void sim_close(struct sim *net);
#define autoclose(type) __attribute__((cleanup(type##_close))) struct type

/*
 * A peer from its description: words and key=value, separated by blanks.
 *   ike1 main            what it speaks (the default)
 *   psk=swordfish psk=@bob:sesame no-psk
 *   cert-encoding=N key-once=N judge=N   what the payload says; how often there is a key at all; refuses all certificates
 *   key=alice-rsa trust=bob-rsa chain=N send-cert=never|always no-certreq hybrid=client|gateway   signatures
 *   aggressive aggressive-psk without-pfs   the exchange; what charon.* settings permit
 *   id=@alice rid=@bob   own identity; the one expected
 *   addr=192.0.2.9 to=any|ADDRESS|*   own address; the peer's (*: the other peer, the default)
 *   proposals=aes256-sha256-ecp256,...
 *   child=[NAME:]LOCAL;LOCAL,REMOTE;REMOTE esp=aes128gcm16 transport pass start=trap|start close= dpd-action=
 *   life= rekey= rand= (of the last child) life-octets= rekey-octets=
 *   ike-rekey= ike-reauth= ike-over= ike-rand= dpd=10s dpd-timeout= unique=no|never|keep|replace
 *   tries=5 timeout=4s base=1.8 keyingtries=1 children=N fragment-size=N fragmentation=0..3 half-open=N half-open-per-address=N encap export-keys keepalive=
 *   ip6                  IPv6 outside
 *   login=NAME:PASSWORD user=NAME:PASSWORD   XAUTH: what we say; who may come. challenge=N: the password, N times more
 *   vip=0.0.0.0 vip=:: pool=10.9.0.1 pool=fd09::1 push unity no-install   Mode Config, at the client and at the gateway
 *   unloaded             sim_load() comes later
 * Words after child= belong to that child. Times are 10s, 5m, 2h, 50ms.
 * A bad description ends the test program.
 */
struct sim_peer *sim_peer(struct sim *net, const char *description);
/* A configuration alone, as the peer's own would be; one reference. */
struct conn *sim_conn(struct sim_peer *p, const char *description);
void sim_load(struct sim_peer *p, struct conn *c);

/* Puts @p behind a NAT of the network's own making. */
struct sim_nat *sim_nat(struct sim *net, instant_t mapping_timeout_ns);
void sim_behind(struct sim_peer *p, struct sim_nat *nat);
/* All mappings get new ports from now on. */
void sim_nat_rebind(struct sim_nat *nat);

/*
 * The methods of Phase 1: what the two ends say besides. @road: alice is the client, who logs in, gets an address, and alone
 * renews what was made so. The last has no name.
 */
extern const struct sim_method {
	const char *name, *alice, *bob;
	bool road;
} sim_methods[];
/* NULL, with a line on standard error: there is none of that name. */
const struct sim_method *sim_method(const char *name);

/* Commands. The result arrives with sim_result(). */
uint64_t sim_initiate(struct sim_peer *from, struct sim_peer *to);
uint64_t sim_initiate_child(struct sim_peer *p, const char *child);
uint64_t sim_command(struct sim_peer *p, struct command c);
uint64_t sim_terminate(struct sim_peer *p, const char *ike, const char *child);
uint64_t sim_rekey(struct sim_peer *p, const char *ike, const char *child);
uint64_t sim_shutdown(struct sim_peer *p);
/* NULL while it has not ended. */
const struct sim_done *sim_result(const struct sim_peer *p, uint64_t command);
/* A packet of the n-th claim's traffic with no SA: what the data plane of a trap reports. */
uint64_t sim_acquire(struct sim_peer *p);

/* The process dies: engine and data plane are gone, nothing is sent. */
void sim_kill(struct sim_peer *p);
void sim_restart(struct sim_peer *p);

/* Runs for @ns of simulated time. */
void sim_run(struct sim *net, instant_t ns);
/* Runs until no event is due before @ns have gone by, timers aside; false when it is still busy then. */
void sim_at(struct sim *net, instant_t after_ns, void (*call)(void *arg), void *arg);

/* The network. Numbers count IKE datagrams from 1 since sim_mark() (or the start). */
void sim_mark(struct sim *net);
void sim_drop_nth(struct sim *net, uint64_t n);
void sim_duplicate_nth(struct sim *net, uint64_t n);
void sim_delay_nth(struct sim *net, uint64_t n, instant_t by_ns);
/* What a single message may meet: RFC 2408 section 5.1, and UDP. Late: after its first repetition; overtaken: before that. */
enum sim_fault { SIM_LOST, SIM_TWICE, SIM_LATE, SIM_OVERTAKEN, SIM_FAULTS };
void sim_fault_nth(struct sim *net, enum sim_fault f, uint64_t n);
void sim_cut(struct sim *net, bool cut);
void sim_set_tap(struct sim *net, sim_tap *tap, void *arg);
/* A datagram from anywhere; arrives after @after_ns and passes no tap. */
void sim_inject(struct sim *net, const struct endpoint *src, const struct endpoint *dst, bool marker, struct span data,
                instant_t after_ns);

/* Looking. */
bool sim_established(struct sim_peer *p); /* a Phase 1 and a Phase 2 stand */
unsigned sim_ike_sas(struct sim_peer *p);
unsigned sim_ike_sas_in(struct sim_peer *p, enum ike_state state);
unsigned sim_children(struct sim_peer *p);
/* One Phase 1 SA, the same at both ends, and under it the first CHILD_SA still, no packet lost: NULL, or what is not so. */
const char *sim_not_one_tunnel(struct sim_peer *a, struct sim_peer *b);
/* Pairs of selectors that are claimed in one mode. */
size_t sim_claimed(const struct sim_peer *p, enum child_mode mode);
unsigned sim_children_in(struct sim_peer *p, enum child_state state);
/* Every current outbound SA of each opens at the other, with the same keys and mirrored selectors; at least one does. */
bool sim_same_keys(struct sim_peer *a, struct sim_peer *b);
/* Whether @reason was ever logged; its last sentence with sim_reason_text ("" if never). */
bool sim_reason(const struct sim_peer *p, const char *reason);
const char *sim_reason_text(const struct sim_peer *p, const char *reason);
uint64_t sim_verdicts(struct sim_peer *p, const char *name);
uint64_t sim_verdicts_all(struct sim_peer *p);
struct ike_info sim_ike(struct sim_peer *p);
/* NULL, or the invariant that did not hold. */
const char *sim_failure(struct sim *net);

/* ---- Between the parts of the simulator. */
void sim_fail(struct sim_world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct sim_event *sim_event_new(struct sim_world *w, instant_t at, enum sim_event_kind kind, struct sim_peer *p);
void sim_engine_ran(struct sim_peer *p, enum ike_error e);
void sim_send(struct sim_world *w, struct sim_packet *p);
void sim_deliver(struct sim_world *w, struct sim_packet *p);
void sim_receive(struct sim_peer *p, const struct sim_packet *k);
void sim_plane_open(struct sim_peer *p);
void sim_plane_close(struct sim_peer *p);
void sim_plane_install(struct sim_peer *p, const struct effect *e);
void sim_plane_activate(struct sim_peer *p, enum sa_direction d, uint32_t spi, uint64_t ticket);
void sim_plane_remove(struct sim_peer *p, const struct sa_params *sa);
void sim_plane_update(struct sim_peer *p, const struct sa_params *sa);
void sim_plane_claim(struct sim_peer *p, const struct claim *c);
void sim_plane_release(struct sim_peer *p, uint32_t reqid);
void sim_plane_check_open(struct sim_peer *p, uint32_t spi);
void sim_plane_traffic(struct sim_peer *p);
void sim_plane_receive(struct sim_peer *p, const struct sim_packet *k);
struct sim_sa *sim_plane_find(struct sim_peer *p, enum sa_direction d, uint32_t spi, const struct endpoint *remote);
void sim_trace_effect(struct sim_peer *p, const struct effect *e);
void sim_trace_packet(struct sim_world *w, const struct sim_packet *p, const char *fate);
instant_t sim_delay_min(const struct sim_world *w);
instant_t sim_delay_max(const struct sim_world *w);
/* Words and effects of road warriors: sim_road.c. */
bool sim_key_word(struct sim_peer *p, struct conn *c, const char *key, const char *v, bool *known);
void sim_key_effect(struct sim_peer *p, const struct effect *e);
bool sim_road_word(struct sim_peer *p, struct conn *c, const char *key, const char *v, bool *known);
bool sim_road_effect(struct sim_peer *p, const struct effect *e);
bool sim_configure(struct sim_peer *p, struct conn *c, const char *description, bool conn_only);

#endif
