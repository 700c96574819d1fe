/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include "match.h"

#include <stdio.h>
#include <stdlib.h>

/* Peers and connections from one line of text. */

struct reader {
	struct sim_peer *p;
	struct conn *c;
	struct child *child; /* the last one */
	bool conn_only, ip6, to_given;
};

static bool
bad(const struct reader *r, const char *word, const char *why)
{
	snprintf(r->p->w->failure, sizeof r->p->w->failure, "bad description: \"%.100s\": %.300s", word, why);
	return false;
}

static instant_t
time_value(const char *v)
{
	char *end;
	double n = strtod(v, &end);

	return (instant_t)(n * (!strcmp(end, "ms") ? 1e6 : !strcmp(end, "m") ? 60e9 : !strcmp(end, "h") ? 3600e9 : 1e9));
}

static struct ip
peer_address(unsigned index, bool ip6)
{
	struct ip a;

	if (!ip6)
		return ip_from_v4(0xc0000201 + index + (index > 200 ? 0x10000 * (index / 200) : 0)); /* 192.0.2.0/24 */
	ip_parse(&a, "2001:db8::1");
	put_be16(a.b + 14, (uint16_t)(index + 1));
	return a;
}

static void
set_remote(struct reader *r, const struct ip *a)
{
	free(r->c->remote_addrs.a);
	r->c->remote_addrs = (struct address_specs) { 0 };
	if (a->family == IP_NONE)
		return;
	r->c->remote_addrs.a = calloc(1, sizeof *r->c->remote_addrs.a);
	if (!r->c->remote_addrs.a)
		abort();
	r->c->remote_addrs.n = 1;
	r->c->remote_addrs.a[0].lo = r->c->remote_addrs.a[0].hi = *a;
}

