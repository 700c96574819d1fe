/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "esp_case.h"
#include "outer.h"

static struct esp_sa *
sa_with(struct esp_worker *w, bool df, bool ecn, uint8_t dscp)
{
	static uint32_t spi = 0x1000;
	struct esp_case c;

	esp_case_init(&c, &esp_suite_cases[2], 1);
	c.params.spi = spi++;
	c.params.copy_df = df;
	c.params.copy_ecn = ecn;
	c.params.copy_dscp = dscp;
	return esp_case_add(w, &c, SA_OUTBOUND);
}

static void
set_inner(uint8_t *p, int version, uint8_t tos)
{
	esp_case_packet(p, 60, version, 1);
	if (version == 6) {
		put_be32(p, 6u << 28 | (uint32_t)tos << 20 | 0x98765);
		return;
	}
	p[1] = tos;
	put_be16(p + 10, 0);
	checksum_store(p + 10, checksum_add(0, p, 20), 0);
}

static uint8_t
tos_of(const uint8_t *p)
{
	return p[0] >> 4 == 4 ? p[1] : (uint8_t)(get_be32(p) >> 20);
}

/* RFC 6040 figure 4, as printed: rows inner, columns outer, in the order Not-ECT, ECT(0), ECT(1), CE. */
static void
decapsulation_is_figure_4(void **state)
{
	enum { N = 0, E0 = 2, E1 = 1, CE = 3, DROP = 9 };
	static const uint8_t order[4] = { N, E0, E1, CE };
	static const uint8_t figure[4][4] = {
		{ N, N, N, DROP },
		{ E0, E0, E1, CE },
		{ E1, E1, E1, CE },
		{ CE, CE, CE, CE },
	};
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_sa *sa = sa_with(w, true, true, 1), *off = sa_with(w, true, false, 1);
	uint8_t p[60], before[60];

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		for (unsigned in = 0; in < 4; in++) {
			for (unsigned out = 0; out < 4; out++) {
				uint8_t dscp = 0x2c;
				bool pass;

				set_inner(p, version, dscp | order[in]);
				memcpy(before, p, sizeof p);
				pass = outer_carry_in(sa, p, 0xb8 | order[out]);
				assert_int_equal(pass, figure[in][out] != DROP);
				if (pass)
					assert_int_equal(tos_of(p), dscp | figure[in][out]);
				if (version == 4)
					assert_int_equal(checksum_fold(checksum_add(0, p, 20)), 0xffff);
				else
					assert_int_equal(get_be32(p) & 0xf00fffff, 0x60098765);
				assert_memory_equal(p + 12, before + 12, 48);
				/* Not copied: untouched, and nothing is dropped. */
				assert_true(outer_carry_in(off, before, 0xb8 | order[out]));
				assert_int_equal(tos_of(before), dscp | order[in]);
			}
		}
	}
	esp_worker_free(w);
}

static void
dscp_is_carried_as_configured(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	uint8_t p[60];

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		for (uint8_t dscp = 0; dscp < 4; dscp++) {
			for (int ecn = 0; ecn < 2; ecn++) {
				struct esp_sa *sa = sa_with(w, true, ecn, dscp);

				set_inner(p, version, 0xba); /* EF, ECT(0) */
				assert_int_equal(outer_tos(sa, p), (dscp & 1 ? 0xb8 : 0) | (ecn ? 2 : 0));
				assert_true(outer_carry_in(sa, p, 0x20));
				assert_int_equal(tos_of(p), dscp & 2 ? 0x22 : 0xba);
				if (version == 4)
					assert_int_equal(checksum_fold(checksum_add(0, p, 20)), 0xffff);
			}
		}
	}
	esp_worker_free(w);
}

/* Every TOS to every other: the adjusted checksum is that of the new header. */
static void
adjusted_checksums_hold(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_sa *sa = sa_with(w, true, true, 3);
	uint8_t p[60];

	(void)state;
	for (unsigned in = 0; in < 256; in++) {
		for (unsigned out = 0; out < 256; out++) {
			set_inner(p, 4, (uint8_t)in);
			if (outer_carry_in(sa, p, (uint8_t)out))
				assert_int_equal(checksum_fold(checksum_add(0, p, 20)), 0xffff);
		}
	}
	esp_worker_free(w);
}

