/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "page.h"
#include "phase1.h"
#include "transaction.h"

/*
 * Prints docs/exchanges.md from the tables that the engine runs by. With the name
 * of a file: fails where that is not what the tables say.
 */

static const struct ladder {
	const struct exchange_kind *kind;
	const char *title, *text;
} ladders[] = {
	{ &main_mode[FORM_PSK], "Main Mode, pre-shared key", "RFC 2409 section 5.4." },
	{ &main_mode[FORM_SIGNATURE], "Main Mode, signatures", "RFC 2409 section 5.1, RFC 4754." },
	{ &main_mode[FORM_HYBRID_INIT], "Main Mode, hybrid, the client initiates",
	  "draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2. The login follows." },
	{ &main_mode[FORM_HYBRID_RESP], "Main Mode, hybrid, the gateway initiates", "The same section." },
	{ &aggressive_mode[FORM_PSK], "Aggressive Mode, pre-shared key",
	  "RFC 2409 section 5.4. Identities go in clear, and HASH_R lets anyone guess the key offline: refused unless "
	  "permitted." },
	{ &aggressive_mode[FORM_SIGNATURE], "Aggressive Mode, signatures", "RFC 2409 section 5.1, RFC 4754." },
	{ &aggressive_mode[FORM_HYBRID_INIT], "Aggressive Mode, hybrid, the client initiates",
	  "draft-ietf-ipsec-isakmp-hybrid-auth-05 section 4.2." },
	{ &aggressive_mode[FORM_HYBRID_RESP], "Aggressive Mode, hybrid, the gateway initiates", "The same section." },
	{ &xauth_login, "Transaction exchange: login",
	  "draft-beaulieu-ike-xauth-02. The gateway initiates it, whoever initiated Phase 1." },
	{ &xauth_status, "Transaction exchange: the login's outcome", "The same draft." },
	{ &mode_config_pull, "Transaction exchange: the client asks for its configuration",
	  "draft-dukes-ike-mode-cfg-02, REQUEST and REPLY." },
	{ &mode_config_push, "Transaction exchange: the gateway sends it unasked", "draft-dukes-ike-mode-cfg-02, SET and ACK." },
	{ &quick_mode, "Quick Mode", "RFC 2409 section 5.5. KE: perfect forward secrecy." },
};

static const char *const names[32] = {
	[PAYLOAD_SA] = "SA",       [PAYLOAD_KE] = "KE",         [PAYLOAD_ID] = "ID",   [PAYLOAD_CERT] = "CERT",
	[PAYLOAD_CR] = "CR",       [PAYLOAD_HASH] = "HASH",     [PAYLOAD_SIG] = "SIG", [PAYLOAD_NONCE] = "NONCE",
	[PAYLOAD_N] = "N",         [PAYLOAD_D] = "D",           [PAYLOAD_VID] = "VID", [PAYLOAD_ATTR] = "ATTR",
	[PAYLOAD_NAT_D] = "NAT-D", [PAYLOAD_NAT_OA] = "NAT-OA",
};

/* In the order in which the RFC draws them; HASH comes first under Phase 1, and last within it. */
static const uint8_t order[] = {
	PAYLOAD_SA,  PAYLOAD_KE,    PAYLOAD_NONCE,  PAYLOAD_ID, PAYLOAD_ATTR, PAYLOAD_CERT, PAYLOAD_HASH,
	PAYLOAD_SIG, PAYLOAD_NAT_D, PAYLOAD_NAT_OA, PAYLOAD_CR, PAYLOAD_D,    PAYLOAD_N,    PAYLOAD_VID
};

static void
append(char *out, size_t n, const char *text)
{
	size_t at = strlen(out);

	snprintf(out + at, n - at, "%s", text);
}

static void
list(char *out, size_t n, uint32_t bits, const char *before)
{
	for (size_t i = 0; i < sizeof order; i++)
		if (bits & (uint32_t)1 << order[i] && names[order[i]]) {
			append(out, n, before);
			append(out, n, names[order[i]]);
			before = ", ";
		}
}

static void
message(char *out, size_t n, const struct exchange_kind *k, const struct step *s)
{
	bool phase1 = k->type == EXCHANGE_MAIN || k->type == EXCHANGE_AGGRESSIVE;
	uint32_t must = s->must, may = s->may & ~s->must;

	snprintf(out, n, "%s", s->sealed == SEALED ? "HDR*" : s->sealed == EITHER ? "HDR(*)" : "HDR");
	if (!phase1 && must & P(HASH)) {
		append(out, n, ", HASH");
		must &= ~P(HASH);
	}
	list(out, n, must, ", ");
	if (!may)
		return;
	append(out, n, " [");
	list(out, n, may, "");
	append(out, n, "]");
}

static void
print(FILE *to, const struct ladder *l)
{
	char text[256];

	fprintf(to, "\n## %s\n\n%s\n\n```\n", l->title, l->text);
	for (unsigned i = 0; i < l->kind->n_steps; i++) {
		const struct step *s = &l->kind->steps[i];

		message(text, sizeof text, l->kind, s);
		fprintf(to, "%u  Initiator  %s  Responder   %s\n", i + 1, s->sender == INITIATOR ? "-->" : "<--", text);
	}
	fprintf(to, "```\n");
}

static void
print_all(FILE *to)
{
	fprintf(to,
	        "# Exchanges\n\n"
	        "Printed by `tests/support/ladders.c` from the tables that the engine runs by; a test fails when this page is "
	        "stale.\nHDR: the ISAKMP header; `*`: encrypted; `(*)`: sent encrypted, accepted in clear as well. Payloads in "
	        "brackets are\noptional; vendor IDs (VID) and notifications (N) may appear in any message. Anything else is refused "
	        "by name.\n");
	for (size_t i = 0; i < sizeof ladders / sizeof *ladders; i++)
		print(to, &ladders[i]);
}

int
main(int argc, char **argv)
{
	return page_main(argc, argv, print_all);
}
