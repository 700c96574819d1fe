/* SPDX-License-Identifier: Apache-2.0 */
#include "isakmp.h"
#include "sim_test.h"
#include "vendor_id.h"

#include <stdio.h>
#include <stdlib.h>

/* NAT between the peers: RFC 3947 and 3948. */

#define KEYED "ike1 main psk=swordfish "

static const char *const inside = KEYED "id=@alice rid=@bob child=10.1.0.0/16,10.2.0.0/16";
static const char *const outside = KEYED "to=any id=@bob rid=@alice child=10.2.0.0/16,10.1.0.0/16";

struct natted {
	struct sim net;
	struct sim_peer *alice, *bob;
	struct sim_nat *nat;
};

static struct natted
natted_open(const char *a, const char *b, instant_t traffic, instant_t mapping_timeout)
{
	struct natted n = { .net = sim_open((struct sim_opts) { .seed = 9, .traffic_ns = traffic }) };

	n.alice = sim_peer(&n.net, a);
	n.bob = sim_peer(&n.net, b);
	n.nat = sim_nat(&n.net, mapping_timeout);
	sim_behind(n.alice, n.nat);
	return n;
}

static void
natted_close(struct natted *n)
{
	sim_close(&n->net);
}

static void
expect_up(struct natted *n)
{
	EXPECT(sim_established(n->alice) && sim_established(n->bob), 0);
	EXPECT(sim_same_keys(n->alice, n->bob), 0);
	EXPECT_SOUND(&n->net, 0);
}

TEST(a_nat_is_found_and_both_float_to_4500)
{
	autoclose(natted) n = natted_open(KEYED, KEYED "to=any", MILLISECONDS(20), 0);
	struct ike_info a, b;

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	a = sim_ike(n.alice);
	b = sim_ike(n.bob);
	EXPECT(a.nat_local && !a.nat_remote && !b.nat_local && b.nat_remote, 0);
	EXPECT(a.local.port == 4500 && a.remote.port == 4500 && b.local.port == 4500 && b.remote.port >= 30000, 0);
	EXPECT(n.alice->flows->current->p.udp_encap && n.bob->flows->current->p.udp_encap, 0);
	EXPECT(ip_equal(&n.bob->flows->current->p.remote.ip, &n.nat->outside), 0);
	EXPECT(n.alice->esp_lost == 0 && n.bob->esp_lost == 0, 0);
}

/* RFC 3947 section 5.2: each end learns both addresses as the other sees them, and the selectors are this end's own view. */
TEST(transport_mode_tells_the_original_addresses)
{
	for (unsigned rekeyed = 0; rekeyed < 2; rekeyed++) {
		autoclose(natted) n = natted_open(KEYED "child=dynamic,dynamic transport",
		                                  KEYED "to=any child=dynamic,dynamic transport", MILLISECONDS(20), 0);
		const struct sa_params *alice, *bob;
		struct ip own;

		sim_initiate(n.alice, n.bob);
		sim_run(&n.net, SECONDS(10));
		if (rekeyed) /* by the end that is not behind the NAT */
			sim_rekey(n.bob, "net", NULL);
		sim_run(&n.net, SECONDS(10));
		EXPECT(sim_established(n.alice) && sim_established(n.bob), rekeyed);
		EXPECT_SOUND(&n.net, rekeyed);
		own = n.nat->map[0].inside.ip;
		alice = &n.alice->flows->current->p;
		bob = &n.bob->flows->current->p;
		EXPECT(alice->mode == MODE_TRANSPORT && alice->udp_encap && bob->mode == MODE_TRANSPORT && bob->udp_encap,
		       rekeyed);
		EXPECT(ip_equal(&bob->nat_oa_remote, &own) && ip_equal(&bob->nat_oa_local, &bob->local.ip), rekeyed);
		EXPECT(ip_equal(&alice->nat_oa_local, &n.nat->outside) && ip_equal(&alice->nat_oa_remote, &bob->local.ip),
		       rekeyed);
		EXPECT(n.alice->esp_lost == 0 && n.bob->esp_lost == 0 && n.alice->esp_opened && n.bob->esp_opened, rekeyed);
	}
}

