/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "esp.h"
#include "outer.h"
#include "seeded_rng.h"

/*
 * Seals or opens single packets, for judges that speak another language:
 *
 *	esp_tool seal|open imb|evp ENCR BITS INTEG KEY AUTHKEY SPI SEQ ESN LOCAL REMOTE UDP [tunnel|transport esp|ah]
 *
 * Numbers are IANA's; keys are hexadecimal, "-" for none; SEQ is the number of the next
 * packet (seal), or the highest seen (open). Each line of standard input is a packet in
 * hexadecimal: an inner one to seal, or one with its outer headers to open. Each
 * line of output is the result, or "drop" and its name.
 */

enum { OCTETS_MAX = 65536 + 256, LINE_MAX_OCTETS = 2 * OCTETS_MAX + 2, ARGUMENTS = 14, ARGUMENTS_OF_FORMS = 16 };

static uint8_t buf[OCTETS_MAX];
static char line[LINE_MAX_OCTETS];

static size_t
from_hex(uint8_t *out, size_t max, const char *text)
{
	unsigned v;
	size_t n = 0;

	for (; *text != '-' && sscanf(text, "%2x", &v) == 1 && n < max; text += 2)
		out[n++] = (uint8_t)v;
	return n;
}

static void
print_hex(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
	printf("\n");
}

static struct selector
everything(uint8_t family)
{
	struct ip a = { .family = family };

	return selector_from_prefix(&a, 0, 0, 0, 65535);
}

static void
seal_line(struct esp_worker *w, struct esp_sa *sa, size_t n)
{
	static struct batch b;
	uint8_t outer[OUTER_OCTETS_MAX];
	struct packet *p = &b.pkt[0];
	size_t h;

	memmove(buf + 128, buf, n);
	b.n = 1;
	*p = (struct packet) { .p = buf + 128, .len = (uint32_t)n, .sa = sa };
	esp_transmit(w, &b, 1);
	if (!b.n) {
		printf("drop %s\n", esp_drop_name(p->drop));
		return;
	}
	/* Transport mode and AH bring their header. */
	if (p->head) {
		print_hex(p->p, p->len);
		return;
	}
	h = outer_build(outer, sa->path, p->len, p->tos, p->df, 1, 0);
	memcpy(p->p - h, outer, h);
	if (sa->path->udp_encap && sa->path->remote.ip.family == IP_V6)
		outer_udp6_checksum(p->p - h, h + p->len);
	print_hex(p->p - h, h + p->len);
}

/* Octets of the IP header, of IPv6 with hop-by-hop options, routing header and destination options. */
static size_t
header_octets(const uint8_t *p, size_t n)
{
	size_t at = 40;

	if (p[0] >> 4 == 4)
		return (p[0] & 15u) * 4;
	for (uint8_t next = p[6]; at + 8 <= n && (next == 0 || next == 43 || next == 60); at += (p[at + 1] + 1u) * 8)
		next = p[at];
	return at;
}

static void
open_line(struct esp_worker *w, const struct esp_sa *sa, bool ah, size_t n)
{
	static struct batch b;
	struct packet *p = &b.pkt[0];
	size_t head = header_octets(buf, n), h = head + (sa->path->udp_encap ? 8 : 0);

	if (n < h) {
		printf("drop runt\n");
		return;
	}
	b.n = 1;
	*p = (struct packet) { .p = buf + h, .len = (uint32_t)(n - h), .head = (uint16_t)(h == head ? head : 0) };
	p->tos = buf[0] >> 4 == 4 ? buf[1] : (uint8_t)(get_be16(buf) >> 4);
	if (ah)
		ah_receive(w, &b, 1);
	else
		esp_receive(w, &b, 1);
	if (b.n)
		print_hex(p->p, p->len);
	else
		printf("drop %s\n", esp_drop_name(p->drop));
}

int
main(int argc, char **argv)
{
	static struct seeded_rng rng;
	struct selector_pair ts[2] = { { everything(IP_V4), everything(IP_V4) }, { everything(IP_V6), everything(IP_V6) } };
	struct esp_sa_extra x = { .ts = ts, .n_ts = 2 };
	uint8_t key[64], auth[64];
	struct esp_worker *w;
	struct esp_sa *sa;
	struct sa_params p = { .replay_window = 1024, .copy_df = true, .copy_ecn = true, .copy_dscp = 1 };
	const char *why = "";
	bool seal;

	if (argc != ARGUMENTS && argc != ARGUMENTS_OF_FORMS) {
		fprintf(stderr, "usage: esp_tool seal|open imb|evp ENCR BITS INTEG KEY AUTHKEY SPI SEQ ESN LOCAL REMOTE UDP "
		                "[tunnel|transport esp|ah]\n");
		return 2;
	}
	if (argc == ARGUMENTS_OF_FORMS) {
		p.mode = strcmp(argv[14], "transport") == 0 ? MODE_TRANSPORT : MODE_TUNNEL;
		p.protocol = strcmp(argv[15], "ah") == 0 ? 51 : 50;
	}
	seal = strcmp(argv[1], "seal") == 0;
	p.direction = seal ? SA_OUTBOUND : SA_INBOUND;
	p.encr = (struct transform) { (uint16_t)atoi(argv[3]), (uint16_t)atoi(argv[4]) };
	p.integ_id = (uint16_t)atoi(argv[5]);
	p.encr_key = span_of(key, from_hex(key, sizeof key, argv[6]));
	p.integ_key = span_of(auth, from_hex(auth, sizeof auth, argv[7]));
	p.spi = (uint32_t)strtoul(argv[8], NULL, 0);
	x.seq = strtoull(argv[9], NULL, 0) - seal;
	p.esn = atoi(argv[10]);
	p.udp_encap = atoi(argv[13]);
	p.local.port = p.remote.port = 4500;
	if (!ip_parse(&p.local.ip, argv[11]) || !ip_parse(&p.remote.ip, argv[12]))
		return 2;
	seeded_rng_open(&rng, 1);
	w = esp_worker_new(&(struct esp_worker_options) { .provider = argv[2][0] == 'i' ? BULK_IMB : BULK_EVP, .rng = &rng.rng });
	sa = w ? esp_sa_add(w, &p, &x, &why) : NULL;
	if (!sa) {
		fprintf(stderr, "esp_tool: %s\n", w ? why : "this provider is not available");
		return w ? 1 : 77;
	}
	while (fgets(line, sizeof line, stdin)) {
		size_t n = from_hex(buf, OCTETS_MAX - 256, line);

		if (seal)
			seal_line(w, sa, n);
		else
			open_line(w, sa, p.protocol == 51, n);
	}
	esp_worker_free(w);
	return 0;
}
