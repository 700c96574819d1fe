/* SPDX-License-Identifier: Apache-2.0 */
#include "fragment.h"

#include "reassembly.h"

/*
 * Fragments of IKEv1 messages, as Cisco and Microsoft made them ([MS-IKEE] "Fragment Payload"): each travels in clear, as an
 * ISAKMP message of its own with one payload 132; together they are a whole message, header included. They keep
 * large messages (certificates) out of IP fragments, which many firewalls drop.
 */

enum {
	FRAGMENT_OVERHEAD = ISAKMP_HEADER_OCTETS + 4 + 4, /* header, generic header, the payload's own fields */
	UDP_OCTETS = 8,
	MARKER_OCTETS = 4, /* RFC 3948 section 2.2 */
	FRAGMENT_MIN = 64,
};

/* ---- Sending */

static bool
fragments_wanted(const struct ike_sa *sa)
{
	enum fragmentation f = sa->conn ? sa->conn->fragmentation : FRAGMENTATION_NO;

	return f == FRAGMENTATION_FORCE || (f == FRAGMENTATION_YES && sa->peer_fragments);
}

/* How much of the message fits an IP packet of fragment_size octets. */
static size_t
piece_octets(const struct ike_sa *sa)
{
	size_t ip = sa->remote.ip.family == IP_V6 ? 40 : 20;
	size_t marker = sa->local.port == sa->core->settings.port_nat_t ? MARKER_OCTETS : 0;
	size_t around = ip + UDP_OCTETS + marker, size = sa->core->settings.fragment_size;

	return size > around + FRAGMENT_OVERHEAD + FRAGMENT_MIN ? size - around : FRAGMENT_OVERHEAD + FRAGMENT_MIN;
}

/*
 * Charon's form: the exchange type of Phase 1 and no message id, whatever is inside; before Phase 1 is done it takes no other.
 * Racoon keeps both, and minds neither.
 */
static struct span
one_fragment(const struct ike_sa *sa, uint8_t *room, size_t cap, struct fragment_payload f)
{
	struct isakmp_header h = { .version = 0x10, .exchange = sa->aggressive ? EXCHANGE_AGGRESSIVE : EXCHANGE_MAIN };
	struct payload p = { .type = PAYLOAD_FRAGMENT, .fragment = f };
	struct builder b;

	memcpy(h.cookie_i, sa->cookie_i, 8);
	memcpy(h.cookie_r, sa->cookie_r, 8);
	builder_start(&b, room, cap, &h);
	builder_add(&b, &p);
	return builder_finish(&b);
}

/* A repetition of the message has the same id, so that what came of the first try completes the second. */
static uint16_t
fragment_id(const struct ike_sa *sa, struct span message)
{
	uint16_t id = (uint16_t)core_digest(sa->core, message);

	return id ? id : 1;
}

bool
ike1_send_fragments(struct ike_sa *sa, struct span message)
{
	struct ike *core = sa->core;
	size_t whole = piece_octets(sa), each = whole - FRAGMENT_OVERHEAD, n = (message.n + each - 1) / each;
	uint8_t *room = message.n > whole && n <= UINT8_MAX && fragments_wanted(sa) ? arena_alloc(&core->scratch, whole) : NULL;
	uint16_t id = fragment_id(sa, message);

	if (!room)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t from = i * each, octets = message.n - from < each ? message.n - from : each;
		struct fragment_payload f = { .id = id,
			                      .number = (uint8_t)(i + 1),
			                      .flags = i + 1 == n ? FRAGMENT_LAST : 0,
			                      .data = span_of(message.p + from, octets) };

		ike_sa_send_datagram(sa, one_fragment(sa, room, whole, f));
	}
	core->counters.fragments_sent += n;
	say(core, LOG_IKE, LOG_CONTROL, sa, NULL, "splitting IKE message of %zu octets into %zu fragments", message.n, n);
	return true;
}

/* ---- Receiving */

static const char *
decode(struct fragment_payload *f, const struct datagram *in, const struct isakmp_header *h, struct arena *scratch)
{
	struct message m = { .h = *h };
	const char *why = isakmp_decode_payloads(&m, h->next_payload,
	                                         span_of(in->data.p + ISAKMP_HEADER_OCTETS, h->length - ISAKMP_HEADER_OCTETS),
	                                         false, scratch);

	if (!why && m.n != 1)
		why = "there is another payload beside the Fragment payload";
	if (!why)
		*f = m.payload[0].fragment;
	return why;
}

static const char *
fault(enum reassembly_result r)
{
	switch (r) {
	case REASSEMBLY_BAD_NUMBER:
		return "its number is 0, beyond the last, or too high";
	case REASSEMBLY_CONFLICT:
		return "a different fragment with the same number came before";
	case REASSEMBLY_TOO_LARGE:
		return "the message would exceed charon.max_packet, or the limit on all waiting fragments";
	case REASSEMBLY_NOMEM:
		return "out of memory";
	default:
		return NULL;
	}
}

/* What is inside must be a message of the same SA, and no fragment again. */
static enum verdict
inner_header(struct isakmp_header *inner, const struct isakmp_header *h, struct span whole, const char **why)
{
	*why = isakmp_decode_header(inner, whole);
	if (*why)
		return VERDICT_MALFORMED;
	*why = "a fragment inside fragments, or other cookies";
	if (inner->next_payload == PAYLOAD_FRAGMENT || inner->version >> 4 != 1 || memcmp(inner->cookie_i, h->cookie_i, 8) != 0 ||
	    memcmp(inner->cookie_r, h->cookie_r, 8) != 0)
		return VERDICT_FRAGMENT;
	return VERDICT_OK;
}

bool
ike1_take_fragment(struct ike_sa *sa, const struct datagram *in, const struct isakmp_header *h, struct datagram *whole,
                   struct isakmp_header *inner)
{
	static const uint8_t none[8];
	struct ike *core = sa->core;
	struct fragment_payload f;
	const char *why = NULL;
	enum reassembly_result r;
	enum verdict v = VERDICT_OK;

	if (sa->conn && sa->conn->fragmentation == FRAGMENTATION_NO) {
		refuse(core, sa, VERDICT_FRAGMENT, "fragmentation = no");
		return false;
	}
	/* A peer that does not return our cookie may be anywhere (RFC 2408 section 2.5.3), and could fill our memory. */
	if (sa->role == RESPONDER && memcmp(h->cookie_r, none, 8) == 0) {
		refuse(core, sa, VERDICT_FRAGMENT, "it does not have the responder's cookie");
		return false;
	}
	why = h->flags & FLAG_ENCRYPTION ? "its header says that it is encrypted" : decode(&f, in, h, &core->scratch);
	if (why) {
		refuse(core, sa, VERDICT_MALFORMED, why);
		return false;
	}
	core->counters.fragments_received++;
	*whole = *in;
	r = reassembly_take(&sa->reassembly, &core->fragments, core->now,
	                    &(struct message_fragment) { f.id, f.number, f.flags & FRAGMENT_LAST, f.data }, &core->scratch,
	                    &whole->data);
	if (r == REASSEMBLY_REPEATED)
		core->verdicts[VERDICT_DUPLICATE]++;
	else if ((why = fault(r)))
		refuse(core, sa, VERDICT_FRAGMENT, why);
	else if (r == REASSEMBLY_WHOLE && (v = inner_header(inner, h, whole->data, &why)))
		refuse(core, sa, v, why);
	return r == REASSEMBLY_WHOLE && !v;
}
