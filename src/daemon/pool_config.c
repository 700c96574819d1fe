/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "config_attribute.h"
#include "pools.h"

/* What a section of pools says: a range of addresses, and attributes by name or number. */

/* ---- attributes */

bool
attribute_list_add(struct attribute_list *out, uint16_t type, struct span value)
{
	struct config_attribute *more = out->n < CONFIG_ATTRIBUTES_KEPT ? realloc(out->a, (out->n + 1) * sizeof *more) : NULL;
	uint8_t *copy = malloc(value.n + 1);

	if (more)
		out->a = more;
	if (!more || !copy) {
		free(copy);
		return false;
	}
	if (value.n)
		memcpy(copy, value.p, value.n);
	out->a[out->n++] = (struct config_attribute) { type, span_of(copy, value.n) };
	return true;
}

void
attribute_list_free(struct attribute_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->a[i].value.p);
	free(l->a);
	*l = (struct attribute_list) { 0 };
}

static const struct named {
	const char *name;
	uint16_t four, six; /* 0: not of that family */
	bool network;
} named[] = {
	{ "address", INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS, false },
	{ "dns", INTERNAL_IP4_DNS, INTERNAL_IP6_DNS, false },
	{ "nbns", INTERNAL_IP4_NBNS, INTERNAL_IP6_NBNS, false },
	{ "dhcp", INTERNAL_IP4_DHCP, INTERNAL_IP6_DHCP, false },
	{ "netmask", INTERNAL_IP4_NETMASK, INTERNAL_IP6_NETMASK, false },
	{ "server", INTERNAL_IP4_SERVER, INTERNAL_IP6_SERVER, false },
	{ "subnet", INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET, true },
	{ "split_include", UNITY_SPLIT_INCLUDE, 0, true },
	{ "split_exclude", UNITY_LOCAL_LAN, 0, true },
};

/* swanctl.conf has split_include, the attr section of strongswan.conf split-include. */
static bool
is_name(const char *name, const char *given)
{
	for (; *name && (*name == *given || (*name == '_' && *given == '-')); name++)
		given++;
	return !*name && !*given;
}

static const struct named *
named_of(const char *given)
{
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (is_name(named[i].name, given))
			return &named[i];
	return NULL;
}

/* A network as the attribute says it. 0: it cannot. */
static size_t
network_octets(uint8_t out[17], uint16_t type, const struct selector *s)
{
	int bits = ip_range_prefix(&s->lo, &s->hi);

	if (bits < 0)
		return 0;
	if (type == UNITY_SPLIT_INCLUDE || type == UNITY_LOCAL_LAN)
		return unity_network_write(out, s) ? UNITY_NETWORK_OCTETS : 0;
	memcpy(out, s->lo.b, ip_octets(&s->lo));
	if (s->lo.family == IP_V6) {
		out[16] = (uint8_t)bits;
		return 17;
	}
	put_be32(out + 4, bits ? UINT32_MAX << (32 - bits) : 0);
	return 8;
}

static bool
append(struct config_attribute *a, struct span more)
{
	size_t n = a->value.n + more.n;
	uint8_t *grown = n <= POOL_ATTRIBUTE_OCTETS ? realloc((void *)(uintptr_t)a->value.p, n + 1) : NULL;

	if (!grown)
		return false;
	memcpy(grown + a->value.n, more.p, more.n);
	a->value = span_of(grown, n);
	return true;
}

static bool
add_network(struct attribute_list *out, const struct named *n, uint16_t type, struct span item)
{
	struct selector s;
	const char *why;
	uint8_t room[17];
	size_t octets;

	if (!selector_parse(&s, item, &why) || selector_is_dynamic(&s))
		return false;
	if (!type)
		type = s.lo.family == IP_V6 ? n->six : n->four;
	octets = type ? network_octets(room, type, &s) : 0;
	/* All networks of a split tunnel are one attribute. */
	for (size_t i = 0; octets && n && n->network && !n->six && i < out->n; i++)
		if (out->a[i].type == type)
			return append(&out->a[i], span_of(room, octets));
	return octets && attribute_list_add(out, type, span_of(room, octets));
}

static bool
add_item(struct attribute_list *out, const struct named *n, uint16_t type, struct span item)
{
	char text[IP_TEXT_MAX];
	struct ip ip;

	if (n && n->network)
		return add_network(out, n, 0, item);
	snprintf(text, sizeof text, "%.*s", (int)item.n, (const char *)item.p);
	if (item.n < sizeof text && ip_parse(&ip, text))
		return attribute_list_add(out, n ? (ip.family == IP_V6 ? n->six : n->four) : type, ip_span(&ip));
	/* By number: a network, else the text itself. */
	if (n)
		return false;
	return (memchr(item.p, '/', item.n) && add_network(out, &(struct named) { .four = type, .six = type }, type, item)) ||
	       attribute_list_add(out, type, item);
}

