/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

#include <stdio.h>
#include <strings.h>

/*
 * Selectors as swanctl.conf writes and strongSwan prints them. Names come from
 * small tables: a lookup in /etc would make the same file mean different things
 * on different machines, and this layer opens no files.
 */

enum { PORT_MAX = 65535, PROTO_ICMP = 1, PROTO_ICMPV6 = 58, PROTO_MAX = 255, WORD_MAX = 24 };

struct name {
	const char *name;
	uint16_t number;
};

/* The first name of a number is the one that is printed. */
static const struct name protocols[] = {
	{ "icmp", 1 },      { "igmp", 2 },       { "ipencap", 4 }, { "tcp", 6 },    { "egp", 8 },    { "igp", 9 },
	{ "udp", 17 },      { "dccp", 33 },      { "ipv6", 41 },   { "rsvp", 46 },  { "gre", 47 },   { "esp", 50 },
	{ "ah", 51 },       { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "eigrp", 88 }, { "ospf", 89 },  { "ipip", 94 },
	{ "pim", 103 },     { "ipcomp", 108 },   { "vrrp", 112 },  { "l2tp", 115 }, { "sctp", 132 }, { "mobility-header", 135 },
	{ "udplite", 136 }, { "hip", 139 },
};

static const struct name services[] = {
	{ "ftp-data", 20 },
	{ "ftp", 21 },
	{ "ssh", 22 },
	{ "telnet", 23 },
	{ "smtp", 25 },
	{ "time", 37 },
	{ "whois", 43 },
	{ "tacacs", 49 },
	{ "domain", 53 },
	{ "bootps", 67 },
	{ "bootpc", 68 },
	{ "tftp", 69 },
	{ "finger", 79 },
	{ "http", 80 },
	{ "www", 80 },
	{ "kerberos", 88 },
	{ "pop3", 110 },
	{ "sunrpc", 111 },
	{ "auth", 113 },
	{ "nntp", 119 },
	{ "ntp", 123 },
	{ "netbios-ns", 137 },
	{ "netbios-dgm", 138 },
	{ "netbios-ssn", 139 },
	{ "imap2", 143 },
	{ "imap", 143 },
	{ "snmp", 161 },
	{ "snmp-trap", 162 },
	{ "bgp", 179 },
	{ "ldap", 389 },
	{ "https", 443 },
	{ "microsoft-ds", 445 },
	{ "submissions", 465 },
	{ "isakmp", 500 },
	{ "syslog", 514 },
	{ "printer", 515 },
	{ "dhcpv6-client", 546 },
	{ "dhcpv6-server", 547 },
	{ "rtsp", 554 },
	{ "submission", 587 },
	{ "ipp", 631 },
	{ "ldaps", 636 },
	{ "domain-s", 853 },
	{ "rsync", 873 },
	{ "imaps", 993 },
	{ "pop3s", 995 },
	{ "openvpn", 1194 },
	{ "ms-sql-s", 1433 },
	{ "l2f", 1701 },
	{ "l2tp", 1701 },
	{ "radius", 1812 },
	{ "radius-acct", 1813 },
	{ "nfs", 2049 },
	{ "mysql", 3306 },
	{ "ms-wbt-server", 3389 },
	{ "svn", 3690 },
	{ "ipsec-nat-t", 4500 },
	{ "sip", 5060 },
	{ "sip-tls", 5061 },
	{ "xmpp-client", 5222 },
	{ "postgresql", 5432 },
	{ "amqp", 5672 },
	{ "x11", 6000 },
	{ "redis", 6379 },
	{ "http-alt", 8080 },
	{ "git", 9418 },
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool
by_name(uint16_t *out, const struct name *table, size_t n, struct span word)
{
	for (size_t i = 0; i < n; i++)
		if (word.n == strlen(table[i].name) && strncasecmp((const char *)word.p, table[i].name, word.n) == 0) {
			*out = table[i].number;
			return true;
		}
	return false;
}

/* Decimal, all of @word, at most @max. */
static bool
number(uint16_t *out, struct span word, unsigned max)
{
	unsigned v = 0;

	if (word.n == 0 || word.n > 5)
		return false;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] < '0' || word.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(word.p[i] - '0');
	}
	*out = (uint16_t)v;
	return v <= max;
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span
trim(struct span s)
{
	while (s.n && blank(s.p[0]))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool
is(struct span word, const char *text)
{
	return span_equal(word, span_str(text));
}

/* Splits at the first occurrence of @sep, without blanks around the parts; @tail is empty, and false returned, where there is
 * none. */
static bool
split(struct span *head, struct span *tail, struct span text, const char *sep)
{
	size_t n = strlen(sep);

	for (size_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, sep, n) == 0) {
			*head = trim(span_of(text.p, i));
			*tail = trim(span_of(text.p + i + n, text.n - i - n));
			return true;
		}
	*head = trim(text);
	*tail = (struct span) { 0 };
	return false;
}

