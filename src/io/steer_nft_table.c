/* SPDX-License-Identifier: Apache-2.0 */
#include "steer_nft.h"

#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <stdio.h>

/*
 * The fixed part of our table: where in the kernel's path packets are judged.
 *
 *   output, prerouting   what a selector covers gets the divert mark
 *   prerouting           RFC 4301 section 5.2: what should have come protected is dropped
 *   output, forward      what reaches the TUN device by a route only is refused
 *   prerouting           both marks together say that a packet is forwarded: see steer_base_add()
 *   postrouting          the guard: protected packets leave by the TUN device or not at all,
 *                        whatever other rules did to their mark or addresses on the way; what is forwarded
 *                        is turned round into it where steer_turn.c has seen to that
 */

void
steer_nft_table_name(char out[NFT_TABLE_TEXT_MAX], uint32_t route_table, unsigned generation, unsigned half)
{
	snprintf(out, NFT_TABLE_TEXT_MAX, "sallyport_%u_%u%c", (unsigned)route_table, generation, half ? 'b' : 'a');
}

/*
 * Scopes that end at the link and neighbour discovery are not for a tunnel,
 * however wide the selectors. A hop limit of 255 proves that a packet has not
 * been forwarded (RFC 4861 section 11.2). The mask is for speed: one comparison lets
 * through what no set need be asked about, and every packet of a tunnel comes by here.
 */
static void
link_scope_text(struct steer_nft *t)
{
	text_add(&t->text,
	         "chain link_scope {\n"
	         "ip daddr and 224.0.0.0 == 224.0.0.0 ip daddr { 224.0.0.0/24, 255.255.255.255 } accept\n"
	         "meta nfproto ipv6 jump link_scope6\n"
	         "}\n"
	         "chain link_scope6 {\n"
	         "ip6 daddr { fe80::/10, ff01::/16, ff02::/16 } accept\n"
	         "ip6 saddr fe80::/10 accept\n"
	         "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } "
	         "ip6 hoplimit 255 accept\n"
	         "}\n");
}

/*
 * The outer packets of a tunnel whose selectors are the gateways' own addresses. RFC 4301 section 5.2: "IKE traffic MUST
 * have an explicit BYPASS entry in the SPD"; ESP is judged when it is opened. ICMP errors about them, without
 * which the path MTU stays unknown (section 6.1.1), are admitted by the packet that they quote: the offsets find its
 * protocol and source port, over IPv6 also behind a Fragment header. A `drop` shunt with ICMP types is the administrator's
 * control that section asks for. Protocols are numbers (50 ESP, 51 AH, 17 UDP, 1 and 58 ICMP): a small system has no
 * /etc/protocols to find their names in.
 */
static void
outer_text(struct steer_nft *t)
{
	unsigned ike = t->options.port, nat_t = t->options.port_nat_t;

	text_add(&t->text,
	         "chain outer {\n"
	         "meta l4proto 17 goto outer_udp\n"
	         "meta l4proto { 50, 51, 1, 58 } fib daddr type local goto outer_bare\n"
	         "}\n"
	         "chain outer_udp {\n"
	         "th dport %u fib daddr type local accept\n"
	         "th dport %u fib daddr type local accept\n"
	         "}\n"
	         "chain outer_bare {\n"
	         "meta l4proto { 50, 51 } accept\n"
	         "icmp type { destination-unreachable, time-exceeded, parameter-problem } jump outer_error4\n"
	         "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } jump outer_error6\n"
	         "}\n"
	         "chain outer_error4 {\n"
	         "@th,136,8 { 50, 51 } accept\n"
	         "@th,136,8 17 @th,224,16 { %u, %u } accept\n"
	         "}\n"
	         "chain outer_error6 {\n"
	         "@th,112,8 { 50, 51 } accept\n"
	         "@th,112,8 17 @th,384,16 { %u, %u } accept\n"
	         "@th,112,8 44 jump outer_error6_fragment\n"
	         "}\n"
	         "chain outer_error6_fragment {\n"
	         "@th,384,8 { 50, 51 } accept\n"
	         "@th,384,8 17 @th,448,16 { %u, %u } accept\n"
	         "}\n",
	         nat_t, ike, ike, nat_t, ike, nat_t, ike, nat_t);
}

static void
judging_text(struct steer_nft *t)
{
	text_add(&t->text,
	         "chain out4 { }\nchain out6 { }\nchain in4 { }\nchain in6 { }\n"
	         "chain protect {\nmeta mark set meta mark and 0x%08x or 0x%08x\n}\n"
	         "chain closed { }\nchain closed_in { }\nchain turn { }\n"
	         "chain classify {\njump closed\nmeta nfproto vmap { ipv4 : jump out4, ipv6 : jump out6 }\n}\n"
	         "chain inbound {\njump closed_in\nmeta nfproto vmap { ipv4 : jump in4, ipv6 : jump in6 }\n}\n",
	         (unsigned)~t->options.mark_mask, (unsigned)t->options.divert_mark);
}

/*
 * A route hook looks up the route again when the mark has changed. What its first route leads to the TUN device already
 * is therefore marked in a filter hook, before rules of others may lead it elsewhere; where these replace the mark
 * it is set, and the route looked up, as for any other. What comes out of a tunnel for this host needs no judging.
 * Both are for speed, and so is the order of the first rules, which all accept: ours and the tunnels' packets first.
 */
