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
#include "settings_apply.h"

enum { TRAFFIC_REPORT_MS = TRAFFIC_REPORTED_EVERY / MILLISECONDS(1), STOP_WAIT_MS = 5000, SETTLE_MS = 10000, DATAGRAMS_A_TURN = 64, PATH_OCTETS_MAX = 108 };

/* ---- events of the loop */

static void
on_ike_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	int fd = p == &d->poll_ike4 ? d->socket.fd4 : d->socket.fd6;
	static uint8_t buf[65536];
	struct datagram in = { .marker = false };

	(void)status;
	(void)events;
	/* Bounded, so that timers and the control socket get their turn under a flood. */
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		if (!ike_socket_receive(fd, buf, sizeof buf, &in.data, &in.local, &in.remote))
			return;
		in.local.port = d->socket.port;
		daemon_receive(d, &in);
	}
}

static void
on_dataplane_readable(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	daemon_dataplane_events(p->data);
}

static void
on_steer_readable(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)status;
	(void)events;
	if (steer_event(d->steer))
		addresses_changed(d);
}

static void
on_settled(uv_timer_t *t)
{
	struct daemon *d = t->data;

	steer_settled(d->steer);
}

static void
on_traffic_timer(uv_timer_t *t)
{
	daemon_report_traffic(t->data);
}

static void
on_stop_timeout(uv_timer_t *t)
{
	struct daemon *d = t->data;

	daemon_log(d, LOG_DMN, LOG_CONTROL, "%s did not answer our goodbye: stopping without it",
	           d->all_deleted ? "a RADIUS server" : "a peer");
	uv_stop(&d->loop);
}

static void
on_all_deleted(void *context, const struct effect_done *done)
{
	struct daemon *d = context;

	(void)done;
	d->all_deleted = true;
	if (!d->road.radius.pending)
		uv_stop(&d->loop);
}

static void
on_stop_signal(uv_signal_t *s, int number)
{
	struct daemon *d = s->data;
	struct command c = { .kind = COMMAND_SHUTDOWN };

	if (d->stopping) {
		uv_stop(&d->loop);
		return;
	}
	d->stopping = true;
	daemon_log(d, LOG_DMN, LOG_AUDIT, "%s received: deleting all SAs", number == SIGINT ? "SIGINT" : "SIGTERM");
	uv_timer_start(&d->traffic_timer, on_stop_timeout, STOP_WAIT_MS, 0);
	if (daemon_command(d, &c, on_all_deleted, d) == 0)
		uv_stop(&d->loop);
}

static void
on_reload_signal(uv_signal_t *s, int number)
{
	(void)number;
	daemon_load_config(s->data);
}

/* ---- configuration */

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
		           "%zu of the file's secrets found no room beside those loaded over the control socket: there may be %d", lost,
		           SECRETS_MAX);
	pools_replace_file(&d->road.pools, &next->pools);
	for (size_t i = 0; i < next->n; i++) {
		struct command c = { .kind = COMMAND_LOAD, .conn = next->conn[i] };

		daemon_command(d, &c, NULL, NULL);
	}
	config_free(&d->config);
	d->config = *next;
}

static void
log_conf_errors(struct daemon *d, const struct conf_errors *errs)
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
	log_conf_errors(d, &errs);
	if (ok) {
		daemon_log(d, LOG_CFG, LOG_CONTROL, "loaded %zu connection%s from %s", next.n, next.n == 1 ? "" : "s", d->options->config);
		apply_config(d, &next);
	} else {
		daemon_log(d, LOG_CFG, LOG_AUDIT, "%s is not taken: nothing changed", d->options->config);
	}
	conf_errors_free(&errs);
	return ok;
}

static bool
load_settings(struct daemon *d, char *why, size_t why_size)
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
	log_conf_errors(d, &errs);
	conf_errors_free(&errs);
	d->settings.ike.export_keys = d->options->export_keys != NULL;
	return ok;
}

/* ---- what the vici server sees of the daemon */

static const struct ike *
backend_core(void *context)
{
	return ((struct daemon *)context)->ike;
}

static instant_t
backend_now(void *context)
{
	(void)context;
	return clock_boottime();
}

