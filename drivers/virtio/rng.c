/* SPDX-License-Identifier: MIT */
/*
 * virtio-rng (VIRTIO 1.2, 5.4): the host's randomness for the pool, once at boot and
 * again every RESEED_NS. The device fills one buffer; what it says it wrote is
 * bounded by what we gave it.
 */
#include <drivers/virtio/virtio.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>

#define BUFFER_BYTES	64
/* chosen: a wake-up in five minutes costs nothing */
#define RESEED_NS	(300 * NS_PER_SEC)

struct virtio_rng {
	/* Constant after probe. */
	struct virtqueue *vq;
	u8 *buffer;			/* the device's between rng_ask() and the interrupt */
	dma_addr_t dma;
	struct delayed_work again;

	struct spinlock lock;		/* RANK_LEAF, irq-safe: the ring */
};

static void rng_ask(struct virtio_rng *r)
{
	struct vq_seg seg = { r->dma, BUFFER_BYTES };
	u64 flags = spin_lock_irqsave(&r->lock);

	if (!vq_add(r->vq, &seg, 0, 1, r))
		vq_kick(r->vq);
	spin_unlock_irqrestore(&r->lock, flags);
}

static void ask_again(struct work *w)
{
	rng_ask(container_of(w, struct virtio_rng, again.work));
}

static void rng_interrupt(struct virtqueue *vq)
{
	struct virtio_rng *r = vq->priv;
	u64 flags = spin_lock_irqsave(&r->lock);
	u32 len;
	bool filled = vq_get(vq, &len);

	(void)vq_enable_callback(vq);
	spin_unlock_irqrestore(&r->lock, flags);
	if (!filled)
		return;
	len = min(len, BUFFER_BYTES + 0u);
	random_add(r->buffer, len, len * 8);
	memset(r->buffer, 0, BUFFER_BYTES);
	delayed_work_queue(&r->again, RESEED_NS);
}

static int rng_probe(struct virtio_device *v)
{
	struct virtio_rng *r = dev_zalloc(v->dev, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->vq = virtio_queue_setup(v, 0, 8, rng_interrupt);
	r->buffer = dev_dma_alloc(v->dev, BUFFER_BYTES, &r->dma);
	if (!r->vq || !r->buffer)
		return -ENODEV;
	spin_lock_init(&r->lock, RANK_LEAF);
	delayed_work_init(&r->again, ask_again);
	r->vq->priv = r;
	virtio_ready(v);
	rng_ask(r);
	return 0;
}

VIRTIO_DRIVER(rng) = {
	.id = VIRTIO_ID_RNG,
	.probe = rng_probe,
};
