/* SPDX-License-Identifier: Apache-2.0 */

/* The text of a swanctl.conf, from the grammar to connections and secrets. */
#include "config.h"
#include "fuzz.h"

/* Whoever is told that there is a mistake is told where. */
static void
judge_errors(const struct conf_errors *errs)
{
	size_t n = 0;

	for (const struct conf_error *x = errs->first; x; x = x->next) {
		fuzz_require(!strncmp(x->text, "fuzz", 4));
		n += !x->notice;
	}
	fuzz_require(n == errs->n_errors || n == CONF_ERRORS_MAX);
}

static void
judge(const struct config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct conn *conn = c->conn[i];

		fuzz_require(conn->refs == 1 && *conn->name && conn->version != IKE_V2);
		fuzz_require(conn->ike.n > 0 && conn->local.method == AUTH_PSK && conn->remote.method == AUTH_PSK);
		fuzz_require(conn->rekey_ns >= 0 && conn->reauth_ns >= 0 && conn->over_ns >= 0 && conn->rand_ns >= 0);
		for (size_t k = 0; k < conn->n_children; k++) {
			const struct lifetime *l = &conn->children[k].lifetime;

			fuzz_require(conn->children[k].esp.n > 0);
			fuzz_require(l->rekey_ns >= 0 && l->life_ns >= 0 && l->rand_ns >= 0);
			fuzz_require(l->rand_octets != UINT64_MAX && l->rand_packets != UINT64_MAX);
		}
		/* A connection equals itself: nothing in it is left undetermined. */
		fuzz_require(conn_equal(conn, conn));
	}
	for (size_t i = 0; i < c->secrets.n; i++)
		fuzz_require(c->secrets.s[i]->data.n > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };
	char *text = malloc(n + 2);

	fuzz_require(text);
	if (n)
		memcpy(text, data, n);
	if (config_load_text(&c, "fuzz", text, n, &errs)) {
		fuzz_require(errs.n_errors == 0);
		judge(&c);
	} else {
		fuzz_require(errs.n_errors > 0 && c.n == 0 && c.secrets.n == 0);
	}
	judge_errors(&errs);
	config_free(&c);
	conf_errors_free(&errs);
	free(text);
	return 0;
}
