/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

/* Rules, the routes behind the divert mark, and the TUN device's settings. */

enum {
	FIRST_GENERATION_TABLE = 16,
	INSTANCE_DISTANCE = 1000, /* between the route tables of two instances */
	INSTANCES = 4,
	FIRST_HINT_RULE = 17000,
	FIRST_REACH_RULE = 32768, /* after RT_TABLE_DEFAULT's rule */
	RULES_PER_LENGTH = 3,
	FIRST_LENGTH_RULE = 10,
	EXCEPTION_RULE = 2,
};

struct steer_numbers
steer_numbers(uint32_t route_table, unsigned generation)
{
	uint32_t instance = route_table / INSTANCE_DISTANCE % INSTANCES;
	struct steer_numbers n = { .divert = route_table };

	n.tables = route_table + FIRST_GENERATION_TABLE + generation * GENERATION_TABLES;
	n.last_table = n.tables + GENERATION_TABLES - 1;
	n.reach_table = n.tables + HINT_TABLES;
	n.reach_rule = FIRST_REACH_RULE + route_table % 1000000 * GENERATIONS + generation;
	n.hint_rules = FIRST_HINT_RULE + (instance * GENERATIONS + generation) * GENERATION_PRIORITIES;
	n.hint_end = n.hint_rules + HINT_END;
	return n;
}

int
steer_flush_generation(struct netlink *nl, uint32_t route_table, unsigned generation)
{
	struct steer_numbers n = steer_numbers(route_table, generation);
	int error = netlink_rules_flush(nl, n.hint_rules, n.hint_rules + GENERATION_PRIORITIES - 1, n.tables, n.last_table);

	if (!error)
		error = netlink_rules_flush(nl, n.reach_rule, n.reach_rule, n.tables, n.last_table);
	return error ? error : netlink_routes_flush(nl, n.tables, n.last_table);
}

/* Daemon's own packets never look at hints: their mark says so. */
static struct netlink_rule
own_rule(const struct steer *s, uint8_t family, uint32_t priority)
{
	return (struct netlink_rule) {
		.family = family, .priority = priority, .mark = 0, .mark_mask = s->options.bypass_mark, .suppress_prefix = -1
	};
}

/*
 * With src_valid_mark set, the kernel looks for the way back to a packet's source with the packet's mark, and
 * as if from the device that it is to leave by. For a forwarded one, which has both marks, that lookup must
 * not find the TUN device, or strict rp_filter drops it.
 */
static int
way_back_add(struct steer *s, uint8_t family)
{
	struct netlink_rule back = own_rule(s, family, s->numbers.divert - 1),
	                    beyond = own_rule(s, family, s->numbers.divert + 1);
	int error;

	back.mark = back.mark_mask = s->options.mark_mask;
	back.from_device = s->tun_name;
	back.action = RULE_GOTO;
	back.target = beyond.priority;
	beyond.action = RULE_NOP;
	error = netlink_rule_add(&s->nl, &beyond);
	return error ? error : netlink_rule_add(&s->nl, &back);
}

int
steer_base_add(struct steer *s, uint8_t family)
{
	struct netlink_route to_tun = { .to = { .ip = { .family = family } },
		                        .table = s->numbers.divert,
		                        .ifindex = s->options.tun_ifindex };
	struct netlink_route nowhere = to_tun;
	struct netlink_rule divert = own_rule(s, family, s->numbers.divert), reach = own_rule(s, family, s->numbers.reach_rule),
	                    end = own_rule(s, family, s->numbers.hint_end);
	int error;

	nowhere.ifindex = 0;
	divert.mark = s->options.divert_mark;
	divert.mark_mask = s->options.divert_mark;
	divert.table = s->numbers.divert;
	reach.table = s->numbers.reach_table;
	end.action = RULE_NOP;
	/* The unreachable route first: at no time may the mark find an empty table. */
	error = netlink_route_set(&s->nl, &nowhere);
	if (!error)
		error = netlink_route_set(&s->nl, &to_tun);
	if (!error)
		error = way_back_add(s, family);
	if (!error)
		error = netlink_rule_add(&s->nl, &divert);
	if (!error)
		error = netlink_rule_add(&s->nl, &reach);
	return error ? error : netlink_rule_add(&s->nl, &end);
}

