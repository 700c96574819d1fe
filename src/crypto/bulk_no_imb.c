/* SPDX-License-Identifier: Apache-2.0 */
#include "bulk_provider.h"

/* Built instead of bulk_imb.c where libipsec-mb does not exist. */
const struct bulk_provider_ops *const bulk_imb_ops = NULL;
