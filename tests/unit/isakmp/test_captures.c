/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "check.h"
#include "isakmp.h"
#include "pcap.h"

/*
 * Messages of real peers: what we read from each is what tshark read
 * (messages.txt, decrypted.txt), and what we read is written again octet by octet.
 */

/* One line of messages.txt. */
struct told {
	char file[160];
	unsigned frame, version, exchange, flags;
	unsigned long message_id, length;
	char types[256];
};

/* What no one may accept, with a part of our reason. */
static const struct {
	const char *file;
	unsigned frame;
	const char *reason;
} refused[] = {
	{ "tcpdump/isakmp-delete-segfault.pcap", 1, "Length is more than the datagram holds" },
	{ "tcpdump/isakmp-pointer-loop.pcap", 1, "Length is less than the header's own" },
	{ "zeek/ipsec-ikev1-payload-bad-length.pcap", 1, "Payload 2 (Vendor ID): Payload Length is less than" },
};

static const char *
refusal_of(const char *file, size_t frame)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(refused[i].file, file) == 0 && refused[i].frame == frame)
			return refused[i].reason;
	return NULL;
}

static void
add_type(char *out, unsigned type)
{
	size_t n = strlen(out);

	snprintf(out + n, 256 - n, "%s%u", n ? "," : "", type);
}

/* The payload types in tshark's order: proposals and transforms behind their SA payload. */
static void
flatten(char out[256], const struct message *m)
{
	out[0] = 0;
	for (size_t i = 0; i < m->n; i++) {
		add_type(out, m->payload[i].type);
		for (size_t j = 0; m->payload[i].type == PAYLOAD_SA && j < m->payload[i].sa.n_proposal; j++) {
			add_type(out, PAYLOAD_P);
			for (size_t k = 0; k < m->payload[i].sa.proposal[j].n_transform; k++)
				add_type(out, PAYLOAD_T);
		}
	}
	if (!out[0])
		strcpy(out, "-");
}

/* encode(decode(x)) == x, but for octets of alignment behind the payloads. */
static void
assert_written_again(const struct message *m, struct span original)
{
	static uint8_t room[ISAKMP_MESSAGE_OCTETS_MAX];
	struct builder b;

	builder_start(&b, room, sizeof room, &m->h);
	for (size_t i = 0; i < m->n; i++) {
		struct span body = builder_add(&b, &m->payload[i]);

		assert_null(b.w.failure);
		assert_true(span_equal(body, m->payload[i].raw));
	}
	struct span again = builder_finish(&b);

	assert_in_range(original.n - again.n, 0, 3);
	put_be32(room + 24, m->h.length);
	assert_memory_equal(again.p, original.p, again.n);
}

static void
assert_dumps(const struct message *m)
{
	static char text[1 << 16];
	struct dump d = { .text = text, .cap = sizeof text };

	message_dump(&d, m);
	assert_int_equal(strlen(text), d.n);
	assert_true(m->n == 0 || strchr(text, '\n') != text + d.n - 1);
}

static void
check_ike1(const struct told *t, struct span octets, const char *why_not)
{
	autoarena arena = { 0 };
	struct message m = { 0 };
	const char *failure = isakmp_decode_header(&m.h, octets);
	char types[256];
	struct span body;

	if (!failure) {
		assert_int_equal(m.h.exchange, t->exchange);
		assert_int_equal(m.h.flags, t->flags);
		assert_int_equal(m.h.message_id, t->message_id);
		assert_int_equal(m.h.length, t->length);
		if (m.h.flags & FLAG_ENCRYPTION)
			return;
		body = span_of(octets.p + ISAKMP_HEADER_OCTETS, m.h.length - ISAKMP_HEADER_OCTETS);
		failure = isakmp_decode_payloads(&m, m.h.next_payload, body, false, &arena);
	}
	if (why_not) {
		assert_non_null(failure);
		assert_non_null(strstr(failure, why_not));
		return;
	}
	assert_string_equal(failure ? failure : "", "");
	flatten(types, &m);
	if (strcmp(t->types, "reassembled") != 0)
		assert_string_equal(types, t->types);
	assert_dumps(&m);
	assert_written_again(&m, span_of(octets.p, m.h.length));
}

/* IKEv2 has the same header; that is all that this layer reads of it. */
static void
check_ike2(const struct told *t, struct span octets)
{
	struct isakmp_header h;

	assert_null(isakmp_decode_header(&h, octets));
	assert_int_equal(h.version >> 4, 2);
	assert_int_equal(h.exchange, t->exchange);
	assert_int_equal(h.message_id, t->message_id);
}