TEST(without_a_nat_nothing_floats)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9 });
	struct sim_peer *alice = sim_peer(&net, KEYED);
	struct sim_peer *bob = sim_peer(&net, KEYED);

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_established(alice), 0);
	EXPECT(!sim_ike(alice).nat_local && !sim_ike(alice).nat_remote && sim_ike(alice).remote.port == 500, 0);
	EXPECT(!alice->flows->current->p.udp_encap, 0);
	EXPECT(alice->keepalives == 0 && bob->keepalives == 0, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(encap_asks_for_udp_where_there_is_no_nat)
{
	for (unsigned who = 0; who < 2; who++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 9, .traffic_ns = MILLISECONDS(20) });
		struct sim_peer *alice = sim_peer(&net, who ? KEYED : KEYED "encap");
		struct sim_peer *bob = sim_peer(&net, who ? KEYED "encap" : KEYED);

		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(10));
		EXPECT(sim_established(alice) && sim_same_keys(alice, bob), who);
		EXPECT(alice->flows->current->p.udp_encap && bob->flows->current->p.udp_encap, who);
		EXPECT(alice->esp_lost == 0 && bob->esp_lost == 0, who);
		EXPECT_SOUND(&net, who);
	}
}

/* RFC 3948 section 4: only the end behind the NAT keeps the mapping alive. */
TEST(keepalives_hold_the_mapping)
{
	autoclose(natted) n = natted_open(inside, outside, 0, SECONDS(60));

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(600));
	expect_up(&n);
	EXPECT(n.alice->keepalives >= 25 && n.alice->keepalives <= 31, 0);
	EXPECT(n.bob->keepalives == 0, 0);
	EXPECT(n.bob->events[EVENT_PEER_MOVED] == 0, 0);
}

TEST(traffic_makes_keepalives_needless)
{
	autoclose(natted) n = natted_open(inside, outside, MILLISECONDS(500), SECONDS(60));

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(300));
	expect_up(&n);
	EXPECT(n.alice->esp_lost == 0 && n.bob->esp_lost == 0, 0);
}

TEST(a_changed_mapping_is_followed_on_authenticated_traffic)
{
	autoclose(natted) n = natted_open(inside, outside, MILLISECONDS(100), 0);
	uint64_t lost;

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	EXPECT(n.bob->esp_lost == 0, 0);
	sim_nat_rebind(n.nat);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	EXPECT(n.bob->events[EVENT_PEER_MOVED] == 1, 0);
	lost = n.bob->esp_sent - n.bob->esp_opened;
	EXPECT(lost <= 3, lost);
	sim_run(&n.net, SECONDS(60));
	EXPECT(n.bob->esp_sent - n.bob->esp_opened <= lost + 1, 0);
}

TEST(a_changed_mapping_is_followed_on_an_authenticated_ike_message)
{
	autoclose(natted) n = natted_open(KEYED "id=@alice child=10.1.0.0/16,10.2.0.0/16 dpd=5s dpd-timeout=60s", outside, 0, 0);

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	sim_nat_rebind(n.nat);
	sim_run(&n.net, SECONDS(60));
	expect_up(&n);
	EXPECT(n.bob->events[EVENT_PEER_MOVED] >= 1, 0);
	EXPECT(sim_ike(n.bob).remote.port == n.nat->next_port - 1, 0);
}

/* Somebody on the path repeats an old, authentic packet from another address: the peer has not moved. */
struct thief {
	uint8_t data[2048];
	size_t n;
	struct endpoint dst;
	bool marker;
};

static void
keep_last(void *arg, struct sim *net, struct sim_packet *p)
{
	struct thief *t = arg;

	(void)net;
	if (!p->from || p->from->index != 0 || p->keepalive || p->n > sizeof t->data)
		return;
	memcpy(t->data, p->data, p->n);
	t->n = p->n;
	t->dst = p->dst;
	t->marker = p->marker;
}

TEST(a_replayed_message_from_elsewhere_moves_nobody)
{
	autoclose(natted) n = natted_open(inside, outside, 0, 0);
	struct thief t = { .n = 0 };
	struct endpoint elsewhere = { ip_from_v4(0xcb007142), 4500 };

	sim_set_tap(&n.net, keep_last, &t);
	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	sim_inject(&n.net, &elsewhere, &t.dst, t.marker, span_of(t.data, t.n), 0);
	sim_run(&n.net, SECONDS(10));
	expect_up(&n);
	EXPECT(n.bob->events[EVENT_PEER_MOVED] == 0, 0);
	EXPECT(sim_ike(n.bob).remote.port != elsewhere.port, 0);
}

