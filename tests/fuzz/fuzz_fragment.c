/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fragments in any order, of any number and content: what is kept stays within its bounds, and a message that is whole
 * consists of exactly what was taken under its id since it was last forgotten.
 */
#include "fuzz.h"
#include "reassembly.h"

enum { MESSAGE_MAX = 600, HELD_MAX = 1000, IDS = 8, ENDS = 3 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reassembly *r[ENDS] = { 0 };
	struct fragment_pool pool = { .max = HELD_MAX, .message_max = MESSAGE_MAX };
	struct arena arena = { 0 };
	struct span message;
	instant_t now = 0;

	while (n >= 4) {
		uint8_t flags = data[2];
		size_t octets = data[3] < n - 4 ? data[3] : n - 4;
		struct message_fragment f = { data[0] % IDS, data[1], flags & 1, span_of(data + 4, octets) };

		now += flags & 2 ? SECONDS(11) : 0;
		message = (struct span) { 0 };

		enum reassembly_result result = reassembly_take(&r[(flags >> 2) % ENDS], &pool, now, &f, &arena, &message);

		fuzz_require(pool.held <= HELD_MAX);
		fuzz_require(result == REASSEMBLY_WHOLE || !message.p);
		fuzz_require(message.n <= MESSAGE_MAX);
		if (result == REASSEMBLY_WHOLE && (flags & 1) && octets)
			fuzz_require(message.n >= octets && !memcmp(message.p + message.n - octets, data + 4, octets));
		arena_clear(&arena);
		data += 4 + octets;
		n -= 4 + octets;
	}
	for (size_t i = 0; i < ENDS; i++)
		reassembly_free(r[i], &pool);
	fuzz_require(pool.held == 0 && !pool.oldest);
	return 0;
}
