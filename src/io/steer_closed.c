/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* Claims that could not be made: what they would have covered is closed. docs/adr/0016-refused-claims.md */

struct closed *
steer_closed_find(const struct steer *s, uint32_t reqid)
{
	struct closed *c = s->nft.closed;

	while (c && c->reqid != reqid)
		c = c->next;
	return c;
}

static struct closed *
closed_new(const struct claim *c)
{
	struct closed *k = calloc(1, sizeof *k + c->n_ts * BOXES_MAX * sizeof k->box[0]);

	if (!k)
		return NULL;
	k->reqid = c->reqid;
	k->trap = c->trap;
	for (size_t i = 0; i < c->n_ts; i++) {
		struct selector_pair ts = {
			.local = selector_resolve(&c->ts[i].local, &c->local),
			.remote = selector_resolve(&c->ts[i].remote, &c->remote),
		};

		if (!selector_is_dynamic(&ts.local) && !selector_is_dynamic(&ts.remote))
			k->n += box_from_pair(&k->box[k->n], &ts);
	}
	return k;
}

bool
steer_open_up(struct steer *s, uint32_t reqid)
{
	struct closed **at = &s->nft.closed, *c;
	char why[128];

	while (*at && (*at)->reqid != reqid)
		at = &(*at)->next;
	c = *at;
	if (!c)
		return false;
	*at = c->next;
	free(c);
	steer_nft_close_off(&s->nft, why, sizeof why);
	return true;
}

/* Appends to @why what became of the traffic. */
void
steer_close_off(struct steer *s, const struct claim *c, char *why, size_t why_size)
{
	struct closed *k = c->mode == MODE_PASS ? NULL : steer_closed_find(s, c->reqid);
	size_t n = strlen(why);
	char refused[192];

	if (c->mode == MODE_PASS || k)
		return;
	k = closed_new(c);
	if (!k) {
		snprintf(why + n, why_size - n, "; its traffic could not be closed either: out of memory");
		return;
	}
	k->next = s->nft.closed;
	s->nft.closed = k;
	if (steer_nft_close_off(&s->nft, refused, sizeof refused))
		snprintf(why + n, why_size - n, "; until then what it covers is dropped");
	else
		snprintf(why + n, why_size - n, "; its traffic could not be closed either: %s", refused);
}

size_t
steer_closed_count(const struct steer *s)
{
	size_t n = 0;

	for (const struct closed *c = s->nft.closed; c; c = c->next)
		n++;
	return n;
}

void
steer_closed_free(struct steer *s)
{
	while (s->nft.closed) {
		struct closed *c = s->nft.closed;

		s->nft.closed = c->next;
		free(c);
	}
}
