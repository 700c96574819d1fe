/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VIRTUAL_IP_H
#define SALLYPORT_VIRTUAL_IP_H

#include "netlink.h"

/*
 * What a gateway lent this machine, made part of it: addresses on an interface,
 * name servers in a resolver's file. What is there is written down in a state
 * file first, so that `flush` can remove it when the process is no more.
 */
enum { VIRTUAL_ENTRIES_MAX = 256 };

struct virtual_entry {
	uint32_t ike_id; /* who holds it */
	struct ip ip;
	bool dns;
};

struct virtual_ips {
	unsigned ifindex;    /* where addresses go; 0: nowhere (install_virtual_ip = no) */
	const char *dns_file; /* NULL: name servers are not installed */
	const char *state_dir;
	struct virtual_entry e[VIRTUAL_ENTRIES_MAX];
	size_t n;
};

/* Adds what @ike_id holds now; the same address may be held more than once. False with a sentence in @why: nothing was added. */
bool virtual_ips_add(struct virtual_ips *v, uint32_t ike_id, const struct ip *vip, size_t n_vip, const struct ip *dns, size_t n_dns,
                     char *why, size_t why_size);
/* Removes what nobody but @ike_id holds. */
void virtual_ips_remove(struct virtual_ips *v, uint32_t ike_id);
void virtual_ips_close(struct virtual_ips *v);
/* Removes what a dead process wrote down in @state_dir. True also when nothing was there: @found says. */
bool virtual_ips_flush(const char *state_dir, bool *found, char *why, size_t why_size);

#endif