/* ---- reading */

static bool
is_icmp(uint8_t proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/*
 * One port. For ICMP, as in strongSwan, a number below 256 is a message type,
 * larger ones are type * 256 + code; "3(1)", its printed form, is type and code.
 */
static bool
parse_port(uint16_t *out, uint8_t proto, struct span word)
{
	struct span type, code;
	uint16_t t, c;

	if (!is_icmp(proto))
		return number(out, word, PORT_MAX) || by_name(out, services, COUNT(services), word);
	if (split(&type, &code, word, "(")) {
		if (code.n == 0 || code.p[code.n - 1] != ')' || !number(&t, type, 255) ||
		    !number(&c, span_of(code.p, code.n - 1), 255))
			return false;
		*out = (uint16_t)(t << 8 | c);
		return true;
	}
	if (!number(out, word, PORT_MAX))
		return false;
	if (*out < 256)
		*out = (uint16_t)(*out << 8);
	return true;
}

static bool
parse_ports(struct selector *s, struct span text)
{
	struct span lo, hi;

	if (text.n == 0 || is(text, "any") || is(text, "%any"))
		return true;
	if (is(text, "opaque") || is(text, "%opaque") || is(text, "OPAQUE")) {
		s->port_lo = PORT_MAX;
		s->port_hi = 0;
		return true;
	}
	/* "http-alt" is a name, not a range. */
	if (parse_port(&s->port_lo, s->proto, text)) {
		s->port_hi = s->port_lo;
		return true;
	}
	return split(&lo, &hi, text, "-") && parse_port(&s->port_lo, s->proto, lo) && parse_port(&s->port_hi, s->proto, hi) &&
	       s->port_lo <= s->port_hi;
}

static bool
parse_protocol(struct selector *s, struct span text)
{
	uint16_t proto = 0;

	if (text.n && !is(text, "any") && !is(text, "%any") && !number(&proto, text, PROTO_MAX) &&
	    !by_name(&proto, protocols, COUNT(protocols), text))
		return false;
	s->proto = (uint8_t)proto;
	return true;
}

/* What stands in the brackets: "tcp", "tcp/80", "/53". */
static const char *
parse_upper_layer(struct selector *s, struct span text)
{
	struct span proto, ports;
	bool ports_given = split(&proto, &ports, text, "/");

	if (!parse_protocol(s, proto))
		return "the protocol in brackets is a number up to 255 or a name such as tcp, udp, icmp, ipv6-icmp";
	if (ports_given && !parse_ports(s, ports))
		return "the port after the slash is a number up to 65535, a range (1000-2000), a well-known service name (http), "
		       "any or opaque";
	return NULL;
}

static bool
parse_ip(struct ip *out, struct span text)
{
	char buf[IP_TEXT_MAX];

	if (text.n >= sizeof buf || memchr(text.p, 0, text.n))
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	return ip_parse(out, buf);
}

static const char *
parse_range(struct selector *s, struct span from, struct span to)
{
	if (!parse_ip(&s->lo, from) || !parse_ip(&s->hi, to))
		return "a range is two addresses of one family: 10.1.0.1-10.1.0.9";
	if (s->lo.family != s->hi.family || ip_compare(&s->lo, &s->hi) > 0)
		return "a range goes from a lower to a higher address of the same family";
	return NULL;
}

static const char *
parse_subnet(struct selector *s, struct span address, struct span length)
{
	uint16_t bits;
	struct ip a;

	if (!parse_ip(&a, address))
		return "the part before the slash is an IPv4 or IPv6 address";
	if (!number(&bits, length, ip_bits(&a)))
		return a.family == IP_V4 ? "the prefix length of an IPv4 subnet is 0 to 32"
		                         : "the prefix length of an IPv6 subnet is 0 to 128";
	ip_prefix_range(&s->lo, &s->hi, &a, bits);
	return NULL;
}

static const char *
parse_addresses(struct selector *s, struct span text)
{
	struct span a, b;

	if (is(text, "dynamic"))
		return NULL;
	if (split(&a, &b, text, "..") || split(&a, &b, text, "-"))
		return parse_range(s, a, b);
	if (split(&a, &b, text, "/"))
		return parse_subnet(s, a, b);
	if (!parse_ip(&s->lo, text))
		return "a traffic selector is a subnet (10.1.0.0/16), an address, a range (10.1.0.1-10.1.0.9) or dynamic, "
		       "with [protocol/port] after it where wanted";
	s->hi = s->lo;
	return NULL;
}

bool
selector_parse(struct selector *out, struct span text, const char **why)
{
	struct selector s = { .port_hi = PORT_MAX };
	struct span addresses, upper;

	*why = NULL;
	if (split(&addresses, &upper, text, "[")) {
		if (upper.n == 0 || upper.p[upper.n - 1] != ']')
			*why = "the bracket that opens before the protocol is not closed at the end";
		else
			*why = parse_upper_layer(&s, span_of(upper.p, upper.n - 1));
	}
	if (!*why)
		*why = parse_addresses(&s, addresses);
	if (*why)
		return false;
	*out = s;
	return true;
}

/* ---- printing */

static void
format_addresses(char out[SELECTOR_TEXT_MAX], const struct selector *s)
{
	char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX];
	int bits = ip_range_prefix(&s->lo, &s->hi);

	if (selector_is_dynamic(s))
		snprintf(out, SELECTOR_TEXT_MAX, "dynamic");
	else if (bits >= 0)
		snprintf(out, SELECTOR_TEXT_MAX, "%s/%d", ip_format(lo, &s->lo), bits);
	else
		snprintf(out, SELECTOR_TEXT_MAX, "%s..%s", ip_format(lo, &s->lo), ip_format(hi, &s->hi));
}

