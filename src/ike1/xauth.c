/* SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

/*
 * Extended authentication, draft-beaulieu-ike-xauth-02: the gateway asks for a
 * user name and a password, as often as it needs, then says how it ended.
 */

enum { LOGINS_MAX = 8 }; /* REQUESTs under one Phase 1 */

/* ---- REQUEST and REPLY */

static enum built
ask_for_login(struct exchange *ex, struct builder *b)
{
	struct road *r = ex->sa->road;
	struct attribute a[] = {
		{ .type = XAUTH_USER_NAME },
		{ .type = XAUTH_USER_PASSWORD },
		{ .type = XAUTH_MESSAGE, .octets = secret_span(&r->message) },
	};

	r->asked++;
	return transaction_build(ex, b, CONFIG_REQUEST, a, r->message.n ? 3 : 2);
}

/* Whether we can serve what the gateway asks for; all else is answered with STATUS = FAIL (section 6.1). */
static const char *
beyond_us(const struct ike_sa *sa, const struct attr_payload *p, const struct transaction *t)
{
	const struct attribute *type = config_attribute_find(p, XAUTH_TYPE, NULL);

	if (!road_we_log_in(sa))
		return "no local section with auth = xauth is configured";
	if (type && type->value != XAUTH_TYPE_GENERIC)
		return "the gateway asks for a type of XAUTH other than generic";
	if (transaction_has(t, XAUTH_NEXT_PIN))
		return "the gateway asks for a new PIN";
	if (sa->road && sa->road->asked >= LOGINS_MAX)
		return "the gateway asks again and again";
	return NULL;
}

static void
show_message(const struct ike_sa *sa, const struct attr_payload *p)
{
	const struct attribute *m = config_attribute_find(p, XAUTH_MESSAGE, NULL);

	if (m && !m->tv && m->octets.n && m->octets.n <= LOGIN_OCTETS_MAX)
		say(sa->core, LOG_IKE, LOG_AUDIT, sa, "xauth-message", "the gateway says: %s",
		    transaction_text(sa->core, m->octets));
}

static enum verdict
take_request(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	struct transaction *t = transaction_of(ex);
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_REQUEST, &v);
	const char *why;

	if (!p)
		return v;
	show_message(sa, p);
	t->typed = transaction_has(t, XAUTH_TYPE);
	why = beyond_us(sa, p, t);
	t->ok = !why;
	if (why)
		say(sa->core, LOG_IKE, LOG_AUDIT, sa, verdict_word(VERDICT_LOGIN_FAILED), "the gateway %s asks for a login: %s",
		    ip_text(sa->core, &sa->remote.ip), why);
	if (sa->road) {
		const struct attribute *said = config_attribute_find(p, XAUTH_MESSAGE, NULL);
		struct span text = said && !said->tv && said->octets.n <= LOGIN_OCTETS_MAX ? said->octets : (struct span) { 0 };

		sa->road->asked++;
		secret_clear(&sa->road->message);
		if (!secret_copy(&sa->road->message, text))
			return VERDICT_INTERNAL;
	}
	return VERDICT_OK;
}

static enum built
refuse_request(struct exchange *ex, struct builder *b)
{
	struct attribute status = { .type = XAUTH_STATUS, .tv = true, .value = XAUTH_STATUS_FAIL };

	return transaction_build(ex, b, CONFIG_REPLY, &status, 1);
}

/* The n-th login of the configuration answers the n-th question; the last one all that follow. */
static bool
ask_who_we_are(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	struct ike *core = sa->core;
	const struct auth_round *round = road_round(sa->conn, true, sa->road ? (size_t)sa->road->asked - 1 : 0);
	uint64_t ticket = park(core, PARKED_EXCHANGE, sa->id, ex->message_id, NULL);
	struct effect *e = ticket ? effects_add(core->fx, EFFECT_ASK_LOGIN) : NULL;

	if (!e)
		return false;
	e->ticket = ex->ticket = ticket;
	e->login = (struct login_query) {
		.conn = sa->conn,
		.round = round ? round : road_round(sa->conn, true, 0),
		.local_id = id_box_get(sa->local_id),
	};
	if (sa->road && sa->road->message.n)
		e->login.message = arena_dup(&core->fx->arena, secret_span(&sa->road->message));
	core_keep_conn(core, sa->conn);
	return true;
}

