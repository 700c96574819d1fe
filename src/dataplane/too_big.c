/* SPDX-License-Identifier: Apache-2.0 */
#include "outbound.h"
#include "pmtu.h"

#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <unistd.h>

/*
 * ICMPv6 Packet Too Big about AH. The kernel steps over AH when it reads such a message, and looks for a socket of what is
 * inside: nobody learns of it. So these messages come here, only those that quote AH or headers that may be in front of it.
 * They are not authenticated (RFC 4301 section 6.1.1): one counts where it quotes SPI and a late sequence number of an SA of
 * ours.
 */

enum { QUOTED_NEXT_AT = 8 + 6, RECEIVE_BUFFER = 1 << 16, MESSAGES_PER_TURN = 32, MESSAGE_OCTETS = 1280, EXPIRES_DEFAULT = 600 };

/* A raw socket's filter sees the ICMPv6 header first. */
static bool
only_ah(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, QUOTED_NEXT_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_AH, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ROUTING, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_FRAGMENT, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog p = { .len = sizeof code / sizeof *code, .filter = code };
	struct icmp6_filter types;

	ICMP6_FILTER_SETBLOCKALL(&types);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &types);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types, sizeof types) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p) == 0;
}

int
too_big_open(void)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6), size = RECEIVE_BUFFER;

	if (fd < 0)
		return -1;
	if (only_ah(fd) && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0)
		return fd;
	close(fd);
	return -1;
}

/* RFC 4301 section 8.2.2: it "MUST be aged", by the period that the administrator has set for the kernel's own. */
static instant_t
expires(void)
{
	FILE *f = fopen("/proc/sys/net/ipv6/route/mtu_expires", "re");
	int seconds = EXPIRES_DEFAULT;

	if (f && (fscanf(f, "%d", &seconds) != 1 || seconds <= 0))
		seconds = EXPIRES_DEFAULT;
	if (f)
		fclose(f);
	return SECONDS(seconds);
}

static void
learn(struct worker *w, struct esp_sa *sa, uint32_t mtu)
{
	struct esp_path *p = sa->path;

	if (mtu >= p->mtu)
		return;
	p->mtu = p->told_mtu = (uint16_t)mtu;
	p->told_until = (uint64_t)(w->now + expires());
}

/* Only the owner looks into an SA. */
static void
tell_owner(struct worker *w, const struct pmtu_report *r)
{
	for (size_t i = 0; i < w->policies.n_slots; i++) {
		struct policy *p = &w->policies.slot[i];

		for (size_t k = 0; k < p->n_sa; k++)
			if (p->sa[k].owner == w->index && pmtu_report_is_of(p->sa[k].sa, r)) {
				learn(w, p->sa[k].sa, r->mtu);
				return;
			}
	}
}

void
too_big_read(struct worker *w)
{
	uint8_t room[MESSAGE_OCTETS];
	struct pmtu_report r;

	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++) {
		ssize_t n = recv(w->sockets.fd_too_big, room, sizeof room, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (pmtu_report_read(&r, span_of(room, (size_t)n)) && rate_allows(&w->error_rate, w->now, MILLISECONDS(10)))
			tell_owner(w, &r);
	}
}
