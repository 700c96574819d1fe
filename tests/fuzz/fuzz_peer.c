/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A peer that holds the key: the input says how far it goes as it should, in which
 * exchange and role, and what it sends then, under the right keys and with the
 * right hash: payloads in any number and order with any octets in them, changed
 * messages, its own messages again. Whatever it says: no crash, bounded state, and
 * everything that the engine installed or borrowed is given back in the end.
 */
#include "fuzz.h"
#include "rogue.h"

enum { MESSAGES_MAX = 24, EDITS_MAX = 6, SAS_MAX = 40, CHILDREN_MAX = 200 };

static struct span
octets(struct fuzz_input *r, size_t n)
{
	struct span s = span_of(r->p, n < r->n ? n : r->n);

	r->p += s.n;
	r->n -= s.n;
	return s;
}

static void
edit(struct rogue *r, struct fuzz_input *in)
{
	struct rogue_message *m = &r->out;
	uint8_t what = fuzz_octet(in), which = fuzz_octet(in);
	size_t i = m->n ? which % m->n : 0;

	switch (what % 8) {
	case 0:
		if (m->n)
			memmove(&m->payload[i], &m->payload[i + 1], (--m->n - i) * sizeof m->payload[0]);
		break;
	case 1:
		if (m->n)
			rogue_append(r, m->payload[i]);
		break;
	case 2:
		m->h.flags ^= which;
		break;
	case 3:
		m->sealed = which & 1;
		m->keep_hash = which & 2;
		m->no_padding = which & 4;
		break;
	case 4:
		rogue_patch(r, 16 + (which << 2 | what >> 6), fuzz_octet(in));
		break;
	case 5:
		m->h.message_id = which ? which : r->message_id;
		break;
	default:
		rogue_append(r, (struct payload) { .type = which, .whole = octets(in, fuzz_octet(in)) });
		break;
	}
}

/* A message under a message id and an IV of its own: HASH(1), then what the edits append. */
static void
begin_exchange(struct rogue *r, uint8_t exchange, uint32_t message_id)
{
	r->step = 7;
	r->out = (struct rogue_message) {
		.h = { .version = 0x10, .exchange = exchange, .flags = FLAG_ENCRYPTION, .message_id = message_id }, .sealed = true
	};
	memcpy(r->out.h.cookie_i, r->cookie_i, 8);
	memcpy(r->out.h.cookie_r, r->cookie_r, 8);
	rogue_append(r, (struct payload) { .type = PAYLOAD_HASH, .data = span_of(r->hash_room, 32) });
}

static void
compose(struct rogue *r, struct fuzz_input *in, uint8_t what, uint32_t message_id)
{
	static const uint8_t exchanges[] = { EXCHANGE_INFORMATIONAL, EXCHANGE_TRANSACTION, EXCHANGE_QUICK, EXCHANGE_MAIN };

	if (what % 8 == 1)
		rogue_prepare(r);
	else if (what % 8 == 2 && r->n_asked)
		rogue_reply(r, fuzz_octet(in) % 5, NULL, 0);
	else if (what % 8 > 2)
		begin_exchange(r, exchanges[what % 8 - 3 < 3 ? what % 8 - 3 : 3], message_id);
	for (unsigned i = 0, n = fuzz_octet(in) % EDITS_MAX; i < n; i++)
		edit(r, in);
}

static void
order(struct rogue *r, struct fuzz_input *in)
{
	static const enum command_kind kinds[] = { COMMAND_INITIATE, COMMAND_TERMINATE, COMMAND_REKEY, COMMAND_INSTALL };
	uint8_t what = fuzz_octet(in);

	rogue_command(r, (struct command) {
	                         .kind = kinds[what % 4], .ike = what & 4 ? "net" : NULL, .child = what & 8 ? "net" : NULL });
}

static void
one_thing(struct rogue *r, struct fuzz_input *in, uint32_t message_id)
{
	uint8_t what = fuzz_octet(in);
	unsigned step = r->step;

	if (what >= 0xf0) {
		order(r, in);
		return;
	}
	if (what % 8 == 0) {
		rogue_wait(r, MILLISECONDS(fuzz_octet(in)) * 100);
		return;
	}
	compose(r, in, what, message_id);
	rogue_send(r);
	r->step = step;
}

static struct rogue
open_peer(uint8_t shape)
{
	enum rogue_role role = shape & 1 ? ROGUE_RESPONDS : ROGUE_INITIATES;

	switch (shape >> 1 & 3) {
	case 0:
		return rogue_open(role);
	case 1:
		return rogue_open_aggressive(role);
	case 2:
		return role == ROGUE_RESPONDS ? rogue_open_gateway() : rogue_open_login();
	default:
		return rogue_open_signing();
	}
}

/* The last step that can be reached correctly. */
static unsigned
last_step(const struct rogue *r)
{
	return r->signs ? 5 : r->login ? 7 : 10;
}

static void
judge(struct rogue *r)
{
	struct ike_info ike;
	struct child_info c;
	uint32_t cursor = 0, under;
	unsigned sas = 0, children = 0;

	while (ike_next_sa(r->ike, &cursor, &ike)) {
		sas++;
		for (under = 0; ike_next_child(r->ike, ike.id, &under, &c);)
			children++;
	}
	fuzz_require(sas <= SAS_MAX && children <= CHILDREN_MAX);
	rogue_command(r, (struct command) { .kind = COMMAND_SHUTDOWN, .id = 99 });
	rogue_wait(r, SECONDS(400));
	cursor = 0;
	fuzz_require(!ike_next_sa(r->ike, &cursor, &ike));
	fuzz_require(r->removed == r->installed_in + r->installed_out);
	fuzz_require(r->leases == r->released && !r->virtual);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz_input in = { data, n };
	uint8_t shape = fuzz_octet(&in), step = fuzz_octet(&in);
	autorogue r = open_peer(shape);
	unsigned last = last_step(&r);

	/* An assertion of the rogue's ends the process: there is no test that it could end. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	rogue_reach(&r, step > last || !step ? last : step);
	for (unsigned i = 0; i < MESSAGES_MAX && in.n; i++)
		one_thing(&r, &in, 0x77000000 + i);
	judge(&r);
	return 0;
}
