/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Drives steer.h from the command line: commands come in on standard input, one a
 * line, each answered by one line. What reaches the TUN device is sent to a peer
 * of the same kind in plain UDP, in place of ESP, so that paths are
 * tested end to end without any key; without a peer it is dropped.
 *
 *   steer_tool --tun NAME [--table N] [--mark DIVERT] [--state DIR] [--peer ADDRESS] [--mtu N]
 *                (the bypass mark is the next bit above the divert mark)
 *   steer_tool --flush [--table N] [--state DIR]
 */
#include "clock_rng.h"
#include "steer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 4500, PACKET_MAX = 65536, PAIRS_MAX = 64 };

struct tool {
	struct steer_options options;
	struct steer *steer;
	int tun, udp;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	uint64_t from_tun;
	unsigned mtu;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
open_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		die("cannot make the TUN device");
	return fd;
}

static void
set_mtu(const struct tool *t)
{
	struct ifreq r = { .ifr_mtu = (int)t->mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", t->options.tun_name);
	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &r) < 0)
		die("cannot set the MTU");
	close(fd);
}

static void
open_peer(struct tool *t, const char *text)
{
	struct sockaddr_in *v4 = (void *)&t->peer;
	struct sockaddr_in6 *v6 = (void *)&t->peer;
	struct sockaddr_storage any = { 0 };
	uint32_t mark = STEER_BYPASS_MARK;

	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(PORT);
		t->peer_size = sizeof *v6;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(PORT);
		if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
			die(text);
		t->peer_size = sizeof *v4;
	}
	t->udp = socket(t->peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	any.ss_family = t->peer.ss_family;
	((struct sockaddr_in *)(void *)&any)->sin_port = htons(PORT);
	if (t->udp < 0 || setsockopt(t->udp, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ||
	    bind(t->udp, (void *)&any, t->peer_size) < 0)
		die("cannot open the peer's socket");
}

/* ---- packets */

static void
tun_to_peer(struct tool *t)
{
	static uint8_t packet[PACKET_MAX];
	ssize_t n;

	while ((n = read(t->tun, packet, sizeof packet)) > 0) {
		t->from_tun++;
		if (t->udp >= 0)
			sendto(t->udp, packet, (size_t)n, 0, (void *)&t->peer, t->peer_size);
	}
}

static void
peer_to_tun(struct tool *t)
{
	static uint8_t packet[PACKET_MAX];
	ssize_t n;

	while ((n = recv(t->udp, packet, sizeof packet, 0)) > 0)
		if (write(t->tun, packet, (size_t)n) < 0)
			perror("write to the TUN device");
}

/* ---- commands */

static bool
parse_selector(struct selector *s, const char *text)
{
	const char *why;

	if (selector_parse(s, span_str(text), &why))
		return true;
	printf("error: %s: %s\n", text, why);
	return false;
}

static void
parse_setting(struct claim *c, char *text)
{
	char *value = strchr(text, '=');

	if (!value)
		return;
	*value++ = 0;
	if (strcmp(text, "mode") == 0)
		c->mode = strcmp(value, "pass") == 0 ? MODE_PASS : strcmp(value, "drop") == 0 ? MODE_DROP : MODE_TUNNEL;
	else if (strcmp(text, "priority") == 0)
		c->priority = (uint32_t)strtoul(value, NULL, 0);
	else if (strcmp(text, "local") == 0)
		ip_parse(&c->local, value);
	else if (strcmp(text, "remote") == 0)
		ip_parse(&c->remote, value);
}

/* claim REQID LOCAL REMOTE [LOCAL REMOTE]... [mode=pass|drop] [priority=N] [local=ADDRESS] [remote=ADDRESS] */
static void
command_claim(struct tool *t, char *rest)
{
	struct selector_pair ts[PAIRS_MAX];
	struct claim c = { .conn = "test", .child = "test", .ts = ts, .mode = MODE_TUNNEL, .trap = true };
	char *word = strtok(rest, " "), *remote, why[256];

	c.reqid = word ? (uint32_t)strtoul(word, NULL, 0) : 0;
	for (word = strtok(NULL, " "); word; word = strtok(NULL, " ")) {
		if (strchr(word, '=')) {
			parse_setting(&c, word);
			continue;
		}
		remote = strtok(NULL, " ");
		if (!remote || c.n_ts == PAIRS_MAX || !parse_selector(&ts[c.n_ts].local, word) ||
		    !parse_selector(&ts[c.n_ts].remote, remote))
			return;
		c.n_ts++;
	}
	if (steer_claim(t->steer, &c, why, sizeof why))
		printf("ok\n");
	else
		printf("error: %s\n", why);
}

/* bulk N 4|6: that many claims, one network each; how long it took, and how much of a processor, in seconds. */
static void
command_bulk(struct tool *t, char *rest, bool add)
{
	unsigned n = 0, family = 4;
	instant_t start = clock_boottime();
	clock_t cpu = clock();
	char why[256];

	sscanf(rest, "%u %u", &n, &family);
	for (unsigned i = 0; i < n; i++) {
		struct selector_pair ts;
		struct claim c = { .reqid = 1000 + i, .conn = "test", .child = "test", .ts = &ts, .n_ts = 1 };
		struct ip a = { 0 };

		ip_parse(&a, family == 6 ? "fd01::" : "10.1.0.0");
		ts.local = selector_from_prefix(&a, family == 6 ? 64 : 16, 0, 0, 65535);
		ip_parse(&a, family == 6 ? "fd10::" : "20.0.0.0");
		put_be16(a.b + (family == 6 ? 4 : 1), (uint16_t)i);
		ts.remote = selector_from_prefix(&a, family == 6 ? 48 : 24, 0, 0, 65535);
		if (!add)
			steer_release(t->steer, c.reqid);
		else if (!steer_claim(t->steer, &c, why, sizeof why)) {
			printf("error: %u: %s\n", i, why);
			return;
		}
	}
	printf("ok %.3f %.3f\n", (double)(clock_boottime() - start) / 1e9, (double)(clock() - cpu) / CLOCKS_PER_SEC);
}

static void
command_dropped(struct tool *t, const char *rest)
{
	uint64_t n;

	if (steer_dropped(t->steer, (uint32_t)strtoul(rest, NULL, 0), &n))
		printf("ok %llu\n", (unsigned long long)n);
	else
		printf("error: unknown\n");
}

static void
command_address(const char *command, const char *text)
{
	char out[IP_TEXT_MAX];
	struct ip a, src;

	if (!ip_parse(&a, text))
		printf("error: not an address\n");
	else if (strcmp(command, "local") == 0)
		printf("ok %d\n", steer_is_local(&a));
	else if (steer_source_address(&src, &a, strcmp(command, "outer") == 0 ? STEER_BYPASS_MARK : 0))
		printf("ok %s\n", ip_format(out, &src));
	else
		printf("error: no route\n");
}

/* False: the end. */
static bool
command(struct tool *t, char *line)
{
	char *rest = line + strcspn(line, " ");

	if (*rest)
		*rest++ = 0;
	if (strcmp(line, "claim") == 0)
		command_claim(t, rest);
	else if (strcmp(line, "release") == 0)
		steer_release(t->steer, (uint32_t)strtoul(rest, NULL, 0)), printf("ok\n");
	else if (strcmp(line, "bulk") == 0 || strcmp(line, "unbulk") == 0)
		command_bulk(t, rest, line[0] == 'b');
	else if (strcmp(line, "settled") == 0)
		steer_settled(t->steer), printf("ok\n");
	else if (strcmp(line, "dropped") == 0)
		command_dropped(t, rest);
	else if (strcmp(line, "seen") == 0)
		printf("ok %llu\n", (unsigned long long)t->from_tun);
	else if (strcmp(line, "quit") == 0)
		return false;
	else
		command_address(line, rest);
	fflush(stdout);
	return true;
}

/* Reads what there is; runs every whole line. */
static bool
commands(struct tool *t)
{
	static char buf[65536];
	static size_t held;
	ssize_t n = read(0, buf + held, sizeof buf - 1 - held);
	char *end;

	if (n <= 0)
		return false;
	held += (size_t)n;
	buf[held] = 0;
	while ((end = strchr(buf, '\n'))) {
		*end = 0;
		if (!command(t, buf))
			return false;
		held -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, held + 1);
	}
	return true;
}

