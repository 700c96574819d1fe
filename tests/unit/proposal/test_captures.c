/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "bundle.h"
#include "explain.h"
#include "ike1_sa.h"
#include "pcap.h"

/*
 * What strongSwan, libreswan and racoon offered each other, against what their
 * configuration in the .json beside the capture said: the judges are their
 * configuration, and the names that strongSwan printed for what it chose.
 */

/* The value of a setting in the JSON text, from @after on; its line ends there with the characters \n. */
static bool
setting(char out[128], const char *json, const char *section, const char *key)
{
	const char *at = strstr(json, section), *end;

	at = at ? strstr(at, key) : NULL;
	if (!at)
		return false;
	at += strlen(key);
	end = strstr(at, "\\n");
	assert_true(end && end - at < 128);
	snprintf(out, 128, "%.*s", (int)(end - at), at);
	return true;
}

static struct proposals
parsed(const char *text, enum proposal_protocol protocol)
{
	struct proposals p = { 0 };
	char why[512] = "";

	if (!proposals_parse(&p, protocol, span_str(text), why, sizeof why))
		fail_msg("%s", why);
	return p;
}

struct exchange {
	struct sa_payload offer, answer;
	bool offered, answered;
};

static const struct payload *
sa_of(struct message *m, struct span octets, struct arena *arena)
{
	assert_null(isakmp_decode_header(&m->h, octets));
	if (m->h.version >> 4 != 1 || m->h.flags & FLAG_ENCRYPTION)
		return NULL;
	assert_null(isakmp_decode_payloads(m, m->h.next_payload, span_of(octets.p + 28, m->h.length - 28), false, arena));
	return message_find(m, PAYLOAD_SA, NULL);
}

/* The first SA payload of the capture, and the first answer to it. */
static struct exchange
phase1_exchange(const char *path, struct arena *arena)
{
	struct pcap_packet packet = { 0 };
	struct exchange x = { 0 };
	struct span octets;
	struct pcap p;

	assert_true(pcap_open(&p, path));
	while (pcap_next(&p, &packet) && !x.answered) {
		struct message m = { 0 };
		const struct payload *sa;

		if (!pcap_ike(&octets, &packet))
			continue;
		sa = sa_of(&m, arena_dup(arena, octets), arena);
		if (!sa)
			continue;
		if (get_be64(m.h.cookie_r) == 0 && !x.offered) {
			x.offer = sa->sa;
			x.offered = true;
		} else if (get_be64(m.h.cookie_r) != 0) {
			x.answer = sa->sa;
			x.answered = true;
		}
	}
	pcap_close(&p);
	return x;
}

/* strongSwan's status shows what it chose: "AES_CBC-192/HMAC_SHA2_384_192/...". */
static void
assert_named_in_status(const char *json, const struct suite *s, struct arena *arena)
{
	const char *status = strstr(json, "\"initiator_list_sas\""), *end;
	char name[128];
	char *dash;

	snprintf(name, sizeof name, "%s", explain_suite(arena, s, PROPOSAL_IKE));
	end = status ? strstr(status, "\"initiator_trace\"") : NULL;
	if (!end || !strstr(status, "ESTABLISHED") || strstr(status, "ESTABLISHED") > end)
		return;
	dash = strncmp(name, "AES_CBC_", 8) == 0 ? name + 7 : NULL;
	if (dash)
		*dash = '-';
	assert_non_null(strstr(status, name));
}

static void
check_phase1(const char *json, const char *path)
{
	autoarena arena = { 0 };
	struct exchange x = phase1_exchange(path, &arena);
	struct match_terms terms = { .protocol = PROPOSAL_IKE };
	struct proposals ours;
	struct suites offered;
	struct suite chosen;
	struct match m;
	char text[128];

	assert_true(x.offered);
	assert_true(setting(text, json, "\"initiator_conf\"", "    proposals = "));
	ours = parsed(text, PROPOSAL_IKE);
	assert_true(suites_from_ike1_sa(&offered, &x.offer, &arena));
	assert_true(offered.n >= 1);
	terms.auth = offered.s[0].auth;
	match_suites(&m, &offered, &ours, &terms);
	assert_true(m.chosen);
	assert_true(offered.s[m.offered].life_seconds_given && offered.s[m.offered].life_seconds >= 3600);
	if (x.answered) {
		assert_null(ike1_sa_accept(&chosen, &x.answer, &x.offer, &arena));
		assert_named_in_status(json, &chosen, &arena);
	}
	proposals_free(&ours);
}