static void
hooks_text(struct steer_nft *t)
{
	const struct steer_options *o = &t->options;
	const char *tun = o->tun_name;
	unsigned mask = o->mark_mask, divert = o->divert_mark, bypass = o->bypass_mark;

	text_add(&t->text,
	         "chain output_tun {\n"
	         "type filter hook output priority -500; policy accept;\n"
	         "oifname != \"%s\" accept\n"
	         "meta mark and 0x%08x == 0x%08x accept\n"
	         "ip6 daddr { ff01::/16, ff02::/16 } drop\n"
	         "jump link_scope\n"
	         "jump classify\n"
	         "meta mark and 0x%08x == 0 counter reject with icmpx type no-route\n"
	         "}\n"
	         "chain output {\n"
	         "type route hook output priority mangle; policy accept;\n"
	         "meta mark and 0x%08x == 0x%08x accept\n"
	         "oifname \"%s\" meta mark and 0x%08x == 0x%08x accept\n"
	         "oifname \"lo\" accept\n"
	         "jump link_scope\n"
	         "jump classify\n"
	         "}\n"
	         "chain forward {\n"
	         "type filter hook forward priority mangle; policy accept;\n"
	         "oifname \"%s\" meta mark and 0x%08x == 0 counter reject with icmpx type no-route\n"
	         "}\n",
	         tun, mask, bypass, divert, mask, bypass, tun, mask, divert, tun, divert);
	text_add(&t->text,
	         "chain prerouting {\n"
	         "type filter hook prerouting priority mangle; policy accept;\n"
	         "iifname \"%s\" fib daddr type local accept\n"
	         "iifname \"lo\" accept\n"
	         "jump outer\n"
	         "jump link_scope\n"
	         "iifname != \"%s\" jump inbound\n"
	         "fib daddr type local accept\n"
	         "jump classify\n"
	         "iifname != \"%s\" meta mark and 0x%08x == 0x%08x meta mark set meta mark or 0x%08x\n"
	         "}\n"
	         "chain postrouting {\n"
	         "type filter hook postrouting priority 110; policy accept;\n"
	         "meta mark and 0x%08x == 0x%08x accept\n"
	         "oifname \"%s\" accept\n"
	         "oifname \"lo\" accept\n"
	         "jump link_scope\n"
	         "jump classify\n"
	         "meta mark and 0x%08x != 0 iif != 0 jump turn\n"
	         "meta mark and 0x%08x != 0 counter drop\n"
	         "}\n",
	         tun, tun, tun, mask, divert, bypass, mask, bypass, tun, divert, divert);
}

void
steer_nft_table_text(struct steer_nft *t)
{
	text_add(&t->text, "add table inet %s\ndelete table inet %s\ntable inet %s {\n", t->table, t->table, t->table);
	link_scope_text(t);
	outer_text(t);
	judging_text(t);
	hooks_text(t);
	text_add(&t->text, "}\n");
}

/* ---- running commands */

struct nft_ctx *
steer_nft_context(char *why, size_t why_size)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

	if (ctx && nft_ctx_buffer_output(ctx) == 0 && nft_ctx_buffer_error(ctx) == 0)
		return ctx;
	if (ctx)
		nft_ctx_free(ctx);
	snprintf(why, why_size, "nftables cannot be used: out of memory or no netlink socket");
	return NULL;
}

/* The first line of libnftables' complaint, without the echo of our command. */
static void
explain(const char *error, char *why, size_t why_size)
{
	const char *colon = strstr(error, "Error: ");
	const char *text = colon ? colon + strlen("Error: ") : error;
	int n = (int)strcspn(text, "\n");

	snprintf(why, why_size, "nftables refused a change: %.*s (is the nf_tables module loaded, and do we have CAP_NET_ADMIN?)",
	         n, text);
}

bool
steer_nft_run(struct nft_ctx *ctx, const struct text *t, char *why, size_t why_size)
{
	if (t->nomem) {
		snprintf(why, why_size, "out of memory while writing nftables rules");
		return false;
	}
	if (t->n == 0 || nft_run_cmd_from_buffer(ctx, t->p) == 0)
		return true;
	explain(nft_ctx_get_error_buffer(ctx), why, why_size);
	return false;
}

/* ---- tables of other generations */

bool
steer_nft_generations(struct nft_ctx *ctx, uint32_t route_table, unsigned *bits, char *why, size_t why_size)
{
	struct text list = { 0 };
	const char *out;
	bool ok;

	text_add(&list, "list tables inet");
	ok = steer_nft_run(ctx, &list, why, why_size);
	text_free(&list);
	out = ok ? nft_ctx_get_output_buffer(ctx) : "";
	*bits = 0;
	for (unsigned i = 0; i < 2 * GENERATIONS; i++) {
		char line[NFT_TABLE_TEXT_MAX + 16], name[NFT_TABLE_TEXT_MAX];

		steer_nft_table_name(name, route_table, i / 2, i % 2);
		snprintf(line, sizeof line, "table inet %s\n", name);
		if (strstr(out, line))
			*bits |= 1u << i / 2;
	}
	return ok;
}

bool
steer_nft_delete(struct nft_ctx *ctx, uint32_t route_table, unsigned generation, char *why, size_t why_size)
{
	char name[NFT_TABLE_TEXT_MAX];
	struct text t = { 0 };
	bool ok;

	for (unsigned half = 0; half < 2; half++) {
		steer_nft_table_name(name, route_table, generation, half);
		/* Adding first makes deleting a missing table no error. */
		text_add(&t, "add table inet %s\ndelete table inet %s\n", name, name);
	}
	ok = steer_nft_run(ctx, &t, why, why_size);
	text_free(&t);
	return ok;
}
