/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_ANEW_H
#define SALLYPORT_ANEW_H

#include "ike_sa.h"

/* What an IKE_SA that ends leaves to be done. */

struct restarts {
	struct restart *r;
	size_t n;
};

/* What is wanted under @from and is not up yet is wanted under @to, which takes over. */
void wishes_move(struct ike_sa *to, struct ike_sa *from);
/* What begins again when @sa has ended for this reason: restarts_run() does it, and frees @again. */
struct restarts restarts_collect(struct ike_sa *sa, enum end_cause why);
void restarts_run(struct ike *core, struct restarts *again);

#endif
