/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "registry.h"

static const struct algorithm *
keyword(const char *word)
{
	return algorithm_by_keyword(span_str(word));
}

static void
expect_format(const char *want, enum transform_kind kind, uint16_t id, uint16_t key_bits)
{
	char out[40];

	assert_string_equal(algorithm_format(out, kind, id, key_bits), want);
}

/* The words of swanctl.conf that strongSwan 5.9.8 reads for the algorithms that we have. */
static void
strongswan_keywords_are_read(void **state)
{
	static const struct {
		const char *word;
		uint8_t kind;
		uint16_t id, key_bits;
	} words[] = {
		{ "aes", TRANSFORM_ENCR, ENCR_AES_CBC, 128 },
		{ "aes128", TRANSFORM_ENCR, ENCR_AES_CBC, 128 },
		{ "aes192", TRANSFORM_ENCR, ENCR_AES_CBC, 192 },
		{ "aes256", TRANSFORM_ENCR, ENCR_AES_CBC, 256 },
		{ "aes128gcm16", TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
		{ "aes128gcm128", TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
		{ "aes128gcm", TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
		{ "aes192gcm16", TRANSFORM_ENCR, ENCR_AES_GCM_16, 192 },
		{ "aes192gcm128", TRANSFORM_ENCR, ENCR_AES_GCM_16, 192 },
		{ "aes256gcm16", TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 },
		{ "aes256gcm128", TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 },
		{ "aes256gcm", TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 },
		{ "aesgcm", TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
		{ "aes128gcm8", TRANSFORM_ENCR, ENCR_AES_GCM_8, 128 },
		{ "aes192gcm64", TRANSFORM_ENCR, ENCR_AES_GCM_8, 192 },
		{ "aes256gcm12", TRANSFORM_ENCR, ENCR_AES_GCM_12, 256 },
		{ "aes128gcm96", TRANSFORM_ENCR, ENCR_AES_GCM_12, 128 },
		{ "aes128ccm8", TRANSFORM_ENCR, ENCR_AES_CCM_8, 128 },
		{ "aes192ccm64", TRANSFORM_ENCR, ENCR_AES_CCM_8, 192 },
		{ "aes256ccm12", TRANSFORM_ENCR, ENCR_AES_CCM_12, 256 },
		{ "aes128ccm96", TRANSFORM_ENCR, ENCR_AES_CCM_12, 128 },
		{ "aes192ccm16", TRANSFORM_ENCR, ENCR_AES_CCM_16, 192 },
		{ "aes256ccm128", TRANSFORM_ENCR, ENCR_AES_CCM_16, 256 },
		{ "aes128ctr", TRANSFORM_ENCR, ENCR_AES_CTR, 128 },
		{ "aes192ctr", TRANSFORM_ENCR, ENCR_AES_CTR, 192 },
		{ "aes256ctr", TRANSFORM_ENCR, ENCR_AES_CTR, 256 },
		{ "aes128gmac", TRANSFORM_ENCR, ENCR_NULL_AUTH_AES_GMAC, 128 },
		{ "aes192gmac", TRANSFORM_ENCR, ENCR_NULL_AUTH_AES_GMAC, 192 },
		{ "aes256gmac", TRANSFORM_ENCR, ENCR_NULL_AUTH_AES_GMAC, 256 },
		{ "chacha20poly1305", TRANSFORM_ENCR, ENCR_CHACHA20_POLY1305, 0 },
		{ "camellia", TRANSFORM_ENCR, ENCR_CAMELLIA_CBC, 128 },
		{ "camellia128", TRANSFORM_ENCR, ENCR_CAMELLIA_CBC, 128 },
		{ "camellia192", TRANSFORM_ENCR, ENCR_CAMELLIA_CBC, 192 },
		{ "camellia256", TRANSFORM_ENCR, ENCR_CAMELLIA_CBC, 256 },
		{ "blowfish", TRANSFORM_ENCR, ENCR_BLOWFISH, 128 },
		{ "blowfish128", TRANSFORM_ENCR, ENCR_BLOWFISH, 128 },
		{ "blowfish192", TRANSFORM_ENCR, ENCR_BLOWFISH, 192 },
		{ "blowfish256", TRANSFORM_ENCR, ENCR_BLOWFISH, 256 },
		{ "cast128", TRANSFORM_ENCR, ENCR_CAST, 128 },
		{ "aesxcbc", TRANSFORM_INTEG, INTEG_AES_XCBC_96, 0 },
		{ "3des", TRANSFORM_ENCR, ENCR_3DES, 0 },
		{ "null", TRANSFORM_ENCR, ENCR_NULL, 0 },
		{ "md5", TRANSFORM_INTEG, INTEG_HMAC_MD5_96, 0 },
		{ "sha", TRANSFORM_INTEG, INTEG_HMAC_SHA1_96, 0 },
		{ "sha1", TRANSFORM_INTEG, INTEG_HMAC_SHA1_96, 0 },
		{ "sha256", TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_128, 0 },
		{ "sha2_256", TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_128, 0 },
		{ "sha384", TRANSFORM_INTEG, INTEG_HMAC_SHA2_384_192, 0 },
		{ "sha2_384", TRANSFORM_INTEG, INTEG_HMAC_SHA2_384_192, 0 },
		{ "sha512", TRANSFORM_INTEG, INTEG_HMAC_SHA2_512_256, 0 },
		{ "sha2_512", TRANSFORM_INTEG, INTEG_HMAC_SHA2_512_256, 0 },
		{ "prfmd5", TRANSFORM_PRF, PRF_HMAC_MD5, 0 },
		{ "prfsha1", TRANSFORM_PRF, PRF_HMAC_SHA1, 0 },
		{ "prfsha256", TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0 },
		{ "prfsha384", TRANSFORM_PRF, PRF_HMAC_SHA2_384, 0 },
		{ "prfsha512", TRANSFORM_PRF, PRF_HMAC_SHA2_512, 0 },
		{ "modp768", TRANSFORM_DH, DH_MODP_768, 0 },
		{ "modp1024", TRANSFORM_DH, DH_MODP_1024, 0 },
		{ "modp1536", TRANSFORM_DH, DH_MODP_1536, 0 },
		{ "modp2048", TRANSFORM_DH, DH_MODP_2048, 0 },
		{ "modp3072", TRANSFORM_DH, DH_MODP_3072, 0 },
		{ "modp4096", TRANSFORM_DH, DH_MODP_4096, 0 },
		{ "modp6144", TRANSFORM_DH, DH_MODP_6144, 0 },
		{ "modp8192", TRANSFORM_DH, DH_MODP_8192, 0 },
		{ "modpnone", TRANSFORM_DH, DH_NONE, 0 },
		{ "ecp256", TRANSFORM_DH, DH_ECP_256, 0 },
		{ "ecp384", TRANSFORM_DH, DH_ECP_384, 0 },
		{ "ecp521", TRANSFORM_DH, DH_ECP_521, 0 },
		{ "ecp192", TRANSFORM_DH, DH_ECP_192, 0 },
		{ "ecp224", TRANSFORM_DH, DH_ECP_224, 0 },
		{ "ecp224bp", TRANSFORM_DH, DH_ECP_224_BP, 0 },
		{ "ecp256bp", TRANSFORM_DH, DH_ECP_256_BP, 0 },
		{ "ecp384bp", TRANSFORM_DH, DH_ECP_384_BP, 0 },
		{ "ecp512bp", TRANSFORM_DH, DH_ECP_512_BP, 0 },
		{ "modp1024s160", TRANSFORM_DH, DH_MODP_1024_160, 0 },
		{ "modp2048s224", TRANSFORM_DH, DH_MODP_2048_224, 0 },
		{ "modp2048s256", TRANSFORM_DH, DH_MODP_2048_256, 0 },
		{ "curve25519", TRANSFORM_DH, DH_CURVE25519, 0 },
		{ "x25519", TRANSFORM_DH, DH_CURVE25519, 0 },
		{ "esn", TRANSFORM_ESN, ESN_YES, 0 },
		{ "noesn", TRANSFORM_ESN, ESN_NO, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const struct algorithm *a = keyword(words[i].word);

		if (!a || a->kind != words[i].kind || a->id != words[i].id || a->key_bits != words[i].key_bits)
			fail_msg("%s", words[i].word);
	}
}

static void
other_words_are_not(void **state)
{
	static const char *const words[] = { "",        "AES256",        "aes25",      "aes2566",    "sha3_256",
		                             "modp",    "modp2048s255",  "serpent128", "aes256cmac", "des",
		                             "default", "aes256-sha256", "prfaesxcbc" };

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_null(keyword(words[i]));
}

/* RFC 2409 Appendix A, RFC 3526 section 2 to 7, RFC 5903 section 6, RFC 8031 section 4 (IKEv1 registry). */
static void
phase1_numbers_are_known(void **state)
{
	static const struct {
		uint8_t kind;
		uint16_t value, key_bits;
		const char *keyword;
	} rows[] = {
		{ TRANSFORM_ENCR, 5, 0, "3des" },        { TRANSFORM_ENCR, 7, 128, "aes128" },
		{ TRANSFORM_ENCR, 7, 192, "aes192" },    { TRANSFORM_ENCR, 7, 256, "aes256" },
		{ TRANSFORM_PRF, 1, 0, "prfmd5" },       { TRANSFORM_PRF, 2, 0, "prfsha1" },
		{ TRANSFORM_PRF, 4, 0, "prfsha256" },    { TRANSFORM_PRF, 5, 0, "prfsha384" },
		{ TRANSFORM_PRF, 6, 0, "prfsha512" },    { TRANSFORM_INTEG, 4, 0, "sha256" },
		{ TRANSFORM_DH, 2, 0, "modp1024" },      { TRANSFORM_DH, 5, 0, "modp1536" },
		{ TRANSFORM_DH, 14, 0, "modp2048" },     { TRANSFORM_DH, 18, 0, "modp8192" },
		{ TRANSFORM_DH, 19, 0, "ecp256" },       { TRANSFORM_DH, 21, 0, "ecp521" },
		{ TRANSFORM_DH, 31, 0, "curve25519" },   { TRANSFORM_ENCR, 3, 128, "blowfish128" },
		{ TRANSFORM_ENCR, 6, 128, "cast128" },   { TRANSFORM_ENCR, 8, 256, "camellia256" },
		{ TRANSFORM_DH, 22, 0, "modp1024s160" }, { TRANSFORM_DH, 23, 0, "modp2048s224" },
		{ TRANSFORM_DH, 24, 0, "modp2048s256" }, { TRANSFORM_DH, 25, 0, "ecp192" },
		{ TRANSFORM_DH, 26, 0, "ecp224" },       { TRANSFORM_DH, 27, 0, "ecp224bp" },
		{ TRANSFORM_DH, 28, 0, "ecp256bp" },     { TRANSFORM_DH, 29, 0, "ecp384bp" },
		{ TRANSFORM_DH, 30, 0, "ecp512bp" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_ptr_equal(algorithm_by_ike1(rows[i].kind, rows[i].value, rows[i].key_bits), keyword(rows[i].keyword));
	/* Fixed length: the Key Length attribute MUST NOT be used. */
	assert_null(algorithm_by_ike1(TRANSFORM_ENCR, 5, 192));
	assert_null(algorithm_by_ike1(TRANSFORM_ENCR, 7, 512));
	assert_null(algorithm_by_ike1(TRANSFORM_ENCR, 1, 0));
	assert_null(algorithm_by_ike1(TRANSFORM_ENCR, 0, 0));
	assert_null(algorithm_by_ike1(TRANSFORM_DH, 0, 0));
	/* Those over GF[2^N]. */
	assert_null(algorithm_by_ike1(TRANSFORM_DH, 4, 0));
}

/* RFC 2407 sections 4.4.4 and 4.5, RFC 3602 5.3, RFC 4106 8.4, RFC 4868 2.6 (registry). */
static void
phase2_numbers_are_known(void **state)
{
	(void)state;
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 3, 0), keyword("3des"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 11, 0), keyword("null"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 12, 256), keyword("aes256"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 20, 192), keyword("aes192gcm16"));
	assert_null(algorithm_by_esp1(TRANSFORM_ENCR, 2, 0));
	assert_null(algorithm_by_esp1(TRANSFORM_ENCR, 0, 0));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 1, 0), keyword("md5"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 2, 0), keyword("sha1"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 5, 0), keyword("sha256"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 6, 0), keyword("sha384"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 7, 0), keyword("sha512"));
	assert_null(algorithm_by_esp1(TRANSFORM_INTEG, 0, 0));
}

/* RFC 3686 section 9, 4309 section 7.3, 4106 section 8.4, 4543 section 9, 4312 section 4, 3566 section 7. */
static void
numbers_of_later_rfcs_are_known(void **state)
{
	(void)state;
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 6, 128), keyword("cast128"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 7, 192), keyword("blowfish192"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 13, 256), keyword("aes256ctr"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 14, 128), keyword("aes128ccm8"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 15, 128), keyword("aes128ccm12"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 16, 256), keyword("aes256ccm16"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 18, 128), keyword("aes128gcm8"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 19, 256), keyword("aes256gcm12"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 22, 256), keyword("camellia256"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_ENCR, 23, 128), keyword("aes128gmac"));
	assert_ptr_equal(algorithm_by_esp1(TRANSFORM_INTEG, 9, 0), keyword("aesxcbc"));
	/* RFC 7634 asks IANA for a number of IKEv2 only. */
	assert_int_equal(keyword("chacha20poly1305")->esp1_value, 0);
}

/* RFC 2407 section 4.4.3 and its registry: the transforms of AH are numbered otherwise than the algorithms of ESP. */
static void
ah_transforms_are_known(void **state)
{
	(void)state;
	assert_null(algorithm_by_ah1(0));
	assert_null(algorithm_by_ah1(1));
	assert_ptr_equal(algorithm_by_ah1(2), keyword("md5"));
	assert_ptr_equal(algorithm_by_ah1(3), keyword("sha1"));
	assert_null(algorithm_by_ah1(4));
	assert_ptr_equal(algorithm_by_ah1(5), keyword("sha256"));
	assert_ptr_equal(algorithm_by_ah1(6), keyword("sha384"));
	assert_ptr_equal(algorithm_by_ah1(7), keyword("sha512"));
	assert_ptr_equal(algorithm_by_ah1(9), keyword("aesxcbc"));
}

static void
names_are_strongswans(void **state)
{
	(void)state;
	expect_format("AES_CBC_256", TRANSFORM_ENCR, ENCR_AES_CBC, 256);
	expect_format("AES_GCM_16_128", TRANSFORM_ENCR, ENCR_AES_GCM_16, 128);
	expect_format("AES_CCM_12_128", TRANSFORM_ENCR, ENCR_AES_CCM_12, 128);
	expect_format("CAMELLIA_CBC_256", TRANSFORM_ENCR, ENCR_CAMELLIA_CBC, 256);
	expect_format("CHACHA20_POLY1305", TRANSFORM_ENCR, ENCR_CHACHA20_POLY1305, 0);
	expect_format("NULL_AES_GMAC_256", TRANSFORM_ENCR, ENCR_NULL_AUTH_AES_GMAC, 256);
	expect_format("AES_XCBC_96", TRANSFORM_INTEG, INTEG_AES_XCBC_96, 0);
	expect_format("3DES_CBC", TRANSFORM_ENCR, ENCR_3DES, 0);
	expect_format("NULL", TRANSFORM_ENCR, ENCR_NULL, 0);
	expect_format("PRF_HMAC_SHA2_256", TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
	expect_format("HMAC_SHA2_256_128", TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_128, 0);
	expect_format("MODP_2048", TRANSFORM_DH, DH_MODP_2048, 0);
	expect_format("ECP_521", TRANSFORM_DH, DH_ECP_521, 0);
	expect_format("CURVE_25519", TRANSFORM_DH, DH_CURVE25519, 0);
	expect_format("NO_EXT_SEQ", TRANSFORM_ESN, ESN_NO, 0);
	expect_format("EXT_SEQ", TRANSFORM_ESN, ESN_YES, 0);
}

static void
strangers_are_named_where_we_can(void **state)
{
	(void)state;
	expect_format("CAMELLIA_CTR_256", TRANSFORM_ENCR, 24, 256);
	expect_format("AES_CMAC_96", TRANSFORM_INTEG, 8, 0);
	expect_format("AES_CBC_512", TRANSFORM_ENCR, ENCR_AES_CBC, 512);
	expect_format("ENCR 77/128", TRANSFORM_ENCR, 77, 128);
	expect_format("DH 65535", TRANSFORM_DH, 65535, 0);
	expect_format("TRANSFORM 65535/65535", (enum transform_kind)99, 65535, 65535);
	assert_null(algorithm_by_id(TRANSFORM_ENCR, 24, 0));
}

static void
row_is_consistent(const struct algorithm *a)
{
	assert_ptr_equal(algorithm_by_id(a->kind, a->id, a->key_bits), a);
	assert_ptr_equal(algorithm_by_keyword(span_str(a->keyword)), a);
	if (a->alias)
		assert_ptr_equal(algorithm_by_keyword(span_str(a->alias)), a);
	if (a->ike1_value)
		assert_ptr_equal(algorithm_by_ike1(a->kind, a->ike1_value, a->key_bits), a);
	if (a->esp1_value)
		assert_ptr_equal(algorithm_by_esp1(a->kind, a->esp1_value, a->key_bits), a);
	assert_true(a->ike || a->esp);
	assert_true(a->key_bits == 0 || a->key_bits == a->key_octets * 8);
	/* What has no integrity of its own, or is broken, is never a default. */
	if (a->kind == TRANSFORM_ENCR)
		assert_true(a->weak == (a->id == ENCR_3DES || a->id == ENCR_NULL || a->id == ENCR_NULL_AUTH_AES_GMAC ||
		                        a->id == ENCR_BLOWFISH || a->id == ENCR_CAST));
	if (a->ah1_value)
		assert_ptr_equal(algorithm_by_ah1(a->ah1_value), a);
}

static void
every_row_is_found_by_each_of_its_names(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a), n++)
		row_is_consistent(a);
	assert_true(n >= 30);
}

