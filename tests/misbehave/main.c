/* SPDX-License-Identifier: Apache-2.0 */
#include "misbehave.h"

int
main(void)
{
#define X(name) cmocka_unit_test(misbehave_##name),
	const struct CMUnitTest tests[] = { MISBEHAVIOURS(X) };
#undef X

	return cmocka_run_group_tests(tests, NULL, NULL);
}
