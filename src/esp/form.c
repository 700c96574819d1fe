/* SPDX-License-Identifier: Apache-2.0 */
#include "form.h"

#include <stdlib.h>

#include "checksum.h"
#include "outer.h"
#include "secret.h"

/* See form.h. */

enum {
	LINE = 64,
	AH_OCTETS_MAX = 48,
	FRONT_SPARE = UDP_HEADER_OCTETS + AH_OCTETS_MAX + ESP_HEADROOM,
	FLAGS_DF = 0x4000,
	NEXT_DUMMY = 59
};

/* ---- room */

bool
form_room_open(struct esp_worker *w)
{
	struct form_room *r;

	if (w->form)
		return true;
	r = malloc(sizeof *r);
	if (!r)
		return false;
	r->used = r->n_jobs = 0;
	r->ip_id = 1;
	r->ipcomp = ipcomp_new();
	if (!r->ipcomp) {
		free(r);
		return false;
	}
	w->form = r;
	return true;
}

void
form_room_close(struct esp_worker *w)
{
	if (!w->form)
		return;
	ipcomp_free(w->form->ipcomp);
	secret_wipe(w->form->octets, sizeof w->form->octets);
	free(w->form);
	w->form = NULL;
}

uint8_t *
form_take(struct esp_worker *w, size_t n)
{
	struct form_room *r = w->form;
	uint8_t *p = r->octets + r->used;

	n = (n + LINE - 1) & ~(size_t)(LINE - 1);
	if (n > FORM_ROOM_OCTETS - r->used)
		return NULL;
	r->used += n;
	return p;
}

/* ---- outbound */

/* The header that stays in front, as ip_split found it; or, of a tunnel, that there is none yet. */
static enum esp_drop
split(struct ip_split *s, const struct sa_form *f, const struct packet *p)
{
	*s = (struct ip_split) { 0 };
	if (!f->transport)
		return ESP_DROP_NONE;
	if (!ip_split(s, p->p, p->len))
		return ESP_DROP_HEADER;
	/* RFC 4303 section 3.3.4: "transport mode ESP is applied only to whole IP datagrams (not to IP fragments)"; RFC
	 * 4302 3.3.4. */
	return s->fragment ? ESP_DROP_FRAGMENT : ESP_DROP_NONE;
}

static void
set_outside(struct packet *p, const struct sa_form *f)
{
	if (f->transport) {
		p->tos = p->p[0] >> 4 == 4 ? p->p[1] : (uint8_t)(get_be16(p->p) >> 4);
		p->df = p->p[0] >> 4 == 6 || get_be16(p->p + 6) & FLAGS_DF;
	} else {
		p->tos = outer_tos(p->sa, p->p);
		p->df = outer_df(p->sa, p->p);
	}
}

/* Payload and what it is, to @to; compressed if that helps. Returns its length. */
static uint32_t
put_payload(struct esp_worker *w, uint8_t *to, struct packet *p, const struct ip_split *s, struct sa_form *f)
{
	const uint8_t *from = p->p + s->payload_at;
	uint32_t n = p->len - s->payload_at, k = 0;

	p->next = f->transport ? s->next : p->p[0] >> 4 == 4 ? PROTO_IPV4 : PROTO_IPV6;
	if (f->ipcomp_cpi)
		k = ipcomp_compress(w->form->ipcomp, to, from, n, p->next, f->ipcomp_cpi);
	if (k) {
		counter_add(&f->compressed, 1);
		p->next = PROTO_IPCOMP;
		return k;
	}
	counter_add(&f->incompressible, f->ipcomp_cpi != 0);
	memcpy(to, from, n);
	return n;
}

static struct esp_sa *
ah_of(struct esp_sa *sa, const struct sa_form *f)
{
	return f->protocol == PROTO_AH ? sa : f->other;
}

static bool
exhausted(const struct esp_sa *sa)
{
	return sa && sa->seq == (sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX);
}

/* Only this host knows the peer by its alias: the peer takes the checksum for one over its address as we see it. */
static void
turn_to_peer(struct packet *p, const struct ip_split *s, const struct sa_form *f)
{
	if (f->alias.family == IP_NONE)
		return;
	ip_put_destination(p->p, &p->sa->path->remote.ip);
	transport_fix_checksum(p->p, p->p + s->payload_at, p->len - s->payload_at, &(struct ip) { 0 }, &f->alias);
}

/* Whether what comes out might not be an IP packet: its length has 16 bits. */
static bool
too_long(const struct esp_sa *sa, const struct sa_form *f, uint32_t inner)
{
	uint32_t ah = f->protocol == PROTO_AH || f->other ? AH_OCTETS_MAX : 0;

	return esp_sealed_octets(sa, inner) + (f->transport ? 0 : IPV6_HEADER) + UDP_HEADER_OCTETS + ah > ESP_OCTETS_MAX;
}

static bool
wants_header(const struct sa_form *f)
{
	return f->transport || f->protocol == PROTO_AH || f->other;
}

