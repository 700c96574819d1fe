/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sim_test.h"

/* Each algorithm family, each shape of selectors, and the same seed twice. */

struct outcome {
	uint16_t encr, encr_bits, prf, dh;
};

static void
negotiates(const char *ike, const char *esp, const char *more, struct ike_info *up, struct child_info *child)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 5 });
	char text[512];
	struct sim_peer *alice, *bob;
	uint32_t cursor = 0, under = 0;

	snprintf(text, sizeof text, "ike1 main psk=swordfish proposals=%s %s esp=%s", ike, more, esp);
	alice = sim_peer(&net, text);
	bob = sim_peer(&net, text);
	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	if (!sim_established(alice) || !sim_established(bob) || !sim_same_keys(alice, bob))
		fail_msg("%s / %s / %s does not come up", ike, esp, more);
	assert_true(ike_next_sa(bob->ike, &cursor, up));
	assert_true(ike_next_child(bob->ike, up->id, &under, child));
	up->conn = NULL;
	child->config = NULL;
	EXPECT_SOUND(&net, 0);
}

TEST(every_phase_1_family_comes_up)
{
	static const struct {
		const char *proposal;
		struct outcome want;
	} t[] = {
		{ "aes128-sha256-modp2048", { ENCR_AES_CBC, 128, PRF_HMAC_SHA2_256, DH_MODP_2048 } },
		{ "aes192-sha256-modp3072", { ENCR_AES_CBC, 192, PRF_HMAC_SHA2_256, DH_MODP_3072 } },
		{ "aes256-sha384-modp4096", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_384, DH_MODP_4096 } },
		{ "aes256-sha512-modp6144", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_512, DH_MODP_6144 } },
		{ "aes256-sha512-modp8192", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_512, DH_MODP_8192 } },
		{ "aes128-sha256-ecp256", { ENCR_AES_CBC, 128, PRF_HMAC_SHA2_256, DH_ECP_256 } },
		{ "aes256-sha384-ecp384", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_384, DH_ECP_384 } },
		{ "aes256-sha512-ecp521", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_512, DH_ECP_521 } },
		{ "aes256-sha256-x25519", { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, DH_CURVE25519 } },
		/* By name only. */
		{ "3des-sha1-modp1024", { ENCR_3DES, 0, PRF_HMAC_SHA1, DH_MODP_1024 } },
		{ "3des-md5-modp1536", { ENCR_3DES, 0, PRF_HMAC_MD5, DH_MODP_1536 } },
		{ "aes128-sha1-modp2048", { ENCR_AES_CBC, 128, PRF_HMAC_SHA1, DH_MODP_2048 } },
	};

	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct ike_info up;
		struct child_info child;

		negotiates(t[i].proposal, "aes128gcm16", "", &up, &child);
		EXPECT(up.encr.id == t[i].want.encr, i);
		EXPECT(!t[i].want.encr_bits || up.encr.key_bits == t[i].want.encr_bits, i);
		EXPECT(up.prf_id == t[i].want.prf && up.dh_id == t[i].want.dh, i);
	}
}

