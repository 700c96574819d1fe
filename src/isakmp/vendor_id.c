/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor_id.h"

struct vendor {
	const char *name;
	uint8_t n;   /* octets that we compare, and send */
	bool prefix; /* a version may follow */
	uint8_t b[18];
};

/* Most are the MD5 hash of the quoted text; the unit test computes it again. */
static const struct vendor vendors[VENDOR_IDS] = {
	[VENDOR_UNKNOWN] = { "an unknown vendor ID" },
	/* "RFC 3947": RFC 3947 section 3.1 */
	[VENDOR_NAT_T_RFC3947] = { "NAT-T (RFC 3947)", 16, false,
	                           "\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f" },
	/* "draft-ietf-ipsec-nat-t-ike-03" */
	[VENDOR_NAT_T_DRAFT_03] = { "draft-ietf-ipsec-nat-t-ike-03", 16, false,
	                            "\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56" },
	/* "draft-ietf-ipsec-nat-t-ike-02\n" */
	[VENDOR_NAT_T_DRAFT_02_NEWLINE] = { "draft-ietf-ipsec-nat-t-ike-02\\n", 16, false,
	                                    "\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f" },
	/* "draft-ietf-ipsec-nat-t-ike-02" */
	[VENDOR_NAT_T_DRAFT_02] = { "draft-ietf-ipsec-nat-t-ike-02", 16, false,
	                            "\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48" },
	/* "draft-ietf-ipsec-nat-t-ike-00" */
	[VENDOR_NAT_T_DRAFT_00] = { "draft-ietf-ipsec-nat-t-ike-00", 16, false,
	                            "\x44\x85\x15\x2d\x18\xb6\xbb\xcd\x0b\xe8\xa8\x46\x95\x79\xdd\xcc" },
	/* RFC 3706 section 5.1: the last two octets are the version, here 1.0 */
	[VENDOR_DPD] = { "DPD", 16, false, "\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00" },
	/* the first half of the hash of "draft-ietf-ipsra-isakmp-xauth-06.txt" */
	[VENDOR_XAUTH] = { "XAuth", 8, false, "\x09\x00\x26\x89\xdf\xd6\xb7\x12" },
	/* the hash of "CISCO-UNITY" with its last two octets replaced by a version */
	[VENDOR_UNITY] = { "Cisco Unity", 16, false, "\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc\x01\x00" },
	/* "FRAGMENTATION"; four octets of flags may follow */
	[VENDOR_FRAGMENTATION] = { "FRAGMENTATION", 16, true,
	                           "\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3" },
	/* "Vid-Initial-Contact" */
	[VENDOR_INITIAL_CONTACT] = { "Vid-Initial-Contact", 16, false,
	                             "\x26\x24\x4d\x38\xed\xdb\x61\xb3\x17\x2a\x36\xe3\xd0\xcf\xb8\x19" },
	/* ours: the first half of the SHA-256 hash of "Sallyport" */
	[VENDOR_SALLYPORT] = { "Sallyport", 16, true, "\xdc\x36\x5a\x61\xf2\x55\x92\xf2\x0a\x34\x9c\xae\xf8\xe2\xc9\x61" },
	/* "strongSwan" */
	[VENDOR_STRONGSWAN] = { "strongSwan", 16, false, "\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb" },
	/* text: "OE-Libreswan-4.10"; older ones "OE" and a hash */
	[VENDOR_LIBRESWAN] = { "libreswan or Openswan", 2, true, "\x4f\x45" },
	/* "KAME/racoon" */
	[VENDOR_RACOON] = { "racoon", 16, false, "\x70\x03\xcb\xc1\x09\x7d\xbe\x9c\x26\x00\xba\x69\x83\xbc\x8b\x35" },
	/* "MS NT5 ISAKMPOAKLEY" and a version */
	[VENDOR_MICROSOFT] = { "Microsoft Windows", 16, true,
	                       "\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61" },
	[VENDOR_CISCO_VPN3000] = { "Cisco VPN 3000", 13, true, "\x1f\x07\xf7\x0e\xaa\x65\x14\xd3\xb0\xfa\x96\x54\x2a" },
};

enum { DPD_HASH_OCTETS = 14 };

struct span
vendor_id_octets(enum vendor_id id)
{
	return span_of(vendors[id].b, vendors[id].n);
}

static bool
is(struct span data, enum vendor_id id)
{
	struct span known = vendor_id_octets(id);
	/* RFC 3706 section 5.1: the two octets behind the hash are major and minor version. */
	size_t n = id == VENDOR_DPD ? (size_t)DPD_HASH_OCTETS : known.n;

	if (data.n < known.n || (data.n > known.n && !vendors[id].prefix))
		return false;
	return memcmp(data.p, known.p, n) == 0;
}

enum vendor_id
vendor_id_recognise(struct span data)
{
	for (int id = VENDOR_UNKNOWN + 1; id < VENDOR_IDS; id++)
		if (is(data, id))
			return id;
	return VENDOR_UNKNOWN;
}

const char *
vendor_id_name(enum vendor_id id)
{
	return vendors[id < VENDOR_IDS ? id : VENDOR_UNKNOWN].name;
}

bool
vendor_id_is_implementation(enum vendor_id id)
{
	return id >= VENDOR_SALLYPORT && id < VENDOR_IDS;
}
