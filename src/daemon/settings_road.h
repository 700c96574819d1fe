/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SETTINGS_ROAD_H
#define SALLYPORT_SETTINGS_ROAD_H

#include "pools.h"
#include "radius_settings.h"

/* Settings of a strongswan.conf that concern road warriors; names in comments are its own. */
struct road_settings {
	bool no_virtual_ip;   /* charon.install_virtual_ip = no */
	char *vip_interface;  /* charon.install_virtual_ip_on; NULL: the TUN device */
	char *resolv_conf;    /* charon.plugins.resolve.file; NULL: name servers are not installed */
	struct attribute_list attributes; /* charon.dns1, dns2, nbns1, nbns2, charon.plugins.attr.*: for every client */
	struct radius_settings radius;
};

/* Keys of the charon section; false: it is none of ours. */
bool road_settings_charon(struct road_settings *s, const struct conf_key *k, struct conf_errors *errs);
/* Sections of charon.plugins; false: it is none of ours. */
bool road_settings_plugin(struct road_settings *s, const struct conf_section *p, bool *unity, struct conf_errors *errs);
void road_settings_free(struct road_settings *s);

#endif
