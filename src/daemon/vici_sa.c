/* SPDX-License-Identifier: Apache-2.0 */
#include "vici_internal.h"

/* One SA as vici tells of it: strongSwan's field names, in its order. */

static int64_t
seconds(instant_t ns)
{
	return ns / SECONDS(1);
}

static const char *
name_of(enum transform_kind kind, uint16_t id)
{
	const char *name = algorithm_name(kind, id);

	return name ? name : "?";
}

static void
put_encr(struct vici_writer *w, const struct transform *t)
{
	vici_key(w, "encr-alg", name_of(TRANSFORM_ENCR, t->id));
	if (t->key_bits)
		vici_keyf(w, "encr-keysize", "%u", t->key_bits);
}

/* IKEv1 negotiates one hash for both; strongSwan names the integrity algorithm that goes with it. */
static uint16_t
integ_of_prf(uint16_t prf_id)
{
	switch (prf_id) {
	case PRF_HMAC_MD5:
		return INTEG_HMAC_MD5_96;
	case PRF_HMAC_SHA1:
		return INTEG_HMAC_SHA1_96;
	case PRF_HMAC_SHA2_256:
		return INTEG_HMAC_SHA2_256_128;
	case PRF_HMAC_SHA2_384:
		return INTEG_HMAC_SHA2_384_192;
	case PRF_HMAC_SHA2_512:
		return INTEG_HMAC_SHA2_512_256;
	}
	return INTEG_NONE;
}

static void
put_ike_algorithms(struct vici_writer *w, const struct ike_info *s)
{
	uint16_t integ = s->integ_id ? s->integ_id : s->version == IKE_V1 ? integ_of_prf(s->prf_id) : INTEG_NONE;

	put_encr(w, &s->encr);
	if (integ)
		vici_key(w, "integ-alg", name_of(TRANSFORM_INTEG, integ));
	vici_key(w, "prf-alg", name_of(TRANSFORM_PRF, s->prf_id));
	if (s->dh_id)
		vici_key(w, "dh-group", name_of(TRANSFORM_DH, s->dh_id));
}

static void
put_end(struct vici_writer *w, const char *side, const struct endpoint *e, const struct identity *id)
{
	char name[32], text[IP_TEXT_MAX], id_text[IDENTITY_TEXT_MAX];

	snprintf(name, sizeof name, "%s-host", side);
	vici_key(w, name, ip_format(text, &e->ip));
	snprintf(name, sizeof name, "%s-port", side);
	vici_keyf(w, name, "%u", e->port);
	snprintf(name, sizeof name, "%s-id", side);
	vici_key(w, name, identity_format(id_text, id));
}

static void
put_spi(struct vici_writer *w, const char *name, const uint8_t spi[8])
{
	vici_keyf(w, name, "%08x%08x", get_be32(spi), get_be32(spi + 4));
}

static void
put_nat(struct vici_writer *w, const struct ike_info *s)
{
	if (s->nat_local)
		vici_key(w, "nat-local", "yes");
	if (s->nat_remote)
		vici_key(w, "nat-remote", "yes");
	if (s->nat_fake)
		vici_key(w, "nat-fake", "yes");
	if (s->nat_local || s->nat_remote || s->nat_fake)
		vici_key(w, "nat-any", "yes");
}

static void
put_left(struct vici_writer *w, const char *name, instant_t at, instant_t now)
{
	if (at != INSTANT_NEVER && at)
		vici_keyf(w, name, "%lld", (long long)(at > now ? seconds(at - now) : 0));
}

/* strongSwan names its tasks; ours are exchanges. */
static void
put_tasks(struct vici_writer *w, const struct ike_info *s)
{
	static const struct {
		const char *words, *task;
	} tasks[] = {
		{ "Main Mode", "MAIN_MODE" },   { "Aggressive Mode", "AGGRESSIVE_MODE" },
		{ "Quick Mode", "QUICK_MODE" }, { "Informational", "INFORMATIONAL" },
		{ "XAUTH", "XAUTH" },           { "Mode Config", "MODE_CONFIG" },
	};

	for (size_t i = 0; s->exchange && i < sizeof tasks / sizeof tasks[0]; i++)
		if (!strncmp(s->exchange, tasks[i].words, strlen(tasks[i].words))) {
			vici_list(w, "tasks-active");
			vici_item(w, tasks[i].task);
			vici_list_end(w);
		}
}

