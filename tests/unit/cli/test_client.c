/* SPDX-License-Identifier: Apache-2.0 */
/* libsallyport against a server that follows a script, octet by octet. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "sallyport/sallyport.h"

/* What the server does with one client: expect octets, send octets. */
struct step {
	const char *expect, *send;
	size_t n_expect, n_send;
};

#define STEP(e, s)                                                                                                               \
	{                                                                                                                        \
		e, s, sizeof(e) - 1, sizeof(s) - 1                                                                               \
	}

struct server {
	char dir[64], path[96];
	int fd;
	pthread_t thread;
	const struct step *step;
	size_t n;
	bool as_expected;
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	int c = accept(s->fd, NULL, NULL);
	char got[1024];

	s->as_expected = true;
	for (size_t i = 0; i < s->n; i++) {
		size_t n = 0;
		ssize_t r = 1;

		while (n < s->step[i].n_expect && (r = recv(c, got + n, s->step[i].n_expect - n, 0)) > 0)
			n += (size_t)r;
		if (n < s->step[i].n_expect || memcmp(got, s->step[i].expect, n))
			s->as_expected = false;
		/* In small pieces: a packet need not come at once. */
		for (size_t at = 0; at < s->step[i].n_send; at += 3)
			send(c, s->step[i].send + at, s->step[i].n_send - at < 3 ? s->step[i].n_send - at : 3, MSG_NOSIGNAL);
	}
	close(c);
	return NULL;
}

static struct sallyport *
start(struct server *s, const struct step *steps, size_t n)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct sallyport *client;

	*s = (struct server) { .dir = "/tmp/sallyport-test-XXXXXX", .step = steps, .n = n };
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof s->path, "%s/v", s->dir);
	memcpy(sa.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	client = sallyport_connect(s->path);
	assert_non_null(client);
	return client;
}

static void
stop(struct server *s, struct sallyport *client)
{
	sallyport_disconnect(client);
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
	rmdir(s->dir);
}

static void
request_and_answer(void **state)
{
	static const struct step steps[] = { STEP("\0\0\0\x12\0\7version\3\1a\0\4four", "\0\0\0\x0d\1\3\3key\0\5value") };
	struct server s;
	struct sallyport *c;
	struct sallyport_message *args = sallyport_message_new(), *m;

	(void)state;
	c = start(&s, steps, 1);
	sallyport_put(args, "a", "four");
	m = sallyport_request(c, "version", args);
	assert_non_null(m);
	assert_string_equal(sallyport_get(sallyport_root(m), "key"), "value");
	assert_string_equal(sallyport_error(c), "");
	sallyport_message_free(m);
	sallyport_message_free(args);
	stop(&s, c);
	assert_true(s.as_expected);
}

static unsigned heard;

static void
hear(void *context, const char *event, const struct sallyport_message *m)
{
	assert_string_equal(event, "log");
	assert_string_equal(sallyport_get(sallyport_root(m), "msg"), "hi");
	assert_ptr_equal(context, &heard);
	heard++;
}

/* Events come before, during and after a request; one for nobody is passed over. */
static void
events_reach_their_handler(void **state)
{
	static const struct step steps[] = {
		STEP("\0\0\0\5\3\3log", "\0\0\0\1\5"),
		STEP("\0\0\0\3\0\1x", "\0\0\0\x0e\7\3log\3\3msg\0\2hi\0\0\0\7\7\5other\0\0\0\x0e\7\3log\3\3msg\0\2hi\0\0\0\1\1\0"
		                      "\0\0\x0e\7\3log\3\3msg\0\2hi"),
		STEP("\0\0\0\5\4\3log", "\0\0\0\1\5"),
	};
	struct server s;
	struct sallyport *c = start(&s, steps, 3);
	struct sallyport_message *m;

	(void)state;
	heard = 0;
	assert_true(sallyport_subscribe(c, "log", hear, &heard));
	m = sallyport_request(c, "x", NULL);
	assert_non_null(m);
	assert_int_equal(heard, 2);
	sallyport_message_free(m);
	assert_true(sallyport_wait(c, 2000) >= 1);
	assert_int_equal(heard, 3);
	assert_true(sallyport_subscribe(c, "log", NULL, NULL));
	assert_int_equal(sallyport_wait(c, 2000), -1);
	assert_string_equal(sallyport_error(c), "the daemon closed the connection");
	stop(&s, c);
	assert_true(s.as_expected);
}

static void
what_the_daemon_does_not_know(void **state)
{
	static const struct step steps[] = { STEP("\0\0\0\3\0\1x", "\0\0\0\1\2"), STEP("\0\0\0\3\3\1e", "\0\0\0\1\6") };
	struct server s;
	struct sallyport *c = start(&s, steps, 2);

	(void)state;
	assert_null(sallyport_request(c, "x", NULL));
	assert_string_equal(sallyport_error(c), "the daemon does not know the command 'x'");
	assert_false(sallyport_subscribe(c, "e", hear, NULL));
	assert_string_equal(sallyport_error(c), "the daemon does not know the event 'e'");
	stop(&s, c);
}

static void
answers_that_are_none(void **state)
{
	static const struct step cases[] = {
		STEP("\0\0\0\3\0\1x", "\0\0\0\0"),        STEP("\0\0\0\3\0\1x", "\xff\xff\xff\xff"),
		STEP("\0\0\0\3\0\1x", "\0\0\0\5\1\3\3k"), STEP("\0\0\0\3\0\1x", "\0\0\0\3\1\2\2"),
		STEP("\0\0\0\3\0\1x", "\0\0\0\1\5"),      STEP("\0\0\0\3\0\1x", ""),
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct server s;
		struct sallyport *c = start(&s, &cases[i], 1);

		assert_null(sallyport_request(c, "x", NULL));
		assert_true(*sallyport_error(c));
		stop(&s, c);
	}
}

static void
no_daemon(void **state)
{
	char path[200];

	(void)state;
	assert_null(sallyport_connect("/nonexistent/v"));
	assert_int_equal(errno, ENOENT);
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = 0;
	assert_null(sallyport_connect(path));
	assert_int_equal(errno, ENAMETOOLONG);
	sallyport_disconnect(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_and_answer),
		cmocka_unit_test(events_reach_their_handler),
		cmocka_unit_test(what_the_daemon_does_not_know),
		cmocka_unit_test(answers_that_are_none),
		cmocka_unit_test(no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