static void
df_is_copied_or_clear(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_sa *copy = sa_with(w, true, true, 1), *clear = sa_with(w, false, true, 1);
	uint8_t p[60];

	(void)state;
	set_inner(p, 4, 0);
	assert_false(outer_df(copy, p));
	p[6] = 0x40;
	assert_true(outer_df(copy, p));
	assert_false(outer_df(clear, p));
	set_inner(p, 6, 0);
	assert_true(outer_df(copy, p));
	assert_false(outer_df(clear, p));
	esp_worker_free(w);
}

static void
headers_are_built(void **state)
{
	struct esp_path path = { .local.port = 4500, .remote.port = 4501 };
	uint8_t packet[200] = { 0 };
	uint64_t sum;
	size_t n;

	(void)state;
	assert_true(ip_parse(&path.local.ip, "192.0.2.1") && ip_parse(&path.remote.ip, "192.0.2.2"));
	n = outer_build(packet, &path, 100, 0xba, true, 0x1234, 0);
	assert_int_equal(n, 20);
	assert_int_equal(outer_octets(&path), 20);
	assert_int_equal(packet[9], 50);
	assert_int_equal(get_be16(packet + 2), 120);
	assert_int_equal(get_be16(packet + 4), 0x1234);
	assert_int_equal(get_be16(packet + 6), 0x4000);
	assert_int_equal(packet[1], 0xba);
	assert_int_equal(packet[8], 64);
	assert_int_equal(checksum_fold(checksum_add(0, packet, 20)), 0xffff);
	path.udp_encap = true;
	n = outer_build(packet, &path, 100, 0, false, 0, 0);
	assert_int_equal(n, 28);
	assert_int_equal(packet[9], 17);
	assert_int_equal(get_be32(packet + 20), 4500u << 16 | 4501);
	assert_int_equal(get_be32(packet + 24), 108u << 16); /* RFC 3948 2.1: checksum zero */
	assert_true(ip_parse(&path.local.ip, "fd00::1") && ip_parse(&path.remote.ip, "fd00::2"));
	memset(packet + 48, 7, 101);
	n = outer_build(packet, &path, 101, 0xba, true, 0, 0xabcde);
	assert_int_equal(n, 48);
	assert_int_equal(get_be32(packet), 0x6baabcde);
	assert_int_equal(get_be16(packet + 4), 109);
	assert_int_equal(packet[6], 17);
	outer_udp6_checksum(packet, 149);
	sum = checksum_add_u16(checksum_add_u16(checksum_add(0, packet + 8, 32), 109), 17);
	assert_int_equal(checksum_fold(checksum_add(sum, packet + 40, 109)), 0xffff);
	assert_int_not_equal(get_be16(packet + 46), 0);
	esp_worker_free(NULL);
}

/* Through both directions: what was marked outside arrives inside. */
static void
congestion_marks_cross_the_tunnel(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct esp_case c;
	struct esp_sa *out;
	uint8_t inner[60], buf[256], *esp;
	struct packet p;
	uint32_t n;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 6);
	out = esp_case_add(w, &c, SA_OUTBOUND);
	esp_case_add(w, &c, SA_INBOUND);
	set_inner(inner, 4, ECN_ECT_0);
	esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
	assert_int_equal(esp_case_open(w, esp, n, ECN_CE, &p), ESP_DROP_NONE);
	assert_int_equal(p.p[1], ECN_CE);
	set_inner(inner, 4, ECN_NOT_ECT);
	esp_case_seal(w, out, buf, inner, sizeof inner, &esp, &n);
	assert_int_equal(esp_case_open(w, esp, n, ECN_CE, &p), ESP_DROP_ECN);
	esp_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decapsulation_is_figure_4), cmocka_unit_test(dscp_is_carried_as_configured),
		cmocka_unit_test(adjusted_checksums_hold),   cmocka_unit_test(df_is_copied_or_clear),
		cmocka_unit_test(headers_are_built),         cmocka_unit_test(congestion_marks_cross_the_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
