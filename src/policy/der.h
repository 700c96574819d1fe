/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_DER_H
#define SALLYPORT_DER_H

#include "span.h"

/*
 * A bounded reader of DER (X.690): what names in certificates and ID payloads
 * need, and no more. All bounds checks are in der_next().
 */

enum der_tag {
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_T61_STRING = 0x14,
	DER_IA5_STRING = 0x16,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/*
 * Takes the next element off the front of @in. False at the end and where it is
 * damaged: then @in is not empty. Refused: tags of several octets, indefinite
 * lengths, and lengths that are not in their shortest form (X.690 section 10.1).
 */
bool der_next(struct span *in, uint8_t *tag, struct span *content);
/* The same where the element must have that tag. */
bool der_take(struct span *in, uint8_t tag, struct span *content);

/* Writes tag and length of @n octets to @out (4 octets at most); their number. @n is at most 65535. */
size_t der_put_header(uint8_t out[4], uint8_t tag, size_t n);

#endif
