/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "control.h"

static struct span
key_span(const struct control_sa *c)
{
	return span_of(&c->key, sizeof c->key);
}

static struct span
child_span(const uint32_t *child_id)
{
	return span_of(child_id, sizeof *child_id);
}

/* The child's own SA: a peer that chose the SPI of another peer, by chance or not, must not get at that one's. */
struct control_sa *
control_sa_find(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id)
{
	struct control_sa want = { .key = { d, spi } };

	for (struct table_link *l = table_find(&dp->sas, key_span(&want)); l; l = table_find_next(l)) {
		struct control_sa *c = table_entry(l, struct control_sa, link);

		if (c->key.direction == (uint32_t)d && c->key.spi == spi && c->child_id == child_id)
			return c;
	}
	return NULL;
}

/* Whether there is one that its packets could not be told from. */
static bool
present(struct dataplane *dp, const struct sa_params *p)
{
	struct control_sa want = { .key = { p->direction, p->spi } };

	for (struct table_link *l = table_find(&dp->sas, key_span(&want)); l; l = table_find_next(l)) {
		const struct control_sa *c = table_entry(l, struct control_sa, link);

		if (c->key.direction == (uint32_t)p->direction && c->key.spi == p->spi &&
		    (p->direction == SA_INBOUND || endpoint_equal(&c->remote, &p->remote)))
			return true;
	}
	return false;
}

/*
 * Inbound: where the kernel steers the SPI to. Outbound: beside the inbound SA of
 * the same pair, since the TUN device hands a flow's packets to the queue that
 * last delivered the flow's replies.
 */
static unsigned
choose_home(const struct dataplane *dp, const struct sa_params *p)
{
	/* The ESP of a bundle only ever comes inside its AH, whose SPI the kernel sees. */
	if (p->direction == SA_INBOUND)
		return spi_worker(p->ah.spi ? p->ah.spi : p->spi, dp->shared.n);
	for (struct table_link *l = table_find(&dp->children, child_span(&p->child_id)); l; l = table_find_next(l)) {
		const struct control_sa *c = table_entry(l, struct control_sa, child_link);

		if (c->child_id == p->child_id)
			return c->owner;
	}
	return p->reqid % dp->shared.n;
}

/* An outbound SA follows the one that it replaces, so that the flows keep their order. */
static unsigned
choose_owner(const struct dataplane *dp, const struct sa_params *p, unsigned home)
{
	const struct control_policy *cp = p->direction == SA_OUTBOUND ? control_policy_find(dp, p->reqid) : NULL;
	const struct policies *all = &dp->shared.worker[0].policies;
	const struct policy *policy = dp->shared.worker[0].balances && cp && cp->slot < all->n_slots ? &all->slot[cp->slot] : NULL;

	/* Only calls of this thread change the list. */
	for (size_t i = 0; policy && i < policy->n_sa; i++)
		if (selector_pair_equal(&policy->sa[i].ts, &p->ts))
			return policy->sa[i].owner;
	return home;
}

struct install_call {
	const struct sa_params *params;
	struct esp_sa_extra extra;
	struct control_sa *c;
	const char *why;
};

static void
run_install(struct worker *w, void *arg)
{
	struct install_call *call = arg;
	struct control_sa *c = call->c;

	c->sa = esp_sa_add(w->esp, call->params, &call->extra, &call->why);
	if (!c->sa)
		return;
	c->sa->user = call->params->direction == SA_OUTBOUND ? (void *)&c->target : (void *)&c->mapping_rate;
	c->target.mtu_asked = w->now;
	send_target_set(&c->target, c->sa->path);
	w->guests += c->owner != c->home;
}

static void
run_uninstall(struct worker *w, void *arg)
{
	struct control_sa *c = arg;

	esp_sa_remove(w->esp, c->sa);
	w->guests -= c->owner != c->home;
}

struct publish_call {
	const struct control_policy *policy;
	unsigned holder;
	struct sa_ref ref;
	bool failed;
};

/* The holder goes first, and sends what it held before any other worker can send past it. */
static void
run_publish(struct worker *w, void *arg)
{
	struct publish_call *call = arg;
	struct policy *p;

	if (call->failed)
		return;
	if (!policies_reserve(&w->policies, call->policy->slot, call->policy->reqid, call->holder)) {
		call->failed = true;
		return;
	}
	p = &w->policies.slot[call->policy->slot];
	call->failed = !policy_add_sa(&w->policies, p, &call->ref);
	if (!call->failed && p->n_held)
		outbound_release_held(w, p);
}

static void
run_unpublish(struct worker *w, void *arg)
{
	struct control_sa *c = arg;

	if (c->policy->slot < w->policies.n_slots)
		policy_remove_sa(&w->policies.slot[c->policy->slot], c->sa);
}

static void
unpublish(struct dataplane *dp, struct control_sa *c)
{
	control_all(dp, 0, run_unpublish, c);
	c->policy->n_outbound--;
	control_policy_put(dp, c->policy);
	c->policy = NULL;
}

static bool
publish(struct dataplane *dp, struct control_sa *c, const struct sa_params *p)
{
	struct publish_call call = { .ref = { .sa = c->sa, .owner = c->owner, .ts = p->ts } };

	c->policy = control_policy_get(dp, p->reqid);
	if (!c->policy)
		return false;
	c->policy->n_outbound++;
	call.policy = c->policy;
	call.holder = control_policy_holder(dp, c->policy);
	control_all(dp, call.holder, run_publish, &call);
	if (call.failed)
		unpublish(dp, c);
	return !call.failed;
}

