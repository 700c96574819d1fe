/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any datagram: decoded, printed, written again. What was accepted once is
 * accepted again after it was written, and then changes no more.
 */
#include "config_attribute.h"
#include "fuzz.h"
#include "isakmp.h"
#include "vendor_id.h"

static uint8_t room[2][1 << 17];

/* Writes the message; an empty span where it does not fit (long chains may grow by nothing, so it always does). */
static struct span
written(const struct message *m, uint8_t *out)
{
	struct builder b;

	builder_start(&b, out, sizeof room[0], &m->h);
	for (size_t i = 0; i < m->n; i++)
		builder_add(&b, &m->payload[i]);
	return builder_finish(&b);
}

/* The IDs as identity and as selector; a selector that came from one can be said again, and means the same. */
static void
judge_id(const struct id_payload *id)
{
	struct identity identity;
	struct selector s, again;
	struct id_payload back;
	uint8_t octets[32];
	char text[IDENTITY_TEXT_MAX], selector_text[SELECTOR_TEXT_MAX];

	if (id_payload_identity(&identity, id))
		identity_format(text, &identity);
	if (!id_payload_selector(&s, id))
		return;
	selector_format(selector_text, &s);
	fuzz_require(id_payload_from_selector(&back, octets, &s));
	fuzz_require(id_payload_selector(&again, &back));
	fuzz_require(selector_equal(&s, &again));
}

/* What Mode Config and XAUTH say: addresses; Unity's networks, each of which can be said again, and means the same. */
static void
judge_attributes(const struct attr_payload *p)
{
	struct selector net[8], again;
	uint8_t octets[UNITY_NETWORK_OCTETS];

	for (size_t i = 0; i < p->n_attr; i++) {
		const struct attribute *a = &p->attr[i];
		struct ip ip = config_attribute_ip(a);
		size_t n = a->tv ? 0 : unity_networks_read(net, 8, a->octets);

		fuzz_require(ip.family == IP_NONE || ip.family == IP_V4 || ip.family == IP_V6);
		fuzz_require(config_attribute_find(p, a->type, NULL) <= a);
		for (size_t k = 0; k < n; k++) {
			fuzz_require(unity_network_write(octets, &net[k]));
			fuzz_require(unity_networks_read(&again, 1, span_of(octets, sizeof octets)) == 1);
			fuzz_require(selector_equal(&net[k], &again));
		}
	}
}

static void
judge(const struct message *m)
{
	static char text[4096];
	struct dump d = { .text = text, .cap = sizeof text };

	message_dump(&d, m);
	fuzz_require(d.n < sizeof text && text[d.n] == 0);
	for (size_t i = 0; i < m->n; i++) {
		const struct payload *p = &m->payload[i];

		fuzz_require(p->type == PAYLOAD_NONE || message_find(m, p->type, NULL));
		if (p->type == PAYLOAD_ID)
			judge_id(&p->id);
		if (p->type == PAYLOAD_ATTR)
			judge_attributes(&p->attr);
		if (p->type == PAYLOAD_VID)
			fuzz_require(vendor_id_name(vendor_id_recognise(p->data)));
		if (p->type == PAYLOAD_N && notify_sentence(p->n.type))
			fuzz_require(notify_name(p->n.type));
	}
}

static void
decode(const struct isakmp_header *h, struct span body, bool padded)
{
	autoarena arena = { 0 };
	struct message m = { .h = *h }, again = { .h = *h };
	struct span first, second;

	if (isakmp_decode_payloads(&m, h->next_payload, body, padded, &arena))
		return;
	judge(&m);
	first = written(&m, room[0]);
	fuzz_require(first.n >= ISAKMP_HEADER_OCTETS && first.n <= ISAKMP_HEADER_OCTETS + body.n);
	fuzz_require(isakmp_decode_header(&again.h, first) == NULL);
	fuzz_require(isakmp_decode_payloads(&again, again.h.next_payload,
	                                    span_of(first.p + ISAKMP_HEADER_OCTETS, first.n - ISAKMP_HEADER_OCTETS), false,
	                                    &arena) == NULL);
	second = written(&again, room[1]);
	fuzz_require(span_equal(first, second));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct isakmp_header h;
	struct span body;

	if (isakmp_decode_header(&h, span_of(data, n)))
		return 0;
	body = span_of(data + ISAKMP_HEADER_OCTETS, h.length - ISAKMP_HEADER_OCTETS);
	decode(&h, body, false);
	decode(&h, body, true);
	return 0;
}
