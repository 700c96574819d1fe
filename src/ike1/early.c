/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "phase1.h"

/*
 * What overtakes the end of Phase 1. Who sends the last message of Main or Aggressive
 * Mode goes on at once, and what follows may come before that message, or while the
 * certificate in it is being judged. The last that came is kept, and looked at once
 * Phase 1 is done; it is authenticated then like any other. Who can have it kept has
 * returned our cookie, so that a half-open exchange costs at most this much more.
 */

enum { EARLY_OCTETS_MAX = 2048 };

static bool
peer_may_be_done(const struct exchange *ex)
{
	return !ex->over && ex->at + 1 == ex->kind->n_steps && ex->kind->steps[ex->at].sender != ex->role;
}

bool
early_hold(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h)
{
	struct exchange *ex = sa->authenticated ? NULL : exchange_find(sa, 0);
	struct phase1 *p = ex && peer_may_be_done(ex) ? phase1_of(ex) : NULL;

	if (!p || in->data.n > EARLY_OCTETS_MAX)
		return false;
	free(p->early);
	p->early = queued_new(in);
	if (!p->early)
		return false;
	say(sa->core, LOG_IKE, LOG_DETAIL, sa, NULL, "a %s message overtook the last message of Phase 1: it is kept until that arrives",
	    exchange_name(h->exchange));
	return true;
}

void
early_release(struct ike *core, const struct ike_protocol *protocol, struct queued *early)
{
	struct isakmp_header h;
	struct datagram in;

	if (!early)
		return;
	in = queued_datagram(early);
	if (!isakmp_decode_header(&h, in.data))
		protocol->receive(core, &in, &h);
	free(early);
}