TEST(two_clients_behind_one_nat_are_kept_apart)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4, .traffic_ns = MILLISECONDS(50) });
	struct sim_peer *gate = sim_peer(&net, KEYED "to=any child=10.1.0.0/16,10.100.0.0/16;10.101.0.0/16");
	struct sim_peer *one = sim_peer(&net, KEYED "id=@one child=10.100.0.0/16,10.1.0.0/16");
	struct sim_peer *two = sim_peer(&net, KEYED "id=@two child=10.101.0.0/16,10.1.0.0/16");
	struct sim_nat *nat = sim_nat(&net, 0);

	sim_behind(one, nat);
	sim_behind(two, nat);
	sim_initiate(one, gate);
	sim_initiate(two, gate);
	sim_run(&net, SECONDS(20));
	EXPECT(sim_established(one) && sim_established(two), 0);
	EXPECT(sim_ike_sas(gate) == 2 && sim_children(gate) == 2, 0);
	EXPECT(one->esp_lost + two->esp_lost + gate->esp_lost == 0, 0);
	EXPECT(one->esp_opened && two->esp_opened && gate->esp_opened, 0);
	EXPECT_SOUND(&net, 0);
}

/*
 * RFC 3948 sections 5.1 and 5.2: who has the selectors keeps them, as long as he is there; a third with others is not in the
 * way. In transport mode both clients are the NAT's address, and nobody has an alias here.
 */
TEST(two_clients_with_the_same_selectors_are_not_mixed_up)
{
	static const char *const children[][2] = { { "child=10.1.0.0/16,10.9.0.0/24", "child=10.9.0.0/24,10.1.0.0/16" },
		                                   { "child=10.1.0.0/16,10.8.0.0/14", "child=10.9.0.0/24,10.1.0.0/16" },
		                                   { "child=dynamic,dynamic transport alias-bits=0",
		                                     "child=dynamic,dynamic transport" } };

	for (unsigned i = 0; i < 3; i++) {
		char text[3][200];
		snprintf(text[0], sizeof text[0], KEYED "to=any dpd=5s dpd-timeout=20s %s", children[i][0]);
		snprintf(text[1], sizeof text[1], KEYED "id=@one %s", children[i][1]);
		snprintf(text[2], sizeof text[2], KEYED "id=@two dpd=3s dpd-timeout=60s %s", children[i][1]);
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4, .traffic_ns = MILLISECONDS(50) });
		struct sim_peer *gate = sim_peer(&net, text[0]), *one = sim_peer(&net, text[1]), *two = sim_peer(&net, text[2]);
		struct sim_nat *nat = sim_nat(&net, 0);
		uint64_t command;

		sim_behind(one, nat);
		sim_behind(two, nat);
		sim_initiate(one, gate);
		sim_run(&net, SECONDS(10));
		command = sim_initiate(two, gate);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_established(one) && !sim_established(two), i);
		EXPECT(sim_verdicts(gate, "ts-taken") == 1 && strstr(sim_reason_text(gate, "ts-taken"), "one"), i);
		EXPECT(strstr(sim_result(two, command)->text, "INVALID-ID-INFORMATION"), i);
		EXPECT(one->esp_lost + two->esp_lost + gate->esp_lost == 0 && one->esp_opened, i);
		/* The first comes anew, from another port: it is the same peer. */
		sim_kill(one);
		sim_nat_rebind(nat);
		sim_restart(one);
		sim_initiate(one, gate);
		sim_run(&net, SECONDS(2));
		EXPECT(sim_established(one), i);
		/* Once it is gone, the second gets them. */
		sim_kill(one);
		sim_run(&net, SECONDS(60));
		sim_initiate(two, gate);
		sim_run(&net, SECONDS(10));
		EXPECT(sim_established(two), i);
		EXPECT_SOUND(&net, i);
	}
}

/* How the gateway's data plane knows the peer that an outbound SA is for. */
static bool
known_as(const struct sim_flow *f, const char *address)
{
	char text[IP_TEXT_MAX];
	const struct sa_params *p = &f->current->p;

	return ip_equal(&f->ts.remote.lo, &f->ts.remote.hi) &&
	       strncmp(ip_format(text, &f->ts.remote.lo), address, strlen(address)) == 0 &&
	       (p->alias.family == IP_NONE ? ip_equal(&p->remote.ip, &f->ts.remote.lo) : ip_equal(&p->alias, &f->ts.remote.lo));
}

