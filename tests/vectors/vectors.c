/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *
load(const char *folder, const char *name)
{
	char path[4096];

	if (!folder)
		return NULL;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return json_load_file(path, 0, NULL);
}

json_t *
vectors_load(const char *name)
{
	json_t *j = load(getenv("SALLYPORT_TEST_DATA"), name);

	if (!j)
		fail_msg("cannot read %s under SALLYPORT_TEST_DATA", name);
	return j;
}

json_t *
vectors_load_shared(const char *name)
{
	return load(getenv("SALLYPORT_SHARED_DATA"), name);
}

bool
vectors_read_shared(char out[VECTOR_OCTETS_MAX], const char *name)
{
	const char *folder = getenv("SALLYPORT_SHARED_DATA");
	char path[4096];
	size_t n;
	FILE *f;

	if (!folder)
		return false;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(out, 1, VECTOR_OCTETS_MAX - 1, f);
	fclose(f);
	out[n] = 0;
	return true;
}

struct octets
octets_from_hex(const char *text, size_t digits)
{
	struct octets o = { .n = digits / 2 };

	assert_int_equal(digits % 2, 0);
	assert_true(o.n <= sizeof o.b);
	for (size_t i = 0; i < o.n; i++) {
		unsigned v;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
		o.b[i] = (uint8_t)v;
	}
	return o;
}

struct octets
vector_hex(json_t *object, const char *key)
{
	const char *text = vector_text(object, key);

	return octets_from_hex(text, strlen(text));
}

long
vector_int(json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);

	if (!json_is_integer(v))
		fail_msg("no number %s", key);
	return (long)json_integer_value(v);
}

const char *
vector_text(json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);

	if (!json_is_string(v))
		fail_msg("no text %s", key);
	return json_string_value(v);
}

bool
vector_flag(json_t *test, const char *flag)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(test, "flags"), i, f) {
		if (strcmp(json_string_value(f), flag) == 0)
			return true;
	}
	return false;
}

size_t
wycheproof_each(const char *name, void (*one)(json_t *group, json_t *test))
{
	json_t *file = vectors_load(name), *group, *test;
	size_t i, k, n = 0;

	json_array_foreach (json_object_get(file, "testGroups"), i, group) {
		json_array_foreach (json_object_get(group, "tests"), k, test) {
			one(group, test);
			n++;
		}
	}
	json_decref(file);
	assert_true(n > 0);
	return n;
}

static void
fill(struct rng *self, void *out, size_t n)
{
	struct scripted_rng *r = (struct scripted_rng *)self;

	assert_int_equal(n, r->value.n);
	memcpy(out, r->value.p, n);
}

void
scripted_rng_open(struct scripted_rng *r, struct span value)
{
	*r = (struct scripted_rng) { .rng = { .fill = fill }, .value = value };
}
