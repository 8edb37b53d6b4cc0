/* SPDX-License-Identifier: MIT */
/* The flusher as sources of dirty pages, sync(2) and /proc/sys/vm see it. Theory: writeback.c. */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/list.h>

struct flush_work {
	ktime_t dirty_before_ns;	/* what became dirty later may wait */
	s64 nr_to_write;		/* pages; a source counts it down and stops at 0 */
	bool wait;			/* sync: afterwards all is on the disk */
};

/* Who knows what is dirty. flush: thread context, no lock held; errors stay with the mappings. */
struct flush_source {
	void (*flush)(struct flush_work *w);
	struct list_head node;
};
void flush_source_register(struct flush_source *s);
void writeback_sync_all(bool wait);	/* every source */
void writeback_page_done(void);		/* the end of a page's write. Any context */
void writeback_init(void);		/* starts the flusher; late boot */

extern u32 vm_dirty_ratio, vm_dirty_background_ratio;		/* per cent */
extern u32 vm_dirty_expire_cs, vm_dirty_writeback_cs;		/* 1/100 s */
