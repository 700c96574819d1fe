/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "esp_case.h"
#include "outer.h"
#include "pmtu.h"

static uint8_t buf[70000];

/* For each suite and outer MTU: the largest inner packet fits, and one octet more does not. */
static void
inner_max_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_esp_suite_cases; i++) {
		for (int encap = 0; encap < 2; encap++) {
			struct esp_worker *w = esp_case_worker(BULK_EVP);
			struct esp_case c;
			struct esp_sa *sa;

			esp_case_init(&c, &esp_suite_cases[i], 1);
			c.params.udp_encap = encap;
			sa = esp_case_add(w, &c, SA_OUTBOUND);
			for (uint32_t mtu = 576; mtu < 1600; mtu++) {
				uint32_t max = pmtu_inner_max(sa, mtu), outer = 20 + (encap ? 8 : 0);

				assert_true(outer + esp_sealed_octets(sa, max) <= mtu);
				assert_true(outer + esp_sealed_octets(sa, max + 1) > mtu);
			}
			assert_int_equal(pmtu_inner_max(sa, 20), 0);
			assert_int_equal(pmtu_inner_max(sa, 0), 0);
			esp_worker_free(w);
		}
	}
}

static void
judges_by_df_version_and_selectors(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_EVP);
	struct esp_case c;
	struct esp_sa *sa, *ports, *clear;
	uint8_t v4[2000], v6[2000];
	uint32_t max;

	(void)state;
	esp_case_init(&c, &esp_suite_cases[2], 1);
	sa = esp_case_add(w, &c, SA_OUTBOUND);
	c.params.spi++;
	c.params.copy_df = false;
	clear = esp_case_add(w, &c, SA_OUTBOUND);
	c.params.spi++;
	c.ts[0].remote.port_lo = c.ts[0].remote.port_hi = 80;
	ports = esp_case_add(w, &c, SA_OUTBOUND);
	max = pmtu_inner_max(sa, 1500);
	esp_case_packet(v4, 2000, 4, 1);
	esp_case_packet(v6, 2000, 6, 1);
	assert_int_equal(pmtu_judge(sa, v4, max), PMTU_FITS);
	assert_int_equal(pmtu_judge(sa, v4, max + 1), PMTU_FRAGMENT);
	assert_int_equal(pmtu_judge(ports, v4, max + 1), PMTU_OUTER);
	assert_int_equal(pmtu_judge(sa, v6, max + 1), PMTU_ICMP);
	put_be16(v4 + 6, 0x4000);
	assert_int_equal(pmtu_judge(sa, v4, max + 1), PMTU_ICMP);
	assert_int_equal(pmtu_judge(clear, v4, max + 1), PMTU_OUTER);
	assert_int_equal(pmtu_advertised(sa, 4), max);
	/* A path below the least that may be asked for. */
	sa->path->mtu = 600;
	assert_int_equal(pmtu_advertised(sa, 4), 576);
	assert_int_equal(pmtu_advertised(sa, 6), 1280);
	assert_int_equal(pmtu_judge(sa, v4, 576), PMTU_OUTER);
	assert_int_equal(pmtu_judge(sa, v4, 577), PMTU_ICMP);
	assert_int_equal(pmtu_judge(sa, v6, 1280), PMTU_OUTER);
	assert_int_equal(pmtu_judge(sa, v6, 1281), PMTU_ICMP);
	esp_worker_free(w);
}

/* ---- fragments: put together they are the packet again, each within the MTU */

static void
fragments_make_the_packet_again(void **state)
{
	static uint8_t packet[65535], whole[65535 + 60];
	struct seeded_rng rng;

	(void)state;
	seeded_rng_open(&rng, 5);
	for (unsigned round = 0; round < 400; round++) {
		uint32_t options = (uint32_t)rng_below(&rng.rng, 4) * 4, header = 20 + options;
		uint32_t len = header + 1 + (uint32_t)rng_below(&rng.rng, round % 8 ? 4000 : 60000);
		uint32_t mtu = 68 + (uint32_t)rng_below(&rng.rng, 1500), n, expect_at = 0,
		         base = (uint32_t)rng_below(&rng.rng, 3) * 8;
		bool more = rng_below(&rng.rng, 2), last = false;
		struct fragment f;

		if (len > 65535 - 24)
			len = 65535 - 24;
		esp_case_packet(packet, len, 4, round);
		packet[0] = (uint8_t)(0x40 | header / 4);
		/* One option that is copied (0x83, 4 octets), others that are not. */
		for (uint32_t o = 20; o < header; o += 4)
			memcpy(packet + o, o == 24 ? "\x83\x04\x01\x02" : "\x07\x04\x04\x00", 4);
		put_be16(packet + 6, (uint16_t)((more ? 0x2000 : 0) | base / 8));
		if (mtu < header + 8) {
			assert_false(fragment_open(&f, packet, len, mtu, 0));
			continue;
		}
		assert_true(fragment_open(&f, packet, len, mtu, 0));
		while ((n = fragment_next_octets(&f)) != 0) {
			uint32_t h, at;

			assert_false(last);
			assert_true(n <= mtu);
			memset(buf, 0xaa, n + 1);
			fragment_take(&f, buf);
			assert_int_equal(buf[n], 0xaa);
			h = (buf[0] & 15u) * 4;
			at = (get_be16(buf + 6) & 0x1fffu) * 8 - base;
			assert_int_equal(at, expect_at);
			assert_int_equal(get_be16(buf + 2), n);
			assert_int_equal(checksum_fold(checksum_add(0, buf, h)), 0xffff);
			assert_int_equal(get_be16(buf + 4), get_be16(packet + 4));
			assert_memory_equal(buf + 8, packet + 8, 2);
			assert_memory_equal(buf + 12, packet + 12, 8);
			if (at == 0)
				assert_memory_equal(buf + 20, packet + 20, options);
			else
				assert_int_equal(h, options >= 8 ? 24 : 20);
			memcpy(whole + at, buf + h, n - h);
			expect_at += n - h;
			last = expect_at == len - header;
			assert_int_equal((get_be16(buf + 6) & 0x2000) != 0, more || !last);
			assert_true(last || (n - h) % 8 == 0);
		}
		assert_int_equal(expect_at, len - header);
		assert_memory_equal(whole, packet + header, len - header);
	}
}

