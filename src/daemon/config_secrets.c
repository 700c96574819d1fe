/* SPDX-License-Identifier: Apache-2.0 */
#include "config_secrets.h"

#include "config_credentials.h"

static void
read_owner(struct identity *owner, size_t *n, const struct conf_key *k, struct conf_errors *errs)
{
	const char *why;

	if (*n == SECRET_OWNERS_MAX)
		conf_error(errs, k->where, "%s: a secret has at most %d identities", k->name, SECRET_OWNERS_MAX);
	else if (identity_parse(&owner[*n], span_str(k->value), &why))
		++*n;
	else
		conf_error(errs, k->where, "%s = %s is not an identity: %s", k->name, k->value, why);
}

static const char *
refusal(const struct conf_key *k, struct secret *out)
{
	const char *why;

	if (k->exposed)
		return "the file may be read by everybody on this machine: chmod 600 it (and change the secret)";
	return conf_secret(out, k->value, &why) ? out->n > SECRET_OCTETS_MAX ? "it is longer than 4096 octets" : NULL : why;
}

static void
read_secret(struct secret_store *out, const struct conf_section *s, bool needs_owner, struct conf_errors *errs)
{
	struct identity owner[SECRET_OWNERS_MAX];
	const struct conf_key *secret = NULL;
	size_t n = 0, before = errs->n_errors;
	autosecret data = { 0 };
	const char *why;

	for (const struct conf_key *k = s->keys; k; k = k->next) {
		if (!strcmp(k->name, "secret"))
			secret = k;
		else if (!strncmp(k->name, "id", 2))
			read_owner(owner, &n, k, errs);
		else
			conf_error(errs, k->where, "unknown key '%s' in secret '%s': there are secret and id<suffix>", k->name,
			           s->name);
	}
	for (const struct conf_section *sub = s->sections; sub; sub = sub->next)
		conf_error(errs, sub->where, "section '%s' in secret '%s': none belongs there", sub->name, s->name);
	/* What the secret is, is never part of a message. */
	why = secret ? refusal(secret, &data) : "it is missing: write secret = \"...\"";
	if (why)
		conf_error(errs, secret ? secret->where : s->where, "secret of '%s': %s", s->name, why);
	if (needs_owner && !n)
		conf_error(errs, s->where, "secret '%s' has no id: write id = the name of the user whose password it is", s->name);
	if (errs->n_errors == before && !secret_store_add(out, SECRET_FROM_FILE, s->name, secret_span(&data), owner, n))
		conf_error(errs, s->where, "out of memory, or more than %d secrets", SECRETS_MAX);
}

void
config_secrets(struct secret_store *out, struct secret_store *logins, const struct conf_section *s, struct conf_errors *errs)
{
	static const char *const later[] = { "ntlm", "ppk", "token", NULL };

	for (const struct conf_key *k = s->keys; k; k = k->next)
		conf_error(errs, k->where, "key '%s' in secrets: only sections belong there, as in ike-1 { secret = ... }",
		           k->name);
	for (s = s->sections; s; s = s->next) {
		size_t i = 0;

		while (later[i] && strncmp(s->name, later[i], strlen(later[i])))
			i++;
		if (config_is_key_secret(s->name))
			continue; /* config_folders() has read it */
		if (!strncmp(s->name, "ike", 3))
			read_secret(out, s, false, errs);
		else if (!strncmp(s->name, "eap", 3) || !strncmp(s->name, "xauth", 5))
			read_secret(logins, s, true, errs);
		else if (later[i])
			conf_error(errs, s->where, "secret '%s': secrets of type %s are not yet supported; there is ike<suffix>",
			           s->name, later[i]);
		else
			conf_error(errs, s->where, "secret '%s' is of an unknown type: there is ike<suffix>", s->name);
	}
}
