/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

/* "the group ... MUST be the same" in all that one Quick Mode offers (RFC 2409 section 5.5): its KE payload has one. */
MISBEHAVIOUR(two_groups)
{
	autorogue r = rogue_open(ROGUE_INITIATES);
	struct transform_payload two[2];
	struct attribute with_group[9];
	size_t n;

	rogue_reach(&r, 7);
	n = r.offer.t.n_attr;
	memcpy(with_group, r.offer.t.attr, n * sizeof *with_group);
	with_group[n++] = (struct attribute) { .type = 3, .tv = true, .value = DH_ECP_384 };
	two[0] = two[1] = r.offer.t;
	two[0].attr = with_group;
	two[0].n_attr = n;
	two[1].number++;
	/* The one with a group comes without its KE payload: the one without is taken, or none. */
	r.offer.p.transform = two;
	r.offer.p.n_transform = 1;
	rogue_send(&r);
	assert_int_equal(r.installed_in, 0);
	assert_true(rogue_verdicts(&r) > 0);
}