enum esp_drop
form_prepare(struct esp_worker *w, struct batch *b, size_t i, instant_t now_ns)
{
	struct packet *p = &b->pkt[i];
	struct esp_sa *sa = p->sa;
	struct sa_form *f = esp_sa_form(sa);
	struct ip_split s;
	enum esp_drop d = p->next == NEXT_DUMMY ? ESP_DROP_MALFORMED : split(&s, f, p);
	uint32_t inner = p->len, front;
	uint8_t *room, *payload;

	if (d)
		return d;
	if (exhausted(f->other))
		return ESP_DROP_SEQ_EXHAUSTED;
	if (too_long(sa, f, inner))
		return ESP_DROP_TOO_BIG;
	front = ((f->transport ? s.header : IPV6_HEADER) + FRONT_SPARE + 15u) & ~15u;
	room = form_take(w, front + inner + ESP_TAILROOM);
	if (!room)
		return ESP_DROP_NO_ROOM;
	turn_to_peer(p, &s, f);
	memcpy(room, p->p, s.header);
	payload = room + front;
	set_outside(p, f);
	p->len = put_payload(w, payload, p, &s, f);
	p->p = payload;
	if (wants_header(f))
		w->form->job[w->form->n_jobs++] = (struct form_job) {
			.packet = (uint16_t)i, .header = (uint16_t)s.header, .next_at = (uint16_t)s.next_at, .ip = room
		};
	if (f->protocol == PROTO_ESP) {
		esp_add_seal(w, b, i);
	} else {
		p->seq = ++sa->seq;
		p->spi = sa->spi;
	}
	esp_account(w, sa, inner, now_ns);
	return ESP_DROP_NONE;
}

static uint16_t
next_ip_id(struct esp_worker *w)
{
	if (!++w->form->ip_id)
		w->form->ip_id = 1;
	return w->form->ip_id;
}

/* The header in front of what is sealed: the packet's own, or a new one of tunnel mode. Leaves its octets in the job. */
static uint8_t *
put_header(struct esp_worker *w, struct packet *p, struct form_job *j, const struct sa_form *f)
{
	const struct esp_path *path = p->sa->path;
	uint8_t header[OUTER_OCTETS_MAX], *ip;

	if (f->transport) {
		ip = p->p - j->header;
		memmove(ip, j->ip, j->header);
		/* A raw socket fills in what is zero, after the ICV is made. RFC 6864 section 4.1: it has no meaning in whole
		 * datagrams. */
		if (ip[0] >> 4 == 4 && !get_be16(ip + 4))
			put_be16(ip + 4, next_ip_id(w));
		return ip;
	}
	j->header = (uint16_t)outer_build(header, path, p->len, p->tos, p->df, next_ip_id(w), 0);
	j->next_at = path->remote.ip.family == IP_V4 ? 9 : 6;
	ip = p->p - j->header;
	memcpy(ip, header, j->header);
	return ip;
}

/* RFC 3948 section 2.1, between the packet's own header and ESP. */
static void
put_udp(struct packet *p)
{
	const struct esp_path *path = p->sa->path;

	p->p -= UDP_HEADER_OCTETS;
	p->len += UDP_HEADER_OCTETS;
	put_be16(p->p, path->local.port);
	put_be16(p->p + 2, path->remote.port);
	put_be16(p->p + 4, (uint16_t)p->len);
	put_be16(p->p + 6, 0);
}

/* RFC 8200 section 8.1: over IPv6 the checksum is not optional. */
static void
put_udp6_checksum(uint8_t *ip, uint32_t header, uint32_t len)
{
	uint64_t sum = checksum_add(0, ip + 8, 32);

	sum = checksum_add_u16(checksum_add_u16(sum, len - header), PROTO_UDP);
	checksum_store(ip + header + 6, checksum_add(sum, ip + header, len - header), 1);
}

static void
complete(struct esp_worker *w, struct packet *p, struct form_job *j)
{
	const struct sa_form *f = esp_sa_form(p->sa);
	struct esp_sa *ah = ah_of(p->sa, f);
	uint8_t first = f->protocol == PROTO_ESP ? PROTO_ESP : p->next, outermost = PROTO_ESP, *ip;
	bool v6 = f->transport ? j->ip[0] >> 4 == 6 : p->sa->path->remote.ip.family == IP_V6;
	uint32_t len;

	if (ah) {
		p->p -= ah_octets(ah, v6);
		p->len += ah_octets(ah, v6);
		outermost = PROTO_AH;
	} else if (p->sa->path->udp_encap) {
		put_udp(p);
		outermost = PROTO_UDP;
	}
	ip = put_header(w, p, j, f);
	len = p->len + j->header;
	ip_complete(ip, j->next_at, outermost, len);
	if (ah && !ah_seal(w, ah, ip, j, len, f->other ? ++ah->seq : p->seq, first))
		p->drop = ESP_DROP_MALFORMED;
	p->p = ip;
	p->len = len;
	p->head = j->header;
	if (outermost == PROTO_UDP && v6)
		put_udp6_checksum(ip, j->header, len);
}

