/* SPDX-License-Identifier: Apache-2.0 */
#include "config_keys.h"
#include "vici_internal.h"

/* Pools over vici: strongSwan's field names, in its order. */

void
vici_load_pool(struct vici_request *r)
{
	const struct conf_section *s = r->args->sections;
	struct conf_errors errs = { 0 };
	bool one = s && !s->next && !r->args->keys;
	struct pool *p = one ? pool_read(s, POOL_FROM_VICI, &errs) : NULL;

	if (!one)
		vici_reply_error(r->client, "load-pool takes one section, named like the pool");
	else if (!p)
		vici_reply_error(r->client, "%s", conf_errors_first(&errs));
	else if (!pools_put(r->client->server->backend->pools, p))
		vici_reply_error(r->client, "out of memory, or more than %d pools", POOLS_MAX);
	else
		vici_reply_ok(r->client);
	conf_errors_free(&errs);
}

void
vici_unload_pool(struct vici_request *r)
{
	struct pools *l = r->client->server->backend->pools;
	const char *name = vici_arg(r, "name");

	if (!name)
		vici_reply_error(r->client, "missing pool name");
	else if (!pools_find(l, name))
		vici_reply_error(r->client, "%s not found", name);
	else if (!pools_remove(l, name))
		vici_reply_error(r->client, "%s has online leases, unable to unload", name);
	else
		vici_reply_ok(r->client);
}

static void
put_leases(struct vici_writer *w, const struct pool *p)
{
	char text[IP_TEXT_MAX], id[IDENTITY_TEXT_MAX], number[24];

	vici_section(w, "leases");
	for (size_t i = 0; i < p->n_leases; i++) {
		snprintf(number, sizeof number, "%zu", i);
		vici_section(w, number);
		vici_key(w, "address", ip_format(text, &p->all[i]->ip));
		vici_key(w, "identity", identity_format(id, &p->all[i]->id));
		vici_key(w, "status", p->all[i]->holders ? "online" : "offline");
		vici_section_end(w);
	}
	vici_section_end(w);
}

static void
put_pool(struct vici_writer *w, const struct pool *p, bool leases)
{
	uint64_t size = p->size > INT32_MAX ? INT32_MAX : p->size;

	vici_section(w, p->name);
	vici_key(w, "base", p->base);
	vici_keyf(w, "size", "%llu", (unsigned long long)size);
	vici_keyf(w, "online", "%zu", p->n_online);
	vici_keyf(w, "offline", "%zu", p->n_leases - p->n_online);
	if (leases)
		put_leases(w, p);
	vici_section_end(w);
}

void
vici_get_pools(struct vici_request *r)
{
	const struct pools *l = r->client->server->backend->pools;
	const char *name = vici_arg(r, "name");
	struct vici_writer w;

	vici_begin_reply(&w);
	for (size_t i = 0; i < l->n; i++)
		if (!name || !strcmp(name, l->p[i]->name))
			put_pool(&w, l->p[i], vici_arg_yes(r, "leases"));
	vici_send(r->client, &w);
	vici_done(r->client);
}

static void
put_vips(struct vici_writer *w, const char *name, const struct ip *a, size_t n)
{
	char text[IP_TEXT_MAX];

	if (!n)
		return;
	vici_list(w, name);
	for (size_t i = 0; i < n; i++)
		vici_item(w, ip_format(text, &a[i]));
	vici_list_end(w);
}

void
vici_put_vips(struct vici_writer *w, const struct ike_info *s)
{
	put_vips(w, "local-vips", s->local_vips, s->n_local_vips);
	put_vips(w, "remote-vips", s->remote_vips, s->n_remote_vips);
}
