/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_ATTRIBUTE_H
#define SALLYPORT_CONFIG_ATTRIBUTE_H

#include "addr.h"
#include "isakmp.h"

/* What the Attribute payload of the Transaction exchange carries. */

/* draft-dukes-ike-mode-cfg-02 section 3.3 */
enum config_type { CONFIG_REQUEST = 1, CONFIG_REPLY = 2, CONFIG_SET = 3, CONFIG_ACK = 4 };

enum config_attribute_type {
	/* draft-dukes-ike-mode-cfg-02 section 3.4 */
	INTERNAL_IP4_ADDRESS = 1,
	INTERNAL_IP4_NETMASK = 2,
	INTERNAL_IP4_DNS = 3,
	INTERNAL_IP4_NBNS = 4,
	INTERNAL_ADDRESS_EXPIRY = 5,
	INTERNAL_IP4_DHCP = 6,
	APPLICATION_VERSION = 7,
	INTERNAL_IP6_ADDRESS = 8,
	INTERNAL_IP6_NETMASK = 9,
	INTERNAL_IP6_DNS = 10,
	INTERNAL_IP6_NBNS = 11,
	INTERNAL_IP6_DHCP = 12,
	INTERNAL_IP4_SUBNET = 13,
	SUPPORTED_ATTRIBUTES = 14,
	INTERNAL_IP6_SUBNET = 15,
	INTERNAL_IP4_SERVER = 23456, /* strongSwan's `server` */
	INTERNAL_IP6_SERVER = 23457,
	/* draft-beaulieu-ike-xauth-02 section 6.2 */
	XAUTH_TYPE = 16520,
	XAUTH_USER_NAME = 16521,
	XAUTH_USER_PASSWORD = 16522,
	XAUTH_PASSCODE = 16523,
	XAUTH_MESSAGE = 16524,
	XAUTH_CHALLENGE = 16525,
	XAUTH_DOMAIN = 16526,
	XAUTH_STATUS = 16527,
	XAUTH_NEXT_PIN = 16528,
	XAUTH_ANSWER = 16529,
	/* Cisco Unity */
	UNITY_BANNER = 28672,
	UNITY_SAVE_PASSWD = 28673,
	UNITY_DEF_DOMAIN = 28674,
	UNITY_SPLITDNS_NAME = 28675,
	UNITY_SPLIT_INCLUDE = 28676,
	UNITY_NATT_PORT = 28677,
	UNITY_LOCAL_LAN = 28678,
	UNITY_PFS = 28679,
	UNITY_FW_TYPE = 28680,
	UNITY_BACKUP_SERVERS = 28681,
	UNITY_DDNS_HOSTNAME = 28682,
};

enum { XAUTH_TYPE_GENERIC = 0, XAUTH_STATUS_FAIL = 0, XAUTH_STATUS_OK = 1 };

/* The draft's word for it; NULL for a number without a name. */
/* "REQUEST"; NULL for a number without a name. */
const char *config_type_name(uint8_t type);
bool config_attribute_is_unity(uint16_t type);
bool config_attribute_is_xauth(uint16_t type);

/* The first attribute of a type; NULL if none. @after: continue behind it. */
const struct attribute *config_attribute_find(const struct attr_payload *p, uint16_t type, const struct attribute *after);

/*
 * An address of either family as the attribute's octets say it: 4, or 16 and perhaps a prefix
 * length behind. IP_NONE: empty or of another length.
 */
struct ip config_attribute_ip(const struct attribute *a);

/*
 * The networks of a UNITY_SPLIT_INCLUDE or UNITY_LOCAL_LAN: address, mask and six
 * octets for protocol and ports in each. Returns how many of at most @max went to @out.
 */
size_t unity_networks_read(struct selector *out, size_t max, struct span octets);
enum { UNITY_NETWORK_OCTETS = 14 };
/* One network for such a list. False: not an IPv4 prefix. */
bool unity_network_write(uint8_t out[UNITY_NETWORK_OCTETS], const struct selector *s);

#endif
