/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vici server (vici_host, whose path is the argument) and clients that ask for what is wrong, too much, or in pieces:
 * what it answers, and that it goes on serving.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "message.h"
#include "sallyport/sallyport.h"
#include "test_pki.h"
#include "vici_text.h"

enum { ANSWER_MAX = 65536 };

static const char *host_program;

/* The server in a process of its own, and a client. */
static struct host {
	char dir[40], socket[64], conf[64];
	pid_t pid;
	struct sallyport *client;
	char answer[ANSWER_MAX];
} host;

/* The other end of `site`. */
static const char peer_conf[] = "connections { site { version = 1\n local_addrs = 10.77.0.2\n remote_addrs = 10.77.0.1\n"
                                " local { auth = psk\n id = sun }\n remote { auth = psk\n id = moon }\n"
                                " children { net { local_ts = 10.2.0.0/16\n remote_ts = 10.1.0.0/16 } } } }\n"
                                "secrets { ike-site { secret = swordfish } }\n";

#define SITE                                                                                                                     \
	"site{ version=1 local_addrs[10.77.0.1] remote_addrs[10.77.0.2] local{ auth=psk id=moon } remote{ auth=psk id=sun } "    \
	"children{ net{ local_ts[10.1.0.0/16] remote_ts[10.2.0.0/16] } open{ mode=pass local_ts[10.1.0.0/16] "                   \
	"remote_ts[10.9.0.0/16] } } }"

static pid_t
spawn(const char *socket, int errors)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	/* It does not outlive a test that is given up. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (errors >= 0)
		dup2(errors, STDERR_FILENO);
	execl(host_program, host_program, socket, host.conf, (char *)NULL);
	_exit(127);
}

static int
start_host(void **state)
{
	FILE *f;

	(void)state;
	host = (struct host) { .dir = "/tmp/sallyport-test-XXXXXX" };
	assert_non_null(mkdtemp(host.dir));
	snprintf(host.socket, sizeof host.socket, "%s/v", host.dir);
	snprintf(host.conf, sizeof host.conf, "%s/peer.conf", host.dir);
	f = fopen(host.conf, "w");
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_true(fputs(peer_conf, f) >= 0);
	fclose(f);
	host.pid = spawn(host.socket, -1);
	for (int i = 0; i < 1000 && !host.client; i++) {
		nanosleep(&(struct timespec) { .tv_nsec = 20 * 1000 * 1000 }, NULL);
		host.client = sallyport_connect(host.socket);
	}
	assert_non_null(host.client);
	return 0;
}

/* Whatever clients did, the server ends well. */
static int
stop_host(void **state)
{
	int status;

	(void)state;
	sallyport_disconnect(host.client);
	kill(host.pid, SIGTERM);
	assert_int_equal(waitpid(host.pid, &status, 0), host.pid);
	assert_int_equal(status, 0);
	unlink(host.conf);
	unlink(host.socket);
	return rmdir(host.dir);
}

/* ---- requests */

/* The answer as text. Frees @args. */
static const char *
ask_with(const char *command, struct sallyport_message *args)
{
	struct sallyport_message *m = sallyport_request(host.client, command, args);

	if (!m)
		fail_msg("%s: %s", command, sallyport_error(host.client));
	*host.answer = '\0';
	vici_text_append(host.answer, sizeof host.answer, sallyport_root(m));
	sallyport_message_free(m);
	sallyport_message_free(args);
	return host.answer;
}

static const char *
ask(const char *command, const char *text)
{
	return ask_with(command, vici_text_read(text));
}

static void
expect(const char *command, const char *text, const char *part)
{
	if (!strstr(ask(command, text), part))
		fail_msg("%s %s: '%s' is not in '%s'", command, text, part, host.answer);
}

static void
append_event(void *context, const char *event, const struct sallyport_message *m)
{
	char *out = context;
	size_t n = strlen(out);

	snprintf(out + n, ANSWER_MAX - n, "%s", event);
	vici_text_append(out, ANSWER_MAX, sallyport_root(m));
}

