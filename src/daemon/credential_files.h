/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CREDENTIAL_FILES_H
#define SALLYPORT_CREDENTIAL_FILES_H

#include "conf_tree.h"
#include "credentials.h"

/*
 * Certificates and keys in files: the folders beside swanctl.conf (x509,
 * x509ca, x509ocsp, x509crl, pubkey, private, rsa, ecdsa, pkcs8, pkcs12).
 */

enum { CREDENTIAL_PATH_MAX = 4096 };

/* secrets.private<suffix> and its like: what opens one file. */
struct passphrase {
	struct passphrase *next;
	const char *kind;  /* "private", "rsa", "ecdsa", "pkcs8", "pkcs12": also the folder */
	const char *file;  /* name in that folder, or a path */
	const char *where; /* of the section */
	struct span secret;
	bool used;
};

/* The path of @file: as it is when it begins with '/', else in a folder beside swanctl.conf. False when it is too long. */
bool credential_path(char out[CREDENTIAL_PATH_MAX], const char *dir, const char *folder, const char *file);
/* The whole of a file, wiped by secret_clear(). False with a sentence in *why. */
bool credential_file_read(struct secret *out, const char *path, size_t max, const char **why);

/**
 * credentials_load_folders - what lies in the folders beside swanctl.conf.
 *
 * What cannot be used is a notice: nobody named it. A private key that everybody
 * can read is an error, and so is a passphrase that opens nothing.
 */
void credentials_load_folders(struct credentials *out, const char *dir, struct passphrase *secrets, struct conf_errors *errs);

/*
 * Writes a revocation list into x509crl, where the next start finds it, and says
 * its path; one of the same issuer gives way. False with a sentence in *why.
 */
bool credential_file_keep_crl(char path[CREDENTIAL_PATH_MAX], const char *dir, const struct crl *crl, const char **why);

#endif
