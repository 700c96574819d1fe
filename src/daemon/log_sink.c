/* SPDX-License-Identifier: Apache-2.0 */
#include "log_sink.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void
log_sink_open(struct log_sink *s)
{
	*s = (struct log_sink){ 0 };
}

void
log_sink_close(struct log_sink *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->out[i].file != stderr)
			fclose(s->out[i].file);
	s->n = 0;
}

bool
log_sink_add(struct log_sink *s, const char *path, bool append, bool flush, bool times, const int level[LOG_GROUPS])
{
	struct log_output *o = &s->out[s->n];

	if (s->n == LOG_OUTPUTS_MAX) {
		errno = EMFILE;
		return false;
	}
	*o = (struct log_output){ .times = times };
	o->file = path ? fopen(path, append ? "ae" : "we") : stderr;
	if (!o->file)
		return false;
	/* A line is one write(2): standard error comes without a buffer, which would make one of each octet. */
	setvbuf(o->file, NULL, flush || !path ? _IOLBF : _IOFBF, BUFSIZ);
	memcpy(o->level, level, sizeof o->level);
	s->n++;
	return true;
}

static void
write_time(FILE *f)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(f, "%s.%03ld ", text, now.tv_nsec / 1000000);
}

/* Peers choose some of the text (identities, notification data): a terminal must not obey it. */
static void
write_clean(FILE *f, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, f);
}

static void
write_line(const struct log_output *o, enum log_group g, const char *conn, uint32_t ike_id, const char *text)
{
	if (o->times)
		write_time(o->file);
	fprintf(o->file, "00[%s] ", log_group_name(g));
	if (conn && ike_id)
		fprintf(o->file, "<%s|%u> ", conn, ike_id);
	else if (ike_id)
		fprintf(o->file, "<%u> ", ike_id);
	write_clean(o->file, text);
	fputc('\n', o->file);
}

void
log_write(struct log_sink *s, enum log_group g, int level, const char *conn, uint32_t ike_id, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (level <= s->out[i].level[g])
			write_line(&s->out[i], g, conn, ike_id, text);
}