/* What a list command streams, as text. */
static const char *
list(const char *command, const char *event, const char *text)
{
	static char events[ANSWER_MAX];

	*events = '\0';
	assert_true(sallyport_subscribe(host.client, event, append_event, events));
	ask(command, text);
	assert_true(sallyport_subscribe(host.client, event, NULL, NULL));
	return events;
}

/* ---- what is refused, with its sentence */

static void
what_is_missing_or_wrong_is_refused_with_its_sentence(void **state)
{
	static const struct {
		const char *command, *text, *answer;
	} rows[] = {
		{ "load-conn", "", "load-conn takes one section, named like the connection" },
		{ "load-conn", "a=b", "load-conn takes one section" },
		{ "load-conn", "a{} b{}", "load-conn takes one section" },
		{ "load-conn", "a{} b=c", "load-conn takes one section" },
		{ "load-conn", "a{ vesrion=1 }", "vesrion" },
		{ "load-conn", "a{ version=3 }", "a.version" },
		{ "load-conn", "a{ version=1 local_addrs=10.0.0.1 remote_addrs=10.0.0.300/33 }", "a.remote_addrs" },
		{ "load-conn", "a{ version=1 proposals=rot13 }", "rot13" },
		{ "load-conn", "a{ version=1 x=1 y=2 }", "(and more: `sallyportd --check-config` lists all)" },
		{ "load-conn", "a{ version=1 children{ n{ local_ts=10.1.0.0/99 } } }", "a.children.n.local_ts" },
		{ "load-authority", "", "load-authority takes one section, named like the authority" },
		{ "load-authority", "a{} b{}", "load-authority takes one section" },
		{ "load-authority", "a{ cacert=x }", "this is not a certificate in PEM or DER" },
		{ "load-pool", "", "load-pool takes one section, named like the pool" },
		{ "load-pool", "a{ addrs=10.0.0.0/24 } b{ addrs=10.1.0.0/24 }", "load-pool takes one section" },
		{ "load-pool", "a{}", "a" },
		{ "load-pool", "a{ addrs=10.0.0.9-10.0.0.1 }", "addrs" },
		{ "load-pool", "a{ addrs=10.0.0.0/24 dns=nowhere }", "dns" },
		{ "unload-pool", "", "missing pool name" },
		{ "unload-pool", "name=nix", "nix not found" },
		{ "load-shared", "", "shared key type missing" },
		{ "load-shared", "type=ntlm data=x",
		  "shared key type 'ntlm' is not yet supported: there are ike, eap and xauth" },
		{ "load-shared", "type=smoke data=x", "shared key type 'smoke' is unknown: there are ike, eap and xauth" },
		{ "load-shared", "type=xauth data=x", "a password needs an owner: the user whose password it is" },
		{ "load-shared", "type=ike data=x owners['@#zz']", "owners: " },
		{ "load-cert", "type=X509 data=x flag=AA", "attribute certificates and who issues them are not supported" },
		{ "load-cert", "type=PUBKEY data=x", "it is no public key in PEM or DER" },
		{ "unload-key", "", "key id missing" },
		{ "unload-authority", "", "missing authority name" },
		{ "get-counters", "name=site", "they are kept for the daemon as a whole" },
		{ "install", "", "missing configuration name" },
		/* A mistyped number must not end, renew or list all, or another. */
		{ "terminate", "ike=site ike-id=one", "ike-id takes a number from 0 to 4294967295, not 'one'" },
		{ "terminate", "ike-id=4294967297", "ike-id takes a number from 0 to 4294967295, not '4294967297'" },
		{ "terminate", "ike-id=-1", "ike-id takes a number" },
		{ "rekey", "child-id=1x", "child-id takes a number from 0 to 4294967295, not '1x'" },
		{ "list-sas", "ike-id=first", "ike-id takes a number" },
		{ "list-sas", "child-id=99999999999999999999", "child-id takes a number" },
		{ "terminate", "ike=site timeout=9223372036854775807", "timeout takes a number from -2147483648 to 2147483647" },
		{ "initiate", "child=net timeout=soon", "timeout takes a number" },
		{ "initiate", "child=net loglevel=99999999999", "loglevel takes a number" },
	};

	unsigned failed = 0;

	(void)state;
	expect("load-conn", SITE, "success=yes");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask(rows[i].command, rows[i].text);
		if (strstr(host.answer, "success=no") && strstr(host.answer, rows[i].answer))
			continue;
		print_error("%s %s: '%s' is not in '%s'\n", rows[i].command, rows[i].text, rows[i].answer, host.answer);
		failed++;
	}
	assert_int_equal(failed, 0);
	/* None of that left anything behind. */
	assert_string_equal(ask("get-conns", ""), " conns[ site ]");
	assert_string_equal(ask("get-shared", ""), " keys[ ]");
	assert_string_equal(ask("get-pools", ""), "");
	assert_string_equal(ask("get-authorities", ""), " authorities[ ]");
	expect("unload-conn", "name=site", "success=yes");
}

