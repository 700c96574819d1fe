/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_memory.h"

struct failing_memory failing_memory;

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static bool
ends_now(void)
{
	return failing_memory.armed && ++failing_memory.count == failing_memory.fails_at;
}

void *
__wrap_malloc(size_t n)
{
	return ends_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t k, size_t n)
{
	return ends_now() ? NULL : __real_calloc(k, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return ends_now() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return ends_now() ? NULL : __real_strdup(s);
}

void
failing_memory_begin(unsigned long nth)
{
	failing_memory = (struct failing_memory) { .armed = true, .fails_at = nth };
}

unsigned long
failing_memory_end(void)
{
	failing_memory.armed = false;
	failing_memory.fails_at = 0;
	return failing_memory.count;
}
