/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <errno.h>
#include <stdarg.h>

static void
hear(struct daemon *d, const struct effect_log *l)
{
	log_write(&d->log, l->group, l->level, l->conn, l->ike_id, l->text);
	if (d->vici)
		vici_server_log(d->vici, l);
}

void
daemon_log(struct daemon *d, enum log_group g, int level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	hear(d, &(struct effect_log){ .group = g, .level = level, .text = text });
}

static void
carry_send(struct daemon *d, const struct effect_send *s)
{
	char to[ENDPOINT_TEXT_MAX];
	uint8_t tos = (uint8_t)(s->dscp << 2);
	bool sent = s->marker || s->keepalive
	                    ? dataplane_send_ike(d->dataplane, &s->local, &s->remote, tos, s->data, s->keepalive)
	                    : ike_socket_send(&d->socket, &s->local, &s->remote, tos, s->data);

	/* Loss is the network's daily business and retransmission's job; only the cause is told. */
	if (!sent)
		daemon_log(d, LOG_NET, LOG_CONTROL, "cannot send to %s: %s", endpoint_format(to, &s->remote), strerror(errno));
}

static void
carry_install(struct daemon *d, const struct effect *e)
{
	struct answer a = { .kind = ANSWER_INSTALLED, .ticket = e->ticket };

	a.ok = dataplane_install(d->dataplane, &e->sa, &a.reason);
	if (a.ok) {
		keylog_sa(&d->keylog, &e->sa);
		radius_sa(&d->road.radius, e->kind, &e->sa);
	} else {
		daemon_log(d, LOG_KNL, LOG_AUDIT, "cannot install the SA with SPI %08x: %s", e->sa.spi, a.reason ? a.reason : "unknown cause");
	}
	daemon_answer(d, &a);
}

static void
carry_claim(struct daemon *d, const struct claim *c)
{
	char why[512] = "out of memory for its policy";
	struct command refused = { .kind = COMMAND_CLAIM_REFUSED, .reqid = c->reqid, .reason = why };
	/* First somebody must be there to take the packets, then they are sent to him. */
	bool there = dataplane_claim(d->dataplane, c), diverted = steer_claim(d->steer, c, why, sizeof why);

	/* Diverted without a policy they are dropped: closed as well. */
	if (there && diverted)
		return;
	snprintf(d->refusal, sizeof d->refusal, "the traffic of child '%s' cannot be diverted: %s", c->child, why);
	daemon_command(d, &refused, NULL, NULL);
}

static void
carry_release(struct daemon *d, uint32_t reqid)
{
	/* Stopping is neither `down` nor unload: what was to be protected is not sent in clear while we are away. */
	if (d->stopping && steer_is_trap(d->steer, reqid))
		return;
	steer_release(d->steer, reqid);
	dataplane_release(d->dataplane, reqid);
}

static void
carry_ask_psk(struct daemon *d, const struct effect *e)
{
	autosecret psk = { 0 };
	struct answer a = { .kind = ANSWER_PSK, .ticket = e->ticket };

	a.ok = secret_store_answer(&d->secrets, &psk, &e->psk);
	a.psk = secret_span(&psk);
	if (!a.ok)
		a.reason = "no pre-shared key is configured for these identities: add a secrets.ike section with them as id";
	daemon_answer(d, &a);
}

static void
carry_done(struct daemon *d, const struct effect_done *done)
{
	struct waiting_command *w = &d->waiting[done->command % DAEMON_COMMANDS_MAX], was = *w;
	struct effect_done what = *done;

	if (!done->command || w->id != done->command)
		return;
	/* A command's claims are in its own batch, before its end. */
	if (what.result == RESULT_OK && d->refusal[0]) {
		what.result = RESULT_FAILED;
		what.text = d->refusal;
	}
	*w = (struct waiting_command){ 0 };
	was.done(was.context, &what);
}

static void
carry_out_one(struct daemon *d, const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_SEND:
		carry_send(d, &e->send);
		break;
	case EFFECT_INSTALL_SA:
		carry_install(d, e);
		break;
	case EFFECT_UPDATE_SA:
		dataplane_update(d->dataplane, e->sa.direction, e->sa.spi, e->sa.child_id, &e->sa.local, &e->sa.remote);
		break;
	case EFFECT_REMOVE_SA:
		radius_sa(&d->road.radius, e->kind, &e->sa);
		dataplane_remove(d->dataplane, e->sa.direction, e->sa.spi, e->sa.child_id);
		break;
	case EFFECT_CLAIM:
		carry_claim(d, &e->claim);
		break;
	case EFFECT_RELEASE:
		carry_release(d, e->claim.reqid);
		break;
	case EFFECT_ASK_PSK:
		carry_ask_psk(d, e);
		break;
	case EFFECT_ASK_CREDENTIAL:
		credential_jobs_credential(&d->jobs, e->ticket, &e->credential);
		break;
	case EFFECT_ASK_SIGN:
		credential_jobs_sign(&d->jobs, e->ticket, &e->sign);
		break;
	case EFFECT_ASK_VERIFY:
		credential_jobs_verify(&d->jobs, e->ticket, &e->verify);
		break;
	case EFFECT_ASK_ADDRESS:
		resolve(&d->resolver, e->ticket, e->ask_address.conn, e->ask_address.attempt);
		break;
	case EFFECT_ASK_NAMES:
		resolve_names(&d->resolver, e->ticket, e->ask_address.conn);
		break;
	case EFFECT_UPDOWN:
		updown_run(&d->updown, &e->updown);
		break;
	case EFFECT_EVENT:
		radius_event(&d->road.radius, &e->event);
		if (d->vici)
			vici_server_event(d->vici, &e->event);
		break;
	case EFFECT_LOG:
		hear(d, &e->log);
		break;
	case EFFECT_DONE:
		carry_done(d, &e->done);
		break;
	case EFFECT_ASK_LOGIN:
	case EFFECT_ASK_USER:
	case EFFECT_ASK_LEASE:
	case EFFECT_RELEASE_LEASE:
	case EFFECT_ADD_VIRTUAL:
	case EFFECT_REMOVE_VIRTUAL:
		road_warriors_carry_out(&d->road, e);
		break;
	case EFFECT_KEYS:
		keylog_ike(&d->keylog, &e->keys);
		break;
	case EFFECT_NOTHING:
		break;
	}
}

void
daemon_carry_out(struct daemon *d, struct effects *fx)
{
	d->refusal[0] = '\0';
	for (size_t i = 0; i < fx->n; i++)
		carry_out_one(d, &fx->e[i]);
}
