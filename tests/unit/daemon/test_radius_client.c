/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config_attribute.h"
#include "crypto.h"
#include "radius_internal.h"
#include "seeded_rng.h"

/* The RADIUS client on a loop of its own, with a server of a few lines at the other end of a socket. */

#define SECRET "xyzzy5461"

enum { ATTRIBUTES_MAX = 16, REQUESTS_MAX = 8, WAIT_MS = 10000 };

struct request {
	struct radius_packet p;
	struct arena arena;
};

struct world {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t alarm;
	struct radius r;
	struct radius_settings s;
	struct radius_hooks h;
	struct seeded_rng rng;
	int fd;
	/* the server's next Access-Accept, or whatever code it is to have */
	uint8_t code;
	struct radius_attribute attr[ATTRIBUTES_MAX];
	size_t n_attr;
	struct request got[REQUESTS_MAX];
	size_t n_got;
	bool mute;      /* it answers nothing */
	size_t spoiled; /* so many octets of an answer are wrong, one in each of as many answers that come before the right one */
	/* what the client was told, and what it is told of the daemon */
	bool judged, ok, again, late;
	size_t groups;
	char reason[RADIUS_REASON_MAX];
	struct conn *conn;
	bool gone;
	struct ip vip;
	uint32_t owner, ended;
	struct sa_usage usage;
};

/* ---- the server */

static size_t
sign(uint8_t *out, struct world *w, struct request *q)
{
	static const uint8_t zeros[16];
	bool access = q->p.code == RADIUS_ACCESS_REQUEST;
	struct radius_attribute all[ATTRIBUTES_MAX + 1] = { { RADIUS_MESSAGE_AUTHENTICATOR, { zeros, 16 } } };
	struct radius_packet p = { access ? w->code : RADIUS_ACCOUNTING_RESPONSE, q->p.identifier, q->p.authenticator, all,
		                   access };
	struct wire e = wire_encoder(out, RADIUS_PACKET_MAX);

	for (size_t i = 0; access && i < w->n_attr; i++)
		all[p.n_attr++] = w->attr[i];
	radius_packet_wire(&e, &p);
	assert_true(wire_ok(&e));
	if (access)
		assert_int_equal(prf(out + 22, PRF_HMAC_MD5, span_str(SECRET), (struct span[]) { { out, e.at } }, 1), CRYPTO_OK);
	assert_int_equal(prf_hash(out + 4, PRF_HMAC_MD5, (struct span[]) { { out, e.at }, span_str(SECRET) }, 2), CRYPTO_OK);
	return e.at;
}

static void
serve(uv_poll_t *poll, int status, int events)
{
	struct world *w = poll->data;
	struct request *q = &w->got[w->n_got];
	struct sockaddr_in from;
	socklen_t n_from = sizeof from;
	uint8_t in[RADIUS_PACKET_MAX], out[RADIUS_PACKET_MAX];
	ssize_t n = recvfrom(w->fd, in, sizeof in, 0, (struct sockaddr *)&from, &n_from);
	struct wire d;

	(void)status, (void)events;
	assert_true(n > 0 && w->n_got < REQUESTS_MAX);
	d = wire_decoder(arena_dup(&q->arena, span_of(in, (size_t)n)), &q->arena);
	radius_packet_wire(&d, &q->p);
	assert_true(wire_ok(&d));
	w->n_got++;
	n = (ssize_t)sign(out, w, q);
	for (size_t i = 0; i < w->spoiled; i++) {
		out[i] ^= 0x40;
		assert_true(sendto(w->fd, out, (size_t)n, 0, (struct sockaddr *)&from, n_from) > 0);
		out[i] ^= 0x40;
	}
	if (!w->mute)
		assert_true(sendto(w->fd, out, (size_t)n, 0, (struct sockaddr *)&from, n_from) > 0);
}

static uint32_t
number(const struct request *q, uint8_t type)
{
	uint32_t v = 0;

	assert_true(radius_number(radius_find(&q->p, type, NULL), &v));
	return v;
}