static bool
one_has_an_alias(struct sim_peer *gate, struct ip *alias)
{
	const struct sim_flow *a = gate->flows, *b = a ? a->next : NULL;

	if (!b || b->next || !a->current || !b->current)
		return false;
	if (b->current->p.alias.family != IP_NONE) {
		a = b;
		b = gate->flows;
	}
	*alias = a->current->p.alias;
	return known_as(a, "198.18.") && known_as(b, "198.51.100.") && b->current->p.alias.family == IP_NONE;
}

/*
 * RFC 3948 section 5.2, "or by other means": the second client behind a NAT is another address for the gateway alone. Both have
 * the selectors that they asked for, whoever renews what; a client that comes anew is who it was.
 */
TEST(clients_of_transport_mode_behind_one_nat_are_told_apart)
{
	static const char *const children[] = { "dynamic,dynamic", "dynamic[udp/1701],dynamic[udp]",
		                                "dynamic[udp/1701],dynamic[udp/1701]" };
	static const char *const asked[] = { "dynamic,dynamic", "dynamic[udp],dynamic[udp/1701]",
		                             "dynamic[udp/1701],dynamic[udp/1701]" };

	for (unsigned i = 0; i < 3; i++) {
		char text[3][200];
		snprintf(text[0], sizeof text[0], KEYED "to=any dpd=5s dpd-timeout=20s child=%s transport", children[i]);
		snprintf(text[1], sizeof text[1], KEYED "id=@one child=%s transport", asked[i]);
		snprintf(text[2], sizeof text[2], KEYED "id=@two child=%s transport", asked[i]);
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4 + i, .traffic_ns = MILLISECONDS(50) });
		struct sim_peer *gate = sim_peer(&net, text[0]), *one = sim_peer(&net, text[1]), *two = sim_peer(&net, text[2]);
		struct sim_nat *nat = sim_nat(&net, 0);
		struct ip first, now;

		sim_behind(one, nat);
		sim_behind(two, nat);
		sim_initiate(one, gate);
		sim_run(&net, SECONDS(5));
		sim_initiate(two, gate);
		sim_run(&net, SECONDS(5));
		EXPECT(sim_established(one) && sim_established(two), i);
		EXPECT(one_has_an_alias(gate, &first), i);
		sim_rekey(gate, "net", NULL);
		sim_run(&net, SECONDS(20));
		sim_rekey(two, "net", NULL);
		sim_rekey(one, NULL, "net");
		sim_run(&net, SECONDS(20));
		EXPECT(one_has_an_alias(gate, &now) && ip_equal(&now, &first), i);
		EXPECT(one->esp_lost + two->esp_lost + gate->esp_lost == 0 && one->esp_opened && two->esp_opened, i);
		/* The second restarts behind another port, and is found dead meanwhile. */
		sim_kill(two);
		sim_nat_rebind(nat);
		sim_restart(two);
		sim_initiate(two, gate);
		sim_run(&net, SECONDS(60));
		EXPECT(sim_established(one) && sim_established(two), i);
		EXPECT(one_has_an_alias(gate, &now) && ip_equal(&now, &first), i);
		/* The first goes; the second stays who it is. */
		sim_terminate(one, NULL, NULL);
		sim_run(&net, SECONDS(20));
		sim_rekey(two, "net", NULL);
		sim_run(&net, SECONDS(20));
		EXPECT(known_as(gate->flows, "198.18.") || known_as(gate->flows->next, "198.18."), i);
		EXPECT(sim_established(two) && sim_verdicts(gate, "ts-taken") == 0, i);
		EXPECT_SOUND(&net, i);
	}
}

