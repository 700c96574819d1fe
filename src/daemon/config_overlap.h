/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_CONFIG_OVERLAP_H
#define SALLYPORT_CONFIG_OVERLAP_H

#include "conf_tree.h"
#include "config.h"

/*
 * Notices of children that claim the same traffic, or, with the same peer, a part of it: only one of them carries it, and the
 * notice says which. No mistake: they may be alternatives. @connections is what @c was read from.
 */
void config_overlaps(const struct config *c, const struct conf_section *connections, struct conf_errors *errs);

#endif
