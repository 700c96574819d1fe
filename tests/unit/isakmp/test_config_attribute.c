/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "config_attribute.h"
#include "seeded_rng.h"

/* Attributes of Mode Config as a peer may write them: lengths that do not fit, masks with holes, lists that end early. */

static void
addresses_have_the_length_of_an_address(void **state)
{
	static const uint8_t octets[32] = { 10, 9, 0, 1 };

	(void)state;
	for (size_t n = 0; n <= sizeof octets; n++) {
		struct attribute a = { .type = INTERNAL_IP4_ADDRESS, .octets = span_of(octets, n) };
		struct ip ip = config_attribute_ip(&a);

		/* 17: an IPv6 address with its prefix. */
		assert_int_equal(ip.family, n == 4 ? IP_V4 : n == 16 || n == 17 ? IP_V6 : IP_NONE);
		if (ip.family)
			assert_memory_equal(ip.b, octets, ip_octets(&ip));
		/* A short form has a number, and no octets that could be read. */
		a.tv = true;
		assert_int_equal(config_attribute_ip(&a).family, IP_NONE);
	}
}

static size_t
entry(uint8_t *out, uint32_t address, uint32_t mask)
{
	memset(out, 0, UNITY_NETWORK_OCTETS);
	put_be32(out, address);
	put_be32(out + 4, mask);
	return UNITY_NETWORK_OCTETS;
}

static void
masks_have_no_holes(void **state)
{
	struct selector s[4];
	uint8_t octets[3 * UNITY_NETWORK_OCTETS];

	(void)state;
	for (unsigned bits = 0; bits <= 32; bits++) {
		uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;
		size_t n = entry(octets, 0x0a010203, mask);

		assert_int_equal(unity_networks_read(s, 4, span_of(octets, n)), 1);
		assert_int_equal(ip_range_prefix(&s[0].lo, &s[0].hi), bits);
		assert_int_equal(get_be32(s[0].lo.b), 0x0a010203 & mask);
		assert_int_equal(get_be32(s[0].hi.b), 0x0a010203 | ~mask);
		/* One bit behind the end, or the first one missing: passed over, and the next is read all the same. */
		if (bits > 1 && bits < 31) {
			n = entry(octets, 0x0a010203, mask | 1);
			n += entry(octets + n, 0x0a010203, mask & UINT32_C(0x7fffffff));
			n += entry(octets + n, 0xc0000200, 0xffffff00);
			assert_int_equal(unity_networks_read(s, 4, span_of(octets, n)), 1);
			assert_int_equal(get_be32(s[0].lo.b), 0xc0000200);
		}
	}
}

/* Each length: as many entries as have address and mask, never more than there is room for; nothing behind is read (ASan). */
static void
lists_end_where_they_end(void **state)
{
	enum { ENTRIES = 6 };

	(void)state;
	for (size_t n = 0; n <= ENTRIES * UNITY_NETWORK_OCTETS; n++) {
		uint8_t *exact = calloc(1, n ? n : 1);
		size_t whole = n / UNITY_NETWORK_OCTETS + (n % UNITY_NETWORK_OCTETS >= 8);

		assert_non_null(exact);
		for (size_t max = 0; max <= ENTRIES; max++) {
			struct selector s[ENTRIES];

			assert_int_equal(unity_networks_read(s, max, span_of(exact, n)), whole < max ? whole : max);
		}
		free(exact);
	}
}

static void
what_is_written_is_read(void **state)
{
	struct seeded_rng rng;
	uint8_t octets[UNITY_NETWORK_OCTETS];

	(void)state;
	seeded_rng_open(&rng, 3);
	for (unsigned i = 0; i < 2000; i++) {
		struct ip a = ip_from_v4(rng_u32(&rng.rng));
		struct selector s = selector_from_prefix(&a, (unsigned)rng_below(&rng.rng, 33), 0, 0, UINT16_MAX), back;

		assert_true(unity_network_write(octets, &s));
		assert_int_equal(unity_networks_read(&back, 1, span_of(octets, sizeof octets)), 1);
		assert_true(selector_equal(&s, &back));
	}
}

/* IPv4 alone has a form here, and only networks. */
static void
what_is_no_network_is_not_written(void **state)
{
	static const char *const not_possible[] = { "10.1.0.0-10.1.0.6", "10.1.0.1-10.1.0.2", "fd01::/64", "dynamic" };
	uint8_t octets[UNITY_NETWORK_OCTETS];

	(void)state;
	for (size_t i = 0; i < sizeof not_possible / sizeof not_possible[0]; i++) {
		struct selector s;
		const char *why;

		assert_true(selector_parse(&s, span_str(not_possible[i]), &why));
		assert_false(unity_network_write(octets, &s));
	}
}

static void
types_are_told_apart(void **state)
{
	(void)state;
	for (unsigned type = 0; type <= UINT16_MAX; type++)
		assert_false(config_attribute_is_unity((uint16_t)type) && config_attribute_is_xauth((uint16_t)type));
	assert_true(config_attribute_is_unity(UNITY_BANNER) && config_attribute_is_unity(UNITY_DDNS_HOSTNAME));
	assert_true(config_attribute_is_xauth(XAUTH_TYPE) && config_attribute_is_xauth(XAUTH_STATUS));
	assert_false(config_attribute_is_unity(INTERNAL_IP4_ADDRESS) || config_attribute_is_xauth(INTERNAL_IP4_ADDRESS));
	assert_string_equal(config_type_name(CONFIG_REQUEST), "REQUEST");
	assert_string_equal(config_type_name(CONFIG_ACK), "ACK");
	assert_null(config_type_name(0));
	assert_null(config_type_name(255));
}

static void
attributes_are_found_one_after_the_other(void **state)
{
	struct attribute a[] = { { .type = INTERNAL_IP4_DNS }, { .type = INTERNAL_IP4_ADDRESS }, { .type = INTERNAL_IP4_DNS } };
	struct attr_payload p = { .attr = a, .n_attr = 3 };

	(void)state;
	assert_ptr_equal(config_attribute_find(&p, INTERNAL_IP4_DNS, NULL), &a[0]);
	assert_ptr_equal(config_attribute_find(&p, INTERNAL_IP4_DNS, &a[0]), &a[2]);
	assert_null(config_attribute_find(&p, INTERNAL_IP4_DNS, &a[2]));
	assert_null(config_attribute_find(&p, XAUTH_STATUS, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_the_length_of_an_address),
		cmocka_unit_test(masks_have_no_holes),
		cmocka_unit_test(lists_end_where_they_end),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_no_network_is_not_written),
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(attributes_are_found_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