/* The list: by explicit name only. */
static void
weak_algorithms_are_marked(void **state)
{
	static const char *const weak[] = {
		"3des",         "md5",         "sha1",        "prfmd5",      "prfsha1",      "modp768",
		"modp1024",     "modp1536",    "null",        "aes128gmac",  "aes192gmac",   "aes256gmac",
		"cast128",      "blowfish128", "blowfish192", "blowfish256", "modp1024s160", "modp2048s224",
		"modp2048s256", "ecp192",      "ecp224",      "ecp224bp",
	};
	size_t marked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
		assert_true(keyword(weak[i])->weak);
	for (const struct algorithm *a = algorithm_next(NULL); a; a = algorithm_next(a))
		marked += a->weak;
	assert_int_equal(marked, sizeof weak / sizeof *weak);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strongswan_keywords_are_read),
		cmocka_unit_test(other_words_are_not),
		cmocka_unit_test(phase1_numbers_are_known),
		cmocka_unit_test(phase2_numbers_are_known),
		cmocka_unit_test(numbers_of_later_rfcs_are_known),
		cmocka_unit_test(ah_transforms_are_known),
		cmocka_unit_test(names_are_strongswans),
		cmocka_unit_test(strangers_are_named_where_we_can),
		cmocka_unit_test(every_row_is_found_by_each_of_its_names),
		cmocka_unit_test(weak_algorithms_are_marked),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
