/* SPDX-License-Identifier: Apache-2.0 */
#include "tun_steer.h"

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	TABLE_OCTETS = TUN_STEER_BUCKETS * sizeof(uint64_t),
	/* Where the low halves of addresses are, which differ most. */
	V4_SRC = 12,
	V4_DST = 16,
	V6_SRC = 16,
	V6_DST = 32,
	IPV4_MIN = 20,
	IPV6_HEADER = 40,
};

/* 2^32 divided by the golden ratio: the high bits of a product depend on all bits. */
#define SPREAD UINT32_C(0x9e3779b1)

/* Order matters: where subnets are numbered alike at both ends, source and destination differ by the same bits in all. */
static uint32_t
mix(uint32_t h, const uint8_t *word)
{
	return (h ^ get_be32(word)) * SPREAD;
}

uint32_t
tun_steer_bucket(struct span packet)
{
	const uint8_t *p = packet.p;
	uint32_t a = 0;

	if (packet.n >= IPV6_HEADER && p[0] >> 4 == 6)
		a = mix(mix(mix(mix(0, p + V6_SRC), p + V6_SRC + 4), p + V6_DST), p + V6_DST + 4);
	else if (packet.n >= IPV4_MIN)
		a = mix(mix(0, p + V4_SRC), p + V4_DST);
	return a >> (32 - TUN_STEER_BITS);
}

static int
bpf(unsigned command, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, command, a, sizeof *a);
}

static int
make_table(void)
{
	union bpf_attr a = { 0 };

	a.map_type = BPF_MAP_TYPE_ARRAY;
	a.key_size = sizeof(uint32_t);
	a.value_size = sizeof(uint64_t); /* the kernel spaces values by eight octets */
	a.max_entries = TUN_STEER_BUCKETS;
	a.map_flags = BPF_F_MMAPABLE;
	return bpf(BPF_MAP_CREATE, &a);
}

/* One instruction: operation, destination and source register, offset, immediate value. */
#define I(op, d, s, o, v)                                                                                                        \
	{                                                                                                                        \
		.code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (int32_t)(v)                                    \
	}
/* Network order is taken care of. A packet that is too short ends the program with 0. */
#define LOAD_WORD(at) I(BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, at)
#define MIX_IN I(BPF_ALU | BPF_XOR | BPF_X, BPF_REG_7, BPF_REG_0, 0, 0), I(BPF_ALU | BPF_MUL | BPF_K, BPF_REG_7, 0, 0, SPREAD)

static int
load_program(int table)
{
	const struct bpf_insn code[] = {
		I(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_7, 0, 0, 0),
		I(BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, 0),
		I(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 4),
		I(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 7, 6),
		LOAD_WORD(V4_SRC),
		MIX_IN,
		LOAD_WORD(V4_DST),
		MIX_IN,
		I(BPF_JMP | BPF_JA, 0, 0, 12, 0),
		LOAD_WORD(V6_SRC),
		MIX_IN,
		LOAD_WORD(V6_SRC + 4),
		MIX_IN,
		LOAD_WORD(V6_DST),
		MIX_IN,
		LOAD_WORD(V6_DST + 4),
		MIX_IN,
		I(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_7, 0, 0, 32 - TUN_STEER_BITS),
		I(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_7, -4, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		I(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		I(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, table),
		I(0, 0, 0, 0, 0),
		I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		I(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		I(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_0, 0, 0),
		I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		I(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr a = { 0 };

	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insn_cnt = sizeof code / sizeof *code;
	a.insns = (uint64_t)(uintptr_t)code;
	a.license = (uint64_t)(uintptr_t) "Apache-2.0";
	return bpf(BPF_PROG_LOAD, &a);
}

/* The device keeps the program, and that the table: their descriptors are not needed for long. */
static bool
attach(int tun_fd, int table)
{
	int program = load_program(table);
	bool ok = program >= 0 && ioctl(tun_fd, TUNSETSTEERINGEBPF, &program) == 0;

	if (program >= 0)
		close(program);
	return ok;
}

bool
tun_steer_open(struct tun_steer *s, int tun_fd, unsigned queues)
{
	int table = make_table();
	void *p = MAP_FAILED;

	s->queue = NULL;
	if (table < 0)
		return false;
	p = mmap(NULL, TABLE_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED, table, 0);
	if (p != MAP_FAILED) {
		s->queue = p;
		for (uint32_t i = 0; i < TUN_STEER_BUCKETS; i++)
			s->queue[i] = i % queues;
		if (!attach(tun_fd, table))
			tun_steer_close(s);
	}
	close(table);
	return s->queue != NULL;
}

void
tun_steer_close(struct tun_steer *s)
{
	if (s->queue)
		munmap(s->queue, TABLE_OCTETS);
	s->queue = NULL;
}
