/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a server of revocation lists answers: the entry of a directory (LDIF, RFC
 * 2849) becomes at most what was received, and the same again where it is none.
 */
#include <string.h>

#include "fetch.h"
#include "fuzz.h"
#include "pki.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fetched f = { .p = malloc(n + 1), .n = n };
	struct crl *crl;

	fuzz_require(f.p);
	if (n)
		memcpy(f.p, data, n);
	if (fetch_ldap_value(&f)) {
		fuzz_require(f.n > 0 && f.n <= n - n / 4);
		crl = crl_read(span_of(f.p, f.n));
		if (crl)
			crl_unref(crl);
	} else {
		fuzz_require(!n || !memcmp(f.p, data, 1));
	}
	free(f.p);
	return 0;
}
