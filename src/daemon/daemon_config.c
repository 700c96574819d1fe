/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"
#include "settings_apply.h"

/* swanctl.conf and strongswan.conf, read at the start and again at a reload. */

static bool
still_there(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->conn[i]->name, name) == 0)
			return true;
	return false;
}

static void
apply_config(struct daemon *d, struct config *next)
{
	size_t lost = 0;

	for (size_t i = 0; i < d->config.n; i++) {
		struct command c = { .kind = COMMAND_UNLOAD, .ike = d->config.conn[i]->name };

		if (!still_there(next, c.ike) && !vici_server_owns_conn(d->vici, c.ike))
			daemon_command(d, &c, NULL, NULL);
	}
	lost += secret_store_replace(&d->secrets, SECRET_FROM_FILE, &next->secrets);
	credentials_replace(&d->credentials, CREDENTIAL_FROM_FILE, &next->credentials);
	lost += secret_store_replace(&d->road.logins, SECRET_FROM_FILE, &next->logins);
	if (lost)
		daemon_log(d, LOG_CFG, LOG_AUDIT,
		           "%zu of the file's secrets did not fit beside those loaded over the control socket: the limit is %d",
		           lost, SECRETS_MAX);
	pools_replace_file(&d->road.pools, &next->pools);
	for (size_t i = 0; i < next->n; i++) {
		struct command c = { .kind = COMMAND_LOAD, .conn = next->conn[i] };

		daemon_command(d, &c, NULL, NULL);
	}
	config_free(&d->config);
	d->config = *next;
}

void
daemon_log_conf_errors(struct daemon *d, const struct conf_errors *errs)
{
	for (const struct conf_error *e = errs->first; e; e = e->next)
		daemon_log(d, LOG_CFG, e->notice ? LOG_CONTROL : LOG_AUDIT, "%s", e->text);
}

bool
daemon_load_config(struct daemon *d)
{
	struct conf_errors errs = { 0 };
	struct config next = { .replay_window = d->settings.replay_window, .rdn_matching = d->settings.rdn_matching };
	bool ok = true;

	if (!d->options->config)
		return true;
	ok = config_load_file(&next, d->options->config, &errs);
	daemon_log_conf_errors(d, &errs);
	if (ok) {
		daemon_log(d, LOG_CFG, LOG_CONTROL, "loaded %zu connection%s from %s", next.n, next.n == 1 ? "" : "s",
		           d->options->config);
		apply_config(d, &next);
	}
	conf_errors_free(&errs);
	return ok;
}

bool
daemon_load_settings(struct daemon *d, char *why, size_t why_size)
{
	struct conf_errors errs = { 0 };
	bool ok = true;

	if (d->options->strongswan_conf) {
		ok = settings_load(&d->settings, d->options->strongswan_conf, &errs);
		if (!ok)
			snprintf(why, why_size, "%s", conf_errors_first(&errs));
	} else {
		settings_default(&d->settings);
	}
	ok = ok && settings_apply_log(&d->log, &d->settings, why, why_size);
	daemon_log_conf_errors(d, &errs);
	conf_errors_free(&errs);
	d->settings.ike.export_keys = d->options->export_keys != NULL;
	return ok;
}
