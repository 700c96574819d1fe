/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core.h"

/*
 * Message IDs that the peer has used: RFC 2408 section 3.1, "used to identify protocol state during Phase 2". A replayed one must
 * not make new state. There are none before Phase 1 is over.
 */

enum { SEEN_IDS_MAX = 16384, SEEN_IDS_RENEW = SEEN_IDS_MAX / 4 * 3, REFUSALS_KEPT = 4 };

struct message_ids {
	uint32_t *seen; /* each is good for one exchange */
	uint16_t n, cap, at;
	uint16_t n_refused;
	struct refused_quick refused[REFUSALS_KEPT];
};

static struct message_ids *
message_ids_of(struct ike_sa *sa)
{
	if (!sa->message_ids)
		sa->message_ids = calloc(1, sizeof *sa->message_ids);
	if (!sa->message_ids)
		sa->core->nomem = true;
	return sa->message_ids;
}

void
message_ids_free(struct message_ids *m)
{
	if (m)
		free(m->seen);
	free(m);
}

bool
ike_sa_seen_id(const struct ike_sa *sa, uint32_t message_id)
{
	const struct message_ids *m = sa->message_ids;

	for (size_t i = 0; m && i < m->n; i++)
		if (m->seen[i] == message_id)
			return true;
	return false;
}

static bool
room_for_one(struct message_ids *m)
{
	uint16_t cap = (uint16_t)(m->cap ? m->cap * 2 : 4);
	uint32_t *ids = m->n == m->cap ? realloc(m->seen, cap * sizeof *ids) : m->seen;

	if (!ids)
		return false;
	m->cap = m->n == m->cap ? cap : m->cap;
	m->seen = ids;
	return true;
}

bool
ike_sa_fresh_id(struct ike_sa *sa, uint32_t message_id)
{
	struct message_ids *m = ike_sa_seen_id(sa, message_id) ? NULL : message_ids_of(sa);

	if (!m)
		return false;
	if (m->n == SEEN_IDS_MAX) {
		m->seen[m->at++ % SEEN_IDS_MAX] = message_id;
		return true;
	}
	if (!room_for_one(m)) {
		sa->core->nomem = true;
		return false;
	}
	m->seen[m->n++] = message_id;
	/* Before the first is forgotten another SA takes over, under which all begins anew. */
	if (m->n == SEEN_IDS_RENEW && sa->conn) {
		say(sa->core, LOG_IKE, LOG_CONTROL, sa, NULL, "IKE_SA %s has used %u message ids", sa_name(sa), m->n);
		sa->rekey_at = sa->core->now;
		ike_sa_schedule(sa);
	}
	return true;
}

void
ike_sa_refused(struct ike_sa *sa, const struct refused_quick *r)
{
	struct message_ids *m = message_ids_of(sa);

	if (m)
		m->refused[m->n_refused++ % REFUSALS_KEPT] = *r;
}

struct refused_quick *
ike_sa_refusal(struct ike_sa *sa, uint32_t message_id, uint64_t digest)
{
	struct message_ids *m = sa->message_ids;

	for (size_t i = 0; m && message_id && i < REFUSALS_KEPT; i++)
		if (m->refused[i].message_id == message_id && m->refused[i].digest == digest)
			return &m->refused[i];
	return NULL;
}
