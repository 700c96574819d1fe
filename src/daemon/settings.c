/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdlib.h>
#include <strings.h>

#include "conf_value.h"

/* What is being read. */
struct reader {
	struct settings *s;
	struct conf_errors *errs;
	char passed_over[512]; /* names of what has no meaning here */
	size_t n_passed_over;
};

struct setting {
	const char *name;
	void (*set)(struct reader *r, const struct conf_key *k);
};

void
settings_default(struct settings *s)
{
	*s = (struct settings) {
		.stderr_level = LOG_CONTROL,
		.native_esp = true,
		.divert_mark = 0x1000000,
		.bypass_mark = 0x2000000,
		.mark_mask = 0x3000000,
		.route_table = 0,
	};
	ike_settings_default(&s->ike);
}

void
settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->n_logs; i++)
		free(s->log[i].path);
	free(s->vici_socket);
	free(s->tun_name);
	road_settings_free(&s->road);
	*s = (struct settings) { 0 };
}

/* ---- charon.* */

/* retransmit_timeout and its like are seconds with a fraction. */
static void
set_seconds(struct reader *r, const struct conf_key *k, instant_t *out, double min, double max)
{
	double v;

	if (conf_double(&v, k, min, max, r->errs))
		*out = (instant_t)(v * 1e9);
}

static void
set_unsigned(struct reader *r, const struct conf_key *k, unsigned *out, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (conf_number(&v, k, min, max, r->errs))
		*out = (unsigned)v;
}

static void
set_port(struct reader *r, const struct conf_key *k, uint16_t *out)
{
	uint64_t v;

	if (conf_number(&v, k, 1, UINT16_MAX, r->errs))
		*out = (uint16_t)v;
}

#define SETTING(name, statement)                                                                                                 \
	static void set_##name(struct reader *r, const struct conf_key *k)                                                       \
	{                                                                                                                        \
		statement;                                                                                                       \
	}

SETTING(retransmit_timeout, set_seconds(r, k, &r->s->ike.retransmit_timeout_ns, 0.01, 3600))
SETTING(retransmit_base, conf_double(&r->s->ike.retransmit_base, k, 1, 10, r->errs))
SETTING(retransmit_tries, set_unsigned(r, k, &r->s->ike.retransmit_tries, 0, 100))
SETTING(retransmit_jitter, set_unsigned(r, k, &r->s->ike.retransmit_jitter_percent, 0, 20))
SETTING(retransmit_limit, set_seconds(r, k, &r->s->ike.retransmit_limit_ns, 0, 86400))
SETTING(keep_alive, conf_time(&r->s->ike.keepalive_ns, k, r->errs))
SETTING(half_open_timeout, conf_time(&r->s->ike.half_open_timeout_ns, k, r->errs))
SETTING(init_limit_half_open, set_unsigned(r, k, &r->s->ike.half_open_max, 0, 1000000))
SETTING(block_threshold, set_unsigned(r, k, &r->s->ike.half_open_per_address, 0, 1000000))
SETTING(fragment_size, set_unsigned(r, k, &r->s->ike.fragment_size, 0, 65535))
SETTING(max_packet, set_unsigned(r, k, &r->s->ike.max_packet, 576, 65535))
SETTING(inactivity_close_ike, conf_bool(&r->s->ike.inactivity_close_ike, k, r->errs))
SETTING(initiator_only, conf_bool(&r->s->ike.initiator_only, k, r->errs))
SETTING(aggressive_psk, conf_bool(&r->s->ike.aggressive_psk, k, r->errs))
SETTING(port_ike, set_port(r, k, &r->s->ike.port))
SETTING(port_nat_t, set_port(r, k, &r->s->ike.port_nat_t))
static void
set_rdn_matching(struct reader *r, const struct conf_key *k)
{
	static const struct conf_word words[] = {
		{ "strict", RDN_STRICT, NULL },
		{ "reordered", RDN_REORDERED, NULL },
		{ "relaxed", RDN_RELAXED, NULL },
		{ NULL, 0, NULL },
	};
	int v;

	if (conf_word(&v, k, words, r->errs))
		r->s->rdn_matching = (enum rdn_matching)v;
}

