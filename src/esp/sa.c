/* SPDX-License-Identifier: Apache-2.0 */
#include "sa.h"

#include "esp_worker.h"
#include "sa_selectors.h"
#include "secret.h"
#include "table.h"

/* Without ESN an SA asks to be renewed when a quarter of its numbers is left. */
static const uint64_t seq_32_soft = UINT64_C(0xc0000000), seq_32_last = UINT32_MAX;

/* Outbound SPIs are the peers' choice, so they are looked up by a keyed hash with the peer's end. */
static uint32_t
outbound_key(const struct esp_worker *w, uint32_t spi, const struct endpoint *remote)
{
	uint8_t key[23] = { remote->ip.family };

	memcpy(key + 1, remote->ip.b, 16);
	put_be16(key + 17, remote->port);
	put_be32(key + 19, spi);
	return (uint32_t)siphash24(w->hash_key[0], w->hash_key[1], span_of(key, sizeof key));
}

static struct esp_sa *
find_outbound(struct esp_worker *w, uint32_t spi, const struct endpoint *remote)
{
	uint32_t h, key = outbound_key(w, spi, remote);
	size_t at = spi_table_home(&w->out, key);

	while ((h = spi_table_next(&w->out, key, &at)) != 0) {
		struct esp_sa *sa = slab_at(&w->slab, h);

		if (sa->spi == spi && endpoint_equal(&sa->path->remote, remote))
			return sa;
	}
	return NULL;
}

struct esp_sa *
esp_sa_find(struct esp_worker *w, enum sa_direction d, uint32_t spi, const struct endpoint *remote)
{
	uint32_t h;

	if (d == SA_OUTBOUND)
		return find_outbound(w, spi, remote);
	h = spi_table_find(&w->in, spi);
	return h ? slab_at(&w->slab, h) : NULL;
}

static size_t
sa_octets(const struct bulk_suite *s, bool inbound, uint32_t window, size_t selectors)
{
	return SA_PACKET_OCTETS + s->key_size + (inbound ? replay_octets(window) + selectors : 0);
}

/* As it was allocated; sa_selectors_octets in reverse. */
static size_t
sa_octets_of(struct esp_sa *sa)
{
	struct selector_pair v4 = {
		.local.lo.family = IP_V4, .local.hi.family = IP_V4, .remote.lo.family = IP_V4, .remote.hi.family = IP_V4
	};
	struct selector_pair v6 = {
		.local.lo.family = IP_V6, .local.hi.family = IP_V6, .remote.lo.family = IP_V6, .remote.hi.family = IP_V6
	};
	bool inbound = !(sa->flags & SA_OUT);

	return sa_octets(sa->suite, inbound, inbound ? esp_sa_replay(sa)->window : 0,
	                 sa->n_v4 * sa_selectors_octets(&v4, 1) + sa->n_v6 * sa_selectors_octets(&v6, 1));
}

/* Everything that can be wrong with the parameters, before anything is made. */
static const char *
refuse(struct esp_worker *w, const struct sa_params *p, const struct bulk_suite *s, size_t selectors)
{
	if (!s)
		return "the ESP algorithms are not available in this build";
	if (p->encr_key.n != s->encr_key_octets || p->integ_key.n != s->integ_key_octets)
		return "the key lengths are not those of the ESP algorithms";
	if (p->mode != MODE_TUNNEL)
		return "only tunnel mode is supported";
	/* RFC 4303 section 2.1: 1 to 255 are reserved by IANA, 0 "MUST NOT be sent on the wire". */
	if (p->spi <= 255)
		return "the SPI is in the reserved range 0 to 255";
	if (selectors == SIZE_MAX)
		return "a traffic selector is dynamic or mixes IPv4 and IPv6";
	if (esp_sa_find(w, p->direction, p->spi, &p->remote))
		return "an SA with this SPI is installed already";
	return NULL;
}

