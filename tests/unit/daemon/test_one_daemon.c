/* SPDX-License-Identifier: Apache-2.0 */
#include "one_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HANGS_AFTER_S = 20 };

static char dir[] = "/tmp/sp-one-daemon-XXXXXX";
static char pid_file[64], vici[64];

static int
make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(pid_file, sizeof pid_file, "%s/sallyportd.pid", dir);
	snprintf(vici, sizeof vici, "%s/vici.sock", dir);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(pid_file);
	unlink(vici);
	return rmdir(dir);
}

static void
the_second_one_is_told_of_the_first(void **state)
{
	char why[512] = "", process[64];
	int first = one_daemon_enter(dir, why, sizeof why);

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(one_daemon_enter(dir, why, sizeof why), -1);
	snprintf(process, sizeof process, "(process %ld)", (long)getpid());
	assert_non_null(strstr(why, process));
	one_daemon_leave(first);
	first = one_daemon_enter(dir, why, sizeof why);
	assert_true(first >= 0);
	one_daemon_leave(first);
}

/* The kernel frees the lock of a process that is killed; the number that it leaves behind says nothing. */
static void
what_a_killed_one_leaves_is_in_nobodys_way(void **state)
{
	char why[512] = "", text[16] = "";
	pid_t pid = fork();
	int fd, status;

	(void)state;
	if (pid == 0)
		_exit(one_daemon_enter(dir, why, sizeof why) >= 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd = open(pid_file, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_int_equal(strtol(text, NULL, 10), pid);
	fd = one_daemon_enter(dir, why, sizeof why);
	assert_true(fd >= 0);
	one_daemon_leave(fd);
}

/* Nobody else may hold the lock: so nobody else may open the file, and a link does not lead to another one. */
static void
the_file_is_the_owners_alone(void **state)
{
	char why[512] = "";
	struct stat st;
	int fd;

	(void)state;
	unlink(pid_file);
	assert_int_equal(symlink("/dev/null", pid_file), 0);
	assert_int_equal(one_daemon_enter(dir, why, sizeof why), -1);
	assert_non_null(strstr(why, "cannot write"));
	unlink(pid_file);
	fd = one_daemon_enter(dir, why, sizeof why);
	assert_int_equal(stat(pid_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	one_daemon_leave(fd);
	assert_int_equal(one_daemon_enter("/tmp/sp-one-daemon-is-not-there", why, sizeof why), -1);
	assert_non_null(strstr(why, strerror(ENOENT)));
}

static int
listening(int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sa.sun_path, vici, sizeof sa.sun_path - 1);
	unlink(vici);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
a_socket_is_free_when_nobody_listens(void **state)
{
	char why[512] = "", process[64];
	int fd;

	(void)state;
	assert_true(one_daemon_socket_free(vici, why, sizeof why));
	fd = listening(4);
	assert_false(one_daemon_socket_free(vici, why, sizeof why));
	snprintf(process, sizeof process, "another daemon (process %ld)", (long)getpid());
	assert_non_null(strstr(why, process));
	close(fd);
	assert_true(one_daemon_socket_free(vici, why, sizeof why));
}

/* One that is stopped, or hangs, takes no connections from its queue; whoever starts does not hang with it. */
static void
a_daemon_that_hangs_is_there_as_well(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = listening(0), queued[8];
	char why[512] = "";
	size_t n = 0;

	(void)state;
	strncpy(sa.sun_path, vici, sizeof sa.sun_path - 1);
	do {
		queued[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	} while (connect(queued[n++], (struct sockaddr *)&sa, sizeof sa) == 0 && n < 8);
	assert_int_equal(errno, EAGAIN);
	alarm(HANGS_AFTER_S);
	assert_false(one_daemon_socket_free(vici, why, sizeof why));
	alarm(0);
	assert_non_null(strstr(why, "another daemon serves the control socket"));
	while (n)
		close(queued[--n]);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_one_is_told_of_the_first),
		cmocka_unit_test(what_a_killed_one_leaves_is_in_nobodys_way),
		cmocka_unit_test(the_file_is_the_owners_alone),
		cmocka_unit_test(a_socket_is_free_when_nobody_listens),
		cmocka_unit_test(a_daemon_that_hangs_is_there_as_well),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
