/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

/* Commands to the engines, and looking at what they hold. */

uint64_t
sim_initiate_child(struct sim_peer *p, const char *child)
{
	return sim_command(p, (struct command) { .kind = COMMAND_INITIATE, .ike = p->conn->name, .child = child });
}

uint64_t
sim_initiate(struct sim_peer *from, struct sim_peer *to)
{
	if (to)
		from->remote = (struct endpoint) { to->nat ? to->nat->outside : to->local.ip, 500 };
	return sim_initiate_child(from, from->conn->children[0].name);
}

uint64_t
sim_terminate(struct sim_peer *p, const char *ike, const char *child)
{
	return sim_command(p, (struct command) { .kind = COMMAND_TERMINATE, .ike = ike, .child = child });
}

uint64_t
sim_rekey(struct sim_peer *p, const char *ike, const char *child)
{
	return sim_command(p, (struct command) { .kind = COMMAND_REKEY, .ike = ike, .child = child });
}

uint64_t
sim_shutdown(struct sim_peer *p)
{
	return sim_command(p, (struct command) { .kind = COMMAND_SHUTDOWN });
}

uint64_t
sim_acquire(struct sim_peer *p)
{
	const struct child *c = &p->conn->children[0];
	struct flow f = { .src = c->local_ts[0].lo,
		          .dst = c->remote_ts[0].lo,
		          .proto = 17,
		          .ports_known = true,
		          .sport = 1000,
		          .dport = 2000 };

	if (!p->claims) {
		sim_fail(p->w, "peer %u has no claim that a packet could match", p->index);
		return 0;
	}
	return sim_command(p, (struct command) { .kind = COMMAND_ACQUIRE, .reqid = p->claims->reqid, .flow = f });
}

const struct sim_done *
sim_result(const struct sim_peer *p, uint64_t command)
{
	for (unsigned i = 0; i < sizeof p->done / sizeof *p->done; i++)
		if (p->done[i].command == command && command)
			return &p->done[i];
	return NULL;
}

unsigned
sim_ike_sas(struct sim_peer *p)
{
	struct ike_info i;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (p->ike && ike_next_sa(p->ike, &cursor, &i))
		n++;
	return n;
}

unsigned
sim_ike_sas_in(struct sim_peer *p, enum ike_state state)
{
	struct ike_info i;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (p->ike && ike_next_sa(p->ike, &cursor, &i))
		n += i.state == state;
	return n;
}

static unsigned
count_children(struct sim_peer *p, bool any, enum child_state state)
{
	struct ike_info i;
	struct child_info c;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (p->ike && ike_next_sa(p->ike, &cursor, &i)) {
		uint32_t under = 0;

		while (ike_next_child(p->ike, i.id, &under, &c))
			n += any || c.state == state;
	}
	return n;
}

unsigned
sim_children(struct sim_peer *p)
{
	return count_children(p, true, CHILD_STATE_CREATED);
}

const char *
sim_not_one_tunnel(struct sim_peer *a, struct sim_peer *b)
{
	struct ike_info x = sim_ike(a), y = sim_ike(b);

	return !sim_established(a) || !sim_established(b)     ? "both ends are up"
	       : sim_ike_sas(a) != 1 || sim_ike_sas(b) != 1   ? "each has one IKE_SA"
	       : memcmp(x.spi_i, y.spi_i, 8) != 0             ? "it is the same one"
	       : sim_children(a) != 1 || sim_children(b) != 1 ? "each has one CHILD_SA"
	       : !sim_same_keys(a, b)                         ? "its keys are the same"
	       : a->n_installed != 2 || b->n_installed != 2   ? "it is the first one still"
	       : a->esp_lost || b->esp_lost                   ? "every packet arrived"
	                                                      : NULL;
}

size_t
sim_claimed(const struct sim_peer *p, enum child_mode mode)
{
	size_t n = 0;

	for (const struct sim_claim *c = p->claims; c; c = c->next)
		n += c->mode == mode ? c->pairs : 0;
	return n;
}

unsigned
sim_children_in(struct sim_peer *p, enum child_state state)
{
	return count_children(p, false, state);
}

bool
sim_established(struct sim_peer *p)
{
	return sim_ike_sas_in(p, IKE_STATE_ESTABLISHED) && sim_children_in(p, CHILD_STATE_INSTALLED);
}

struct ike_info
sim_ike(struct sim_peer *p)
{
	struct ike_info i = { 0 };
	uint32_t cursor = 0;

	if (p->ike)
		ike_next_sa(p->ike, &cursor, &i);
	return i;
}

static unsigned
opens_at(struct sim_peer *from, struct sim_peer *to)
{
	unsigned n = 0;

	for (struct sim_flow *f = from->flows; f; f = f->next) {
		struct sim_sa *in;

		if (!f->current)
			continue;
		in = sim_plane_find(to, SA_INBOUND, f->current->p.spi, NULL);
		if (!in || in->key != f->current->key || !selector_equal(&in->p.ts.remote, &f->ts.local) ||
		    !selector_equal(&in->p.ts.local, &f->ts.remote) || in->p.mode != f->current->p.mode ||
		    in->p.esn != f->current->p.esn || in->p.udp_encap != f->current->p.udp_encap)
			return 0;
		n++;
	}
	return n;
}

bool
sim_same_keys(struct sim_peer *a, struct sim_peer *b)
{
	unsigned there = opens_at(a, b);

	return there && opens_at(b, a) == there;
}

bool
sim_reason(const struct sim_peer *p, const char *reason)
{
	return *sim_reason_text(p, reason) != 0;
}

const char *
sim_reason_text(const struct sim_peer *p, const char *reason)
{
	for (unsigned i = 0; i < p->n_reasons; i++)
		if (!strcmp(p->reason[i].reason, reason))
			return p->reason[i].text;
	return "";
}

uint64_t
sim_verdicts(struct sim_peer *p, const char *name)
{
	const char *n, *sentence;
	uint64_t count;

	for (unsigned i = 0; ike_verdict_count(p->ike, i, &n, &sentence, &count); i++)
		if (!strcmp(n, name))
			return count;
	sim_fail(p->w, "there is no verdict \"%s\"", name);
	return 0;
}

uint64_t
sim_verdicts_all(struct sim_peer *p)
{
	const char *n, *sentence;
	uint64_t count, all = 0;

	for (unsigned i = 0; ike_verdict_count(p->ike, i, &n, &sentence, &count); i++)
		all += count;
	return all;
}
