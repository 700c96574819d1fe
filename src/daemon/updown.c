/* SPDX-License-Identifier: Apache-2.0 */
#include "updown.h"

#include <stdlib.h>

#include "log_sink.h"

enum { UPDOWN_VARIABLES_MAX = 64 };

struct updown_job {
	struct updown_job *next;
	struct updown *owner;
	struct arena arena;
	char **env;
	char *script, *what;
	uv_process_t process;
};

struct environment {
	struct arena *a;
	char **v;
	size_t n;
};

static void
set(struct environment *e, const char *name, const char *value)
{
	if (e->n + 1 < UPDOWN_VARIABLES_MAX)
		e->v[e->n++] = arena_printf(e->a, "%s=%s", name, value);
}

static void
set_number(struct environment *e, const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof text, "%u", value);
	set(e, name, text);
}

/* The smallest subnet that holds the range: scripts hand it to programs that know no other form. */
static unsigned
covering_prefix(const struct selector *s)
{
	unsigned bits = s->lo.family == IP_V4 ? 32 : 128;
	struct ip lo, hi;

	for (;; bits--) {
		ip_prefix_range(&lo, &hi, &s->lo, bits);
		if (!bits || ip_compare(&hi, &s->hi) >= 0)
			return bits;
	}
}

/* "10.1.0.0/16" */
static const char *
client(char out[IP_TEXT_MAX + 8], const struct selector *s)
{
	char text[IP_TEXT_MAX];
	unsigned bits = covering_prefix(s);
	struct ip lo, hi;

	ip_prefix_range(&lo, &hi, &s->lo, bits);
	snprintf(out, IP_TEXT_MAX + 8, "%s/%u", ip_format(text, &lo), bits);
	return out;
}

static bool
is_host(const struct selector *s, const struct ip *a)
{
	return ip_equal(&s->lo, a) && ip_equal(&s->hi, a);
}

static const char *
verb(const struct effect_updown *e)
{
	static const char *const verbs[2][2][2] = {
		{ { "down-client", "down-client-v6" }, { "down-host", "down-host-v6" } },
		{ { "up-client", "up-client-v6" }, { "up-host", "up-host-v6" } },
	};

	return verbs[e->up][is_host(&e->ts.local, &e->local.ip)][e->local.ip.family == IP_V6];
}

static void
set_side(struct environment *e, const char *who, const struct endpoint *end, const struct identity *id, const struct selector *ts)
{
	char name[48], text[IDENTITY_TEXT_MAX], net[IP_TEXT_MAX + 8], address[IP_TEXT_MAX];

	snprintf(name, sizeof name, "PLUTO_%s", strcmp(who, "MY") == 0 ? "ME" : who);
	set(e, name, ip_format(address, &end->ip));
	snprintf(name, sizeof name, "PLUTO_%s_ID", who);
	set(e, name, identity_format(text, id));
	snprintf(name, sizeof name, "PLUTO_%s_CLIENT", who);
	set(e, name, client(net, ts));
	snprintf(name, sizeof name, "PLUTO_%s_PORT", who);
	set_number(e, name, ts->port_lo == ts->port_hi ? ts->port_lo : 0);
	snprintf(name, sizeof name, "PLUTO_%s_PROTOCOL", who);
	set_number(e, name, ts->proto);
}

/* NAME4_1, NAME4_2, ..., NAME6_1, ...: numbered within each family. */
static void
set_addresses(struct environment *e, const char *name, const struct ip *a, size_t n)
{
	char variable[48], text[IP_TEXT_MAX];
	unsigned of[2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool six = a[i].family == IP_V6;

		snprintf(variable, sizeof variable, "%s%c_%u", name, six ? '6' : '4', ++of[six]);
		set(e, variable, ip_format(text, &a[i]));
	}
}

static void
set_road(struct environment *e, const struct effect_updown *u)
{
	const char *name = u->lent ? "PLUTO_PEER_SOURCEIP" : "PLUTO_MY_SOURCEIP";
	char text[IDENTITY_TEXT_MAX], address[IP_TEXT_MAX];

	if (u->n_vip)
		set(e, name, ip_format(address, &u->vip[0]));
	set_addresses(e, name, u->vip, u->n_vip);
	set_addresses(e, "PLUTO_DNS", u->dns, u->n_dns);
	if (u->user.type != ID_ANY)
		set(e, "PLUTO_XAUTH_ID", identity_format(text, &u->user));
}

