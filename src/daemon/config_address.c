/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>

#include "config_keys.h"

enum { HOST_NAME_MAX_OCTETS = 253 }; /* RFC 1035 section 2.3.4, as text */

static bool
subnet(struct address_spec *out, char *text, char *slash)
{
	struct ip a;
	char *end;
	unsigned long bits;

	*slash = 0;
	bits = strtoul(slash + 1, &end, 10);
	if (!ip_parse(&a, text) || !isdigit((unsigned char)slash[1]) || *end || bits > ip_bits(&a))
		return false;
	ip_prefix_range(&out->lo, &out->hi, &a, (unsigned)bits);
	return true;
}

static bool
range(struct address_spec *out, char *text, char *dash)
{
	*dash = 0;
	return ip_parse(&out->lo, text) && ip_parse(&out->hi, dash + 1) && out->lo.family == out->hi.family &&
	       ip_compare(&out->lo, &out->hi) <= 0;
}

/* Letters, digits, hyphens and dots: RFC 1123 section 2.1; and the underscore that people use. */
static bool
is_host_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return *text && *text != '-' && *text != '.' && strlen(text) <= HOST_NAME_MAX_OCTETS;
}

/* "10.0.0.999" is a mistyped address and not a name: no top-level domain is a number (RFC 3696 section 2). */
static bool
is_numeric(const char *text)
{
	const char *dot = strrchr(text, '.');

	text = dot ? dot + 1 : text;
	return *text && strspn(text, "0123456789") == strlen(text);
}

bool
config_address_spec(struct address_spec *out, struct span text, const char **why)
{
	char buf[HOST_NAME_MAX_OCTETS + 1];
	struct address_spec a = { 0 };
	char *p;

	*why = "it is an address, a subnet (10.0.0.0/8), a range (10.0.0.1-10.0.0.9), a name, %any, %any4 or %any6";
	if (!text.n || text.n >= sizeof buf || memchr(text.p, 0, text.n))
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	if (!strcmp(buf, "%any") || !strcmp(buf, "%any4") || !strcmp(buf, "%any6")) {
		a.family = buf[4] == '4' ? IP_V4 : buf[4] == '6' ? IP_V6 : IP_NONE;
	} else if (ip_parse(&a.lo, buf)) {
		a.hi = a.lo;
		if (ip_is_any(&a.lo))
			a = (struct address_spec) { .family = a.lo.family };
	} else if ((p = strchr(buf, '/'))) {
		if (!subnet(&a, buf, p))
			return false;
	} else if ((p = strchr(buf, '-')) && (isdigit((unsigned char)*buf) || strchr(buf, ':')) && range(&a, buf, p)) {
		;
	} else {
		if (p && !*p)
			*p = '-'; /* a name with a hyphen, which range() split */
		if (!is_host_name(buf) || is_numeric(buf))
			return false;
		a = (struct address_spec) { .name = strdup(buf) };
		*why = "out of memory";
		if (!a.name)
			return false;
	}
	*out = a;
	return true;
}
