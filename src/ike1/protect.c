/* SPDX-License-Identifier: Apache-2.0 */
#include "protect.h"

#include "keymat.h"

static struct span
part(const struct ike_sa *sa, size_t from, size_t n)
{
	return from + n <= sa->keys.n ? span_of(sa->keys.p + from, n) : (struct span) { 0 };
}

struct span
ike1_skeyid_d(const struct ike_sa *sa)
{
	return part(sa, 0, prf_octets(sa->prf_id));
}

struct span
ike1_skeyid_a(const struct ike_sa *sa)
{
	size_t n = prf_octets(sa->prf_id);

	return part(sa, n, n);
}

struct span
ike1_ka(const struct ike_sa *sa)
{
	size_t n = 2 * prf_octets(sa->prf_id);

	return sa->keys.n > n ? part(sa, n, sa->keys.n - n) : (struct span) { 0 };
}

size_t
ike1_block(const struct ike_sa *sa)
{
	const struct algorithm *a = algorithm_by_id(TRANSFORM_ENCR, sa->encr.id, sa->encr.key_bits);

	return a ? a->block_octets : 16;
}

/* RFC 2409 Appendix B: padded "up to the nearest block size using bytes containing 0x00"; the length includes the pad. */
size_t
ike1_encrypt(const struct ike_sa *sa, uint8_t *iv, uint8_t *message, size_t n, size_t cap)
{
	size_t block = ike1_block(sa), body = n - ISAKMP_HEADER_OCTETS;
	size_t padded = (body + block - 1) / block * block;

	if (padded + ISAKMP_HEADER_OCTETS > cap || !sa->keys.n)
		return 0;
	memset(message + n, 0, padded - body);
	put_be32(message + 24, (uint32_t)(padded + ISAKMP_HEADER_OCTETS));
	if (cbc_encrypt(sa->encr.id, ike1_ka(sa), iv, message + ISAKMP_HEADER_OCTETS, padded) != CRYPTO_OK)
		return 0;
	return padded + ISAKMP_HEADER_OCTETS;
}

enum verdict
ike1_decrypt(const struct ike_sa *sa, const uint8_t *iv, uint8_t *next_iv, const struct isakmp_header *h, struct span datagram,
             struct span *body)
{
	size_t n = h->length - ISAKMP_HEADER_OCTETS;
	struct span copy;

	if (!sa->keys.n)
		return VERDICT_NO_KEYS;
	if (n == 0 || n % ike1_block(sa))
		return VERDICT_CIPHERTEXT_LENGTH;
	copy = arena_dup(&sa->core->scratch, span_of(datagram.p + ISAKMP_HEADER_OCTETS, n));
	memcpy(next_iv, iv, 16);
	if (!copy.p || cbc_decrypt(sa->encr.id, ike1_ka(sa), next_iv, (uint8_t *)(uintptr_t)copy.p, n) != CRYPTO_OK)
		return VERDICT_INTERNAL;
	*body = copy;
	return VERDICT_OK;
}

enum verdict
ike1_open(struct exchange *ex, const struct isakmp_header *h, struct span datagram, struct span *body)
{
	return ike1_decrypt(ex->sa, ex->iv, ex->next_iv, h, datagram, body);
}

size_t
ike1_seal(struct exchange *ex, uint8_t *message, size_t n, size_t cap)
{
	return ike1_encrypt(ex->sa, ex->iv, message, n, cap);
}

struct span
ike1_after_hash(const struct message *m)
{
	const struct payload *first = &m->payload[0], *last = &m->payload[m->n - 1];
	const uint8_t *from = first->whole.p + first->whole.n, *to = last->whole.p + last->whole.n;

	return span_of(from, (size_t)(to - from));
}

struct span
ike1_hash_reserve(const struct ike_sa *sa, struct builder *b)
{
	static const uint8_t zeros[PRF_OCTETS_MAX];

	return builder_add_data(b, PAYLOAD_HASH, span_of(zeros, prf_octets(sa->prf_id)));
}

bool
ike1_hash_fill(const struct ike_sa *sa, struct builder *b, struct span hash, uint32_t message_id, struct span ni_b)
{
	if (!wire_ok(&b->w) || !hash.p)
		return false;

	uint8_t *at = b->w.out + (hash.p - b->w.out);
	const uint8_t *rest = hash.p + hash.n;

	return phase2_hash(at, sa->prf_id, ike1_skeyid_a(sa), message_id, ni_b,
	                   span_of(rest, (size_t)(b->w.out + b->w.at - rest)));
}

bool
ike1_hash_verify(const struct ike_sa *sa, const struct message *m, struct span ni_b)
{
	uint8_t want[PRF_OCTETS_MAX];

	if (m->n == 0 || m->payload[0].type != PAYLOAD_HASH)
		return false;
	return phase2_hash(want, sa->prf_id, ike1_skeyid_a(sa), m->h.message_id, ni_b, ike1_after_hash(m)) &&
	       secret_equal(span_of(want, prf_octets(sa->prf_id)), m->payload[0].data);
}
