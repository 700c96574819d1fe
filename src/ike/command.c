/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "exchange.h"

/* Commands to the core: one function for each. */

static void
failed(struct ike *core, const struct command *c, enum command_result r, const char *text)
{
	command_done(core, c->id, r, 0, 0, text);
}

static void
not_found(struct ike *core, const struct command *c, const char *what)
{
	const char *text = c->child && c->ike
	                           ? arena_printf(&core->scratch, "no child '%s' of a connection '%s' %s", c->child, c->ike, what)
	                   : c->child ? arena_printf(&core->scratch, "no child '%s' %s", c->child, what)
	                   : c->ike   ? arena_printf(&core->scratch, "no connection '%s' %s", c->ike, what)
	                              : arena_printf(&core->scratch, "nothing that matches %s", what);

	failed(core, c, RESULT_NOT_FOUND, text);
}

static void
run_load(struct ike *core, const struct command *c)
{
	if (command_load(core, c->conn) == VERDICT_OK)
		command_done(core, c->id, RESULT_OK, 0, 0, "");
	else
		failed(core, c, RESULT_FAILED, "out of memory");
}

static void
run_unload(struct ike *core, const struct command *c)
{
	if (!c->ike || !conn_entry_find(core, c->ike)) {
		not_found(core, c, "is loaded");
		return;
	}
	command_unload(core, c->ike);
	command_done(core, c->id, RESULT_OK, 1, 0, "");
}

/* ---- Initiate */

struct target {
	struct conn_entry *entry;
	const struct child *cfg; /* NULL: the IKE_SA alone */
};

static struct target
find_target(struct ike *core, const char *ike, const char *child)
{
	for (size_t i = 0; i < core->n_conns; i++) {
		struct conn_entry *e = ike ? conn_entry_find(core, ike) : &core->conns[i];
		const struct child *cfg = e && child ? conn_child(e->conn, child) : NULL;

		if (e && (!child || cfg))
			return (struct target) { e, cfg };
		if (ike)
			break;
	}
	return (struct target) { 0 };
}

static bool
initiate_ike(struct ike *core, struct conn *conn, struct pending *cmd, const char **why)
{
	struct ike_sa *sa = ike_sa_for_conn(core, conn->name);

	if (!sa)
		sa = ike_sa_initiate(core, conn, NULL, why);
	if (!sa)
		return false;
	if (!cmd || sa->state != IKE_STATE_CONNECTING)
		return true;
	cmd->ike_id = sa->id;
	return pending_wait(core, &sa->waiters, cmd);
}

static void
run_initiate(struct ike *core, const struct command *c)
{
	struct target t = find_target(core, c->ike, c->child);
	const char *why = "out of memory";

	if (!t.entry) {
		not_found(core, c, "is loaded");
		return;
	}

	struct pending *p = c->id ? pending_new(core, c->id, c->timeout_ns) : NULL;
	/* Keeps the command open until everything has been initiated. */
	struct waiter *own = NULL;
	bool ok = !p || pending_wait(core, &own, p);

	if (t.cfg)
		ok = ok && initiate_child(core, t.entry->conn, t.cfg, NULL, p, &why);
	else
		ok = ok && initiate_ike(core, t.entry->conn, p, &why);
	/* `down` may have released the claim. */
	if (ok && t.cfg && (t.cfg->start_action == ACTION_TRAP || t.cfg->start_action == ACTION_START)) {
		conn_trap(core, t.entry, t.cfg, true);
		conn_ask_address(core, t.entry);
	}
	if (!p)
		return;
	if (!ok)
		p->result = RESULT_REFUSED;
	waiters_settle(core, &own, ok, why);
}

/* ---- Which SAs a command means */

static bool
ike_matches(const struct ike_sa *sa, const struct command *c)
{
	if (sa->zombie || (c->ike_id && sa->id != c->ike_id))
		return false;
	return !c->ike || (sa->conn && strcmp(sa->conn->name, c->ike) == 0);
}

static bool
child_matches(const struct child_sa *c, const struct command *cmd)
{
	return (!cmd->child_id || c->id == cmd->child_id) && (!cmd->child || strcmp(c->cfg->name, cmd->child) == 0);
}