/* Both ask before the first is up: who asked first has the selectors. Without, whose last message is late takes them away. */
TEST(clients_that_come_at_the_same_moment_are_told_apart)
{
	for (unsigned i = 0; i < 2; i++) {
		const char *mode = i ? "" : "transport", *child = i ? "10.9.0.0/24,10.1.0.0/16" : "dynamic,dynamic";
		char text[3][200];
		snprintf(text[0], sizeof text[0], KEYED "to=any child=%s %s", i ? "10.1.0.0/16,10.9.0.0/24" : child, mode);
		snprintf(text[1], sizeof text[1], KEYED "id=@one child=%s %s", child, mode);
		snprintf(text[2], sizeof text[2], KEYED "id=@two child=%s %s", child, mode);
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4, .traffic_ns = MILLISECONDS(50) });
		struct sim_peer *gate = sim_peer(&net, text[0]), *one = sim_peer(&net, text[1]), *two = sim_peer(&net, text[2]);
		struct sim_nat *nat = sim_nat(&net, 0);
		struct ip alias;

		sim_behind(one, nat);
		sim_behind(two, nat);
		sim_initiate(one, gate);
		sim_initiate(two, gate);
		sim_run(&net, SECONDS(10));
		EXPECT(sim_children(gate) == (i ? 1u : 2u), i);
		EXPECT(sim_verdicts(gate, "ts-taken") == i, i);
		EXPECT(i || one_has_an_alias(gate, &alias), i);
		EXPECT(one->esp_lost + two->esp_lost + gate->esp_lost == 0 && one->esp_opened + two->esp_opened, i);
		EXPECT_SOUND(&net, i);
	}
}