static void
no_fragments_of_what_forbids_them(void **state)
{
	uint8_t p[1000];
	struct fragment f;

	(void)state;
	esp_case_packet(p, sizeof p, 4, 1);
	assert_true(fragment_open(&f, p, sizeof p, 500, 0));
	put_be16(p + 6, 0x4000);
	assert_false(fragment_open(&f, p, sizeof p, 500, 0));
	put_be16(p + 6, 0);
	p[0] = 0x46; /* an option that runs over the header */
	p[20] = 7;
	p[21] = 9;
	assert_false(fragment_open(&f, p, sizeof p, 500, 0));
}

/* An IPv6 packet with @chain of extension headers (8 octets each) in front of UDP. */
static void
packet_v6(uint8_t *p, uint32_t len, const uint8_t *chain, uint32_t n)
{
	esp_case_packet(p, len, 6, len);
	p[6] = n ? chain[0] : 17;
	memset(p + 40, 0, n * 8);
	for (uint32_t i = 0; i < n; i++)
		p[40 + i * 8] = i + 1 < n ? chain[i + 1] : 17;
}

/* Of IPv6: each piece within the MTU, a multiple of eight octets but for the last, with the headers that every hop reads. */
static void
check_v6(const uint8_t *packet, uint32_t len, uint32_t mtu, uint32_t front, uint32_t behind)
{
	struct fragment f;
	uint32_t n, at = behind;

	assert_true(fragment_open(&f, packet, len, mtu, 0x12345678));
	while ((n = fragment_next_octets(&f)) != 0) {
		uint32_t payload = n - front - 8;
		bool last = at + payload == len;

		assert_true(n <= mtu && (last || payload % 8 == 0));
		fragment_take(&f, buf);
		assert_int_equal(get_be16(buf + 4) + 40, n);
		assert_int_equal(buf[front == 40 ? 6 : front - 8], 44);
		assert_int_equal(buf[front], 17);
		assert_int_equal(get_be16(buf + front + 2), (at - behind) | !last);
		assert_int_equal(get_be32(buf + front + 4), behind == front ? 0x12345678 : 0x00abcdef);
		assert_memory_equal(buf + front + 8, packet + at, payload);
		at += payload;
	}
	assert_int_equal(at, len);
}

static void
ipv6_is_cut_by_its_source(void **state)
{
	static const uint8_t plain[1] = { 0 }, hops[] = { 0, 43 }, whole[] = { 0, 44 };
	uint8_t p[3000];
	struct fragment f;

	(void)state;
	for (uint32_t mtu = 1280; mtu < 1300; mtu++) {
		packet_v6(p, sizeof p, plain, 0);
		check_v6(p, sizeof p, mtu, 40, 40);
		packet_v6(p, sizeof p, hops, 2);
		check_v6(p, sizeof p, mtu, 56, 56);
		/* One that has a Fragment header already keeps its identification. */
		packet_v6(p, sizeof p, whole, 2);
		put_be32(p + 52, 0x00abcdef);
		check_v6(p, sizeof p, mtu, 48, 56);
	}
	put_be16(p + 50, 1); /* more fragments */
	assert_false(fragment_open(&f, p, sizeof p, 1280, 1));
	put_be16(p + 50, 8);
	assert_false(fragment_open(&f, p, sizeof p, 1280, 1));
	packet_v6(p, sizeof p, plain, 0);
	assert_false(fragment_open(&f, p, sizeof p - 1, 1280, 1));
	assert_false(fragment_open(&f, p, sizeof p, 55, 1));
	assert_true(fragment_open(&f, p, sizeof p, 56, 1));
}

