/* SPDX-License-Identifier: Apache-2.0 */
#include "isakmp.h"

const char *
payload_name(uint8_t type)
{
	switch (type) {
	case PAYLOAD_SA:
		return "Security Association";
	case PAYLOAD_P:
		return "Proposal";
	case PAYLOAD_T:
		return "Transform";
	case PAYLOAD_KE:
		return "Key Exchange";
	case PAYLOAD_ID:
		return "Identification";
	case PAYLOAD_CERT:
		return "Certificate";
	case PAYLOAD_CR:
		return "Certificate Request";
	case PAYLOAD_HASH:
		return "Hash";
	case PAYLOAD_SIG:
		return "Signature";
	case PAYLOAD_NONCE:
		return "Nonce";
	case PAYLOAD_N:
		return "Notification";
	case PAYLOAD_D:
		return "Delete";
	case PAYLOAD_VID:
		return "Vendor ID";
	case PAYLOAD_ATTR:
		return "Attribute";
	case PAYLOAD_NAT_D:
	case PAYLOAD_NAT_D_DRAFT:
		return "NAT-D";
	case PAYLOAD_NAT_OA:
	case PAYLOAD_NAT_OA_DRAFT:
		return "NAT-OA";
	case PAYLOAD_FRAGMENT:
		return "Fragment";
	}
	return NULL;
}

const char *
exchange_name(uint8_t type)
{
	switch (type) {
	case EXCHANGE_BASE:
		return "Base Exchange";
	case EXCHANGE_MAIN:
		return "Main Mode";
	case EXCHANGE_AUTH_ONLY:
		return "Authentication Only Exchange";
	case EXCHANGE_AGGRESSIVE:
		return "Aggressive Mode";
	case EXCHANGE_INFORMATIONAL:
		return "Informational Exchange";
	case EXCHANGE_TRANSACTION:
		return "Transaction Exchange";
	case EXCHANGE_QUICK:
		return "Quick Mode";
	case EXCHANGE_NEW_GROUP:
		return "New Group Mode";
	}
	return NULL;
}