/* ---- values at their limits */

static struct sallyport_message *
with_value(const char *text, const char *key, size_t n)
{
	struct sallyport_message *m = vici_text_read(text);
	char *value = malloc(n + 1);

	assert_non_null(value);
	memset(value, 'x', n);
	value[n] = '\0';
	assert_true(sallyport_put(m, key, value));
	free(value);
	return m;
}

static void
values_are_taken_up_to_their_limits(void **state)
{
	struct sallyport_message *owners = vici_text_read("type=xauth id=full data=x");

	(void)state;
	assert_non_null(strstr(ask_with("load-shared", with_value("type=ike id=long", "data", 4096)), "success=yes"));
	assert_non_null(strstr(ask_with("load-shared", with_value("type=ike id=longer", "data", 4097)),
	                       "the secret is longer than 4096 octets"));
	for (int i = 0; i < 65; i++) {
		char name[16];

		snprintf(name, sizeof name, "user%d", i);
		assert_true(sallyport_put_item(owners, "owners", name));
	}
	assert_non_null(strstr(ask_with("load-shared", owners), "owners: too many owners"));
	/* The largest value of the protocol, where a name is expected and where a number is. */
	assert_non_null(strstr(ask_with("initiate", with_value("", "child", 65535)), "errmsg=CHILD_SA config 'xxx"));
	assert_non_null(strstr(ask_with("terminate", with_value("", "ike-id", 65535)), "ike-id takes a number"));
	assert_non_null(strstr(ask_with("load-cert", with_value("type=X509", "data", 65535)), "it is none in PEM or DER"));
	assert_string_equal(ask("get-shared", ""), " keys[ long ]");
	expect("unload-shared", "id=long", "success=yes");
	assert_string_equal(ask("get-shared", ""), " keys[ ]");
}

/* ---- what was loaded is listed, and goes again */

static struct sallyport_message *
with_file(const char *text, const char *file)
{
	struct sallyport_message *m = vici_text_read(text);
	struct span s = test_pki_file(file);
	char *copy = strndup((const char *)s.p, s.n);

	assert_non_null(copy);
	assert_true(sallyport_put(m, "data", copy));
	free(copy);
	return m;
}

static void
certificates_and_keys_go_where_their_flags_say(void **state)
{
	char id[41] = "", request[64];

	(void)state;
	assert_non_null(strstr(ask_with("load-cert", with_file("type=X509 flag=CA", "root.pem")), "success=yes"));
	assert_non_null(strstr(ask_with("load-cert", with_file("type=X509 flag=CA", "moon.pem")),
	                       "CA certificate lacks CA basic constraint: it belongs in x509, not x509ca"));
	assert_non_null(strstr(ask_with("load-key", with_file("type=rsa", "moon.key")), "the private key is not of type 'rsa'"));
	assert_non_null(strstr(ask_with("load-key", with_file("type=ecdsa", "moon.key")), "success=yes id="));
	memcpy(id, strstr(host.answer, "id=") + 3, 40);
	expect("get-keys", "", id);
	assert_non_null(strstr(list("list-certs", "list-cert", "type=X509 flag=CA"), "flag=CA"));
	assert_string_equal(list("list-certs", "list-cert", "type=X509_CRL"), "");
	snprintf(request, sizeof request, "id=%s", id);
	expect("unload-key", request, "success=yes");
	expect("unload-key", request, "not found");
	assert_string_equal(ask("get-keys", ""), " keys[ ]");
	expect("clear-creds", "", "success=yes");
	assert_string_equal(list("list-certs", "list-cert", ""), "");
}

