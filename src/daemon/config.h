/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_H
#define SALLYPORT_CONFIG_H

#include "conf_errors.h"
#include "conn.h"
#include "credentials.h"
#include "pools.h"
#include "secret_store.h"

/*
 * What a swanctl.conf says, checked and typed. An all-zero struct is empty.
 */
struct config {
	struct conn **conn; /* one reference each; in the order of the file */
	size_t n;
	struct secret_store secrets;    /* origin SECRET_FROM_FILE */
	struct credentials credentials; /* of the folders and authorities; origin CREDENTIAL_FROM_FILE */
	struct secret_store logins;     /* secrets.eap*, secrets.xauth*: passwords of users */
	struct pools pools;
	enum rdn_matching rdn_matching; /* set before loading: charon.rdn_matching */
	uint32_t replay_window;         /* set before loading: what children get that name none (charon.replay_window); 0: 1024 */
};

/**
 * config_load_file - reads a swanctl.conf and what it includes.
 *
 * Every mistake of the file is added to @errs, not only the first. False, with
 * nothing in @out, when there was one: a configuration is taken whole or not at all.
 * Secrets in a file that others may read are refused.
 */
bool config_load_file(struct config *out, const char *path, struct conf_errors *errs);
/* The same for text in memory (see conf_text_read). */
bool config_load_text(struct config *out, const char *name, char *text, size_t n, struct conf_errors *errs);
void config_free(struct config *c);

#endif