static enum built
reply_login(struct exchange *ex, struct builder *b)
{
	struct transaction *t = transaction_of(ex);
	const struct answer *w = ex->answer;
	struct attribute a[5];
	size_t n = 0;

	if (!t->ok)
		return refuse_request(ex, b);
	if (!t->asked) {
		t->asked = true;
		return ask_who_we_are(ex) ? BUILD_PARKED : BUILD_FAILED;
	}
	if (!w || w->kind != ANSWER_LOGIN || !w->ok) {
		const char *why = w && w->reason ? w->reason : "no user name and password are configured for this gateway";

		say(ex->sa->core, LOG_IKE, LOG_AUDIT, ex->sa, verdict_word(VERDICT_LOGIN_FAILED), "%s", why);
		road_refusal(ex->sa, why);
		t->ok = false;
		return refuse_request(ex, b);
	}
	if (t->typed)
		a[n++] = (struct attribute) { .type = XAUTH_TYPE, .tv = true, .value = XAUTH_TYPE_GENERIC };
	if (transaction_has(t, XAUTH_USER_NAME))
		a[n++] = (struct attribute) { .type = XAUTH_USER_NAME, .octets = w->road.user };
	if (transaction_has(t, XAUTH_USER_PASSWORD))
		a[n++] = (struct attribute) { .type = XAUTH_USER_PASSWORD, .octets = w->road.password };
	if (transaction_has(t, XAUTH_PASSCODE))
		a[n++] = (struct attribute) { .type = XAUTH_PASSCODE, .octets = w->road.password };
	if (transaction_has(t, XAUTH_ANSWER))
		a[n++] = (struct attribute) { .type = XAUTH_ANSWER, .octets = w->road.password };
	return transaction_build(ex, b, CONFIG_REPLY, a, n);
}

static bool
keep(struct secret *out, const struct attr_payload *p, uint16_t type)
{
	const struct attribute *a = config_attribute_find(p, type, NULL);

	if (!a || a->tv || a->octets.n > LOGIN_OCTETS_MAX)
		return false;
	secret_clear(out);
	/* Some peers count the NUL of their strings. */
	return secret_copy(out,
	                   span_of(a->octets.p, a->octets.n && !a->octets.p[a->octets.n - 1] ? a->octets.n - 1 : a->octets.n));
}

static enum verdict
take_login(struct exchange *ex, const struct message *m)
{
	struct road *r = ex->sa->road;
	struct transaction *t = transaction_of(ex);
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_REPLY, &v);

	if (!p)
		return v;
	/* "a remote device can not set XAUTH_STATUS to anything but FAIL" (section 5). */
	t->ok = !config_attribute_find(p, XAUTH_STATUS, NULL) && keep(&r->name, p, XAUTH_USER_NAME) &&
	        (keep(&r->password, p, XAUTH_USER_PASSWORD) || keep(&r->password, p, XAUTH_PASSCODE)) && r->name.n;
	return VERDICT_OK;
}

static void
login_done(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;

	/* The client's part is done until the gateway speaks again. */
	if (ex->role == RESPONDER)
		return;
	if (transaction_of(ex)->ok) {
		road_ask_user(sa);
		return;
	}
	refuse(sa->core, sa, VERDICT_LOGIN_FAILED, "the client gives up: it sent no user name and password");
	transaction_start(sa, &xauth_status);
}