static void
phase_1_offers_are_what_was_configured(void **state)
{
	char pattern[1024];
	glob_t files;

	(void)state;
	assert_true(data_path(pattern, "SALLYPORT_TEST_DATA", "pcap/charon/v1-*.json"));
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	assert_int_equal(files.gl_pathc, 22);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct span json = file_read(files.gl_pathv[i]);
		char path[1024];
		char *text = strndup((const char *)json.p, json.n);

		assert_true(text && json.n);
		snprintf(path, sizeof path, "%.*s.pcap", (int)strlen(files.gl_pathv[i]) - 5, files.gl_pathv[i]);
		check_phase1(text, path);
		free(text);
		free((void *)json.p);
	}
	globfree(&files);
}

/* v1-no-proposal-chosen: charon refused it, and so do we, for the reason one reads from the two files. */
static void
the_refused_offer_is_refused(void **state)
{
	autoarena arena = { 0 };
	struct match_terms terms = { .protocol = PROPOSAL_IKE, .auth = AUTH_OFFER_PSK };
	struct proposals ours = parsed("aes256-sha512-modp4096", PROPOSAL_IKE);
	struct exchange x;
	struct suites offered;
	struct match m;
	char path[1024];

	(void)state;
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/charon/v1-no-proposal-chosen.pcap"));
	x = phase1_exchange(path, &arena);
	assert_true(x.offered && !x.answered);
	assert_true(suites_from_ike1_sa(&offered, &x.offer, &arena));
	match_suites(&m, &offered, &ours, &terms);
	assert_false(m.chosen);
	assert_string_equal(
	        explain_match(&arena, &m, &offered, &ours, &terms),
	        "the peer offers AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048; we allow "
	        "AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_4096: they differ first in the key length of the "
	        "encryption algorithm (offered AES_CBC_128, allowed AES_CBC_256): set connections.<c>.proposals to "
	        "include aes128, or change the peer");
	proposals_free(&ours);
}

static size_t
from_hex(uint8_t *out, const char *hex)
{
	size_t n = 0;

	for (; hex[2 * n]; n++)
		assert_int_equal(sscanf(hex + 2 * n, "%2hhx", &out[n]), 1);
	return n;
}

static void
configured_esp(char out[128], const char *file)
{
	char name[256], path[1024];
	struct span json;
	char *text;

	snprintf(name, sizeof name, "pcap/%.*s.json", (int)strlen(file) - 5, file);
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", name));
	json = file_read(path);
	text = strndup((const char *)json.p, json.n);
	assert_true(text && json.n);
	assert_true(setting(out, text, "\"initiator_conf\"", "esp_proposals = "));
	free(text);
	free((void *)json.p);
}

static void
check_phase2_suites(const struct suites *offered, const char *configured, struct arena *arena)
{
	struct match_terms terms = { .protocol = PROPOSAL_ESP, .encapsulation = offered->s[0].encapsulation };
	struct proposals ours;
	struct match m;

	assert_true(offered->n >= 1);
	ours = parsed(configured, PROPOSAL_ESP);
	match_suites(&m, offered, &ours, &terms);
	if (!m.chosen)
		fail_msg("%s", explain_match(arena, &m, offered, &ours, &terms));
	assert_true(offered->s[m.offered].spi >= ESP_SPI_MIN);
	proposals_free(&ours);
}

/* Each SA payload of a Quick Mode, and each answer as the answer to what came before it. */
static void
phase_2_offers_are_what_was_configured(void **state)
{
	static char line[1 << 16], hex[1 << 16];
	autoarena arena = { 0 };
	struct sa_payload last = { 0 };
	char path[1024], file[160], types[256], last_file[160] = "", configured[128];
	unsigned frame, first, n = 0, answers = 0;
	FILE *f;

	(void)state;
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/decrypted.txt"));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		uint8_t *octets = arena_alloc(&arena, sizeof line / 2);
		struct message m = { 0 };
		struct suites offered;
		struct bundle seen;
		struct sa_payload *sa;

		assert_int_equal(sscanf(line, "%159s %u %u %255s %65535s", file, &frame, &first, types, hex), 5);
		if (strncmp(types, "8,1,", 4) != 0)
			continue;
		assert_null(isakmp_decode_payloads(&m, (uint8_t)first, span_of(octets, from_hex(octets, hex)), true, &arena));
		sa = &m.payload[1].sa;
		assert_true(suites_from_ike1_ipsec_sa(&offered, sa, &arena));
		configured_esp(configured, file);
		check_phase2_suites(&offered, configured, &arena);
		if (strcmp(file, last_file) == 0 && !offered.s[0].unknown) {
			const char *why = ike1_sa_accept_bundle(&seen, sa, &last, &arena);

			assert_string_equal(why ? why : "", "");
			answers++;
		}
		strcpy(last_file, file);
		last = *sa;
		n++;
	}
	fclose(f);
	assert_int_equal(n, 43);
	assert_true(answers >= 20);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_1_offers_are_what_was_configured),
		cmocka_unit_test(the_refused_offer_is_refused),
		cmocka_unit_test(phase_2_offers_are_what_was_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
