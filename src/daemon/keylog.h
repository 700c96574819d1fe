/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_KEYLOG_H
#define SALLYPORT_KEYLOG_H

#include "effects.h"

/*
 * Keys for Wireshark: `ikev1_decryption_table` and `esp_sa` in a folder of
 * their own, mode 0600, in the form that Wireshark reads as it is (point
 * WIRESHARK_CONFIG_DIR at the folder), and `preferences` that have it open ESP.
 * Off unless named on the command line.
 */
struct keylog {
	char *dir; /* NULL: off */
};

/* Makes the folder (0700) if it is not there. False with a sentence in @why. */
bool keylog_open(struct keylog *k, const char *dir, char *why, size_t why_size);
void keylog_close(struct keylog *k);

void keylog_ike(const struct keylog *k, const struct effect_keys *keys);
void keylog_sa(const struct keylog *k, const struct sa_params *sa);

#endif
