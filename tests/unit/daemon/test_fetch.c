/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching revocation lists and OCSP responses from servers that do as they like: all of them on the loopback. */
#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fetch.h"

enum { ANSWERS_MAX = 6, REQUEST_OCTETS_MAX = 4096, PIECE = 7 };

/* What follows the last answer of the script, once the client has not gone. */
enum then { CLOSE, REPEAT, REPEAT_SLOWLY, SAY_NOTHING };

struct script {
	const char *say[ANSWERS_MAX]; /* one a request; the last one again for more; in pieces of a few octets */
	enum then then;
};

struct server {
	const struct script *script;
	int fd;
	uint16_t port;
	pthread_t thread;
	unsigned requests;
	char request[REQUEST_OCTETS_MAX]; /* the last one, header and body */
	size_t n_request;
};

/* The header, and as much body as it announces. */
static void
hear(struct server *s, int c)
{
	const char *body, *length;
	ssize_t n = 1;

	s->n_request = 0;
	memset(s->request, 0, sizeof s->request);
	while (s->n_request + 1 < sizeof s->request) {
		body = strstr(s->request, "\r\n\r\n");
		length = strstr(s->request, "Content-Length: ");
		if (body && s->n_request >= (size_t)(body + 4 - s->request) + (length ? strtoul(length + 16, NULL, 10) : 0))
			break;
		n = recv(c, s->request + s->n_request, sizeof s->request - 1 - s->n_request, 0);
		if (n <= 0)
			return;
		s->n_request += (size_t)n;
	}
	s->requests++;
}

static bool
say(int c, const char *text, size_t piece)
{
	size_t n = strlen(text), at = 0;
	ssize_t sent = 0;

	while (at < n && sent >= 0) {
		sent = send(c, text + at, n - at < piece ? n - at : piece, MSG_NOSIGNAL);
		at += sent > 0 ? (size_t)sent : 0;
	}
	return at == n;
}

/* Until the client hangs up. */
static void
go_on(int c, enum then then, const char *text)
{
	struct pollfd gone = { .fd = c, .events = POLLIN };

	switch (then) {
	case CLOSE:
		break;
	case REPEAT:
		while (say(c, text, SIZE_MAX))
			;
		break;
	case REPEAT_SLOWLY:
		while (poll(&gone, 1, 100) == 0 && say(c, text, SIZE_MAX))
			;
		break;
	case SAY_NOTHING:
		poll(&gone, 1, -1);
		break;
	}
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	size_t at = 0;
	int c;

	while ((c = accept(s->fd, NULL, NULL)) >= 0) {
		bool last = at + 1 == ANSWERS_MAX || !s->script->say[at + 1];

		hear(s, c);
		if (s->n_request && say(c, s->script->say[at], PIECE) && last)
			go_on(c, s->script->then, s->script->say[at] + strlen(s->script->say[at]) - 1);
		at += !last;
		close(c);
	}
	return NULL;
}

static void
start(struct server *s, const struct script *script)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	*s = (struct server) { .script = script, .fd = socket(AF_INET, SOCK_STREAM, 0) };
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

enum { MAX = 1000 };