/* ---- ICMP */

static uint16_t
icmp6_sum(const uint8_t *p, size_t n)
{
	uint64_t sum = checksum_add_u16(checksum_add_u16(checksum_add(0, p + 8, 32), (uint32_t)n - 40), 58);

	return checksum_fold(checksum_add(sum, p + 40, n - 40));
}

static void
icmp_tells_the_sender(void **state)
{
	uint8_t out[PMTU_ICMP_MAX], p[2000];
	struct ip from = { 0 };
	size_t n;

	(void)state;
	esp_case_packet(p, sizeof p, 4, 1);
	n = pmtu_icmp(out, p, sizeof p, &from, 1400);
	assert_int_equal(n, 576);
	assert_int_equal(get_be16(out + 2), n);
	assert_int_equal(checksum_fold(checksum_add(0, out, 20)), 0xffff);
	assert_int_equal(checksum_fold(checksum_add(0, out + 20, n - 20)), 0xffff);
	assert_int_equal(out[9], 1);
	assert_memory_equal(out + 12, p + 16, 4); /* from the packet's destination */
	assert_memory_equal(out + 16, p + 12, 4);
	assert_int_equal(get_be16(out + 20), 0x0304);
	assert_int_equal(get_be32(out + 24), 1400);
	assert_memory_equal(out + 28, p, n - 28);
	esp_case_packet(p, sizeof p, 6, 1);
	assert_true(ip_parse(&from, "fd00::77"));
	n = pmtu_icmp(out, p, sizeof p, &from, 1400);
	assert_int_equal(n, 1280);
	assert_int_equal(icmp6_sum(out, n), 0xffff);
	assert_memory_equal(out + 8, from.b, 16);
	assert_memory_equal(out + 24, p + 8, 16);
	assert_int_equal(get_be16(out + 40), 0x0200);
	assert_int_equal(get_be32(out + 44), 1400);
	assert_memory_equal(out + 48, p, n - 48);
}

static void
icmp_is_not_sent_about_what_may_not_be_answered(void **state)
{
	uint8_t out[PMTU_ICMP_MAX], p[100];
	struct ip from = { 0 };

	(void)state;
#define NOT_ANSWERED(version, change)                                                                                            \
	do {                                                                                                                     \
		esp_case_packet(p, sizeof p, version, 1);                                                                        \
		assert_true(pmtu_icmp(out, p, sizeof p, &from, 600) > 0);                                                        \
		change;                                                                                                          \
		assert_int_equal(pmtu_icmp(out, p, sizeof p, &from, 600), 0);                                                    \
	} while (0)
	NOT_ANSWERED(4, put_be16(p + 6, 1)); /* a later fragment */
	NOT_ANSWERED(4, p[12] = 224);        /* from a multicast address */
	NOT_ANSWERED(4, p[16] = 239);        /* to one */
	NOT_ANSWERED(4, memset(p + 16, 255, 4));
	NOT_ANSWERED(4, memset(p + 12, 0, 4));
	NOT_ANSWERED(4, p[12] = 127);
	NOT_ANSWERED(4, (p[9] = 1, p[20] = 3)); /* about an ICMP error */
	NOT_ANSWERED(4, (p[9] = 1, p[20] = 11));
#undef NOT_ANSWERED
}

static void
icmp6_is_not_sent_about_errors(void **state)
{
	uint8_t out[PMTU_ICMP_MAX], p[100];
	struct ip from = { 0 };

	(void)state;
	esp_case_packet(p, sizeof p, 6, 1);
	p[6] = 58;
	for (unsigned type = 0; type < 256; type++) {
		p[40] = (uint8_t)type;
		assert_int_equal(pmtu_icmp(out, p, sizeof p, &from, 1300) > 0, type >= 128 && type != 137);
	}
	esp_case_packet(p, sizeof p, 6, 1);
	p[24] = 0xff; /* to a multicast address: Packet Too Big is the exception */
	assert_true(pmtu_icmp(out, p, sizeof p, &from, 1300) > 0);
	p[8] = 0xff;
	assert_int_equal(pmtu_icmp(out, p, sizeof p, &from, 1300), 0);
	memset(p + 8, 0, 16);
	assert_int_equal(pmtu_icmp(out, p, sizeof p, &from, 1300), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inner_max_is_exact),
		cmocka_unit_test(judges_by_df_version_and_selectors),
		cmocka_unit_test(fragments_make_the_packet_again),
		cmocka_unit_test(no_fragments_of_what_forbids_them),
		cmocka_unit_test(ipv6_is_cut_by_its_source),
		cmocka_unit_test(icmp_tells_the_sender),
		cmocka_unit_test(icmp_is_not_sent_about_what_may_not_be_answered),
		cmocka_unit_test(icmp6_is_not_sent_about_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
