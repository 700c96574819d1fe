/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_nft.h"

#include <nftables/libnftables.h>
#include <stdio.h>

/*
 * The last resort of a claim that the levels, or the kernel, refused: one plain drop rule per box, judged before all
 * else, and its mirror for what comes in (RFC 4301 section 5.2). Coarser than the claim: a rule with ports would let fragments
 * pass, which show none, so it takes the whole protocol.
 */

static void
range_add(struct steer_nft *t, const char *what, const struct ip *lo, const struct ip *hi)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	text_add(&t->text, " %s %s %s-%s", lo->family == IP_V6 ? "ip6" : "ip", what, ip_format(a, lo), ip_format(b, hi));
}

static void
box_text(struct steer_nft *t, const struct box *b, bool inbound)
{
	text_add(&t->text, "add rule inet %s %s", t->table, inbound ? "closed_in" : "closed");
	range_add(t, inbound ? "daddr" : "saddr", &b->src_lo, &b->src_hi);
	range_add(t, inbound ? "saddr" : "daddr", &b->dst_lo, &b->dst_hi);
	if (b->kind != BOX_ADDRESSES)
		text_add(&t->text, " meta l4proto %u", b->proto);
	text_add(&t->text, " counter drop\n");
}

void
steer_nft_closed_text(struct steer_nft *t)
{
	for (const struct closed *c = t->closed; c; c = c->next)
		for (size_t i = 0; i < c->n; i++) {
			box_text(t, &c->box[i], false);
			box_text(t, &c->box[i], true);
		}
}

bool
steer_nft_close_off(struct steer_nft *t, char *why, size_t why_size)
{
	bool ok;

	text_clear(&t->text);
	text_add(&t->text, "flush chain inet %s closed\nflush chain inet %s closed_in\n", t->table, t->table);
	steer_nft_closed_text(t);
	ok = steer_nft_run(t->ctx, &t->text, why, why_size);
	text_clear(&t->text);
	t->stale = t->stale || !ok;
	return ok;
}