static void
pools_are_replaced_and_unloaded_by_name(void **state)
{
	(void)state;
	expect("load-pool", "road{ addrs=10.5.0.0/30 dns[10.0.0.1] }", "success=yes");
	expect("load-pool", "six{ addrs=2001:db8::/64 }", "success=yes");
	expect("get-pools", "", " road{ base=10.5.0.");
	expect("get-pools", "name=six leases=yes", " six{ base=2001:db8::");
	assert_null(strstr(host.answer, "road"));
	assert_non_null(strstr(host.answer, "leases{ }"));
	assert_string_equal(ask("get-pools", "name=nix"), "");
	expect("unload-pool", "name=road", "success=yes");
	expect("unload-pool", "name=six", "success=yes");
	assert_string_equal(ask("get-pools", ""), "");
}

/* ---- a tunnel, as its events and lists tell */

static void
events_come_to_who_asked_for_them_until_he_has_enough(void **state)
{
	static char events[ANSWER_MAX];

	(void)state;
	expect("load-conn", SITE, "success=yes");
	/* Without the secret: what failed is remembered, with its word, until it works. */
	expect("initiate", "child=net", "errmsg=establishing CHILD_SA 'net' failed");
	expect("get-status", "", "failures{ site{ age=");
	expect("load-shared", "type=ike data=swordfish", "success=yes");
	*events = '\0';
	assert_true(sallyport_subscribe(host.client, "ike-updown", append_event, events));
	assert_true(sallyport_subscribe(host.client, "child-updown", append_event, events));
	expect("initiate", "child=net", " success=yes");
	assert_non_null(strstr(events, "ike-updown up=yes site{ uniqueid="));
	assert_non_null(strstr(events, "child-updown up=yes site{ uniqueid="));
	assert_non_null(strstr(events, "child-sas{ net-"));
	assert_null(strstr(ask("get-status", ""), "site{ age="));
	*events = '\0';
	assert_true(sallyport_subscribe(host.client, "child-updown", NULL, NULL));
	expect("terminate", "ike=site", "success=yes matches=1 terminated=1");
	assert_non_null(strstr(events, "ike-updown site{"));
	assert_null(strstr(events, "child-updown"));
	assert_true(sallyport_subscribe(host.client, "ike-updown", NULL, NULL));
}

static void
lists_show_what_their_filters_let_through(void **state)
{
	char request[64];
	unsigned id;
	const char *sas;

	(void)state;
	expect("initiate", "child=net", " success=yes");
	sas = list("list-sas", "list-sa", "");
	assert_int_equal(sscanf(sas, "list-sa site{ uniqueid=%u", &id), 1);
	assert_non_null(strstr(sas, "state=ESTABLISHED"));
	snprintf(request, sizeof request, "ike-id=%u", id);
	assert_non_null(strstr(list("list-sas", "list-sa", request), "site{"));
	snprintf(request, sizeof request, "ike-id=%u", id + 1);
	assert_string_equal(list("list-sas", "list-sa", request), "");
	assert_string_equal(list("list-sas", "list-sa", "ike=other"), "");
	assert_string_equal(list("list-conns", "list-conn", "ike=other"), "");
	assert_non_null(strstr(list("list-conns", "list-conn", "ike=site"), "mode=PASS"));
	/* policies: pass, drop and trap are asked for each. */
	expect("install", "child=open", "success=yes");
	assert_non_null(strstr(list("list-policies", "list-policy", "pass=yes"), "open"));
	assert_null(strstr(list("list-policies", "list-policy", "drop=yes trap=yes"), "open"));
	expect("uninstall", "child=open", "success=yes");
	expect("terminate", "child=net", "success=yes");
	expect("unload-conn", "name=site", "success=yes");
	assert_string_equal(list("list-conns", "list-conn", ""), "");
}

/* ---- packets in pieces, and too large */

