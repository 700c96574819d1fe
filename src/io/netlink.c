/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

enum { REQUEST_SIZE = 1024, METRIC_LAST = UINT32_MAX };

static uint8_t
af_of(uint8_t family)
{
	return family == IP_V6 ? AF_INET6 : AF_INET;
}

int
netlink_open(struct netlink *nl)
{
	nl->seq = 0;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->socket)
		return errno;
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int error = errno;

		netlink_close(nl);
		return error;
	}
	return 0;
}

void
netlink_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

/* What is still to come of an unfinished answer must not be taken for the next one: it stays behind with the old socket. */
static int
broken_off(struct netlink *nl, int error)
{
	struct netlink fresh = { .removed = nl->removed };

	if (netlink_open(&fresh) == 0) {
		netlink_close(nl);
		*nl = fresh;
	}
	return error;
}

int
netlink_talk(struct netlink *nl, struct nlmsghdr *h, int (*each)(const struct nlmsghdr *, void *), void *arg)
{
	static const size_t size = 32768;
	_Alignas(struct nlmsghdr) char buf[32768];
	unsigned port = mnl_socket_get_portid(nl->socket);
	int more = MNL_CB_OK;

	h->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0)
		return errno;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, buf, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return broken_off(nl, errno);
		more = mnl_cb_run(buf, (size_t)n, nl->seq, port, each, arg);
	}
	/* The kernel's own "no" is the end of an answer, but not of a list. */
	return more >= 0 ? 0 : each ? broken_off(nl, errno) : errno;
}

static struct nlmsghdr *
request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return h;
}

static void
put_ip(struct nlmsghdr *h, uint16_t type, const struct ip *a)
{
	mnl_attr_put(h, type, ip_octets(a), a->b);
}

/* ---- routes */

static struct nlmsghdr *
route_request(char *buf, uint16_t type, uint16_t flags, const struct netlink_route *r)
{
	struct nlmsghdr *h = request(buf, type, (uint16_t)(flags | NLM_F_ACK));
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	struct ip any = { .family = r->to.ip.family };
	bool v6 = any.family == IP_V6;

	m->rtm_family = af_of(any.family);
	m->rtm_dst_len = r->to.bits;
	m->rtm_table = RT_TABLE_UNSPEC;
	m->rtm_protocol = NETLINK_PROTOCOL;
	m->rtm_scope = r->ifindex && !v6 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->rtm_type = r->ifindex ? RTN_UNICAST : RTN_UNREACHABLE;
	if (r->to.bits)
		put_ip(h, RTA_DST, &r->to.ip);
	mnl_attr_put_u32(h, RTA_TABLE, r->table);
	if (v6 && r->sourceless) {
		m->rtm_src_len = 128;
		put_ip(h, RTA_SRC, &any);
	}
	if (r->ifindex)
		mnl_attr_put_u32(h, RTA_OIF, r->ifindex);
	else
		mnl_attr_put_u32(h, RTA_PRIORITY, METRIC_LAST);
	if (r->src.family)
		put_ip(h, RTA_PREFSRC, &r->src);
	return h;
}

int
netlink_route_set(struct netlink *nl, const struct netlink_route *r)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];

	return netlink_talk(nl, route_request(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r), NULL, NULL);
}

int
netlink_route_delete(struct netlink *nl, const struct netlink_route *r)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct netlink_route any_source = *r;

	any_source.src = (struct ip) { 0 };
	return netlink_talk(nl, route_request(buf, RTM_DELROUTE, 0, &any_source), NULL, NULL);
}

/* ---- rules */

static void
put_ports(struct nlmsghdr *h, uint16_t type, struct port_range ports)
{
	struct fib_rule_port_range range = { ports.lo, ports.hi };

	/* The kernel refuses a range that begins at 0. */
	if (ports.lo == 0 && (ports.hi == 0 || ports.hi == UINT16_MAX))
		return;
	if (range.start == 0)
		range.start = 1;
	mnl_attr_put(h, type, sizeof range, &range);
}

