/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "event_queue.h"

struct fixture {
	int fd;
	struct event_queue q;
};

static int
open_queue(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->fd = eventfd(0, EFD_NONBLOCK);
	*state = f;
	return event_queue_open(&f->q, f->fd) ? 0 : -1;
}

static int
close_queue(void **state)
{
	struct fixture *f = *state;

	event_queue_close(&f->q);
	close(f->fd);
	free(f);
	return 0;
}

static bool
put_ike(struct event_queue *q, const void *p, size_t n)
{
	struct dataplane_event e = { .kind = DATAPLANE_IKE, .remote.port = 4500, .data = span_of(p, n) };

	return event_queue_put(q, &e);
}

static bool
put_invalid_spi(struct event_queue *q, uint32_t spi)
{
	struct dataplane_event e = { .kind = DATAPLANE_INVALID_SPI, .spi = spi };

	return event_queue_put(q, &e);
}

static void
an_ike_message_comes_out_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	struct dataplane_event e;
	char message[] = "an IKE message";

	assert_false(event_queue_take(&f->q, &e));
	assert_true(put_ike(&f->q, message, sizeof message));
	memset(message, 0, sizeof message);
	assert_true(event_queue_take(&f->q, &e));
	assert_int_equal(e.kind, DATAPLANE_IKE);
	assert_int_equal(e.remote.port, 4500);
	assert_true(span_equal(e.data, span_of("an IKE message", sizeof "an IKE message")));
	assert_false(event_queue_take(&f->q, &e));
}

static void
a_failure_carries_its_text(void **state)
{
	struct fixture *f = *state;
	struct dataplane_event e = { .kind = DATAPLANE_FAILED, .text = "the TUN device is gone" };

	assert_true(event_queue_put(&f->q, &e));
	memset(&e, 0, sizeof e);
	assert_true(event_queue_take(&f->q, &e));
	assert_string_equal(e.text, "the TUN device is gone");
	assert_null(e.data.p);
}

/* The descriptor is readable after a tell, and told once for many events. */
static void
a_tell_makes_the_descriptor_readable(void **state)
{
	struct fixture *f = *state;
	uint64_t n;

	event_queue_tell(&f->q);
	assert_int_equal(read(f->fd, &n, sizeof n), -1);
	assert_true(put_invalid_spi(&f->q, 1));
	assert_true(put_invalid_spi(&f->q, 2));
	event_queue_tell(&f->q);
	event_queue_tell(&f->q);
	assert_int_equal(read(f->fd, &n, sizeof n), sizeof n);
	assert_int_equal(n, 1);
}

/* A flood of one kind leaves the other kind its room, and is counted. */
static void
no_flood_takes_the_room_of_ike(void **state)
{
	struct fixture *f = *state;
	struct dataplane_event e;
	uint64_t n = 0;

	while (put_invalid_spi(&f->q, 0x1000))
		n++;
	assert_true(n > 1000);
	assert_int_equal(f->q.lost, 1);
	assert_true(put_ike(&f->q, "ike", 3));
	while (event_queue_take(&f->q, &e) && e.kind != DATAPLANE_IKE)
		n--;
	assert_int_equal(n, 0);
	assert_true(span_equal(e.data, span_str("ike")));
}

static void
a_flood_of_ike_is_bounded(void **state)
{
	static const uint8_t message[1200];
	struct fixture *f = *state;
	struct dataplane_event e;
	unsigned n = 0;

	while (put_ike(&f->q, message, sizeof message))
		n++;
	assert_in_range(n, 100, 1000);
	assert_true(put_invalid_spi(&f->q, 9));
	assert_true(event_queue_take(&f->q, &e));
	assert_int_equal(e.spi, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_ike_message_comes_out_as_it_went_in, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_failure_carries_its_text, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_tell_makes_the_descriptor_readable, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(no_flood_takes_the_room_of_ike, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(a_flood_of_ike_is_bounded, open_queue, close_queue),
	};

	return cmocka_run_group_tests_name("dataplane event queue", tests, NULL, NULL);
}