static void
give(struct world *w, uint8_t type, struct span value)
{
	w->attr[w->n_attr++] = (struct radius_attribute) { type, value };
}

/* ---- the daemon */

static void
on_judged(void *context, const struct radius_result *r)
{
	struct world *w = context;

	w->judged = true;
	w->ok = r->ok;
	w->again = r->again;
	w->groups = r->grant ? r->grant->groups.n : 0;
	snprintf(w->reason, sizeof w->reason, "%s", r->reason ? r->reason : "");
}

static void
on_log(void *context, enum log_group g, int level, const char *text)
{
	(void)context, (void)g, (void)level;
	assert_true(strlen(text) > 0);
}

static void
on_end(void *context, uint32_t ike_id)
{
	((struct world *)context)->ended = ike_id;
}

static bool
on_look(void *context, uint32_t ike_id, struct ike_info *out)
{
	struct world *w = context;
	const char *why;

	*out = (struct ike_info) {
		.id = ike_id, .conn = w->conn, .remote_vips = &w->vip, .n_remote_vips = w->vip.family != IP_NONE
	};
	assert_true(identity_parse(&out->remote_xauth_id, span_str("carol"), &why));
	return !w->gone;
}

static uint32_t
on_owner(void *context, uint32_t child_id)
{
	(void)child_id;
	return ((struct world *)context)->owner;
}

static bool
on_usage(void *context, const struct sa_params *sa, struct sa_usage *out)
{
	*out = ((struct world *)context)->usage;
	return sa->direction == SA_INBOUND;
}

static void
add_server(struct world *w, const char *name, uint16_t port)
{
	struct radius_server *s = &w->s.server[w->s.n++];

	*s = (struct radius_server) {
		.name = strdup(name), .address = ip_from_v4(INADDR_LOOPBACK), .auth_port = port, .acct_port = port
	};
	assert_true(s->name && secret_copy(&s->secret, span_str(SECRET)));
}

static uint16_t
bound(int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	*fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(*fd >= 0 && !bind(*fd, (struct sockaddr *)&a, n) && !getsockname(*fd, (struct sockaddr *)&a, &n));
	return ntohs(a.sin_port);
}

/* @dead: before the server there is one whose port nobody has. */
static void
begin(struct world *w, bool dead)
{
	int closed;

	*w = (struct world) { .code = RADIUS_ACCESS_ACCEPT, .conn = conn_new("rw"), .owner = 1, .vip = ip_from_v4(0x0a090001) };
	w->s = (struct radius_settings) {
		.accounting = true, .timeout = 0.3, .base = 1, .tries = 2, .class_group = true, .filter_id = true
	};
	w->h = (struct radius_hooks) { on_judged, on_log, on_end, on_look, on_owner, on_usage, NULL, w };
	assert_true(w->conn && !uv_loop_init(&w->loop));
	if (dead) {
		add_server(w, "dead", bound(&closed));
		close(closed);
	}
	add_server(w, "alive", bound(&w->fd));
	seeded_rng_open(&w->rng, 7);
	radius_client_open(&w->r, &w->loop, &w->s, &w->h, &w->rng.rng, 0);
	uv_poll_init(&w->loop, &w->poll, w->fd);
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, serve);
	uv_timer_init(&w->loop, &w->alarm);
	w->alarm.data = w;
}

