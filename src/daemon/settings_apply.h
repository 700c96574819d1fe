/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SETTINGS_APPLY_H
#define SALLYPORT_SETTINGS_APPLY_H

#include "log_sink.h"
#include "settings.h"

/* Opens the logs that the settings name, instead of those that were open. False with a sentence in @why; what can be opened is. */
bool settings_apply_log(struct log_sink *log, const struct settings *s, char *why, size_t why_size);

#endif
