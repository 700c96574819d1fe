/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ROAD_USERS_H
#define SALLYPORT_ROAD_USERS_H

#include "road_warriors.h"

/* Names and passwords: ours where we log in, those of users that log in here. */

/* EFFECT_ASK_LOGIN */
void road_login(struct road_warriors *w, const struct effect *e);
/* EFFECT_ASK_USER */
void road_judge(struct road_warriors *w, const struct effect *e);
/* What a RADIUS server said to the latter. */
void road_judged(struct road_warriors *w, const struct radius_result *r);

#endif
