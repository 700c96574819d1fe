/* SPDX-License-Identifier: Apache-2.0 */
#include "esp.h"

#include "form.h"
#include "outer.h"

enum { TRAILER_OCTETS = 2, NEXT_IPV4 = 4, NEXT_IPV6 = 41, NEXT_DUMMY = 59, IPV4_MIN = 20, CACHE_LINE = 64 };

/* ---- inbound: RFC 4303 section 3.4 */

static void
prefetch_sa(const struct esp_sa *sa)
{
	__builtin_prefetch(sa, 1);
	__builtin_prefetch((const uint8_t *)sa + CACHE_LINE, 1);
}

/*
 * 3.4.2, in three passes, so that with many SAs the cache misses of a batch
 * overlap: slots of the table, then SAs, then their windows.
 */
static void
find_sas(struct esp_worker *w, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];

		p->sa = NULL;
		p->spi = p->drop || p->len < 8 ? 0 : get_be32(p->p);
		spi_table_prefetch(&w->in, p->spi);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];
		uint32_t h = p->spi ? spi_table_find(&w->in, p->spi) : 0;

		if (!h)
			continue;
		p->sa = slab_at(&w->slab, h);
		prefetch_sa(p->sa);
	}
}

/* Whether @len can be a packet of the SA: a payload of whole blocks that holds at least the trailer. */
static bool
length_fits(const struct esp_sa *sa, uint32_t len)
{
	uint32_t frame = (uint32_t)sa->head_octets + sa->icv_octets;

	/* align is 4 or 16 */
	return len >= frame + sa->align && len <= ESP_OCTETS_MAX && ((len - frame) & (sa->align - 1u)) == 0;
}

static enum esp_drop
admit(struct packet *p)
{
	if (!p->sa)
		return p->len < 8 ? ESP_DROP_RUNT : ESP_DROP_NO_SA;
	if (!length_fits(p->sa, p->len))
		return ESP_DROP_RUNT;
	if (p->sa->flags & (SA_HARD_REPORTED | SA_FORM)) {
		enum esp_drop d = p->sa->flags & SA_HARD_REPORTED ? ESP_DROP_LIFETIME : form_admit(p);

		if (d)
			return d;
	}
	p->seq = get_be32(p->p + 4);
	if (p->sa->flags & SA_ESN)
		p->seq = replay_infer(&p->sa->replay, (uint32_t)p->seq);
	return replay_check(&p->sa->replay, esp_sa_ring(p->sa), p->seq) ? ESP_DROP_NONE : ESP_DROP_REPLAY;
}

static void
prefetch_windows(const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct packet *p = &b->pkt[i];

		if (p->sa)
			__builtin_prefetch(esp_sa_ring(p->sa) + replay_word(&p->sa->replay, get_be32(p->p + 4)), 1);
	}
}

/* 3.4.4: separate confidentiality and integrity algorithms, and combined ones. */
static void
aead_open_batch(struct esp_worker *w, struct batch *b)
{
	w->n_op = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct packet *p = &b->pkt[i];

		if (p->drop)
			continue;
		*op_add(w, i, p->sa) = (struct bulk_op) {
			.key = esp_sa_key(p->sa),
			.head = p->p,
			.payload = p->len - p->sa->head_octets - p->sa->icv_octets,
			.seq_high = (uint32_t)(p->seq >> 32),
			.esn = p->sa->flags & SA_ESN,
		};
	}
	op_run(w, false);
	for (size_t k = 0; k < w->n_op; k++)
		if (!w->op[k].ok)
			b->pkt[w->packet_of[k]].drop = ESP_DROP_ICV;
}

/*
 * The trailer, section 2.4: "the receiver SHOULD inspect the Padding field"; its first
 * octet of padding is 1, the second 2, and so on. Leaves the payload in p, len.
 */