static bool
add_selectors(struct reader *r, struct selector **list, size_t *n, char *text)
{
	char *save = NULL;

	for (char *one = strtok_r(text, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
		const char *why = NULL;
		struct selector s, *grown = realloc(*list, (*n + 1) * sizeof s);

		if (!grown)
			abort();
		*list = grown;
		if (!selector_parse(&s, span_str(one), &why))
			return bad(r, one, why);
		(*list)[(*n)++] = s;
	}
	return true;
}

static bool
set_esp(struct reader *r, const char *text)
{
	char why[SIM_TEXT_MAX];

	proposals_free(&r->child->esp);
	r->child->esp = (struct proposals) { 0 };
	return proposals_parse(&r->child->esp, PROPOSAL_ESP, span_str(text), why, sizeof why) || bad(r, text, why);
}

static bool
set_ah(struct reader *r, const char *text)
{
	char why[SIM_TEXT_MAX];

	/* Alone, unless esp= follows. */
	proposals_free(&r->child->esp);
	r->child->esp = (struct proposals) { 0 };
	return proposals_parse(&r->child->ah, PROPOSAL_AH, span_str(text), why, sizeof why) || bad(r, text, why);
}

static bool
add_child(struct reader *r, const char *value)
{
	char text[1024], name[32] = "net", *at = text, *comma, *colon;

	snprintf(text, sizeof text, "%s", value);
	colon = strchr(text, ':');
	/* A colon of an IPv6 address is no name. */
	if (colon && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == (size_t)(colon - text) && !strstr(text, "::")) {
		*colon = 0;
		snprintf(name, sizeof name, "%.31s", text);
		at = colon + 1;
	}
	comma = strchr(at, ',');
	if (!comma)
		return bad(r, value, "LOCAL,REMOTE is wanted");
	*comma = 0;
	r->child = conn_add_child(r->c, name);
	if (!r->child)
		abort();
	free(r->child->local_ts);
	free(r->child->remote_ts);
	r->child->local_ts = r->child->remote_ts = NULL;
	r->child->n_local_ts = r->child->n_remote_ts = 0;
	r->child->lifetime.rand_ns = 0;
	return add_selectors(r, &r->child->local_ts, &r->child->n_local_ts, at) &&
	       add_selectors(r, &r->child->remote_ts, &r->child->n_remote_ts, comma + 1) && set_esp(r, "aes128gcm16");
}

static bool
default_child(struct reader *r)
{
	unsigned me = r->p->index + 1, other = r->p->index ? 1 : 2;
	char text[64];

	snprintf(text, sizeof text, "10.%u.0.0/16,10.%u.0.0/16", me % 250, other);
	return r->child || add_child(r, text);
}

static bool
set_action(struct reader *r, enum child_action *a, const char *v)
{
	static const char *const names[] = { "none", "trap", "start", "clear" };

	for (unsigned i = 0; i < 4; i++)
		if (!strcmp(v, names[i])) {
			*a = (enum child_action)i;
			return true;
		}
	return bad(r, v, "none, trap, start or clear is wanted");
}

static bool
child_word(struct reader *r, const char *key, const char *v, bool *known)
{
	*known = true;
	if (!strcmp(key, "ah"))
		return default_child(r) && set_ah(r, v);
	if (!strcmp(key, "compressed"))
		return default_child(r) && (r->child->ipcomp = true, true);
	if (!strcmp(key, "esp"))
		return default_child(r) && set_esp(r, v);
	if (!strcmp(key, "transport"))
		return default_child(r) && (r->child->mode = MODE_TRANSPORT, true);
	if (!strcmp(key, "pass"))
		return default_child(r) && (r->child->mode = MODE_PASS, true);
	if (!strcmp(key, "start"))
		return default_child(r) && set_action(r, &r->child->start_action, v);
	if (!strcmp(key, "close"))
		return default_child(r) && set_action(r, &r->child->close_action, v);
	if (!strcmp(key, "dpd-action"))
		return default_child(r) && set_action(r, &r->child->dpd_action, v);
	if (!strcmp(key, "rekey"))
		return default_child(r) && (r->child->lifetime.rekey_ns = time_value(v), true);
	if (!strcmp(key, "life"))
		return default_child(r) && (r->child->lifetime.life_ns = time_value(v), true);
	if (!strcmp(key, "rand"))
		return default_child(r) && (r->child->lifetime.rand_ns = time_value(v), true);
	if (!strcmp(key, "inactivity"))
		return default_child(r) && (r->child->inactivity_ns = time_value(v), true);
	if (!strcmp(key, "sha256-96"))
		return default_child(r) && (r->child->sha256_96 = true);
	if (!strcmp(key, "rekey-octets"))
		return default_child(r) && (r->child->lifetime.rekey_octets = strtoull(v, NULL, 10), true);
	if (!strcmp(key, "life-octets"))
		return default_child(r) && (r->child->lifetime.life_octets = strtoull(v, NULL, 10), true);
	*known = false;
	return true;
}

static bool
set_identity(struct reader *r, struct auth_round *a, const char *v)
{
	const char *why = NULL;

	a->id_given = true;
	return identity_parse(&a->id, span_str(v), &why) || bad(r, v, why);
}

static bool
set_unique(struct reader *r, const char *v)
{
	static const char *const names[] = { "no", "never", "keep", "replace" };

	for (unsigned i = 0; i < 4; i++)
		if (!strcmp(v, names[i])) {
			r->c->unique = (enum unique_policy)i;
			return true;
		}
	return bad(r, v, "no, never, keep or replace is wanted");
}

static bool
set_ike_proposals(struct reader *r, const char *text)
{
	char why[SIM_TEXT_MAX];

	proposals_free(&r->c->ike);
	r->c->ike = (struct proposals) { 0 };
	return proposals_parse(&r->c->ike, PROPOSAL_IKE, span_str(text), why, sizeof why) || bad(r, text, why);
}

static bool
conn_word(struct reader *r, const char *key, const char *v, bool *known)
{
	*known = true;
	if (!strcmp(key, "id"))
		return set_identity(r, &r->c->local, v);
	if (!strcmp(key, "rid"))
		return set_identity(r, &r->c->remote, v);
	if (!strcmp(key, "proposals"))
		return set_ike_proposals(r, v);
	if (!strcmp(key, "child"))
		return add_child(r, v);
	if (!strcmp(key, "unique"))
		return set_unique(r, v);
	if (!strcmp(key, "aggressive"))
		return r->c->aggressive = true;
	if (!strcmp(key, "fragmentation"))
		return r->c->fragmentation = (enum fragmentation)atoi(v), true;
	if (!strcmp(key, "encap"))
		return r->c->encap = true;
	if (!strcmp(key, "keyingtries"))
		return r->c->keyingtries = (unsigned)atoi(v), true;
	if (!strcmp(key, "ike-rekey"))
		return r->c->rekey_ns = time_value(v), true;
	if (!strcmp(key, "ike-reauth"))
		return r->c->reauth_ns = time_value(v), true;
	if (!strcmp(key, "ike-over"))
		return r->c->over_ns = time_value(v), true;
	if (!strcmp(key, "ike-rand"))
		return r->c->rand_ns = time_value(v), true;
	if (!strcmp(key, "dpd"))
		return r->c->dpd_delay_ns = time_value(v), true;
	if (!strcmp(key, "dpd-timeout"))
		return r->c->dpd_timeout_ns = time_value(v), true;
	*known = false;
	return true;
}

static bool
add_psk(struct reader *r, const char *v)
{
	struct sim_psk *s = &r->p->psk[r->p->n_psk];
	const char *colon = strrchr(v, ':'), *why = NULL;

	if (r->p->n_psk == SIM_PSKS_MAX)
		return bad(r, v, "too many secrets");
	r->p->n_psk++;
	s->any = !colon;
	snprintf(s->secret, sizeof s->secret, "%s", colon ? colon + 1 : v);
	return !colon || identity_parse(&s->id, span_of(v, (size_t)(colon - v)), &why) || bad(r, v, why);
}

static bool
set_to(struct reader *r, const char *v)
{
	struct ip a = { 0 };

	r->to_given = true;
	if (strcmp(v, "any") && !ip_parse(&a, v))
		return bad(r, v, "an address or \"any\" is wanted");
	r->p->remote = (struct endpoint) { a, 500 };
	set_remote(r, &a);
	return true;
}

static bool
peer_word(struct reader *r, const char *key, const char *v)
{
	struct sim_peer *p = r->p;

	if (!strcmp(key, "psk"))
		return add_psk(r, v);
	if (!strcmp(key, "no-psk"))
		return p->no_psk = true;
	if (!strcmp(key, "to"))
		return set_to(r, v);
	if (!strcmp(key, "addr"))
		return ip_parse(&p->local.ip, v) || bad(r, v, "no address");
	if (!strcmp(key, "tries"))
		return p->settings.retransmit_tries = (unsigned)atoi(v), true;
	if (!strcmp(key, "timeout"))
		return p->settings.retransmit_timeout_ns = time_value(v), true;
	if (!strcmp(key, "base"))
		return p->settings.retransmit_base = strtod(v, NULL), true;
	if (!strcmp(key, "fragment-size"))
		return p->settings.fragment_size = (unsigned)atoi(v), true;
	if (!strcmp(key, "children"))
		return p->settings.children_per_sa = (unsigned)atoi(v), true;
	if (!strcmp(key, "half-open"))
		return p->settings.half_open_max = (unsigned)atoi(v), true;
	if (!strcmp(key, "half-open-per-address"))
		return p->settings.half_open_per_address = (unsigned)atoi(v), true;
	if (!strcmp(key, "keepalive"))
		return p->settings.keepalive_ns = time_value(v), true;
	if (!strcmp(key, "aggressive-psk"))
		return p->settings.aggressive_psk = true;
	if (!strcmp(key, "without-pfs"))
		return p->settings.aggressive_without_pfs = true;
	if (!strcmp(key, "alias-bits"))
		return p->settings.nat_alias_bits = (unsigned)atoi(v), true;
	if (!strcmp(key, "close-idle-ike"))
		return p->settings.inactivity_close_ike = true;
	if (!strcmp(key, "export-keys"))
		return p->settings.export_keys = true;
	if (!strcmp(key, "unloaded") || !strcmp(key, "ip6") || !strcmp(key, "main"))
		return true;
	if (!strcmp(key, "ike1"))
		return r->c->version = IKE_V1, true;
	return bad(r, key, "no such word");
}

static bool
word(struct reader *r, char *text)
{
	char *eq = strchr(text, '=');
	const char *value = eq ? eq + 1 : "";
	bool known = false, ok;

	if (eq)
		*eq = 0;
	ok = conn_word(r, text, value, &known);
	if (!known)
		ok = sim_key_word(r->p, r->c, text, value, &known) || bad(r, text, value);
	if (!known)
		ok = sim_road_word(r->p, r->c, text, value, &known) || bad(r, text, value);
	if (!known)
		ok = child_word(r, text, value, &known);
	if (!known && (!r->conn_only || !strcmp(text, "to")))
		return peer_word(r, text, value);
	return ok;
}

bool
sim_configure(struct sim_peer *p, struct conn *c, const char *description, bool conn_only)
{
	struct reader r = { .p = p, .c = c, .conn_only = conn_only, .ip6 = strstr(description, "ip6") != NULL };
	char text[8192], *save = NULL;
	struct ip other = peer_address(p->index ? 0 : 1, r.ip6);

	snprintf(text, sizeof text, "%s", description);
	c->version = IKE_V1;
	c->local.method = c->remote.method = AUTH_PSK;
	c->rand_ns = 0;
	if (!conn_only) {
		p->local = (struct endpoint) { peer_address(p->index, r.ip6), 500 };
		p->remote = (struct endpoint) { other, 500 };
	}
	if (!set_ike_proposals(&r, "aes128-sha256-ecp256"))
		return false;
	for (char *w = strtok_r(text, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save))
		if (!word(&r, w))
			return false;
	if (!r.to_given)
		set_remote(&r, &p->remote.ip);
	return default_child(&r);
}
