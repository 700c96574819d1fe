/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad link: carries Ethernet frames between two interfaces, and loses,
 * duplicates and reorders some of them, by a seeded generator (this kernel may
 * have no netem). Counters as one JSON object at SIGTERM.
 *
 *   relay DEV1 DEV2 LOSS DUPLICATE REORDER SEED     (the three in per mille)
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "seeded_rng.h"

enum { FRAME_OCTETS_MAX = 65536, HELD_MAX = 8 };

static volatile sig_atomic_t stopped;

struct side {
	int fd;
	/* Frames that are overtaken: each leaves after `after` more have passed. */
	struct held {
		uint8_t *frame;
		size_t n;
		unsigned after;
	} held[HELD_MAX];
};

struct link {
	struct side side[2];
	struct seeded_rng rng;
	unsigned long loss, duplicate, reorder;
	unsigned long passed, lost, duplicated, reordered;
};

static void
on_term(int number)
{
	(void)number;
	stopped = 1;
}

static int
open_device(const char *dev)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), size = 4 << 20, one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
	if (fd < 0 || a.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		perror(dev);
		exit(1);
	}
	return fd;
}

static bool
chance(struct link *l, unsigned long per_mille)
{
	return rng_below(&l->rng.rng, 1000) < per_mille;
}

static void
send_frame(struct side *to, const uint8_t *frame, size_t n)
{
	/* A full queue is one more loss. */
	if (send(to->fd, frame, n, 0) < 0)
		return;
}

static void
release_held(struct side *to, bool all)
{
	for (int i = 0; i < HELD_MAX; i++) {
		struct held *h = &to->held[i];

		if (!h->frame || (!all && --h->after > 0))
			continue;
		send_frame(to, h->frame, h->n);
		free(h->frame);
		h->frame = NULL;
	}
}

static bool
hold(struct link *l, struct side *to, const uint8_t *frame, size_t n)
{
	for (int i = 0; i < HELD_MAX; i++) {
		struct held *h = &to->held[i];

		if (h->frame)
			continue;
		h->frame = malloc(n);
		if (!h->frame)
			return false;
		memcpy(h->frame, frame, n);
		h->n = n;
		h->after = 1 + (unsigned)rng_below(&l->rng.rng, 10);
		return true;
	}
	return false;
}

static void
carry(struct link *l, struct side *to, const uint8_t *frame, size_t n)
{
	release_held(to, false);
	if (chance(l, l->loss)) {
		l->lost++;
		return;
	}
	if (chance(l, l->reorder) && hold(l, to, frame, n)) {
		l->reordered++;
		return;
	}
	send_frame(to, frame, n);
	l->passed++;
	if (chance(l, l->duplicate)) {
		send_frame(to, frame, n);
		l->duplicated++;
	}
}

static void
run(struct link *l)
{
	static uint8_t frame[FRAME_OCTETS_MAX];
	struct pollfd p[2] = { { l->side[0].fd, POLLIN, 0 }, { l->side[1].fd, POLLIN, 0 } };

	while (!stopped) {
		/* What is held on an idle link leaves after a moment. */
		if (poll(p, 2, 5) == 0) {
			release_held(&l->side[0], true);
			release_held(&l->side[1], true);
		}
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			while (!stopped && (n = recv(l->side[i].fd, frame, sizeof frame, MSG_DONTWAIT)) > 0)
				carry(l, &l->side[1 - i], frame, (size_t)n);
		}
	}
}

int
main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_term };
	struct link l = { 0 };

	if (argc != 7) {
		fprintf(stderr, "usage: relay DEV1 DEV2 LOSS DUPLICATE REORDER SEED\n");
		return 2;
	}
	l.side[0].fd = open_device(argv[1]);
	l.side[1].fd = open_device(argv[2]);
	l.loss = strtoul(argv[3], NULL, 10);
	l.duplicate = strtoul(argv[4], NULL, 10);
	l.reorder = strtoul(argv[5], NULL, 10);
	seeded_rng_open(&l.rng, strtoul(argv[6], NULL, 10));
	sigaction(SIGTERM, &act, NULL);
	puts("ready");
	fflush(stdout);
	run(&l);
	release_held(&l.side[0], true);
	release_held(&l.side[1], true);
	printf("{\"passed\": %lu, \"lost\": %lu, \"duplicated\": %lu, \"reordered\": %lu}\n", l.passed, l.lost, l.duplicated, l.reordered);
	return 0;
}
