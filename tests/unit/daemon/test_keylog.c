/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "keylog.h"
#include "log_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sp-keylog-XXXXXX";

static const char *
contents(const char *name)
{
	static char text[2048];
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	unlink(path);
	return text;
}

static void
keys_are_written_as_wireshark_reads_them(void **state)
{
	static const uint8_t key[] = { 0, 1, 2, 3, 0xfe, 0xff };
	struct effect_keys ike = { .ike = true, .initiator_cookie = { 1, 2, 3, 4, 5, 6, 7, 0xab }, .ike_encr_key = span_of(key, sizeof key) };
	struct sa_params sa = { .direction = SA_INBOUND, .spi = 0xc0de0001, .encr = { ENCR_AES_CBC, 128 }, .integ_id = INTEG_HMAC_SHA2_256_128,
		                .encr_key = span_of(key, 2), .integ_key = span_of(key, 3) };
	char why[256], old_umask_path[256];
	struct keylog k;

	(void)state;
	assert_true(ip_parse(&sa.local.ip, "192.0.2.1") && ip_parse(&sa.remote.ip, "192.0.2.2"));
	assert_true(keylog_open(&k, dir, why, sizeof why));
	/* A file that was there with wider permissions is narrowed. */
	snprintf(old_umask_path, sizeof old_umask_path, "%s/esp_sa", dir);
	fclose(fopen(old_umask_path, "w"));
	chmod(old_umask_path, 0666);
	keylog_ike(&k, &ike);
	keylog_sa(&k, &sa);
	assert_string_equal(contents("ikev1_decryption_table"), "01020304050607ab,00010203feff\n");
	assert_string_equal(contents("esp_sa"), "\"IPv4\",\"192.0.2.2\",\"192.0.2.1\",\"0xc0de0001\",\"AES-CBC [RFC3602]\",\"0x0001\","
	                                        "\"HMAC-SHA-256-128 [RFC4868]\",\"0x000102\"\n");
	assert_non_null(strstr(contents("preferences"), "esp.enable_encryption_decode: TRUE\n"));
	keylog_close(&k);
}

/* tshark 4.0 opens nothing whose cipher is plain "AES-GCM", and wants no other authentication beside one. */
static void
the_icv_of_an_aead_is_in_its_name(void **state)
{
	static const struct {
		uint16_t id;
		const char *name;
	} gcm[] = { { ENCR_AES_GCM_8, "AES-GCM with 8 octet ICV [RFC4106]" },
		    { ENCR_AES_GCM_12, "AES-GCM with 12 octet ICV [RFC4106]" },
		    { ENCR_AES_GCM_16, "AES-GCM with 16 octet ICV [RFC4106]" } };
	static const uint8_t key[] = { 1, 2 };
	char why[256], line[256];
	struct keylog k;

	(void)state;
	assert_true(keylog_open(&k, dir, why, sizeof why));
	for (size_t i = 0; i < sizeof gcm / sizeof gcm[0]; i++) {
		struct sa_params sa = {
			.direction = SA_OUTBOUND, .spi = 0x100, .encr = { gcm[i].id, 128 }, .encr_key = span_of(key, 2)
		};

		assert_true(ip_parse(&sa.local.ip, "192.0.2.1") && ip_parse(&sa.remote.ip, "192.0.2.2"));
		keylog_sa(&k, &sa);
		snprintf(line, sizeof line,
		         "\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00000100\",\"%s\",\"0x0102\",\"NULL\",\"0x\"\n", gcm[i].name);
		assert_string_equal(contents("esp_sa"), line);
	}
	contents("preferences");
	keylog_close(&k);
}

static void
preferences_of_the_operator_stay(void **state)
{
	char path[256], why[256];
	struct keylog k;
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/preferences", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("gui.layout_type: 2\n", f);
	fclose(f);
	chmod(path, 0600);
	assert_true(keylog_open(&k, dir, why, sizeof why));
	keylog_close(&k);
	assert_string_equal(contents("preferences"), "gui.layout_type: 2\n");
}

static void
nothing_is_written_unless_asked_for(void **state)
{
	struct keylog off = { 0 };
	char why[256];

	(void)state;
	keylog_ike(&off, &(struct effect_keys){ .ike = true });
	keylog_sa(&off, &(struct sa_params){ .encr = { ENCR_AES_CBC, 128 } });
	assert_false(keylog_open(&off, "/dev/null", why, sizeof why));
	assert_non_null(strstr(why, "/dev/null"));
}

static void
no_keys_into_a_file_of_somebody_else(void **state)
{
	char path[256], other[256], why[256];
	struct keylog k;
	struct stat st;
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/ikev1_decryption_table", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	assert_true(keylog_open(&k, dir, why, sizeof why));
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(link(other, path), 0);
	keylog_ike(&k, &(struct effect_keys){ .ike = true });
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(other);
	/* Who is not root cannot give files away, and has shown enough. */
	if (chown(path, 65534, 65534) == 0) {
		keylog_ike(&k, &(struct effect_keys){ .ike = true });
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 0);
	}
	unlink(path);
	contents("preferences"); /* and away with it */
	keylog_close(&k);
}

/* Peers choose part of the text: no escape sequence may reach a terminal. */
static void
log_lines_hold_no_control_characters(void **state)
{
	char path[256], line[256];
	struct log_sink log;
	int level[LOG_GROUPS] = { 0 };

	(void)state;
	level[LOG_IKE] = 1;
	snprintf(path, sizeof path, "%s/log", dir);
	log_sink_open(&log);
	assert_true(log_sink_add(&log, path, false, true, false, level));
	log_write(&log, LOG_IKE, 1, "site", 3, "peer says \033[2J\nboo");
	log_write(&log, LOG_IKE, 2, "site", 3, "too detailed");
	log_write(&log, LOG_CHD, 1, "site", 3, "not this group");
	log_sink_close(&log);
	FILE *f = fopen(path, "r");

	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, "00[IKE] <site|3> peer says ?[2J?boo\n");
	assert_null(fgets(line, sizeof line, f));
	fclose(f);
	unlink(path);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_written_as_wireshark_reads_them),
		cmocka_unit_test(the_icv_of_an_aead_is_in_its_name),
		cmocka_unit_test(preferences_of_the_operator_stay),
		cmocka_unit_test(nothing_is_written_unless_asked_for),
		cmocka_unit_test(no_keys_into_a_file_of_somebody_else),
		cmocka_unit_test(log_lines_hold_no_control_characters),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
