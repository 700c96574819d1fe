/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VENDOR_ID_H
#define SALLYPORT_VENDOR_ID_H

#include "span.h"

/* Vendor ID payloads, RFC 2408 section 3.16: what a peer can do, and for the log which program it is. */
enum vendor_id {
	VENDOR_UNKNOWN = 0,
	VENDOR_NAT_T_RFC3947,
	VENDOR_NAT_T_DRAFT_03,
	VENDOR_NAT_T_DRAFT_02_NEWLINE, /* the hash of the name with the newline that most peers hashed with it */
	VENDOR_NAT_T_DRAFT_02,
	VENDOR_NAT_T_DRAFT_00,
	VENDOR_DPD,             /* RFC 3706 */
	VENDOR_XAUTH,           /* draft-beaulieu-ike-xauth-02 */
	VENDOR_UNITY,           /* Cisco's Mode Config attributes */
	VENDOR_FRAGMENTATION,   /* fragments of IKE messages in payload 132 */
	VENDOR_INITIAL_CONTACT, /* Microsoft's */
	VENDOR_SALLYPORT,
	VENDOR_STRONGSWAN,
	VENDOR_LIBRESWAN, /* and its forerunners: "OE" and more */
	VENDOR_RACOON,
	VENDOR_MICROSOFT,
	VENDOR_CISCO_VPN3000,
	VENDOR_IDS,
};

/* The octets that we send for it. */
struct span vendor_id_octets(enum vendor_id id);

/* What a payload's data is; those that carry a version behind their hash are recognised by the hash. */
enum vendor_id vendor_id_recognise(struct span data);

/* For logs: "NAT-T (RFC 3947)", "strongSwan". Never NULL. */
const char *vendor_id_name(enum vendor_id id);

/* True for those that name a program or maker and not an ability. */
bool vendor_id_is_implementation(enum vendor_id id);

#endif