TEST(every_phase_2_family_comes_up)
{
	static const struct {
		const char *esp;
		uint16_t encr, bits, integ, dh;
		bool esn;
	} t[] = {
		{ "aes128gcm16", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE, false },
		{ "aes192gcm16", ENCR_AES_GCM_16, 192, INTEG_NONE, DH_NONE, false },
		{ "aes256gcm16", ENCR_AES_GCM_16, 256, INTEG_NONE, DH_NONE, false },
		{ "aes128-sha256", ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128, DH_NONE, false },
		{ "aes192-sha384", ENCR_AES_CBC, 192, INTEG_HMAC_SHA2_384_192, DH_NONE, false },
		{ "aes256-sha512", ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_512_256, DH_NONE, false },
		{ "aes128-sha1", ENCR_AES_CBC, 128, INTEG_HMAC_SHA1_96, DH_NONE, false },
		{ "null-sha256", ENCR_NULL, 0, INTEG_HMAC_SHA2_256_128, DH_NONE, false },
		{ "aes128gcm16-esn", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE, true },
		{ "aes256-sha256-esn", ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128, DH_NONE, true },
		{ "aes128gcm16-ecp256", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_ECP_256, false },
		{ "aes128gcm16-ecp384-esn", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_ECP_384, true },
		{ "aes128gcm16-ecp521", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_ECP_521, false },
		{ "aes128-sha256-x25519", ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128, DH_CURVE25519, false },
		{ "aes128gcm16-modp2048", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_MODP_2048, false },
		{ "aes128gcm16-modp3072", ENCR_AES_GCM_16, 128, INTEG_NONE, DH_MODP_3072, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct ike_info up;
		struct child_info c;

		negotiates("aes128-sha256-x25519", t[i].esp, "", &up, &c);
		EXPECT(c.encr.id == t[i].encr && (!t[i].bits || c.encr.key_bits == t[i].bits), i);
		EXPECT(c.integ_id == t[i].integ && c.dh_id == t[i].dh && c.esn == t[i].esn, i);
	}
}

TEST(every_shape_of_selectors_comes_up)
{
	static const char *const shape[][2] = {
		{ "10.1.0.0/16,10.2.0.0/16", "10.2.0.0/16,10.1.0.0/16" },
		{ "10.1.0.5,10.2.0.7", "10.2.0.7,10.1.0.5" },
		{ "10.1.0.1-10.1.0.9,10.2.0.0/24", "10.2.0.0/24,10.1.0.1-10.1.0.9" },
		{ "10.1.0.0/16[tcp],10.2.0.0/16[tcp/80]", "10.2.0.0/16[tcp/80],10.1.0.0/16[tcp]" },
		{ "10.1.0.0/16[udp/53],10.2.0.0/16[udp]", "10.2.0.0/16[udp],10.1.0.0/16[udp/53]" },
		{ "dynamic,dynamic", "dynamic,dynamic" },
		{ "2001:db8:1::/48,2001:db8:2::/48", "2001:db8:2::/48,2001:db8:1::/48" },
		{ "0.0.0.0/0,10.1.0.0/16", "10.1.0.0/16,0.0.0.0/0" },
	};

	for (unsigned six = 0; six < 2; six++)
		for (unsigned i = 0; i < sizeof shape / sizeof *shape; i++) {
			autoclose(sim) net = sim_open((struct sim_opts) { .seed = i });
			char text[256];
			struct sim_peer *alice, *bob;

			snprintf(text, sizeof text, "%s psk=x child=%s", six ? "ip6" : "main", shape[i][0]);
			alice = sim_peer(&net, text);
			snprintf(text, sizeof text, "%s psk=x child=%s", six ? "ip6" : "main", shape[i][1]);
			bob = sim_peer(&net, text);
			sim_initiate(alice, bob);
			sim_run(&net, SECONDS(10));
			EXPECT(sim_established(alice) && sim_established(bob) && sim_same_keys(alice, bob), i + 100 * six);
			EXPECT_SOUND(&net, i + 100 * six);
		}
}

/* RFC 2409 section 5.5: one Quick Mode carries one pair of identities; several selectors are several Quick Modes. */
TEST(several_selectors_become_one_quick_mode_per_pair)
{
	autoclose(sim) net = sim_open((struct sim_opts) { .seed = 1 });
	struct sim_peer *alice = sim_peer(&net, "psk=x child=10.1.0.0/24;10.1.1.0/24,10.2.0.0/24;10.2.1.0/24;10.2.2.0/24");
	struct sim_peer *bob = sim_peer(&net, "psk=x child=10.2.0.0/24;10.2.1.0/24;10.2.2.0/24,10.1.0.0/24;10.1.1.0/24");

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(10));
	EXPECT(sim_ike_sas(alice) == 1 && sim_ike_sas(bob) == 1, 0);
	assert_int_equal(sim_children_in(alice, CHILD_STATE_INSTALLED), 6);
	assert_int_equal(sim_children_in(bob, CHILD_STATE_INSTALLED), 6);
	EXPECT(sim_same_keys(alice, bob), 0);
	EXPECT_SOUND(&net, 0);
}

TEST(transport_mode_comes_up)
{
	struct ike_info up;
	struct child_info c;

	negotiates("aes128-sha256-x25519", "aes128gcm16", "child=dynamic,dynamic transport", &up, &c);
	assert_int_equal(c.mode, MODE_TRANSPORT);
}

static uint64_t
trace_of(uint64_t seed)
{
	autoclose(sim) net =
	        sim_open((struct sim_opts) { .seed = seed, .loss_permille = 100, .dup_permille = 100, .reorder_permille = 100 });
	struct sim_peer *alice = sim_peer(&net, "psk=x dpd=10s rekey=5m life=6m");
	struct sim_peer *bob = sim_peer(&net, "psk=x dpd=10s rekey=5m life=6m");
	uint64_t trace;

	sim_initiate(alice, bob);
	sim_run(&net, SECONDS(1200));
	sim_shutdown(alice);
	sim_run(&net, SECONDS(60));
	trace = net.w->trace;
	EXPECT_SOUND(&net, seed);
	return trace;
}

TEST(the_same_seed_gives_the_same_effects_to_the_octet)
{
	uint64_t before = 0;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		uint64_t trace = trace_of(seed);

		EXPECT(trace == trace_of(seed), seed);
		EXPECT(trace != before, seed);
		before = trace;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_phase_1_family_comes_up),
		cmocka_unit_test(every_phase_2_family_comes_up),
		cmocka_unit_test(every_shape_of_selectors_comes_up),
		cmocka_unit_test(several_selectors_become_one_quick_mode_per_pair),
		cmocka_unit_test(transport_mode_comes_up),
		cmocka_unit_test(the_same_seed_gives_the_same_effects_to_the_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