SETTING(cache_crls, conf_bool(&r->s->cache_crls, k, r->errs))
SETTING(replay_window, set_unsigned(r, k, &r->s->replay_window, 0, 65536))
SETTING(routing_table, set_unsigned(r, k, &r->s->route_table, 1, UINT32_MAX))

static const struct setting charon_settings[] = {
	{ "retransmit_timeout", set_retransmit_timeout },
	{ "retransmit_base", set_retransmit_base },
	{ "retransmit_tries", set_retransmit_tries },
	{ "retransmit_jitter", set_retransmit_jitter },
	{ "retransmit_limit", set_retransmit_limit },
	{ "keep_alive", set_keep_alive },
	{ "half_open_timeout", set_half_open_timeout },
	{ "init_limit_half_open", set_init_limit_half_open },
	{ "block_threshold", set_block_threshold },
	{ "fragment_size", set_fragment_size },
	{ "max_packet", set_max_packet },
	{ "inactivity_close_ike", set_inactivity_close_ike },
	{ "initiator_only", set_initiator_only },
	{ "i_dont_care_about_security_and_use_aggressive_mode_psk", set_aggressive_psk },
	{ "port", set_port_ike },
	{ "port_nat_t", set_port_nat_t },
	{ "cache_crls", set_cache_crls },
	{ "rdn_matching", set_rdn_matching },
	{ "replay_window", set_replay_window },
	{ "routing_table", set_routing_table },
	{ NULL, NULL },
};

/* ---- charon.sallyport.* */

static void
set_text(struct reader *r, const struct conf_key *k, char **out)
{
	const char *text = conf_text(k, r->errs);

	if (!text)
		return;
	if (!*text || strlen(text) > SETTINGS_TEXT_MAX) {
		conf_error(r->errs, k->where, "%s has from 1 to %d characters", k->name, SETTINGS_TEXT_MAX);
		return;
	}
	free(*out);
	*out = conf_copy(text, k, r->errs);
}

static void
set_hold_time(struct reader *r, const struct conf_key *k)
{
	instant_t t;

	if (conf_time(&t, k, r->errs))
		r->s->hold_ms = t > SECONDS(3600) ? 3600000 : (unsigned)(t / MILLISECONDS(1));
}

/* "no", or a network. */
static void
set_nat_aliases(struct reader *r, const struct conf_key *k)
{
	const char *text = conf_text(k, r->errs), *why = NULL;
	struct selector s;
	int prefix;

	if (!text)
		return;
	r->s->ike.nat_alias_bits = 0;
	if (strcmp(text, "no") == 0)
		return;
	prefix = selector_parse(&s, span_str(text), &why) && !selector_is_dynamic(&s) && !s.proto ? ip_range_prefix(&s.lo, &s.hi)
	                                                                                          : -1;
	if (prefix < 0 || ip_bits(&s.lo) - (unsigned)prefix - 2 > 14) {
		conf_error(r->errs, k->where,
		           "nat_aliases = %s is not allowed: a network of 4 to 65,536 addresses, like 198.18.0.0/16, or no",
		           text);
		return;
	}
	r->s->ike.nat_aliases = s.lo;
	r->s->ike.nat_alias_bits = ip_bits(&s.lo) - (unsigned)prefix;
}

SETTING(tun_name, set_text(r, k, &r->s->tun_name))
SETTING(children_per_sa, set_unsigned(r, k, &r->s->ike.children_per_sa, 1, 1000000))
SETTING(mtu, set_unsigned(r, k, &r->s->mtu, 576, 65535))
SETTING(workers, set_unsigned(r, k, &r->s->workers, 0, 256))
SETTING(hold_packets, set_unsigned(r, k, &r->s->hold_packets, 1, 65536))
SETTING(aggressive_mode_without_pfs, conf_bool(&r->s->ike.aggressive_without_pfs, k, r->errs))
SETTING(radius_unsigned, conf_bool(&r->s->road.radius.unsigned_ok, k, r->errs))
SETTING(native_esp, conf_bool(&r->s->native_esp, k, r->errs))
SETTING(divert_mark, set_unsigned(r, k, &r->s->divert_mark, 1, UINT32_MAX))
SETTING(bypass_mark, set_unsigned(r, k, &r->s->bypass_mark, 1, UINT32_MAX))
SETTING(mark_mask, set_unsigned(r, k, &r->s->mark_mask, 1, UINT32_MAX))

