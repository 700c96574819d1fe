/* SPDX-License-Identifier: Apache-2.0 */
#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without these Wireshark has the keys of ESP and does not use them. An operator's own file stays. */
static bool
write_preferences(const char *dir)
{
	static const char text[] = "esp.enable_encryption_decode: TRUE\n"
	                           "esp.enable_authentication_check: TRUE\n";
	char path[4096];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof path, "%s/preferences", dir) >= (int)sizeof path)
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST;
	n = write(fd, text, sizeof text - 1);
	close(fd);
	return n == (ssize_t)sizeof text - 1;
}

bool
keylog_open(struct keylog *k, const char *dir, char *why, size_t why_size)
{
	struct stat st;

	*k = (struct keylog) { 0 };
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: cannot make the folder for exported keys: %s", dir, strerror(errno));
		return false;
	}
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
		snprintf(why, why_size, "%s: not a folder: name one for the exported keys", dir);
		return false;
	}
	if (!write_preferences(dir)) {
		snprintf(why, why_size, "%s: cannot write into the folder for exported keys: %s", dir, strerror(errno));
		return false;
	}
	k->dir = strdup(dir);
	if (!k->dir)
		snprintf(why, why_size, "out of memory");
	return k->dir != NULL;
}

void
keylog_close(struct keylog *k)
{
	free(k->dir);
	k->dir = NULL;
}

/* A new line of @name in the folder; NULL where the export is off or fails. */
static FILE *
line_open(const struct keylog *k, const char *name)
{
	char path[4096];
	struct stat st;
	int fd;

	if (!k->dir || snprintf(path, sizeof path, "%s/%s", k->dir, name) >= (int)sizeof path)
		return NULL;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* An older file with wider permissions is narrowed before a key goes in; one that somebody else laid there gets none. */
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid != geteuid() || st.st_nlink != 1 || fchmod(fd, 0600) != 0) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	return fdopen(fd, "a");
}

static void
put_hex(FILE *f, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		fprintf(f, "%02x", s.p[i]);
}

void
keylog_ike(const struct keylog *k, const struct effect_keys *keys)
{
	FILE *f = line_open(k, "ikev1_decryption_table");

	if (!f)
		return;
	put_hex(f, span_of(keys->initiator_cookie, sizeof keys->initiator_cookie));
	fputc(',', f);
	put_hex(f, keys->ike_encr_key);
	fputc('\n', f);
	fclose(f);
}

/* Wireshark's names of the algorithms in its "esp_sa" table. */
static const char *
wireshark_encr(const struct transform *t)
{
	switch (t->id) {
	case ENCR_NULL:
		return "NULL";
	case ENCR_3DES:
		return "TripleDES-CBC [RFC2451]";
	case ENCR_AES_CBC:
		return "AES-CBC [RFC3602]";
	case ENCR_AES_CTR:
		return "AES-CTR [RFC3686]";
	/* Plain "AES-GCM" leaves the ICV in the plaintext, where Wireshark then looks for the trailer. */
	case ENCR_AES_GCM_8:
		return "AES-GCM with 8 octet ICV [RFC4106]";
	case ENCR_AES_GCM_12:
		return "AES-GCM with 12 octet ICV [RFC4106]";
	case ENCR_AES_GCM_16:
		return "AES-GCM with 16 octet ICV [RFC4106]";
	case ENCR_CHACHA20_POLY1305:
		return "ChaCha20 with Poly1305 [RFC7634]";
	default:
		return NULL;
	}
}

static const char *
wireshark_integ(const struct sa_params *sa)
{
	switch (sa->integ_id) {
	case INTEG_NONE:
		return "NULL"; /* an AEAD's name holds the length of its ICV, and no other authentication may stand beside it */
	case INTEG_HMAC_MD5_96:
		return "HMAC-MD5-96 [RFC2403]";
	case INTEG_HMAC_SHA1_96:
		return "HMAC-SHA-1-96 [RFC2404]";
	case INTEG_HMAC_SHA2_256_128:
		return "HMAC-SHA-256-128 [RFC4868]";
	case INTEG_HMAC_SHA2_256_96:
		return "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]";
	case INTEG_HMAC_SHA2_384_192:
		return "HMAC-SHA-384-192 [RFC4868]";
	case INTEG_HMAC_SHA2_512_256:
		return "HMAC-SHA-512-256 [RFC4868]";
	default:
		return NULL;
	}
}

void
keylog_sa(const struct keylog *k, const struct sa_params *sa)
{
	const char *encr = wireshark_encr(&sa->encr), *integ = wireshark_integ(sa);
	bool in = sa->direction == SA_INBOUND;
	char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
	FILE *f = encr && integ ? line_open(k, "esp_sa") : NULL;

	if (!f)
		return;
	ip_format(src, in ? &sa->remote.ip : &sa->local.ip);
	ip_format(dst, in ? &sa->local.ip : &sa->remote.ip);
	fprintf(f, "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"0x", sa->local.ip.family == IP_V6 ? "IPv6" : "IPv4", src, dst,
	        sa->spi, encr);
	put_hex(f, sa->encr_key);
	fprintf(f, "\",\"%s\",\"0x", integ);
	put_hex(f, sa->integ_key);
	fputs("\"\n", f);
	fclose(f);
}