/* What one fetch of @path gave; octets and sentence stay until cleared. */
struct outcome {
	bool ok;
	struct fetched got;
	char why[FETCH_WHY_MAX];
	int64_t ms;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct outcome
get(const char *uri, struct span post, _Atomic bool *give_up)
{
	struct outcome o = { 0 };
	int64_t began = now_ms();

	o.ok = fetch(give_up, &o.got, uri, post, MAX, o.why);
	o.ms = now_ms() - began;
	return o;
}

static struct outcome
get_from(const struct server *s, const char *path)
{
	char uri[256];

	snprintf(uri, sizeof uri, "http://127.0.0.1:%u%s", s->port, path);
	return get(uri, (struct span) { 0 }, NULL);
}

/* ---- what servers answer */

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define MOVED "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define NINE_HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static void
what_servers_answer_is_taken_whole_or_refused_with_the_reason(void **state)
{
	static const struct {
		const char *what;
		struct script script;
		const char *body; /* NULL: refused */
		const char *why;  /* part of the sentence */
	} rows[] = {
		{ "with its length", { { OK "Content-Length: 4\r\n\r\nlist" } }, "list", NULL },
		{ "until the connection ends", { { OK "\r\nlist" } }, "list", NULL },
		{ "in chunks", { { OK "Transfer-Encoding: chunked\r\n\r\n2\r\nli\r\n2\r\nst\r\n0\r\n\r\n" } }, "list", NULL },
		{ "longer than it says", { { OK "Content-Length: 4\r\n\r\nlistless" } }, "list", NULL },
		{ "exactly the limit", { { OK "\r\n" NINE_HUNDRED HUNDRED } }, NINE_HUNDRED HUNDRED, NULL },
		{ "after three redirects",
		  { { MOVED "/a\r\n\r\n", MOVED "/b\r\n\r\n", MOVED "/c\r\n\r\n", OK "\r\nlist" } },
		  "list",
		  NULL },
		{ "one octet more than the limit", { { OK "\r\n" NINE_HUNDRED HUNDRED "x" } }, NULL, "larger than 1000 octets" },
		{ "without end", { { OK "\r\nx" }, REPEAT }, NULL, "larger than 1000 octets" },
		{ "in chunks larger than the limit",
		  { { OK "Transfer-Encoding: chunked\r\n\r\nffffff\r\nx" }, REPEAT },
		  NULL,
		  "larger than 1000 octets" },
		{ "shorter than it says", { { OK "Content-Length: 5\r\n\r\nlist" } }, NULL, "1 bytes remaining" },
		{ "that ends within a chunk",
		  { { OK "Transfer-Encoding: chunked\r\n\r\n5\r\nlist" } },
		  NULL,
		  "outstanding read data" },
		{ "with a chunk whose size is no number",
		  { { OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nlist" } },
		  NULL,
		  "chunk" },
		{ "of a length that is no number", { { OK "Content-Length: -4\r\n\r\nlist" } }, NULL, "Content-Length" },
		{ "a header line without end", { { OK "X: x" }, REPEAT }, NULL, "" },
		{ "nothing", { { OK "Content-Length: 0\r\n\r\n" } }, NULL, "nothing came" },
		{ "no word at all", { { "" } }, NULL, "Empty reply" },
		{ "another protocol", { { "220 mail.example ESMTP\r\n" } }, NULL, "HTTP/0.9" },
		{ "that there is no such list", { { "HTTP/1.1 404 Not Found\r\n\r\nlist" } }, NULL, "404" },
		{ "that it is broken", { { "HTTP/1.1 503 x\r\nRetry-After: 9\r\n\r\nlist" } }, NULL, "503" },
		{ "four redirects",
		  { { MOVED "/a\r\n\r\n", MOVED "/b\r\n\r\n", MOVED "/c\r\n\r\n", MOVED "/d\r\n\r\n", OK "\r\nlist" } },
		  NULL,
		  "(3) redirects" },
		{ "redirects in a circle", { { MOVED "/\r\n\r\n" } }, NULL, "(3) redirects" },
		/* A server of the network must not have us read our own files, or talk to others in other protocols. */
		{ "that the list is a file of ours", { { MOVED "file:///proc/self/environ\r\n\r\n" } }, NULL, "\"file\"" },
		{ "that the list is in a directory", { { MOVED "ldap://127.0.0.1/cn=x\r\n\r\n" } }, NULL, "\"ldap\"" },
		{ "that the list is at an FTP server", { { MOVED "ftp://127.0.0.1/x\r\n\r\n" } }, NULL, "\"ftp\"" },
		{ "that the list is behind gopher", { { MOVED "gopher://127.0.0.1:25/_x\r\n\r\n" } }, NULL, "\"gopher\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct server s;
		struct outcome o;

		start(&s, &rows[i].script);
		o = get_from(&s, "/");
		if (o.ok != (rows[i].body != NULL))
			fail_msg("%s: %s", rows[i].what, o.ok ? "accepted" : o.why);
		if (o.ok && (o.got.n != strlen(rows[i].body) || memcmp(o.got.p, rows[i].body, o.got.n)))
			fail_msg("%s: %zu octets are others than those sent", rows[i].what, o.got.n);
		if (!o.ok && (!*o.why || !strstr(o.why, rows[i].why) || o.got.p || o.got.n))
			fail_msg("%s: refused by '%s'", rows[i].what, o.why);
		fetched_clear(&o.got);
		stop(&s);
	}
}

/* ---- servers that hold us up */

static void
a_server_that_drips_is_left_when_time_is_up(void **state)
{
	static const struct script drip = { { OK "\r\nx" }, REPEAT_SLOWLY };
	struct server s;
	struct outcome o;

	(void)state;
	start(&s, &drip);
	o = get_from(&s, "/");
	assert_false(o.ok);
	assert_non_null(strstr(o.why, "timed out"));
	assert_in_range(o.ms, FETCH_SECONDS_MAX * 1000 - 100, FETCH_SECONDS_MAX * 1000 + 8000);
	stop(&s);
}

static void *
give_up_soon(void *arg)
{
	nanosleep(&(struct timespec) { .tv_nsec = 200 * 1000 * 1000 }, NULL);
	*(_Atomic bool *)arg = true;
	return NULL;
}

/* The daemon ends, and does not wait for the time of each fetch. */
static void
a_fetch_under_way_is_given_up_at_the_end(void **state)
{
	static const struct script silent = { { OK "Content-Length: 4\r\n\r\nli" }, SAY_NOTHING };
	_Atomic bool give_up = false;
	struct server s;
	struct outcome o;
	pthread_t t;
	char uri[64];

	(void)state;
	start(&s, &silent);
	snprintf(uri, sizeof uri, "http://127.0.0.1:%u/", s.port);
	assert_int_equal(pthread_create(&t, NULL, give_up_soon, &give_up), 0);
	o = get(uri, (struct span) { 0 }, &give_up);
	pthread_join(t, NULL);
	assert_false(o.ok);
	assert_non_null(strstr(o.why, "aborted"));
	assert_true(o.ms < FETCH_SECONDS_MAX * 1000 / 2);
	stop(&s);
}

/* ---- what we say to servers */

/* RFC 6960 appendix A.1: POST with the type application/ocsp-request. */
static void
an_ocsp_request_is_posted_as_it_is(void **state)
{
	static const struct script answer = { { OK "\r\nresponse" } };
	static const char request[] = "0\0\1\377\r\n\r\n";
	struct server s;
	struct outcome o;
	const char *body;
	char uri[64];

	(void)state;
	start(&s, &answer);
	snprintf(uri, sizeof uri, "http://127.0.0.1:%u/ocsp", s.port);
	o = get(uri, span_of(request, sizeof request), NULL);
	stop(&s);
	assert_true(o.ok);
	assert_memory_equal(s.request, "POST /ocsp HTTP/1.1\r\n", 21);
	assert_non_null(strstr(s.request, "\r\nContent-Type: application/ocsp-request\r\n"));
	assert_non_null(strstr(s.request, "\r\nUser-Agent: sallyport\r\n"));
	body = strstr(s.request, "\r\n\r\n") + 4;
	assert_int_equal(s.n_request - (size_t)(body - s.request), sizeof request);
	assert_memory_equal(body, request, sizeof request);
	fetched_clear(&o.got);
}

static void
spaces_of_a_uri_are_encoded(void **state)
{
	static const struct script answer = { { OK "\r\nlist" } };
	struct server s;
	struct outcome o;

	(void)state;
	start(&s, &answer);
	o = get_from(&s, "/Root CA/a  b.crl");
	stop(&s);
	assert_true(o.ok);
	assert_memory_equal(s.request, "GET /Root%20CA/a%20%20b.crl HTTP/1.1\r\n", 38);
	fetched_clear(&o.got);
}

/* A URI is what a peer's certificate says: it must not put words into our mouth. */
static void
a_uri_cannot_add_to_the_request(void **state)
{
	static const struct script answer = { { OK "\r\nlist" } };
	static const char *const paths[] = { "/a\r\nX-Forged: 1", "/a\n", "/a\t", "/\x7f" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct server s;
		struct outcome o;

		start(&s, &answer);
		o = get_from(&s, paths[i]);
		stop(&s);
		assert_false(o.ok);
		assert_true(*o.why);
		assert_int_equal(s.requests, 0);
	}
}

static void
what_is_no_uri_of_a_list_is_refused(void **state)
{
	static const struct {
		const char *uri, *why;
	} rows[] = {
		{ "gopher://127.0.0.1:25/_x", "gopher" },
		{ "ftp://127.0.0.1/x", "ftp" },
		{ "dict://127.0.0.1/x", "dict" },
		{ "http://", "" },
		{ "", "" },
		{ "http://127.0.0.1:99999/", "" },
		{ "http://[::1/", "" },
		{ "http://127.0.0.1:1/", "onnect" },
		{ "file:///nonexistent/ca.crl", "open file" },
		{ "http://crl.example.invalid/ca.crl", "resolve" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome o = get(rows[i].uri, (struct span) { 0 }, NULL);

		if (o.ok || !*o.why || !strstr(o.why, rows[i].why))
			fail_msg("'%s': %s", rows[i].uri, o.ok ? "taken" : o.why);
	}
}

/* The administrator may name a file in authorities (docs/configuration.md). */
static void
a_file_of_the_configuration_is_read(void **state)
{
	char path[] = "/tmp/sallyport-test-XXXXXX", uri[64];
	int fd = mkstemp(path);
	struct outcome o;

	(void)state;
	assert_int_equal(write(fd, "list", 4), 4);
	close(fd);
	snprintf(uri, sizeof uri, "file://%s", path);
	o = get(uri, (struct span) { 0 }, NULL);
	unlink(path);
	assert_true(o.ok);
	assert_int_equal(o.got.n, 4);
	assert_memory_equal(o.got.p, "list", 4);
	fetched_clear(&o.got);
}

/* ---- entries of directories, as libcurl prints them (LDIF, RFC 2849) */

static void
the_first_binary_value_of_an_entry_is_taken(void **state)
{
	static const struct {
		const char *ldif, *value; /* NULL: none */
	} rows[] = {
		{ "DN: cn=CA\n\tcertificateRevocationList;binary:: bGlzdA==\n\n", "list" },
		{ "DN: cn=CA\n\tcn:: w6Q=\n\tcertificateRevocationList;binary:: bGlzdA==\n", "list" },
		{ "\tx;binary:: bG\n lz\n dA==\n", "list" },
		{ "\tx;binary:: bGlzdA==\n\ty;binary:: b3RoZXI=\n", "list" },
		{ "DN: cn=CA\n\n", NULL },
		{ "\tx;binary: bGlzdA==\n", NULL },
		{ "\tx;binary:: \n", NULL },
		{ "\tx;binary:: ?\n", NULL },
		{ "\tx;binary::", NULL },
		{ ":: ", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fetched f = { (uint8_t *)strdup(rows[i].ldif), strlen(rows[i].ldif) };
		bool found = fetch_ldap_value(&f);

		if (found != (rows[i].value != NULL))
			fail_msg("row %zu: %s", i, found ? "found" : "not found");
		if (found && (f.n != strlen(rows[i].value) || memcmp(f.p, rows[i].value, f.n)))
			fail_msg("row %zu: '%.*s'", i, (int)f.n, (char *)f.p);
		fetched_clear(&f);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_servers_answer_is_taken_whole_or_refused_with_the_reason),
		cmocka_unit_test(a_server_that_drips_is_left_when_time_is_up),
		cmocka_unit_test(a_fetch_under_way_is_given_up_at_the_end),
		cmocka_unit_test(an_ocsp_request_is_posted_as_it_is),
		cmocka_unit_test(spaces_of_a_uri_are_encoded),
		cmocka_unit_test(a_uri_cannot_add_to_the_request),
		cmocka_unit_test(what_is_no_uri_of_a_list_is_refused),
		cmocka_unit_test(a_file_of_the_configuration_is_read),
		cmocka_unit_test(the_first_binary_value_of_an_entry_is_taken),
	};
	int failed;

	unsetenv("http_proxy");
	assert_true(fetch_open());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetch_close();
	return failed;
}