static void
format_protocol(char out[WORD_MAX], uint8_t proto)
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (protocols[i].number == proto) {
			snprintf(out, WORD_MAX, "%s", protocols[i].name);
			return;
		}
	snprintf(out, WORD_MAX, "%u", (unsigned)proto);
}

static void
format_port(char out[WORD_MAX], uint8_t proto, uint16_t port)
{
	if (!is_icmp(proto))
		snprintf(out, WORD_MAX, "%u", (unsigned)port);
	else if (port & 255)
		snprintf(out, WORD_MAX, "%u(%u)", (unsigned)port >> 8, (unsigned)port & 255);
	else
		snprintf(out, WORD_MAX, "%u", (unsigned)port >> 8);
}

static void
format_ports(char out[2 * WORD_MAX + 4], const struct selector *s)
{
	char lo[WORD_MAX], hi[WORD_MAX];

	format_port(lo, s->proto, s->port_lo);
	format_port(hi, s->proto, s->port_hi);
	if (s->port_lo == 0 && s->port_hi == PORT_MAX)
		out[0] = 0;
	else if (s->port_lo > s->port_hi)
		snprintf(out, 2 * WORD_MAX + 4, "/OPAQUE");
	else if (s->port_lo == s->port_hi)
		snprintf(out, 2 * WORD_MAX + 4, "/%s", lo);
	else
		snprintf(out, 2 * WORD_MAX + 4, "/%s-%s", lo, hi);
}

const char *
selector_format(char out[SELECTOR_TEXT_MAX], const struct selector *s)
{
	char proto[WORD_MAX], ports[2 * WORD_MAX + 4];
	size_t n;

	format_addresses(out, s);
	format_protocol(proto, s->proto);
	format_ports(ports, s);
	n = strlen(out);
	if (s->proto || ports[0])
		snprintf(out + n, SELECTOR_TEXT_MAX - n, "[%s%s]", proto, ports);
	return out;
}
