/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_apply.h"

#include <errno.h>

static bool
add_output(struct log_sink *log, const struct log_settings *l, char *why, size_t why_size)
{
	if (log_sink_add(log, l->path, l->append, l->flush, l->times, l->level))
		return true;
	snprintf(why, why_size, "cannot open the log '%s': %s", l->path ? l->path : "stderr", strerror(errno));
	return false;
}

bool
settings_apply_log(struct log_sink *log, const struct settings *s, char *why, size_t why_size)
{
	int level[LOG_GROUPS];
	bool ok = true;

	log_sink_close(log);
	for (int g = 0; g < LOG_GROUPS; g++)
		level[g] = s->stderr_level;
	if (s->n_logs == 0)
		return log_sink_add(log, NULL, true, true, false, level);
	for (size_t i = 0; i < s->n_logs; i++)
		ok = add_output(log, &s->log[i], why, why_size) && ok;
	/* A daemon without any log could not even say that its log cannot be opened. */
	if (log->n == 0)
		log_sink_add(log, NULL, true, true, false, level);
	return ok;
}