static void
loop(struct tool *t)
{
	struct pollfd p[] = { { 0, POLLIN, 0 }, { t->tun, POLLIN, 0 }, { t->udp, POLLIN, 0 }, { steer_fd(t->steer), POLLIN, 0 } };

	while (poll(p, 4, -1) >= 0) {
		if (p[1].revents)
			tun_to_peer(t);
		if (p[2].revents)
			peer_to_tun(t);
		if (p[3].revents)
			steer_event(t->steer);
		if (p[0].revents && !commands(t))
			return;
	}
}

int
main(int argc, char **argv)
{
	struct tool t = { .tun = -1, .udp = -1, .mtu = 1400 };
	const char *peer = NULL;
	bool flush = false;
	char why[256];

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--flush") == 0) {
			flush = true;
			continue;
		}
		if (strcmp(argv[i], "--tun") == 0)
			t.options.tun_name = value;
		else if (strcmp(argv[i], "--table") == 0)
			t.options.route_table = (uint32_t)strtoul(value, NULL, 0);
		else if (strcmp(argv[i], "--mark") == 0)
			t.options.divert_mark = (uint32_t)strtoul(value, NULL, 0);
		else if (strcmp(argv[i], "--state") == 0)
			t.options.state_dir = value;
		else if (strcmp(argv[i], "--mtu") == 0)
			t.mtu = (unsigned)strtoul(value, NULL, 0);
		else if (strcmp(argv[i], "--peer") == 0)
			peer = value;
		i++;
	}
	if (flush) {
		bool found, ok = steer_flush(&t.options, &found, why, sizeof why);

		printf(ok ? "ok\n" : "error: %s\n", why);
		return !ok;
	}
	t.options.bypass_mark = t.options.divert_mark * 2;
	t.tun = open_tun(t.options.tun_name);
	set_mtu(&t);
	t.options.tun_ifindex = if_nametoindex(t.options.tun_name);
	if (peer)
		open_peer(&t, peer);
	t.steer = steer_open(&t.options, why, sizeof why);
	printf(t.steer ? "ready\n" : "error: %s\n", why);
	fflush(stdout);
	if (!t.steer)
		return 1;
	loop(&t);
	steer_close(t.steer);
	return 0;
}
