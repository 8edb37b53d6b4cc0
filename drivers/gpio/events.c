/* SPDX-License-Identifier: MIT */
/*
 * Edges of a request's lines, from the interrupt to who reads its file: a ring that drops its oldest
 * when it is full; the numbers that edges have show the gap.
 */
#include <drivers/gpio/events.h>
#include <kernel/lib/string.h>

#define RISING_EDGE	1
#define FALLING_EDGE	2
#define PER_LINE	16
#define SIZE_MAX_EVENTS	1024

/* Linux include/uapi/linux/gpio.h: struct gpio_v2_line_event. */
struct line_event {
	u64 time_ns;
	u32 id, offset, seqno, line_seqno, pad[6];
};
_Static_assert(sizeof(struct line_event) == 48, "Linux's");

int line_events_init(struct line_events *e, u32 nr_lines, u32 wanted)
{
	e->size = min(wanted ? wanted : nr_lines * PER_LINE, (u32)SIZE_MAX_EVENTS);
	e->ring = kcalloc(e->size, sizeof(*e->ring), GFP_KERNEL);
	wait_queue_init(&e->wait);
	return e->ring ? 0 : -ENOMEM;
}

void line_events_end(struct line_events *e)
{
	kfree(e->ring);
}

void line_events_add(struct line_events *e, u64 time_ns, bool rising, u32 offset, u32 line_seqno)
{
	u64 flags = spin_lock_irqsave(&e->wait.lock);

	if (e->nr == e->size) {
		e->first = (e->first + 1) % e->size;
		e->nr--;
	}
	e->ring[(e->first + e->nr) % e->size] = (struct line_event){
		.time_ns = time_ns, .id = rising ? RISING_EDGE : FALLING_EDGE, .offset = offset,
		.seqno = ++e->seqno, .line_seqno = line_seqno,
	};
	e->nr++;
	wake_queue_locked(&e->wait, 1, EPOLLIN | EPOLLRDNORM);
	spin_unlock_irqrestore(&e->wait.lock, flags);
}

static bool take(struct line_events *e, struct line_event *out)
{
	u64 flags = spin_lock_irqsave(&e->wait.lock);
	bool any = e->nr;

	if (any) {
		*out = e->ring[e->first];
		e->first = (e->first + 1) % e->size;
		e->nr--;
	}
	spin_unlock_irqrestore(&e->wait.lock, flags);
	return any;
}

/* Waits for the first, and takes what more there is. */
ssize_t line_events_read(struct line_events *e, struct kio *kio, struct iov_iter *to)
{
	struct line_event event;
	ssize_t done = 0;

	if (iov_iter_count(to) < sizeof(event))
		return -EINVAL;
	while (iov_iter_count(to) >= sizeof(event)) {
		if (take(e, &event)) {
			if (copy_to_iter(&event, sizeof(event), to) != sizeof(event))
				return done ? done : -EFAULT;
			done += (ssize_t)sizeof(event);
		} else if (done) {
			break;
		} else {
			long err = kio_nonblock(kio) ? -EAGAIN : wait_event_interruptible(&e->wait, READ_ONCE(e->nr));

			if (err)
				return err;
		}
	}
	return done;
}

u32 line_events_poll(struct line_events *e, struct file *f, struct poll_table *pt)
{
	poll_wait(f, &e->wait, pt);
	return READ_ONCE(e->nr) ? EPOLLIN | EPOLLRDNORM : 0;
}
