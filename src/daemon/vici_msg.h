/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SALLYPORT_VICI_MSG_H
#define SALLYPORT_VICI_MSG_H

#include "conf_tree.h"

/*
 * The vici wire format, as vici's public protocol description gives it: a
 * stream of packets, each a length of four octets in network order and that many octets.
 */
enum vici_packet {
	VICI_CMD_REQUEST = 0,
	VICI_CMD_RESPONSE = 1,
	VICI_CMD_UNKNOWN = 2,
	VICI_EVENT_REGISTER = 3,
	VICI_EVENT_UNREGISTER = 4,
	VICI_EVENT_CONFIRM = 5,
	VICI_EVENT_UNKNOWN = 6,
	VICI_EVENT = 7,
};

enum vici_element {
	VICI_SECTION_START = 1,
	VICI_SECTION_END = 2,
	VICI_KEY_VALUE = 3,
	VICI_LIST_START = 4,
	VICI_LIST_ITEM = 5,
	VICI_LIST_END = 6,
};

enum {
	VICI_PACKET_MAX = 512 * 1024, /* the protocol's own limit */
	VICI_ELEMENTS_MAX = 20000,    /* of one received message */
};

/* The head of a packet: its type and, for those that have one, its name. The rest is the message. False: malformed. */
bool vici_packet_read(enum vici_packet *type, struct span *name, struct span *message, struct span packet);

/*
 * vici_message_read - a message as a tree; `where` of each node is its dotted path.
 *
 * @text_only  refuses values with a NUL in them
 *
 * False with a sentence in *why; @t may then hold a part.
 */
bool vici_message_read(struct conf_tree *t, struct span message, bool text_only, const char **why);

/*
 * Writes one packet, length in front. An all-zero writer is empty. After a
 * failure (out of memory, too large, unbalanced) every call is a no-op.
 */
struct vici_writer {
	uint8_t *p;
	size_t n, cap;
	unsigned depth;
	bool in_list, failed;
};

/* @name NULL for types without one. */
void vici_begin(struct vici_writer *w, enum vici_packet type, const char *name);
void vici_section(struct vici_writer *w, const char *name);
void vici_section_end(struct vici_writer *w);
void vici_key(struct vici_writer *w, const char *name, const char *value);
/* At most 65535 octets. */
void vici_key_octets(struct vici_writer *w, const char *name, struct span value);
void vici_keyf(struct vici_writer *w, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void vici_list(struct vici_writer *w, const char *name);
void vici_item(struct vici_writer *w, const char *value);
void vici_list_end(struct vici_writer *w);
/* Fills in the length. False: nothing to send, and the memory is freed. */
bool vici_finish(struct vici_writer *w);
void vici_writer_free(struct vici_writer *w);

#endif
