/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VICI_BACKEND_H
#define SALLYPORT_VICI_BACKEND_H

#include "config.h"
#include "ike.h"

/*
 * What the vici server needs of the rest of the daemon, and nothing more: it
 * sees the core only to walk it, and changes things only by commands.
 */
struct vici_backend {
	void *context;
	/* The core, to be walked (ike_next_sa and its like) until the caller returns. */
	const struct ike *(*core)(void *context);
	instant_t (*now)(void *context);
	/*
	 * Submits a command (daemon_command): @done is called once, perhaps before
	 * this returns; NULL: nobody waits. LOAD's connection: the core takes its own
	 * reference. Returns its number, 0 when too many are under way.
	 */
	uint64_t (*command)(void *context, struct command *c, void (*done)(void *done_context, const struct effect_done *),
	                    void *done_context);
	/* The client that waited is gone: its `done` is not called any more. */
	void (*forget)(void *context, uint64_t id);
	/* Traffic figures of one direction of an IPsec SA; false: none known. */
	bool (*usage)(void *context, enum sa_direction d, uint32_t spi, uint32_t child_id, struct sa_usage *out);
	/* Reads strongswan.conf again (log levels and whatever can change at run time). False with a sentence in @why. */
	bool (*reload_settings)(void *context, char *why, size_t why_size);
	/* Secrets that commands load go here; those of the file are there too. */
	struct secret_store *secrets;
	struct credentials *credentials; /* likewise */
	enum rdn_matching rdn_matching;  /* charon.rdn_matching */
	struct secret_store *logins; /* passwords of users */
	struct pools *pools;
	uint32_t replay_window; /* of children that name none; 0: 1024 */
	/* Packets dropped or counted, for `status`; index from 0, false past the last. May be NULL. */
	bool (*counter)(void *context, unsigned index, const char **name, const char **sentence, uint64_t *count);
	/* What of the kernel the data plane uses, and what is missing, in one line. May be NULL. */
	const char *(*dataplane)(void *context);
	/* The MTU of the path between two ends as the kernel knows it now; 0: unknown. May be NULL. */
	unsigned (*path_mtu)(void *context, const struct endpoint *local, const struct endpoint *remote);
};

#endif