static void
put_action(struct nlmsghdr *h, struct fib_rule_hdr *m, const struct netlink_rule *r)
{
	static const uint8_t actions[] = { [RULE_LOOKUP] = FR_ACT_TO_TBL, [RULE_GOTO] = FR_ACT_GOTO, [RULE_NOP] = FR_ACT_NOP };

	m->action = actions[r->action];
	if (r->action == RULE_LOOKUP)
		mnl_attr_put_u32(h, FRA_TABLE, r->table);
	if (r->action == RULE_LOOKUP && r->suppress_prefix >= 0)
		mnl_attr_put_u32(h, FRA_SUPPRESS_PREFIXLEN, (uint32_t)r->suppress_prefix);
	if (r->action == RULE_GOTO)
		mnl_attr_put_u32(h, FRA_GOTO, r->target);
}

static int
rule_talk(struct netlink *nl, uint16_t type, uint16_t flags, const struct netlink_rule *r)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct nlmsghdr *h = request(buf, type, (uint16_t)(flags | NLM_F_ACK));
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(h, sizeof *m);

	m->family = af_of(r->family);
	mnl_attr_put_u32(h, FRA_PRIORITY, r->priority);
	mnl_attr_put_u8(h, FRA_PROTOCOL, NETLINK_PROTOCOL);
	put_action(h, m, r);
	if (r->mark_mask) {
		mnl_attr_put_u32(h, FRA_FWMARK, r->mark);
		mnl_attr_put_u32(h, FRA_FWMASK, r->mark_mask);
	}
	if (r->from_device)
		mnl_attr_put_strz(h, FRA_IIFNAME, r->from_device);
	if (r->sourceless && r->family == IP_V4) {
		m->src_len = 32;
		mnl_attr_put_u32(h, FRA_SRC, 0);
	}
	if (r->from.ip.family && r->from.bits) {
		m->src_len = r->from.bits;
		put_ip(h, FRA_SRC, &r->from.ip);
	}
	if (r->to.ip.family && r->to.bits) {
		m->dst_len = r->to.bits;
		put_ip(h, FRA_DST, &r->to.ip);
	}
	if (r->shape.proto)
		mnl_attr_put_u8(h, FRA_IP_PROTO, r->shape.proto);
	put_ports(h, FRA_SPORT_RANGE, r->shape.sport);
	put_ports(h, FRA_DPORT_RANGE, r->shape.dport);
	return netlink_talk(nl, h, NULL, NULL);
}

int
netlink_rule_add(struct netlink *nl, const struct netlink_rule *r)
{
	int error = rule_talk(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);

	return error == EEXIST ? 0 : error;
}

int
netlink_rule_delete(struct netlink *nl, const struct netlink_rule *r)
{
	return rule_talk(nl, RTM_DELRULE, 0, r);
}

/* ---- links */

int
netlink_link_up(struct netlink *nl, unsigned ifindex)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct nlmsghdr *h = request(buf, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);

	m->ifi_family = AF_UNSPEC;
	m->ifi_index = (int)ifindex;
	m->ifi_flags = m->ifi_change = IFF_UP;
	return netlink_talk(nl, h, NULL, NULL);
}

static int
address_change(struct netlink *nl, uint16_t type, uint16_t flags, unsigned ifindex, const struct ip *a, uint8_t scope)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_SIZE];
	struct nlmsghdr *h = request(buf, type, flags);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);

	m->ifa_family = af_of(a->family);
	m->ifa_prefixlen = (uint8_t)ip_bits(a);
	/* Duplicate address detection asks neighbours, of which there are none. */
	m->ifa_flags = a->family == IP_V6 ? IFA_F_NODAD : 0;
	m->ifa_scope = scope;
	m->ifa_index = ifindex;
	put_ip(h, IFA_LOCAL, a);
	put_ip(h, IFA_ADDRESS, a);
	return netlink_talk(nl, h, NULL, NULL);
}

int
netlink_host_address_add(struct netlink *nl, unsigned ifindex, const struct ip *a)
{
	return address_change(nl, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ifindex, a, RT_SCOPE_HOST);
}

int
netlink_address_add(struct netlink *nl, unsigned ifindex, const struct ip *a)
{
	return address_change(nl, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ifindex, a, RT_SCOPE_UNIVERSE);
}

int
netlink_address_delete(struct netlink *nl, unsigned ifindex, const struct ip *a)
{
	return address_change(nl, RTM_DELADDR, NLM_F_ACK, ifindex, a, RT_SCOPE_UNIVERSE);
}
