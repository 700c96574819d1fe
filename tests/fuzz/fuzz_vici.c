/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A packet of a vici client: its head, its message, and the connection that a
 * load-conn would make of it. What is read and written again is the same.
 */
#include "config_keys.h"
#include "fuzz.h"
#include "vici_msg.h"

static void
write_again(struct vici_writer *w, const struct conf_section *s)
{
	for (const struct conf_key *k = s->keys; k; k = k->next) {
		if (!k->is_list) {
			vici_key(w, k->name, k->value);
			continue;
		}
		vici_list(w, k->name);
		for (size_t i = 0; i < k->n_items; i++)
			vici_item(w, k->item[i]);
		vici_list_end(w);
	}
	for (const struct conf_section *c = s->sections; c; c = c->next) {
		vici_section(w, c->name);
		write_again(w, c);
		vici_section_end(w);
	}
}

static bool
same(const struct conf_section *a, const struct conf_section *b)
{
	const struct conf_key *k = a->keys, *l = b->keys;
	const struct conf_section *s = a->sections, *t = b->sections;

	for (; k && l; k = k->next, l = l->next) {
		if (strcmp(k->name, l->name) || k->is_list != l->is_list || k->n_items != l->n_items)
			return false;
		if (!k->is_list && strcmp(k->value, l->value))
			return false;
		for (size_t i = 0; i < k->n_items; i++)
			if (strcmp(k->item[i], l->item[i]))
				return false;
	}
	for (; s && t; s = s->next, t = t->next)
		if (strcmp(s->name, t->name) || !same(s, t))
			return false;
	return !k && !l && !s && !t;
}

static void
read_back(const struct conf_section *root)
{
	struct vici_writer w;
	struct conf_tree again;
	const char *why;

	vici_begin(&w, VICI_CMD_RESPONSE, NULL);
	write_again(&w, root);
	if (!vici_finish(&w))
		return;
	fuzz_require(conf_tree_open(&again, ""));
	fuzz_require(vici_message_read(&again, span_of(w.p + 5, w.n - 5), true, &why));
	fuzz_require(same(root, again.root));
	conf_tree_close(&again);
	vici_writer_free(&w);
}

static void
load(const struct conf_section *root)
{
	for (const struct conf_section *s = root->sections; s; s = s->next) {
		struct conf_errors errs = { 0 };
		struct conn *c = config_conn(s, 0, &errs);

		fuzz_require(!c == (errs.n_errors > 0));
		conn_unref(c);
		conf_errors_free(&errs);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum vici_packet type;
	struct span name, message;
	struct conf_tree t;
	const char *why;

	if (n > VICI_PACKET_MAX || !vici_packet_read(&type, &name, &message, span_of(data, n)))
		return 0;
	fuzz_require(name.n + message.n < n);
	fuzz_require(conf_tree_open(&t, ""));
	if (vici_message_read(&t, message, true, &why)) {
		read_back(t.root);
		load(t.root);
	} else {
		fuzz_require(*why);
	}
	conf_tree_close(&t);
	return 0;
}