static uint64_t
backend_command(void *context, struct command *c, void (*done)(void *, const struct effect_done *), void *done_context)
{
	struct daemon *d = context;

	/*
	 * Connections that come over vici come one by one: what an earlier process
	 * claimed stays in force until they had time to arrive.
	 */
	if (c->kind == COMMAND_LOAD && !d->options->config && !uv_is_active((uv_handle_t *)&d->settle_timer))
		uv_timer_start(&d->settle_timer, on_settled, SETTLE_MS, 0);
	return daemon_command(d, c, done, done_context);
}

static void
backend_forget(void *context, uint64_t id)
{
	daemon_forget_command(context, id);
}

static bool
backend_usage(void *context, enum sa_direction dir, uint32_t spi, uint32_t child_id, struct sa_usage *out)
{
	return dataplane_usage(((struct daemon *)context)->dataplane, dir, spi, child_id, out);
}

static bool
backend_reload_settings(void *context, char *why, size_t why_size)
{
	struct daemon *d = context;
	struct conf_errors errs = { 0 };
	struct settings next;
	bool ok;

	if (!d->options->strongswan_conf)
		return true;
	ok = settings_load(&next, d->options->strongswan_conf, &errs);
	log_conf_errors(d, &errs);
	if (!ok)
		snprintf(why, why_size, "%s", conf_errors_first(&errs));
	/* Sockets, marks and the core's timing are fixed at start; levels and files of the log change now. */
	ok = ok && settings_apply_log(&d->log, &next, why, why_size);
	settings_free(&next);
	conf_errors_free(&errs);
	return ok;
}

static bool
backend_counter(void *context, unsigned index, const char **name, const char **sentence, uint64_t *count)
{
	struct daemon *d = context;
	uint64_t drops[ESP_DROP_COUNT];

	/* In all lists the first entry counts what was accepted. */
	if (index + 1 < ESP_DROP_COUNT) {
		dataplane_drops(d->dataplane, drops);
		*name = esp_drop_name((enum esp_drop)(index + 1));
		*sentence = esp_drop_sentence((enum esp_drop)(index + 1));
		*count = drops[index + 1];
		return true;
	}
	index -= ESP_DROP_COUNT - 1;
	if (index + 1 < RADIUS_VERDICT_COUNT) {
		*name = radius_verdict_word((enum radius_verdict)(index + 1));
		*sentence = radius_verdict_sentence((enum radius_verdict)(index + 1));
		*count = d->road.radius.counted[index + 1];
		return true;
	}
	return ike_verdict_count(d->ike, index + 2 - RADIUS_VERDICT_COUNT, name, sentence, count);
}

static const char *
backend_dataplane(void *context)
{
	return dataplane_features(((struct daemon *)context)->dataplane);
}

static void
open_backend(struct daemon *d)
{
	d->backend = (struct vici_backend){
		.context = d,
		.core = backend_core,
		.now = backend_now,
		.command = backend_command,
		.forget = backend_forget,
		.usage = backend_usage,
		.reload_settings = backend_reload_settings,
		.secrets = &d->secrets,
		.credentials = &d->credentials,
		.rdn_matching = d->settings.rdn_matching,
		.logins = &d->road.logins,
		.pools = &d->road.pools,
		.replay_window = d->settings.replay_window,
		.counter = backend_counter,
		.dataplane = backend_dataplane,
	};
}

/* ---- certificates */

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

/* ---- opening */

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
	              &(struct answer){ .kind = ANSWER_NAMES, .ticket = ticket, .ok = n > 0, .named = ip, .n_named = n });
}

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

static bool
open_vici(struct daemon *d, char *why, size_t why_size)
{
	char path[PATH_OCTETS_MAX];
	const char *socket = d->settings.vici_socket;

	open_backend(d);
	if (!socket && snprintf(path, sizeof path, "%s/vici.sock", d->options->runtime_dir) >= (int)sizeof path) {
		snprintf(why, why_size, "%s: this path is too long for a unix socket: choose a shorter --runtime-dir", d->options->runtime_dir);
		return false;
	}
	d->vici = vici_server_open(&d->loop, socket ? socket : path, &d->backend, why, why_size);
	return d->vici != NULL;
}

