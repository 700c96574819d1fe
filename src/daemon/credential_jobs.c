/* SPDX-License-Identifier: Apache-2.0 */
#include "credential_jobs.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "credential_choice.h"
#include "crypto.h"
#include "verify.h"

static void
refuse(struct credential_jobs *j, enum answer_kind kind, uint64_t ticket, const char *reason)
{
	j->answer(j->context,
	          &(struct answer) { .kind = kind, .ticket = ticket, .reason = reason, .notify = NOTIFY_AUTHENTICATION_FAILED });
}

/* ---- ASK_CREDENTIAL: looked up at once */

void
credential_jobs_credential(struct credential_jobs *j, uint64_t ticket, const struct credential_query *q)
{
	struct credential_choice *c = calloc(1, sizeof *c);

	if (!c) {
		refuse(j, ANSWER_CREDENTIAL, ticket, "out of memory");
		return;
	}
	credential_choose(c, j->store, q);
	c->answer.ticket = ticket;
	j->answer(j->context, &c->answer);
	credential_choice_clear(c);
	free(c);
}

/* ---- ASK_SIGN */

struct sign_job {
	uv_work_t work;
	struct credential_jobs *jobs;
	uint64_t ticket;
	struct private_key *key;
	uint8_t hash[PRF_OCTETS_MAX], signature[SIGNATURE_OCTETS_MAX];
	size_t n_hash, n_signature;
};

static void
sign(uv_work_t *w)
{
	struct sign_job *s = w->data;

	s->n_signature = private_key_sign(s->signature, s->key, span_of(s->hash, s->n_hash));
}

static void
on_signed(uv_work_t *w, int status)
{
	struct sign_job *s = w->data;
	struct answer a = { .kind = ANSWER_SIGNATURE, .ticket = s->ticket, .signature = span_of(s->signature, s->n_signature) };

	s->jobs->pending--;
	a.ok = status == 0 && s->n_signature > 0;
	if (!a.ok)
		a.reason = "our private key does not sign this hash: is it long enough for it?";
	s->jobs->answer(s->jobs->context, &a);
	private_key_unref(s->key);
	free(s);
}

void
credential_jobs_sign(struct credential_jobs *j, uint64_t ticket, const struct sign_query *q)
{
	const struct credential *key = credentials_private(j->store, q->key);
	struct sign_job *s =
	        key && j->pending < CREDENTIAL_JOBS_MAX && q->octets.n <= PRF_OCTETS_MAX ? calloc(1, sizeof *s) : NULL;

	if (!s) {
		refuse(j, ANSWER_SIGNATURE, ticket,
		       key ? "too many signatures are under way" : "our private key has been unloaded");
		return;
	}
	s->jobs = j;
	s->ticket = ticket;
	s->key = private_key_ref(key->private_key);
	s->n_hash = q->octets.n;
	if (q->octets.n)
		memcpy(s->hash, q->octets.p, q->octets.n);
	s->work.data = s;
	j->pending++;
	if (uv_queue_work(j->loop, &s->work, sign, on_signed))
		on_signed(&s->work, UV_ENOMEM);
}

/* ---- ASK_VERIFY */

struct verify_job {
	uv_work_t work;
	struct credential_jobs *jobs;
	uint64_t ticket;
	struct arena arena; /* what the question pointed to */
	struct conn **conn; /* a reference each */
	struct credentials view;
	struct verify_input in;
	struct verify_result result;
};

static void
verify(uv_work_t *w)
{
	struct verify_job *v = w->data;

	verify_run(&v->result, &v->in);
}

/* What was learned is for all. */
static void
learn(struct credential_jobs *j, struct verify_result *r)
{
	for (size_t i = 0; i < r->n_fetched; i++) {
		struct verify_fetched *f = &r->fetched[i];

		if (f->crl) {
			if (j->fetched)
				j->fetched(j->context, f->crl);
			credentials_add_crl(j->store, CREDENTIAL_FETCHED, crl_ref(f->crl), f->uri);
		} else if (f->subject) {
			credentials_add_response(j->store, certificate_ref(f->subject), span_of(f->octets.p, f->octets.n),
			                         f->until);
		}
	}
}

