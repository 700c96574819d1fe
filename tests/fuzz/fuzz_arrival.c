/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any octets as datagrams at the NAT-T port, through a real socket, and as what
 * the kernel routes into the TUN device, in any mixture. Nothing that a stranger
 * sends is delivered; what has the non-ESP marker (RFC 3948 section 2.2), and that
 * alone, is handed to key management, octet for octet; and the tunnel works still.
 */
#include "check.h"

#include "dp_case.h"
#include "fuzz.h"

#include <unistd.h>

enum { MARKER = 4, THINGS_MAX = 16 };

static struct dp_case gateway, peer;
static int stranger = -1;
static uint8_t got[DP_CASE_PACKET_MAX];

static void
set_up(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	dp_case_open(&gateway, 1, 1, false);
	dp_case_open(&peer, 2, 1, false);
	fuzz_require(dp_case_claim(&gateway, 1, 1, 2, false) && dp_case_claim(&peer, 1, 2, 1, false));
	dp_case_install(&gateway, &peer, 0x1001, 1);
	dp_case_install(&peer, &gateway, 0x1002, 2);
	stranger = socket(AF_INET, SOCK_DGRAM, 0);
	fuzz_require(stranger >= 0);
}

static void
send_as_stranger(const uint8_t *data, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(gateway.self.port),
		                  .sin_addr.s_addr = htonl(0x7f000001) };

	fuzz_require(sendto(stranger, data, n, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)n);
}

/* Key management sees what has the marker, without it. */
static void
judge_events(const uint8_t *sent, size_t n)
{
	struct dataplane_event e;
	bool marked = n >= MARKER && get_be32(sent) == 0;

	while (dp_case_event(&gateway, &e) >= 0)
		if (e.kind == DATAPLANE_IKE)
			fuzz_require(marked && e.data.n == n - MARKER && !memcmp(e.data.p, sent + MARKER, e.data.n));
	while (dp_case_event(&peer, &e) >= 0)
		fuzz_require(e.kind != DATAPLANE_IKE);
}

static void
arrive(const uint8_t *data, size_t n, bool routed)
{
	if (routed && n)
		dp_case_route(&gateway, 0, NULL, data, n);
	else
		send_as_stranger(data, n);
	dp_case_turn(&gateway);
	dp_case_turn(&peer);
	judge_events(routed ? NULL : data, routed ? 0 : n);
	while (dp_case_delivered(&peer, 0, NULL, got))
		fuzz_require(routed);
}

static void
still_works(void)
{
	uint8_t packet[256];
	size_t n = dp_case_packet(packet, 2, 1, 100, 7);

	dp_case_route(&peer, 0, NULL, packet, n);
	dp_case_turn(&peer);
	dp_case_turn(&gateway);
	fuzz_require(dp_case_delivered(&gateway, 0, NULL, got) == n && !memcmp(got, packet, n));
	judge_events(NULL, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (stranger < 0)
		set_up();
	for (unsigned i = 0; i < THINGS_MAX && n >= 3; i++) {
		size_t length = get_be16(data + 1) & 0x7ff;

		length = length < n - 3 ? length : n - 3;
		arrive(data + 3, length, data[0] & 1);
		fuzz_require(!dp_case_delivered(&gateway, 0, NULL, got));
		data += 3 + length;
		n -= 3 + length;
	}
	still_works();
	return 0;
}
