/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_CHECK_H
#define SALLYPORT_CONFIG_CHECK_H

#include "config.h"
#include "credential_choice.h"

/*
 * The connections with pre-shared keys that no secret of the file can serve, whoever the peer turns out to be: as many as
 * fit are in @out. Returns how many there are. No mistake: secrets may come over vici.
 */
size_t config_without_secret(const struct config *c, const struct conn **out, size_t max);

/*
 * Whether the connection authenticates us by a key that neither the folders nor the file have; the reason goes to @why. No
 * mistake: keys may come over vici.
 */
bool config_cannot_sign(const struct config *c, const struct conn *conn, char why[CHOICE_TEXT_MAX]);

/* Whether our certificate, or a CA's that goes with it, is not valid at @now (seconds since 1970); the sentence goes to @why. */
bool config_certificate_out_of_time(const struct config *c, const struct conn *conn, int64_t now, char why[CHOICE_TEXT_MAX]);

/* Whether what its local and remote sections, and our key, come to is nothing that IKEv1 has; the sentence goes to @why. */
bool config_no_method(const struct config *c, const struct conn *conn, char why[CHOICE_TEXT_MAX]);

/*
 * The next pool that a connection names and the file does not have, in @name; NULL when there are no more. *@at starts at 0. No
 * mistake: pools may come over vici.
 */
const char *config_pool_missing(const struct config *c, const struct conn *conn, size_t *at, char name[CHOICE_TEXT_MAX]);

/*
 * config_child_doubt - what is written of a child, and can hardly be meant: the next sentence, NULL when there are no more.
 * *@at starts at 0.
 */
const char *config_child_doubt(const struct child *c, size_t *at);

#endif
