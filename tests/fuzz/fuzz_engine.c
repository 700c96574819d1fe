/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two engines in a simulated network, and an attacker between them who holds no
 * key: the input says what he drops, repeats, changes and invents, and what
 * the two are told to do meanwhile. Whatever it says: no crash, bounded state, and
 * no SA that the other end has not agreed to.
 */
#include "fuzz.h"
#include "sim.h"

enum { KEPT = 16, OCTETS_MAX = 2048, STEPS_MAX = 48, SAS_MAX = 80, CHILDREN_MAX = 200 };

struct attacker {
	struct kept {
		struct endpoint src, dst;
		bool marker;
		size_t n;
		uint8_t data[OCTETS_MAX];
	} kept[KEPT];
	unsigned n_kept;
	unsigned drop; /* so many of the next datagrams */
};

static void
watch(void *arg, struct sim *net, struct sim_packet *p)
{
	struct attacker *a = arg;
	struct kept *k = &a->kept[a->n_kept++ % KEPT];

	(void)net;
	*k = (struct kept) { .src = p->src, .dst = p->dst, .marker = p->marker, .n = p->n < OCTETS_MAX ? p->n : OCTETS_MAX };
	memcpy(k->data, p->data, k->n);
	if (a->drop) {
		a->drop--;
		p->copies = 0;
	}
}

/* One of the last datagrams, a little changed, to where it went, or back. */
static void
forge(struct sim *net, struct attacker *a, struct fuzz_input *r)
{
	uint8_t data[OCTETS_MAX], which = fuzz_octet(r), how = fuzz_octet(r), count = fuzz_octet(r) % 8;
	struct kept *k = &a->kept[which % KEPT];
	size_t n = k->n;

	if (!n)
		return;
	memcpy(data, k->data, n);
	for (unsigned i = 0; i < count; i++) {
		size_t at = fuzz_octet(r);

		at |= (size_t)fuzz_octet(r) << 8;
		data[at % n] = fuzz_octet(r);
	}
	if (how & 1)
		n = fuzz_octet(r) * 4u < n ? fuzz_octet(r) * 4u % (n + 1) : n;
	if ((how & 2) && n >= 28)
		put_be32(data + 24, (uint32_t)n);
	sim_inject(net, how & 4 ? &k->dst : &k->src, how & 4 ? &k->src : &k->dst, k->marker ^ !!(how & 8), span_of(data, n),
	           MILLISECONDS(fuzz_octet(r)));
}

/* A message of the attacker's own: right cookies if he likes, payloads as the input has them. */
static void
invent(struct sim *net, struct attacker *a, struct fuzz_input *r)
{
	struct kept *k = &a->kept[fuzz_octet(r) % KEPT];
	uint8_t data[28 + 255], how = fuzz_octet(r);
	size_t n = fuzz_octet(r);

	if (k->n < 28)
		return;
	memcpy(data, k->data, 28);
	data[16] = fuzz_octet(r);
	data[18] = how & 1 ? fuzz_octet(r) : data[18];
	data[19] = how & 2 ? fuzz_octet(r) : data[19];
	if (how & 4)
		put_be32(data + 20, (uint32_t)fuzz_octet(r) << 24 | fuzz_octet(r));
	if (how & 8)
		memset(data + 8, 0, 8);
	if (how & 16)
		data[7] ^= fuzz_octet(r);
	for (size_t i = 0; i < n; i++)
		data[28 + i] = fuzz_octet(r);
	put_be32(data + 24, (uint32_t)(28 + n));
	sim_inject(net, &k->src, &k->dst, k->marker, span_of(data, 28 + n), 0);
}

static void
order(struct sim_peer *p, struct fuzz_input *r)
{
	static const enum command_kind kinds[] = { COMMAND_INITIATE,  COMMAND_TERMINATE, COMMAND_REKEY,  COMMAND_INSTALL,
		                                   COMMAND_UNINSTALL, COMMAND_RESTARTED, COMMAND_UNLOAD, COMMAND_LOAD };
	uint8_t what = fuzz_octet(r);
	struct command c = { .kind = kinds[what % 8] };

	if (!(what & 8))
		c.ike = "net";
	if (!(what & 16))
		c.child = "net";
	c.force = what & 32;
	c.reauth = what & 64;
	c.timeout_ns = what & 128 ? SECONDS(1) : 0;
	c.conn = c.kind == COMMAND_LOAD ? p->conn : NULL;
	sim_command(p, c);
}

static void
report_spi(struct sim_peer *p, struct fuzz_input *r)
{
	struct sim_sa *s = p->sas;
	struct command c = { .kind = fuzz_octet(r) & 1 ? COMMAND_INVALID_SPI : COMMAND_EXPIRE,
		             .hard = fuzz_octet(r) & 1,
		             .local = p->local,
		             .remote = p->remote };

	c.spi = s ? s->p.spi : 0x12345678;
	c.direction = s ? s->p.direction : SA_INBOUND;
	sim_command(p, c);
}