static bool
has_socket(const struct dataplane *dp, const struct sa_params *p)
{
	const struct sockets *s = &dp->shared.worker[0].sockets;
	bool v6 = p->remote.ip.family == IP_V6, ah = p->protocol == IPPROTO_AH || p->ah.spi;

	if ((ah || p->mode == MODE_TRANSPORT) && s->fd_header[v6] < 0)
		return false;
	return s->fd[ah ? v6 ? SOCKET_AH6 : SOCKET_AH4 : socket_kind_of(&p->remote.ip, p->udp_encap)] >= 0;
}

static const char *
no_socket(const struct sa_params *p)
{
	if (p->mode == MODE_TRANSPORT || p->protocol == IPPROTO_AH || p->ah.spi)
		return "there are no raw sockets for this address family: transport mode and AH cannot be used";
	return p->udp_encap ? "there is no UDP socket for this address family: is IPv6 switched off?"
	                    : "there is no raw socket for protocol 50 of this address family: ESP without UDP cannot be used";
}

static bool
admissible(struct dataplane *dp, const struct sa_params *p, const char **why)
{
	if (p->remote.ip.family == IP_NONE)
		*why = "the SA has no remote address";
	else if (!p->udp_encap && ip_is_any(&p->local.ip))
		*why = "the SA has no local address, which ESP without UDP needs";
	else if (!has_socket(dp, p))
		*why = no_socket(p);
	else if (present(dp, p))
		*why = "an SA with this SPI is installed already";
	else
		return true;
	return false;
}

static bool
enter(struct dataplane *dp, struct control_sa *c)
{
	if (!table_insert(&dp->sas, &c->link, key_span(c)))
		return false;
	if (c->key.direction == SA_OUTBOUND || table_insert(&dp->children, &c->child_link, child_span(&c->child_id)))
		return true;
	table_remove(&dp->sas, &c->link);
	return false;
}

static void
leave(struct dataplane *dp, struct control_sa *c)
{
	table_remove(&dp->sas, &c->link);
	if (c->key.direction == SA_INBOUND)
		table_remove(&dp->children, &c->child_link);
	free(c);
}

static bool
install(struct dataplane *dp, struct control_sa *c, const struct sa_params *p, const char **why)
{
	struct install_call call = { .params = p, .c = c };
	unsigned mtu = p->direction == SA_OUTBOUND ? sockets_route_mtu(&p->local, &p->remote, dp->shared.options.bypass_mark) : 0;

	call.extra.mtu = (uint16_t)(mtu > UINT16_MAX ? UINT16_MAX : mtu);
	worker_call(&dp->shared.worker[c->owner], run_install, &call);
	if (!c->sa) {
		*why = call.why;
		return false;
	}
	if (p->direction == SA_INBOUND || publish(dp, c, p))
		return true;
	worker_call(&dp->shared.worker[c->owner], run_uninstall, c);
	return false;
}

bool
dataplane_install(struct dataplane *dp, const struct sa_params *p, const char **why)
{
	struct control_sa *c;

	*why = "out of memory";
	if (!admissible(dp, p, why))
		return false;
	switch (installed_add(&dp->installed, p)) {
	case INSTALLED_BEFORE:
		*why = "these keys were installed before: using them again would repeat nonces (RFC 4106 section 3.1); negotiate "
		       "new ones";
		return false;
	case INSTALLED_NO_MEMORY:
		return false;
	case INSTALLED_NEW:
		break;
	}
	c = calloc(1, sizeof *c);
	if (!c)
		return false;
	c->key.direction = p->direction;
	c->key.spi = p->spi;
	c->remote = p->remote;
	c->child_id = p->child_id;
	c->home = choose_home(dp, p);
	c->owner = choose_owner(dp, p, c->home);
	if (!enter(dp, c)) {
		free(c);
		return false;
	}
	if (install(dp, c, p, why))
		return true;
	leave(dp, c);
	return false;
}

struct move_call {
	struct control_sa *c;
	const struct endpoint *local, *remote;
	bool ok;
};

static void
run_move(struct worker *w, void *arg)
{
	struct move_call *call = arg;
	struct esp_sa *sa = call->c->sa;

	call->ok = esp_sa_move(w->esp, sa, call->local, call->remote);
	if (!call->ok || call->c->key.direction == SA_INBOUND)
		return;
	send_target_set(&call->c->target, sa->path);
	path_ask_mtu(w, sa);
}

bool
dataplane_update(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id, const struct endpoint *local,
                 const struct endpoint *remote)
{
	struct move_call call = { control_sa_find(dp, d, spi, child_id), local, remote, false };

	if (!call.c)
		return false;
	worker_call(&dp->shared.worker[call.c->owner], run_move, &call);
	if (call.ok)
		call.c->remote = *remote;
	return call.ok;
}

bool
dataplane_remove(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id)
{
	struct control_sa *c = control_sa_find(dp, d, spi, child_id);

	if (!c)
		return false;
	if (c->policy)
		unpublish(dp, c);
	worker_call(&dp->shared.worker[c->owner], run_uninstall, c);
	leave(dp, c);
	return true;
}

bool
dataplane_usage(struct dataplane *dp, enum sa_direction d, uint32_t spi, uint32_t child_id, struct sa_usage *out)
{
	const struct control_sa *c = control_sa_find(dp, d, spi, child_id);

	if (c)
		esp_sa_usage(c->sa, out);
	return c != NULL;
}

void
control_close_sas(struct dataplane *dp)
{
	for (size_t i = 0; i < dp->sas.n_buckets; i++) {
		for (struct table_link *l = dp->sas.bucket[i], *next; l; l = next) {
			next = l->next;
			free(table_entry(l, struct control_sa, link));
		}
	}
	table_close(&dp->sas);
	table_close(&dp->children);
}
