/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include <stdio.h>

void
radius_login_begin(struct radius_login *l, enum radius_method method, struct span name, struct span password, struct rng *rng)
{
	*l = (struct radius_login) { .method = method, .eap = { .name = name, .password = password, .rng = rng } };
	if (method == RADIUS_EAP)
		l->n_message = eap_first(l->message, &l->eap);
}

void
radius_login_add(const struct radius_login *l, struct radius_builder *b, struct span secret)
{
	radius_add(b, RADIUS_USER_NAME, l->eap.name);
	if (l->method == RADIUS_EAP)
		radius_add_eap(b, span_of(l->message, l->n_message));
	else
		radius_add_password(b, l->eap.password, secret);
	if (l->n_state)
		radius_add(b, RADIUS_STATE, span_of(l->state, l->n_state));
}

/* RFC 2865 section 5.24: it goes into the next request unchanged; one without it goes without. */
static void
keep_state(struct radius_login *l, const struct radius_packet *p)
{
	const struct radius_attribute *state = radius_find(p, RADIUS_STATE, NULL);

	l->n_state = state ? state->value.n : 0;
	if (l->n_state)
		memcpy(l->state, state->value.p, l->n_state);
}

static enum radius_outcome
challenged(struct radius_login *l, const struct radius_packet *p, char why[RADIUS_REASON_MAX])
{
	autoarena arena = { 0 };
	const char *reason = "the RADIUS server challenges without end";
	size_t n;

	keep_state(l, p);
	if (l->method == RADIUS_PAP)
		return RADIUS_ASK_USER;
	n = ++l->rounds < RADIUS_ROUNDS_MAX ? eap_answer(l->message, &l->eap, radius_eap_message(p, &arena), &reason) : 0;
	l->n_message = n;
	if (n)
		return RADIUS_GO_ON;
	snprintf(why, RADIUS_REASON_MAX, "%s", reason);
	return RADIUS_REFUSED;
}

enum radius_outcome
radius_login_take(struct radius_login *l, const struct radius_packet *p, char why[RADIUS_REASON_MAX])
{
	char said[RADIUS_REASON_MAX / 2];

	switch (p->code) {
	case RADIUS_ACCESS_ACCEPT:
		return RADIUS_ACCEPTED;
	case RADIUS_ACCESS_CHALLENGE:
		return challenged(l, p, why);
	default:
		radius_reply_message(said, sizeof said, p);
		snprintf(why, RADIUS_REASON_MAX, "the RADIUS server refuses the user name or the password%s%s",
		         said[0] ? ": " : "", said);
		return RADIUS_REFUSED;
	}
}

void
radius_login_clear(struct radius_login *l)
{
	secret_wipe(l, sizeof *l);
}

void
radius_reply_message(char *out, size_t max, const struct radius_packet *p)
{
	size_t n = 0;

	for (const struct radius_attribute *a = radius_find(p, RADIUS_REPLY_MESSAGE, NULL); a;
	     a = radius_find(p, RADIUS_REPLY_MESSAGE, a))
		for (size_t i = 0; i < a->value.n && n + 1 < max; i++)
			out[n++] = a->value.p[i] >= 0x20 && a->value.p[i] < 0x7f ? (char)a->value.p[i] : '?';
	out[n] = '\0';
}
