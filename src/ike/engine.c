/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange.h"
#include "road_sa.h"

/* Room that one timer's work may need in the effects. */
enum { TICK_RESERVE = 512 };

void
ike_settings_default(struct ike_settings *s)
{
	*s = (struct ike_settings) {
		.retransmit_timeout_ns = SECONDS(4),
		.retransmit_base = 1.8,
		.retransmit_tries = 5,
		.keepalive_ns = SECONDS(20),
		.half_open_timeout_ns = SECONDS(30),
		.half_open_max = 4096,
		.half_open_per_address = 5,
		.exchanges_per_sa = 64,
		.children_per_sa = 16384,
		.delete_wait_ns = SECONDS(10),
		.port = 500,
		.port_nat_t = 4500,
		.nat_aliases = { IP_V4, { 198, 18 } },
		.nat_alias_bits = 16,
	};
}

static uint64_t
random_key(struct rng *rng)
{
	uint64_t k;

	rng_fill(rng, &k, sizeof k);
	return k;
}

static void
open_table(struct ike *core, struct table *t)
{
	uint64_t k0 = random_key(core->rng);

	table_open(t, k0, random_key(core->rng));
}

struct ike *
ike_new(const struct ike_settings *s, struct rng *rng, const struct ike_protocol *const *protocols)
{
	struct ike *core = calloc(1, sizeof *core);

	if (!core)
		return NULL;
	core->settings = *s;
	core->rng = rng;
	core->protocols = protocols;
	if (!core->settings.half_open_max)
		core->settings.half_open_max = 4096;
	if (!core->settings.exchanges_per_sa)
		core->settings.exchanges_per_sa = 64;
	if (!core->settings.fragment_size)
		core->settings.fragment_size = 1280;
	if (!core->settings.max_packet)
		core->settings.max_packet = 10000;
	if (!core->settings.children_per_sa)
		core->settings.children_per_sa = 16384;
	core->k0 = random_key(rng);
	core->k1 = random_key(rng);
	open_table(core, &core->by_cookie);
	open_table(core, &core->by_conn);
	open_table(core, &core->by_peer);
	open_table(core, &core->by_spi);
	open_table(core, &core->by_pair);
	open_table(core, &core->by_exchange);
	open_table(core, &core->by_remote);
	open_table(core, &core->policy_by_reqid);
	open_table(core, &core->policy_by_key);
	open_table(core, &core->policy_by_alias);
	open_table(core, &core->parked);
	open_table(core, &core->half_open_by_address);
	core->next_ike_id = core->next_child_id = core->next_reqid = 1;
	core->next_ticket = 1;
	core->fragments.max = FRAGMENTS_HELD_MAX;
	core->fragments.message_max = core->settings.max_packet;
	return core;
}

static void
free_parked(struct ike *core)
{
	struct table *t = &core->parked;

	for (size_t i = 0; i < t->n_buckets; i++) {
		while (t->bucket[i]) {
			struct parked *p = table_entry(t->bucket[i], struct parked, by_ticket);

			table_remove(t, &p->by_ticket);
			free(p->name);
			free(p);
		}
	}
}

void
ike_free(struct ike *core)
{
	struct effects unseen = { 0 };
	struct ike_sa *sa;

	if (!core)
		return;
	core->fx = &unseen;
	while ((sa = id_index_after(&core->sas, 0))) {
		ike_sa_free(sa);
		effects_clear(&unseen);
	}
	conn_entries_close(core);
	for (size_t i = 0; i < sizeof core->kept / sizeof core->kept[0]; i++)
		conn_unref(core->kept[i]);
	pending_close(core);
	free_parked(core);
	effects_free(&unseen);
	table_close(&core->by_cookie);
	table_close(&core->by_conn);
	table_close(&core->by_peer);
	table_close(&core->by_spi);
	table_close(&core->by_pair);
	table_close(&core->by_exchange);
	table_close(&core->by_remote);
	table_close(&core->policy_by_reqid);
	table_close(&core->policy_by_key);
	table_close(&core->policy_by_alias);
	table_close(&core->parked);
	table_close(&core->half_open_by_address);
	timers_close(&core->timers);
	free(core->sas.e);
	free(core->child_sas.e);
	arena_clear(&core->scratch);
	free(core);
}

