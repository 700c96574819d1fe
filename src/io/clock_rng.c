/* SPDX-License-Identifier: Apache-2.0 */
#include "clock_rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

instant_t
clock_boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return SECONDS(t.tv_sec) + t.tv_nsec;
}

static void
fill(struct rng *self, void *out, size_t n)
{
	uint8_t *p = out;

	(void)self;
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
}

struct rng *
rng_kernel(void)
{
	static struct rng r = { .fill = fill };

	return &r;
}
