/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_CREDENTIALS_H
#define SALLYPORT_CONFIG_CREDENTIALS_H

#include "config.h"
#include "config_keys.h"

/* What a configuration says of certificates and keys. */

/**
 * config_read_files - files that connections and authorities name become their content.
 *
 * certs, cacerts and pubkeys of local and remote sections, and cacert of
 * authorities, are then what swanctl sends over vici: octets. @dir: of swanctl.conf.
 */
void config_read_files(struct conf_tree *t, const char *dir, struct conf_errors *errs);

/* The folders beside swanctl.conf, opened with secrets.{private,rsa,ecdsa,pkcs8,pkcs12}*. */
void config_folders(struct credentials *out, const struct conf_tree *t, const char *dir, struct conf_errors *errs);
/* Whether a secret is one of those: config_secrets() passes over it. */
bool config_is_key_secret(const char *name);

/* The authorities section. */
void config_authorities(struct credentials *out, const struct conf_section *s, struct conf_errors *errs);
/* One authority, from a file or from vici. False when @errs got an error. */
bool config_authority(struct credentials *out, enum credential_origin o, const struct conf_section *s, struct conf_errors *errs);

/* How patterns of distinguished names match, for all rounds of a connection. */
void config_rdn_matching(struct conn *c, enum rdn_matching how);

/* ---- connections */

void config_send_cert(struct config_reader *r, const struct conf_key *k);
void config_send_certreq(struct config_reader *r, const struct conf_key *k);

/* ---- local and remote sections */

/* auth = pubkey, rsa-2048-sha256 and the like. False: it is something else. */
bool config_auth_pubkey(struct config_reader *r, const struct conf_key *k, const char *text);
void config_certs(struct config_reader *r, const struct conf_key *k);
void config_cacerts(struct config_reader *r, const struct conf_key *k);
void config_pubkeys(struct config_reader *r, const struct conf_key *k);
void config_ca_id(struct config_reader *r, const struct conf_key *k);
void config_cert_policy(struct config_reader *r, const struct conf_key *k);
void config_revocation(struct config_reader *r, const struct conf_key *k);
void config_groups(struct config_reader *r, const struct conf_key *k);
/* Sections in a round: cert<suffix>, cacert<suffix>. */
void config_round_section(struct config_reader *r, const struct conf_section *s);

#endif