void
vici_put_ike(struct vici_writer *w, const struct ike_info *s, instant_t now)
{
	char id_text[IDENTITY_TEXT_MAX];

	vici_keyf(w, "uniqueid", "%u", s->id);
	vici_keyf(w, "version", "%d", (int)s->version);
	vici_key(w, "state", ike_state_name(s->state));
	put_end(w, "local", &s->local, &s->local_id);
	put_end(w, "remote", &s->remote, &s->remote_id);
	if (s->remote_xauth_id.type != ID_ANY)
		vici_key(w, "remote-xauth-id", identity_format(id_text, &s->remote_xauth_id));
	if (s->initiator)
		vici_key(w, "initiator", "yes");
	put_spi(w, "initiator-spi", s->spi_i);
	put_spi(w, "responder-spi", s->spi_r);
	put_nat(w, s);
	if (s->encr.id)
		put_ike_algorithms(w, s);
	if (s->state == IKE_STATE_ESTABLISHED) {
		vici_keyf(w, "established", "%lld", (long long)seconds(now - s->established_at));
		put_left(w, "rekey-time", s->rekey_at, now);
		put_left(w, "reauth-time", s->reauth_at, now);
	}
	vici_put_vips(w, s);
	put_tasks(w, s);
}

static void
put_selector(struct vici_writer *w, const char *name, const struct selector *s)
{
	char text[SELECTOR_TEXT_MAX];

	vici_list(w, name);
	vici_item(w, vici_selector(text, s));
	vici_list_end(w);
}

static void
put_count(struct vici_writer *w, const char *what, const char *side, uint64_t n)
{
	char name[32];

	snprintf(name, sizeof name, "%s-%s", what, side);
	vici_keyf(w, name, "%llu", (unsigned long long)n);
}

static void
put_usage(struct vici_writer *w, const struct vici_backend *b, const struct child_info *c, enum sa_direction d, instant_t now)
{
	struct sa_usage u = { 0 };
	const char *side = d == SA_INBOUND ? "in" : "out";
	instant_t used;

	b->usage(b->context, d, d == SA_INBOUND ? c->spi_in : c->spi_out, c->id, &u);
	used = (instant_t)u.last_use_ns;
	put_count(w, "bytes", side, u.octets);
	put_count(w, "packets", side, u.packets);
	if (used)
		put_count(w, "use", side, (uint64_t)(now > used ? seconds(now - used) : 0));
	/* These two are ours, too. */
	if (c->cpi_in) {
		put_count(w, "compressed", side, u.compressed);
		put_count(w, "incompressible", side, u.incompressible);
	}
}

const char *
vici_mode_name(enum child_mode m)
{
	static const char *const names[] = { "TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP" };

	return (unsigned)m < sizeof names / sizeof names[0] ? names[m] : "?";
}

void
vici_put_child(struct vici_writer *w, const struct vici_backend *b, const struct child_info *c, instant_t now)
{
	vici_key(w, "name", c->config->name);
	vici_keyf(w, "uniqueid", "%u", c->id);
	vici_keyf(w, "reqid", "%u", c->reqid);
	vici_key(w, "state", child_state_name(c->state));
	vici_key(w, "mode", vici_mode_name(c->mode));
	vici_key(w, "protocol", c->protocol == PROTO_IPSEC_AH ? "AH" : "ESP");
	if (c->udp_encap)
		vici_key(w, "encap", "yes");
	vici_keyf(w, "spi-in", "%08x", c->spi_in);
	vici_keyf(w, "spi-out", "%08x", c->spi_out);
	/* strongSwan has no AH around ESP; these two names are ours. */
	if (c->ah_spi_in) {
		vici_keyf(w, "ah-spi-in", "%08x", c->ah_spi_in);
		vici_keyf(w, "ah-spi-out", "%08x", c->ah_spi_out);
		vici_key(w, "ah-integ-alg", name_of(TRANSFORM_INTEG, c->ah_integ_id));
	}
	if (c->cpi_in) {
		vici_keyf(w, "cpi-in", "%04x", c->cpi_in);
		vici_keyf(w, "cpi-out", "%04x", c->cpi_out);
	}
	if (c->encr.id)
		put_encr(w, &c->encr);
	if (c->integ_id)
		vici_key(w, "integ-alg", name_of(TRANSFORM_INTEG, c->integ_id));
	if (c->dh_id)
		vici_key(w, "dh-group", name_of(TRANSFORM_DH, c->dh_id));
	if (c->esn)
		vici_key(w, "esn", "1");
	put_usage(w, b, c, SA_INBOUND, now);
	put_usage(w, b, c, SA_OUTBOUND, now);
	put_left(w, "rekey-time", c->rekey_at, now);
	put_left(w, "life-time", c->expires_at, now);
	if (c->installed_at)
		vici_keyf(w, "install-time", "%lld", (long long)seconds(now - c->installed_at));
	put_selector(w, "local-ts", &c->ts.local);
	put_selector(w, "remote-ts", &c->ts.remote);
}