static void
watch(struct daemon *d, uv_poll_t *p, int fd, uv_poll_cb cb)
{
	if (fd < 0)
		return;
	uv_poll_init(&d->loop, p, fd);
	p->data = d;
	uv_poll_start(p, UV_READABLE, cb);
}

static void
watch_signal(struct daemon *d, uv_signal_t *s, int number, uv_signal_cb cb)
{
	uv_signal_init(&d->loop, s);
	s->data = d;
	uv_signal_start(s, cb, number);
}

static void
open_loop(struct daemon *d)
{
	uv_loop_init(&d->loop);
	uv_timer_init(&d->loop, &d->timer);
	uv_timer_init(&d->loop, &d->traffic_timer);
	uv_timer_init(&d->loop, &d->settle_timer);
	uv_timer_init(&d->loop, &d->address_timer);
	d->timer.data = d->traffic_timer.data = d->settle_timer.data = d->address_timer.data = d;
	d->socket.fd4 = d->socket.fd6 = -1;
	d->resolver = (struct resolver){ .loop = &d->loop, .done = on_resolved, .named = on_named, .context = d };
	d->jobs = (struct credential_jobs){ .loop = &d->loop,
		                            .store = &d->credentials,
		                            .answer = on_credential_answer,
		                            .note = on_credential_note,
		                            .fetched = on_crl_fetched,
		                            .context = d };
}

static void
start_watching(struct daemon *d)
{
	watch(d, &d->poll_ike4, d->socket.fd4, on_ike_readable);
	watch(d, &d->poll_ike6, d->socket.fd6, on_ike_readable);
	watch(d, &d->poll_dataplane, dataplane_event_fd(d->dataplane), on_dataplane_readable);
	watch(d, &d->poll_steer, steer_fd(d->steer), on_steer_readable);
	watch_signal(d, &d->sigterm, SIGTERM, on_stop_signal);
	watch_signal(d, &d->sigint, SIGINT, on_stop_signal);
	watch_signal(d, &d->sighup, SIGHUP, on_reload_signal);
	uv_timer_start(&d->traffic_timer, on_traffic_timer, TRAFFIC_REPORT_MS, TRAFFIC_REPORT_MS);
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
	return road_warriors_open(&d->road, &d->settings, dataplane_tun_ifindex(d->dataplane), d->options->runtime_dir, why, why_size);
}

bool
daemon_open(struct daemon *d, const struct daemon_options *o, char *why, size_t why_size)
{
	*d = (struct daemon){ .options = o };
	log_sink_open(&d->log);
	open_loop(d);
	if (!fetch_open()) {
		snprintf(why, why_size, "libcurl does not start");
		return false;
	}
	if (!load_settings(d, why, why_size))
		return false;
	d->resolver.bypass_mark = d->settings.bypass_mark;
	if (mkdir(o->runtime_dir, 0755) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: cannot make the runtime folder: %s", o->runtime_dir, strerror(errno));
		return false;
	}
	if (o->export_keys && !keylog_open(&d->keylog, o->export_keys, why, why_size))
		return false;
	if (!open_core(d, why, why_size) || !open_traffic(d, why, why_size))
		return false;
	updown_open(&d->updown, &d->loop, &d->log, dataplane_tun_name(d->dataplane));
	start_watching(d);
	if (!open_road(d, why, why_size))
		return false;
	if (!daemon_load_config(d)) {
		snprintf(why, why_size, "%s has mistakes (see above): correct them, `--check-config` lists them", o->config);
		return false;
	}
	/* Who can connect finds a daemon that is ready. */
	if (!open_vici(d, why, why_size))
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
close_handle(uv_handle_t *h, void *unused)
{
	(void)unused;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

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
		daemon_log(d, LOG_KNL, LOG_AUDIT, "the traffic of %zu polic%s is dropped until sallyportd is back; `sallyport flush` opens it", n,
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
	/* Before their descriptors go: the loop may not find them closed. */
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
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
	log_sink_close(&d->log);
}
