/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_RADIUS_SETTINGS_H
#define SALLYPORT_RADIUS_SETTINGS_H

#include "addr.h"
#include "conf_value.h"
#include "secret.h"

/* charon.plugins.eap-radius of a strongswan.conf; names in comments are its own. */

enum { RADIUS_SERVERS_MAX = 16, RADIUS_NAS_IDENTIFIER_MAX = 253 };

struct radius_server {
	char *name;
	struct ip address;             /* address */
	uint16_t auth_port, acct_port; /* auth_port 1812, acct_port 1813 */
	struct secret secret;          /* secret */
	char *nas_identifier;          /* nas_identifier; NULL: "sallyport" */
	unsigned preference;           /* preference: higher goes first */
	bool plain_station;            /* station_id_with_port = no */
};

struct radius_settings {
	struct radius_server server[RADIUS_SERVERS_MAX]; /* in the order in which they are asked */
	size_t n;
	bool accounting;             /* accounting */
	bool keep_on_timeout;        /* accounting_close_on_timeout = no */
	bool accounting_needs_vip;   /* accounting_requires_vip */
	bool accounting_sends_class; /* accounting_send_class */
	instant_t interim;           /* accounting_interval: where the server names none */
	bool class_group, filter_id; /* class_group, filter_id: what of an Access-Accept is a group */
	double timeout, base;        /* retransmit_timeout 2.0 s, retransmit_base 1.4 */
	unsigned tries;              /* retransmit_tries 4: how often it is sent */
	bool unsigned_ok;            /* charon.sallyport.radius_unsigned: answers without a Message-Authenticator count */
	char *xauth_eap;             /* charon.plugins.xauth-eap.backend; NULL: radius where there is a server, else secrets */
};

/* Sections eap-radius and xauth-eap of charon.plugins; false: it is none of them. */
bool radius_settings_plugin(struct radius_settings *s, const struct conf_section *p, struct conf_errors *errs);
void radius_settings_free(struct radius_settings *s);

#endif
