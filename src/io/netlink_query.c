/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/*
 * What exists: addresses, and the routes and rules that a dead process left.
 * Deletion hands the kernel's own description of an object back to it.
 */

enum { REQUEST_SIZE = 1024, DOOMED_SIZE = 512, DOOMED_MAX = 65536, DUMPS_MAX = 32 };

static uint32_t
attr_u32(const struct nlattr *a, uint32_t otherwise)
{
	return a ? mnl_attr_get_u32(a) : otherwise;
}

static struct ip
attr_ip(const struct nlattr *a)
{
	return a ? ip_from_octets(span_of(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a))) : (struct ip) { 0 };
}

/* The first attribute of that type, NULL if there is none. */
static const struct nlattr *
attr_find(const struct nlmsghdr *h, size_t header, uint16_t type)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, header);
	const char *end = mnl_nlmsg_get_payload_tail(h);

	for (; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

int
netlink_dump(struct netlink *nl, uint16_t type, uint8_t family, size_t header, int (*each)(const struct nlmsghdr *, void *),
             void *arg)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	uint8_t *m = mnl_nlmsg_put_extra_header(h, header);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m[0] = family; /* every header of this netlink family begins with it */
	return netlink_talk(nl, h, each, arg);
}

/* ---- addresses */

struct gathering {
	struct address_list *list;
	bool deprecated; /* which ones this pass takes */
};

static bool
usable(const struct ip *a, uint32_t flags)
{
	bool link_local = a->family == IP_V6 ? a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80 : a->b[0] == 169 && a->b[1] == 254;

	if (flags & IFA_F_DADFAILED || (flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC)))
		return false;
	return a->family && !link_local && !ip_is_loopback(a);
}

static int
gather(const struct nlmsghdr *h, void *arg)
{
	struct gathering *g = arg;
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *local = attr_find(h, sizeof *m, IFA_LOCAL);
	struct ip a = attr_ip(local ? local : attr_find(h, sizeof *m, IFA_ADDRESS));
	uint32_t flags = attr_u32(attr_find(h, sizeof *m, IFA_FLAGS), m->ifa_flags);
	struct ip *more;

	if (m->ifa_scope == RT_SCOPE_HOST || !usable(&a, flags) || ((flags & IFA_F_DEPRECATED) != 0) != g->deprecated)
		return MNL_CB_OK;
	more = reallocarray(g->list->a, g->list->n + 1, sizeof *more);
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	g->list->a = more;
	more[g->list->n++] = a;
	return MNL_CB_OK;
}

int
netlink_addresses(struct netlink *nl, struct address_list *out)
{
	int error = EINTR;

	for (unsigned i = 0; i < DUMPS_MAX && error == EINTR; i++) {
		struct gathering g = { .list = out };

		out->n = 0;
		error = netlink_dump(nl, RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), gather, &g);
		g.deprecated = true;
		if (!error)
			error = netlink_dump(nl, RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), gather, &g);
	}
	return error;
}

void
address_list_free(struct address_list *l)
{
	free(l->a);
	*l = (struct address_list) { 0 };
}

/* ---- lookups */

struct answer {
	struct ip *src;
	bool *local;
};

static int
read_lookup(const struct nlmsghdr *h, void *arg)
{
	struct answer *a = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);

	*a->src = attr_ip(attr_find(h, sizeof *m, RTA_PREFSRC));
	*a->local = m->rtm_type == RTN_LOCAL;
	return MNL_CB_OK;
}

int
netlink_lookup(struct netlink *nl, const struct ip *dst, uint32_t mark, struct ip *src, bool *local)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	struct answer answer = { src, local };

	*src = (struct ip) { 0 };
	*local = false;
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->rtm_family = dst->family == IP_V6 ? AF_INET6 : AF_INET;
	m->rtm_dst_len = (uint8_t)ip_bits(dst);
	mnl_attr_put(h, RTA_DST, ip_octets(dst), dst->b);
	if (mark)
		mnl_attr_put_u32(h, RTA_MARK, mark);
	return netlink_talk(nl, h, read_lookup, &answer);
}

