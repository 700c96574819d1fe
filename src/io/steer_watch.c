/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Changes that others make: addresses, the TUN device, rules; and `nft flush ruleset`, as firewall scripts like to do. */

enum { EVENT_BUFFER = 65536, READS_MAX = 64 };

struct changes {
	unsigned tun_ifindex, own_port; /* netlink's name for us: our own changes are no news */
	bool addresses, routing, tables, links, gone, chains;
};

static int
see_route_event(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(h);
	struct changes *c = arg;

	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		c->addresses = true;
		break;
	case RTM_DELLINK:
		c->links = c->gone = true;
		break;
	case RTM_NEWLINK:
		c->links = true;
		if ((unsigned)link->ifi_index == c->tun_ifindex && link->ifi_flags & IFF_UP && link->ifi_change & IFF_UP)
			c->routing = true;
		break;
	case RTM_DELRULE:
		c->routing = c->routing || h->nlmsg_pid != c->own_port;
		break;
	}
	return MNL_CB_OK;
}

static int
see_nft_event(const struct nlmsghdr *h, void *arg)
{
	struct changes *c = arg;

	if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE))
		c->tables = true;
	else if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
		c->chains = true;
	return MNL_CB_OK;
}

/* Reads what waits. False: some were lost, so everything may have changed. */
static bool
drain(struct mnl_socket *socket, int (*see)(const struct nlmsghdr *, void *), struct changes *c)
{
	_Alignas(struct nlmsghdr) static char buf[EVENT_BUFFER];
	bool complete = true;

	for (unsigned i = 0; i < READS_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(socket, buf, sizeof buf);

		if (n < 0 && errno == ENOBUFS)
			complete = false;
		else if (n <= 0)
			break;
		else
			mnl_cb_run(buf, (size_t)n, 0, 0, see, c);
	}
	return complete;
}

static bool
same_addresses(const struct address_list *a, const struct address_list *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->a, b->a, a->n * sizeof *a->a) == 0);
}

static bool
reread_addresses(struct steer *s)
{
	struct address_list now = { 0 };

	/* Most events only renew lifetimes. */
	if (netlink_addresses(&s->nl, &now) != 0 || same_addresses(&s->addresses, &now)) {
		address_list_free(&now);
		return false;
	}
	address_list_free(&s->addresses);
	s->addresses = now;
	steer_hints_refresh(s);
	return true;
}

static void
restore_table(struct steer *s)
{
	char why[128];
	unsigned there;

	if (steer_nft_generations(s->nft.ctx, s->options.route_table, &there, why, sizeof why) &&
	    !(there & 1u << s->generation) && steer_nft_rebuild(&s->nft, &s->levels, why, sizeof why))
		levels_settle(&s->levels);
}

bool
steer_event(struct steer *s)
{
	struct changes c = { .tun_ifindex = s->options.tun_ifindex, .own_port = mnl_socket_get_portid(s->nl.socket) };

	if (!drain(s->rt_events, see_route_event, &c))
		c.addresses = c.routing = c.links = c.gone = true;
	if (!drain(s->nf_events, see_nft_event, &c))
		c.tables = c.chains = true;
	if (c.tables) {
		steer_turn_verify(s);
		restore_table(s);
	}
	if (c.tables || c.links || c.chains)
		steer_turn_update(s, c.gone);
	if (c.routing) {
		steer_base_add(s, IP_V4);
		steer_base_add(s, IP_V6);
		steer_hints_restore(s);
	}
	return c.addresses && reread_addresses(s);
}

int
steer_fd(const struct steer *s)
{
	return s->monitor;
}

static bool
join(struct steer *s, struct mnl_socket **out, int bus, const int *groups, size_t n)
{
	struct epoll_event e = { .events = EPOLLIN };

	*out = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*out || mnl_socket_bind(*out, 0, MNL_SOCKET_AUTOPID) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (mnl_socket_setsockopt(*out, NETLINK_ADD_MEMBERSHIP, (void *)(uintptr_t)&groups[i], sizeof groups[i]) < 0)
			return false;
	return epoll_ctl(s->monitor, EPOLL_CTL_ADD, mnl_socket_get_fd(*out), &e) == 0;
}

bool
steer_watch_open(struct steer *s, char *why, size_t why_size)
{
	static const int rt[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE };
	static const int nf[] = { NFNLGRP_NFTABLES };

	s->monitor = epoll_create1(EPOLL_CLOEXEC);
	if (s->monitor >= 0 && join(s, &s->rt_events, NETLINK_ROUTE, rt, sizeof rt / sizeof *rt) &&
	    join(s, &s->nf_events, NETLINK_NETFILTER, nf, 1))
		return true;
	snprintf(why, why_size, "cannot watch addresses and nftables for changes: %s", strerror(errno));
	return false;
}

void
steer_watch_close(struct steer *s)
{
	if (s->rt_events)
		mnl_socket_close(s->rt_events);
	if (s->nf_events)
		mnl_socket_close(s->nf_events);
	if (s->monitor >= 0)
		close(s->monitor);
}