static const struct setting sallyport_settings[] = {
	{ "tun_name", set_tun_name },
	{ "mtu", set_mtu },
	{ "workers", set_workers },
	{ "hold_packets", set_hold_packets },
	{ "hold_time", set_hold_time },
	{ "native_esp", set_native_esp },
	{ "divert_mark", set_divert_mark },
	{ "bypass_mark", set_bypass_mark },
	{ "mark_mask", set_mark_mask },
	{ "children_per_sa", set_children_per_sa },
	{ "aggressive_mode_without_pfs", set_aggressive_mode_without_pfs },
	{ "radius_unsigned", set_radius_unsigned },
	{ "nat_aliases", set_nat_aliases },
	{ NULL, NULL },
};

/* ---- the tree */

static void
pass_over(struct reader *r, const char *section, const char *name)
{
	size_t n = strlen(r->passed_over);

	r->n_passed_over++;
	if (n + strlen(section) + strlen(name) + 8 < sizeof r->passed_over)
		snprintf(r->passed_over + n, sizeof r->passed_over - n, "%s%s.%s", n ? ", " : "", section, name);
}

static const struct setting *
setting_of(const struct setting *table, const char *name)
{
	while (table->name && strcmp(table->name, name))
		table++;
	return table->name ? table : NULL;
}