char **
updown_environment(struct arena *a, const struct effect_updown *u, const char *interface)
{
	struct environment e = { .a = a, .v = arena_alloc(a, UPDOWN_VARIABLES_MAX * sizeof(char *)) };
	const char *path = getenv("PATH");

	if (!e.v)
		return NULL;
	set(&e, "PATH", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	set(&e, "PLUTO_VERSION", "1.1");
	set(&e, "PLUTO_VERB", verb(u));
	set(&e, "PLUTO_CONNECTION", u->child->name);
	set(&e, "PLUTO_INTERFACE", interface);
	set_number(&e, "PLUTO_REQID", u->reqid);
	set(&e, "PLUTO_PROTO", u->protocol == PROTO_IPSEC_AH ? "ah" : "esp");
	if (u->ipcomp)
		set(&e, "PLUTO_IPCOMP", "1");
	set_number(&e, "PLUTO_UNIQUEID", u->ike_id);
	set_side(&e, "MY", &u->local, &u->local_id, &u->ts.local);
	set_side(&e, "PEER", &u->remote, &u->remote_id, &u->ts.remote);
	set_road(&e, u);
	if (u->udp_encap)
		set_number(&e, "PLUTO_UDP_ENC", u->remote.port);
	if (u->child->hostaccess)
		set(&e, "PLUTO_HOST_ACCESS", "1");
	for (size_t i = 0; i < e.n; i++)
		if (!e.v[i])
			return NULL;
	return e.v;
}

static void start_next(struct updown *u);

static void
job_free(struct updown_job *j)
{
	arena_clear(&j->arena);
	free(j);
}

static void
job_closed(uv_handle_t *h)
{
	job_free(h->data);
}

static void
say(struct updown *u, int level, const struct updown_job *j, const char *what)
{
	char line[512];

	snprintf(line, sizeof line, "updown script '%s' (%s): %s", j->script, j->what, what);
	log_write(u->log, LOG_CHD, level, NULL, 0, line);
}

static void
exited(uv_process_t *p, int64_t status, int term_signal)
{
	struct updown_job *j = p->data;
	struct updown *u = j->owner;
	char what[64];

	snprintf(what, sizeof what, term_signal ? "ended by signal %lld" : "exited with %lld",
	         (long long)(term_signal ? term_signal : status));
	say(u, status || term_signal ? LOG_AUDIT : LOG_DETAIL, j, what);
	uv_close((uv_handle_t *)p, job_closed);
	u->running = NULL;
	start_next(u);
}

static void
start_next(struct updown *u)
{
	while (!u->running && u->first) {
		struct updown_job *j = u->first;
		char *args[] = { "/bin/sh", "-c", j->script, NULL };
		uv_process_options_t o = { .file = args[0], .args = args, .env = j->env, .exit_cb = exited };

		u->first = j->next;
		u->queued--;
		if (!u->first)
			u->last = NULL;
		int error = uv_spawn(u->loop, &j->process, &o);

		j->process.data = j;
		if (error) {
			say(u, LOG_AUDIT, j, uv_strerror(error));
			uv_close((uv_handle_t *)&j->process, job_closed);
			continue;
		}
		u->running = j;
	}
}

void
updown_open(struct updown *u, uv_loop_t *loop, struct log_sink *log, const char *interface)
{
	*u = (struct updown) { .loop = loop, .log = log, .interface = interface };
}

/* Said, since the script lets through more than the SA carries. */
static void
tell_approximation(struct updown *u, const struct effect_updown *e, const char *end, const struct selector *s)
{
	char range[SELECTOR_TEXT_MAX], net[IP_TEXT_MAX + 8], line[2 * SELECTOR_TEXT_MAX + 128];

	if (!e->up || ip_range_prefix(&s->lo, &s->hi) >= 0)
		return;
	snprintf(line, sizeof line, "the updown script of %s gets %s for the %s selector %s: the next larger subnet",
	         e->child->name, client(net, s), end, selector_format(range, s));
	log_write(u->log, LOG_CHD, LOG_CONTROL, NULL, 0, line);
}

static void
tell_skipped(struct updown *u, const struct effect_updown *e, const char *why)
{
	char line[512];

	snprintf(line, sizeof line, "the updown script of %s is not run (%s): %s", e->child->name, verb(e), why);
	log_write(u->log, LOG_CHD, LOG_AUDIT, NULL, 0, line);
}

void
updown_run(struct updown *u, const struct effect_updown *e)
{
	bool full = u->queued >= UPDOWN_QUEUE_MAX;
	struct updown_job *j;

	if (!e->child->updown || !*e->child->updown)
		return;
	j = full ? NULL : calloc(1, sizeof *j);
	if (!j) {
		tell_skipped(u, e, full ? "too many wait for their turn; does one of them not end?" : "out of memory");
		return;
	}
	j->owner = u;
	j->env = updown_environment(&j->arena, e, u->interface);
	j->script = arena_printf(&j->arena, "%s", e->child->updown);
	j->what = arena_printf(&j->arena, "%s", verb(e));
	if (!j->env || !j->script || !j->what) {
		job_free(j);
		tell_skipped(u, e, "out of memory");
		return;
	}
	if (u->last)
		u->last->next = j;
	else
		u->first = j;
	u->last = j;
	u->queued++;
	tell_approximation(u, e, "local", &e->ts.local);
	tell_approximation(u, e, "remote", &e->ts.remote);
	start_next(u);
}

bool
updown_idle(const struct updown *u)
{
	return !u->running && !u->first;
}

void
updown_close(struct updown *u)
{
	while (u->first) {
		struct updown_job *j = u->first;

		u->first = j->next;
		job_free(j);
	}
	u->last = NULL;
	u->queued = 0;
	if (u->running)
		uv_close((uv_handle_t *)&u->running->process, job_closed);
	u->running = NULL;
}
