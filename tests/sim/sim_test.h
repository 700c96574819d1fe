/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_SIM_TEST_H
#define SALLYPORT_SIM_TEST_H

#include "check.h"
#include "sim.h"

/* A test named by what it proves, and an expectation that says for which case it failed. */
#define TEST(name) static void name(void **state __attribute__((unused)))

#define EXPECT(condition, which)                                                                                                 \
	do {                                                                                                                     \
		if (!(condition))                                                                                                \
			fail_msg("%s:%d: not so in case %llu: %s", __FILE__, __LINE__, (unsigned long long)(which), #condition); \
	} while (0)

/* No invariant of the simulated data plane or of the engine's contract was broken. */
#define EXPECT_SOUND(net, which)                                                                                                 \
	do {                                                                                                                     \
		const char *broken_ = sim_failure(net);                                                                          \
		if (broken_)                                                                                                     \
			fail_msg("%s:%d: case %llu: %s", __FILE__, __LINE__, (unsigned long long)(which), broken_);              \
	} while (0)

/* No packet sent at any time could have been lost. */
#define EXPECT_NO_LOSS(net, which)                                                                                               \
	do {                                                                                                                     \
		if ((net)->w->lost_windows)                                                                                      \
			fail_msg("%s:%d: case %llu: a packet would be lost %s", __FILE__, __LINE__, (unsigned long long)(which), \
			         (net)->w->last_loss);                                                                           \
	} while (0)

#define EXPECT_ONE_TUNNEL(net, a, b, which)                                                                                      \
	do {                                                                                                                     \
		const char *not_so_ = sim_not_one_tunnel(a, b);                                                                  \
		if (not_so_)                                                                                                     \
			fail_msg("%s:%d: not so in case %llu: %s", __FILE__, __LINE__, (unsigned long long)(which), not_so_);    \
		EXPECT_SOUND(net, which);                                                                                        \
	} while (0)

#endif
