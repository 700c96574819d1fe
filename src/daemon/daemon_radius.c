/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include "road_users.h"

/* What the RADIUS client needs of the daemon. */

static void
on_judged(void *context, const struct radius_result *r)
{
	road_judged(&((struct daemon *)context)->road, r);
}

static void
on_log(void *context, enum log_group g, int level, const char *text)
{
	daemon_log(context, g, level, "%s", text);
}

static void
on_end(void *context, uint32_t ike_id)
{
	struct command c = { .kind = COMMAND_TERMINATE, .ike_id = ike_id };

	daemon_command(context, &c, NULL, NULL);
}

static bool
on_look(void *context, uint32_t ike_id, struct ike_info *out)
{
	return ike_look(((struct daemon *)context)->ike, ike_id, out);
}

static uint32_t
on_owner(void *context, uint32_t child_id)
{
	return ike_child_owner(((struct daemon *)context)->ike, child_id);
}

static bool
on_usage(void *context, const struct sa_params *sa, struct sa_usage *out)
{
	return dataplane_usage(((struct daemon *)context)->dataplane, sa->direction, sa->spi, sa->child_id, out);
}

/* Stopping waits for the records of what it ended. */
static void
on_idle(void *context)
{
	struct daemon *d = context;

	if (d->stopping && d->all_deleted)
		uv_stop(&d->loop);
}

void
daemon_open_radius(struct daemon *d)
{
	d->radius_hooks = (struct radius_hooks) {
		.judged = on_judged,
		.log = on_log,
		.end = on_end,
		.look = on_look,
		.owner = on_owner,
		.usage = on_usage,
		.idle = on_idle,
		.context = d,
	};
	radius_client_open(&d->road.radius, &d->loop, &d->settings.road.radius, &d->radius_hooks, d->rng,
	                   d->settings.bypass_mark);
}