static enum esp_drop
strip_trailer(struct packet *p)
{
	uint8_t *payload = p->p + p->sa->head_octets;
	uint32_t n = p->len - p->sa->head_octets - p->sa->icv_octets;
	uint32_t pad = payload[n - 2];

	if (pad > n - TRAILER_OCTETS)
		return ESP_DROP_PADDING;
	for (uint32_t i = 0; i < pad; i++)
		if (payload[n - TRAILER_OCTETS - pad + i] != i + 1)
			return ESP_DROP_PADDING;
	p->next = payload[n - 1];
	p->p = payload;
	p->len = n - TRAILER_OCTETS - pad;
	/* 2.6: "a receiver MUST be prepared to discard such packets, without indicating an error." */
	return p->next == NEXT_DUMMY ? ESP_DROP_DUMMY : ESP_DROP_NONE;
}

enum esp_drop
esp_trim_inner(struct packet *p)
{
	uint32_t total;

	if (p->next == NEXT_IPV4) {
		uint32_t header;

		if (p->len < IPV4_MIN || p->p[0] >> 4 != 4)
			return ESP_DROP_INNER;
		header = (p->p[0] & 15u) * 4;
		total = get_be16(p->p + 2);
		if (header < IPV4_MIN || total < header)
			return ESP_DROP_INNER;
	} else {
		if (p->next != NEXT_IPV6)
			return ESP_DROP_PADDING;
		if (p->len < IPV6_HEADER || p->p[0] >> 4 != 6)
			return ESP_DROP_INNER;
		total = IPV6_HEADER + (uint32_t)get_be16(p->p + 4);
	}
	if (total > p->len)
		return ESP_DROP_INNER;
	p->len = total;
	return ESP_DROP_NONE;
}

/*
 * The window moves only where the ICV held; this second look also catches a
 * duplicate inside the batch (3.4.3). Then RFC 4301 section 5.2 step 4.
 */
static enum esp_drop
accept(struct esp_worker *w, struct packet *p, instant_t now_ns)
{
	enum esp_drop d;

	if (!replay_commit(&p->sa->replay, esp_sa_ring(p->sa), p->seq))
		return ESP_DROP_REPLAY;
	d = strip_trailer(p);
	if (!d)
		d = p->sa->flags & SA_FORM ? form_restore_esp(w, p) : esp_trim_inner(p);
	esp_account(w, p->sa, d == ESP_DROP_NONE ? p->len : 0, now_ns);
	if (d)
		return d;
	if (!sa_selectors_admit(p->sa, p->p, p->len))
		return ESP_DROP_SELECTOR;
	return p->sa->flags & SA_TRANSPORT || outer_carry_in(p->sa, p->p, p->tos) ? ESP_DROP_NONE : ESP_DROP_ECN;
}

void
esp_receive(struct esp_worker *w, struct batch *b, instant_t now_ns)
{
	w->n_events = 0;
	form_room_reset(w);
	esp_receive_more(w, b, now_ns);
}

void
esp_receive_more(struct esp_worker *w, struct batch *b, instant_t now_ns)
{
	find_sas(w, b);
	prefetch_windows(b);
	for (size_t i = 0; i < b->n; i++)
		if (!b->pkt[i].drop)
			b->pkt[i].drop = (uint8_t)admit(&b->pkt[i]);
	aead_open_batch(w, b);
	for (size_t i = 0; i < b->n; i++)
		if (!b->pkt[i].drop)
			b->pkt[i].drop = (uint8_t)accept(w, &b->pkt[i], now_ns);
	batch_compact(b, w->drops);
	counter_add(&w->drops[ESP_DROP_NONE], b->n);
}

/* ---- outbound: RFC 4303 section 3.3 */

static bool
is_ip(const struct packet *p)
{
	return p->len >= IPV4_MIN && (p->p[0] >> 4 == 4 || (p->p[0] >> 4 == 6 && p->len >= IPV6_HEADER));
}

static enum esp_drop
may_leave(const struct packet *p)
{
	const struct esp_sa *sa = p->sa;

	if (!sa)
		return ESP_DROP_NO_OUTBOUND_SA;
	if (p->next != NEXT_DUMMY && !is_ip(p))
		return ESP_DROP_MALFORMED;
	if (p->len > ESP_OCTETS_MAX || esp_sealed_octets(sa, p->len) > ESP_OCTETS_MAX)
		return ESP_DROP_TOO_BIG;
	/* 3.3.3: "the sender MUST NOT send a packet on an SA if doing so would cause the sequence number to cycle." */
	if (sa->seq == (sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX))
		return ESP_DROP_SEQ_EXHAUSTED;
	return sa->flags & SA_HARD_REPORTED ? ESP_DROP_LIFETIME : ESP_DROP_NONE;
}

