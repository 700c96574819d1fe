/* SPDX-License-Identifier: Apache-2.0 */
#include "virtual_ip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name_servers.h"

/* ---- what is there, written down */

static void
state_path(char out[512], const char *dir)
{
	snprintf(out, 512, "%s/virtual", dir);
}

/* One line an entry: "address IFINDEX IP" or "dns FILE IP". */
static bool
write_down(const struct virtual_ips *v)
{
	char path[512], text[IP_TEXT_MAX];
	FILE *f;
	bool ok = true;

	if (!v->state_dir)
		return true;
	state_path(path, v->state_dir);
	if (!v->n) {
		remove(path);
		return true;
	}
	f = fopen(path, "we");
	for (size_t i = 0; f && ok && i < v->n; i++) {
		ip_format(text, &v->e[i].ip);
		ok = v->e[i].dns ? fprintf(f, "dns %s %s\n", v->dns_file, text) > 0 : fprintf(f, "address %u %s\n", v->ifindex, text) > 0;
	}
	return f && !fclose(f) && ok;
}

static size_t
holders(const struct virtual_ips *v, const struct ip *ip, bool dns)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += v->e[i].dns == dns && ip_equal(&v->e[i].ip, ip);
	return n;
}

/* ---- addresses */

static int
address(unsigned ifindex, const struct ip *ip, bool add)
{
	struct netlink nl;
	int error = netlink_open(&nl);

	if (error)
		return error;
	error = add ? netlink_address_add(&nl, ifindex, ip) : netlink_address_delete(&nl, ifindex, ip);
	netlink_close(&nl);
	return error;
}

static void
take_away(struct virtual_ips *v, size_t i)
{
	struct virtual_entry e = v->e[i];

	v->e[i] = v->e[--v->n];
	if (holders(v, &e.ip, e.dns))
		return;
	if (e.dns)
		name_servers_remove(v->dns_file, &e.ip);
	else
		address(v->ifindex, &e.ip, false);
}

static const char *
put(struct virtual_ips *v, uint32_t ike_id, const struct ip *ip, bool dns)
{
	bool first = !holders(v, ip, dns);
	int error = 0;

	if (v->n == VIRTUAL_ENTRIES_MAX)
		return "too many virtual addresses";
	v->e[v->n++] = (struct virtual_entry) { .ike_id = ike_id, .ip = *ip, .dns = dns };
	if (!write_down(v))
		error = errno ? errno : EIO;
	else if (first)
		error = dns ? name_servers_add(v->dns_file, ip) : address(v->ifindex, ip, true);
	if (!error)
		return NULL;
	v->n--;
	return strerror(error < 0 ? -error : error);
}

static bool
put_all(struct virtual_ips *v, uint32_t ike_id, const struct ip *a, size_t n, bool dns, char *why, size_t why_size)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		const char *wrong = put(v, ike_id, &a[i], dns);

		if (!wrong)
			continue;
		snprintf(why, why_size, "%s %s: %s", dns ? "name server" : "address", ip_format(text, &a[i]), wrong);
		return false;
	}
	return true;
}

bool
virtual_ips_add(struct virtual_ips *v, uint32_t ike_id, const struct ip *vip, size_t n_vip, const struct ip *dns, size_t n_dns,
                char *why, size_t why_size)
{
	if ((!v->ifindex || put_all(v, ike_id, vip, n_vip, false, why, why_size)) &&
	    (!v->dns_file || put_all(v, ike_id, dns, n_dns, true, why, why_size)))
		return true;
	virtual_ips_remove(v, ike_id);
	return false;
}

void
virtual_ips_remove(struct virtual_ips *v, uint32_t ike_id)
{
	for (size_t i = v->n; i--;)
		if (v->e[i].ike_id == ike_id)
			take_away(v, i);
	write_down(v);
}

void
virtual_ips_close(struct virtual_ips *v)
{
	while (v->n)
		take_away(v, v->n - 1);
	write_down(v);
}

static void
flush_line(const char *line)
{
	char what[16], where[400], text[IP_TEXT_MAX];
	struct ip ip;

	if (sscanf(line, "%15s %399s %45s", what, where, text) != 3 || !ip_parse(&ip, text))
		return;
	if (!strcmp(what, "dns"))
		name_servers_remove(where, &ip);
	else
		address((unsigned)strtoul(where, NULL, 10), &ip, false);
}

bool
virtual_ips_flush(const char *state_dir, bool *found, char *why, size_t why_size)
{
	char path[512], line[600];
	FILE *f;

	state_path(path, state_dir);
	f = fopen(path, "re");
	*found = f != NULL;
	if (!f)
		return true;
	while (fgets(line, sizeof line, f))
		flush_line(line);
	fclose(f);
	if (remove(path) == 0)
		return true;
	snprintf(why, why_size, "%s: %s", path, strerror(errno));
	return false;
}
