/* SPDX-License-Identifier: Apache-2.0 */
#include "sa.h"

#include "form.h"
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

/* What there is in front of the form, which is last. */
static size_t
plain_octets(const struct bulk_suite *s, bool inbound, uint32_t window, size_t selectors)
{
	size_t n = SA_PACKET_OCTETS + s->key_size + (inbound ? replay_ring_octets(window) + selectors : 0);

	return (n + 7) & ~(size_t)7;
}

static size_t
sa_octets(const struct bulk_suite *s, bool inbound, uint32_t window, size_t selectors, bool formed)
{
	return plain_octets(s, inbound, window, selectors) + (formed ? sizeof(struct sa_form) : 0);
}

static size_t
plain_octets_of(const struct esp_sa *sa)
{
	bool inbound = !(sa->flags & SA_OUT);

	return plain_octets(sa->suite, inbound, inbound ? sa->replay.window : 0, sa_selectors_octets_of(sa));
}

/* As it was allocated. */
static size_t
sa_octets_of(const struct esp_sa *sa)
{
	return plain_octets_of(sa) + (sa->flags & SA_FORM ? sizeof(struct sa_form) : 0);
}

struct sa_form *
esp_sa_form(struct esp_sa *sa)
{
	return (struct sa_form *)((uint8_t *)sa + plain_octets_of(sa));
}

static bool
is_ah(const struct sa_params *p)
{
	return p->protocol == PROTO_AH;
}

static bool
has_form(const struct sa_params *p)
{
	return is_ah(p) || p->mode == MODE_TRANSPORT || p->ah.spi || p->ipcomp_cpi;
}

/* Everything that can be wrong with the parameters, before anything is made. */
static const char *
refuse(struct esp_worker *w, const struct sa_params *p, const struct bulk_suite *s, size_t selectors)
{
	if (!s)
		return "the ESP or AH algorithms are not available in this build";
	if (p->encr_key.n != s->encr_key_octets || p->integ_key.n != s->integ_key_octets)
		return "the key lengths are not those of the ESP or AH algorithms";
	if (p->mode != MODE_TUNNEL && p->mode != MODE_TRANSPORT)
		return "only tunnel and transport mode are supported";
	if (p->mode == MODE_TRANSPORT && p->local.ip.family != p->remote.ip.family)
		return "transport mode needs the addresses of both ends";
	if (p->alias.family != IP_NONE && (p->mode != MODE_TRANSPORT || !p->udp_encap || p->alias.family != p->remote.ip.family))
		return "an alias is for a peer of transport mode in UDP, and an address like its own";
	/* RFC 3947 section 1: a NAT changes what AH protects. */
	if ((is_ah(p) || p->ah.spi) && p->udp_encap)
		return "AH cannot pass a NAT: it is not encapsulated in UDP";
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
	                  (p->copy_dscp & 2 ? SA_COPY_DSCP_IN : 0) | (has_form(p) ? SA_FORM : 0) |
	                  (p->mode == MODE_TRANSPORT ? SA_TRANSPORT : 0));
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
 * RFC 4106 section 3.1, RFC 4309 section 3.1, RFC 3686 section 3.1 and RFC 7634 section 2 ask. CBC's is the encryption of the
 * number XOR a random mask: unpredictable, as RFC 3602 section 3 asks.
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
fill_inbound(struct esp_sa *sa, const struct sa_params *p, const struct esp_sa_extra *x)
{
	replay_open(&sa->replay, esp_sa_ring(sa), replay_window_clamp(p->replay_window));
	sa->replay.top = x->seq;
	sa_selectors_pack(sa, x->ts, x->n_ts);
}

/* When the selectors stand, behind which it lies. */
static void
fill_form(struct esp_sa *sa, const struct sa_params *p)
{
	*esp_sa_form(sa) = (struct sa_form) {
		.protocol = is_ah(p) ? PROTO_AH : PROTO_ESP,
		.transport = p->mode == MODE_TRANSPORT,
		.ipcomp_cpi = p->ipcomp_cpi,
		.oa_local = p->nat_oa_local,
		.oa_remote = p->nat_oa_remote,
		.alias = p->alias,
	};
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
	set_limits(sa, p, x->seq);
	if (p->direction == SA_OUTBOUND) {
		sa->seq = x->seq;
		set_iv_mask(w, sa, x);
	} else {
		fill_inbound(sa, p, x);
	}
	if (has_form(p))
		fill_form(sa, p);
}

