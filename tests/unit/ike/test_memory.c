/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "failing_memory.h"
#include "ike1.h"
#include "match.h"
#include "seeded_rng.h"

/*
 * Two engines, joined directly, while memory ends at each allocation in turn:
 * nothing crashes, nothing leaks, and once there is memory again the next
 * attempt succeeds. Only what the core itself allocates fails.
 */

struct end {
	struct ike *core;
	struct seeded_rng rng;
	struct endpoint at;
	struct conn *conn;
	unsigned installed, removed, up;
};

struct packet {
	struct packet *next;
	struct endpoint from, to;
	size_t n;
	uint8_t data[];
};

struct net {
	struct end end[2];
	struct packet *queue;
	instant_t now;
};

static void carry_out(struct net *net, struct end *e, struct effects *fx);

static void
enqueue(struct net *net, const struct effect_send *s)
{
	struct packet **at = &net->queue, *p = malloc(sizeof *p + s->data.n);

	while (*at)
		at = &(*at)->next;
	*p = (struct packet) { .from = s->local, .to = s->remote, .n = s->data.n };
	if (s->data.n)
		memcpy(p->data, s->data.p, s->data.n);
	*at = p;
}

static void
answer(struct net *net, struct end *e, const struct effect *asked)
{
	struct end *other = e == &net->end[0] ? &net->end[1] : &net->end[0];
	struct effects fx = { 0 };
	struct answer a = {
		.ticket = asked->ticket, .ok = true, .psk = span_str("swordfish"), .local = e->at, .remote = other->at
	};

	a.kind = asked->kind == EFFECT_ASK_PSK       ? ANSWER_PSK
	         : asked->kind == EFFECT_ASK_ADDRESS ? ANSWER_ADDRESS
	                                             : ANSWER_INSTALLED;
	failing_memory.armed = true;
	ike_answer(e->core, net->now, &a, &fx);
	failing_memory.armed = false;
	carry_out(net, e, &fx);
}

static void
carry_out(struct net *net, struct end *e, struct effects *fx)
{
	for (size_t i = 0; i < fx->n; i++) {
		const struct effect *x = &fx->e[i];

		if (x->kind == EFFECT_SEND && x->send.data.p)
			enqueue(net, &x->send);
		else if (x->kind == EFFECT_INSTALL_SA || x->kind == EFFECT_ASK_PSK || x->kind == EFFECT_ASK_ADDRESS)
			answer(net, e, x);
		e->installed += x->kind == EFFECT_INSTALL_SA;
		e->removed += x->kind == EFFECT_REMOVE_SA;
		e->up += x->kind == EFFECT_EVENT && x->event.kind == EVENT_CHILD_UP;
	}
	effects_free(fx);
}

static void
deliver(struct net *net)
{
	while (net->queue) {
		struct packet *p = net->queue;
		struct effects fx = { 0 };
		struct datagram d = { .local = p->to, .remote = p->from, .data = { p->data, p->n } };
		struct end *e = ip_equal(&p->to.ip, &net->end[0].at.ip) ? &net->end[0] : &net->end[1];

		net->queue = p->next;
		failing_memory.armed = true;
		ike_receive(e->core, net->now, &d, &fx);
		failing_memory.armed = false;
		carry_out(net, e, &fx);
		free(p);
	}
}

static void
run(struct net *net, instant_t until)
{
	deliver(net);
	for (;;) {
		instant_t a = ike_deadline(net->end[0].core), b = ike_deadline(net->end[1].core), first = instant_min(a, b);
		struct effects fx = { 0 };
		struct end *e = &net->end[a <= b ? 0 : 1];

		if (first > until)
			break;
		net->now = first > net->now ? first : net->now;
		failing_memory.armed = true;
		ike_tick(e->core, net->now, &fx);
		failing_memory.armed = false;
		carry_out(net, e, &fx);
		deliver(net);
	}
	net->now = until;
}

static void
command(struct net *net, struct end *e, struct command c)
{
	struct effects fx = { 0 };

	failing_memory.armed = true;
	ike_command(e->core, net->now, &c, &fx);
	failing_memory.armed = false;
	carry_out(net, e, &fx);
	deliver(net);
}

