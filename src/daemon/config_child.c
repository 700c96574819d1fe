/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "config_keys.h"
#include "match.h"

enum { SELECTORS_MAX = 256, REPLAY_WINDOW_MAX = 65536, TENTH = 10 };

/* Lifetimes that were not given. */
#define NO_TIME ((instant_t)NOT_GIVEN)
#define NO_COUNT UINT64_MAX

#define DEFINE_TIME(name)                                                                                                        \
	static void set_##name(struct config_reader *r, const struct conf_key *k)                                                \
	{                                                                                                                        \
		conf_time(&r->child->lifetime.name##_ns, k, r->errs);                                                            \
	}
#define DEFINE_OCTETS(name)                                                                                                      \
	static void set_##name##_octets(struct config_reader *r, const struct conf_key *k)                                       \
	{                                                                                                                        \
		conf_octets(&r->child->lifetime.name##_octets, k, r->errs);                                                      \
	}
#define DEFINE_PACKETS(name)                                                                                                     \
	static void set_##name##_packets(struct config_reader *r, const struct conf_key *k)                                      \
	{                                                                                                                        \
		conf_number(&r->child->lifetime.name##_packets, k, 0, INT64_MAX, r->errs);                                       \
	}
#define DEFINE_BOOL(name)                                                                                                        \
	static void set_##name(struct config_reader *r, const struct conf_key *k)                                                \
	{                                                                                                                        \
		conf_bool(&r->child->name, k, r->errs);                                                                          \
	}

DEFINE_TIME(rekey)
DEFINE_TIME(life)
DEFINE_TIME(rand)
DEFINE_OCTETS(rekey)
DEFINE_OCTETS(life)
DEFINE_OCTETS(rand)
DEFINE_PACKETS(rekey)
DEFINE_PACKETS(life)
DEFINE_PACKETS(rand)
DEFINE_BOOL(hostaccess)
DEFINE_BOOL(copy_df)
DEFINE_BOOL(copy_ecn)
DEFINE_BOOL(ipcomp)
DEFINE_BOOL(sha256_96)

static void
set_inactivity(struct config_reader *r, const struct conf_key *k)
{
	conf_time(&r->child->inactivity_ns, k, r->errs);
}

static void
add_proposals(struct config_reader *r, const struct conf_key *k, struct proposals *list, enum proposal_protocol protocol)
{
	struct span item;
	size_t at = 0;
	char why[1024];

	while (conf_next_item(&item, k, &at))
		if (!proposals_parse(list, protocol, item, why, sizeof why))
			conf_error(r->errs, k->where, "%s: %s", k->name, why);
}

static void
set_esp_proposals(struct config_reader *r, const struct conf_key *k)
{
	add_proposals(r, k, &r->child->esp, PROPOSAL_ESP);
}

static void
set_ah_proposals(struct config_reader *r, const struct conf_key *k)
{
	add_proposals(r, k, &r->child->ah, PROPOSAL_AH);
}

static void
add_selectors(struct config_reader *r, const struct conf_key *k, struct selector **list, size_t *n)
{
	struct span item;
	size_t at = 0;
	const char *why;

	while (conf_next_item(&item, k, &at)) {
		struct selector s, *more = *n < SELECTORS_MAX ? realloc(*list, (*n + 1) * sizeof *more) : NULL;

		if (!more) {
			conf_error(r->errs, k->where, "%s: more than %d selectors, or out of memory", k->name, SELECTORS_MAX);
			return;
		}
		*list = more;
		if (!selector_parse(&s, item, &why))
			conf_error(r->errs, k->where, "%s: '%.*s': %s", k->name, (int)item.n, (const char *)item.p, why);
		else
			more[(*n)++] = s;
	}
}

static void
set_local_ts(struct config_reader *r, const struct conf_key *k)
{
	add_selectors(r, k, &r->child->local_ts, &r->child->n_local_ts);
}

static void
set_remote_ts(struct config_reader *r, const struct conf_key *k)
{
	add_selectors(r, k, &r->child->remote_ts, &r->child->n_remote_ts);
}

static void
set_mode(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "tunnel", MODE_TUNNEL, NULL },
		{ "pass", MODE_PASS, NULL },
		{ "drop", MODE_DROP, NULL },
		{ "transport", MODE_TRANSPORT, NULL },
		{ "transport_proxy", 0, "use mode = transport, or tunnel" },
		{ "beet", 0, "use mode = tunnel" },
		{ NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->child->mode = (enum child_mode)v;
}

static void
set_action(struct config_reader *r, const struct conf_key *k, enum child_action *out, enum child_action clear)
{
	const struct conf_word words[] = {
		{ "none", ACTION_NONE, NULL },        { "trap", ACTION_TRAP, NULL },        { "start", ACTION_START, NULL },
		{ "clear", (int)clear, NULL },        { "route", ACTION_TRAP, NULL },       { "restart", ACTION_START, NULL },
		{ "trap|start", ACTION_START, NULL }, { "start|trap", ACTION_START, NULL }, { NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		*out = (enum child_action)v;
}

static void
set_start_action(struct config_reader *r, const struct conf_key *k)
{
	set_action(r, k, &r->child->start_action, ACTION_NONE);
}

static void
set_close_action(struct config_reader *r, const struct conf_key *k)
{
	set_action(r, k, &r->child->close_action, ACTION_NONE);
}

static void
set_dpd_action(struct config_reader *r, const struct conf_key *k)
{
	set_action(r, k, &r->child->dpd_action, ACTION_CLEAR);
}

static void
set_replay_window(struct config_reader *r, const struct conf_key *k)
{
	uint64_t v;

	if (conf_number(&v, k, 0, REPLAY_WINDOW_MAX, r->errs))
		r->child->replay_window = (uint32_t)v;
}

static void
set_reqid(struct config_reader *r, const struct conf_key *k)
{
	uint64_t v;

	if (conf_number(&v, k, 0, UINT32_MAX, r->errs))
		r->child->reqid = (uint32_t)v;
}

static void
set_priority(struct config_reader *r, const struct conf_key *k)
{
	uint64_t v;

	if (conf_number(&v, k, 0, UINT32_MAX, r->errs))
		r->child->priority = (uint32_t)v;
}

static void
set_copy_dscp(struct config_reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "out", 1, NULL },  { "in", 2, NULL },    { "yes", 3, NULL }, { "no", 0, NULL },
		{ "true", 3, NULL }, { "false", 0, NULL }, { NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->child->copy_dscp = (uint8_t)v;
}

static void
set_updown(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs);

	free(r->child->updown);
	r->child->updown = text && *text ? conf_copy(text, k, r->errs) : NULL;
}

/* RFC 4303 section 2.7: "the SA management protocol MUST negotiate this service prior to a transmitter employing it". */
static void
set_tfc_padding(struct config_reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs);

	if (text && strcmp(text, "0") != 0)
		conf_error(
		        r->errs, k->where,
		        "tfc_padding = %s: IKEv1 cannot negotiate padding against traffic analysis, and without that none may be "
		        "sent (RFC 4303 section 2.7): leave it out",
		        text);
}

const struct key_row config_child_rows[] = {
	{ "local_ts", set_local_ts, NULL, false },
	{ "remote_ts", set_remote_ts, NULL, false },
	{ "esp_proposals", set_esp_proposals, NULL, false },
	{ "ah_proposals", set_ah_proposals, NULL, false },
	{ "ipcomp", set_ipcomp, NULL, false },
	{ "mode", set_mode, NULL, false },
	{ "start_action", set_start_action, NULL, false },
	{ "close_action", set_close_action, NULL, false },
	{ "dpd_action", set_dpd_action, NULL, false },
	{ "rekey_time", set_rekey, NULL, false },
	{ "life_time", set_life, NULL, false },
	{ "rand_time", set_rand, NULL, false },
	{ "rekey_bytes", set_rekey_octets, NULL, false },
	{ "life_bytes", set_life_octets, NULL, false },
	{ "rand_bytes", set_rand_octets, NULL, false },
	{ "rekey_packets", set_rekey_packets, NULL, false },
	{ "life_packets", set_life_packets, NULL, false },
	{ "rand_packets", set_rand_packets, NULL, false },
	{ "replay_window", set_replay_window, NULL, false },
	{ "hostaccess", set_hostaccess, NULL, false },
	{ "updown", set_updown, NULL, false },
	{ "reqid", set_reqid, NULL, false },
	{ "priority", set_priority, NULL, false },
	{ "copy_df", set_copy_df, NULL, false },
	{ "copy_ecn", set_copy_ecn, NULL, false },
	{ "copy_dscp", set_copy_dscp, NULL, false },
	{ "sha256_96", set_sha256_96, NULL, false },
	{ "policies", NULL, "yes|true|1|enabled", false },
	{ "policies_fwd_out", NULL, "no|false|0|disabled|yes|true|1|enabled", false },
	{ "inactivity", set_inactivity, NULL, false },
	{ "interface", NULL, "", false },
	{ "mark_in", NULL, "0/0x00000000|0|0x0", false },
	{ "mark_in_sa", NULL, "no|false|0|disabled", false },
	{ "mark_out", NULL, "0/0x00000000|0|0x0", false },
	{ "set_mark_in", NULL, "0/0x00000000|0|0x0", false },
	{ "set_mark_out", NULL, "0/0x00000000|0|0x0", false },
	{ "if_id_in", NULL, "0", false },
	{ "if_id_out", NULL, "0", false },
	{ "label", NULL, "", false },
	{ "label_mode", NULL, "system|simple|selinux", false },
	{ "tfc_padding", set_tfc_padding, NULL, false },
	{ "per_cpu_sas", NULL, "no|false|0|disabled", false },
	{ "hw_offload", NULL, "no|auto", false },
	{ "icmp", NULL, "no|false|0|disabled", false },
	{ NULL, NULL, NULL, false },
};

/* No silent downgrade: version 0 means IKEv2 for whoever initiates, as soon as there is one. Shunts negotiate nothing. */
void
config_child_check(struct config_reader *r, const struct conf_section *s)
{
	static const char *const keys[] = { "start_action", "close_action", "dpd_action" };
	const enum child_action actions[] = { r->child->start_action, r->child->close_action, r->child->dpd_action };

	if (r->conn->version != IKE_ANY || mode_is_shunt(r->child->mode))
		return;
	for (size_t i = 0; i < 3; i++)
		if (actions[i] == ACTION_TRAP || actions[i] == ACTION_START)
			conf_error(r->errs, conf_key_find(s, keys[i])->where,
			           "%s = %s initiates, which needs an explicit 'version = 1' in connection '%s': version = 0 "
			           "only answers",
			           keys[i], actions[i] == ACTION_TRAP ? "trap" : "start", r->conn->name);
}

void
config_child_begin(struct child *c)
{
	c->lifetime = (struct lifetime) {
		NO_TIME, NO_TIME, NO_TIME, NO_COUNT, NO_COUNT, NO_COUNT, NO_COUNT, NO_COUNT, NO_COUNT,
	};
}

/* rekey: @otherwise or life - 10 %; life: rekey + 10 %; rand: what lies between the two. */
static void
fill_in(uint64_t *rekey, uint64_t *life, uint64_t *rand, uint64_t otherwise)
{
	if (*rekey == NO_COUNT)
		*rekey = *life == NO_COUNT ? otherwise : *life - *life / TENTH;
	if (*life == NO_COUNT)
		*life = *rekey + *rekey / TENTH;
	if (*rand == NO_COUNT)
		*rand = *rekey && *life > *rekey ? *life - *rekey : 0;
}

/* Without a list of its own each end is "dynamic": its address, or the virtual one that it is given. */
static bool
default_selector(struct selector **list, size_t *n)
{
	const char *why;

	if (*n || *list)
		return true;
	*list = calloc(1, sizeof **list);
	*n = *list && selector_parse(*list, span_str("dynamic"), &why);
	return *n;
}

/* The defaults of swanctl.conf(5). */
bool
config_child_end(struct child *c)
{
	struct lifetime *l = &c->lifetime;
	uint64_t rekey = (uint64_t)l->rekey_ns, life = (uint64_t)l->life_ns, rand = (uint64_t)l->rand_ns;

	fill_in(&rekey, &life, &rand, (uint64_t)SECONDS(3600));
	l->rekey_ns = (instant_t)rekey;
	l->life_ns = (instant_t)life;
	l->rand_ns = (instant_t)rand;
	fill_in(&l->rekey_octets, &l->life_octets, &l->rand_octets, 0);
	fill_in(&l->rekey_packets, &l->life_packets, &l->rand_packets, 0);
	return default_selector(&c->local_ts, &c->n_local_ts) && default_selector(&c->remote_ts, &c->n_remote_ts);
}
