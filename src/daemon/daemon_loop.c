/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

/* The loop: what wakes the daemon, and what it does then. */

enum { TRAFFIC_REPORT_MS = TRAFFIC_REPORTED_EVERY / MILLISECONDS(1), STOP_WAIT_MS = 5000, DATAGRAMS_A_TURN = 64 };

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
on_traffic_timer(uv_timer_t *t)
{
	daemon_report_traffic(t->data);
}

static void
on_stop_timeout(uv_timer_t *t)
{
	struct daemon *d = t->data;

	daemon_log(d, LOG_DMN, LOG_CONTROL, "%s did not answer our Delete: stopping without waiting for it",
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
	struct daemon *d = s->data;

	(void)number;
	if (!daemon_load_config(d))
		daemon_log(d, LOG_CFG, LOG_AUDIT, "%s is not taken: what was loaded before stays in force", d->options->config);
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

void
daemon_open_loop(struct daemon *d)
{
	uv_loop_init(&d->loop);
	uv_timer_init(&d->loop, &d->timer);
	uv_timer_init(&d->loop, &d->traffic_timer);
	uv_timer_init(&d->loop, &d->settle_timer);
	uv_timer_init(&d->loop, &d->address_timer);
	d->timer.data = d->traffic_timer.data = d->settle_timer.data = d->address_timer.data = d;
	d->socket.fd4 = d->socket.fd6 = -1;
}

void
daemon_watch(struct daemon *d)
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
close_handle(uv_handle_t *h, void *unused)
{
	(void)unused;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void
daemon_close_loop(struct daemon *d)
{
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
}
