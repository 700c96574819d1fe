/* SPDX-License-Identifier: Apache-2.0 */
/* Name servers in a resolver's file, and the memory of what a dead process put there. */
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "name_servers.h"
#include "virtual_ip.h"

static char dir[] = "/tmp/sallyport-test-XXXXXX", file[64];

static void
write_file(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
expect_file(const char *text)
{
	char got[1024] = "";
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	assert_true(fread(got, 1, sizeof got - 1, f) < sizeof got);
	fclose(f);
	assert_string_equal(got, text);
}

static struct ip
ip(const char *text)
{
	struct ip a;

	assert_true(ip_parse(&a, text));
	return a;
}

static void
added_in_front_and_removed(void **state)
{
	struct ip a = ip("10.0.0.1"), b = ip("fd00::1");

	(void)state;
	write_file("search example.org\nnameserver 10.0.0.1\n");
	assert_int_equal(name_servers_add(file, &a), 0);
	assert_int_equal(name_servers_add(file, &b), 0);
	assert_int_equal(name_servers_add(file, &a), 0);
	expect_file("nameserver 10.0.0.1   # by Sallyport\nnameserver fd00::1   # by Sallyport\n"
	            "search example.org\nnameserver 10.0.0.1\n");
	assert_int_equal(name_servers_remove(file, &a), 0);
	assert_int_equal(name_servers_remove(file, &a), 0);
	assert_int_equal(name_servers_remove(file, &b), 0);
	/* The administrator's own line of the same server stays. */
	expect_file("search example.org\nnameserver 10.0.0.1\n");
}

static void
no_file_and_no_folder(void **state)
{
	struct ip a = ip("10.0.0.1");

	(void)state;
	remove(file);
	assert_int_equal(name_servers_add(file, &a), 0);
	expect_file("nameserver 10.0.0.1   # by Sallyport\n");
	assert_int_not_equal(name_servers_add("/nowhere/resolv.conf", &a), 0);
}

static void
held_by_two_and_flushed(void **state)
{
	struct virtual_ips v = { .dns_file = file, .state_dir = dir }, dead = v;
	struct ip dns = ip("10.0.0.1");
	char why[256];
	bool found;

	(void)state;
	write_file("nameserver 192.0.2.1\n");
	assert_true(virtual_ips_add(&v, 1, NULL, 0, &dns, 1, why, sizeof why));
	assert_true(virtual_ips_add(&v, 2, NULL, 0, &dns, 1, why, sizeof why));
	virtual_ips_remove(&v, 1);
	expect_file("nameserver 10.0.0.1   # by Sallyport\nnameserver 192.0.2.1\n");
	virtual_ips_remove(&v, 2);
	expect_file("nameserver 192.0.2.1\n");
	/* As after kill -9: nobody remembers but the file. */
	assert_true(virtual_ips_add(&dead, 1, NULL, 0, &dns, 1, why, sizeof why));
	assert_true(virtual_ips_flush(dir, &found, why, sizeof why) && found);
	expect_file("nameserver 192.0.2.1\n");
	assert_true(virtual_ips_flush(dir, &found, why, sizeof why) && !found);
}

static void
what_cannot_be_written_is_said(void **state)
{
	struct virtual_ips v = { .dns_file = "/nowhere/resolv.conf", .state_dir = dir };
	struct ip dns = ip("10.0.0.1");
	char why[256];

	(void)state;
	assert_false(virtual_ips_add(&v, 1, NULL, 0, &dns, 1, why, sizeof why));
	assert_non_null(strstr(why, "name server 10.0.0.1"));
	assert_int_equal(v.n, 0);
}

/* A full disk costs the administrator nothing: what was in the file stays. */
static void
no_room_for_more(void **state)
{
	static const char before[] = "nameserver 192.0.2.1\n";
	struct rlimit was, small = { sizeof before, RLIM_INFINITY };
	struct ip a = ip("10.0.0.1");

	(void)state;
	write_file(before);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_not_equal(name_servers_add(file, &a), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	expect_file(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(added_in_front_and_removed), cmocka_unit_test(no_file_and_no_folder),
		cmocka_unit_test(held_by_two_and_flushed),    cmocka_unit_test(what_cannot_be_written_is_said),
		cmocka_unit_test(no_room_for_more),
	};
	int failed;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/resolv.conf", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove(file);
	rmdir(dir);
	return failed;
}