/* Private addresses are the usual names of such clients: one of the same name behind another NAT is another host. */
TEST(an_alias_is_not_for_who_has_the_same_name_behind_another_nat)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 4, .traffic_ns = MILLISECONDS(50) });
	struct sim_peer *gate = sim_peer(&net, KEYED "to=any unique=never child=dynamic,dynamic transport");
	struct sim_peer *one = sim_peer(&net, KEYED "id=@one child=dynamic,dynamic transport");
	struct sim_peer *two = sim_peer(&net, KEYED "id=@two child=dynamic,dynamic transport");
	struct sim_peer *far = sim_peer(&net, KEYED "id=@two child=dynamic,dynamic transport");
	struct sim_nat *near_nat = sim_nat(&net, 0), *far_nat = sim_nat(&net, 0);
	struct ip alias;

	sim_behind(one, near_nat);
	sim_behind(two, near_nat);
	sim_behind(far, far_nat);
	sim_initiate(one, gate);
	sim_run(&net, SECONDS(5));
	sim_initiate(two, gate);
	sim_run(&net, SECONDS(5));
	EXPECT(one_has_an_alias(gate, &alias), 0);
	sim_initiate(far, gate);
	sim_run(&net, SECONDS(5));
	EXPECT(sim_established(one) && sim_established(two) && sim_established(far), 0);
	for (const struct sim_flow *f = gate->flows; f; f = f->next)
		EXPECT(f->current && known_as(f, f->current->p.alias.family == IP_NONE ? "" : "198.18."), 0);
	EXPECT(gate->flows && gate->flows->next && gate->flows->next->next, 0);
	EXPECT(one->esp_lost + two->esp_lost + far->esp_lost + gate->esp_lost == 0, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(rekeying_both_phases_works_through_a_nat)
{
	autoclose(natted) n = natted_open(KEYED "child=10.1.0.0/16,10.2.0.0/16 rekey=3m life=4m ike-rekey=7m ike-over=1m",
	                                  KEYED "to=any child=10.2.0.0/16,10.1.0.0/16 rekey=3m life=4m ike-rekey=9m ike-over=1m",
	                                  MILLISECONDS(100), SECONDS(60));

	sim_initiate(n.alice, n.bob);
	sim_run(&n.net, SECONDS(3600));
	expect_up(&n);
	EXPECT(n.alice->esp_lost == 0 && n.bob->esp_lost == 0, 0);
	EXPECT(n.alice->n_installed > 20, 0);
	EXPECT_NO_LOSS(&n.net, 0);
}

TEST(any_single_loss_is_survived_through_a_nat)
{
	for (uint64_t nth = 1; nth <= 9; nth++) {
		autoclose(natted) n = natted_open(inside, outside, 0, 0);

		sim_drop_nth(&n.net, nth);
		sim_initiate(n.alice, n.bob);
		sim_run(&n.net, SECONDS(30));
		EXPECT(sim_same_keys(n.alice, n.bob), nth);
		EXPECT_SOUND(&n.net, nth);
	}
}

struct erased {
	enum vendor_id id[4];
	unsigned n, drafts, rfc; /* messages with NAT-D payloads under the one or the other number */
};

/* Vendor IDs are not authenticated: a peer that does not know some of them is made by changing them on their way. */
static void
erase(void *arg, struct sim *net, struct sim_packet *p)
{
	struct erased *e = arg;
	struct message m = { 0 };
	struct arena arena = { 0 };

	(void)net;
	if (p->esp || p->keepalive || isakmp_decode_header(&m.h, span_of(p->data, p->n)) || m.h.flags & FLAG_ENCRYPTION ||
	    isakmp_decode_payloads(&m, m.h.next_payload, span_of(p->data + 28, p->n - 28), false, &arena))
		return;
	for (size_t i = 0; i < m.n; i++) {
		e->drafts += m.payload[i].type == PAYLOAD_NAT_D_DRAFT;
		e->rfc += m.payload[i].type == PAYLOAD_NAT_D;
		for (unsigned k = 0; m.payload[i].type == PAYLOAD_VID && k < e->n; k++)
			if (vendor_id_recognise(m.payload[i].data) == e->id[k])
				p->data[m.payload[i].data.p - p->data] ^= 0xff;
	}
	arena_clear(&arena);
}

/* A peer of before the RFC: other payload numbers, other encapsulation modes, the same float. */
/* Instead of its last NAT-D payload, a message of Main Mode has two: other octets, and then what it was, or other octets again.
 */
struct more_hashes {
	bool wrong;
	unsigned changed;
};

static void
add_hash(void *arg, struct sim *net, struct sim_packet *p)
{
	enum { FIRST_AT = 16, EXCHANGE_AT = 18, LENGTH_AT = 24, HEADER = 28 };
	struct more_hashes *m = arg;
	size_t at = HEADER, last = HEADER, n;
	uint8_t type;

	(void)net;
	if (p->esp || p->keepalive || p->data[EXCHANGE_AT] != EXCHANGE_MAIN || p->data[EXCHANGE_AT + 1])
		return;
	for (type = p->data[FIRST_AT]; p->data[at]; at += get_be16(p->data + at + 2), last = at)
		type = p->data[at];
	if (type != PAYLOAD_NAT_D)
		return;
	n = get_be16(p->data + last + 2);
	p->data = realloc(p->data, p->n + n);
	assert_non_null(p->data);
	memcpy(p->data + p->n, p->data + last, n);
	p->data[last] = PAYLOAD_NAT_D;
	p->data[last + n - 1] ^= 1;
	p->data[p->n + n - 1] ^= m->wrong;
	p->n += n;
	put_be32(p->data + LENGTH_AT, (uint32_t)p->n);
	m->changed++;
}

/* RFC 3947 section 3.2: "In this case, NAT is detected if and only if none of the hashes match." */
TEST(one_of_several_hashes_has_to_match)
{
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		autoclose(sim) net = sim_open((struct sim_opts) { .seed = 17 });
		struct sim_peer *alice = sim_peer(&net, KEYED);
		struct sim_peer *bob = sim_peer(&net, KEYED);
		struct more_hashes m = { .wrong = wrong };

		sim_set_tap(&net, add_hash, &m);
		sim_initiate(alice, bob);
		sim_run(&net, SECONDS(10));
		EXPECT(m.changed == 2, wrong);
		EXPECT(sim_same_keys(alice, bob), wrong);
		EXPECT(sim_ike(alice).remote.port == (wrong ? 4500 : 500), wrong);
		EXPECT(sim_ike(bob).remote.port == (wrong ? 4500 : 500), wrong);
		EXPECT_SOUND(&net, wrong);
	}
}

/* RFC 3947 section 6: addresses and ports "MUST NOT be used to determine which IKE/IPsec SAs to remove", but the identity. */
TEST(initial_contact_from_behind_a_nat_is_about_the_identity)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 5, .traffic_ns = MILLISECONDS(50) });
	struct sim_peer *gate = sim_peer(&net, KEYED "to=any child=10.1.0.0/16,10.100.0.0/16;10.101.0.0/16");
	struct sim_peer *one = sim_peer(&net, KEYED "id=@one child=10.100.0.0/16,10.1.0.0/16");
	struct sim_peer *two = sim_peer(&net, KEYED "id=@two child=10.101.0.0/16,10.1.0.0/16");
	struct sim_nat *nat = sim_nat(&net, 0);
	uint64_t before;

	sim_behind(one, nat);
	sim_behind(two, nat);
	sim_initiate(one, gate);
	sim_initiate(two, gate);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_ike_sas(gate) == 2, 0);
	before = two->esp_opened;
	/* It comes again from other ports, and says that it has no other SA. */
	sim_restart(one);
	sim_nat_rebind(nat);
	sim_initiate(one, gate);
	sim_run(&net, SECONDS(30));
	EXPECT(sim_established(one) && sim_established(two), 0);
	EXPECT(sim_ike_sas(gate) == 2 && sim_children(gate) == 2, 0);
	EXPECT(gate->n_installed == 6 && two->n_installed == 2, 0);
	EXPECT(one->esp_opened > 300 && two->esp_opened > before + 300, 0);
	EXPECT_SOUND(&net, 0);
}