/* Gives back whatever of an SA exists. */
static void
discard(struct esp_worker *w, slab_handle h, size_t octets)
{
	struct esp_sa *sa = slab_at(&w->slab, h);

	path_put(&w->paths, sa->path);
	slab_free(&w->slab, h, octets);
}

static struct spi_table *
table_of(struct esp_worker *w, const struct esp_sa *sa, uint32_t *key)
{
	*key = sa->flags & SA_OUT ? outbound_key(w, sa->spi, &sa->path->remote) : sa->spi;
	return sa->flags & SA_OUT ? &w->out : &w->in;
}

static bool
enter_table(struct esp_worker *w, slab_handle h)
{
	uint32_t key;
	struct spi_table *t = table_of(w, slab_at(&w->slab, h), &key);

	return spi_table_add(t, key, h);
}

/* The table alone knows an SA's handle; it is returned. */
static slab_handle
leave_table(struct esp_worker *w, const struct esp_sa *sa)
{
	uint32_t key;
	slab_handle h;
	struct spi_table *t = table_of(w, sa, &key);
	size_t at = spi_table_home(t, key);

	do
		h = spi_table_next(t, key, &at);
	while (slab_at(&w->slab, h) != sa);
	spi_table_remove(t, key, h);
	return h;
}

/* AH computes the ICV in both directions, and compares. */
static bool
makes_icvs(const struct sa_params *p)
{
	return p->direction == SA_OUTBOUND || is_ah(p);
}

static struct esp_sa *
build(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *x, const struct bulk_suite *s, size_t octets)
{
	slab_handle h = slab_alloc(&w->slab, octets);
	struct esp_sa *sa;

	if (!h)
		return NULL;
	sa = slab_at(&w->slab, h);
	sa->suite = s;
	sa->path = path_get(&w->paths, &p->local, &p->remote, p->udp_encap, x->mtu ? x->mtu : SA_MTU_DEFAULT);
	if (!sa->path ||
	    !bulk_key_expand(w->bulk, s, (uint8_t *)sa + SA_PACKET_OCTETS, makes_icvs(p), p->encr_key, p->integ_key)) {
		discard(w, h, octets);
		return NULL;
	}
	fill(w, sa, p, x);
	if (enter_table(w, h))
		return sa;
	bulk_key_clear(s, (uint8_t *)sa + SA_PACKET_OCTETS);
	discard(w, h, octets);
	return NULL;
}

static struct esp_sa *
add_one(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *x, const char **why)
{
	uint16_t encr_id = is_ah(p) ? ENCR_NULL : p->encr.id;
	const struct bulk_suite *s = bulk_suite(w->bulk, encr_id, is_ah(p) ? 0 : p->encr.key_bits, p->integ_id);
	uint32_t window = replay_window_clamp(p->replay_window);
	size_t selectors = x->n_ts > SA_SELECTORS_MAX ? SIZE_MAX : sa_selectors_octets(x->ts, x->n_ts);
	struct esp_sa *sa;

	*why = refuse(w, p, s, selectors);
	if (*why)
		return NULL;
	*why = "out of memory for another SA";
	if (has_form(p) && !form_room_open(w))
		return NULL;
	sa = build(w, p, x, s, sa_octets(s, p->direction == SA_INBOUND, window, selectors, has_form(p)));
	if (sa)
		*why = NULL;
	return sa;
}

/* The AH around an ESP: RFC 2401 section 4.3. It has a number and a window of its own; what else is counted is counted by ESP. */
static struct esp_sa *
add_member(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *x, const char **why)
{
	struct sa_params ah = *p;

	ah.protocol = PROTO_AH;
	ah.spi = p->ah.spi;
	ah.integ_id = p->ah.integ_id;
	ah.integ_key = p->ah.integ_key;
	ah.encr = (struct transform) { 0 };
	ah.encr_key = (struct span) { 0 };
	ah.ah.spi = 0;
	ah.ipcomp_cpi = 0;
	ah.soft_octets = ah.hard_octets = ah.soft_packets = ah.hard_packets = 0;
	return add_one(w, &ah, x, why);
}