static int
connect_raw(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sa.sun_path, host.socket, sizeof host.socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

static void
a_packet_may_come_octet_by_octet_and_with_the_next_one(void **state)
{
	static const uint8_t packets[] = "\0\0\0\x09\0\7version\0\0\0\x05\0\3nix\0\0\0\x05\3\3log\0\0\0\x05\3\3nix";
	/* Answers: the version, unknown command, confirmed, unknown event. */
	static const uint8_t types[] = { 1, 2, 5, 6 };
	int fd = connect_raw();

	(void)state;
	for (size_t at = 0, n; at + 1 < sizeof packets; at += n) {
		n = at < 20 ? 1 : sizeof packets - 1 - at;
		assert_int_equal(send(fd, packets + at, n, MSG_NOSIGNAL), n);
	}
	for (size_t i = 0; i < sizeof types; i++) {
		uint8_t head[4], body[1024];
		uint32_t n;

		assert_int_equal(recv(fd, head, 4, MSG_WAITALL), 4);
		n = (uint32_t)head[2] << 8 | head[3];
		assert_true(n && n <= sizeof body);
		assert_int_equal(recv(fd, body, n, MSG_WAITALL), n);
		assert_int_equal(body[0], types[i]);
	}
	close(fd);
}

/* 512 KiB are the protocol's limit: so much is read, an octet more ends the connection. */
static void
a_packet_of_the_largest_size_is_answered_and_no_larger_one(void **state)
{
	static const char head[] = "\0\7version";

	(void)state;
	for (uint32_t over = 0; over < 2; over++) {
		uint32_t n = MESSAGE_OCTETS_MAX + over;
		uint8_t *packet = calloc(1, 4 + n), answer[5];
		int fd = connect_raw();

		assert_non_null(packet);
		packet[1] = (uint8_t)(n >> 16);
		packet[2] = (uint8_t)(n >> 8);
		packet[3] = (uint8_t)n;
		memcpy(packet + 4, head, sizeof head - 1);
		for (size_t at = 0; at < 4 + n;) {
			ssize_t sent = send(fd, packet + at, 4 + n - at, MSG_NOSIGNAL);

			if (sent <= 0)
				break;
			at += (size_t)sent;
		}
		free(packet);
		if (over)
			assert_true(recv(fd, answer, sizeof answer, MSG_WAITALL) <= 0);
		else
			assert_int_equal(recv(fd, answer, sizeof answer, MSG_WAITALL), sizeof answer);
		close(fd);
	}
	expect("version", "", "daemon=sallyport");
}

/* ---- sockets that cannot be had */

static void
a_socket_that_cannot_be_made_is_told(void **state)
{
	char file[64], longer[120];
	const struct {
		const char *socket, *why;
	} rows[] = {
		{ host.socket, "daemon" },
		{ "/nonexistent/v", "cannot make the control socket '/nonexistent/v': " },
		{ longer, "is longer than 107 characters: choose a shorter folder" },
		{ file, "cannot make the control socket" },
	};

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	snprintf(file, sizeof file, "%s/peer.conf", host.dir);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char said[1024] = "";
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = spawn(rows[i].socket, fds[1]);
		close(fds[1]);
		for (size_t n = 0; n + 1 < sizeof said;) {
			ssize_t r = read(fds[0], said + n, sizeof said - 1 - n);

			if (r <= 0)
				break;
			n += (size_t)r;
		}
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
		if (!strstr(said, rows[i].why))
			fail_msg("%s: '%s'", rows[i].socket, said);
	}
	/* What was there is there still. */
	assert_int_equal(access(file, R_OK), 0);
	expect("version", "", "daemon=sallyport");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_or_wrong_is_refused_with_its_sentence),
		cmocka_unit_test(values_are_taken_up_to_their_limits),
		cmocka_unit_test(certificates_and_keys_go_where_their_flags_say),
		cmocka_unit_test(pools_are_replaced_and_unloaded_by_name),
		cmocka_unit_test(events_come_to_who_asked_for_them_until_he_has_enough),
		cmocka_unit_test(lists_show_what_their_filters_let_through),
		cmocka_unit_test(a_packet_may_come_octet_by_octet_and_with_the_next_one),
		cmocka_unit_test(a_packet_of_the_largest_size_is_answered_and_no_larger_one),
		cmocka_unit_test(a_socket_that_cannot_be_made_is_told),
	};

	if (argc != 2)
		return 2;
	host_program = argv[1];
	return cmocka_run_group_tests(tests, start_host, stop_host);
}
