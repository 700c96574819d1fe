/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_TEST_VICI_TEXT_H
#define SALLYPORT_TEST_VICI_TEXT_H

#include "sallyport/sallyport.h"

/*
 * vici's messages as tests write them:
 *
 *   key=value key='some words' section{ key=value } list[one 'item two']
 */

enum { VICI_TEXT_WORD_MAX = 512 };

/* A text that is no message ends the program. */
struct sallyport_message *vici_text_read(const char *text);
/* What @of holds, in the same form without quotes, behind what @out holds; cut where there is no more room. */
void vici_text_append(char *out, size_t size, const struct sallyport_node *of);
/* Up to one of @ends, or what is between quotes. Returns what follows. */
const char *vici_text_word(char out[VICI_TEXT_WORD_MAX], const char *at, const char *ends);

#endif
