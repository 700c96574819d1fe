/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_NAME_SERVERS_H
#define SALLYPORT_NAME_SERVERS_H

#include "addr.h"

/*
 * Name servers in a file like /etc/resolv.conf, each on a line of its own that
 * says whose it is; new ones go before all others. 0, or an errno value.
 */
int name_servers_add(const char *file, const struct ip *server);
int name_servers_remove(const char *file, const struct ip *server);

#endif
