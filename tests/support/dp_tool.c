/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane without key management: SAs and policies are typed in. For
 * tests and benchmarks; a command a line on standard input, an answer a line
 * ("ok ...", "error ..."), and events as they come ("event ...").
 *
 *	sa in|out spi=0x100 [reqid=1] [child=1] local=10.0.0.1:4500 remote=10.0.0.2:4500 encr=aes256gcm16 key=HEX
 *	   [integ=sha256 ikey=HEX] [ts=10.1.0.0/16==10.2.0.0/16] [udp=1] [esn=0] [window=1024] [df=1] [dscp=3] [ecn=1]
 *	   [mode=transport] [proto=ah] [ah=SPI ahkey=HEX] (HMAC-SHA2-256) [cpi=2]
 *	   [soft_packets=N] [hard_packets=N] [soft_octets=N] [hard_octets=N]
 *	claim reqid=1 ts=A==B[,C==D] [trap=1] [mode=drop]
 *	remove|update|usage in|out spi=0x100 [child=1] [local=10.0.0.1:4500] [remote=10.0.0.2:4500]
 *	release|ike|keepalive ... drops features counters quit
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane.h"

enum { LINE_MAX_OCTETS = 64 << 10, WORDS_MAX = 64, TS_MAX = 64 };

struct line {
	char *word[WORDS_MAX];
	size_t n;
};

static struct dataplane *dp;

static const char *
value(const struct line *l, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 1; i < l->n; i++)
		if (strncmp(l->word[i], name, n) == 0 && l->word[i][n] == '=')
			return l->word[i] + n + 1;
	return NULL;
}

static uint64_t
number(const struct line *l, const char *name, uint64_t otherwise)
{
	const char *v = value(l, name);

	return v ? strtoull(v, NULL, 0) : otherwise;
}

/* "10.0.0.1:4500", "[2001:db8::1]:4500". */
static struct endpoint
endpoint_of(const struct line *l, const char *name)
{
	const char *v = value(l, name), *port;
	struct endpoint e = { 0 };
	char text[64] = { 0 };

	if (!v)
		return e;
	if (*v == '[')
		v++;
	port = strrchr(v, ':');
	snprintf(text, sizeof text, "%.*s", (int)strcspn(v, "]"), v);
	if (v[strcspn(v, "]")] == 0 && port)
		text[port - v] = 0;
	if (!ip_parse(&e.ip, text))
		printf("error address %s\n", text);
	e.port = port ? (uint16_t)atoi(port + 1) : 0;
	return e;
}

static size_t
hex(uint8_t *out, size_t size, const char *text)
{
	size_t n = 0;
	unsigned octet;

	for (; text && n < size && sscanf(text, "%2x", &octet) == 1; text += 2)
		out[n++] = (uint8_t)octet;
	return n;
}

static size_t
pairs(struct selector_pair *out, const char *text)
{
	size_t n = 0;
	const char *why;

	while (text && *text && n < TS_MAX) {
		size_t len = strcspn(text, ",");
		const char *eq = strstr(text, "==");

		if (!eq || eq > text + len || !selector_parse(&out[n].local, span_of(text, (size_t)(eq - text)), &why) ||
		    !selector_parse(&out[n].remote, span_of(eq + 2, (size_t)(text + len - eq - 2)), &why))
			return 0;
		n++;
		text += len + (text[len] == ',');
	}
	return n;
}

static void
add_sa(const struct line *l)
{
	uint8_t key[64], ikey[64], ahkey[64];
	struct selector_pair ts[TS_MAX];
	const char *why = "";
	const struct algorithm *encr = algorithm_by_keyword(span_str(value(l, "encr") ? value(l, "encr") : "aes256gcm16"));
	const struct algorithm *integ = value(l, "integ") ? algorithm_by_keyword(span_str(value(l, "integ"))) : NULL;
	struct sa_params p = {
		.direction = l->n > 1 && strcmp(l->word[1], "out") == 0 ? SA_OUTBOUND : SA_INBOUND,
		.spi = (uint32_t)number(l, "spi", 0),
		.reqid = (uint32_t)number(l, "reqid", 1),
		.child_id = (uint32_t)number(l, "child", 1),
		.local = endpoint_of(l, "local"),
		.remote = endpoint_of(l, "remote"),
		.udp_encap = number(l, "udp", 1),
		.integ_id = integ ? integ->id : INTEG_NONE,
		.esn = number(l, "esn", 0),
		.encr_key = span_of(key, hex(key, sizeof key, value(l, "key"))),
		.integ_key = span_of(ikey, hex(ikey, sizeof ikey, value(l, "ikey"))),
		.replay_window = (uint32_t)number(l, "window", 1024),
		.soft_octets = number(l, "soft_octets", 0),
		.hard_octets = number(l, "hard_octets", 0),
		.soft_packets = number(l, "soft_packets", 0),
		.hard_packets = number(l, "hard_packets", 0),
		.copy_df = number(l, "df", 1),
		.copy_ecn = number(l, "ecn", 1),
		.copy_dscp = (uint8_t)number(l, "dscp", 3),
		.mode = value(l, "mode") ? MODE_TRANSPORT : MODE_TUNNEL,
		.protocol = value(l, "proto") ? 51 : 50,
		.ipcomp_cpi = (uint16_t)number(l, "cpi", 0),
	};

	p.ah.spi = (uint32_t)number(l, "ah", 0);
	p.ah.integ_id = INTEG_HMAC_SHA2_256_128;
	p.ah.integ_key = span_of(ahkey, hex(ahkey, sizeof ahkey, value(l, "ahkey")));

	if (!encr || !pairs(ts, value(l, "ts") ? value(l, "ts") : "0.0.0.0/0==0.0.0.0/0")) {
		printf("error cipher or selectors\n");
		return;
	}
	p.encr = (struct transform) { .id = encr->id, .key_bits = encr->key_bits };
	p.ts = ts[0];
	if (dataplane_install(dp, &p, &why))
		printf("ok\n");
	else
		printf("error %s\n", why);
}