static bool
told_about(struct told *t, FILE *list, const char *file, size_t frame)
{
	char line[512];

	rewind(list);
	while (fgets(line, sizeof line, list)) {
		*t = (struct told) { .types = "-" };
		if (sscanf(line, "%159s %u %x %u %x %lx %lu %255s", t->file, &t->frame, &t->version, &t->exchange, &t->flags,
		           &t->message_id, &t->length, t->types) >= 7 &&
		    t->frame == frame && strcmp(t->file, file) == 0)
			return true;
	}
	return false;
}

/* Every IKE message of one capture. */
static unsigned
check_capture(const char *folder, const char *file, FILE *list)
{
	struct pcap_packet packet = { 0 };
	char path[1024];
	struct pcap p;
	struct told t;
	struct span octets;
	unsigned n = 0;

	assert_true(data_path(path, folder, "pcap") && strlen(path) + strlen(file) + 2 < sizeof path);
	strcat(strcat(path, "/"), file);
	if (!pcap_open(&p, path)) {
		pcap_close(&p);
		return 0;
	}
	while (pcap_next(&p, &packet)) {
		const char *why_not = refusal_of(file, packet.number);

		if (!pcap_ike(&octets, &packet))
			continue;
		if (!told_about(&t, list, file, packet.number)) {
			struct isakmp_header h;

			/* tshark sees no ISAKMP there, and neither may we */
			assert_non_null(isakmp_decode_header(&h, octets));
			continue;
		}
		if (t.version == 0x20)
			check_ike2(&t, octets);
		else
			check_ike1(&t, octets, why_not);
		n++;
	}
	pcap_close(&p);
	return n;
}

/* The files that messages.txt names, each once, by whether they are under our licence. */
static unsigned
check_listed(const char *folder, bool ours)
{
	char path[1024], line[512], file[160], last[160] = "";
	unsigned n = 0;
	FILE *list, *again;

	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/messages.txt"));
	list = fopen(path, "r");
	again = fopen(path, "r");
	assert_true(list && again);
	while (fgets(line, sizeof line, list)) {
		bool is_ours;

		if (sscanf(line, "%159s", file) != 1 || strcmp(file, last) == 0)
			continue;
		strcpy(last, file);
		is_ours = strncmp(file, "charon/", 7) == 0 || strncmp(file, "tcpdump/", 8) == 0 || strncmp(file, "zeek/", 5) == 0;
		if (is_ours == ours)
			n += check_capture(folder, file, again);
	}
	fclose(list);
	fclose(again);
	return n;
}

static void
captures_here_read_as_tshark_reads_them(void **state)
{
	(void)state;
	assert_int_equal(check_listed("SALLYPORT_TEST_DATA", true), 560);
}

static void
captures_under_other_licences_too(void **state)
{
	(void)state;
	if (check_listed("SALLYPORT_SHARED_DATA", false) == 0)
		skip();
}

static const char *
decode(struct message *m, struct span octets, struct arena *arena)
{
	const char *failure = isakmp_decode_header(&m->h, octets);

	if (failure)
		return failure;
	return isakmp_decode_payloads(m, m->h.next_payload,
	                              span_of(octets.p + ISAKMP_HEADER_OCTETS, m->h.length - ISAKMP_HEADER_OCTETS), false, arena);
}

static void
malformed_captures_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		autoarena arena = { 0 };
		struct pcap_packet packet = { 0 };
		struct message m = { 0 };
		struct span octets = { 0 };
		char path[1024], name[256];
		const char *failure;
		struct pcap p;

		snprintf(name, sizeof name, "pcap/%s", refused[i].file);
		assert_true(data_path(path, "SALLYPORT_TEST_DATA", name));
		assert_true(pcap_open(&p, path) && pcap_next(&p, &packet) && pcap_ike(&octets, &packet));
		failure = decode(&m, octets, &arena);
		assert_non_null(failure);
		assert_non_null(strstr(failure, refused[i].reason));
		pcap_close(&p);
	}
}

/* isakmpv1-attr-oobr.pcap is the first fragment of a datagram; its octets are read as if they were all of it. */
static void
the_attribute_over_read_is_refused(void **state)
{
	enum { MESSAGE_AT = 24 + 16 + 14 + 28 + 8, LENGTH_AT = 24 };
	autoarena arena = { 0 };
	struct message m = { 0 };
	struct span file, octets;
	char path[1024];

	(void)state;
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/tcpdump/isakmpv1-attr-oobr.pcap"));
	file = file_read(path);
	assert_true(file.n > MESSAGE_AT + ISAKMP_HEADER_OCTETS);
	octets = span_of(file.p + MESSAGE_AT, file.n - MESSAGE_AT);
	assert_non_null(strstr(decode(&m, octets, &arena), "Length is more than the datagram holds"));
	put_be32((uint8_t *)octets.p + LENGTH_AT, (uint32_t)octets.n);
	assert_non_null(strstr(decode(&m, octets, &arena), "must be inside an SA payload"));
	free((void *)file.p);
}

