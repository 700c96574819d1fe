/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_ESP_CASE_H
#define SALLYPORT_TEST_ESP_CASE_H

#include "check.h"

#include "esp.h"
#include "seeded_rng.h"

/* SAs, workers and packets for the tests of the packet layer. */

struct esp_suite_case {
	const char *name;
	struct transform encr;
	uint16_t integ_id;
	size_t encr_key, integ_key; /* octets */
};

extern const struct esp_suite_case esp_suite_cases[];
extern const size_t n_esp_suite_cases;

const struct esp_suite_case *esp_case_suite(const char *name);

/* Parameters of one direction; keys are derived from @seed. Selectors: everything IPv4 and IPv6 apart. */
struct esp_case {
	uint8_t encr_key[64], integ_key[64];
	struct sa_params params;
	struct selector_pair ts[2];
	struct esp_sa_extra extra;
};

void esp_case_init(struct esp_case *c, const struct esp_suite_case *s, uint64_t seed);
struct esp_worker *esp_case_worker(enum bulk_provider p);
/* Installs; fails the test with the sentence when refused. */
struct esp_sa *esp_case_add(struct esp_worker *w, struct esp_case *c, enum sa_direction d);

/* A whole IPv4 or IPv6 UDP packet of @len octets (at least 28 or 48) with arbitrary payload. */
void esp_case_packet(uint8_t *out, uint32_t len, int version, uint64_t seed);

/* One packet through esp_transmit in @buf; returns its verdict, the ESP packet in *out, *n. */
enum esp_drop esp_case_seal(struct esp_worker *w, struct esp_sa *sa, uint8_t *buf, const uint8_t *inner, uint32_t len,
                            uint8_t **out, uint32_t *n);
/* One packet through esp_receive, in place; the batch's packet in *out. */
enum esp_drop esp_case_open(struct esp_worker *w, uint8_t *esp, uint32_t n, uint8_t tos, struct packet *out);

/* Hexadecimal text to octets; returns how many. Fails the test on bad text. */
size_t from_hex(uint8_t *out, size_t max, const char *text);

/* A whole file below SALLYPORT_TEST_DATA, NUL-terminated, to be freed. */
char *read_test_data(const char *path, size_t *n);

#endif
