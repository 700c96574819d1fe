/* SPDX-License-Identifier: Apache-2.0 */
#include "log_sink.h"

#include <time.h>

void
log_sink_open(struct log_sink *s, int level)
{
	*s = (struct log_sink){ .file = stderr, .flush = true };
	for (int g = 0; g < LOG_GROUPS; g++)
		s->level[g] = level;
}

void
log_sink_close(struct log_sink *s)
{
	if (s->file && s->file != stderr)
		fclose(s->file);
	s->file = NULL;
}

bool
log_sink_file(struct log_sink *s, const char *path, bool append)
{
	FILE *f = fopen(path, append ? "ae" : "we");

	if (!f)
		return false;
	log_sink_close(s);
	s->file = f;
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

void
log_write(struct log_sink *s, enum log_group g, int level, const char *conn, uint32_t ike_id, const char *text)
{
	if (!s->file || level > s->level[g])
		return;
	if (s->times)
		write_time(s->file);
	fprintf(s->file, "00[%s] ", log_group_name(g));
	if (conn && ike_id)
		fprintf(s->file, "<%s|%u> ", conn, ike_id);
	else if (ike_id)
		fprintf(s->file, "<%u> ", ike_id);
	write_clean(s->file, text);
	fputc('\n', s->file);
	if (s->flush)
		fflush(s->file);
}
