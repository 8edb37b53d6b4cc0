/* SPDX-License-Identifier: MIT */
/*
 * virtio-net's receive ring against a device that the test plays, which wants to be told of every
 * buffer. The driver is part of this file.
 */
#include "../../drivers/virtio/net.c"
#include "net/world.h"
#include "unit.h"

void *calloc(size_t n, size_t size);
void *aligned_alloc(size_t align, size_t size);
void free(void *p);

#define FRAMES	1000u

static struct virtqueue queues[2];
static u16 device_at;		/* its position in the available ring */
static u32 told;		/* doorbells of the receive queue */

/* --- what the driver stands on --- */

u64 ram_first_pfn;

void vq_notify(struct virtqueue *vq)					{ told += vq == &queues[0]; }
void virtio_reset(struct virtio_device *v)				{ }
void virtio_ready(struct virtio_device *v)				{ }
u8 virtio_config8(struct virtio_device *v, u32 offset)			{ return 0; }
u16 virtio_config16(struct virtio_device *v, u32 offset)		{ return 0; }
void *dev_zalloc(struct device *dev, size_t size)			{ return calloc(1, size); }
void *dev_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma)	{ return NULL; }
bool delayed_work_queue(struct delayed_work *w, ktime_t delay_ns)	{ return true; }
void delayed_work_init(struct delayed_work *w, void (*func)(struct work *w))	{ }
void dma_unmap_slow(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir)	{ }

dma_addr_t dma_map_slow(struct device *dev, struct page *page, u32 offset, u32 len, enum dma_dir dir)
{
	return DMA_ERROR;
}

struct virtqueue *virtio_queue_setup(struct virtio_device *v, u32 index, u32 max_size,
				     void (*callback)(struct virtqueue *vq))
{
	struct virtqueue *vq = &queues[index];
	size_t bytes = ALIGN_UP(vring_bytes(max_size), 4096ul);
	void *mem = aligned_alloc(4096, bytes);

	memset(mem, 0, bytes);
	memset(vq, 0, sizeof(*vq));
	vq->event_idx = true;
	vring_init(vq, max_size, mem, calloc(max_size, sizeof(struct vq_slot)));
	return vq;
}

/* --- the device --- */

/* A frame of 60 bytes into the next buffer; what is offered then is news again. */
static void device_receives(struct virtqueue *vq)
{
	struct vring_used *used = (void *)vq->used;

	used->ring[used->idx % vq->size] =
		(struct vring_used_elem){ vq->avail->ring[device_at++ % vq->size], sizeof(struct net_hdr) + 60 };
	used->idx++;
	*(u16 *)vq->avail_event = vq->avail->idx;
}

static u32 device_has(const struct virtqueue *vq)
{
	return (u16)(vq->avail->idx - device_at);
}

static void gone(struct pair *p)
{
	for (u32 i = 0; i < RX_BUFFERS; i++)
		if (queues[0].slots[i].token)
			page_put(((struct rx_slot *)queues[0].slots[i].token)->page);
	if (p->half_page)
		page_put(p->half_page);
	for (u32 i = 0; i < ARRAY_SIZE(queues); i++) {
		free(queues[i].desc);
		free(queues[i].slots);
	}
	free(p);
}

/* --- cases --- */

/* A doorbell for an eighth of the ring, and never fewer buffers than the rest of it. */
TEST(the_device_gets_buffers_an_eighth_of_the_ring_at_a_time)
{
	struct device dev = { .dma_mask = U64_MAX, .dma_coherent = true };
	struct virtio_device vdev = { .dev = &dev };
	static struct virtnet v;
	struct pair *p;

	world_start();
	list_init(&dev.bounces);
	v.vdev = &vdev;
	v.hdr_bytes = sizeof(struct net_hdr);
	EXPECT_EQ(pairs_create(&v, 1), 0);
	v.dev.first.dev = &v.dev;
	p = v.pairs[0];
	virtnet_poll(&p->poll, 64);
	EXPECT_EQ(device_has(p->rx), RX_BUFFERS);
	EXPECT_EQ(told, 1);
	for (u32 i = 1; i <= FRAMES; i++) {
		device_receives(p->rx);
		virtnet_poll(&p->poll, 64);
		/* The interface is down: they are counted, and that is all. */
		EXPECT_EQ(p->q->stats.rx_dropped, i);
		EXPECT_EQ(device_has(p->rx), RX_BUFFERS - i % (RX_BUFFERS / 8));
	}
	EXPECT_EQ(told, 1 + FRAMES / (RX_BUFFERS / 8));
	gone(p);
	world_end();
}
