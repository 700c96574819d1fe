/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_POOLS_H
#define SALLYPORT_POOLS_H

#include "conf_value.h"
#include "effects.h"
#include "table.h"

/*
 * Addresses that are lent to clients, and the settings that go with them. Where
 * an identity had an address it gets that one again, as long as no other had to
 * be given it: a lease is online while an IKE_SA holds it, offline afterwards.
 */

enum {
	POOLS_MAX = 1024,
	POOL_LEASES_MAX = 1 << 20,   /* remembered in one pool, online and offline */
	POOL_ATTRIBUTE_OCTETS = 4096 /* of one value */
};

enum pool_origin { POOL_FROM_FILE, POOL_FROM_VICI };

/* The settings of a pool: an attribute each, in order. */
struct attribute_list {
	struct config_attribute *a;
	size_t n;
};

/* Reads the values of one key (dns, split_include, 28672, ...) into @out. False with errors in @errs. */
bool attribute_list_read(struct attribute_list *out, const struct conf_key *k, struct conf_errors *errs);
bool attribute_list_add(struct attribute_list *out, uint16_t type, struct span value);
void attribute_list_free(struct attribute_list *l);

struct lease {
	struct table_link by_ip, by_id;
	struct lease *next, *prev; /* of the offline ones, longest offline first */
	struct ip ip;
	struct identity id;
	unsigned holders; /* IKE_SAs; 0: offline */
};

struct pool {
	char *name, *base; /* base: as get-pools shows it, the first address of the range as configured */
	enum pool_origin origin;
	struct ip lo, hi; /* that can be lent */
	uint64_t size;    /* saturated */
	struct ip fresh;  /* the next that nobody had yet; IP_NONE: all were had */
	struct attribute_list attributes;
	struct table by_ip, by_id;
	struct lease *offline, *last_offline;
	size_t n_leases, n_online;
	struct lease **all; /* in the order in which they were made */
	size_t cap;
};

/* An all-zero struct is empty. */
struct pools {
	struct pool **p;
	size_t n;
};

/* A pool as configured: the values of its section. NULL when @errs got an error. */
struct pool *pool_read(const struct conf_section *s, enum pool_origin origin, struct conf_errors *errs);
void pool_free(struct pool *p);

struct pool *pools_find(const struct pools *l, const char *name);
/* Takes @p over; one of its name gives it its leases, as far as they are within. False when there is no room: @p is freed. */
bool pools_put(struct pools *l, struct pool *p);
/* False when clients hold addresses of it (nothing changed), or there is none. */
bool pools_remove(struct pools *l, const char *name);
/* All of the file's are replaced by those of @from, which is empty afterwards; those in use that are gone from it stay. */
void pools_replace_file(struct pools *l, struct pools *from);
void pools_free(struct pools *l);

/*
 * Lends an address of the family that is wanted: one that is held already, the one that is asked for where it is this
 * identity's or nobody's, the one that it had, one that nobody had, or the one that is longest offline.
 */
bool pool_acquire(struct pool *p, struct ip *out, const struct identity *id, const struct ip *wanted, const struct ip *held,
                  size_t n_held);
/* False: not lent by this pool. */
bool pool_release(struct pool *p, const struct ip *ip, const struct identity *id);

#endif
