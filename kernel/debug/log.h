/* SPDX-License-Identifier: MIT */
/* The kernel log's ring, as /dev/kmsg and syslog(2) see it. Any context. */
#pragma once
#include <kernel/types.h>
#include <kernel/lock/wait.h>

#define LOG_RING_SIZE	(1u << CONFIG_LOG_RING_SHIFT)
#define LOG_TEXT_MAX	1024		/* longest text of a record */

/* A place between two records. All zero: the oldest there ever was. */
struct log_cursor {
	u64 seq;			/* of the record behind it */
	u64 pos;			/* where that begins, in bytes ever stored */
};
struct log_record {
	u64 seq, us;			/* number; microseconds since boot */
	u16 len;			/* of the text, which has no newline at its end */
	u8 level, facility;
};

/* From user space or printk: store, show on consoles, tell readers. Longer text is cut. */
void log_store(u8 level, u8 facility, const char *text, size_t len);
/*
 * The record behind *c, its text (LOG_TEXT_MAX bytes of room; NULL: only the record), and *c goes
 * past it: 1. 0: there is none yet. -EPIPE: it was overwritten, *c is at the oldest one now.
 */
int log_read(struct log_cursor *c, struct log_record *r, char *text);
bool log_has(const struct log_cursor *c);	/* log_read would not return 0 */
struct log_cursor log_oldest(void);
struct log_cursor log_end(void);
extern struct wait_queue log_wait;		/* told of every record */
/* On the CPU that stored a record with somebody waiting, from an interrupt of its own. */
void log_wake_readers(void);
/* "[    0.001234] " of a time. The length. */
int log_format_time(char *buf, size_t size, u64 us);