static void
claim(const struct line *l)
{
	struct selector_pair ts[TS_MAX];
	const char *mode = value(l, "mode");
	struct claim c = {
		.reqid = (uint32_t)number(l, "reqid", 1),
		.conn = "tool",
		.child = "tool",
		.ts = ts,
		.n_ts = pairs(ts, value(l, "ts")),
		.mode = mode && strcmp(mode, "drop") == 0 ? MODE_DROP : MODE_TUNNEL,
		.priority = (uint32_t)number(l, "priority", 0),
		.trap = number(l, "trap", 0),
	};

	printf(c.n_ts && dataplane_claim(dp, &c) ? "ok\n" : "error claim refused\n");
}

static enum sa_direction
direction(const struct line *l)
{
	return l->n > 1 && strcmp(l->word[1], "out") == 0 ? SA_OUTBOUND : SA_INBOUND;
}

static void
usage(const struct line *l)
{
	struct sa_usage u;

	if (dataplane_usage(dp, direction(l), (uint32_t)number(l, "spi", 0), (uint32_t)number(l, "child", 1), &u))
		printf("ok octets=%llu packets=%llu last_use_ns=%llu compressed=%llu incompressible=%llu\n",
		       (unsigned long long)u.octets, (unsigned long long)u.packets, (unsigned long long)u.last_use_ns,
		       (unsigned long long)u.compressed, (unsigned long long)u.incompressible);
	else
		printf("error no such SA\n");
}

static void
change_sa(const struct line *l, bool remove)
{
	struct endpoint local = endpoint_of(l, "local"), remote = endpoint_of(l, "remote");
	uint32_t spi = (uint32_t)number(l, "spi", 0), child = (uint32_t)number(l, "child", 1);
	bool ok = remove ? dataplane_remove(dp, direction(l), spi, child)
	                 : dataplane_update(dp, direction(l), spi, child, &local, &remote);

	printf(ok ? "ok\n" : "error no such SA\n");
}

static void
drops(void)
{
	uint64_t d[ESP_DROP_COUNT];

	dataplane_drops(dp, d);
	printf("ok");
	for (unsigned i = 0; i < ESP_DROP_COUNT; i++)
		if (d[i])
			printf(" %s=%llu", esp_drop_name(i), (unsigned long long)d[i]);
	printf("\n");
}

static void
send_ike(const struct line *l, bool keepalive)
{
	uint8_t data[2048], tos = (uint8_t)number(l, "tos", 0);
	struct endpoint local = endpoint_of(l, "local"), remote = endpoint_of(l, "remote");
	struct span message = span_of(data, hex(data, sizeof data, value(l, "data")));

	printf(dataplane_send_ike(dp, &local, &remote, tos, message, keepalive) ? "ok\n" : "error not sent\n");
}

static void
counters(void)
{
	struct dataplane_counters c;

	dataplane_counters(dp, &c);
	printf("ok keepalives=%llu handed_over=%llu icmp_sent=%llu reassembled=%llu moved=%llu events_lost=%llu\n",
	       (unsigned long long)c.keepalives, (unsigned long long)c.handed_over, (unsigned long long)c.icmp_sent,
	       (unsigned long long)c.reassembled, (unsigned long long)c.moved, (unsigned long long)c.events_lost);
}

