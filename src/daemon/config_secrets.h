/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_SECRETS_H
#define SALLYPORT_CONFIG_SECRETS_H

#include "conf_value.h"
#include "secret_store.h"

/* Reads the secrets section of a file into @out; passwords of users (eap*, xauth*) into @logins. */
void config_secrets(struct secret_store *out, struct secret_store *logins, const struct conf_section *s, struct conf_errors *errs);

#endif
