/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

const char *
log_group_name(enum log_group g)
{
	static const char *const names[LOG_GROUPS] = {
		"DMN", "MGR", "IKE", "CHD", "JOB", "CFG", "KNL", "NET", "ASN",
		"ENC", "TNC", "IMC", "IMV", "PTS", "TLS", "APP", "ESP", "LIB",
	};

	return (unsigned)g < LOG_GROUPS ? names[g] : "???";
}