void
core_keep_conn(struct ike *core, struct conn *conn)
{
	struct conn **place = &core->kept[core->n_kept++ % (sizeof core->kept / sizeof core->kept[0])];

	conn_unref(*place);
	*place = conn_ref(conn);
}

static void
enter(struct ike *core, instant_t now, struct effects *out)
{
	core->now = now;
	core->fx = out;
	core->nomem = false;
}

void
shutdown_check(struct ike *core)
{
	if (!core->shutting_down || id_index_after(&core->sas, 0))
		return;
	core->shutting_down = false;
	/* Whoever wants packets to stay where they are, beyond the end, keeps the claims all the same. */
	while (core->n_conns)
		command_unload(core, core->conns[core->n_conns - 1].conn->name);
	command_done(core, core->shutdown_id, RESULT_OK, 0, 0, "");
}

static enum ike_error
leave(struct ike *core)
{
	bool nomem = core->nomem || core->fx->nomem;

	shutdown_check(core);
	arena_clear(&core->scratch);
	core->fx = NULL;
	return nomem ? IKE_ERR_NOMEM : IKE_OK;
}

static const struct ike_protocol *
protocol_of(const struct ike *core, unsigned major)
{
	for (const struct ike_protocol *const *p = core->protocols; *p; p++)
		if ((*p)->major == major)
			return *p;
	return NULL;
}

enum ike_error
ike_receive(struct ike *core, instant_t now, const struct datagram *in, struct effects *out)
{
	struct isakmp_header h;

	enter(core, now, out);
	core->counters.received++;

	const char *wrong = isakmp_decode_header(&h, in->data);
	const struct ike_protocol *p = wrong ? NULL : protocol_of(core, h.version >> 4);
	const struct ike_protocol *any = core->protocols[0];

	if (wrong) {
		refuse(core, NULL, VERDICT_RUNT,
		       arena_printf(&core->scratch, "%s (from %s)", wrong, endpoint_text(core, &in->remote)));
	} else if (!p) {
		refuse(core, NULL, VERDICT_VERSION,
		       arena_printf(&core->scratch, "version %u from %s", h.version >> 4, endpoint_text(core, &in->remote)));
	} else {
		p->receive(core, in, &h);
	}
	if (!p && any && any->tell_header)
		any->tell_header(core, in, &h, wrong ? VERDICT_RUNT : VERDICT_VERSION);
	return leave(core);
}

static void
due(struct ike *core, struct timer *t)
{
	timer_stop(&core->timers, t);
	switch (t->owner) {
	case TIMER_IKE_SA:
		ike_sa_due(table_entry(t, struct ike_sa, timer));
		break;
	case TIMER_CHILD_SA:
		child_due(table_entry(t, struct child_sa, timer));
		break;
	case TIMER_EXCHANGE:
		exchange_due(table_entry(t, struct exchange, timer));
		break;
	case TIMER_PENDING:
		pending_due(core, table_entry(t, struct pending, timer));
		break;
	}
}

/* What does not fit one list of effects stays due: ike_deadline() says so. */
enum ike_error
ike_tick(struct ike *core, instant_t now, struct effects *out)
{
	struct timer *t;

	enter(core, now, out);

	/* One call ends, whatever is due again at once. */
	size_t most = 4 * core->timers.n + 1024;

	while (most-- && (t = timers_first(&core->timers)) && t->at <= now && out->n + TICK_RESERVE < EFFECTS_BATCH &&
	       !out->nomem) {
		due(core, t);
		arena_clear(&core->scratch);
	}
	return leave(core);
}

instant_t
ike_deadline(const struct ike *core)
{
	const struct timer *t = timers_first(&core->timers);

	return t ? t->at : INSTANT_NEVER;
}

/* ---- Tickets */

