/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DAEMON_H
#define SALLYPORT_DAEMON_H

#include <uv.h>

#include "config.h"
#include "credential_jobs.h"
#include "dataplane.h"
#include "ike.h"
#include "ike_socket.h"
#include "keylog.h"
#include "log_sink.h"
#include "resolve.h"
#include "road_warriors.h"
#include "settings.h"
#include "steer.h"
#include "updown.h"
#include "vici_server.h"

/*
 * The daemon: one loop that feeds the core and carries its effects out. Core,
 * data plane, steering and secrets meet only here, through effects and answers.
 */

enum { DAEMON_COMMANDS_MAX = 4096, SOCKET_PATH_OCTETS = 108 };

struct batch_of_effects {
	struct batch_of_effects *next;
	struct effects fx;
};

/* Called once with the result of a command; @done is valid during the call only. */
typedef void (*daemon_done_fn)(void *context, const struct effect_done *done);

struct waiting_command {
	uint64_t id;
	daemon_done_fn done;
	void *context;
};

struct daemon {
	uv_loop_t loop;
	uv_timer_t timer, traffic_timer, settle_timer, address_timer;
	uv_poll_t poll_ike4, poll_ike6, poll_dataplane, poll_steer;
	uv_signal_t sigterm, sigint, sighup;
	instant_t (*now)(void);
	struct rng *rng;

	struct ike *ike;
	struct dataplane *dataplane;
	struct steer *steer;
	struct ike_socket socket;
	struct resolver resolver;
	struct credential_jobs jobs;
	struct updown updown;
	struct keylog keylog;
	struct log_sink log;

	struct batch_of_effects *first, *last, *spare; /* effects in the order in which the core made them */
	bool carrying;
	char refusal[640]; /* of a claim in the batch that is carried out: what the batch ends in did not succeed */
	instant_t traffic_reported_at;

	struct waiting_command waiting[DAEMON_COMMANDS_MAX];
	uint64_t next_command;

	struct secret_store secrets;
	struct credentials credentials;
	struct road_warriors road;
	struct config config; /* what the file said last */
	struct settings settings;
	struct vici_backend backend;
	struct vici_server *vici;
	const struct daemon_options *options;
	struct radius_hooks radius_hooks;
	bool stopping, all_deleted; /* all_deleted: what is left to do is to tell a RADIUS server so */
	int folder; /* the lock on the runtime folder; -1: not taken */
	int exit_code;
};

/* The command line. */
struct daemon_options {
	const char *config;      /* swanctl.conf; NULL: configuration comes over vici only */
	const char *strongswan_conf; /* NULL: defaults */
	const char *runtime_dir;
	const char *export_keys; /* NULL: off */
};

/*
 * Opens everything that @o asks for: data plane, steering, sockets, control
 * socket, configuration. False with a sentence in @why; close in any case.
 */
bool daemon_open(struct daemon *d, const struct daemon_options *o, char *why, size_t why_size);
/* Runs until a signal stops it (SIGTERM, SIGINT; SIGHUP reloads); all SAs are deleted on the way out. The exit code. */
int daemon_run(struct daemon *d);
void daemon_close(struct daemon *d);

/* ---- daemon_config.c */

/* strongswan.conf, or the defaults where none is given. False with a sentence in @why. */
bool daemon_load_settings(struct daemon *d, char *why, size_t why_size);
/* Reads swanctl.conf (again); when it has mistakes, names them in the log, changes nothing and returns false. */
bool daemon_load_config(struct daemon *d);
void daemon_log_conf_errors(struct daemon *d, const struct conf_errors *errs);

/* ---- daemon_loop.c */

void daemon_open_loop(struct daemon *d);
/* From now on datagrams, events, signals and the clock wake the daemon: sockets and data plane are open. */
void daemon_watch(struct daemon *d);
/* Closes whatever the loop still watches, and the loop. Before the descriptors go: it may not find them closed. */
void daemon_close_loop(struct daemon *d);

/* ---- daemon_vici.c */

/* The control socket's path: that of the settings, or one made in @room. NULL, with a sentence in @why, when it is too long. */
const char *daemon_socket_path(const struct daemon *d, char room[SOCKET_PATH_OCTETS], char *why, size_t why_size);
/* Opens the control socket. False with a sentence in @why. */
bool daemon_open_vici(struct daemon *d, char *why, size_t why_size);

/* ---- into the core: each call queues its effects, and carries them out unless that is under way */

void daemon_receive(struct daemon *d, const struct datagram *in);
void daemon_tick(struct daemon *d);
void daemon_answer(struct daemon *d, const struct answer *a);
/*
 * Gives the command an id and calls @done once with its result (perhaps before
 * returning); @done may be NULL. Returns the id, 0 when too many are under way.
 */
uint64_t daemon_command(struct daemon *d, struct command *c, daemon_done_fn done, void *context);
/* addresses.c: this machine's addresses are others than before; SAs whose own is gone are made anew. */
void addresses_changed(struct daemon *d);
/* The caller of a command is gone: its result is dropped. */
void daemon_forget_command(struct daemon *d, uint64_t id);

/* ---- out of the core */

void daemon_carry_out(struct daemon *d, struct effects *fx);
/* One line of the daemon's own, to the log and to listeners. */
void daemon_log(struct daemon *d, enum log_group g, int level, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- RADIUS */

void daemon_open_radius(struct daemon *d);

/* ---- data plane */

void daemon_dataplane_events(struct daemon *d);
/* Tells the core which SAs carried traffic since the last call: liveness (RFC 3706) and first use after a rekey. */
void daemon_report_traffic(struct daemon *d);

#endif
