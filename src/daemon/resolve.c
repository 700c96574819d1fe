/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "steer.h"

enum { RESOLVE_PENDING_MAX = 1024, NAMED_MAX = 16 };

/* One question on its way through the items of remote_addrs, from @first round to it again. */
struct resolve_job {
	uv_getaddrinfo_t request;
	struct resolver *owner;
	uint64_t ticket;
	struct conn *conn;
	size_t first, at; /* at: how many items were tried */
	bool names_only;  /* all that the names mean; else the first address that will do */
	struct ip named[NAMED_MAX];
	size_t n_named;
	char reason[400]; /* why the first item that failed did not do */
};

/* One address, no subnet or range. */
static bool
is_single(const struct address_spec *a)
{
	return !a->name && a->lo.family != IP_NONE && ip_equal(&a->lo, &a->hi);
}

const char *
resolve_local(struct ip *out, const struct conn *conn, const struct ip *remote, uint32_t bypass_mark)
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
	if (!address_specs_match_own(&conn->local_addrs, out, &(unsigned){ 0 }))
		return "the address that routing gives us towards the peer is not among local_addrs";
	return NULL;
}

/* The question is over; @reason NULL: @remote will do. */
static void
finish(struct resolve_job *j, const struct ip *local_ip, const struct ip *remote_ip, const char *reason)
{
	struct resolver *r = j->owner;
	struct endpoint local = { .port = j->conn->local_port }, remote = { .port = j->conn->remote_port };

	if (j->names_only) {
		r->named(r->context, j->ticket, j->named, j->n_named);
	} else if (reason) {
		r->done(r->context, j->ticket, NULL, NULL, reason);
	} else {
		local.ip = *local_ip;
		remote.ip = *remote_ip;
		r->done(r->context, j->ticket, &local, &remote, NULL);
	}
	r->pending--;
	conn_unref(j->conn);
	free(j);
}

static void
not_this(struct resolve_job *j, const char *reason)
{
	if (!j->reason[0])
		snprintf(j->reason, sizeof j->reason, "%s", reason);
}

/* True when the question is over. */
static bool
take(struct resolve_job *j, const struct ip *ip)
{
	struct ip local;
	const char *reason;

	if (j->names_only) {
		if (j->n_named < NAMED_MAX)
			j->named[j->n_named++] = *ip;
		return false;
	}
	reason = resolve_local(&local, j->conn, ip, j->owner->bypass_mark);
	if (reason) {
		not_this(j, reason);
		return false;
	}
	finish(j, &local, ip, NULL);
	return true;
}

static struct ip
from_addrinfo(const struct addrinfo *ai)
{
	if (ai->ai_family == AF_INET6)
		return ip_from_octets(span_of(&((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr, 16));
	return ip_from_octets(span_of(&((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr, 4));
}

static void go_on(struct resolve_job *j);

static const struct address_spec *
item(const struct resolve_job *j, size_t at)
{
	return &j->conn->remote_addrs.a[(j->first + at) % j->conn->remote_addrs.n];
}

static void
looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct resolve_job *j = request->data;
	bool over = false;
	char reason[400];

	/* The loop ends: nobody waits for an answer. */
	if (status == UV_ECANCELED) {
		j->owner->pending--;
		conn_unref(j->conn);
		free(j);
		return;
	}
	snprintf(reason, sizeof reason, "cannot look up remote_addrs name '%s': %s", item(j, j->at - 1)->name,
	         status ? uv_strerror(status) : "it has no address");
	for (struct addrinfo *ai = status ? NULL : found; ai && !over; ai = ai->ai_next) {
		struct ip ip = from_addrinfo(ai);

		over = take(j, &ip);
	}
	if (!over && (status || !found))
		not_this(j, reason);
	uv_freeaddrinfo(found);
	if (!over)
		go_on(j);
}

static bool
look_up(struct resolve_job *j, const struct address_spec *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG,
		                  .ai_family = a->family == IP_V6 ? AF_INET6 : a->family == IP_V4 ? AF_INET : AF_UNSPEC };

	if (uv_getaddrinfo(j->owner->loop, &j->request, looked_up, a->name, NULL, &hints) == 0)
		return true;
	not_this(j, "a name lookup could not be started");
	return false;
}

/* The next item; the answer is waited for, or the question is over, when it returns. */
static void
go_on(struct resolve_job *j)
{
	while (j->at < j->conn->remote_addrs.n) {
		const struct address_spec *a = item(j, j->at++);

		if (a->name ? look_up(j, a) : !j->names_only && is_single(a) && take(j, &a->lo))
			return;
	}
	finish(j, NULL, NULL,
	       j->reason[0] ? j->reason
	                    : "remote_addrs names no single peer, so this connection can only answer: set remote_addrs to an address "
	                      "or a name");
}

static struct resolve_job *
job_new(struct resolver *r, uint64_t ticket, const struct conn *conn)
{
	struct resolve_job *j = r->pending < RESOLVE_PENDING_MAX ? calloc(1, sizeof *j) : NULL;

	if (!j)
		return NULL;
	r->pending++;
	j->owner = r;
	j->ticket = ticket;
	j->request.data = j;
	/* The reference is what is counted; the connection itself stays immutable. */
	j->conn = conn_ref((struct conn *)(uintptr_t)conn);
	return j;
}

void
resolve(struct resolver *r, uint64_t ticket, const struct conn *conn, unsigned attempt)
{
	struct resolve_job *j = job_new(r, ticket, conn);

	if (!j) {
		r->done(r->context, ticket, NULL, NULL, "too many name lookups are under way");
		return;
	}
	j->first = conn->remote_addrs.n ? attempt % conn->remote_addrs.n : 0;
	go_on(j);
}

void
resolve_names(struct resolver *r, uint64_t ticket, const struct conn *conn)
{
	struct resolve_job *j = job_new(r, ticket, conn);

	if (!j) {
		r->named(r->context, ticket, NULL, 0);
		return;
	}
	j->names_only = true;
	go_on(j);
}