static struct parked *
parked_find(struct ike *core, uint64_t ticket)
{
	for (struct table_link *l = table_find(&core->parked, span_of(&ticket, sizeof ticket)); l; l = table_find_next(l)) {
		struct parked *p = table_entry(l, struct parked, by_ticket);

		if (p->ticket == ticket)
			return p;
	}
	return NULL;
}

uint64_t
park(struct ike *core, enum parked_for what, uint32_t owner, uint32_t message_id, const char *name)
{
	struct parked *p = calloc(1, sizeof *p);

	if (!p)
		goto nomem;
	*p = (struct parked) { .ticket = core->next_ticket, .owner = owner, .message_id = message_id, .what = (uint8_t)what };
	p->name = name ? strdup(name) : NULL;
	if ((name && !p->name) || !table_insert(&core->parked, &p->by_ticket, span_of(&p->ticket, sizeof p->ticket)))
		goto nomem;
	core->next_ticket++;
	return p->ticket;
nomem:
	if (p)
		free(p->name);
	free(p);
	core->nomem = true;
	return 0;
}

/* The data plane refused a direction that no exchange waits for. */
static void
child_answered(struct ike *core, struct child_sa *c, const struct answer *a)
{
	const char *why = a->reason ? a->reason : "no reason given";

	if (!c || a->ok)
		return;
	core->verdicts[VERDICT_NOT_INSTALLED]++;
	say(core, LOG_KNL, LOG_AUDIT, c->sa, "not-installed", "the data plane refused CHILD_SA %s: %s", child_name(c), why);
	child_end(c, END_EXPIRED, true);
}

static void
ike_answered(struct ike *core, struct ike_sa *sa, const struct answer *a)
{
	if (!sa || sa->ticket != a->ticket)
		return;
	sa->ticket = 0;
	if (!a->ok) {
		ike_sa_failed(sa, a->reason ? a->reason : "the peer's address is not known", true);
		return;
	}
	sa->local = a->local;
	sa->remote = a->remote;
	sa->addresses_known = true;
	if (!sa->local.port)
		sa->local.port = core->settings.port;
	if (!sa->remote.port)
		sa->remote.port = 500;
	sa->floated = sa->local.port == core->settings.port_nat_t;
	wants_resolve(sa);
	if (!sa->protocol->initiate(sa))
		ike_sa_failed(sa, "out of memory", false);
}

static void
answered(struct ike *core, const struct parked *p, const struct answer *a)
{
	struct ike_sa *sa;
	struct exchange *ex;

	switch (p->what) {
	case PARKED_EXCHANGE:
		sa = ike_sa_by_id(core, p->owner);
		ex = sa ? exchange_find(sa, p->message_id) : NULL;
		if (ex && ex->ticket == a->ticket)
			exchange_resume(ex, a);
		break;
	case PARKED_CHILD:
		child_answered(core, child_by_id(core, p->owner), a);
		break;
	case PARKED_IKE:
		ike_answered(core, ike_sa_by_id(core, p->owner), a);
		break;
	case PARKED_CONN:
		conn_addresses_known(core, p->name, a);
		break;
	case PARKED_NAMES:
		conn_names_known(core, p->name, a);
		break;
	case PARKED_ROAD:
		sa = ike_sa_by_id(core, p->owner);
		if (sa && sa->road && sa->road->ticket == a->ticket)
			sa->protocol->road_answered(sa, a);
		break;
	}
}

enum ike_error
ike_answer(struct ike *core, instant_t now, const struct answer *a, struct effects *out)
{
	enter(core, now, out);

	struct parked *p = parked_find(core, a->ticket);

	if (p) {
		table_remove(&core->parked, &p->by_ticket);
		answered(core, p, a);
		free(p->name);
		free(p);
	}
	return leave(core);
}

/* ---- Commands: command.c */

enum ike_error
ike_command(struct ike *core, instant_t now, const struct command *c, struct effects *out)
{
	enter(core, now, out);
	command_run(core, c);
	return leave(core);
}