static void
close_handle(uv_handle_t *h, void *unused)
{
	(void)unused;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
end(struct world *w)
{
	radius_client_close(&w->r);
	uv_walk(&w->loop, close_handle, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	for (size_t i = 0; i < w->n_got; i++)
		arena_clear(&w->got[i].arena);
	close(w->fd);
	conn_unref(w->conn);
	radius_settings_free(&w->s);
}

static void
on_alarm(uv_timer_t *t)
{
	((struct world *)t->data)->late = true;
}

/* Until nothing is under way. */
static void
settle(struct world *w)
{
	uv_timer_start(&w->alarm, on_alarm, WAIT_MS, 0);
	while (w->r.pending && !w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_false(w->late);
	uv_timer_stop(&w->alarm);
}

static void
log_in(struct world *w, const struct auth_round *round)
{
	struct user_query u = {
		.conn = w->conn, .round = round, .ike_id = 1, .name = span_str("carol"), .password = span_str("4iChxLT3")
	};

	w->judged = false;
	radius_judge(&w->r, 5, &u, RADIUS_PAP);
	settle(w);
	assert_true(w->judged);
}

static void
event(struct world *w, enum event_kind kind, uint32_t ike_id)
{
	radius_event(&w->r, &(struct effect_event) { .kind = kind, .ike_id = ike_id });
	settle(w);
}

/* ---- tests */

static void
what_a_server_gives(void **state)
{
	static const uint8_t four[] = { 10, 9, 0, 7 }, any[] = { 255, 255, 255, 254 }, six[16] = { 0xfd, 9 },
	                     hour[] = { 0, 0, 14, 16 };
	static const uint8_t dns[] = { 0, 0, 1, 55, MS_PRIMARY_DNS_SERVER, 6, 10, 2, 0, 53 }, esp[] = { 0, 0, 0, 9 };
	struct world w;
	const struct radius_grant *g;

	(void)state;
	begin(&w, false);
	give(&w, RADIUS_FRAMED_IP_ADDRESS, span_of(any, 4));
	give(&w, RADIUS_FRAMED_IP_ADDRESS, span_of(four, 4));
	give(&w, RADIUS_FRAMED_IP_ADDRESS, span_of(six, 3)); /* of no length that an address has */
	give(&w, RADIUS_FRAMED_IPV6_ADDRESS, span_of(six, 16));
	give(&w, RADIUS_VENDOR_SPECIFIC, span_of(dns, sizeof dns));
	give(&w, RADIUS_DNS_SERVER_IPV6_ADDRESS, span_of(six, 16));
	give(&w, RADIUS_SESSION_TIMEOUT, span_of(hour, 4));
	give(&w, RADIUS_CLASS, span_str("research"));
	give(&w, RADIUS_FILTER_ID, span_str("admins"));
	give(&w, RADIUS_TUNNEL_TYPE, span_of(esp, 4));
	log_in(&w, NULL);
	assert_true(w.ok);
	g = radius_granted(&w.r, 1);
	assert_non_null(g);
	assert_int_equal(g->n_framed, 2);
	assert_memory_equal(g->framed[0].b, four, 4);
	assert_memory_equal(g->framed[1].b, six, 16);
	assert_int_equal(g->attributes.n, 2);
	assert_int_equal(g->attributes.a[0].type, INTERNAL_IP4_DNS);
	assert_memory_equal(g->attributes.a[0].value.p, dns + 6, 4);
	assert_int_equal(g->attributes.a[1].type, INTERNAL_IP6_DNS);
	assert_int_equal(g->session_timeout, 3600);
	assert_int_equal(g->groups.n, 2);
	end(&w);
}

/* Which of them a connection wants is the core's to say: ike1/login_groups.c. */
static void
groups_are_told(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	give(&w, RADIUS_CLASS, span_str("research"));
	give(&w, RADIUS_FILTER_ID, span_str("admins")); /* without Tunnel-Type it is no group */
	log_in(&w, NULL);
	assert_true(w.ok && w.groups == 1);
	end(&w);
}

static void
a_refusal(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.code = RADIUS_ACCESS_REJECT;
	give(&w, RADIUS_REPLY_MESSAGE, span_str("not today"));
	log_in(&w, NULL);
	assert_false(w.ok);
	assert_non_null(strstr(w.reason, "not today"));
	assert_null(radius_granted(&w.r, 1));
	end(&w);
}

/* Who did not answer is asked last for a while: the second login is one packet. */
static void
the_next_server(void **state)
{
	struct world w;

	(void)state;
	begin(&w, true);
	log_in(&w, NULL);
	assert_true(w.ok);
	assert_true(w.r.down_until[0] > uv_now(&w.loop) && !w.r.down_until[1]);
	log_in(&w, NULL);
	assert_true(w.ok && w.n_got == 2);
	end(&w);
}

/* RFC 2865 section 4.2: "Invalid packets are silently discarded"; the right one, behind them, still counts. */
static void
forged_answers_are_counted_and_waited_out(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.spoiled = 20; /* each octet of Code, Identifier, Length and Authenticator once */
	log_in(&w, NULL);
	assert_true(w.ok);
	assert_int_equal(w.n_got, 1);
	assert_int_equal(w.r.counted[RADIUS_VERDICT_UNASKED], 2);
	assert_int_equal(w.r.counted[RADIUS_VERDICT_MALFORMED], 2);
	assert_int_equal(w.r.counted[RADIUS_VERDICT_BAD_AUTHENTICATOR], 16);
	end(&w);
}

/* RFC 2865 section 2.5: again after a while, then never; who is told hears which server it was, and of what came instead. */
static void
a_silent_server(void **state)
{
	(void)state;
	for (size_t spoiled = 0; spoiled <= 5; spoiled += 5) {
		struct world w;

		begin(&w, false);
		w.mute = true;
		w.spoiled = spoiled;
		w.s.timeout = 0.05;
		w.s.tries = 3;
		log_in(&w, NULL);
		assert_false(w.ok);
		assert_int_equal(w.n_got, 3);
		assert_non_null(strstr(w.reason, "the RADIUS server 'alive' at 127.0.0.1["));
		assert_non_null(strstr(w.reason, "does not answer"));
		assert_int_equal(strstr(w.reason, radius_verdict_sentence(RADIUS_VERDICT_UNASKED)) != NULL, spoiled != 0);
		assert_int_equal(w.r.sessions.n, 0);
		end(&w);
	}
}

/* RFC 2865 section 5.24: the State of a challenge goes into the next request, and into no other. */
static void
a_challenge_goes_on_with_its_state(void **state)
{
	struct world w;
	const struct radius_attribute *given;

	(void)state;
	begin(&w, false);
	w.code = RADIUS_ACCESS_CHALLENGE;
	give(&w, RADIUS_STATE, span_str("half way"));
	log_in(&w, NULL);
	assert_true(!w.ok && w.again);
	assert_null(radius_find(&w.got[0].p, RADIUS_STATE, NULL));
	w.code = RADIUS_ACCESS_ACCEPT;
	log_in(&w, NULL);
	assert_true(w.ok);
	given = radius_find(&w.got[1].p, RADIUS_STATE, NULL);
	assert_true(given && span_equal(given->value, span_str("half way")));
	log_in(&w, NULL);
	assert_true(w.ok);
	assert_null(radius_find(&w.got[2].p, RADIUS_STATE, NULL));
	end(&w);
}

static void
too_many_at_once_are_refused(void **state)
{
	struct user_query u = { .ike_id = 1, .name = span_str("carol"), .password = span_str("x") };
	struct world w;

	(void)state;
	begin(&w, false);
	u.conn = w.conn;
	w.r.pending = RADIUS_PENDING_MAX;
	radius_judge(&w.r, 5, &u, RADIUS_PAP);
	assert_true(w.judged && !w.ok);
	assert_non_null(strstr(w.reason, "too many"));
	w.r.pending = 0;
	assert_null(w.r.first);
	end(&w);
}

/* A password that no packet holds is refused at once, and is not cut: RFC 2865 section 5.2. */
static void
a_password_that_is_too_long(void **state)
{
	static const char long_one[RADIUS_PASSWORD_MAX + 2] = { [0 ... RADIUS_PASSWORD_MAX] = 'x' };
	struct user_query u = { .ike_id = 1, .name = span_str("carol"), .password = span_str(long_one) };
	struct world w;

	(void)state;
	begin(&w, false);
	u.conn = w.conn;
	radius_judge(&w.r, 5, &u, RADIUS_PAP);
	assert_true(w.judged && !w.ok && !w.n_got);
	assert_non_null(strstr(w.reason, "is the password too long?"));
	assert_int_equal(w.r.pending, 0);
	end(&w);
}

/* Its answer comes too late: nothing is kept that no end of an IKE_SA would free. */
static void
a_client_that_has_gone(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.gone = true;
	log_in(&w, NULL);
	assert_false(w.ok);
	assert_int_equal(w.r.sessions.n, 0);
	end(&w);
}

static void
no_server_at_all(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.s.n = 0;
	log_in(&w, NULL);
	assert_false(w.ok);
	assert_non_null(strstr(w.reason, "charon.plugins.eap-radius"));
	w.s.n = 1;
	end(&w);
}

static struct sa_params
inbound(uint32_t spi)
{
	return (struct sa_params) { .direction = SA_INBOUND, .spi = spi, .child_id = 9 };
}

/* RFC 2869 section 5.1: what goes beyond 32 bits; of all SAs that there were, also the one that is gone. */
static void
traffic_is_added_up(void **state)
{
	struct world w;
	struct sa_params one = inbound(0x1001), two = inbound(0x1002);
	const struct request *stop;

	(void)state;
	begin(&w, false);
	event(&w, EVENT_IKE_UP, 1);
	assert_int_equal(w.n_got, 1);
	assert_int_equal(number(&w.got[0], RADIUS_ACCT_STATUS_TYPE), RADIUS_START);
	radius_sa(&w.r, EFFECT_INSTALL_SA, &one);
	radius_sa(&w.r, EFFECT_INSTALL_SA, &two);
	w.usage = (struct sa_usage) { .octets = (UINT64_C(3) << 31) + 5, .packets = 10 };
	radius_sa(&w.r, EFFECT_REMOVE_SA, &one);
	event(&w, EVENT_IKE_DOWN, 1);
	stop = &w.got[1];
	assert_int_equal(number(stop, RADIUS_ACCT_STATUS_TYPE), RADIUS_STOP);
	assert_int_equal(number(stop, RADIUS_ACCT_INPUT_GIGAWORDS), 3);
	assert_int_equal(number(stop, RADIUS_ACCT_INPUT_OCTETS), 10);
	assert_int_equal(number(stop, RADIUS_ACCT_INPUT_PACKETS), 20);
	assert_int_equal(number(stop, RADIUS_ACCT_OUTPUT_OCTETS), 0);
	assert_null(radius_find(&stop->p, RADIUS_ACCT_OUTPUT_GIGAWORDS, NULL));
	assert_int_equal(w.r.sessions.n + w.r.accounted.n, 0);
	end(&w);
}

/* What is known of an SA ends with it, whatever a new configuration says by then. */
static void
accounting_that_is_switched_off(void **state)
{
	struct sa_params one = inbound(0x1001), two = inbound(0x1002);
	struct world w;

	(void)state;
	begin(&w, false);
	event(&w, EVENT_IKE_UP, 1);
	radius_sa(&w.r, EFFECT_INSTALL_SA, &one);
	w.s.accounting = false;
	radius_sa(&w.r, EFFECT_INSTALL_SA, &two);
	assert_int_equal(w.r.accounted.n, 1);
	radius_sa(&w.r, EFFECT_REMOVE_SA, &one);
	assert_int_equal(w.r.accounted.n, 0);
	end(&w);
}

/* accounting_close_on_timeout: without a server that takes the interim record, the session ends; by the other setting it stays.
 */
static void
a_record_that_nobody_takes(void **state)
{
	(void)state;
	for (int keep = 0; keep <= 1; keep++) {
		struct world w;

		begin(&w, false);
		event(&w, EVENT_IKE_UP, 1);
		w.mute = true;
		w.s.timeout = 0.05;
		w.s.keep_on_timeout = keep;
		radius_account(radius_session_find(&w.r, 1), RADIUS_INTERIM);
		settle(&w);
		assert_int_equal(w.ended, keep ? 0 : 1);
		end(&w);
	}
}

/* RFC 2865 section 5.27, RFC 2866 section 5.10. */
static void
a_session_that_times_out(void **state)
{
	static const uint8_t one[] = { 0, 0, 0, 1 };
	struct world w;

	(void)state;
	begin(&w, false);
	give(&w, RADIUS_SESSION_TIMEOUT, span_of(one, 4));
	log_in(&w, NULL);
	event(&w, EVENT_IKE_UP, 1);
	uv_timer_start(&w.alarm, on_alarm, WAIT_MS, 0);
	while (!w.ended && !w.late)
		uv_run(&w.loop, UV_RUN_ONCE);
	uv_timer_stop(&w.alarm);
	assert_int_equal(w.ended, 1);
	event(&w, EVENT_IKE_DOWN, 1);
	assert_int_equal(number(&w.got[w.n_got - 1], RADIUS_ACCT_TERMINATE_CAUSE), RADIUS_SESSION_TIMED_OUT);
	end(&w);
}

/* The session of a renewed IKE_SA counts from where the old one ended. */
static void
a_renewed_session(void **state)
{
	struct world w;
	struct sa_params sa = inbound(0x1001);

	(void)state;
	begin(&w, false);
	event(&w, EVENT_IKE_UP, 1);
	radius_sa(&w.r, EFFECT_INSTALL_SA, &sa);
	event(&w, EVENT_IKE_REKEYED, 2);
	w.usage = (struct sa_usage) { .octets = 1000, .packets = 10 };
	w.owner = 2;
	event(&w, EVENT_IKE_DOWN, 1);
	w.usage = (struct sa_usage) { .octets = 1700, .packets = 15 };
	event(&w, EVENT_IKE_DOWN, 2);
	assert_int_equal(w.n_got, 4);
	assert_int_equal(number(&w.got[2], RADIUS_ACCT_INPUT_OCTETS), 1000);
	assert_int_equal(number(&w.got[3], RADIUS_ACCT_INPUT_OCTETS), 700);
	assert_int_equal(number(&w.got[3], RADIUS_ACCT_INPUT_PACKETS), 5);
	assert_int_equal(w.r.accounted.n, 0);
	end(&w);
}

/* With pull the address comes after the IKE_SA: the record waits for it, at most until the first child. */
static void
the_record_waits_for_the_address(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	assert_true(octets_list_add(&w.conn->pools, span_str("p")));
	w.vip = (struct ip) { 0 };
	event(&w, EVENT_IKE_UP, 1);
	assert_int_equal(w.n_got, 0);
	w.vip = ip_from_v4(0x0a090001);
	event(&w, EVENT_CHILD_UP, 1);
	event(&w, EVENT_CHILD_UP, 1);
	assert_int_equal(w.n_got, 1);
	assert_int_equal(number(&w.got[0], RADIUS_FRAMED_IP_ADDRESS), 0x0a090001);
	end(&w);
}

/* "The value MUST NOT be smaller than 60" (RFC 2869 section 5.16). */
static void
interim_records_are_not_too_many(void **state)
{
	static const uint8_t one[] = { 0, 0, 0, 1 };
	struct world w;

	(void)state;
	begin(&w, false);
	give(&w, RADIUS_ACCT_INTERIM_INTERVAL, span_of(one, 4));
	log_in(&w, NULL);
	event(&w, EVENT_IKE_UP, 1);
	assert_true(uv_timer_get_due_in(radius_session_find(&w.r, 1)->timer) > 50000);
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_server_gives),
		cmocka_unit_test(groups_are_told),
		cmocka_unit_test(a_refusal),
		cmocka_unit_test(the_next_server),
		cmocka_unit_test(forged_answers_are_counted_and_waited_out),
		cmocka_unit_test(a_silent_server),
		cmocka_unit_test(a_challenge_goes_on_with_its_state),
		cmocka_unit_test(too_many_at_once_are_refused),
		cmocka_unit_test(a_password_that_is_too_long),
		cmocka_unit_test(a_client_that_has_gone),
		cmocka_unit_test(no_server_at_all),
		cmocka_unit_test(traffic_is_added_up),
		cmocka_unit_test(accounting_that_is_switched_off),
		cmocka_unit_test(a_record_that_nobody_takes),
		cmocka_unit_test(a_session_that_times_out),
		cmocka_unit_test(a_renewed_session),
		cmocka_unit_test(the_record_waits_for_the_address),
		cmocka_unit_test(interim_records_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
