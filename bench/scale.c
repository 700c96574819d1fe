/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"
#include "sim.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>

/*
 * A gateway with many peers, through the simulator: what setting up one more tunnel costs it when it has N connections
 * configured and the tunnels of all of them up, and what an attempt costs in memory that has proved nothing
 * yet (RFC 2408 section 2.5.3).
 */

#define SUITE "psk=swordfish proposals=aes128-sha256-x25519 ike-rekey=0 rekey=0 life=0 unique=no "
#define GATEWAY "psk=swordfish half-open=100000 half-open-per-address=0 unloaded"

enum { LAST = 10, HALF_OPEN = 10000 };

/* How the gateway tells its peers apart. */
enum told_by { BY_ADDRESS, BY_IDENTITY };

struct crowd {
	struct sim *net;
	struct sim_peer *gateway, *peer;
	enum told_by by;
};

static struct ip
address(unsigned i)
{
	return ip_from_v4(0x64400001 + i); /* 100.64.0.0/10, RFC 6598 */
}

/* What @description and the number of a peer say, as a connection of @p. */
static struct conn *
connection(struct sim_peer *p, const char *description, ...)
{
	char text[512];
	va_list args;

	va_start(args, description);
	vsnprintf(text, sizeof text, description, args);
	va_end(args);
	return sim_conn(p, text);
}

static void
configure(struct crowd *m, unsigned i)
{
	char at[IP_TEXT_MAX], name[32];
	struct ip a = address(i);
	struct conn *c = m->by == BY_ADDRESS ? connection(m->gateway, SUITE "to=%s child=10.1.0.0/16,dynamic", ip_format(at, &a))
	                                     : connection(m->gateway, SUITE "to=any rid=@peer%u child=10.1.0.0/16,dynamic", i);

	snprintf(name, sizeof name, "peer%u", i);
	free(c->name);
	c->name = strdup(name);
	must(c->name != NULL, "out of memory");
	sim_load(m->gateway, c);
	conn_unref(c);
}

/* The next peer: another host, with an empty engine. */
static void
become(struct crowd *m, unsigned i)
{
	struct ip gateway = m->gateway->local.ip;
	char at[IP_TEXT_MAX];

	sim_kill(m->peer);
	m->peer->local.ip = address(i);
	conn_unref(m->peer->conn);
	m->peer->conn = connection(m->peer, SUITE "to=%s id=@peer%u child=dynamic,10.1.0.0/16", ip_format(at, &gateway), i);
	if (m->by == BY_ADDRESS)
		m->peer->conn->local.id_given = false;
	sim_restart(m->peer);
}

static void
set_up(struct crowd *m, unsigned i)
{
	become(m, i);
	sim_initiate(m->peer, NULL);
	sim_run(m->net, MILLISECONDS(1));
	must(sim_established(m->peer), "a tunnel did not come up");
}

static struct sim
quiet_net(void)
{
	return sim_open((struct sim_opts) { .seed = 1, .delay_min_ns = -1, .delay_max_ns = -1, .bare = true, .measure = true });
}

/* CPU microseconds of the gateway for each of the last ten tunnels of @n, when all @n are configured and the others up. */
static double
last_tunnels_us(unsigned n, enum told_by by)
{
	autoclose(sim) net = quiet_net();
	struct crowd m = { &net, sim_peer(&net, GATEWAY), NULL, by };
	double cost[LAST];

	m.peer = sim_peer(&net, "psk=swordfish unloaded");
	for (unsigned i = 0; i < n; i++)
		configure(&m, i);
	for (unsigned i = 0; i < n; i++) {
		m.gateway->cpu_ns = 0;
		set_up(&m, i);
		if (i + LAST >= n)
			cost[i + LAST - n] = (double)m.gateway->cpu_ns / 1e3;
	}
	must(sim_children_in(m.gateway, CHILD_STATE_INSTALLED) == n, "a tunnel is missing");
	return median(cost, LAST);
}

static void
set_ups(struct report *r, const char *key, const char *how, enum told_by by)
{
	static const unsigned counts[] = { 10, 100, 1000, 10000 };
	json_t *all = json_object();
	double first = 0;

	fprintf(r->md, "| %s |", how);
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
		double us = last_tunnels_us(counts[i], by);
		char name[16];

		first = i ? first : us;
		fprintf(r->md, " %.0f (%.2f) |", us, us / first);
		snprintf(name, sizeof name, "%u", counts[i]);
		json_object_set_new(all, name, json_real(us));
	}
	fprintf(r->md, "\n");
	json_object_set_new(r->json, key, all);
}

/* Octets that the gateway keeps for a first message from an address that nobody may be at. */
static void
half_open(struct report *r)
{
	autoclose(sim) net = quiet_net();
	struct crowd m = { &net, sim_peer(&net, GATEWAY), NULL, BY_IDENTITY };
	size_t before;
	double each;

	m.peer = sim_peer(&net, "psk=swordfish unloaded");
	m.peer->deaf = true;
	configure(&m, 0);
	become(&m, HALF_OPEN);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < HALF_OPEN; i++) {
		become(&m, i);
		sim_initiate(m.peer, NULL);
		sim_run(&net, MICROSECONDS(10));
	}
	become(&m, HALF_OPEN);
	must(sim_ike_sas(m.gateway) == HALF_OPEN, "a half-open SA is missing");
	each = (double)(mallinfo2().uordblks - before) / HALF_OPEN;
	fprintf(r->md, "\nA half-open SA: %.0f octets.\n\n", each);
	json_object_set_new(r->json, "half_open_octets", json_real(each));
}

int
main(int argc, char **argv)
{
	struct report r = report_open(argc, argv, "scale");

	fprintf(r.md, "CPU microseconds of a gateway for one more tunnel (Main Mode and Quick Mode, PSK, Curve25519), when N "
	              "connections are\n"
	              "configured and as many tunnels up; in brackets the ratio to N = 10.\n\n"
	              "| its peers are told by | 10 | 100 | 1000 | 10000 |\n|---|---|---|---|---|\n");
	set_ups(&r, "by_address", "their addresses", BY_ADDRESS);
	set_ups(&r, "by_identity", "their identities, from any address", BY_IDENTITY);
	half_open(&r);
	return report_close(&r);
}