TEST(drafts_02_and_03_are_spoken)
{
	static const struct erased rows[] = {
		{ { VENDOR_NAT_T_RFC3947 }, .n = 1 },
		{ { VENDOR_NAT_T_RFC3947, VENDOR_NAT_T_DRAFT_03 }, .n = 2 },
		{ { VENDOR_NAT_T_RFC3947, VENDOR_NAT_T_DRAFT_03, VENDOR_NAT_T_DRAFT_02_NEWLINE }, .n = 3 },
		{ { VENDOR_NAT_T_DRAFT_03, VENDOR_NAT_T_DRAFT_02_NEWLINE, VENDOR_NAT_T_DRAFT_02 }, .n = 3 },
		{ { VENDOR_NAT_T_RFC3947, VENDOR_NAT_T_DRAFT_03, VENDOR_NAT_T_DRAFT_02_NEWLINE, VENDOR_NAT_T_DRAFT_02 }, .n = 4 },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		autoclose(natted) n = natted_open(inside, outside, MILLISECONDS(50), 0);
		struct erased e = rows[i];

		sim_set_tap(&n.net, erase, &e);
		sim_initiate(n.alice, n.bob);
		sim_run(&n.net, SECONDS(10));
		EXPECT(sim_same_keys(n.alice, n.bob), i);
		EXPECT(e.drafts == (i < 3 ? 4u : 0u) && e.rfc == (i == 3 ? 4u : 0u), i);
		/* Without any, nobody looks for a NAT. */
		EXPECT(sim_ike(n.alice).nat_local == (i < 4) && sim_ike(n.bob).nat_remote == (i < 4), i);
		EXPECT(sim_ike(n.alice).local.port == (i < 4 ? 4500 : 500), i);
		EXPECT(n.alice->flows->current->p.udp_encap == (i < 4), i);
		sim_rekey(n.bob, "net", NULL);
		sim_run(&n.net, SECONDS(10));
		EXPECT(sim_same_keys(n.alice, n.bob), i);
		EXPECT_SOUND(&n.net, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nat_is_found_and_both_float_to_4500),
		cmocka_unit_test(transport_mode_tells_the_original_addresses),
		cmocka_unit_test(without_a_nat_nothing_floats),
		cmocka_unit_test(encap_asks_for_udp_where_there_is_no_nat),
		cmocka_unit_test(keepalives_hold_the_mapping),
		cmocka_unit_test(traffic_makes_keepalives_needless),
		cmocka_unit_test(a_changed_mapping_is_followed_on_authenticated_traffic),
		cmocka_unit_test(a_changed_mapping_is_followed_on_an_authenticated_ike_message),
		cmocka_unit_test(a_replayed_message_from_elsewhere_moves_nobody),
		cmocka_unit_test(two_clients_behind_one_nat_are_kept_apart),
		cmocka_unit_test(two_clients_with_the_same_selectors_are_not_mixed_up),
		cmocka_unit_test(clients_of_transport_mode_behind_one_nat_are_told_apart),
		cmocka_unit_test(clients_that_come_at_the_same_moment_are_told_apart),
		cmocka_unit_test(an_alias_is_not_for_who_has_the_same_name_behind_another_nat),
		cmocka_unit_test(rekeying_both_phases_works_through_a_nat),
		cmocka_unit_test(any_single_loss_is_survived_through_a_nat),
		cmocka_unit_test(one_of_several_hashes_has_to_match),
		cmocka_unit_test(initial_contact_from_behind_a_nat_is_about_the_identity),
		cmocka_unit_test(drafts_02_and_03_are_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
