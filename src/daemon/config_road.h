/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_ROAD_H
#define SALLYPORT_CONFIG_ROAD_H

#include "config_keys.h"
#include "road.h"

/* Keys of road warriors: handlers of the tables in config_conn.c. */

/* auth = xauth[-BACKEND]; false when @text is another method. */
bool config_auth_xauth(struct config_reader *r, const struct conf_key *k, const char *text);
void config_xauth_id(struct config_reader *r, const struct conf_key *k);
void config_round(struct config_reader *r, const struct conf_key *k);
void config_vips(struct config_reader *r, const struct conf_key *k);
void config_pool_names(struct config_reader *r, const struct conf_key *k);
void config_pull(struct config_reader *r, const struct conf_key *k);

/*
 * Reads the local (or remote) sections of a connection in the order of their
 * rounds, each with @read. False when there is none.
 */
bool config_rounds(struct config_reader *r, const struct conf_section *conn, bool local,
                   void (*read)(struct config_reader *r, const struct conf_section *s));

#endif
