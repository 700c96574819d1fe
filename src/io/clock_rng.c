/* SPDX-License-Identifier: Apache-2.0 */
#include "clock_rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* One system call fills this many octets at once: most requests are for a few. */
enum { POOL_OCTETS = 256 };

instant_t
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return SECONDS(t.tv_sec) + t.tv_nsec;
}

static void
from_kernel(uint8_t *p, size_t n)
{
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Keys without randomness would be worse than no service. */
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

static void
fill(struct rng *self, void *out, size_t n)
{
	static _Thread_local uint8_t pool[POOL_OCTETS];
	static _Thread_local size_t left;

	(void)self;
	if (n > POOL_OCTETS) {
		from_kernel(out, n);
		return;
	}
	if (left < n) {
		from_kernel(pool, POOL_OCTETS);
		left = POOL_OCTETS;
	}
	memcpy(out, pool + POOL_OCTETS - left, n);
	/* What was given out must not be found in memory later. */
	explicit_bzero(pool + POOL_OCTETS - left, n);
	left -= n;
}

struct rng *
system_rng(void)
{
	static struct rng rng = { .fill = fill };

	return &rng;
}