/* clang-format off */
static const struct step login_steps[] = {
	/* sender    must               may HDR*  build          process */
	{ INITIATOR, P(HASH) | P(ATTR), 0,  true, ask_for_login, take_request },
	{ RESPONDER, P(HASH) | P(ATTR), 0,  true, reply_login,   take_login },
};
/* clang-format on */

const struct exchange_kind xauth_login = TRANSACTION("XAUTH login", login_steps, login_done);

/* ---- SET and ACK: how it ended */

static bool
all_rounds_done(const struct ike_sa *sa)
{
	return !road_round(sa->conn, false, sa->road->rounds);
}

static enum built
set_status(struct exchange *ex, struct builder *b)
{
	struct attribute a[] = {
		{ .type = XAUTH_STATUS, .tv = true },
		{ .type = XAUTH_MESSAGE, .octets = secret_span(&ex->sa->road->message) },
	};

	transaction_of(ex)->ok = all_rounds_done(ex->sa);
	a[0].value = transaction_of(ex)->ok ? XAUTH_STATUS_OK : XAUTH_STATUS_FAIL;
	return transaction_build(ex, b, CONFIG_SET, a, ex->sa->road->message.n ? 2 : 1);
}

static enum verdict
take_status(struct exchange *ex, const struct message *m)
{
	struct ike_sa *sa = ex->sa;
	enum verdict v;
	const struct attr_payload *p = transaction_open(ex, m, CONFIG_SET, &v);
	const struct attribute *s = p ? config_attribute_find(p, XAUTH_STATUS, NULL) : NULL;

	if (!p)
		return v;
	/* Who has to log in at our end does not decide that he has. */
	if (!s || road_peer_logs_in(sa)) {
		ex->why = s ? "the client says how its own login ended" : "a SET about a login without its STATUS";
		return VERDICT_CONFIG_TYPE;
	}
	show_message(sa, p);
	transaction_of(ex)->ok = s->value == XAUTH_STATUS_OK;
	return VERDICT_OK;
}

static enum built
ack_status(struct exchange *ex, struct builder *b)
{
	return transaction_build(ex, b, CONFIG_ACK, NULL, 0);
}

static enum verdict
take_ack(struct exchange *ex, const struct message *m)
{
	enum verdict v;

	transaction_open(ex, m, CONFIG_ACK, &v);
	return v;
}

static void
client_status(struct ike_sa *sa, bool ok)
{
	if (!ok) {
		refuse(sa->core, sa, VERDICT_LOGIN_FAILED, "the gateway refused our login: see local.xauth_id and its secret");
		if (sa->established_at)
			ike_sa_end(sa, END_BY_PEER, "the gateway refused our login");
		else
			road_failed(sa, sa->road && sa->road->refusal
			                        ? sa->road->refusal
			                        : "the gateway refused our login (XAUTH): see local.xauth_id and its secret");
		return;
	}
	say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "XAuth authentication at %s successful", ip_text(sa->core, &sa->remote.ip));
	if (sa->road && sa->road->stage == ROAD_LOGIN && road_we_log_in(sa))
		road_next(sa, ROAD_CONFIG);
}

static void
status_done(struct exchange *ex)
{
	struct ike_sa *sa = ex->sa;
	bool ok = transaction_of(ex)->ok;

	if (ex->role == RESPONDER)
		client_status(sa, ok);
	else if (ok)
		road_next(sa, ROAD_CONFIG);
	else
		road_failed(sa, arena_printf(&sa->core->scratch, "the client's login (XAUTH) failed%s%s", sa->road->refusal ? ": " : "",
		                             sa->road->refusal ? sa->road->refusal : ""));
}

/* clang-format off */
static const struct step status_steps[] = {
	/* sender    must               may HDR*  build       process */
	{ INITIATOR, P(HASH) | P(ATTR), 0,  true, set_status, take_status },
	{ RESPONDER, P(HASH) | P(ATTR), 0,  true, ack_status, take_ack },
};
/* clang-format on */

const struct exchange_kind xauth_status = TRANSACTION("XAUTH status", status_steps, status_done);