static void
remove_one(struct esp_worker *w, struct esp_sa *sa)
{
	size_t octets = sa_octets_of(sa);
	slab_handle h = leave_table(w, sa);

	bulk_key_clear(sa->suite, (uint8_t *)sa + SA_PACKET_OCTETS);
	discard(w, h, octets);
}

struct esp_sa *
esp_sa_add(struct esp_worker *w, const struct sa_params *p, const struct esp_sa_extra *given, const char **why)
{
	struct esp_sa_extra x = given ? *given : (struct esp_sa_extra) { 0 };
	struct esp_sa *sa, *ah;

	if (!x.n_ts) {
		x.ts = &p->ts;
		x.n_ts = 1;
	}
	sa = add_one(w, p, &x, why);
	if (!sa || !p->ah.spi || is_ah(p))
		return sa;
	ah = add_member(w, p, &x, why);
	if (!ah) {
		remove_one(w, sa);
		return NULL;
	}
	esp_sa_form(sa)->other = ah;
	*esp_sa_form(ah) = (struct sa_form) { .protocol = PROTO_AH, .transport = true, .member = true, .other = sa };
	return sa;
}

/* The SA that is removed, or moved, with all that belongs to it. */
static struct esp_sa *
owner_of(struct esp_sa *sa)
{
	return sa->flags & SA_FORM && esp_sa_form(sa)->member ? esp_sa_form(sa)->other : sa;
}

void
esp_sa_remove(struct esp_worker *w, struct esp_sa *sa)
{
	sa = owner_of(sa);
	if (sa->flags & SA_FORM && esp_sa_form(sa)->other)
		remove_one(w, esp_sa_form(sa)->other);
	remove_one(w, sa);
}

bool
esp_sa_move(struct esp_worker *w, struct esp_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	struct esp_path *from = sa->path, *to;
	bool out = sa->flags & SA_OUT;
	slab_handle h;

	if (out && !endpoint_equal(remote, &from->remote) && find_outbound(w, sa->spi, remote))
		return false;
	to = path_get(&w->paths, local, remote, from->udp_encap, from->mtu);
	if (!to)
		return false;
	/* Leaving first keeps the table from having to grow. */
	h = leave_table(w, sa);
	sa->path = to;
	if (enter_table(w, h)) {
		path_put(&w->paths, from);
		return true;
	}
	sa->path = from;
	path_put(&w->paths, to);
	enter_table(w, h);
	return false;
}

/* The keys of this build and of this machine have one layout; a provider that had to give way to another has its own. */
static const struct bulk_suite *
same_suite(const struct esp_worker *w, const struct bulk_suite *s)
{
	const struct bulk_suite *mine = bulk_suite(w->bulk, s->encr_id, s->key_bits, s->integ_id);

	return mine && mine->expand == s->expand ? mine : NULL;
}

struct esp_sa *
esp_sa_adopt(struct esp_worker *w, struct esp_worker *from, struct esp_sa *sa)
{
	const struct bulk_suite *s = same_suite(w, sa->suite);
	size_t octets = sa_octets_of(sa);
	const struct esp_path *path = sa->path;
	slab_handle h = s && !(sa->flags & SA_FORM) ? slab_alloc(&w->slab, octets) : 0;
	struct esp_sa *mine;

	if (!h)
		return NULL;
	mine = slab_at(&w->slab, h);
	memcpy(mine, sa, octets);
	mine->suite = s;
	mine->path = path_get(&w->paths, &path->local, &path->remote, path->udp_encap, path->mtu);
	if (!mine->path || !enter_table(w, h)) {
		discard(w, h, octets);
		return NULL;
	}
	/* What was learnt of the path stays; where that is too small now, the data plane asks again. */
	if (path->mtu < mine->path->mtu)
		mine->path->mtu = path->mtu;
	/* What the keys point to went along: the old place is wiped, but not cleared. */
	discard(from, leave_table(from, sa), octets);
	return mine;
}

void
esp_sa_usage(const struct esp_sa *sa, struct sa_usage *out)
{
	*out = (struct sa_usage) {
		.octets = counter_read(&sa->octets),
		.packets = counter_read(&sa->packets),
		.last_use_ns = counter_read(&sa->last_use_ns),
	};
	if (sa->flags & SA_FORM) {
		const struct sa_form *f = esp_sa_form((struct esp_sa *)(uintptr_t)sa);

		out->compressed = counter_read(&f->compressed);
		out->incompressible = counter_read(&f->incompressible);
	}
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
