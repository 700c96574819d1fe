/* SPDX-License-Identifier: Apache-2.0 */
#include "clear_gate.h"
#include "notifications.h"
#include "page.h"

/* Prints docs/notifications.md from the table of notifications. With the name of a file: fails where that is stale. */

static const char *
way(uint8_t sent)
{
	switch (sent) {
	case WAY_NEVER:
		return "";
	case WAY_CLEAR:
		return "clear";
	case WAY_KEYS:
		return "keys";
	case WAY_EXCHANGE:
		return "exchange";
	default:
		return "clear, keys";
	}
}

static void
print_all(FILE *to)
{
	fprintf(to,
	        "# Notifications\n\n"
	        "Printed by `tests/support/notifications_page.c` from `src/isakmp/notifications.c`, the table that the engine runs "
	        "by; a test\nfails when this page is stale, and another one sends and receives each row.\n\n"
	        "How we send one: **clear**: before there are keys, to somebody who has proven nothing. All of these pass one gate: "
	        "never larger\nthan the message that they answer, never in answer to a notification, at most %d a second to one "
	        "address (%d at once) and %d a second\nin all; beyond that `sallyport status` counts them as `clear-limit` and "
	        "`clear-size` ([ADR 0030](adr/0030-what-strangers-are-told.md)).\n**keys**: in an Informational Exchange under the "
	        "keys of Phase 1, and then only about a message that was authentic: else anybody\ncould have us vouch for an error. "
	        "**exchange**: inside Main or Quick Mode.\n\n"
	        "What comes is taken with its sentence into the log and into what `sallyport up` and `status` print. In clear anybody "
	        "can have said\nit: there it is the *probable cause* and ends nothing. Under keys it is the peer's word. A notification "
	        "of another DOI, of an unknown\nprotocol or with an impossible SPI is dropped and counted (`bad-notification`; RFC 2408 "
	        "section 5.14).\n",
	        CLEAR_SOURCE_A_SECOND, CLEAR_SOURCE_BURST, CLEAR_TOTAL_A_SECOND);
	fprintf(to, "\n| number | name | section | sent | when | received: beyond the sentence |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; notification_at(i); i++) {
		const struct notification *n = notification_at(i);

		fprintf(to, "| %u | %s | %s | %s | %s | %s |\n", n->type, n->name, n->section, way(n->sent), n->when, n->understood);
	}
	fprintf(to, "\n## What each says to an operator\n\n| name | sentence |\n|---|---|\n");
	for (size_t i = 0; notification_at(i); i++)
		fprintf(to, "| %s | %s |\n", notification_at(i)->name, notification_at(i)->sentence);
}

int
main(int argc, char **argv)
{
	return page_main(argc, argv, print_all);
}