/* The next SA after *cursor that the command means; 0 starts. An id names one SA, so no other is looked at. */
static struct ike_sa *
next_match(struct ike *core, const struct command *c, uint32_t *cursor)
{
	uint32_t only = c->ike_id ? c->ike_id : c->child_id ? ike_child_owner(core, c->child_id) : 0;
	struct ike_sa *sa;

	if (c->ike_id || c->child_id) {
		sa = *cursor ? NULL : ike_sa_by_id(core, only);
		*cursor = only;
		return sa && ike_matches(sa, c) ? sa : NULL;
	}
	while ((sa = id_index_after(&core->sas, *cursor))) {
		*cursor = sa->id;
		if (ike_matches(sa, c))
			return sa;
	}
	return NULL;
}

/* ---- Terminate */

static uint32_t
terminate_children(struct ike_sa *sa, const struct command *cmd)
{
	struct child_sa *c = sa->children;
	uint32_t n = 0;

	while (c) {
		struct child_sa *next = c->next;

		if (child_matches(c, cmd)) {
			n++;
			if (c->ever_up)
				child_end(c, END_COMMAND, true);
			else
				child_failed(c, "terminated");
		}
		c = next;
	}
	/* Some may have waited for the places that are free now. */
	ike_sa_run_queue(sa);
	return n;
}

static uint32_t
release_claims_of(struct ike *core, struct conn_entry *e, const char *child)
{
	const char *name = NULL;
	uint32_t n = 0;

	for (size_t k = 0; k < e->conn->n_children; k++) {
		const struct child *cfg = &e->conn->children[k];

		if ((child && strcmp(child, cfg->name) != 0) || !e->trap[k])
			continue;
		conn_trap(core, e, cfg, false);
		name = cfg->name;
		n++;
	}
	/* Nothing protects it any more, and nothing holds it back: who asked for that should know. */
	if (n)
		effects_log(core->fx, LOG_CHD, LOG_CONTROL, 0, e->conn->name, NULL,
		            "no longer claimed: the traffic of %s%s; it takes the plain route, in clear, until `up` or a restart "
		            "claims it again",
		            name, n > 1 ? " and of other children" : "");
	return n;
}

/* `down` by name also releases the claims of start_action. */
static uint32_t
release_claims(struct ike *core, const struct command *c)
{
	uint32_t n = 0;

	for (size_t i = 0; (c->ike || c->child) && i < core->n_conns; i++)
		if (!c->ike || strcmp(c->ike, core->conns[i].conn->name) == 0)
			n += release_claims_of(core, &core->conns[i], c->child);
	return n;
}

static void
terminate_ike(struct ike_sa *sa)
{
	if (sa->state == IKE_STATE_CONNECTING)
		ike_sa_failed(sa, "terminated", false);
	else
		ike_sa_end(sa, END_COMMAND, "terminated");
}

static void
run_terminate(struct ike *core, const struct command *c)
{
	bool children_only = c->child || c->child_id;
	uint32_t cursor = 0, n = 0;
	struct ike_sa *sa;

	while ((sa = next_match(core, c, &cursor))) {
		if (children_only) {
			n += terminate_children(sa, c);
			continue;
		}
		n++;
		if (core->fx->n + 256 < EFFECTS_BATCH) {
			terminate_ike(sa);
		} else {
			/* One list of effects does not hold more: the timer ends the rest at once. */
			sa->delete_at = core->now;
			ike_sa_schedule(sa);
		}
	}

	uint32_t claims = c->ike_id || c->child_id ? 0 : release_claims(core, c);

	if (!n && !claims)
		not_found(core, c, "has an SA");
	else
		command_done(core, c->id, RESULT_OK, n, n, "");
}

/* ---- The rest */

static void
run_rekey(struct ike *core, const struct command *cmd)
{
	bool children_only = cmd->child || cmd->child_id;
	uint32_t cursor = 0, n = 0;
	struct ike_sa *sa;

	while ((sa = next_match(core, cmd, &cursor))) {
		if (!children_only && sa->state == IKE_STATE_ESTABLISHED && !sa->successor) {
			ike_sa_rekey(sa, cmd->reauth);
			n++;
		}
		for (struct child_sa *c = sa->children, *next; children_only && c; c = next) {
			next = c->next;
			if (child_matches(c, cmd) && child_rekey(c))
				n++;
		}
	}
	if (n)
		command_done(core, cmd->id, RESULT_OK, n, 0, "");
	else
		not_found(core, cmd, "has an SA that could be rekeyed");
}