/* ---- what a dead process left */

/* Messages to send back with another type. A dump must end before its objects may change. */
struct doomed {
	char (*message)[DOOMED_SIZE];
	size_t n;
	uint32_t first, last;             /* tables of routes; priorities of rules */
	uint32_t table_first, table_last; /* rules */
};

static int
doom(struct doomed *d, const struct nlmsghdr *h)
{
	char(*more)[DOOMED_SIZE];

	if (h->nlmsg_len > DOOMED_SIZE || d->n == DOOMED_MAX)
		return MNL_CB_OK;
	more = reallocarray(d->message, d->n + 1, sizeof *more);
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	d->message = more;
	memcpy(more[d->n++], h, h->nlmsg_len);
	return MNL_CB_OK;
}

static int
doom_route(const struct nlmsghdr *h, void *arg)
{
	struct doomed *d = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	uint32_t table = attr_u32(attr_find(h, sizeof *m, RTA_TABLE), m->rtm_table);

	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_protocol != NETLINK_PROTOCOL || table < d->first || table > d->last)
		return MNL_CB_OK;
	return doom(d, h);
}

static int
doom_rule(const struct nlmsghdr *h, void *arg)
{
	struct doomed *d = arg;
	const struct fib_rule_hdr *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *protocol = attr_find(h, sizeof *m, FRA_PROTOCOL);
	uint32_t priority = attr_u32(attr_find(h, sizeof *m, FRA_PRIORITY), 0);
	uint32_t table = attr_u32(attr_find(h, sizeof *m, FRA_TABLE), m->table);

	if (h->nlmsg_type != RTM_NEWRULE || !protocol || mnl_attr_get_u8(protocol) != NETLINK_PROTOCOL)
		return MNL_CB_OK;
	if (priority < d->first || priority > d->last)
		return MNL_CB_OK;
	if (m->action == FR_ACT_TO_TBL && table != RT_TABLE_MAIN && (table < d->table_first || table > d->table_last))
		return MNL_CB_OK;
	return doom(d, h);
}

static int
execute(struct netlink *nl, struct doomed *d, uint16_t type)
{
	int error = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)d->message[i];
		int e;

		h->nlmsg_type = type;
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		h->nlmsg_pid = 0;
		e = netlink_talk(nl, h, NULL, NULL);
		/* Gone already is as good as removed. */
		if (e && e != ENOENT && e != ESRCH)
			error = e;
		nl->removed += !e;
	}
	return error;
}

static int
flush_once(struct netlink *nl, struct doomed *d, bool rules)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int error = 0;

	for (size_t i = 0; i < 2 && !error; i++)
		error = rules ? netlink_dump(nl, RTM_GETRULE, families[i], sizeof(struct fib_rule_hdr), doom_rule, d)
		              : netlink_dump(nl, RTM_GETROUTE, families[i], sizeof(struct rtmsg), doom_route, d);
	/* A kernel without IPv6 has nothing of ours there. */
	if (error == EAFNOSUPPORT || error == EOPNOTSUPP)
		error = 0;
	if (!error)
		error = execute(nl, d, rules ? RTM_DELRULE : RTM_DELROUTE);
	free(d->message);
	d->message = NULL;
	return error;
}

static int
flush(struct netlink *nl, struct doomed *d, bool rules)
{
	unsigned interrupted = 0;
	int error = 0;

	do {
		d->n = 0;
		error = flush_once(nl, d, rules);
	} while (error == EINTR ? ++interrupted < DUMPS_MAX : !error && d->n == DOOMED_MAX);
	return error;
}

int
netlink_routes_flush(struct netlink *nl, uint32_t first, uint32_t last)
{
	struct doomed d = { .first = first, .last = last };

	return flush(nl, &d, false);
}

int
netlink_rules_flush(struct netlink *nl, uint32_t first, uint32_t last, uint32_t table_first, uint32_t table_last)
{
	struct doomed d = { .first = first, .last = last, .table_first = table_first, .table_last = table_last };

	return flush(nl, &d, true);
}