/*
 * A hint applies where the main table knows nothing more specific: a network
 * that is attached to this machine stays so, however wide the remote selector is.
 */
void
steer_hint_rules(struct steer *s, const struct hint_table *h, bool add)
{
	uint32_t priority = s->numbers.hint_rules + FIRST_LENGTH_RULE + RULES_PER_LENGTH * (128u - h->bits);
	struct netlink_rule specific = own_rule(s, h->family, priority), hint = own_rule(s, h->family, priority + 1);

	specific.from_device = hint.from_device = "lo";
	specific.sourceless = hint.sourceless = h->from.ip.family == IP_NONE;
	specific.from = hint.from = h->from;
	specific.shape = hint.shape = h->shape;
	specific.table = RT_TABLE_MAIN;
	specific.suppress_prefix = h->bits;
	hint.table = s->numbers.tables + (uint32_t)(h - s->hint_tables);
	if (add) {
		netlink_rule_add(&s->nl, &specific);
		netlink_rule_add(&s->nl, &hint);
	} else {
		netlink_rule_delete(&s->nl, &hint);
		netlink_rule_delete(&s->nl, &specific);
	}
}

struct netlink_rule
steer_exception_rule(const struct steer *s, const struct prefix *to, const struct netlink_shape *shape)
{
	struct netlink_rule r = own_rule(s, to->ip.family, s->numbers.hint_rules + EXCEPTION_RULE);

	r.action = RULE_GOTO;
	r.target = s->numbers.hint_end;
	r.from_device = "lo";
	r.sourceless = true;
	r.to = *to;
	r.shape = *shape;
	return r;
}

/* ---- the TUN device */

static bool
write_setting(const char *family, const char *dev, const char *name, const char *value)
{
	char path[128];
	bool ok;
	FILE *f;

	snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, dev, name);
	f = fopen(path, "we");
	if (!f)
		return false;
	ok = fputs(value, f) >= 0;
	return fclose(f) == 0 && ok;
}

static int
read_setting(const char *family, const char *dev, const char *name)
{
	char path[128];
	int value = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, dev, name);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/*
 * The larger of "all" and the device's own rp_filter counts: 2 on the device
 * makes it loose whatever "all" says. Strict would drop what was decrypted, since routes to
 * the peer's networks need not lead to the TUN device. Loose still asks for an address on
 * the device, whichever: the one that is reserved for such places does (192.0.0.8, RFC 7600).
 */
bool
steer_tun_settings(struct steer *s, char *why, size_t why_size)
{
	const struct ip dummy = ip_from_v4(0xc0000008);
	const char *dev = s->tun_name;
	int error = netlink_host_address_add(&s->nl, s->options.tun_ifindex, &dummy);

	if (error) {
		snprintf(why, why_size, "cannot give %s an address: %s", dev, strerror(error));
		return false;
	}
	write_setting("ipv4", dev, "send_redirects", "0");
	steer_tun_settings6(s);
	if (write_setting("ipv4", dev, "rp_filter", "2"))
		return true;
	if (read_setting("ipv4", dev, "rp_filter") != 1 &&
	    (read_setting("ipv4", dev, "rp_filter") == 2 || read_setting("ipv4", "all", "rp_filter") != 1))
		return true;
	snprintf(why, why_size,
	         "rp_filter of %s is strict and would drop what comes out of tunnels, and /proc/sys is read-only: set "
	         "net.ipv4.conf.all.rp_filter and net.ipv4.conf.default.rp_filter to 0 or 2",
	         dev);
	return false;
}

/* Best effort: a kernel without IPv6 has none of these. No link-local address, so no multicast of the kernel's own. */
void
steer_tun_settings6(const struct steer *s)
{
	write_setting("ipv6", s->tun_name, "addr_gen_mode", "1");
	write_setting("ipv6", s->tun_name, "accept_ra", "0");
	write_setting("ipv6", s->tun_name, "accept_redirects", "0");
	write_setting("ipv6", s->tun_name, "disable_ipv6", "0");
}