static void
run_install(struct ike *core, const struct command *c, bool on)
{
	struct target t = find_target(core, c->ike, c->child);

	if (!t.cfg) {
		not_found(core, c, "is loaded");
		return;
	}
	conn_trap(core, t.entry, t.cfg, on);
	conn_ask_address(core, t.entry);
	command_done(core, c->id, RESULT_OK, 1, 0, "");
}

static void
run_acquire(struct ike *core, const struct command *c)
{
	struct policy *p = policy_by_reqid(core, c->reqid);
	struct conn_entry *e = p ? conn_entry_find(core, p->conn->name) : NULL;
	const struct child *cfg = e ? conn_child(e->conn, p->cfg->name) : NULL;
	const char *why = NULL;

	if (!cfg) {
		failed(core, c, RESULT_NOT_FOUND, "no policy has this reqid");
		return;
	}
	say(core, LOG_KNL, LOG_CONTROL, NULL, NULL, "a packet asks for CHILD_SA %s of %s {reqid %u}", cfg->name, e->conn->name,
	    c->reqid);
	if (initiate_child(core, e->conn, cfg, &c->flow, NULL, &why)) {
		command_done(core, c->id, RESULT_OK, 1, 0, "");
		return;
	}
	say(core, LOG_CFG, LOG_AUDIT, NULL, "refused", "cannot negotiate %s of %s: %s", cfg->name, e->conn->name, why);
	failed(core, c, RESULT_REFUSED, why);
}

static void
run_expire(struct ike *core, const struct command *cmd)
{
	struct child_sa *c;

	/* Peers choose our outbound SPIs, and two may choose the same: the id tells them apart. */
	if (cmd->direction == SA_INBOUND)
		c = child_by_spi_in(core, cmd->spi);
	else
		c = child_by_id(core, cmd->child_id);
	if (!c || (cmd->direction == SA_OUTBOUND && (!c->out_installed || c->spi_out != cmd->spi)))
		return;
	if (!cmd->hard) {
		child_rekey(c);
		return;
	}
	say(core, LOG_CHD, LOG_CONTROL, c->sa, NULL, "CHILD_SA %s reached its limit of octets or packets", child_name(c));
	child_end(c, END_EXPIRED, true);
}

/* Nobody vouches for ESP with an unknown SPI, and each such packet costs a walk over all SAs: so many a second are followed up.
 */
enum { PROBES_PER_SECOND = 16 };

static bool
may_probe(struct ike *core)
{
	if (core->now - core->probed_at >= SECONDS(1)) {
		core->probed_at = core->now;
		core->probes = 0;
	}
	return core->probes++ < PROBES_PER_SECOND;
}

/* The SA with the peer at this address, at this port if there are several (behind one NAT). */
static struct ike_sa *
sa_at(const struct ike *core, const struct endpoint *remote)
{
	struct ike_sa *found = NULL;

	for (size_t i = 0; i < core->sas.n; i++) {
		struct ike_sa *sa = core->sas.e[i].p;

		if (!sa || sa->successor || !ip_equal(&sa->remote.ip, &remote->ip))
			continue;
		if (sa->remote.port == remote->port)
			return sa;
		found = found ? found : sa;
	}
	return found;
}

static void
run_invalid_spi(struct ike *core, const struct command *cmd)
{
	struct ike_sa *sa = may_probe(core) ? sa_at(core, &cmd->remote) : NULL;

	/* At most once a second for each peer, so that forged packets from one do not hide those from another. */
	if (!sa || core->now - sa->hinted_at < SECONDS(1))
		return;
	sa->hinted_at = core->now;
	ike_sa_probe(sa);
	/*
	 * A Delete has no answer (RFC 2408 section 3.15), so ours may have been
	 * lost. Sent again under Phase 1 it is true, whoever sent the packet.
	 */
	if (!child_by_spi_in(core, cmd->spi) && (sa->state == IKE_STATE_ESTABLISHED || sa->state == IKE_STATE_REKEYING))
		sa->protocol->tell_spi_deleted(sa, cmd->spi);
}

