/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_IKE1_KEYMAT_H
#define SALLYPORT_IKE1_KEYMAT_H

#include "crypto.h"

/*
 * Key derivation of RFC 2409: section 5 and Appendix B. All functions write
 * prf_octets(prf_id) octets where no length is given, and return false when the
 * algorithm is unknown, memory is out or the library fails.
 */

/* SKEYID = prf(pre-shared-key, Ni_b | Nr_b) */
bool skeyid_from_psk(uint8_t *skeyid, uint16_t prf_id, struct span psk, struct span ni_b, struct span nr_b);

/* SKEYID = prf(Ni_b | Nr_b, g^xy), for signatures: RFC 2409 section 5. */
bool skeyid_from_nonces(uint8_t *skeyid, uint16_t prf_id, struct span ni_b, struct span nr_b, struct span gxy);

/* SKEYID_d, SKEYID_a, SKEYID_e, each prf_octets() long. */
bool skeyid_derive(uint8_t *d, uint8_t *a, uint8_t *e, uint16_t prf_id, struct span skeyid, struct span gxy,
                   const uint8_t cky_i[8], const uint8_t cky_r[8]);

/* Ka, Appendix B: the encryption key of @n octets, expanded when SKEYID_e is too short. */
bool isakmp_encryption_key(uint8_t *ka, size_t n, uint16_t prf_id, struct span skeyid_e);

/* Appendix B: hash(g^xi | g^xr); @iv gets @n octets, the cipher's block. */
bool phase1_iv(uint8_t *iv, size_t n, uint16_t prf_id, struct span gxi, struct span gxr);
/* Appendix B: hash(last Phase 1 block | M-ID) */
bool phase2_iv(uint8_t *iv, size_t n, uint16_t prf_id, struct span last_block, uint32_t message_id);

/* HASH_I (own = initiator) and HASH_R (own = responder): prf(SKEYID, g^x | g^y | CKY-x | CKY-y | SAi_b | IDix_b). */
bool phase1_hash(uint8_t *hash, uint16_t prf_id, struct span skeyid, struct span g_own, struct span g_other,
                 const uint8_t cky_own[8], const uint8_t cky_other[8], struct span sai_b, struct span id_b);

/* HASH(1): prf(SKEYID_a, M-ID | rest). HASH(2): with @ni_b before the rest. */
bool phase2_hash(uint8_t *hash, uint16_t prf_id, struct span skeyid_a, uint32_t message_id, struct span ni_b, struct span rest);
/* HASH(3): prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b) */
bool phase2_hash3(uint8_t *hash, uint16_t prf_id, struct span skeyid_a, uint32_t message_id, struct span ni_b, struct span nr_b);

/* KEYMAT, section 5.5: @n octets for the SA of @spi (host order). @gqm_xy: empty without PFS. */
bool phase2_keymat(uint8_t *keymat, size_t n, uint16_t prf_id, struct span skeyid_d, struct span gqm_xy, uint8_t protocol,
                   uint32_t spi, struct span ni_b, struct span nr_b);

#endif
