/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "steer.h"
#include "virtual_ip.h"

/*
 * A daemon that was killed leaves unreachable routes and nftables rules behind,
 * so that nothing protected goes out in clear until it is back, or until
 * somebody decides that it will not come back.
 */
int
cli_flush(struct cli *c)
{
	const struct steer_options o = { .tun_name = "sallyport0", .state_dir = c->runtime_dir, .route_table = c->table };
	struct sallyport *s = c->force ? NULL : sallyport_connect(c->socket);
	bool steered = false, lent = false;
	char why[512] = "";

	if (s) {
		sallyport_disconnect(s);
		fprintf(stderr,
		        "sallyport: a daemon serves %s, and its routes and rules are in use: stop it first, or say --force\n",
		        c->socket);
		return EXIT_FAILED;
	}
	if (!steer_flush(&o, &steered, why, sizeof why) || !virtual_ips_flush(c->runtime_dir, &lent, why, sizeof why)) {
		fprintf(stderr, "sallyport: flush: %s\n", why);
		return EXIT_FAILED;
	}
	if (!steered && !lent) {
		printf("Nothing was left to remove: there are no routes, rules or drops of a daemon.\n");
		return EXIT_OK;
	}
	printf("Removed what was left of routes, rules and drops: traffic flows in clear again wherever a plain route exists.\n");
	return EXIT_OK;
}
