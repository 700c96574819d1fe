/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ROAD_WARRIORS_H
#define SALLYPORT_ROAD_WARRIORS_H

#include "ike.h"
#include "pools.h"
#include "radius_client.h"
#include "secret_store.h"
#include "settings.h"
#include "virtual_ip.h"

/*
 * What the core asks about road warriors, answered: passwords from
 * secrets.xauth* and secrets.eap* or a RADIUS server, addresses from the pools, our
 * own virtual addresses into the kernel.
 */
struct road_warriors {
	struct pools pools;
	struct secret_store logins;
	struct virtual_ips virtual;
	struct radius radius;
	const struct settings *settings;
	void (*answer)(void *context, const struct answer *a);
	void (*log)(void *context, enum log_group g, int level, const char *text);
	void *context;
};

/* @ifindex: of the TUN device. False with a sentence in @why. */
bool road_warriors_open(struct road_warriors *w, const struct settings *s, unsigned ifindex, const char *state_dir, char *why,
                        size_t why_size);
void road_warriors_close(struct road_warriors *w);
/* One of the EFFECT_ASK_LOGIN .. EFFECT_REMOVE_VIRTUAL. */
void road_warriors_carry_out(struct road_warriors *w, const struct effect *e);

#endif
