/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

enum { DATAPLANE_EVENTS_A_TURN = 256 };

static void
one_event(struct daemon *d, const struct dataplane_event *e)
{
	struct command c = { .spi = e->spi, .direction = e->direction, .reqid = e->reqid, .flow = e->flow,
		             .local = e->local, .remote = e->remote, .child_id = e->child_id };

	switch (e->kind) {
	case DATAPLANE_IKE:
		daemon_receive(d, &(struct datagram){ e->local, e->remote, .marker = true, .data = e->data });
		return;
	case DATAPLANE_ACQUIRE:
		c.kind = COMMAND_ACQUIRE;
		break;
	case DATAPLANE_EXPIRE_HARD:
		c.hard = true;
		c.kind = COMMAND_EXPIRE;
		break;
	case DATAPLANE_EXPIRE_SOFT:
		c.kind = COMMAND_EXPIRE;
		break;
	case DATAPLANE_INVALID_SPI:
		c.kind = COMMAND_INVALID_SPI;
		break;
	case DATAPLANE_MAPPING:
		c.kind = COMMAND_MAPPING;
		break;
	case DATAPLANE_FAILED:
		daemon_log(d, LOG_KNL, LOG_AUDIT, "the data plane stopped: %s", e->text);
		d->exit_code = 1;
		uv_stop(&d->loop);
		return;
	}
	daemon_command(d, &c, NULL, NULL);
}

void
daemon_dataplane_events(struct daemon *d)
{
	struct dataplane_event e;

	/* Bounded, so that timers and the control socket get their turn under a flood. */
	for (int i = 0; i < DATAPLANE_EVENTS_A_TURN && dataplane_next_event(d->dataplane, &e); i++)
		one_event(d, &e);
}

static void
report_child(struct daemon *d, const struct child_info *child, enum sa_direction dir, instant_t since)
{
	struct command c = { .kind = COMMAND_TRAFFIC, .spi = child->spi_in, .direction = dir, .child_id = child->id };
	struct sa_usage usage;

	if (!dataplane_usage(d->dataplane, dir, dir == SA_INBOUND ? child->spi_in : child->spi_out, child->id, &usage))
		return;
	c.used_at = (instant_t)usage.last_use_ns;
	if (c.used_at > since)
		daemon_command(d, &c, NULL, NULL);
}

void
daemon_report_traffic(struct daemon *d)
{
	instant_t since = d->traffic_reported_at;
	struct ike_info sa;
	struct child_info child;

	d->traffic_reported_at = d->now();
	/* A report may change the core's state, so each step walks by id instead of holding pointers. */
	for (uint32_t i = 0; ike_next_sa(d->ike, &i, &sa);)
		for (uint32_t k = 0; ike_next_child(d->ike, sa.id, &k, &child);) {
			/* Sending is no sign of the peer's life, only that the child is in use. */
			if (child.config->inactivity_ns)
				report_child(d, &child, SA_OUTBOUND, since);
			report_child(d, &child, SA_INBOUND, since);
		}
}