static size_t
from_hex(uint8_t *out, const char *hex)
{
	size_t n = 0;

	for (; hex[2 * n] && hex[2 * n] != '\n'; n++)
		assert_int_equal(sscanf(hex + 2 * n, "%2hhx", &out[n]), 1);
	return n;
}

/* What was encrypted: padded, and with Quick Mode, Delete and Mode Config payloads. */
static void
check_decrypted(const char *line)
{
	static char hex[1 << 16];
	static uint8_t octets[1 << 15], room[1 << 15];
	autoarena arena = { 0 };
	struct message m = { 0 };
	unsigned frame, first;
	char file[160], types[256], ours[256];
	struct builder b;
	const char *failure;
	size_t n, whole = 0;

	assert_int_equal(sscanf(line, "%159s %u %u %255s %65535s", file, &frame, &first, types, hex), 5);
	n = from_hex(octets, hex);
	failure = isakmp_decode_payloads(&m, (uint8_t)first, span_of(octets, n), true, &arena);
	if (strcmp(types, "nonsense") == 0) {
		assert_non_null(failure);
		return;
	}
	assert_string_equal(failure ? failure : "", "");
	flatten(ours, &m);
	assert_string_equal(ours, types);
	builder_start(&b, room, sizeof room, &m.h);
	for (size_t i = 0; i < m.n; i++) {
		builder_add(&b, &m.payload[i]);
		whole += m.payload[i].whole.n;
	}
	builder_finish(&b);
	assert_true(whole <= n);
	assert_memory_equal(room + ISAKMP_HEADER_OCTETS, octets, whole);
}

static void
decrypted_messages_read_as_tshark_reads_them(void **state)
{
	static char line[1 << 16];
	char path[1024];
	unsigned n = 0;
	FILE *f;

	(void)state;
	assert_true(data_path(path, "SALLYPORT_TEST_DATA", "pcap/decrypted.txt"));
	f = fopen(path, "r");
	assert_non_null(f);
	for (; fgets(line, sizeof line, f); n++)
		check_decrypted(line);
	fclose(f);
	assert_int_equal(n, 161);
}

/* ike-scan's packets: what a prober sends and what gateways answered. Not ours to copy. */
static void
packets_of_ike_scan(void **state)
{
	static const struct {
		const char *name, *types;
		unsigned version;
	} files[] = {
		{ "pkt-main-mode-response.dat", NULL, 0x10 },
		{ "pkt-aggr-mode-response.dat", NULL, 0x10 },
		{ "pkt-notify-response.dat", "11", 0x10 },
		{ "pkt-default-proposal.dat", "1,2,3,3,3,3,3,3,3,3", 0x10 },
		{ "pkt-single-trans.dat", "1,2,3", 0x10 },
		{ "pkt-v2-sainit-response.dat", NULL, 0x20 },
		{ "pkt-ikev2.dat", NULL, 0x20 },
	};
	char path[1024], name[64];
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct told t = { .version = files[i].version };
		struct isakmp_header h;
		struct span octets;

		snprintf(name, sizeof name, "ike-scan/%s", files[i].name);
		if (!data_path(path, "SALLYPORT_SHARED_DATA", name))
			skip();
		octets = file_read(path);
		if (!octets.p)
			skip();
		assert_null(isakmp_decode_header(&h, octets));
		assert_int_equal(h.version, files[i].version);
		t.exchange = h.exchange;
		t.flags = h.flags;
		t.message_id = h.message_id;
		t.length = h.length;
		snprintf(t.types, sizeof t.types, "%s", files[i].types ? files[i].types : "reassembled");
		if (h.version == 0x10)
			check_ike1(&t, octets, NULL);
		n++;
		free((void *)octets.p);
	}
	assert_int_equal(n, 7);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_here_read_as_tshark_reads_them),
		cmocka_unit_test(captures_under_other_licences_too),
		cmocka_unit_test(malformed_captures_are_refused),
		cmocka_unit_test(the_attribute_over_read_is_refused),
		cmocka_unit_test(decrypted_messages_read_as_tshark_reads_them),
		cmocka_unit_test(packets_of_ike_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
