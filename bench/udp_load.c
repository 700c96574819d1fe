/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of the side-by-side benchmark: one end sends UDP datagrams, paced or
 * as fast as it can, the other counts. One JSON object on standard output.
 *
 *   udp_load receive ADDRESS PORT                          until SIGTERM
 *   udp_load send ADDRESS PORT OCTETS PER_SECOND SECONDS   PER_SECOND 0: unpaced
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, OCTETS_MAX = 2048, SOCKET_BUFFER = 8 << 20 };

static volatile sig_atomic_t stopped;
static uint8_t octets[BATCH][OCTETS_MAX];
static struct iovec iov[BATCH];
static struct mmsghdr message[BATCH];

static void
on_term(int number)
{
	(void)number;
	stopped = 1;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
receive(int fd)
{
	struct sigaction act = { .sa_handler = on_term };
	unsigned long packets = 0;

	sigaction(SIGTERM, &act, NULL);
	puts("ready");
	fflush(stdout);
	while (!stopped) {
		int n = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);

		packets += n > 0 ? (unsigned long)n : 0;
	}
	printf("{\"packets\": %lu}\n", packets);
	return 0;
}

static int
transmit(int fd, double per_second, double duration)
{
	double start = seconds(), elapsed;
	unsigned long packets = 0;

	while ((elapsed = seconds() - start) < duration) {
		double due = per_second > 0 ? per_second * elapsed - (double)packets : BATCH;
		struct timespec nap = { .tv_nsec = 20000 };

		if (due < 1) {
			nanosleep(&nap, NULL);
			continue;
		}
		int n = sendmmsg(fd, message, due < BATCH ? (unsigned)due : BATCH, 0);

		packets += n > 0 ? (unsigned long)n : 0;
	}
	printf("{\"packets\": %lu, \"seconds\": %f}\n", packets, elapsed);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int size = SOCKET_BUFFER, fd = socket(AF_INET, SOCK_DGRAM, 0), sending = argc == 7 && strcmp(argv[1], "send") == 0;

	if (!sending && !(argc == 4 && strcmp(argv[1], "receive") == 0)) {
		fprintf(stderr, "usage: udp_load receive ADDRESS PORT | send ADDRESS PORT OCTETS PER_SECOND SECONDS\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 || fd < 0)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ octets[i], sending ? (size_t)atoi(argv[4]) % OCTETS_MAX : OCTETS_MAX };
		message[i].msg_hdr.msg_iov = &iov[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	if ((sending ? connect : bind)(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		perror("udp_load");
		return 1;
	}
	return sending ? transmit(fd, atof(argv[5]), atof(argv[6])) : receive(fd);
}