/* A made-up answer to a question that may or may not have been asked. */
static void
made_up_answer(struct sim_peer *p, struct fuzz_input *r)
{
	struct answer a = { .kind = (enum answer_kind)(fuzz_octet(r) % 6),
		            .ticket = fuzz_octet(r) + (uint64_t)1000000,
		            .ok = fuzz_octet(r) & 1,
		            .psk = span_str("x"),
		            .local = p->local,
		            .remote = p->remote };

	ike_answer(p->ike, p->w->now, &a, &p->w->fx);
	sim_engine_ran(p, IKE_OK);
}

/* Every SA that one end sends on, the other end made too. */
static void
both_agreed(struct sim_peer *a, struct sim_peer *b)
{
	for (const struct sim_sa *s = a->sas; s; s = s->next) {
		struct table_link *l = s->p.direction == SA_OUTBOUND ? table_find(&b->keys, span_of(&s->key, 8)) : NULL;

		fuzz_require(s->p.direction == SA_INBOUND || l);
	}
}

static void
judge(struct sim *net, struct sim_peer *a, struct sim_peer *b, bool same_key)
{
	const char *broken = sim_failure(net);

	if (broken)
		fprintf(stderr, "%s\n", broken);
	fuzz_require(!broken);
	fuzz_require(sim_ike_sas(a) <= SAS_MAX && sim_ike_sas(b) <= SAS_MAX);
	fuzz_require(sim_children(a) <= CHILDREN_MAX && sim_children(b) <= CHILDREN_MAX);
	both_agreed(a, b);
	both_agreed(b, a);
	if (!same_key)
		fuzz_require(a->n_installed == 0 && b->n_installed == 0 && sim_ike_sas_in(a, IKE_STATE_ESTABLISHED) == 0 &&
		             sim_ike_sas_in(b, IKE_STATE_ESTABLISHED) == 0);
}

static void
step(struct sim *net, struct attacker *a, struct sim_peer *alice, struct sim_peer *bob, struct fuzz_input *r)
{
	uint8_t what = fuzz_octet(r);
	struct sim_peer *p = what & 0x80 ? bob : alice;

	switch (what % 8) {
	case 0:
	case 1:
		forge(net, a, r);
		break;
	case 2:
		invent(net, a, r);
		break;
	case 3:
		order(p, r);
		break;
	case 4:
		a->drop = fuzz_octet(r) % 8;
		break;
	case 5:
		sim_run(net, MILLISECONDS(fuzz_octet(r)) * 100);
		break;
	case 6:
		report_spi(p, r);
		break;
	case 7:
		made_up_answer(p, r);
		break;
	}
	sim_run(net, MILLISECONDS(what >> 3 & 15) * 10);
}

/* 4: PFS and DPD; 32: Aggressive Mode; 64: signatures, else a pre-shared key. */
static struct sim_peer *
peer(struct sim *net, uint8_t shape, const char *own, const char *trusted, const char *psk)
{
	char text[256], proof[96];

	if (shape & 64)
		snprintf(proof, sizeof proof, "key=%s trust=%s", own, trusted);
	else
		snprintf(proof, sizeof proof, "psk=%s", psk);
	snprintf(text, sizeof text, "%s proposals=aes128-sha256-x25519 aggressive-psk without-pfs%s%s", proof,
	         shape & 32 ? " aggressive" : "", shape & 4 ? " dpd=5s esp=aes128gcm16-x25519" : "");
	return sim_peer(net, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz_input r = { data, n };
	uint8_t shape = fuzz_octet(&r);
	struct sim net = sim_open((struct sim_opts) {
	        .seed = shape, .install_ns = shape & 1 ? MILLISECONDS(30) : 0, .answer_ns = shape & 2 ? MILLISECONDS(30) : 0 });
	struct sim_peer *alice = peer(&net, shape, "alice-rsa", shape & 8 ? "alice-rsa" : "bob-rsa", "swordfish");
	struct sim_peer *bob =
	        peer(&net, shape, "bob-rsa", shape & 8 ? "bob-rsa" : "alice-rsa", shape & 8 ? "haddock" : "swordfish");
	static struct attacker a;

	memset(&a, 0, sizeof a);
	sim_set_tap(&net, watch, &a);
	if (shape & 16)
		sim_behind(alice, sim_nat(&net, 0));
	sim_initiate(alice, NULL);
	for (unsigned i = 0; i < STEPS_MAX && r.n; i++)
		step(&net, &a, alice, bob, &r);
	sim_run(&net, SECONDS(60));
	judge(&net, alice, bob, !(shape & 8));
	sim_close(&net);
	return 0;
}
