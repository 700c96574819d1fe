/* SPDX-License-Identifier: Apache-2.0 */
#include "uring.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The two rings are shared with the kernel: it moves the head of the submissions
 * and the tail of the completions, we the others. Every operation carries
 * RWF_NOWAIT, so it is over before io_uring_enter returns, in the order of submission.
 */
struct uring {
	int ring_fd, fd;
	uint8_t sqe_flags;
	size_t ring_octets;
	uint8_t *ring;
	struct io_uring_sqe *sqe;
	_Atomic uint32_t *sq_tail, *cq_head, *cq_tail;
	uint32_t sq_mask, cq_mask;
	const struct io_uring_cqe *cqe;
	unsigned n;
	int result[URING_MAX];
};

static bool
map_rings(struct uring *u, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	uint32_t *array;

	u->ring_octets = sq > cq ? sq : cq;
	u->ring = mmap(NULL, u->ring_octets, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->ring_fd, IORING_OFF_SQ_RING);
	u->sqe = mmap(NULL, URING_MAX * sizeof *u->sqe, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->ring_fd,
	              IORING_OFF_SQES);
	if (u->ring == MAP_FAILED || u->sqe == MAP_FAILED)
		return false;
	u->sq_tail = (_Atomic uint32_t *)(void *)(u->ring + p->sq_off.tail);
	u->cq_head = (_Atomic uint32_t *)(void *)(u->ring + p->cq_off.head);
	u->cq_tail = (_Atomic uint32_t *)(void *)(u->ring + p->cq_off.tail);
	u->sq_mask = p->sq_entries - 1;
	u->cq_mask = p->cq_entries - 1;
	u->cqe = (const struct io_uring_cqe *)(void *)(u->ring + p->cq_off.cqes);
	/* Entry i of the ring is always submission i. */
	array = (uint32_t *)(void *)(u->ring + p->sq_off.array);
	for (uint32_t i = 0; i < p->sq_entries; i++)
		array[i] = i;
	return true;
}

/* A read of nothing takes no packet, but is refused where the device does not know how not to wait. */
static bool
works(struct uring *u)
{
	uint8_t nothing[1];
	int r;

	uring_read(u, nothing, 0);
	r = uring_run(u)[0];
	return r == 0 || r == -EAGAIN;
}

/* The ring then holds the file itself, and need not look it up for each operation. */
static void
register_file(struct uring *u)
{
	if (u->ring_fd < 0 || syscall(SYS_io_uring_register, u->ring_fd, IORING_REGISTER_FILES, &u->fd, 1) != 0)
		return;
	u->fd = 0;
	u->sqe_flags = IOSQE_FIXED_FILE;
}

struct uring *
uring_new(int fd)
{
	struct io_uring_params p = { 0 };
	struct uring *u = calloc(1, sizeof *u);

	if (!u)
		return NULL;
	u->fd = fd;
	u->ring = MAP_FAILED;
	u->sqe = MAP_FAILED;
	u->ring_fd = (int)syscall(SYS_io_uring_setup, URING_MAX, &p);
	register_file(u);
	if (u->ring_fd >= 0 && p.features & IORING_FEAT_SINGLE_MMAP && p.sq_entries == URING_MAX && map_rings(u, &p) && works(u))
		return u;
	uring_free(u);
	return NULL;
}

void
uring_free(struct uring *u)
{
	if (!u)
		return;
	if (u->sqe != MAP_FAILED)
		munmap(u->sqe, URING_MAX * sizeof *u->sqe);
	if (u->ring != MAP_FAILED)
		munmap(u->ring, u->ring_octets);
	if (u->ring_fd >= 0)
		close(u->ring_fd);
	free(u);
}

static void
add(struct uring *u, uint8_t opcode, const void *at, size_t n)
{
	uint32_t tail = atomic_load_explicit(u->sq_tail, memory_order_relaxed) + u->n;

	u->sqe[tail & u->sq_mask] = (struct io_uring_sqe) {
		.opcode = opcode,
		.flags = u->sqe_flags,
		.fd = u->fd,
		.off = UINT64_MAX, /* the current position: the device has none */
		.addr = (uint64_t)(uintptr_t)at,
		.len = (uint32_t)n,
		.rw_flags = RWF_NOWAIT,
		.user_data = u->n,
	};
	u->n++;
}

void
uring_read(struct uring *u, void *to, size_t n)
{
	add(u, IORING_OP_READ, to, n);
}

void
uring_writev(struct uring *u, const struct iovec *v, size_t n)
{
	add(u, IORING_OP_WRITEV, v, n);
}

/* Takes the completions that are there. */
static unsigned
reap(struct uring *u)
{
	uint32_t head = atomic_load_explicit(u->cq_head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(u->cq_tail, memory_order_acquire);
	unsigned n = 0;

	for (; head != tail; head++, n++) {
		const struct io_uring_cqe *c = &u->cqe[head & u->cq_mask];

		if (c->user_data < URING_MAX)
			u->result[c->user_data] = c->res;
	}
	atomic_store_explicit(u->cq_head, head, memory_order_release);
	return n;
}

const int *
uring_run(struct uring *u)
{
	unsigned submit = u->n, left = u->n;

	for (unsigned i = 0; i < u->n; i++)
		u->result[i] = -ECANCELED;
	atomic_store_explicit(u->sq_tail, atomic_load_explicit(u->sq_tail, memory_order_relaxed) + u->n, memory_order_release);
	u->n = 0;
	while (left) {
		long k = syscall(SYS_io_uring_enter, u->ring_fd, submit, left, IORING_ENTER_GETEVENTS, NULL, 0);

		if (k < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
			break;
		submit -= k > 0 ? (unsigned)k : 0;
		left -= reap(u);
	}
	return u->result;
}
