/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "informational.h"

/* RESPONDER-LIFETIME as it comes: RFC 2407 section 4.6.3.1. */

enum { SECONDS_UNIT = 1, KILOBYTES_UNIT = 2 };

static struct lifetimes
read_notification(uint8_t protocol, const uint8_t *data, size_t n)
{
	struct payload p = {
		.type = PAYLOAD_N,
		.n = { .doi = DOI_IPSEC, .protocol = protocol, .type = NOTIFY_RESPONDER_LIFETIME, .data = span_of(data, n) }
	};
	struct message m = { .payload = &p, .n = 1 };
	autoarena a = { 0 };

	return info_responder_lifetime(&m, protocol, &a);
}

/* Life type and duration of Phase 2 are the classes 1 and 2, of Phase 1 11 and 12. */
static void
both_units_are_read(void **state)
{
	static const uint8_t ipsec[] = { 0x80, 1, 0, SECONDS_UNIT,   0,    2, 0, 4, 0, 0, 0x0e, 0x10,
		                         0x80, 1, 0, KILOBYTES_UNIT, 0x80, 2, 1, 0 };
	static const uint8_t isakmp[] = { 0x80, 11, 0, SECONDS_UNIT, 0x80, 12, 0, 100 };
	struct lifetimes l = read_notification(PROTO_IPSEC_ESP, ipsec, sizeof ipsec);

	(void)state;
	assert_int_equal(l.seconds, 3600);
	assert_int_equal(l.kilobytes, 256);
	l = read_notification(PROTO_ISAKMP, isakmp, sizeof isakmp);
	assert_int_equal(l.seconds, 100);
	assert_int_equal(l.kilobytes, 0);
	/* The classes of the other phase mean something else. */
	l = read_notification(PROTO_IPSEC_ESP, isakmp, sizeof isakmp);
	assert_int_equal(l.seconds, 0);
}

/* "An SA Life Duration attribute MUST always follow an SA Life Type which describes the units of duration." (4.5) */
static void
each_duration_has_a_type_of_its_own(void **state)
{
	static const uint8_t second[] = { 0x80, 1, 0, SECONDS_UNIT, 0x80, 2, 0, 100, 0x80, 2, 0, 5 };
	static const uint8_t first[] = { 0x80, 2, 0, 5, 0x80, 1, 0, SECONDS_UNIT };
	static const uint8_t unknown[] = { 0x80, 1, 0, 3, 0x80, 2, 0, 5 };

	(void)state;
	assert_int_equal(read_notification(PROTO_IPSEC_ESP, second, sizeof second).seconds, 100);
	assert_int_equal(read_notification(PROTO_IPSEC_ESP, first, sizeof first).seconds, 0);
	assert_int_equal(read_notification(PROTO_IPSEC_ESP, unknown, sizeof unknown).seconds, 0);
}

static void
what_is_cut_short_says_nothing(void **state)
{
	static const uint8_t data[] = { 0x80, 1, 0, SECONDS_UNIT, 0, 2, 0, 4, 0, 0, 0x0e, 0x10 };

	(void)state;
	for (size_t n = 0; n < sizeof data; n++)
		assert_int_equal(read_notification(PROTO_IPSEC_ESP, data, n).seconds, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_units_are_read),
		cmocka_unit_test(each_duration_has_a_type_of_its_own),
		cmocka_unit_test(what_is_cut_short_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
