/* SPDX-License-Identifier: Apache-2.0 */
#include "road_users.h"

#include <stdio.h>

#include "secret.h"

static const struct secret *
password_of(const struct road_warriors *w, const struct identity *user)
{
	return secret_store_find(&w->logins, &(struct psk_query) { .local = user, .remote = user, .n = 1 });
}

/* A name that looks like no identity is one all the same. */
static struct identity
user_identity(struct span name)
{
	struct identity id;
	const char *why;

	if (identity_parse(&id, name, &why) && id.type != ID_ANY)
		return id;
	id = (struct identity) { .type = ID_KEY_ID,
		                 .n = (uint16_t)(name.n < IDENTITY_OCTETS_MAX ? name.n : IDENTITY_OCTETS_MAX) };
	memcpy(id.b, name.p, id.n);
	return id;
}

void
road_login(struct road_warriors *w, const struct effect *e)
{
	const struct auth_round *r = e->login.round;
	struct identity id = r->xauth_id.type != ID_ANY ? r->xauth_id : r->id.type != ID_ANY ? r->id : e->login.local_id;
	const struct secret *password = password_of(w, &id);
	char text[IDENTITY_TEXT_MAX], why[2 * IDENTITY_TEXT_MAX + 128];
	struct answer a = { .kind = ANSWER_LOGIN, .ticket = e->ticket, .ok = password != NULL };

	identity_format(text, &id);
	snprintf(why, sizeof why, "no password for '%s': add secrets { xauth { id = %s  secret = ... } }", text, text);
	a.reason = password ? NULL : why;
	a.road.user = span_str(text);
	if (password)
		a.road.password = secret_span(password);
	w->answer(w->context, &a);
}

static void
judge_here(struct road_warriors *w, const struct effect *e)
{
	struct identity id = user_identity(e->user.name);
	const struct secret *password = password_of(w, &id);
	struct answer a = { .kind = ANSWER_USER, .ticket = e->ticket };

	/* The same work for an unknown user as for a wrong password. */
	a.ok = secret_equal(password ? secret_span(password) : (struct span) { 0 }, e->user.password) && password;
	if (!a.ok)
		a.reason = password ? "wrong password" : "no such user in secrets (xauth, eap)";
	w->answer(w->context, &a);
}

/* xauth-eap.backend names strongSwan's EAP method for that: `radius`, its default, or one of its own, for which secrets have the
 * password. */
static bool
eap_by_radius(const struct road_warriors *w)
{
	const struct radius_settings *s = &w->settings->road.radius;

	return s->xauth_eap ? !strcmp(s->xauth_eap, "radius") : s->n > 0;
}

void
road_judge(struct road_warriors *w, const struct effect *e)
{
	const struct auth_round *round = e->user.round;
	const char *backend = round ? round->backend : NULL;
	struct answer a = { .kind = ANSWER_USER, .ticket = e->ticket };
	struct identity id = user_identity(e->user.name);

	if (round && !identity_match(&round->xauth_id, &id)) {
		a.reason = "the connection is for another user: see its remote.xauth_id";
		w->answer(w->context, &a);
		return;
	}
	if (backend && !strcmp(backend, "radius")) {
		radius_judge(&w->radius, e->ticket, &e->user, RADIUS_PAP);
	} else if (backend && !strcmp(backend, "eap") && eap_by_radius(w)) {
		radius_judge(&w->radius, e->ticket, &e->user, RADIUS_EAP);
	} else if (round && round->groups.n) {
		a.reason =
		        "remote.groups wants a membership that only a RADIUS server can tell: auth = xauth-radius or xauth-eap";
		w->answer(w->context, &a);
	} else if (backend && !strcmp(backend, "noauth")) {
		a.ok = true;
		w->answer(w->context, &a);
	} else {
		judge_here(w, e);
	}
}

void
road_judged(struct road_warriors *w, const struct radius_result *r)
{
	struct answer a = { .kind = ANSWER_USER, .ticket = r->ticket, .ok = r->ok, .reason = r->reason };

	a.road.again = r->again;
	a.road.message = span_str(r->message);
	if (r->grant) {
		a.road.groups = &r->grant->groups;
		a.road.vip = r->grant->framed;
		a.road.n_vip = r->grant->n_framed;
	}
	w->answer(w->context, &a);
}