bool
attribute_list_read(struct attribute_list *out, const struct conf_key *k, struct conf_errors *errs)
{
	const struct named *n = named_of(k->name);
	uint64_t type = 0;
	struct span item;
	size_t at = 0, before = errs->n_errors;

	if (!n) {
		char *end;

		type = strtoull(k->name, &end, 10);
		if (*end || end == k->name || !type || type > 32767) {
			conf_error(errs, k->where,
			           "unknown attribute '%s': there are addrs, dns, nbns, dhcp, netmask, server, subnet, split_include, "
			           "split_exclude, and numbers from 1 to 32767",
			           k->name);
			return false;
		}
	}
	while (conf_next_item(&item, k, &at))
		if (item.n > POOL_ATTRIBUTE_OCTETS || !add_item(out, n, (uint16_t)type, item))
			conf_error(errs, k->where, "%s: '%.*s' is not %s", k->name, (int)(item.n < 80 ? item.n : 80), (const char *)item.p,
			           n && n->network ? n->six ? "a network, or one too many" : "an IPv4 network, or one too many" : n ? "an address" : "possible: there are more than 64 attributes, or it is too long");
	return errs->n_errors == before;
}

/* ---- addresses */

static struct ip
before(const struct ip *a)
{
	struct ip b = *a;

	for (size_t i = ip_octets(&b); i-- > 0 && b.b[i]-- == 0;)
		;
	return b;
}

static uint64_t
size_of(const struct ip *lo, const struct ip *hi)
{
	uint64_t high = 0, low = 0;
	size_t n = ip_octets(lo);

	for (size_t i = 0; i < n; i++) {
		int d = (int)hi->b[i] - (int)lo->b[i];

		high = high << 8 | low >> 56;
		low = low << 8;
		low += (uint64_t)(int64_t)d;
		high += d < 0 && low > UINT64_MAX - 256 ? UINT64_MAX : 0;
	}
	return high || low == UINT64_MAX ? UINT64_MAX : low + 1;
}

/* Of a prefix its own address and the last one stay free, as strongSwan has it; of a range none. */
static bool
set_range(struct pool *p, const char *text, const struct conf_key *k, struct conf_errors *errs)
{
	struct selector s;
	struct ip network, last, first;
	const char *why = NULL, *slash = strchr(text, '/');
	char head[IP_TEXT_MAX], shown[IP_TEXT_MAX];

	if (!selector_parse(&s, span_str(text), &why) || selector_is_dynamic(&s) || s.proto || s.port_lo != 0) {
		conf_error(errs, k->where, "addrs = %s is not allowed: a network like 10.9.0.0/24, or a range like 10.9.0.1-10.9.0.9", text);
		return false;
	}
	network = p->lo = s.lo;
	last = p->hi = s.hi;
	snprintf(head, sizeof head, "%.*s", (int)(slash ? slash - text : 0), text);
	first = slash && ip_parse(&first, head) ? first : network;
	p->base = strdup(ip_format(shown, &first));
	if (slash && ip_bits(&s.lo) - (unsigned)ip_range_prefix(&s.lo, &s.hi) >= 2) {
		p->lo = first;
		if (ip_equal(&first, &network))
			ip_next(&p->lo);
		p->hi = before(&last);
	}
	if (ip_compare(&p->lo, &p->hi) > 0) {
		conf_error(errs, k->where, "addrs = %s leaves no address to assign: the last one of a network is never assigned", text);
		return false;
	}
	p->fresh = p->lo;
	p->size = size_of(&p->lo, &p->hi);
	return p->base != NULL;
}

struct pool *
pool_read(const struct conf_section *s, enum pool_origin origin, struct conf_errors *errs)
{
	const struct conf_key *addrs = conf_key_find(s, "addrs");
	const char *text = addrs ? conf_text(addrs, errs) : NULL;
	struct pool *p = calloc(1, sizeof *p);
	size_t before_errors = errs->n_errors;

	if (!addrs)
		conf_error(errs, s->where, "pool '%s' has no addrs: a network like 10.9.0.0/24, or a range like 10.9.0.1-10.9.0.9", s->name);
	if (p) {
		p->origin = origin;
		p->name = strdup(s->name);
	}
	if (!p || !p->name) {
		conf_error(errs, s->where, "out of memory");
		pool_free(p);
		return NULL;
	}
	if (text)
		set_range(p, text, addrs, errs);
	for (const struct conf_key *k = s->keys; k; k = k->next)
		if (strcmp(k->name, "addrs"))
			attribute_list_read(&p->attributes, k, errs);
	for (s = s->sections; s; s = s->next)
		conf_error(errs, s->where, "section '%s' in a pool: there are only keys", s->name);
	if (errs->n_errors == before_errors && text)
		return p;
	pool_free(p);
	return NULL;
}