/* Our own section: nobody else reads it, so that what is unknown there is a mistake. */
static void
read_sallyport(struct reader *r, const struct conf_section *s)
{
	const char *names[sizeof sallyport_settings / sizeof sallyport_settings[0]] = { 0 };

	for (size_t i = 0; sallyport_settings[i].name; i++)
		names[i] = sallyport_settings[i].name;
	for (const struct conf_key *k = s->keys; k; k = k->next) {
		const struct setting *x = setting_of(sallyport_settings, k->name);
		const char *close = x ? NULL : conf_closest(k->name, names);

		if (x)
			x->set(r, k);
		else
			conf_error(r->errs, k->where, "unknown key '%s' in charon.sallyport%s%s%s", k->name,
			           close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
	}
	for (s = s->sections; s; s = s->next)
		conf_error(r->errs, s->where, "unknown section '%s' in charon.sallyport: there are only keys", s->name);
}

static int
group_of(const char *name)
{
	for (int g = 0; g < LOG_GROUPS; g++)
		if (!strcasecmp(name, log_group_name((enum log_group)g)))
			return g;
	return -1;
}

static void
set_level(struct reader *r, const struct conf_key *k, int *out)
{
	const char *text = conf_text(k, r->errs);
	uint64_t v;

	if (text && !strcmp(text, "-1"))
		*out = LOG_SILENT;
	else if (conf_number(&v, k, 0, 4, r->errs))
		*out = (int)v;
}

/* Levels and options of one log; what it does not say keeps the default. */
static void
read_log(struct reader *r, const struct conf_section *s, struct log_settings *l)
{
	const struct conf_key *k = conf_key_find(s, "default");
	int level = LOG_CONTROL;

	if (k)
		set_level(r, k, &level);
	for (int g = 0; g < LOG_GROUPS; g++)
		l->level[g] = level;
	for (k = s->keys; k; k = k->next) {
		int g = group_of(k->name);

		if (g >= 0)
			set_level(r, k, &l->level[g]);
		else if (!strcmp(k->name, "append"))
			conf_bool(&l->append, k, r->errs);
		else if (!strcmp(k->name, "flush_line"))
			conf_bool(&l->flush, k, r->errs);
		else if (!strcmp(k->name, "time_format"))
			l->times = true;
		else if (strcmp(k->name, "default") && strcmp(k->name, "path"))
			pass_over(r, "charon.filelog", k->name);
	}
}

/* "stdout" and "stderr" both mean standard error: a daemon's output has one place. */
static void
read_filelog(struct reader *r, const struct conf_section *s)
{
	const struct conf_key *path = conf_key_find(s, "path");
	const char *name = path ? conf_text(path, r->errs) : s->name;
	struct log_settings *l;

	if (!name)
		return;
	if (r->s->n_logs == LOG_FILES_MAX) {
		conf_error(r->errs, s->where, "more than %d logs", LOG_FILES_MAX);
		return;
	}
	l = &r->s->log[r->s->n_logs++];
	*l = (struct log_settings) { .append = true };
	if (strcmp(name, "stdout") && strcmp(name, "stderr")) {
		l->path = strdup(name);
		if (!l->path)
			conf_error(r->errs, s->where, "out of memory");
	}
	read_log(r, s, l);
}

static void
read_vici(struct reader *r, const struct conf_section *s)
{
	static const char scheme[] = "unix://";

	for (const struct conf_key *k = s->keys; k; k = k->next) {
		const char *text = strcmp(k->name, "socket") ? NULL : conf_text(k, r->errs);

		if (!text)
			pass_over(r, "charon.plugins.vici", k->name);
		else if (strncmp(text, scheme, sizeof scheme - 1))
			conf_error(r->errs, k->where, "socket = %s is not allowed: it is unix:// and a path", text);
		else
			set_text(r, &(struct conf_key) { .name = k->name, .where = k->where, .value = text + sizeof scheme - 1 },
			         &r->s->vici_socket);
	}
}

static void
read_plugin(struct reader *r, const struct conf_section *p)
{
	if (!strcmp(p->name, "vici"))
		read_vici(r, p);
	else if (!road_settings_plugin(&r->s->road, p, &r->s->ike.unity, r->errs))
		pass_over(r, "charon.plugins", p->name);
}

static void
read_charon(struct reader *r, const struct conf_section *charon)
{
	for (const struct conf_key *k = charon->keys; k; k = k->next) {
		const struct setting *x = setting_of(charon_settings, k->name);

		if (x)
			x->set(r, k);
		else if (!strcmp(k->name, "cisco_unity"))
			conf_bool(&r->s->ike.unity, k, r->errs);
		else if (!road_settings_charon(&r->s->road, k, r->errs))
			pass_over(r, "charon", k->name);
	}
	for (const struct conf_section *s = charon->sections; s; s = s->next) {
		if (!strcmp(s->name, "sallyport"))
			read_sallyport(r, s);
		else if (!strcmp(s->name, "filelog"))
			for (const struct conf_section *l = s->sections; l; l = l->next)
				read_filelog(r, l);
		else if (!strcmp(s->name, "plugins"))
			for (const struct conf_section *p = s->sections; p; p = p->next)
				read_plugin(r, p);
		else
			pass_over(r, "charon", s->name);
	}
}

/* The marks must be told apart under the mask. */
static void
check_marks(struct reader *r, const char *where)
{
	const struct settings *s = r->s;

	if ((s->divert_mark & ~s->mark_mask) || (s->bypass_mark & ~s->mark_mask) || s->divert_mark == s->bypass_mark)
		conf_error(
		        r->errs, where,
		        "charon.sallyport: divert_mark (0x%x) and bypass_mark (0x%x) must differ and lie within mark_mask (0x%x)",
		        s->divert_mark, s->bypass_mark, s->mark_mask);
	if (s->ike.port == s->ike.port_nat_t)
		conf_error(r->errs, where, "charon.port and charon.port_nat_t are the same: %u", s->ike.port);
}

bool
settings_load(struct settings *out, const char *path, struct conf_errors *errs)
{
	struct reader r = { .s = out, .errs = errs };
	struct conf_tree tree;
	size_t before = errs->n_errors;
	/* As charon-systemd reads the file: its own section over charon's. */
	static const char *const names[] = { "charon", "charon-systemd" };

	settings_default(out);
	if (!conf_tree_open(&tree, path))
		conf_error(errs, path, "out of memory");
	else if (conf_file_read(&tree, path, errs) && conf_tree_resolve(&tree, errs)) {
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			const struct conf_section *charon = conf_section_find(tree.root, names[i]);

			if (charon)
				read_charon(&r, charon);
		}
		check_marks(&r, path);
	}
	conf_tree_close(&tree);
	if (r.n_passed_over)
		conf_notice(errs, path, "%zu setting%s ignored, without a meaning here: %s%s", r.n_passed_over,
		            r.n_passed_over == 1 ? "" : "s", r.passed_over, strlen(r.passed_over) > 400 ? ", ..." : "");
	if (errs->n_errors == before)
		return true;
	settings_free(out);
	settings_default(out);
	return false;
}