void
form_complete(struct esp_worker *w, struct batch *b)
{
	struct form_room *r = w->form;

	for (size_t k = 0; k < r->n_jobs; k++)
		complete(w, &b->pkt[r->job[k].packet], &r->job[k]);
	r->n_jobs = 0;
}

uint32_t
form_inner_max(const struct esp_sa *sa, uint32_t outer_mtu)
{
	struct esp_sa *mine = (struct esp_sa *)(uintptr_t)sa;
	const struct sa_form *f = esp_sa_form(mine);
	const struct esp_sa *ah = ah_of(mine, f);
	bool v6 = sa->path->remote.ip.family == IP_V6;
	/* In transport mode the header outside is the packet's own, whose shortest form is counted on both sides. */
	uint32_t own = f->transport ? v6 ? IPV6_HEADER : IPV4_HEADER : 0;
	uint32_t frame = (uint32_t)outer_octets(sa->path) + (ah ? ah_octets(ah, v6) : 0), room;

	if (f->protocol == PROTO_ESP)
		frame += sa->head_octets + sa->icv_octets;
	room = outer_mtu > frame ? outer_mtu - frame : 0;
	if (f->protocol == PROTO_ESP) {
		room &= ~(sa->align - 1u);
		room = room > 2 ? room - 2 : 0;
	}
	return room ? room + own : 0;
}

/* ---- inbound */

enum esp_drop
form_admit(const struct packet *p)
{
	const struct sa_form *f = esp_sa_form(p->sa);

	/* An AH's SPI on an ESP packet; or ESP without the AH that the bundle demands. */
	if (f->protocol != PROTO_ESP)
		return ESP_DROP_NO_SA;
	return f->other && p->next != PROTO_AH ? ESP_DROP_BUNDLE : ESP_DROP_NONE;
}

/* RFC 3173 section 3.2; a packet that was not compressed has no such header, and is as good. */
static enum esp_drop
decompress(struct esp_worker *w, struct packet *p, struct sa_form *f)
{
	size_t was = w->form->used;
	uint8_t *out;
	uint32_t n;

	if (!f->ipcomp_cpi)
		return ESP_DROP_IPCOMP;
	out = form_take(w, UINT16_MAX);
	if (!out)
		return ESP_DROP_NO_ROOM;
	n = ipcomp_decompress(w->form->ipcomp, out, UINT16_MAX, p->p, p->len, f->ipcomp_cpi, &p->next);
	w->form->used = was;
	if (!n) {
		counter_add(&f->incompressible, 1);
		return ESP_DROP_IPCOMP;
	}
	counter_add(&f->compressed, 1);
	p->p = form_take(w, n);
	p->len = n;
	return ESP_DROP_NONE;
}

/* The header of a transport mode packet that came without one (in UDP, or over IPv6): from its SA's ends. */
static uint32_t
make_header(uint8_t out[IPV6_HEADER], const struct packet *p)
{
	struct esp_path turned = { .local = p->sa->path->remote, .remote = p->sa->path->local };

	return (uint32_t)outer_build(out, &turned, p->len, p->tos, false, 0, 0);
}

enum esp_drop
form_restore(struct esp_worker *w, struct packet *p, const uint8_t *ip, uint32_t header, uint32_t next_at)
{
	struct sa_form *f = esp_sa_form(p->sa);
	enum esp_drop d = p->next == PROTO_IPCOMP ? decompress(w, p, f) : ESP_DROP_NONE;
	uint8_t *out;

	if (d || !f->transport)
		return d ? d : esp_trim_inner(p);
	if (p->next == NEXT_DUMMY)
		return ESP_DROP_DUMMY;
	if (!next_at || p->len + header > UINT16_MAX)
		return ESP_DROP_HEADER;
	out = form_take(w, header + p->len);
	if (!out)
		return ESP_DROP_NO_ROOM;
	memcpy(out, ip, header);
	memcpy(out + header, p->p, p->len);
	if (f->alias.family != IP_NONE)
		ip_put_source(out, &f->alias);
	ip_complete(out, next_at, p->next, header + p->len);
	transport_fix_checksum(out, out + header, p->len, &f->oa_remote, &f->oa_local);
	p->p = out;
	p->len += header;
	return ESP_DROP_NONE;
}

enum esp_drop
form_restore_esp(struct esp_worker *w, struct packet *p)
{
	const uint8_t *ip = p->p - p->sa->head_octets - p->head;
	uint8_t made[OUTER_OCTETS_MAX];
	uint32_t header = p->head;

	if (!esp_sa_form(p->sa)->transport)
		return form_restore(w, p, NULL, 0, 0);
	if (!header) {
		header = make_header(made, p);
		ip = made;
	}
	return form_restore(w, p, ip, header, ip_next_at(ip, header));
}

enum esp_drop
form_accept(struct packet *p)
{
	if (!sa_selectors_admit(p->sa, p->p, p->len))
		return ESP_DROP_SELECTOR;
	if (esp_sa_form(p->sa)->transport)
		return ESP_DROP_NONE;
	return outer_carry_in(p->sa, p->p, p->tos) ? ESP_DROP_NONE : ESP_DROP_ECN;
}
