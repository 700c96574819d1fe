/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <stdio.h>

const struct sim_method sim_methods[] = {
	{ "psk", "psk=swordfish", "psk=swordfish", false },
	{ "aggressive", "aggressive aggressive-psk without-pfs psk=swordfish",
	  "aggressive aggressive-psk without-pfs psk=swordfish", false },
	{ "signature", "key=alice-ec256 trust=bob-ec256", "key=bob-ec256 trust=alice-ec256", false },
	{ "rsa-signature", "key=alice-rsa trust=bob-rsa", "key=bob-rsa trust=alice-rsa", false },
	{ "aggressive-signature", "aggressive without-pfs key=alice-ec256 trust=bob-ec256",
	  "aggressive without-pfs key=bob-ec256 trust=alice-ec256", false },
	{ "road", "psk=swordfish login=carol:4iChxLT3 vip=0.0.0.0", "psk=swordfish user=carol:4iChxLT3 pool=10.9.0.1", true },
	{ "push-road", "psk=swordfish login=carol:4iChxLT3 vip=0.0.0.0 push",
	  "psk=swordfish user=carol:4iChxLT3 pool=10.9.0.1 push", true },
	{ "aggressive-road", "aggressive aggressive-psk without-pfs psk=swordfish login=carol:4iChxLT3 vip=0.0.0.0",
	  "aggressive aggressive-psk without-pfs psk=swordfish user=carol:4iChxLT3 pool=10.9.0.1", true },
	{ "hybrid", "hybrid=client trust=bob-rsa login=carol:4iChxLT3 vip=0.0.0.0",
	  "hybrid=gateway key=bob-rsa user=carol:4iChxLT3 pool=10.9.0.1", true },
	{ "aggressive-hybrid", "aggressive without-pfs hybrid=client trust=bob-rsa login=carol:4iChxLT3 vip=0.0.0.0",
	  "aggressive without-pfs hybrid=gateway key=bob-rsa user=carol:4iChxLT3 pool=10.9.0.1", true },
	{ 0 },
};

const struct sim_method *
sim_method(const char *name)
{
	const struct sim_method *m = sim_methods;

	while (m->name && strcmp(m->name, name) != 0)
		m++;
	if (m->name)
		return m;
	fprintf(stderr, "no method of that name: %s\n", name);
	return NULL;
}
