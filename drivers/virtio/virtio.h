/* SPDX-License-Identifier: MIT */
/*
 * virtio devices and their split virtqueues (VIRTIO 1.2). Transport: mmio.c,
 * rings: ring.c.
 */
#pragma once
#include <drivers/core/driver.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>

enum virtio_id { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4 };

#define VIRTIO_F_INDIRECT_DESC	BIT(28)
#define VIRTIO_F_EVENT_IDX	BIT(29)
#define VIRTIO_F_VERSION_1	BIT(32)

struct virtio_device;

/* A device class; found by id. */
struct virtio_driver {
	u32 id;
	u64 features;			/* those it can use */
	/* Of these, as far as they are offered, those that go together; NULL: all. */
	u64 (*choose)(u64 features);
	/* Device acknowledged, features agreed, not yet DRIVER_OK. */
	int (*probe)(struct virtio_device *v);
};
#define VIRTIO_DRIVER(name) \
	static const struct virtio_driver virtio_driver_##name \
	__attribute__((used, section("virtio_drivers"), aligned(_Alignof(struct virtio_driver))))

#define VIRTIO_MAX_QUEUES	(2 * NR_CPUS + 1)	/* that a driver uses */

struct virtio_device {
	struct device *dev;
	volatile u8 *regs;
	u32 id, version;		/* 1: legacy, 2: modern */
	u64 features;			/* agreed */
	struct virtqueue *vqs[VIRTIO_MAX_QUEUES];	/* in the order of their set-up */
	u32 nr_vqs;
	void (*config_changed)(struct virtio_device *v);	/* interrupt context; may be NULL */
	void *priv;
};

static inline bool virtio_has(const struct virtio_device *v, u64 feature)
{
	return v->features & feature;
}

/* Configuration space, little endian in version 2, native (the same here) in 1. */
u8 virtio_config8(struct virtio_device *v, u32 offset);
u16 virtio_config16(struct virtio_device *v, u32 offset);
u32 virtio_config32(struct virtio_device *v, u32 offset);
u64 virtio_config64(struct virtio_device *v, u32 offset);	/* read whole: generation checked */
void virtio_ready(struct virtio_device *v);	/* DRIVER_OK: from now on interrupts come */
void virtio_reset(struct virtio_device *v);

/* --- rings --- */
struct vring_desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};
#define VRING_DESC_NEXT		1
#define VRING_DESC_WRITE	2	/* the device writes */
#define VRING_DESC_INDIRECT	4
struct vring_used_elem {
	u32 id, len;
};
struct vring_used {
	u16 flags, idx;
	struct vring_used_elem ring[];
};
struct vring_avail {
	u16 flags, idx;
	u16 ring[];
};
#define VRING_AVAIL_NO_INTERRUPT 1
#define VRING_USED_NO_NOTIFY	1

/* What we know of a descriptor, in memory of our own. */
struct vq_slot {
	void *token;			/* of a head; NULL: not in flight */
	u16 len;			/* of a head: descriptors of its chain */
	u16 next;			/* in its chain, or on the free list */
};

/* A queue; all functions below under the owner's one lock, interrupts off. */
struct virtqueue {
	struct virtio_device *vdev;
	u32 index, size;		/* size: a power of two */
	struct vring_desc *desc;
	struct vring_avail *avail;
	const struct vring_used *used;	/* the device writes it at any time: READ_ONCE */
	u16 *used_event;		/* behind avail: interrupt me when used passes this */
	const u16 *avail_event;		/* behind used: notify me when avail passes this; READ_ONCE */
	bool event_idx;
	const volatile u32 *order_reg;	/* to be read where fences are not enough (ring.c), or NULL */

	u16 free_head, nr_free;
	u16 avail_idx;			/* next to be published */
	u16 notified_idx;		/* avail_idx at the last kick */
	u16 last_used;
	struct vq_slot *slots;		/* by descriptor */
	bool broken;			/* the device broke the rules: nothing is found any more */

	/* Interrupt context, no lock held. */
	void (*callback)(struct virtqueue *vq);
	void *priv;
};

struct vq_seg {
	u64 addr;
	u32 len;
};

/* Memory size and layout (legacy: used ring on the next page boundary). */
size_t vring_bytes(u32 size);
/* slots: size of them, zeroed. */
void vring_init(struct virtqueue *vq, u32 size, void *mem, struct vq_slot *slots);
/*
 * Publish a request: out segments the device reads, then in segments it writes.
 * 0, or -EBUSY: not enough free descriptors. token is not NULL.
 */
int vq_add(struct virtqueue *vq, const struct vq_seg *segs, u32 nr_out, u32 nr_in, void *token);
/* One descriptor that points to a table of nr prepared ones (INDIRECT_DESC). */
int vq_add_indirect(struct virtqueue *vq, u64 table_dma, u32 nr, void *token);
bool vq_kick_prepare(struct virtqueue *vq);	/* does the device want to be told? */
void vq_notify(struct virtqueue *vq);		/* register write */
static inline void vq_kick(struct virtqueue *vq)
{
	if (vq_kick_prepare(vq))
		vq_notify(vq);
}
/*
 * A finished request's token and the bytes that the
 * device says it wrote (not to be believed), or NULL.
 */
void *vq_get(struct virtqueue *vq, u32 *len);
/*
 * Something is finished that vq_get() has not found yet. Any context, also without the lock: then
 * the answer may be old, and a caller that relies on "no" must know that an interrupt will come.
 */
static inline bool vq_has_used(const struct virtqueue *vq)
{
	return READ_ONCE(vq->used->idx) != READ_ONCE(vq->last_used);
}
/* Ask for the next interrupt; true: something is there already, look again. */
bool vq_enable_callback(struct virtqueue *vq);
/*
 * No interrupts are needed until then; one may still
 * come. Any context, also without the queue's lock.
 */
void vq_disable_callback(struct virtqueue *vq);

/* Allocates the rings, tells the device. max_size bounds them. NULL: no such queue or no memory. */
struct virtqueue *virtio_queue_setup(struct virtio_device *v, u32 index, u32 max_size,
				     void (*callback)(struct virtqueue *vq));
