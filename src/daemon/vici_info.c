/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "vici_internal.h"

/* What the daemon is and how it fares. */

static void
send_reply(struct vici_request *r, struct vici_writer *w)
{
	vici_send(r->client, w);
	vici_done(r->client);
}

static void
version(struct vici_request *r)
{
	struct utsname u = { 0 };
	struct vici_writer w;

	uname(&u);
	vici_begin_reply(&w);
	vici_key(&w, "daemon", "sallyport");
	vici_key(&w, "version", SALLYPORT_VERSION);
	vici_key(&w, "sysname", u.sysname);
	vici_key(&w, "release", u.release);
	vici_key(&w, "machine", u.machine);
	send_reply(r, &w);
}

/* ---- stats */

/* "6 seconds", "5 minutes", "2 hours", "3 days": one unit, from two of it on. */
static void
put_duration(struct vici_writer *w, const char *name, int64_t s)
{
	static const struct {
		int64_t seconds;
		const char *word;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };
	size_t i = 0;

	while (i < 3 && s <= 2 * units[i].seconds)
		i++;
	vici_keyf(w, name, "%lld %.*s", (long long)(s / units[i].seconds),
	          (int)strlen(units[i].word) - (s / units[i].seconds == 1), units[i].word);
}

static void
put_uptime(struct vici_writer *w, const struct vici_server *v)
{
	char since[64];
	struct tm tm;

	localtime_r(&v->started_at, &tm);
	strftime(since, sizeof since, "%b %d %H:%M:%S %Y", &tm);
	vici_section(w, "uptime");
	put_duration(w, "running", (v->backend->now(v->backend->context) - v->started) / SECONDS(1));
	vici_key(w, "since", since);
	vici_section_end(w);
}

/* One loop does all of key management: it is working on this request, and nothing queues. */
static void
put_workers(struct vici_writer *w)
{
	static const char *const priorities[] = { "critical", "high", "medium", "low" };

	vici_section(w, "workers");
	vici_key(w, "total", "1");
	vici_key(w, "idle", "0");
	vici_section(w, "active");
	for (size_t i = 0; i < 4; i++)
		vici_key(w, priorities[i], i == 2 ? "1" : "0");
	vici_section_end(w);
	vici_section_end(w);
	vici_section(w, "queues");
	for (size_t i = 0; i < 4; i++)
		vici_key(w, priorities[i], "0");
	vici_section_end(w);
}

static void
put_ikesas(struct vici_writer *w, const struct vici_server *v)
{
	const struct ike *core = v->backend->core(v->backend->context);
	struct ike_counters counters;
	struct ike_info s;
	uint32_t cursor = 0;
	unsigned long total = 0;

	while (ike_next_sa(core, &cursor, &s))
		total++;
	ike_counters(core, &counters);
	vici_section(w, "ikesas");
	vici_keyf(w, "total", "%lu", total);
	vici_keyf(w, "half-open", "%llu", (unsigned long long)counters.half_open);
	vici_section_end(w);
}

static void
put_memory(struct vici_writer *w)
{
	struct mallinfo2 m = mallinfo2();

	vici_section(w, "mallinfo");
	vici_keyf(w, "sbrk", "%zu", m.arena);
	vici_keyf(w, "mmap", "%zu", m.hblkhd);
	vici_keyf(w, "used", "%zu", m.uordblks);
	vici_keyf(w, "free", "%zu", m.fordblks);
	vici_section_end(w);
}

static void
stats(struct vici_request *r)
{
	static const char *const parts[] = { "sallyport", "ikev1", "psk", "userspace-esp", "vici", "updown" };
	const struct vici_server *v = r->client->server;
	struct vici_writer w;

	vici_begin_reply(&w);
	put_uptime(&w, v);
	put_workers(&w);
	vici_keyf(&w, "scheduled", "%d", ike_deadline(v->backend->core(v->backend->context)) == INSTANT_NEVER ? 0 : 1);
	put_ikesas(&w, v);
	vici_list(&w, "plugins");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		vici_item(&w, parts[i]);
	vici_list_end(&w);
	put_memory(&w);
	send_reply(r, &w);
}

static void
reload_settings(struct vici_request *r)
{
	const struct vici_backend *b = r->client->server->backend;
	char why[512] = "";

	if (b->reload_settings(b->context, why, sizeof why))
		vici_reply_ok(r->client);
	else
		vici_reply_error(r->client, "%s", why);
}

/* ---- algorithms */

static void
put_algorithms(struct vici_writer *w, const char *section, enum transform_kind kind, int aead)
{
	const struct algorithm *before = NULL;

	vici_section(w, section);
	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a)) {
		bool is_aead = a->kind == TRANSFORM_ENCR && a->out_octets;

		/* A row for each key length: one name is enough. */
		if (a->kind != kind || (aead >= 0 && is_aead != aead) ||
		    (before && before->kind == a->kind && before->id == a->id))
			continue;
		vici_key(w, a->name, "sallyport");
		before = a;
	}
	vici_section_end(w);
}

static void
get_algorithms(struct vici_request *r)
{
	struct vici_writer w;

	vici_begin_reply(&w);
	put_algorithms(&w, "encryption", TRANSFORM_ENCR, 0);
	put_algorithms(&w, "integrity", TRANSFORM_INTEG, -1);
	put_algorithms(&w, "aead", TRANSFORM_ENCR, 1);
	put_algorithms(&w, "prf", TRANSFORM_PRF, -1);
	put_algorithms(&w, "dh", TRANSFORM_DH, -1);
	send_reply(r, &w);
}

/* ---- counters */

