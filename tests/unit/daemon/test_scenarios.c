/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strongSwan's own test configurations, where they are at hand
 * (SALLYPORT_SHARED_DATA; GPL, so that none is part of this project): each is
 * accepted, or refused with places and reasons. None is misread.
 */
#include <ftw.h>

#include "conf_support.h"

static unsigned files, accepted;

static void
check_error(const char *path, const struct conf_error *x)
{
	static const char *const reasons[] = {
		"not yet supported",
		"is no algorithm",
		"is not an identity: a distinguished name",
		"needs an explicit 'version = 1'",
		"is not allowed",
		"is not for Phase 1",
		"cannot read",
		"there is no file",
		"several rounds",
		"may be read by everybody",
		"dhcp is not available",
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (strstr(x->text, reasons[i]))
			return;
	fail_msg("%s: %s", path, x->text);
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	struct config c = { 0 };
	struct conf_errors errs = { 0 };

	(void)st;
	if (type != FTW_F || strcmp(path + at->base, "swanctl.conf"))
		return 0;
	files++;
	accepted += config_load_file(&c, path, &errs);
	for (const struct conf_error *x = errs.first; x; x = x->next) {
		assert_non_null(strstr(x->text, ".conf:"));
		check_error(path, x);
	}
	config_free(&c);
	conf_errors_free(&errs);
	return 0;
}

static void
strongswan_scenarios(void **state)
{
	const char *data = getenv("SALLYPORT_SHARED_DATA");
	char path[512];

	(void)state;
	snprintf(path, sizeof path, "%s/scenarios", data ? data : "/nonexistent");
	if (access(path, R_OK))
		skip();
	assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
	assert_true(files > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(strongswan_scenarios) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
