/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli_lines.h"

/* What `sallyport up` shows of an attempt: each cause once. */

#define SILENT "the peer 192.0.2.2[500] does not answer"

static void
assert_shown(const char *const *msg, const char *result, const char *expect)
{
	char *text = NULL;
	size_t n = 0;
	struct cli_lines l = { .to = open_memstream(&text, &n) };

	for (; *msg; msg++)
		cli_lines_add(&l, "IKE", *msg);
	cli_lines_end(&l, result);
	assert_string_equal(l.held, "");
	fclose(l.to);
	assert_string_equal(text, expect);
	free(text);
}

static void
a_cause_is_left_to_the_result(void **state)
{
	static const char *const lines[] = { "initiating", "establishing IKE_SA a[1] failed: " SILENT,
		                             "establishing CHILD_SA n{1} failed: " SILENT, NULL };
	static const char *const told[] = { "the peer says NO: never",
		                            "establishing CHILD_SA n{1} failed: the peer says NO: never", NULL };

	(void)state;
	assert_shown(lines, "establishing CHILD_SA 'n' failed: " SILENT, "  IKE initiating\n");
	assert_shown(told, "establishing CHILD_SA 'n' failed: the peer says NO: never", "");
}

static void
what_is_not_said_again_is_shown(void **state)
{
	static const char *const lines[] = { "the peer says RESPONDER-LIFETIME", "IKE_SA established",
		                             "rekeying failed: no memory", NULL };

	(void)state;
	assert_shown(lines, "",
	             "  IKE the peer says RESPONDER-LIFETIME\n  IKE IKE_SA established\n  IKE rekeying failed: no memory\n");
	assert_shown(lines + 2, "another cause", "  IKE rekeying failed: no memory\n");
}

/* Only the end is held back: who waits sees how far it is. */
static void
progress_is_shown_at_once(void **state)
{
	char *text = NULL;
	size_t n = 0;
	struct cli_lines l = { .to = open_memstream(&text, &n) };

	(void)state;
	cli_lines_add(&l, "IKE", "retransmit 1");
	assert_string_equal(text, "  IKE retransmit 1\n");
	fclose(l.to);
	free(text);
}

/* What a peer says in clear is seen while the attempt goes on, its sentence once: with the result. */
static void
a_notification_in_clear_is_shown_by_its_name(void **state)
{
	static const char *const lines[] = { "initiating",
		                             "the peer (unauthenticated) says NO-PROPOSAL-CHOSEN: It allows nothing.",
		                             "retransmit 1", NULL };

	(void)state;
	assert_shown(
	        lines,
	        "not established, the attempt goes on: the peer (unauthenticated) says NO-PROPOSAL-CHOSEN: It allows nothing.",
	        "  IKE initiating\n  IKE the peer (unauthenticated) says NO-PROPOSAL-CHOSEN\n  IKE retransmit 1\n");
}

static void
assert_hint(const char *reason, const char *text, const char *expect)
{
	struct sallyport_message *m = sallyport_message_new();
	const char *hint;

	assert_true(sallyport_put(m, "reason", reason) && sallyport_put(m, "text", text));
	hint = cli_hint(sallyport_root(m));
	if (expect)
		assert_non_null(hint);
	else
		assert_null(hint);
	if (expect)
		assert_non_null(strstr(hint, expect));
	sallyport_message_free(m);
}

/* Where our end refuses, our own setting is named; where the peer does, its sentence stands alone. */
static void
hints_are_for_what_we_refuse(void **state)
{
	(void)state;
	assert_hint("id-mismatch", "the peer says it is '192.0.2.2', connection a wants remote id 'b'", "remote.id must be");
	assert_hint("id-mismatch", "the peer refuses us: INVALID-ID-INFORMATION (18): The peer has no connection.", NULL);
	assert_hint("ts-mismatch", "failed: the peer says INVALID-ID-INFORMATION: The peer has no child.", NULL);
	assert_hint("timeout", "the peer does not answer (probable cause: the peer says NO: never)", NULL);
	assert_hint("no-such-reason", "something", NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cause_is_left_to_the_result), cmocka_unit_test(what_is_not_said_again_is_shown),
		cmocka_unit_test(progress_is_shown_at_once),     cmocka_unit_test(a_notification_in_clear_is_shown_by_its_name),
		cmocka_unit_test(hints_are_for_what_we_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