/* Messages that came and were refused: the counted verdicts other than what is no fault. */
static uint64_t
count_invalid(const struct vici_server *v)
{
	const char *name, *sentence;
	uint64_t n, sum = 0;

	for (unsigned i = 0; ike_verdict_count(v->backend->core(v->backend->context), i, &name, &sentence, &n); i++)
		if (strcmp(name, "ok") && strcmp(name, "duplicate") && strcmp(name, "absorbed"))
			sum += n;
	return sum;
}

/* strongSwan's counters; those of IKEv2 messages stay zero, as its own do in IKEv1. */
static void
put_counters(struct vici_writer *w, const struct vici_server *v)
{
	static const char *const ikev2[] = {
		"ike-init-in-req",     "ike-init-in-resp",     "ike-init-out-req",     "ike-init-out-resp",
		"ike-auth-in-req",     "ike-auth-in-resp",     "ike-auth-out-req",     "ike-auth-out-resp",
		"create-child-in-req", "create-child-in-resp", "create-child-out-req", "create-child-out-resp",
		"info-in-req",         "info-in-resp",         "info-out-req",         "info-out-resp",
	};

	vici_keyf(w, "ike-rekey-init", "%llu", (unsigned long long)v->ike_rekeys);
	vici_key(w, "ike-rekey-resp", "0");
	vici_keyf(w, "child-rekey", "%llu", (unsigned long long)v->child_rekeys);
	vici_keyf(w, "invalid", "%llu", (unsigned long long)(count_invalid(v) - v->invalid_before));
	vici_key(w, "invalid-spi", "0");
	for (size_t i = 0; i < sizeof ikev2 / sizeof ikev2[0]; i++)
		vici_key(w, ikev2[i], "0");
}

static void
get_counters(struct vici_request *r)
{
	struct vici_writer w;

	if (vici_arg(r, "name")) {
		vici_reply_error(r->client, "no counters found for this connection: they are kept for the daemon as a whole");
		return;
	}
	vici_begin_reply(&w);
	vici_section(&w, "counters");
	vici_section(&w, "");
	put_counters(&w, r->client->server);
	vici_section_end(&w);
	vici_section_end(&w);
	vici_key(&w, "success", "yes");
	send_reply(r, &w);
}

static void
reset_counters(struct vici_request *r)
{
	struct vici_server *v = r->client->server;

	v->ike_rekeys = v->child_rekeys = 0;
	v->invalid_before = count_invalid(v);
	vici_reply_ok(r->client);
}

/* ---- get-status: our own, for `sallyport status`; what list-sas has no field for */

static void
put_failures(struct vici_writer *w, const struct vici_server *v)
{
	instant_t now = v->backend->now(v->backend->context);

	vici_section(w, "failures");
	for (const struct vici_failure *f = v->failures; f && w->n < VICI_PACKET_MAX / 2; f = f->next) {
		vici_section(w, f->conn);
		vici_keyf(w, "age", "%lld", (long long)((now - f->at) / SECONDS(1)));
		vici_key(w, "reason", f->reason);
		vici_key(w, "text", f->text);
		vici_section_end(w);
	}
	vici_section_end(w);
}

/* What of a Phase 1 people should know that works all the same. */
static void
put_warning(struct vici_writer *w, const struct ike_info *s)
{
	const char *clear = s->aggressive ? "identities went in clear (Aggressive Mode)" : "";
	const char *group = s->group_key ? "the pre-shared key is a group's: each member can pose as any other" : "";

	if (s->aggressive || s->group_key)
		vici_keyf(w, "warning", "%s%s%s", clear, s->aggressive && s->group_key ? "; " : "", group);
}

static void
put_progress(struct vici_writer *w, const struct vici_server *v)
{
	struct ike_info s;
	uint32_t cursor = 0;
	char id[16];

	vici_section(w, "progress");
	while (w->n < VICI_PACKET_MAX * 3 / 4 && ike_next_sa(v->backend->core(v->backend->context), &cursor, &s)) {
		if (s.state == IKE_STATE_ESTABLISHED && !s.retransmits && !*s.last_notice && !s.aggressive && !s.group_key)
			continue;
		snprintf(id, sizeof id, "%u", s.id);
		vici_section(w, id);
		vici_key(w, "exchange", s.exchange);
		vici_keyf(w, "retransmits", "%u", s.retransmits);
		if (*s.last_notice)
			vici_key(w, "notice", s.last_notice);
		put_warning(w, &s);
		vici_section_end(w);
	}
	vici_section_end(w);
}

static void
put_refused(struct vici_writer *w, const struct vici_server *v)
{
	const char *name, *sentence;
	uint64_t n;

	vici_section(w, "counters");
	for (unsigned i = 0; v->backend->counter && v->backend->counter(v->backend->context, i, &name, &sentence, &n); i++) {
		if (!n || !strcmp(name, "ok"))
			continue;
		vici_section(w, name);
		vici_keyf(w, "count", "%llu", (unsigned long long)n);
		vici_key(w, "text", sentence);
		vici_section_end(w);
	}
	vici_section_end(w);
}

static void
get_status(struct vici_request *r)
{
	struct vici_server *v = r->client->server;
	struct vici_writer w;

	vici_begin_reply(&w);
	put_uptime(&w, v);
	if (v->backend->dataplane)
		vici_key(&w, "dataplane", v->backend->dataplane(v->backend->context));
	put_failures(&w, v);
	put_progress(&w, v);
	put_refused(&w, v);
	send_reply(r, &w);
}

const struct vici_command vici_info_commands[] = {
	{ "version", version, false },
	{ "stats", stats, false },
	{ "reload-settings", reload_settings, false },
	{ "get-algorithms", get_algorithms, false },
	{ "get-counters", get_counters, false },
	{ "reset-counters", reset_counters, false },
	{ "get-status", get_status, false },
	{ NULL, NULL, false },
};
