/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "clock_rng.h"
#include "credential_files.h"
#include "fetch.h"
#include "ike1.h"
#include "one_daemon.h"

/* ---- answers from other threads */

static void
on_credential_answer(void *context, const struct answer *a)
{
	daemon_answer(context, a);
}

static void
on_credential_note(void *context, int level, const char *conn, const char *text)
{
	daemon_log(context, LOG_CFG, level, "%s%s%s", conn ? conn : "", conn ? ": " : "", text);
}

/* charon.cache_crls: into the folders beside the configuration, or those that swanctl reads for us. */
static void
on_crl_fetched(void *context, const struct crl *crl)
{
	struct daemon *d = context;
	const char *given = d->options->config, *swanctl = getenv("SWANCTL_DIR"), *dir, *why;
	char config[CREDENTIAL_PATH_MAX], path[CREDENTIAL_PATH_MAX];

	if (!d->settings.cache_crls)
		return;
	snprintf(config, sizeof config, "%s", given ? given : "");
	dir = given ? dirname(config) : swanctl ? swanctl : "/etc/swanctl";
	if (credential_file_keep_crl(path, dir, crl, &why))
		daemon_log(d, LOG_CFG, LOG_CONTROL, "written crl file '%s'", path);
	else
		daemon_log(d, LOG_CFG, LOG_CONTROL, "cannot keep a revocation list in %s/x509crl: %s", dir, why);
}

static void
on_resolved(void *context, uint64_t ticket, const struct endpoint *local, const struct endpoint *remote, const char *reason)
{
	struct answer a = { .kind = ANSWER_ADDRESS, .ticket = ticket, .ok = reason == NULL, .reason = reason };

	if (local)
		a.local = *local;
	if (remote)
		a.remote = *remote;
	daemon_answer(context, &a);
}

static void
on_named(void *context, uint64_t ticket, const struct ip *ip, size_t n)
{
	daemon_answer(context,
	              &(struct answer) { .kind = ANSWER_NAMES, .ticket = ticket, .ok = n > 0, .named = ip, .n_named = n });
}

/* What works off the loop thread, and answers on it. */
static void
open_jobs(struct daemon *d)
{
	d->resolver = (struct resolver) { .loop = &d->loop, .done = on_resolved, .named = on_named, .context = d };
	d->jobs = (struct credential_jobs) { .loop = &d->loop,
		                             .store = &d->credentials,
		                             .answer = on_credential_answer,
		                             .note = on_credential_note,
		                             .fetched = on_crl_fetched,
		                             .context = d };
}

/* ---- opening */

static bool
open_core(struct daemon *d, char *why, size_t why_size)
{
	static const struct ike_protocol *const protocols[] = { &ike1_protocol, NULL };

	d->now = clock_boottime;
	d->rng = rng_kernel();
	d->ike = ike_new(&d->settings.ike, d->rng, protocols);
	if (!d->ike)
		snprintf(why, why_size, "out of memory");
	return d->ike != NULL;
}

static bool
open_traffic(struct daemon *d, char *why, size_t why_size)
{
	const struct settings *s = &d->settings;
	const struct dataplane_options dp = {
		.tun_name = s->tun_name ? s->tun_name : "sallyport0",
		.mtu = s->mtu,
		.workers = s->workers,
		.bypass_mark = s->bypass_mark,
		.mark_mask = s->mark_mask,
		.port_nat_t = s->ike.port_nat_t,
		.hold_packets = s->hold_packets,
		.hold_ms = s->hold_ms,
		.native_esp = s->native_esp,
	};
	struct steer_options st = {
		.divert_mark = s->divert_mark,
		.bypass_mark = s->bypass_mark,
		.mark_mask = s->mark_mask,
		.route_table = s->route_table,
		.port = s->ike.port,
		.port_nat_t = s->ike.port_nat_t,
		.state_dir = d->options->runtime_dir,
	};

	d->dataplane = dataplane_open(&dp, why, why_size);
	if (!d->dataplane)
		return false;
	daemon_log(d, LOG_KNL, LOG_CONTROL, "data plane: %s", dataplane_features(d->dataplane));
	st.tun_name = dataplane_tun_name(d->dataplane);
	st.tun_ifindex = dataplane_tun_ifindex(d->dataplane);
	d->steer = steer_open(&st, why, why_size);
	return d->steer && ike_socket_open(&d->socket, s->ike.port, s->bypass_mark, why, why_size);
}

