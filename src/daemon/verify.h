/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VERIFY_H
#define SALLYPORT_VERIFY_H

#include "credentials.h"
#include "fetch.h"

/*
 * Whether a peer is who it claims to be: the answer to ASK_VERIFY. Runs on a
 * worker thread, over copies and references only; what it learns from servers
 * goes back to the store with the answer.
 */

enum { VERIFY_TEXT_MAX = 1024, VERIFY_FETCHED_MAX = 32 };

/* The question; the caller keeps all that it points to. */
struct verify_input {
	struct conn *const *conn;
	size_t n_conn;
	const struct identity *id;
	const struct cert_payload *cert;
	size_t n_cert;
	enum signature_scheme scheme;
	struct span octets, signature;
	const struct credentials *store; /* a view */
	int64_t now;                     /* seconds of 1970 */
	fetch_fn fetch;
	void *fetch_context;
	uint8_t nonce[OCSP_NONCE_OCTETS]; /* fresh, for OCSP */
};

/* A list or response that came from a server and was judged good. */
struct verify_fetched {
	char *uri;
	struct crl *crl; /* else a response */
	struct certificate *subject;
	struct fetched octets;
	int64_t until;
};

struct verify_result {
	bool ok;
	size_t conn;
	uint16_t notify;
	char text[VERIFY_TEXT_MAX];  /* ok: how it was verified; else why not, and what to do */
	char notes[VERIFY_TEXT_MAX]; /* what is remarkable though it does not decide; "" for nothing */
	struct verify_fetched fetched[VERIFY_FETCHED_MAX];
	size_t n_fetched;
};

void verify_run(struct verify_result *out, const struct verify_input *in);
void verify_result_clear(struct verify_result *r);

/* ---- between the files of it */

struct verify {
	const struct verify_input *in;
	struct verify_result *out;
	struct certificate *given[TRUST_CERTIFICATES_MAX]; /* from the peer's CERT payloads */
	size_t n_given;
	struct crl *list[TRUST_CERTIFICATES_MAX]; /* likewise */
	size_t n_lists;
};

/* The certificates that the payloads hold; what cannot be read is noted and passed over (RFC 4945 section 3.3.10.2). */
void verify_read_payloads(struct verify *v);
void verify_note(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the policy of @round asks for is known of each certificate of the path. False with the reason in out->text. */
bool verify_revocation(struct verify *v, const struct trust_path *path, enum revocation_policy policy);

#endif
