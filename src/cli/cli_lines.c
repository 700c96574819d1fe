/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_lines.h"

#include <string.h>

static const char FAILED[] = " failed: ", UNAUTHENTICATED[] = "the peer (unauthenticated) says ";

/* Only what tells of an end is held back: all else is shown as it happens. */
static bool
may_be_repeated(const char *msg)
{
	return strstr(msg, FAILED) || !strncmp(msg, "the peer ", strlen("the peer "));
}

static const char *
cause_of(const char *msg)
{
	const char *at = strstr(msg, FAILED);

	return at ? at + strlen(FAILED) : msg;
}

static void
print(const struct cli_lines *l, const char *group, const char *msg)
{
	fprintf(l->to, "  %s%-3s%s %s\n", l->colour ? "\033[2m" : "", group, l->colour ? "\033[0m" : "", msg);
	fflush(l->to);
}

void
cli_lines_end(struct cli_lines *l, const char *result)
{
	if (*l->held && !strstr(result, cause_of(l->held)))
		print(l, l->group, l->held);
	*l->held = 0;
}

/*
 * What a peer says in clear may be all that it ever says, and the attempt goes on for long: it is shown by its name at once. The
 * sentence comes with the result, whose probable cause it is.
 */
static void
show_name(const struct cli_lines *l, const char *group, const char *msg)
{
	char name[CLI_LINE_MAX];

	snprintf(name, sizeof name, "%.*s", (int)(strlen(UNAUTHENTICATED) + strcspn(msg + strlen(UNAUTHENTICATED), ":")), msg);
	print(l, group, name);
}

void
cli_lines_add(struct cli_lines *l, const char *group, const char *msg)
{
	cli_lines_end(l, msg);
	if (!strncmp(msg, UNAUTHENTICATED, strlen(UNAUTHENTICATED))) {
		show_name(l, group, msg);
	} else if (may_be_repeated(msg)) {
		snprintf(l->group, sizeof l->group, "%s", group);
		snprintf(l->held, sizeof l->held, "%s", msg);
	} else {
		print(l, group, msg);
	}
}
