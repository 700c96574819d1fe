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
	        "How a notification is sent:\n\n"
	        "- **clear**: before there are keys, to somebody who has proven nothing. All of these pass one gate: they are never "
	        "larger than\n  the message that they answer, never answer a notification, and number at most %d a second to one "
	        "address (%d at once) and\n  %d a second in total; what exceeds that is counted in `sallyport status` as `clear-limit` "
	        "or `clear-size`\n  ([ADR 0030](adr/0030-what-strangers-are-told.md)).\n"
	        "- **keys**: in an Informational Exchange under the keys of Phase 1, and only about an authentic message: otherwise "
	        "anybody\n  could make us vouch for an error.\n"
	        "- **exchange**: inside Main or Quick Mode.\n\n"
	        "A notification that arrives goes, with its sentence, into the log and into the output of `sallyport up` and `status`. "
	        "In clear,\nanybody may have sent it: it is shown as the *probable cause* and ends nothing. Under keys it is the peer's "
	        "word. A notification\nfor another DOI, for an unknown protocol or with an impossible SPI is dropped and counted "
	        "(`bad-notification`; RFC 2408\nsection 5.14).\n",
	        CLEAR_SOURCE_A_SECOND, CLEAR_SOURCE_BURST, CLEAR_TOTAL_A_SECOND);
	fprintf(to, "\n| number | name | section | sent | when | what it does when received |\n|---|---|---|---|---|---|\n");
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
