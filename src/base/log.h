/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_LOG_H
#define SALLYPORT_LOG_H

/* strongSwan's log groups and levels, so that its settings and readers work here. */
enum log_group {
	LOG_DMN, LOG_MGR, LOG_IKE, LOG_CHD, LOG_JOB, LOG_CFG, LOG_KNL, LOG_NET,
	LOG_ASN, LOG_ENC, LOG_TNC, LOG_IMC, LOG_IMV, LOG_PTS, LOG_TLS, LOG_APP, LOG_ESP, LOG_LIB,
	LOG_GROUPS
};

enum {
	LOG_SILENT = -1,
	LOG_AUDIT = 0,   /* what an operator must know */
	LOG_CONTROL = 1, /* the course of events */
	LOG_DETAIL = 2,
	LOG_RAW = 3,
};

/* "IKE", "CHD", ... */
const char *log_group_name(enum log_group g);

#endif
