/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "core.h"

#define X(name, word, sentence) word,
static const char *const words[] = { VERDICTS(X) };
#undef X
#define X(name, word, sentence) sentence,
static const char *const sentences[] = { VERDICTS(X) };
#undef X

const char *
verdict_word(enum verdict v)
{
	return v < VERDICT_COUNT ? words[v] : "?";
}

const char *
verdict_sentence(enum verdict v)
{
	return v < VERDICT_COUNT ? sentences[v] : "?";
}

bool
ike_verdict_count(const struct ike *ike, unsigned index, const char **name, const char **sentence, uint64_t *count)
{
	if (index >= VERDICT_COUNT)
		return false;
	*name = words[index];
	*sentence = sentences[index];
	*count = ike->verdicts[index];
	return true;
}

void
say(struct ike *core, enum log_group g, int level, const struct ike_sa *sa, const char *reason, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	effects_log(core->fx, g, level, sa ? sa->id : 0, sa && sa->conn ? sa->conn->name : NULL, reason, "%s", text);
}

enum { TOLD_A_SECOND = 20 };

/* A flood of messages must not become a flood of log lines: above this rate they are only counted. */
static bool
may_tell(struct ike *core, const struct ike_sa *sa)
{
	if (sa && sa->established_at)
		return true;
	if (core->now - core->told_at >= SECONDS(1)) {
		core->told_at = core->now;
		core->told = 0;
	}
	if (core->told++ == TOLD_A_SECOND)
		say(core, LOG_IKE, LOG_CONTROL, NULL, NULL,
		    "more messages were refused: for the rest of this second they are only counted");
	return core->told <= TOLD_A_SECOND;
}

enum verdict
refuse(struct ike *core, const struct ike_sa *sa, enum verdict v, const char *detail)
{
	core->verdicts[v]++;
	if (may_tell(core, sa))
		say(core, LOG_IKE, LOG_CONTROL, sa, verdict_word(v), "%s%s%s", verdict_sentence(v), detail ? ": " : "",
		    detail ? detail : "");
	return v;
}

/*
 * The last state of an SA that is about to go. The copy outlives the SA and
 * perhaps its connection, so of the latter it has only the name.
 */
static void
snapshot(struct ike *core, struct effect_event *e, const struct ike_sa *sa, const struct child_sa *c)
{
	struct arena *a = &core->fx->arena;
	struct ike_info *ike = sa ? arena_alloc(a, sizeof *ike) : NULL;
	struct child_info *child = c ? arena_alloc(a, sizeof *child) : NULL;
	struct conn *conn = sa && sa->conn ? arena_alloc(a, sizeof *conn) : NULL;
	struct child *config = c ? arena_alloc(a, sizeof *config) : NULL;

	if (ike) {
		ike_sa_info(ike, sa);
		ike->exchange = ike->last_notice = "";
		ike->conn = conn;
	}
	if (conn)
		conn->name = arena_printf(a, "%s", sa->conn->name);
	if (child && config) {
		child_sa_info(child, c);
		config->name = arena_printf(a, "%s", c->cfg->name);
		child->config = config;
	}
	e->ike = conn && !conn->name ? NULL : ike;
	e->child = config && config->name ? child : NULL;
}

void
event(struct ike *core, enum event_kind kind, const struct ike_sa *sa, const struct child_sa *c)
{
	struct effect *e = effects_add(core->fx, EFFECT_EVENT);

	if (!e)
		return;
	e->event.kind = kind;
	e->event.ike_id = sa ? sa->id : 0;
	e->event.child_id = c ? c->id : 0;
	e->event.old_ike_id = sa && kind == EVENT_IKE_REKEYED ? sa->rekeys : 0;
	e->event.old_child_id = c && kind == EVENT_CHILD_REKEYED ? c->rekeys : 0;
	if (kind == EVENT_IKE_DOWN || kind == EVENT_CHILD_DOWN)
		snapshot(core, &e->event, sa, c);
}

static const char *
or_empty(const char *s)
{
	return s ? s : "?";
}

const char *
sa_name(const struct ike_sa *sa)
{
	return or_empty(arena_printf(&sa->core->scratch, "%s[%u]", sa->conn ? sa->conn->name : "(unnamed)", sa->id));
}

const char *
child_name(const struct child_sa *c)
{
	return or_empty(arena_printf(&c->sa->core->scratch, "%s{%u}", c->cfg->name, c->id));
}

const char *
pair_text(struct ike *core, const struct selector_pair *p)
{
	char l[SELECTOR_TEXT_MAX], r[SELECTOR_TEXT_MAX];

	return or_empty(arena_printf(&core->scratch, "%s === %s", selector_format(l, &p->local), selector_format(r, &p->remote)));
}

const char *
id_text(struct ike *core, const struct identity *id)
{
	char t[IDENTITY_TEXT_MAX];

	return or_empty(arena_printf(&core->scratch, "%s", identity_format(t, id)));
}

const char *
ip_text(struct ike *core, const struct ip *ip)
{
	char t[IP_TEXT_MAX];

	return or_empty(arena_printf(&core->scratch, "%s", ip_format(t, ip)));
}

const char *
endpoint_text(struct ike *core, const struct endpoint *e)
{
	char t[ENDPOINT_TEXT_MAX];

	return or_empty(arena_printf(&core->scratch, "%s", endpoint_format(t, e)));
}

const char *
ends_text(const struct ike_sa *sa)
{
	struct identity l = id_box_get(sa->local_id), r = id_box_get(sa->remote_id);
	struct ike *core = sa->core;

	return or_empty(arena_printf(&core->scratch, "%s[%s]...%s[%s]", ip_text(core, &sa->local.ip), id_text(core, &l),
	                             ip_text(core, &sa->remote.ip), id_text(core, &r)));
}
