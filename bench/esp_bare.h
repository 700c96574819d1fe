/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_BENCH_ESP_BARE_H
#define SALLYPORT_BENCH_ESP_BARE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The ceiling that the packet layer is compared with: libipsec-mb called
 * directly, with nothing around it but a nonce for each packet. Its keys stand
 * side by side, expanded, one set for each direction.
 */
enum bare_kind { BARE_GCM256, BARE_CBC256_SHA256, BARE_CHACHA };

struct bare;

/* @n key pairs. NULL: no memory. */
struct bare *bare_new(enum bare_kind kind, size_t n);
void bare_free(struct bare *b);

/*
 * Seals (or opens) @n_packets payloads of @len octets; packet i is at packet[i], uses key
 * key[i]. Layout as in ESP: 8 octets, IV, payload, ICV.
 */
void bare_run(struct bare *b, int seal, uint8_t *const *packet, const uint32_t *key, size_t n_packets, uint32_t len);

#endif
