/* SPDX-License-Identifier: Apache-2.0 */
#include "config_habits.h"

#include <string.h>

#include "config_keys.h"

/* ipsec.conf(5) on the left. */
static const struct {
	const char *habit, *key;
} habits[] = {
	{ "ah", "children.<child>.ah_proposals" },
	{ "authby", "local.auth and remote.auth" },
	{ "auto", "children.<child>.start_action" },
	{ "closeaction", "children.<child>.close_action" },
	{ "compress", "children.<child>.ipcomp" },
	{ "dpdaction", "children.<child>.dpd_action" },
	{ "dpddelay", "dpd_delay" },
	{ "dpdtimeout", "dpd_timeout" },
	{ "esp", "children.<child>.esp_proposals" },
	{ "forceencaps", "encap" },
	{ "ike", "proposals" },
	{ "ikelifetime", "rekey_time and over_time" },
	{ "keyexchange", "version (1 for ikev1)" },
	{ "keylife", "children.<child>.life_time" },
	{ "left", "local_addrs" },
	{ "leftauth", "local.auth" },
	{ "leftcert", "local.certs" },
	{ "leftid", "local.id" },
	{ "leftsourceip", "vips" },
	{ "leftsubnet", "children.<child>.local_ts" },
	{ "leftupdown", "children.<child>.updown" },
	{ "lifetime", "children.<child>.life_time" },
	{ "modeconfig", "pull" },
	{ "phase2alg", "children.<child>.esp_proposals" },
	{ "right", "remote_addrs" },
	{ "rightauth", "remote.auth" },
	{ "rightcert", "remote.certs" },
	{ "rightid", "remote.id" },
	{ "rightsourceip", "pools" },
	{ "rightsubnet", "children.<child>.remote_ts" },
	{ "type", "children.<child>.mode" },
	{ "uniqueids", "unique" },
};

static bool
has(const struct key_row *rows, const char *key)
{
	while (rows->name && strcmp(rows->name, key))
		rows++;
	return rows->name;
}

const char *
config_habit(const char *key)
{
	for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
		if (!strcmp(habits[i].habit, key))
			return habits[i].key;
	/* A name of several sections says nothing: then the nearest of this one is the better guess. */
	if (has(config_child_rows, key) && !has(config_conn_rows, key))
		return "a key of children.<child>";
	if (has(config_conn_rows, key) && !has(config_child_rows, key))
		return "a key of connections.<conn>";
	return has(config_local_rows, key) ? "a key of local and remote" : NULL;
}
