/* SPDX-License-Identifier: Apache-2.0 */
#include "clock_rng.h"
#include "daemon.h"
#include "settings_apply.h"
#include "sockets.h"

/* What the vici server sees of the daemon. */

enum { SETTLE_MS = 10000 };

static void
on_settled(uv_timer_t *t)
{
	struct daemon *d = t->data;

	steer_settled(d->steer);
}

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

static unsigned
backend_path_mtu(void *context, const struct endpoint *local, const struct endpoint *remote)
{
	return sockets_route_mtu(local, remote, ((struct daemon *)context)->settings.bypass_mark);
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
	daemon_log_conf_errors(d, &errs);
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
	d->backend = (struct vici_backend) {
		.context = d,
		.core = backend_core,
		.now = backend_now,
		.command = backend_command,
		.forget = backend_forget,
		.usage = backend_usage,
		.path_mtu = backend_path_mtu,
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

const char *
daemon_socket_path(const struct daemon *d, char room[SOCKET_PATH_OCTETS], char *why, size_t why_size)
{
	if (d->settings.vici_socket)
		return d->settings.vici_socket;
	if (snprintf(room, SOCKET_PATH_OCTETS, "%s/vici.sock", d->options->runtime_dir) < SOCKET_PATH_OCTETS)
		return room;
	snprintf(why, why_size, "%s: this path is too long for a unix socket: choose a shorter --runtime-dir",
	         d->options->runtime_dir);
	return NULL;
}

bool
daemon_open_vici(struct daemon *d, char *why, size_t why_size)
{
	char room[SOCKET_PATH_OCTETS];
	const char *path = daemon_socket_path(d, room, why, why_size);

	open_backend(d);
	d->vici = path ? vici_server_open(&d->loop, path, &d->backend, why, why_size) : NULL;
	return d->vici != NULL;
}