static struct conn *
connection(bool left)
{
	static const char *why;
	struct conn *c = conn_new("site");
	struct child *k = conn_add_child(c, "net");
	char text[128];

	c->version = IKE_V1;
	c->local.method = c->remote.method = AUTH_PSK;
	assert_true(proposals_parse(&c->ike, PROPOSAL_IKE, span_str("aes128-sha256-x25519"), text, sizeof text));
	assert_true(proposals_parse(&k->esp, PROPOSAL_ESP, span_str("aes128gcm16-x25519"), text, sizeof text));
	free(k->local_ts);
	free(k->remote_ts);
	k->local_ts = calloc(1, sizeof *k->local_ts);
	k->remote_ts = calloc(1, sizeof *k->remote_ts);
	k->n_local_ts = k->n_remote_ts = 1;
	assert_true(selector_parse(k->local_ts, span_str(left ? "10.1.0.0/16" : "10.2.0.0/16"), &why));
	assert_true(selector_parse(k->remote_ts, span_str(left ? "10.2.0.0/16" : "10.1.0.0/16"), &why));
	return c;
}

static void
open_net(struct net *net)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };
	struct ike_settings s;

	*net = (struct net) { .now = SECONDS(10) };
	ike_settings_default(&s);
	s.half_open_per_address = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct end *e = &net->end[i];

		seeded_rng_open(&e->rng, i + 1);
		e->at = (struct endpoint) { ip_from_v4(0xc0000201 + i), 500 };
		e->core = ike_new(&s, &e->rng.rng, protocols);
		e->conn = connection(i == 0);
		assert_non_null(e->core);
		command(net, e, (struct command) { .kind = COMMAND_LOAD, .conn = e->conn });
	}
}

static void
close_net(struct net *net)
{
	for (unsigned i = 0; i < 2; i++) {
		ike_free(net->end[i].core);
		conn_unref(net->end[i].conn);
	}
}

static bool
child_is_up(const struct end *e)
{
	struct ike_info ike;
	struct child_info c;
	uint32_t cursor = 0;

	while (ike_next_sa(e->core, &cursor, &ike)) {
		uint32_t under = 0;

		while (ike_next_child(e->core, ike.id, &under, &c))
			if (c.state == CHILD_STATE_INSTALLED)
				return true;
	}
	return false;
}

static void
live(struct net *net)
{
	command(net, &net->end[0], (struct command) { .kind = COMMAND_INITIATE, .id = 1, .ike = "site", .child = "net" });
	run(net, net->now + SECONDS(400));
	command(net, &net->end[1], (struct command) { .kind = COMMAND_REKEY, .child = "net" });
	run(net, net->now + SECONDS(60));
	command(net, &net->end[0], (struct command) { .kind = COMMAND_REKEY, .ike = "site" });
	run(net, net->now + SECONDS(60));
}

static unsigned long
allocations(void)
{
	struct net net;

	failing_memory.fails_at = 0;
	open_net(&net);
	failing_memory.count = 0;
	live(&net);
	assert_true(child_is_up(&net.end[0]) && child_is_up(&net.end[1]));
	close_net(&net);
	return failing_memory.count;
}

static void
memory_may_end_anywhere(void **state)
{
	unsigned long n = allocations();

	(void)state;
	assert_true(n > 100);
	for (unsigned long i = 1; i <= n; i++) {
		struct net net;

		failing_memory.fails_at = 0;
		open_net(&net);
		failing_memory.count = 0;
		failing_memory.fails_at = i;
		live(&net);
		failing_memory.fails_at = 0;
		/* What was lost with the memory is gone; there is some again, so a new attempt works. */
		command(&net, &net.end[0], (struct command) { .kind = COMMAND_TERMINATE, .ike = "site" });
		command(&net, &net.end[1], (struct command) { .kind = COMMAND_TERMINATE, .ike = "site" });
		run(&net, net.now + SECONDS(300));
		command(&net, &net.end[0], (struct command) { .kind = COMMAND_LOAD, .conn = net.end[0].conn });
		command(&net, &net.end[0], (struct command) { .kind = COMMAND_INITIATE, .id = 1, .ike = "site", .child = "net" });
		run(&net, net.now + SECONDS(60));
		if (!child_is_up(&net.end[0]) || !child_is_up(&net.end[1]))
			fail_msg("no tunnel after the end of memory at allocation %lu of %lu", i, n);
		close_net(&net);
	}
}

static void
shutdown_ends_with_nothing_installed(void **state)
{
	struct net net;

	(void)state;
	failing_memory.fails_at = 0;
	open_net(&net);
	live(&net);
	command(&net, &net.end[0], (struct command) { .kind = COMMAND_SHUTDOWN, .id = 9 });
	run(&net, net.now + SECONDS(60));
	for (unsigned i = 0; i < 2; i++) {
		assert_false(child_is_up(&net.end[i]));
		assert_int_equal(net.end[i].installed, net.end[i].removed);
		assert_int_equal(net.end[i].up, 1);
	}
	close_net(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shutdown_ends_with_nothing_installed),
		cmocka_unit_test(memory_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