/* 2.4: padding to the block, its length, the next header. Returns the octets to cipher. */
static uint32_t
append_trailer(const struct esp_sa *sa, uint8_t *inner, uint32_t len, uint8_t next)
{
	static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	uint32_t n = (len + TRAILER_OCTETS + sa->align - 1u) & ~(sa->align - 1u);
	uint32_t pad = n - len - TRAILER_OCTETS;

	memcpy(inner + len, padding, pad);
	inner[n - 2] = (uint8_t)pad;
	inner[n - 1] = next;
	return n;
}

/* SPI, sequence number and the source of the IV: see set_iv_mask in sa.c. Returns the nonce that CBC encrypts. */
static const uint8_t *
prepend_header(const struct esp_sa *sa, uint8_t *head, uint8_t nonce[16], uint64_t seq)
{
	put_be32(head, sa->spi);
	put_be32(head + 4, (uint32_t)seq);
	if (!(sa->flags & SA_CBC)) {
		if (sa->head_octets > 8)
			put_be64(head + 8, get_be64(sa->iv_mask) ^ seq);
		return NULL;
	}
	memcpy(nonce, sa->iv_mask, 16);
	seq ^= get_be64(nonce + sa->suite->iv_octets - 8);
	put_be64(nonce + sa->suite->iv_octets - 8, seq);
	return nonce;
}

static inline void
add_seal(struct esp_worker *w, struct batch *b, size_t i)
{
	struct packet *p = &b->pkt[i];
	struct esp_sa *sa = p->sa;
	uint8_t *nonce = w->nonce[w->n_op];
	struct bulk_op *op = op_add(w, i, sa);
	uint32_t payload;

	p->seq = ++sa->seq;
	p->spi = sa->spi;
	payload = append_trailer(sa, p->p, p->len, p->next);
	p->p -= sa->head_octets;
	p->len = sa->head_octets + payload + sa->icv_octets;
	*op = (struct bulk_op) {
		.key = esp_sa_key(sa),
		.head = p->p,
		.payload = payload,
		.seq_high = (uint32_t)(p->seq >> 32),
		.esn = sa->flags & SA_ESN,
		.iv_nonce = prepend_header(sa, p->p, nonce, p->seq),
	};
}

void
esp_add_seal(struct esp_worker *w, struct batch *b, size_t i)
{
	add_seal(w, b, i);
}

static void
prepare(struct esp_worker *w, struct batch *b, size_t i, instant_t now_ns)
{
	struct packet *p = &b->pkt[i];
	struct esp_sa *sa = p->sa;
	uint32_t inner = 0;

	/* 2.6: "A transmitter MUST be capable of generating dummy packets"; there is nothing inside to copy from. */
	if (p->next != NEXT_DUMMY) {
		p->next = p->p[0] >> 4 == 4 ? NEXT_IPV4 : NEXT_IPV6;
		p->tos = outer_tos(sa, p->p);
		p->df = outer_df(sa, p->p);
		inner = p->len;
	}
	add_seal(w, b, i);
	esp_account(w, sa, inner, now_ns);
}

void
esp_transmit(struct esp_worker *w, struct batch *b, instant_t now_ns)
{
	w->n_events = w->n_op = 0;
	form_room_reset(w);
	for (size_t i = 0; i < b->n; i++)
		if (b->pkt[i].sa)
			prefetch_sa(b->pkt[i].sa);
	for (size_t i = 0; i < b->n; i++) {
		if (!b->pkt[i].drop)
			b->pkt[i].drop = (uint8_t)may_leave(&b->pkt[i]);
		if (b->pkt[i].drop)
			continue;
		if (b->pkt[i].sa->flags & SA_FORM)
			b->pkt[i].drop = (uint8_t)form_prepare(w, b, i, now_ns);
		else
			prepare(w, b, i, now_ns);
	}
	op_run(w, true);
	if (w->form)
		form_complete(w, b);
	batch_compact(b, w->drops);
}
