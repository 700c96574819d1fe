/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a fuzz target without libFuzzer: every file of a corpus folder, then a
 * number of random mutations of them. The same seed, the same inputs.
 *
 *   fuzz_NAME CORPUS [MUTATIONS [SEED]]
 *
 * An input that ends in a crash is left in the file "replay-crash-NAME" of the
 * working folder.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "seeded_rng.h"

enum { INPUT_MAX = 1 << 17, FILES_MAX = 4096 };

struct input {
	uint8_t *p;
	size_t n;
};

static struct input corpus[FILES_MAX];
static size_t n_corpus;
static uint8_t current[INPUT_MAX];
static size_t n_current;
static char crash_file[256];

/* Keeps the input that broke something; the default action then ends the process. */
static void
keep_input(int sig)
{
	int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t ignored = fd < 0 ? -1 : write(fd, current, n_current);

	(void)ignored;
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
run_current(void)
{
	/* a block of its exact size, so that a read beyond it is seen */
	uint8_t *copy = malloc(n_current ? n_current : 1);

	if (!copy)
		abort();
	memcpy(copy, current, n_current);
	LLVMFuzzerTestOneInput(copy, n_current);
	free(copy);
}

static void
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input *in = &corpus[n_corpus];

	if (!f)
		return;
	n_current = fread(current, 1, sizeof current, f);
	fclose(f);
	in->p = malloc(n_current ? n_current : 1);
	if (!in->p)
		abort();
	memcpy(in->p, current, n_current);
	in->n = n_current;
	n_corpus++;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
read_corpus(const char *folder)
{
	static char *names[FILES_MAX];
	size_t n = 0;
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && n < FILES_MAX && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && asprintf(&names[n], "%s/%s", folder, e->d_name) > 0)
			n++;
	if (d)
		closedir(d);
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		read_file(names[i]);
		free(names[i]);
	}
}

static void
overwrite(struct rng *r)
{
	static const uint8_t edges[] = { 0x00, 0x01, 0x03, 0x04, 0x07, 0x08, 0x7f, 0x80, 0xfe, 0xff };
	size_t at = rng_below(r, n_current);

	switch (rng_below(r, 3)) {
	case 0:
		current[at] = edges[rng_below(r, sizeof edges)];
		return;
	case 1:
		current[at] ^= (uint8_t)(1 << rng_below(r, 8));
		return;
	default:
		current[at] = (uint8_t)rng_u32(r);
		return;
	}
}

/* Takes octets out of the middle, or puts a piece of another input in. */
static void
cut_or_insert(struct rng *r)
{
	const struct input *other = &corpus[rng_below(r, n_corpus)];
	size_t at = rng_below(r, n_current + 1), from, n;

	if (rng_below(r, 2)) {
		n = rng_below(r, n_current - at + 1);
		memmove(current + at, current + at + n, n_current - at - n);
		n_current -= n;
		return;
	}
	from = rng_below(r, other->n + 1);
	n = rng_below(r, (other->n - from < 256 ? other->n - from : 256) + 1);
	if (n_current + n > sizeof current)
		return;
	memmove(current + at + n, current + at, n_current - at);
	memcpy(current + at, other->p + from, n);
	n_current += n;
}

static void
mutate(struct rng *r)
{
	const struct input *in = &corpus[rng_below(r, n_corpus)];

	memcpy(current, in->p, in->n);
	n_current = in->n;
	for (uint64_t i = 0, times = 1 + rng_below(r, 6); i < times; i++) {
		if (n_current == 0)
			return;
		switch (rng_below(r, 8)) {
		case 0:
			n_current = rng_below(r, n_current + 1);
			break;
		case 1:
			cut_or_insert(r);
			break;
		default:
			overwrite(r);
			break;
		}
	}
}

int
main(int argc, char **argv)
{
	unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	const char *name = strrchr(argv[0], '/');
	struct seeded_rng r;

	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS [MUTATIONS [SEED]]\n", argv[0]);
		return 2;
	}
	snprintf(crash_file, sizeof crash_file, "replay-crash-%s", name ? name + 1 : argv[0]);
	signal(SIGABRT, keep_input);
	signal(SIGSEGV, keep_input);
	read_corpus(argv[1]);
	if (n_corpus == 0) {
		fprintf(stderr, "%s: no input\n", argv[1]);
		return 1;
	}
	for (size_t i = 0; i < n_corpus; i++) {
		memcpy(current, corpus[i].p, corpus[i].n);
		n_current = corpus[i].n;
		run_current();
	}
	seeded_rng_open(&r, argc > 3 ? strtoull(argv[3], NULL, 0) : 1);
	for (unsigned long i = 0; i < mutations; i++) {
		mutate(&r.rng);
		run_current();
	}
	printf("%zu inputs and %lu mutations of them\n", n_corpus, mutations);
	for (size_t i = 0; i < n_corpus; i++)
		free(corpus[i].p);
	return 0;
}
