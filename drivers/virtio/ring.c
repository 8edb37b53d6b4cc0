/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (VIRTIO 1.2, 2.7).
 *
 * Three parts share one piece of memory: the descriptor table (buffers, linked
 * by next), the available ring (heads of chains we offer) and the used ring
 * (heads the device has finished). Indices run freely modulo 2^16.
 *
 * Who writes what: we write desc and avail, the device writes used. The order
 * that matters, each with its partner in the device:
 *   descriptors and ring slot  before  avail->idx       (vq_add)
 *   avail->idx                 before  reading avail_event or used->flags (vq_kick_prepare)
 *   used->idx                  before  used->ring[]     (vq_get)
 *   used_event                 before  reading used->idx again (vq_enable_callback)
 *   the acknowledgement        before  reading used->idx (virtio_interrupt, mmio.c)
 *
 * The device is not trusted with our memory. A used id that is out of range or not
 * in flight breaks the queue: vq_get() finds nothing any more, and the driver fails
 * what is in flight. Of the descriptors, which the device can write, we read none
 * back: the free list and chain lengths are memory of our own (vq->slots), and the
 * driver knows which lengths a device may say.
 */
#include <drivers/virtio/virtio.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <arch/io.h>

#define VRING_ALIGN	4096	/* legacy transport, 2.7.2 */

/*
 * A store before a load, against a device that does the same the other way round. QEMU 7.2 leaves
 * out the fences of a machine with one hart, though its devices run beside that hart: there a
 * register is read, for which QEMU takes a lock.
 */
static void store_load_mb(const struct virtqueue *vq)
{
	dma_mb();
	if (vq->order_reg)
		(void)*vq->order_reg;
}

static size_t avail_end(u32 size)
{
	return size * sizeof(struct vring_desc) + sizeof(struct vring_avail) +
	       (size + 1) * sizeof(u16);
}

size_t vring_bytes(u32 size)
{
	return ALIGN_UP(avail_end(size), VRING_ALIGN) + sizeof(struct vring_used) +
	       size * sizeof(struct vring_used_elem) + sizeof(u16);
}

void vring_init(struct virtqueue *vq, u32 size, void *mem, struct vq_slot *slots)
{
	vq->size = size;
	vq->desc = mem;
	vq->avail = (void *)((u8 *)mem + size * sizeof(struct vring_desc));
	vq->used = (const void *)((u8 *)mem + ALIGN_UP(avail_end(size), VRING_ALIGN));
	vq->used_event = &vq->avail->ring[size];
	vq->avail_event = (const u16 *)&vq->used->ring[size];
	vq->slots = slots;
	vq->free_head = 0;
	vq->nr_free = size;
	for (u32 i = 0; i < size; i++)
		slots[i].next = (u16)(i + 1);
}

static void publish(struct virtqueue *vq, u16 head, u16 len, void *token)
{
	vq->slots[head].token = token;
	vq->slots[head].len = len;
	vq->nr_free -= len;
	vq->avail->ring[vq->avail_idx & (vq->size - 1)] = head;
	dma_wmb();
	WRITE_ONCE(vq->avail->idx, ++vq->avail_idx);
}

int vq_add(struct virtqueue *vq, const struct vq_seg *segs, u32 nr_out, u32 nr_in, void *token)
{
	u32 nr = nr_out + nr_in;
	u16 head = vq->free_head, at = head;

	if (vq->nr_free < nr)
		return -EBUSY;
	for (u32 i = 0; i < nr; i++) {
		struct vring_desc *d = &vq->desc[at];

		d->addr = segs[i].addr;
		d->len = segs[i].len;
		d->flags = (i + 1 < nr ? VRING_DESC_NEXT : 0) |
			   (i >= nr_out ? VRING_DESC_WRITE : 0);
		d->next = vq->slots[at].next;
		at = d->next;
	}
	vq->free_head = at;
	publish(vq, head, nr, token);
	return 0;
}

int vq_add_indirect(struct virtqueue *vq, u64 table_dma, u32 nr, void *token)
{
	u16 head = vq->free_head;
	struct vring_desc *d = &vq->desc[head];

	if (!vq->nr_free)
		return -EBUSY;
	d->addr = table_dma;
	d->len = nr * sizeof(struct vring_desc);
	d->flags = VRING_DESC_INDIRECT;
	vq->free_head = vq->slots[head].next;
	publish(vq, head, 1, token);
	return 0;
}

bool vq_kick_prepare(struct virtqueue *vq)
{
	u16 old = vq->notified_idx, now = vq->avail_idx;

	vq->notified_idx = now;
	store_load_mb(vq);
	if (!vq->event_idx)
		return !(READ_ONCE(vq->used->flags) & VRING_USED_NO_NOTIFY);
	/* Has avail_event been passed by [old, now)? (2.7.10.1) */
	return (u16)(now - READ_ONCE(*vq->avail_event) - 1) < (u16)(now - old);
}

static void free_chain(struct virtqueue *vq, u16 head)
{
	u16 last = head, len = vq->slots[head].len;

	for (u16 n = len; n > 1; n--)
		last = vq->slots[last].next;
	vq->slots[last].next = vq->free_head;
	vq->free_head = head;
	vq->nr_free += len;
}

void *vq_get(struct virtqueue *vq, u32 *len)
{
	u32 slot = vq->last_used & (vq->size - 1), id;
	void *token;

	if (vq->broken || !vq_has_used(vq))
		return NULL;
	dma_rmb();
	id = READ_ONCE(vq->used->ring[slot].id);
	*len = READ_ONCE(vq->used->ring[slot].len);
	WRITE_ONCE(vq->last_used, (u16)(vq->last_used + 1));
	token = id < vq->size ? vq->slots[id].token : NULL;
	if (unlikely(!token)) {
		pr_err("virtio: the device finished %u, which it was not given: it is given up\n",
		       id);
		vq->broken = true;
		return NULL;
	}
	vq->slots[id].token = NULL;
	free_chain(vq, (u16)id);
	return token;
}

bool vq_enable_callback(struct virtqueue *vq)
{
	if (vq->broken)
		return false;
	if (vq->event_idx)
		WRITE_ONCE(*vq->used_event, vq->last_used);
	else if (vq->avail->flags)
		WRITE_ONCE(vq->avail->flags, 0);
	else
		return false;		/* interrupts were on all the time */
	store_load_mb(vq);
	return vq_has_used(vq);
}

void vq_disable_callback(struct virtqueue *vq)
{
	/* An index that has been passed already is not passed again for 2^16 buffers. */
	if (vq->event_idx)
		WRITE_ONCE(*vq->used_event, (u16)(vq->last_used - 1));
	else
		WRITE_ONCE(vq->avail->flags, VRING_AVAIL_NO_INTERRUPT);
}
