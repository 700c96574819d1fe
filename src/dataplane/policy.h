/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DATAPLANE_POLICY_H
#define SALLYPORT_DATAPLANE_POLICY_H

#include <linux/virtio_net.h>

#include "esp.h"
#include "spd.h"

/*
 * One worker's copy of the policies: which SAs carry a policy's packets and
 * which worker owns each, and the packets that wait for an SA.
 */

/* An outbound SA as every worker knows it. Only its owner looks into @sa, but for its flags. */
struct sa_ref {
	struct esp_sa *sa;
	unsigned owner;
	struct selector_pair ts;
};

struct held {
	struct held *next;
	instant_t until;
	struct virtio_net_hdr vh;
	bool virtio;
	uint32_t len;
	uint8_t packet[];
};

struct policy {
	bool used, trap, claimed;
	bool whole; /* it takes whole datagrams, no fragments: transport mode, or selectors with ports */
	enum child_mode mode;
	uint32_t reqid;
	unsigned holder;   /* the worker whose hold queue it uses */
	struct sa_ref *sa; /* newest first */
	size_t n_sa, room_sa;
	struct held *oldest, **newest_link;
	unsigned n_held;
	instant_t next_acquire;
};

struct policies {
	struct spd *spd;
	struct policy *slot; /* spd policy numbers are slot + 1 */
	size_t n_slots;
	unsigned n_held;  /* over all slots */
	unsigned n_whole; /* policies that want whole datagrams */
	size_t held_octets;
};

enum { HELD_OCTETS_MAX = 8 << 20 };

bool policies_open(struct policies *p, struct rng *rng);
void policies_close(struct policies *p);

/* Makes slot @at usable for @reqid. False: no memory. */
bool policies_reserve(struct policies *p, size_t at, uint32_t reqid, unsigned holder);
/* Frees the slot; returns how many packets were held there. */
unsigned policies_vacate(struct policies *p, size_t at);

/* Replaces the selectors of the slot. False (none are there then): refused, or no memory. */
bool policies_claim(struct policies *p, size_t at, const struct claim *c);
/* Removes them; returns how many packets were held there, and are no more. */
unsigned policies_unclaim(struct policies *p, size_t at);

/* NULL when no policy claims the flow. */
struct policy *policies_lookup(struct policies *p, const struct flow *f);

/* @ref becomes the first choice. False: no memory. */
bool policy_add_sa(struct policies *all, struct policy *p, const struct sa_ref *ref);
void policy_remove_sa(struct policy *p, const struct esp_sa *sa);
/* @sa is @now from here on, and @owner's. */
void policy_replace_sa(struct policy *p, const struct esp_sa *sa, struct esp_sa *now, unsigned owner);
/* The newest living SA whose selectors admit the flow; NULL: none. */
const struct sa_ref *policy_pick(const struct policy *p, const struct flow *f);

/* Puts a copy at the end of the queue. False: over a limit. */
bool policy_hold(struct policies *all, struct policy *p, const struct virtio_net_hdr *vh, struct span packet, unsigned limit,
                 instant_t until);
/* Takes the whole queue away from the policy, oldest first; the caller frees each. */
struct held *policy_take_held(struct policies *all, struct policy *p);
/* Drops what has waited too long; returns how many. */
unsigned policies_expire_held(struct policies *p, instant_t now);

#endif
