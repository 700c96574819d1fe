/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "steer.h"

enum { RESOLVE_PENDING_MAX = 1024 };

struct resolve_job {
	uv_getaddrinfo_t request;
	struct resolver *owner;
	uint64_t ticket;
	struct conn *conn;
	char name[256];
};

static void
fail(struct resolver *r, uint64_t ticket, const char *reason)
{
	r->done(r->context, ticket, NULL, NULL, reason);
}

/* One address, no subnet or range. */
static bool
is_single(const struct address_spec *a)
{
	return !a->name && a->lo.family != IP_NONE && ip_equal(&a->lo, &a->hi);
}

/* Our end towards @remote: the first configured address of its family that is ours, else the kernel's choice. */
static const char *
choose_local(struct ip *out, const struct conn *conn, const struct ip *remote, uint32_t bypass_mark)
{
	bool given = false;

	for (size_t i = 0; i < conn->local_addrs.n; i++) {
		const struct address_spec *a = &conn->local_addrs.a[i];

		if (!is_single(a) || a->lo.family != remote->family)
			continue;
		given = true;
		if (steer_is_local(&a->lo)) {
			*out = a->lo;
			return NULL;
		}
	}
	if (given)
		return "none of local_addrs is an address of this machine: correct local_addrs, or leave it out";
	if (!steer_source_address(out, remote, bypass_mark))
		return "there is no route to the peer: check remote_addrs and the routing table";
	if (!address_specs_match(&conn->local_addrs, out, &(unsigned){ 0 }))
		return "the address that routing gives us towards the peer is not among local_addrs";
	return NULL;
}

static void
finish(struct resolver *r, uint64_t ticket, const struct conn *conn, const struct ip *remote_ip)
{
	struct endpoint local = { .port = conn->local_port }, remote = { .ip = *remote_ip, .port = conn->remote_port };
	const char *reason = choose_local(&local.ip, conn, remote_ip, r->bypass_mark);

	if (reason)
		fail(r, ticket, reason);
	else
		r->done(r->context, ticket, &local, &remote, NULL);
}

static struct ip
from_addrinfo(const struct addrinfo *ai)
{
	if (ai->ai_family == AF_INET6)
		return ip_from_octets(span_of(&((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr, 16));
	return ip_from_octets(span_of(&((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr, 4));
}

static void
looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct resolve_job *j = request->data;
	struct resolver *r = j->owner;
	char reason[400];

	r->pending--;
	if (status == 0 && found) {
		struct ip ip = from_addrinfo(found);

		finish(r, j->ticket, j->conn, &ip);
	} else if (status != UV_ECANCELED) {
		snprintf(reason, sizeof reason, "cannot look up remote_addrs name '%s': %s", j->name, uv_strerror(status));
		fail(r, j->ticket, reason);
	}
	uv_freeaddrinfo(found);
	conn_unref(j->conn);
	free(j);
}

static void
look_up(struct resolver *r, uint64_t ticket, const struct conn *conn, const struct address_spec *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG,
		                  .ai_family = a->family == IP_V6 ? AF_INET6 : a->family == IP_V4 ? AF_INET : AF_UNSPEC };
	struct resolve_job *j = r->pending < RESOLVE_PENDING_MAX ? calloc(1, sizeof *j) : NULL;

	if (!j) {
		fail(r, ticket, "too many name lookups are under way");
		return;
	}
	*j = (struct resolve_job){ .owner = r, .ticket = ticket };
	j->request.data = j;
	/* The reference is what is counted; the connection itself stays immutable. */
	j->conn = conn_ref((struct conn *)(uintptr_t)conn);
	snprintf(j->name, sizeof j->name, "%s", a->name);
	r->pending++;
	if (uv_getaddrinfo(r->loop, &j->request, looked_up, j->name, NULL, &hints) != 0)
		looked_up(&j->request, UV_EAI_FAIL, NULL);
}

void
resolve(struct resolver *r, uint64_t ticket, const struct conn *conn)
{
	for (size_t i = 0; i < conn->remote_addrs.n; i++) {
		const struct address_spec *a = &conn->remote_addrs.a[i];

		if (a->name) {
			look_up(r, ticket, conn, a);
			return;
		}
		if (is_single(a)) {
			finish(r, ticket, conn, &a->lo);
			return;
		}
	}
	fail(r, ticket, "remote_addrs names no single peer, so this connection can only answer: set remote_addrs to an address or a name");
}
