/* SPDX-License-Identifier: Apache-2.0 */
#include "mschap.h"

#include "legacy.h"
#include "library.h"

enum { MD4_OCTETS = 16, CHARACTERS_MAX = 256, DES_OCTETS = 8, DES_KEY_OCTETS = 7 };

/* How many octets follow the first one of a character of the basic plane; SIZE_MAX: that begins none. */
static size_t
following(uint8_t first)
{
	return first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : SIZE_MAX;
}

/* UTF-8 to UTF-16LE; the octets, or SIZE_MAX where it is none. */
static size_t
utf16(uint8_t out[2 * CHARACTERS_MAX], struct span in)
{
	size_t n = 0;

	for (size_t i = 0, more; i < in.n; n += 2) {
		unsigned c = in.p[i];

		more = following(in.p[i]);
		if (n == 2 * CHARACTERS_MAX || more > in.n - i - 1)
			return SIZE_MAX;
		if (more)
			c &= 0x3fu >> more;
		for (i++; more; more--, i++) {
			if (in.p[i] >> 6 != 2)
				return SIZE_MAX;
			c = c << 6 | (in.p[i] & 0x3fu);
		}
		out[n] = (uint8_t)c;
		out[n + 1] = (uint8_t)(c >> 8);
	}
	return n;
}

static bool
md4(uint8_t out[MD4_OCTETS], struct span in)
{
	const EVP_MD *md = legacy_md4();

	return md && EVP_Digest(in.p ? in.p : out, in.n, out, NULL, md, NULL) == 1;
}

/* Section 8.6: seven octets of key become eight, with the parity bits that DES ignores. */
static bool
des(uint8_t out[DES_OCTETS], const uint8_t clear[DES_OCTETS], const uint8_t key[DES_KEY_OCTETS])
{
	const EVP_CIPHER *cipher = legacy_des();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t wide[DES_OCTETS];
	uint64_t bits = 0;
	int n = 0;
	bool ok;

	for (size_t i = 0; i < DES_KEY_OCTETS; i++)
		bits = bits << 8 | key[i];
	for (size_t i = 0; i < DES_OCTETS; i++)
		wide[i] = (uint8_t)(bits >> 7 * (DES_OCTETS - 1 - i) << 1);
	ok = cipher && ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, wide, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_EncryptUpdate(ctx, out, &n, clear, DES_OCTETS) == 1 && n == DES_OCTETS;
	EVP_CIPHER_CTX_free(ctx);
	secret_wipe(wide, sizeof wide);
	return ok;
}

/* Section 8.5. */
static bool
challenge_response(uint8_t out[MSCHAP_RESPONSE_OCTETS], const uint8_t challenge[DES_OCTETS], const uint8_t hash[MD4_OCTETS])
{
	uint8_t key[3 * DES_KEY_OCTETS] = { 0 };
	bool ok = true;

	memcpy(key, hash, MD4_OCTETS);
	for (size_t i = 0; i < 3; i++)
		ok = ok && des(out + i * DES_OCTETS, challenge, key + i * DES_KEY_OCTETS);
	secret_wipe(key, sizeof key);
	return ok;
}

static bool
sha1(uint8_t out[MSCHAP_AUTHENTICATOR_OCTETS], const struct span in[3])
{
	return prf_hash(out, PRF_HMAC_SHA1, in, 3) == CRYPTO_OK;
}

/* Section 8.2: "only the user name (as presented by the peer and excluding any prepended domain name)". */
static bool
challenge_hash(uint8_t out[MSCHAP_AUTHENTICATOR_OCTETS], struct span name, const uint8_t *server, const uint8_t *peer)
{
	const uint8_t *domain = name.n ? memrchr(name.p, '\\', name.n) : NULL;
	size_t skip = domain ? (size_t)(domain - name.p) + 1 : 0;

	return sha1(out, (struct span[]) { { peer, MSCHAP_CHALLENGE_OCTETS },
	                                   { server, MSCHAP_CHALLENGE_OCTETS },
	                                   { name.p + skip, name.n - skip } });
}

/* Section 8.7. */
static bool
authenticator(struct mschapv2 *out, const uint8_t hash[MD4_OCTETS], const uint8_t challenge[DES_OCTETS])
{
	uint8_t twice[MD4_OCTETS], digest[MSCHAP_AUTHENTICATOR_OCTETS];
	bool ok = md4(twice, span_of(hash, MD4_OCTETS)) &&
	          sha1(digest, (struct span[]) { { twice, sizeof twice },
	                                         { out->response, sizeof out->response },
	                                         span_str("Magic server to client signing constant") }) &&
	          sha1(out->authenticator, (struct span[]) { { digest, sizeof digest },
	                                                     { challenge, DES_OCTETS },
	                                                     span_str("Pad to make it do more than one iteration") });

	secret_wipe(twice, sizeof twice);
	return ok;
}

bool
mschapv2(struct mschapv2 *out, struct span name, struct span password, const uint8_t *server, const uint8_t *peer)
{
	uint8_t wide[2 * CHARACTERS_MAX], hash[MD4_OCTETS], challenge[MSCHAP_AUTHENTICATOR_OCTETS];
	size_t n = utf16(wide, password);
	bool ok = n != SIZE_MAX && md4(hash, span_of(wide, n)) && challenge_hash(challenge, name, server, peer) &&
	          challenge_response(out->response, challenge, hash) && authenticator(out, hash, challenge);

	secret_wipe(wide, sizeof wide);
	secret_wipe(hash, sizeof hash);
	return ok;
}