static void
answer_road(void *context, const struct answer *a)
{
	daemon_answer(context, a);
}

static void
log_road(void *context, enum log_group g, int level, const char *text)
{
	daemon_log(context, g, level, "%s", text);
}

static bool
open_road(struct daemon *d, char *why, size_t why_size)
{
	d->road.answer = answer_road;
	d->road.log = log_road;
	d->road.context = d;
	daemon_open_radius(d);
	return road_warriors_open(&d->road, &d->settings, dataplane_tun_ifindex(d->dataplane), d->options->runtime_dir, why,
	                          why_size);
}

/* Before anything of a daemon that is here already is touched. */
static bool
enter_folder(struct daemon *d, char *why, size_t why_size)
{
	const char *dir = d->options->runtime_dir, *socket;
	char room[SOCKET_PATH_OCTETS];

	if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: cannot make the runtime folder: %s", dir, strerror(errno));
		return false;
	}
	socket = daemon_socket_path(d, room, why, why_size);
	d->folder = socket ? one_daemon_enter(dir, why, why_size) : -1;
	return d->folder >= 0 && one_daemon_socket_free(socket, why, why_size);
}

bool
daemon_open(struct daemon *d, const struct daemon_options *o, char *why, size_t why_size)
{
	*d = (struct daemon) { .options = o, .folder = -1 };
	log_sink_open(&d->log);
	daemon_open_loop(d);
	open_jobs(d);
	if (!fetch_open()) {
		snprintf(why, why_size, "libcurl does not start");
		return false;
	}
	if (!daemon_load_settings(d, why, why_size))
		return false;
	d->resolver.bypass_mark = d->settings.bypass_mark;
	if (!enter_folder(d, why, why_size))
		return false;
	if (o->export_keys && !keylog_open(&d->keylog, o->export_keys, why, why_size))
		return false;
	if (!open_core(d, why, why_size) || !open_traffic(d, why, why_size))
		return false;
	updown_open(&d->updown, &d->loop, &d->log, dataplane_tun_name(d->dataplane));
	daemon_watch(d);
	if (!open_road(d, why, why_size))
		return false;
	if (!daemon_load_config(d)) {
		snprintf(why, why_size, "%s has mistakes (see above): correct them, `--check-config` lists them", o->config);
		return false;
	}
	/* Who can connect finds a daemon that is ready. */
	if (!daemon_open_vici(d, why, why_size))
		return false;
	/* Last: until nothing can fail any more, what a killed daemon claimed stays. */
	if (o->config)
		steer_settled(d->steer);
	return true;
}

int
daemon_run(struct daemon *d)
{
	uv_run(&d->loop, UV_RUN_DEFAULT);
	return d->exit_code;
}

/* ---- closing */

static void
free_batches(struct daemon *d)
{
	for (struct batch_of_effects *b = d->first, *next; b; b = next) {
		next = b->next;
		effects_free(&b->fx);
		free(b);
	}
	if (d->spare)
		effects_free(&d->spare->fx);
	free(d->spare);
}

/* Nothing opens after a failure, nor while traps are in force: they hold until `down`, unload or `flush`. */
static void
close_steering(struct daemon *d)
{
	size_t n = d->steer ? steer_claims(d->steer) : 0;

	if (!d->exit_code && n == 0) {
		steer_close(d->steer);
		return;
	}
	if (n)
		daemon_log(d, LOG_KNL, LOG_AUDIT,
		           "the traffic of %zu polic%s is dropped until sallyportd is back; `sallyport flush` opens it", n,
		           n == 1 ? "y" : "ies");
	steer_abandon(d->steer);
}

void
daemon_close(struct daemon *d)
{
	d->jobs.stopping = true;
	vici_server_close(d->vici);
	d->vici = NULL;
	updown_close(&d->updown);
	radius_client_close(&d->road.radius);
	daemon_close_loop(d);
	close_steering(d);
	if (d->dataplane)
		dataplane_close(d->dataplane);
	ike_socket_close(&d->socket);
	free_batches(d);
	ike_free(d->ike);
	config_free(&d->config);
	secret_store_free(&d->secrets);
	credentials_free(&d->credentials);
	fetch_close();
	road_warriors_close(&d->road);
	settings_free(&d->settings);
	keylog_close(&d->keylog);
	one_daemon_leave(d->folder);
	log_sink_close(&d->log);
}