/* False: the end. */
static bool
command(char *text)
{
	struct line l = { 0 };

	for (char *w = strtok(text, " \t\r\n"); w && l.n < WORDS_MAX; w = strtok(NULL, " \t\r\n"))
		l.word[l.n++] = w;
	if (!l.n)
		return true;
	if (strcmp(l.word[0], "quit") == 0)
		return false;
	if (strcmp(l.word[0], "sa") == 0)
		add_sa(&l);
	else if (strcmp(l.word[0], "claim") == 0)
		claim(&l);
	else if (strcmp(l.word[0], "release") == 0)
		dataplane_release(dp, (uint32_t)number(&l, "reqid", 1)), printf("ok\n");
	else if (strcmp(l.word[0], "remove") == 0 || strcmp(l.word[0], "update") == 0)
		change_sa(&l, l.word[0][0] == 'r');
	else if (strcmp(l.word[0], "usage") == 0)
		usage(&l);
	else if (strcmp(l.word[0], "ike") == 0 || strcmp(l.word[0], "keepalive") == 0)
		send_ike(&l, l.word[0][0] == 'k');
	else if (strcmp(l.word[0], "drops") == 0)
		drops();
	else if (strcmp(l.word[0], "counters") == 0)
		counters();
	else if (strcmp(l.word[0], "features") == 0)
		printf("ok %s\n", dataplane_features(dp));
	else
		printf("error unknown command %s\n", l.word[0]);
	return true;
}

static void
print_event(const struct dataplane_event *e)
{
	static const char *const name[] = { "ike", "acquire", "expire-soft", "expire-hard", "invalid-spi", "mapping", "failed" };
	char local[ENDPOINT_TEXT_MAX], remote[ENDPOINT_TEXT_MAX], src[IP_TEXT_MAX], dst[IP_TEXT_MAX];

	printf("event %s spi=0x%x dir=%s child=%u local=%s remote=%s", name[e->kind], e->spi,
	       e->direction == SA_OUTBOUND ? "out" : "in", e->child_id, endpoint_format(local, &e->local),
	       endpoint_format(remote, &e->remote));
	if (e->kind == DATAPLANE_ACQUIRE)
		printf(" reqid=%u src=%s dst=%s proto=%u dport=%u", e->reqid, ip_format(src, &e->flow.src), ip_format(dst, &e->flow.dst),
		       e->flow.proto, e->flow.dport);
	if (e->kind == DATAPLANE_IKE) {
		printf(" data=");
		for (size_t i = 0; i < e->data.n && i < 64; i++)
			printf("%02x", e->data.p[i]);
	}
	printf("%s%s\n", e->text ? " text=" : "", e->text ? e->text : "");
}

static void
loop(void)
{
	static char buf[LINE_MAX_OCTETS];
	size_t n = 0;
	struct pollfd p[2] = { { STDIN_FILENO, POLLIN, 0 }, { dataplane_event_fd(dp), POLLIN, 0 } };
	struct dataplane_event e;

	for (;;) {
		char *end;
		ssize_t k;

		poll(p, 2, -1);
		while (dataplane_next_event(dp, &e))
			print_event(&e);
		if (!(p[0].revents & (POLLIN | POLLHUP)))
			continue;
		k = read(STDIN_FILENO, buf + n, sizeof buf - 1 - n);
		if (k <= 0)
			return;
		n += (size_t)k;
		buf[n] = 0;
		while ((end = strchr(buf, '\n'))) {
			*end++ = 0;
			if (!command(buf))
				return;
			n -= (size_t)(end - buf);
			memmove(buf, end, n + 1);
		}
	}
}

int
main(int argc, char **argv)
{
	struct dataplane_options o = { .tun_name = "sp0" };
	char why[256] = "";
	int c;

	while ((c = getopt(argc, argv, "t:m:w:k:p:h:H:nxS")) != -1) {
		switch (c) {
		case 't':
			o.tun_name = optarg;
			break;
		case 'm':
			o.mtu = (unsigned)atoi(optarg);
			break;
		case 'w':
			o.workers = (unsigned)atoi(optarg);
			break;
		case 'k':
			o.bypass_mark = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'p':
			o.port_nat_t = (uint16_t)atoi(optarg);
			break;
		case 'h':
			o.hold_packets = (unsigned)atoi(optarg);
			break;
		case 'H':
			o.hold_ms = (unsigned)atoi(optarg);
			break;
		case 'n':
			o.native_esp = true;
			break;
		case 'x':
			o.no_offload = true;
			break;
		case 'S':
			o.no_tun_steer = true;
			break;
		default:
			return 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	dp = dataplane_open(&o, why, sizeof why);
	if (!dp) {
		printf("error %s\n", why);
		return 1;
	}
	printf("ready %s %s\n", dataplane_tun_name(dp), dataplane_features(dp));
	loop();
	dataplane_close(dp);
	return 0;
}