static uint16_t
flags_of(const struct sa_params *p)
{
	return (uint16_t)((p->direction == SA_OUTBOUND ? SA_OUT : 0) | (p->esn ? SA_ESN : 0) | (p->copy_df ? SA_COPY_DF : 0) |
	                  (p->copy_ecn ? SA_COPY_ECN : 0) | (p->copy_dscp & 1 ? SA_COPY_DSCP_OUT : 0) |
	                  (p->copy_dscp & 2 ? SA_COPY_DSCP_IN : 0));
}

/* A cipher whose IV has the size of a block and no salt chains its blocks. */
static bool
is_cbc(const struct bulk_suite *s)
{
	return s->iv_octets && !s->salt_octets;
}

static uint64_t
limit(uint64_t configured)
{
	return configured ? configured : UINT64_MAX;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
set_limits(struct esp_sa *sa, const struct sa_params *p, uint64_t seq)
{
	sa->hard_octets = limit(p->hard_octets);
	sa->hard_packets = limit(p->hard_packets);
	sa->next_octets = least(limit(p->soft_octets), sa->hard_octets);
	sa->next_packets = least(limit(p->soft_packets), sa->hard_packets);
	if (p->esn || p->direction == SA_INBOUND)
		return;
	/* RFC 4303 section 2.2: the sequence number "must never be allowed to cycle". */
	sa->next_packets = least(sa->next_packets, seq < seq_32_soft ? seq_32_soft - seq : 1);
	sa->hard_packets = least(sa->hard_packets, seq_32_last - seq);
}

/*
 * The IV of an AEAD and of CTR is the sequence number itself: unique for the key, as
 * RFC 4106 section 3.1, RFC 4309 section 3.1, RFC 3686 section 3.1 and RFC 7634 section 2 ask. CBC's is the encryption of the number
 * XOR a random mask: unpredictable, as RFC 3602 section 3 asks.
 */
static void
set_iv_mask(struct esp_worker *w, struct esp_sa *sa, const struct esp_sa_extra *x)
{
	if (x->iv_mask)
		memcpy(sa->iv_mask, x->iv_mask, sizeof sa->iv_mask);
	else if (sa->flags & SA_CBC)
		rng_fill(w->rng, sa->iv_mask, sizeof sa->iv_mask);
}

static void
fill(struct esp_worker *w, struct esp_sa *sa, const struct sa_params *p, const struct esp_sa_extra *x)
{
	sa->spi = p->spi;
	sa->flags = (uint16_t)(flags_of(p) | sa_selectors_flags(x->ts, x->n_ts) | (is_cbc(sa->suite) ? SA_CBC : 0));
	sa->head_octets = (uint8_t)(8 + sa->suite->iv_octets);
	sa->align = sa->suite->align;
	sa->icv_octets = sa->suite->icv_octets;
	sa->child_id = p->child_id;
	sa->reqid = p->reqid;
	set_limits(sa, p, x->seq);
	if (p->direction == SA_OUTBOUND) {
		sa->seq = x->seq;
		set_iv_mask(w, sa, x);
		return;
	}
	replay_open(esp_sa_replay(sa), replay_window_clamp(p->replay_window));
	esp_sa_replay(sa)->top = x->seq;
	sa_selectors_pack(sa, (uint8_t *)esp_sa_replay(sa) + replay_octets(esp_sa_replay(sa)->window), x->ts, x->n_ts);
}

/* Gives back whatever of an SA exists. */
static void
discard(struct esp_worker *w, struct esp_sa *sa, size_t octets)
{
	path_put(&w->paths, sa->path);
	slab_free(&w->slab, sa->handle, octets);
}

static bool
enter_table(struct esp_worker *w, struct esp_sa *sa)
{
	if (sa->flags & SA_OUT)
		return spi_table_add(&w->out, outbound_key(w, sa->spi, &sa->path->remote), sa->handle);
	return spi_table_add(&w->in, sa->spi, sa->handle);
}

static void
leave_table(struct esp_worker *w, const struct esp_sa *sa)
{
	if (sa->flags & SA_OUT)
		spi_table_remove(&w->out, outbound_key(w, sa->spi, &sa->path->remote), sa->handle);
	else
		spi_table_remove(&w->in, sa->spi, sa->handle);
}

static struct esp_sa *
build(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *x, const struct bulk_suite *s, size_t octets)
{
	slab_handle h = slab_alloc(&w->slab, octets);
	struct esp_sa *sa;

	if (!h)
		return NULL;
	sa = slab_at(&w->slab, h);
	sa->handle = h;
	sa->suite = s;
	sa->path = path_get(&w->paths, &p->local, &p->remote, p->udp_encap, x->mtu ? x->mtu : SA_MTU_DEFAULT);
	if (!sa->path || !bulk_key_expand(w->bulk, s, (uint8_t *)sa + SA_PACKET_OCTETS, p->direction == SA_OUTBOUND, p->encr_key,
	                                  p->integ_key)) {
		discard(w, sa, octets);
		return NULL;
	}
	fill(w, sa, p, x);
	if (enter_table(w, sa))
		return sa;
	bulk_key_clear(s, (uint8_t *)sa + SA_PACKET_OCTETS);
	discard(w, sa, octets);
	return NULL;
}

struct esp_sa *
esp_sa_add(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *given, const char **why)
{
	const struct bulk_suite *s = bulk_suite(w->bulk, p->encr.id, p->encr.key_bits, p->integ_id);
	struct esp_sa_extra x = given ? *given : (struct esp_sa_extra) { 0 };
	uint32_t window = replay_window_clamp(p->replay_window);
	struct esp_sa *sa;
	size_t selectors;

	if (!x.n_ts) {
		x.ts = &p->ts;
		x.n_ts = 1;
	}
	selectors = x.n_ts > SA_SELECTORS_MAX ? SIZE_MAX : sa_selectors_octets(x.ts, x.n_ts);
	*why = refuse(w, p, s, selectors);
	if (*why)
		return NULL;
	sa = build(w, p, &x, s, sa_octets(s, p->direction == SA_INBOUND, window, selectors));
	if (!sa)
		*why = "out of memory for another SA";
	return sa;
}

void
esp_sa_remove(struct esp_worker *w, struct esp_sa *sa)
{
	size_t octets = sa_octets_of(sa);

	leave_table(w, sa);
	bulk_key_clear(sa->suite, (uint8_t *)sa + SA_PACKET_OCTETS);
	discard(w, sa, octets);
}

bool
esp_sa_move(struct esp_worker *w, struct esp_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	struct esp_path *from = sa->path, *to;
	bool out = sa->flags & SA_OUT;

	if (out && !endpoint_equal(remote, &from->remote) && find_outbound(w, sa->spi, remote))
		return false;
	to = path_get(&w->paths, local, remote, from->udp_encap, from->mtu);
	if (!to)
		return false;
	/* Leaving first keeps the table from having to grow. */
	leave_table(w, sa);
	sa->path = to;
	if (enter_table(w, sa)) {
		path_put(&w->paths, from);
		return true;
	}
	sa->path = from;
	path_put(&w->paths, to);
	enter_table(w, sa);
	return false;
}

void
esp_sa_usage(const struct esp_sa *sa, struct sa_usage *out)
{
	*out = (struct sa_usage) { .octets = sa->octets, .packets = sa->packets, .last_use_ns = sa->last_use_ns };
}

size_t
esp_sa_count(const struct esp_worker *w)
{
	return w->in.n + w->out.n;
}

size_t
esp_sa_memory(const struct esp_worker *w)
{
	return slab_memory(&w->slab) + spi_table_memory(&w->in) + spi_table_memory(&w->out) + path_table_memory(&w->paths);
}