static void
free_job(struct verify_job *v)
{
	for (size_t i = 0; i < v->in.n_conn; i++)
		conn_unref(v->conn[i]);
	verify_result_clear(&v->result);
	credentials_free(&v->view);
	arena_clear(&v->arena);
	free(v);
}

static void
on_verified(uv_work_t *w, int status)
{
	struct verify_job *v = w->data;
	struct credential_jobs *j = v->jobs;
	struct answer a = { .kind = ANSWER_VERIFIED, .ticket = v->ticket };
	const char *conn = v->in.n_conn ? v->conn[v->result.conn]->name : NULL;

	j->pending--;
	if (status) {
		refuse(j, ANSWER_VERIFIED, v->ticket, "out of memory");
		free_job(v);
		return;
	}
	learn(j, &v->result);
	if (v->result.notes[0])
		j->note(j->context, LOG_CONTROL, conn, v->result.notes);
	if (v->result.ok)
		j->note(j->context, LOG_CONTROL, conn, v->result.text);
	a.ok = v->result.ok;
	a.conn = v->result.conn;
	a.notify = v->result.notify;
	a.reason = a.ok ? NULL : v->result.text;
	j->answer(j->context, &a);
	free_job(v);
}

/* Copies the question, since the effects that hold it are gone when the worker starts. */
static bool
copy_question(struct verify_job *v, const struct verify_query *q)
{
	struct cert_payload *cert = arena_alloc(&v->arena, (q->n_cert + 1) * sizeof *cert);
	struct identity *id = arena_alloc(&v->arena, sizeof *id);

	v->conn = arena_alloc(&v->arena, (q->n_conn + 1) * sizeof *v->conn);
	if (!cert || !id || !v->conn)
		return false;
	*id = *q->id;
	for (size_t i = 0; i < q->n_cert; i++) {
		cert[i] = (struct cert_payload) { q->cert[i].encoding, arena_dup(&v->arena, q->cert[i].data) };
		if (q->cert[i].data.n && !cert[i].data.p)
			return false;
	}
	v->in = (struct verify_input) { .id = id,
		                        .cert = cert,
		                        .n_cert = q->n_cert,
		                        .scheme = q->scheme,
		                        .octets = arena_dup(&v->arena, q->octets),
		                        .signature = arena_dup(&v->arena, q->signature),
		                        .store = &v->view,
		                        .conn = v->conn,
		                        .now = (int64_t)time(NULL),
		                        .fetch = fetch,
		                        .fetch_context = &v->jobs->stopping };
	if (!v->in.octets.p || !v->in.signature.p || getrandom(v->in.nonce, sizeof v->in.nonce, 0) != sizeof v->in.nonce)
		return false;
	for (; v->in.n_conn < q->n_conn; v->in.n_conn++)
		v->conn[v->in.n_conn] = conn_ref(q->conn[v->in.n_conn]);
	return true;
}

void
credential_jobs_verify(struct credential_jobs *j, uint64_t ticket, const struct verify_query *q)
{
	struct verify_job *v = j->pending < CREDENTIAL_JOBS_MAX ? calloc(1, sizeof *v) : NULL;

	if (!v) {
		refuse(j, ANSWER_VERIFIED, ticket, "too many peers are being verified");
		return;
	}
	v->jobs = j;
	v->ticket = ticket;
	v->work.data = v;
	if (!copy_question(v, q) || !credentials_view(&v->view, j->store)) {
		refuse(j, ANSWER_VERIFIED, ticket, "out of memory");
		free_job(v);
		return;
	}
	j->pending++;
	if (uv_queue_work(j->loop, &v->work, verify, on_verified))
		on_verified(&v->work, UV_ENOMEM);
}