static void
run_mapping(struct ike *core, const struct command *cmd)
{
	struct child_sa *c = child_by_spi_in(core, cmd->spi);

	if (!c || !c->udp_encap || !c->sa->nat_remote)
		return;
	ike_sa_move(c->sa, cmd->local.ip.family ? &cmd->local : &c->sa->local, &cmd->remote);
}

static void
run_traffic(struct ike *core, const struct command *cmd)
{
	bool in = cmd->direction == SA_INBOUND;
	struct child_sa *c = in ? child_by_spi_in(core, cmd->spi) : child_by_id(core, cmd->child_id);

	if (!c)
		return;
	child_used(c, cmd->used_at ? cmd->used_at : core->now);
	if (in)
		child_heard(c);
}

static void
run_claim_refused(struct ike *core, const struct command *cmd)
{
	struct policy *p = policy_by_reqid(core, cmd->reqid);

	if (p && p->claimed)
		policy_refused(core, p, cmd->reason ? cmd->reason : "no reason given");
}

/* IKEv1 cannot tell a peer about a new address, and packets to the old one are lost: the SAs are set up anew. */
static void
run_moved(struct ike *core, const struct command *c)
{
	struct ike_sa *sa = id_index_find(&core->sas, c->ike_id);
	char was[IP_TEXT_MAX], now[IP_TEXT_MAX], why[2 * IP_TEXT_MAX + 80];

	if (!sa || sa->zombie || sa->ending)
		return;
	snprintf(why, sizeof why, "our address %s is gone: the peer is reached from %s now", ip_format(was, &sa->local.ip),
	         ip_format(now, &c->local.ip));
	ike_sa_end(sa, END_MOVED, why);
}

static void
run_restarted(struct ike *core)
{
	struct child_sa *c;

	say(core, LOG_KNL, LOG_AUDIT, NULL, "restarted", "the data plane lost its SAs: all are renegotiated");
	policies_claim_again(core);
	for (uint32_t id = 0; (c = id_index_after(&core->child_sas, id)); id = c->id) {
		c->in_installed = c->out_installed = false;
		secret_clear(&c->out_keys);
		c->switch_at = INSTANT_NEVER;
		if (!c->ever_up || c->delete_sent)
			continue;
		c->renew = !c->successor;
		c->delete_at = core->now;
		child_schedule(c);
	}
}

static void
run_shutdown(struct ike *core, const struct command *c)
{
	struct ike_sa *sa;

	core->shutting_down = true;
	core->shutdown_id = c->id;
	for (uint32_t id = 0; (sa = id_index_after(&core->sas, id)); id = sa->id) {
		sa->delete_at = core->now;
		ike_sa_schedule(sa);
	}
}

void
command_run(struct ike *core, const struct command *c)
{
	/* clang-format off */
	switch (c->kind) {
	case COMMAND_LOAD: run_load(core, c); break;
	case COMMAND_UNLOAD: run_unload(core, c); break;
	case COMMAND_INITIATE: run_initiate(core, c); break;
	case COMMAND_TERMINATE: run_terminate(core, c); break;
	case COMMAND_REKEY: run_rekey(core, c); break;
	case COMMAND_INSTALL: run_install(core, c, true); break;
	case COMMAND_UNINSTALL: run_install(core, c, false); break;
	case COMMAND_ACQUIRE: run_acquire(core, c); break;
	case COMMAND_EXPIRE: run_expire(core, c); break;
	case COMMAND_INVALID_SPI: run_invalid_spi(core, c); break;
	case COMMAND_MAPPING: run_mapping(core, c); break;
	case COMMAND_TRAFFIC: run_traffic(core, c); break;
	case COMMAND_CLAIM_REFUSED: run_claim_refused(core, c); break;
	case COMMAND_MOVED: run_moved(core, c); break;
	case COMMAND_RESTARTED: run_restarted(core); break;
	case COMMAND_SHUTDOWN: run_shutdown(core, c); break;
	}
	/* clang-format on */
}
