/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"
#include "secret.h"

/*
 * The Authentication Header: RFC 4302. Packets are worked on one by one, in a
 * copy whose mutable fields are zero.
 */

enum { SPI_AT = 4, SEQ_AT = 8, PADDING_MAX = 7, SEQ_HIGH_OCTETS = 4, HASHED_MAX = ESP_OCTETS_MAX };

uint32_t
ah_octets(const struct esp_sa *sa, bool v6)
{
	uint32_t n = AH_FIXED_OCTETS + sa->icv_octets;

	return v6 ? (n + 7) & ~7u : n;
}

/*
 * The ICV of the packet at @ip, whose AH of @ah octets stands behind @header
 * octets: section 3.3.3. NULL: the header is malformed, or the packet too long.
 */
static const uint8_t *
icv_of(struct esp_worker *w, const struct esp_sa *sa, const uint8_t *ip, uint32_t header, uint32_t len, uint64_t seq)
{
	uint8_t *copy = w->form->mac;
	struct bulk_op op = { .key = esp_sa_key(sa), .head = copy, .payload = len - 8 };

	if (len > HASHED_MAX)
		return NULL;
	memcpy(copy, ip, len);
	if (!ah_mask_header(copy, header))
		return NULL;
	memset(copy + header + AH_FIXED_OCTETS, 0, sa->icv_octets);
	/* Section 3.3.3.2.2: "the high-order 32 bits are appended to the end of the AH packet". */
	if (sa->flags & SA_ESN) {
		put_be32(copy + len, (uint32_t)(seq >> 32));
		op.payload += SEQ_HIGH_OCTETS;
	}
	bulk_seal(w->bulk, sa->suite, &op, 1);
	return copy + op.payload + 8;
}

bool
ah_seal(struct esp_worker *w, struct esp_sa *sa, uint8_t *ip, const struct form_job *job, uint32_t len, uint64_t seq,
        uint8_t next)
{
	uint32_t n = ah_octets(sa, ip[0] >> 4 == 6);
	uint8_t *ah = ip + job->header;
	const uint8_t *icv;

	memset(ah, 0, n);
	ah[0] = next;
	ah[1] = (uint8_t)(n / 4 - 2);
	put_be32(ah + SPI_AT, sa->spi);
	put_be32(ah + SEQ_AT, (uint32_t)seq);
	icv = icv_of(w, sa, ip, job->header, len, seq);
	if (icv)
		memcpy(ah + AH_FIXED_OCTETS, icv, sa->icv_octets);
	return icv != NULL;
}

/* ---- inbound: section 3.4 */

static bool
lengths_fit(const struct esp_sa *sa, const struct packet *p)
{
	uint32_t n = (p->p[1] + 2u) * 4, least = AH_FIXED_OCTETS + sa->icv_octets;

	/* Some senders pad to 64 bits over IPv4, too. */
	return n >= least && n <= least + PADDING_MAX && n <= p->len && p->len + p->head <= ESP_OCTETS_MAX;
}

/* 3.4.2, 3.4.3 before the ICV. */
static enum esp_drop
admit(struct esp_worker *w, struct packet *p)
{
	uint32_t h;

	p->sa = NULL;
	p->spi = p->len >= AH_FIXED_OCTETS && p->head >= IPV4_HEADER ? get_be32(p->p + SPI_AT) : 0;
	if (!p->spi)
		return ESP_DROP_RUNT;
	h = spi_table_find(&w->in, p->spi);
	p->sa = h ? slab_at(&w->slab, h) : NULL;
	if (!p->sa || !(p->sa->flags & SA_FORM) || esp_sa_form(p->sa)->protocol != PROTO_AH) {
		p->sa = NULL;
		return ESP_DROP_NO_SA;
	}
	if (!lengths_fit(p->sa, p))
		return ESP_DROP_RUNT;
	if (p->sa->flags & SA_HARD_REPORTED)
		return ESP_DROP_LIFETIME;
	p->seq = get_be32(p->p + SEQ_AT);
	if (p->sa->flags & SA_ESN)
		p->seq = replay_infer(&p->sa->replay, (uint32_t)p->seq);
	return replay_check(&p->sa->replay, esp_sa_ring(p->sa), p->seq) ? ESP_DROP_NONE : ESP_DROP_REPLAY;
}

