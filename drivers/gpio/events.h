/* SPDX-License-Identifier: MIT */
/* The edges that wait in a request's file (/dev/gpiochip<n>) to be read. */
#pragma once
#include <fs/file.h>
#include <fs/poll.h>

struct line_event;

struct line_events {
	struct wait_queue wait;		/* its lock guards the rest */
	struct line_event *ring;	/* constant */
	u32 size;			/* constant */
	u32 first, nr;			/* the oldest one, and how many there are */
	u32 seqno;			/* of the last */
};

/* Room for as many as the request asks for (0: 16 a line). 0 or -ENOMEM. */
int __must_check line_events_init(struct line_events *e, u32 nr_lines, u32 wanted);
void line_events_end(struct line_events *e);	/* nobody adds or reads any more */
/* The oldest goes where there is no room. Any context, locks below RANK_WAITQ. */
void line_events_add(struct line_events *e, u64 time_ns, bool rising, u32 offset, u32 line_seqno);
ssize_t line_events_read(struct line_events *e, struct kio *kio, struct iov_iter *to);
u32 line_events_poll(struct line_events *e, struct file *f, struct poll_table *pt);
