/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>

#include "vici_internal.h"

/* ---- events */

static const char *const event_names[VICI_EVENT_KINDS] = {
	[VICI_LOG] = "log",
	[VICI_LOG_ALL] = "log-all",
	[VICI_CONTROL_LOG] = "control-log",
	[VICI_LIST_SA] = "list-sa",
	[VICI_LIST_POLICY] = "list-policy",
	[VICI_LIST_CONN] = "list-conn",
	[VICI_LIST_CERT] = "list-cert",
	[VICI_LIST_AUTHORITY] = "list-authority",
	[VICI_IKE_UPDOWN] = "ike-updown",
	[VICI_IKE_REKEY] = "ike-rekey",
	[VICI_IKE_UPDATE] = "ike-update",
	[VICI_CHILD_UPDOWN] = "child-updown",
	[VICI_CHILD_REKEY] = "child-rekey",
};

enum vici_event_kind
vici_event_by_name(struct span name)
{
	unsigned k = 0;

	while (k < VICI_EVENT_KINDS && !span_equal(span_str(event_names[k]), name))
		k++;
	return (enum vici_event_kind)k;
}

void
vici_begin_event(struct vici_writer *w, enum vici_event_kind k)
{
	vici_begin(w, VICI_EVENT, event_names[k]);
}

bool
vici_listens(const struct vici_client *c, enum vici_event_kind k)
{
	return !c->closing && c->events & 1u << k;
}

/* ---- replies */

void
vici_begin_reply(struct vici_writer *w)
{
	vici_begin(w, VICI_CMD_RESPONSE, NULL);
}

void
vici_reply_ok(struct vici_client *c)
{
	struct vici_writer w;

	vici_begin_reply(&w);
	vici_key(&w, "success", "yes");
	vici_send(c, &w);
	vici_done(c);
}

void
vici_reply_error(struct vici_client *c, const char *fmt, ...)
{
	struct vici_writer w;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	vici_begin_reply(&w);
	vici_key(&w, "success", "no");
	vici_key(&w, "errmsg", text);
	vici_send(c, &w);
	vici_done(c);
}

/* ---- arguments */

const char *
vici_arg(const struct vici_request *r, const char *name)
{
	const struct conf_key *k = conf_key_find(r->args, name);

	return k ? k->value : NULL;
}

bool
vici_arg_yes(const struct vici_request *r, const char *name)
{
	const char *v = vici_arg(r, name);

	return v && (!strcmp(v, "yes") || !strcmp(v, "1") || !strcmp(v, "true") || !strcmp(v, "enabled"));
}

bool
vici_arg_number(const struct vici_request *r, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const char *v = vici_arg(r, name);
	char *end;
	long long n;

	if (!v || !*v)
		return true;
	errno = 0;
	n = strtoll(v, &end, 10);
	if (!*end && !errno && n >= min && n <= max) {
		*out = n;
		return true;
	}
	vici_reply_error(r->client, "%s takes a number from %lld to %lld, not '%.64s'", name, (long long)min, (long long)max, v);
	return false;
}

bool
vici_arg_id(const struct vici_request *r, const char *name, uint32_t *out)
{
	int64_t n = 0;

	if (!vici_arg_number(r, name, 0, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

/* ---- names */

static size_t
index_of(const struct vici_names *l, const char *name)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->name[i], name))
		i++;
	return i;
}

bool
vici_names_have(const struct vici_names *l, const char *name)
{
	return index_of(l, name) < l->n;
}

bool
vici_names_add(struct vici_names *l, const char *name)
{
	char **more, *copy;

	if (vici_names_have(l, name))
		return true;
	more = realloc(l->name, (l->n + 1) * sizeof *more);
	if (!more)
		return false;
	l->name = more;
	copy = strdup(name);
	if (!copy)
		return false;
	l->name[l->n++] = copy;
	return true;
}

void
vici_names_remove(struct vici_names *l, const char *name)
{
	size_t i = index_of(l, name);

	if (i == l->n)
		return;
	free(l->name[i]);
	memmove(&l->name[i], &l->name[i + 1], (--l->n - i) * sizeof l->name[0]);
}

void
vici_names_free(struct vici_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (struct vici_names) { 0 };
}

/* ---- selectors */

const char *
vici_selector(char out[SELECTOR_TEXT_MAX], const struct selector *s)
{
	const char *proto = s->proto == IPPROTO_TCP ? "tcp" : s->proto == IPPROTO_UDP ? "udp" : NULL;
	struct servent *service = proto && s->port_lo && s->port_lo == s->port_hi ? getservbyport(htons(s->port_lo), proto) : NULL;
	char *port = strrchr(selector_format(out, s), '/');

	if (service && port)
		snprintf(port + 1, SELECTOR_TEXT_MAX - (size_t)(port + 1 - out), "%s]", service->s_name);
	return out;
}
