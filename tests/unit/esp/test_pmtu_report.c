/* SPDX-License-Identifier: Apache-2.0 */
#include "esp_case.h"
#include "pmtu.h"

/* What an ICMPv6 Packet Too Big about AH must quote so that it counts: RFC 4301 sections 6.1.1 and 8.2.1. */

enum { SPI = 0x12345678, AH_SPI = 0x00a0b0c0, SENT = 5000, QUOTED = 8, AH_AT = 8 + 40, OCTETS = 8 + 40 + 24 };

static uint8_t message[OCTETS + 16];

/* About an AH packet of 1400 octets for a link of 1300, from 2001:db8::1 to 2001:db8::2. */
static struct span
report(uint32_t spi, uint32_t seq)
{
	struct ip local, remote;

	assert_true(ip_parse(&local, "2001:db8::1") && ip_parse(&remote, "2001:db8::2"));
	memset(message, 0, sizeof message);
	message[0] = 2;
	put_be32(message + 4, 1300);
	message[QUOTED] = 0x60;
	put_be16(message + QUOTED + 4, 1360);
	message[QUOTED + 6] = 51;
	memcpy(message + QUOTED + 8, local.b, 16);
	memcpy(message + QUOTED + 24, remote.b, 16);
	message[AH_AT] = 41;
	put_be32(message + AH_AT + 4, spi);
	put_be32(message + AH_AT + 8, seq);
	return span_of(message, OCTETS);
}

static struct esp_sa *
add(struct esp_worker *w, uint8_t protocol)
{
	static uint8_t ah_key[32] = { 1 };
	struct esp_case c;

	esp_case_init(&c, esp_case_suite("aes128-sha256"), 1);
	assert_true(ip_parse(&c.params.local.ip, "2001:db8::1") && ip_parse(&c.params.remote.ip, "2001:db8::2"));
	c.params.spi = SPI;
	c.params.udp_encap = false;
	c.params.protocol = protocol ? protocol : 50;
	c.extra.seq = SENT;
	if (protocol == 51) {
		c.params.encr = (struct transform) { 0 };
		c.params.encr_key.n = 0;
	} else if (!protocol) {
		c.params.ah.spi = AH_SPI;
		c.params.ah.integ_id = INTEG_HMAC_SHA2_256_128;
		c.params.ah.integ_key = span_of(ah_key, sizeof ah_key);
	}
	return esp_case_add(w, &c, SA_OUTBOUND);
}

static void
what_it_quotes_is_read(void **state)
{
	struct pmtu_report r;

	(void)state;
	assert_true(pmtu_report_read(&r, report(SPI, 77)));
	assert_int_equal(r.spi, SPI);
	assert_int_equal(r.seq, 77);
	assert_int_equal(r.mtu, 1300);
	assert_int_equal(r.local.b[15], 1);
	assert_int_equal(r.remote.b[15], 2);
}

/* RFC 8200 section 5: "IPv6 requires that every link in the Internet have an MTU of 1280 octets or greater". */
static void
none_is_below_the_least(void **state)
{
	struct span s = report(SPI, 77);
	struct pmtu_report r;

	(void)state;
	put_be32(message + 4, 68);
	assert_true(pmtu_report_read(&r, s));
	assert_int_equal(r.mtu, 1280);
}

#define REFUSED(change)                                                                                                          \
	do {                                                                                                                     \
		struct span s_ = report(SPI, 77);                                                                                \
		change;                                                                                                          \
		assert_false(pmtu_report_read(&r, s_));                                                                          \
	} while (0)

static void
other_messages_are_not(void **state)
{
	struct pmtu_report r;

	(void)state;
	REFUSED(message[0] = 1);
	REFUSED(message[1] = 1);
	REFUSED(message[QUOTED] = 0x45);
	REFUSED(message[QUOTED + 6] = 50);
	/* A link that would have taken it. */
	REFUSED(put_be16(message + QUOTED + 4, 1260));
	REFUSED(put_be32(message + 4, UINT32_MAX));
	for (size_t n = 0; n < AH_AT + 12; n++)
		REFUSED(s_.n = n);
}

/* Hop-by-hop options and a first fragment may be in front of it; a later fragment has none. */
static void
it_may_stand_behind_other_headers(void **state)
{
	static const uint8_t headers[] = { 0, 43, 44 };
	struct pmtu_report r;

	(void)state;
	for (size_t i = 0; i < sizeof headers; i++) {
		struct span s = report(SPI, 77);

		memmove(message + AH_AT + 8, message + AH_AT, 24);
		memset(message + AH_AT, 0, 8);
		message[QUOTED + 6] = headers[i];
		message[AH_AT] = 51;
		s.n += 8;
		if (headers[i] == 44)
			message[AH_AT + 3] = 1;
		assert_true(pmtu_report_read(&r, s));
		assert_int_equal(r.spi, SPI);
		if (headers[i] == 44) {
			message[AH_AT + 3] = 9;
			assert_false(pmtu_report_read(&r, s));
		}
	}
}

static bool
is_of(struct esp_sa *sa, uint32_t spi, uint32_t seq)
{
	struct pmtu_report r;

	assert_true(pmtu_report_read(&r, report(spi, seq)));
	return pmtu_report_is_of(sa, &r);
}

static void
only_what_the_sa_sent_counts(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct esp_sa *sa = add(w, 51);
	struct pmtu_report r;

	(void)state;
	assert_true(is_of(sa, SPI, SENT));
	assert_true(is_of(sa, SPI, SENT - 4999));
	assert_false(is_of(sa, SPI, SENT + 1));
	assert_false(is_of(sa, SPI, 0));
	assert_false(is_of(sa, SPI, UINT32_MAX));
	assert_false(is_of(sa, SPI + 1, SENT));
	sa->seq = UINT64_C(0x1000ffff0);
	assert_true(is_of(sa, SPI, 0xfff0));
	assert_true(is_of(sa, SPI, 0xfffffff8));
	assert_false(is_of(sa, SPI, 0x80000000));
	for (unsigned at = 0; at < 2; at++) {
		struct span s = report(SPI, 0xfff0);

		message[QUOTED + 23 + 16 * at] ^= 7;
		assert_true(pmtu_report_read(&r, s));
		assert_false(pmtu_report_is_of(sa, &r));
	}
	esp_worker_free(w);
}

static void
of_a_bundle_the_ah_counts_and_esp_has_none(void **state)
{
	struct esp_worker *w = esp_case_worker(BULK_AUTO);
	struct esp_sa *bundle = add(w, 0), *esp;
	uint8_t buf[512], inner[100], *out;
	uint32_t n;

	(void)state;
	assert_false(is_of(bundle, SPI, SENT));
	esp_case_packet(inner, sizeof inner, 6, 1);
	assert_int_equal(esp_case_seal(w, bundle, buf, inner, sizeof inner, &out, &n), ESP_DROP_NONE);
	assert_int_equal(out[6], 51);
	assert_true(is_of(bundle, AH_SPI, get_be32(out + 48)));
	assert_false(is_of(bundle, AH_SPI, get_be32(out + 48) + 1));
	esp_worker_free(w);
	w = esp_case_worker(BULK_AUTO);
	esp = add(w, 50);
	assert_false(is_of(esp, SPI, SENT));
	esp_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_quotes_is_read),       cmocka_unit_test(none_is_below_the_least),
		cmocka_unit_test(other_messages_are_not),       cmocka_unit_test(it_may_stand_behind_other_headers),
		cmocka_unit_test(only_what_the_sa_sent_counts), cmocka_unit_test(of_a_bundle_the_ah_counts_and_esp_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