/* 3.4.4 */
static enum esp_drop
verify(struct esp_worker *w, struct packet *p)
{
	const uint8_t *icv = icv_of(w, p->sa, p->p - p->head, p->head, p->len + p->head, p->seq);

	if (!icv)
		return ESP_DROP_HEADER;
	if (!secret_equal(span_of(icv, p->sa->icv_octets), span_of(p->p + AH_FIXED_OCTETS, p->sa->icv_octets)))
		return ESP_DROP_ICV;
	return replay_commit(&p->sa->replay, esp_sa_ring(p->sa), p->seq) ? ESP_DROP_NONE : ESP_DROP_REPLAY;
}

/* Within a bundle: what AH covered is the ESP that belongs to it; the IP header moves up to it. */
static enum esp_drop
unwrap_bundle(struct packet *p, uint32_t ah, const struct esp_sa *esp)
{
	uint8_t *ip = p->p - p->head;

	if (p->p[0] != PROTO_ESP || p->len < ah + 8 || get_be32(p->p + ah) != esp->spi)
		return ESP_DROP_BUNDLE;
	memmove(ip + ah, ip, p->head);
	p->p += ah;
	p->len -= ah;
	p->next = PROTO_AH;
	return ESP_DROP_NONE;
}

static enum esp_drop
unwrap(struct esp_worker *w, struct packet *p, uint32_t ah, instant_t now_ns)
{
	uint8_t *ip = p->p - p->head;
	enum esp_drop d;

	p->next = p->p[0];
	p->p += ah;
	p->len -= ah;
	d = form_restore(w, p, ip, p->head, ip_next_at(ip, p->head));
	esp_account(w, p->sa, d ? 0 : p->len, now_ns);
	return d ? d : form_accept(p);
}

static enum esp_drop
open_one(struct esp_worker *w, struct packet *p, instant_t now_ns)
{
	enum esp_drop d = admit(w, p);
	const struct sa_form *f;
	uint32_t ah;

	if (!d)
		d = verify(w, p);
	if (d)
		return d;
	f = esp_sa_form(p->sa);
	ah = (p->p[1] + 2u) * 4;
	return f->other ? unwrap_bundle(p, ah, f->other) : unwrap(w, p, ah, now_ns);
}

/* Packets of bundles go on as ESP; the batch keeps those that are done, and those that are dropped. */
static void
split_bundles(struct batch *b, struct batch *esp)
{
	size_t kept = 0;

	esp->n = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];

		if (!p->drop && esp_sa_form(p->sa)->member)
			esp->pkt[esp->n++] = *p;
		else
			b->pkt[kept++] = *p;
	}
	b->n = kept;
}

void
ah_receive(struct esp_worker *w, struct batch *b, instant_t now_ns)
{
	struct batch *esp;
	size_t accepted, dropped;

	w->n_events = 0;
	if (!w->form) {
		for (size_t i = 0; i < b->n; i++)
			b->pkt[i].drop = ESP_DROP_NO_SA;
		batch_compact(b, w->drops);
		return;
	}
	form_room_reset(w);
	esp = &w->form->bundle;
	for (size_t i = 0; i < b->n; i++)
		if (!b->pkt[i].drop)
			b->pkt[i].drop = (uint8_t)open_one(w, &b->pkt[i], now_ns);
	split_bundles(b, esp);
	batch_compact(b, w->drops);
	counter_add(&w->drops[ESP_DROP_NONE], b->n);
	if (!esp->n)
		return;
	esp_receive_more(w, esp, now_ns);
	accepted = esp->n;
	dropped = b->n_dropped + esp->n_dropped;
	/* What passed stands in front; of what did not only the number is told, it is counted already. */
	memmove(&b->pkt[b->n + accepted], &b->pkt[b->n], b->n_dropped * sizeof b->pkt[0]);
	memcpy(&b->pkt[b->n], esp->pkt, accepted * sizeof b->pkt[0]);
	memcpy(&b->pkt[b->n + accepted + b->n_dropped], &esp->pkt[accepted], esp->n_dropped * sizeof b->pkt[0]);
	b->n += accepted;
	b->n_dropped = dropped;
}
