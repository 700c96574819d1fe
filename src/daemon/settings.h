/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SETTINGS_H
#define SALLYPORT_SETTINGS_H

#include "conf_errors.h"
#include "ike.h"
#include "log.h"
#include "settings_road.h"

/* charon.filelog.<name>, charon.syslog.<facility>: one place for log lines. */
struct log_settings {
	char *path; /* NULL: standard error */
	bool append, flush, times;
	int level[LOG_GROUPS];
};

enum { LOG_FILES_MAX = 8, SETTINGS_TEXT_MAX = 256 };

/* Daemon-wide settings: the charon section of a strongswan.conf; names in comments are its own. */
struct settings {
	struct ike_settings ike;
	struct log_settings log[LOG_FILES_MAX];
	size_t n_logs;          /* 0: standard error at the default level */
	int stderr_level;       /* charon.filelog.stderr.default and its like; LOG_CONTROL */
	char *vici_socket;      /* charon.plugins.vici.socket without "unix://"; NULL: vici.sock in the runtime folder */
	uint32_t replay_window; /* charon.replay_window; 1024 packets */
	bool cache_crls;                /* charon.cache_crls, no */
	enum rdn_matching rdn_matching; /* charon.rdn_matching, strict */
	/* charon.sallyport.*: what strongSwan has no name for; 0 or NULL leaves the choice to the part concerned */
	char *tun_name;                               /* tun_name, "sallyport0" */
	unsigned mtu;                                 /* mtu */
	unsigned workers;                             /* workers */
	unsigned hold_packets, hold_ms;               /* hold_packets, hold_time */
	bool native_esp;                              /* native_esp, yes: protocol 50 where no NAT is found */
	uint32_t divert_mark, bypass_mark, mark_mask; /* divert_mark 0x1000000, bypass_mark 0x2000000, mark_mask 0x3000000 */
	uint32_t route_table;                         /* charon.routing_table; 0: STEER_ROUTE_TABLE */
	struct road_settings road;
};

void settings_default(struct settings *s);
/**
 * settings_load - reads the strongswan.conf at @path.
 *
 * Starts from the defaults. Settings that have no meaning here are passed over
 * with one notice for all; a bad value of one that has is an error. False, with
 * @out the defaults, when there was one.
 */
bool settings_load(struct settings *out, const char *path, struct conf_errors *errs);
void settings_free(struct settings *s);

#endif
