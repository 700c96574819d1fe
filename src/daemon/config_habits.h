/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_HABITS_H
#define SALLYPORT_CONFIG_HABITS_H

/*
 * What swanctl.conf has for a key that somebody wrote from the habit of ipsec.conf, "children.<child>.local_ts" for
 * "leftsubnet"; or where a key belongs that stands in another section, "a key of children.<child>". NULL: nobody knows.
 */
const char *config_habit(const char *key);

#endif
