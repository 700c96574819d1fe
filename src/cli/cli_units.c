/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli.h"

const char *
cli_octets(char out[CLI_TEXT_MAX], const char *text)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double v = text ? strtod(text, NULL) : 0;
	size_t u = 0;

	/* 999.5 would be shown as 1000. */
	while (v >= 999.5 && u < 5) {
		v /= 1000;
		u++;
	}
	snprintf(out, CLI_TEXT_MAX, u && v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

const char *
cli_duration(char out[CLI_TEXT_MAX], const char *seconds)
{
	long long s = seconds ? strtoll(seconds, NULL, 10) : -1;

	if (s < 0)
		snprintf(out, CLI_TEXT_MAX, "-");
	else if (s < 60)
		snprintf(out, CLI_TEXT_MAX, "%llds", s);
	else if (s < 3600)
		snprintf(out, CLI_TEXT_MAX, "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, CLI_TEXT_MAX, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, CLI_TEXT_MAX, "%lldd %02lldh", s / 86400, s / 3600 % 24);
	return out;
}

const char *
cli_count(char out[CLI_TEXT_MAX], const char *text)
{
	unsigned long long n = text ? strtoull(text, NULL, 10) : 0;

	snprintf(out, CLI_TEXT_MAX, "%llu packet%s", n, n == 1 ? "" : "s");
	return out;
}
