/* SPDX-License-Identifier: MIT */
/*
 * virtio over MMIO (VIRTIO 1.2, 4.2): legacy devices (version 1) and modern
 * ones (version 2), which differ in how queues are placed and features agreed.
 *
 * An empty slot has device id 0 and is passed over silently. A device without
 * a driver is left in reset state. One interrupt serves queues and
 * configuration changes.
 */
#include <drivers/virtio/virtio.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <arch/io.h>
#include <arch/page.h>

/* Registers, 4.2.2 and 4.2.4. */
#define R_MAGIC			0x000
#define R_VERSION		0x004
#define R_DEVICE_ID		0x008
#define R_DEVICE_FEATURES	0x010
#define R_DEVICE_FEATURES_SEL	0x014
#define R_DRIVER_FEATURES	0x020
#define R_DRIVER_FEATURES_SEL	0x024
#define R_GUEST_PAGE_SIZE	0x028	/* legacy */
#define R_QUEUE_SEL		0x030
#define R_QUEUE_NUM_MAX		0x034
#define R_QUEUE_NUM		0x038
#define R_QUEUE_ALIGN		0x03c	/* legacy */
#define R_QUEUE_PFN		0x040	/* legacy */
#define R_QUEUE_READY		0x044
#define R_QUEUE_NOTIFY		0x050
#define R_INTERRUPT_STATUS	0x060
#define R_INTERRUPT_ACK		0x064
#define R_STATUS		0x070
#define R_QUEUE_DESC		0x080	/* low, high follows at +4 */
#define R_QUEUE_DRIVER		0x090
#define R_QUEUE_DEVICE		0x0a0
#define R_CONFIG_GENERATION	0x0fc
#define R_CONFIG		0x100

#define MAGIC			0x74726976
#define STATUS_ACKNOWLEDGE	1
#define STATUS_DRIVER		2
#define STATUS_DRIVER_OK	4
#define STATUS_FEATURES_OK	8
#define STATUS_FAILED		128
#define INT_QUEUE		1
#define INT_CONFIG		2
#define RESET_PATIENCE		1000000	/* reads of the status: a second or so, and never on QEMU */

/* linker script */
extern const struct virtio_driver __virtio_drivers_start[], __virtio_drivers_end[];

static u32 rd(struct virtio_device *v, u32 reg)
{
	return mmio_read32(v->regs + reg);
}

static void wr(struct virtio_device *v, u32 reg, u32 val)
{
	mmio_write32(v->regs + reg, val);
}

static void wr64(struct virtio_device *v, u32 reg, u64 val)
{
	wr(v, reg, (u32)val);
	wr(v, reg + 4, (u32)(val >> 32));
}

static void status_add(struct virtio_device *v, u32 bits)
{
	wr(v, R_STATUS, rd(v, R_STATUS) | bits);
}

void virtio_reset(struct virtio_device *v)
{
	u32 patience = RESET_PATIENCE;

	wr(v, R_STATUS, 0);
	while (rd(v, R_STATUS) && --patience)
		;
	if (!patience)
		pr_err("%s: does not come to an end of its reset\n", v->dev->name);
}

void virtio_ready(struct virtio_device *v)
{
	status_add(v, STATUS_DRIVER_OK);
}

u8 virtio_config8(struct virtio_device *v, u32 offset)
{
	return mmio_read8(v->regs + R_CONFIG + offset);
}

u16 virtio_config16(struct virtio_device *v, u32 offset)
{
	return mmio_read16(v->regs + R_CONFIG + offset);
}

u32 virtio_config32(struct virtio_device *v, u32 offset)
{
	return rd(v, R_CONFIG + offset);
}

u64 virtio_config64(struct virtio_device *v, u32 offset)
{
	u64 val;
	u32 gen;

	do {
		gen = v->version == 2 ? rd(v, R_CONFIG_GENERATION) : 0;
		val = virtio_config32(v, offset) | (u64)virtio_config32(v, offset + 4) << 32;
	} while (v->version == 2 && gen != rd(v, R_CONFIG_GENERATION));
	return val;
}

static u64 device_features(struct virtio_device *v)
{
	u64 low, high;

	wr(v, R_DEVICE_FEATURES_SEL, 0);
	low = rd(v, R_DEVICE_FEATURES);
	wr(v, R_DEVICE_FEATURES_SEL, 1);
	high = rd(v, R_DEVICE_FEATURES);
	return low | high << 32;
}

static int features_agree(struct virtio_device *v, const struct virtio_driver *drv)
{
	u64 offered = device_features(v);

	if (v->version == 2 && !(offered & VIRTIO_F_VERSION_1))
		return -ENODEV;
	v->features = offered & (drv->features | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	if (drv->choose)
		v->features = drv->choose(v->features);
	if (v->version == 2)
		v->features |= VIRTIO_F_VERSION_1;
	wr(v, R_DRIVER_FEATURES_SEL, 0);
	wr(v, R_DRIVER_FEATURES, (u32)v->features);
	if (v->version == 1)
		return 0;
	wr(v, R_DRIVER_FEATURES_SEL, 1);
	wr(v, R_DRIVER_FEATURES, (u32)(v->features >> 32));
	status_add(v, STATUS_FEATURES_OK);
	return rd(v, R_STATUS) & STATUS_FEATURES_OK ? 0 : -ENODEV;
}

void vq_notify(struct virtqueue *vq)
{
	wr(vq->vdev, R_QUEUE_NOTIFY, vq->index);
}

static void virtio_interrupt(void *arg)
{
	struct virtio_device *v = arg;
	u32 status = rd(v, R_INTERRUPT_STATUS);

	wr(v, R_INTERRUPT_ACK, status);
	/* What the rings do not show from here on interrupts again. */
	dma_mb();
	if (status & INT_QUEUE)
		for (u32 i = 0; i < v->nr_vqs; i++)
			if (v->vqs[i]->callback)
				v->vqs[i]->callback(v->vqs[i]);
	if ((status & INT_CONFIG) && v->config_changed)
		v->config_changed(v);
}

static void queue_place(struct virtio_device *v, struct virtqueue *vq, u64 dma)
{
	wr(v, R_QUEUE_NUM, vq->size);
	if (v->version == 1) {
		wr(v, R_QUEUE_ALIGN, PAGE_SIZE);
		wr(v, R_QUEUE_PFN, (u32)(dma >> PAGE_SHIFT));
		return;
	}
	wr64(v, R_QUEUE_DESC, dma);
	wr64(v, R_QUEUE_DRIVER, dma + ((u8 *)vq->avail - (u8 *)vq->desc));
	wr64(v, R_QUEUE_DEVICE, dma + ((const u8 *)vq->used - (u8 *)vq->desc));
	wr(v, R_QUEUE_READY, 1);
}

struct virtqueue *virtio_queue_setup(struct virtio_device *v, u32 index, u32 max_size,
				     void (*callback)(struct virtqueue *vq))
{
	struct virtqueue *vq;
	struct vq_slot *slots;
	dma_addr_t dma;
	u32 size;
	void *mem;

	if (v->nr_vqs == VIRTIO_MAX_QUEUES)
		return NULL;
	wr(v, R_QUEUE_SEL, index);
	size = min_t(u32, rd(v, R_QUEUE_NUM_MAX), max_size);
	if (!size || (size & (size - 1)))
		return NULL;
	vq = dev_zalloc(v->dev, sizeof(*vq));
	slots = dev_zalloc(v->dev, size * sizeof(*slots));
	mem = dev_dma_alloc(v->dev, vring_bytes(size), &dma);
	if (!vq || !slots || !mem)
		return NULL;
	vq->vdev = v;
	vq->index = index;
	vq->callback = callback;
	vq->event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX);
	vq->order_reg = nr_cpus == 1 ? (const volatile u32 *)(v->regs + R_STATUS) : NULL;
	vring_init(vq, size, mem, slots);
	queue_place(v, vq, dma);
	v->vqs[v->nr_vqs++] = vq;
	return vq;
}

static const struct virtio_driver *driver_for(u32 id)
{
	for (const struct virtio_driver *d = __virtio_drivers_start; d < __virtio_drivers_end; d++)
		if (d->id == id)
			return d;
	return NULL;
}

static int device_start(struct virtio_device *v, const struct virtio_driver *drv)
{
	int irq = dev_irq(v->dev, 0), err;

	if (irq < 0)
		return irq;
	virtio_reset(v);
	status_add(v, STATUS_ACKNOWLEDGE);
	status_add(v, STATUS_DRIVER);
	if (v->version == 1)
		wr(v, R_GUEST_PAGE_SIZE, PAGE_SIZE);
	err = features_agree(v, drv);
	if (!err)
		err = dev_request_irq(v->dev, irq, virtio_interrupt, v);
	if (!err)
		err = drv->probe(v);
	if (err) {
		status_add(v, STATUS_FAILED);
		virtio_reset(v);
	}
	return err;
}

static int virtio_mmio_probe(struct device *dev)
{
	struct virtio_device *v = dev_zalloc(dev, sizeof(*v));
	const struct virtio_driver *drv;

	if (!v)
		return -ENOMEM;
	v->dev = dev;
	v->regs = dev_map_regs(dev, 0);
	if (!v->regs)
		return -ENOMEM;
	if (!dev_answers(dev, v->regs + R_MAGIC, 4) || rd(v, R_MAGIC) != MAGIC)
		return -ENODEV;
	v->version = rd(v, R_VERSION);
	v->id = rd(v, R_DEVICE_ID);
	if (!v->id || v->version < 1 || v->version > 2)
		return -ENODEV;
	drv = driver_for(v->id);
	if (!drv)
		return -ENODEV;
	dev->priv = v;
	/* A legacy queue is placed by a page number of 32 bits. */
	dev->dma_mask = v->version == 2 ? U64_MAX : (1ul << (32 + PAGE_SHIFT)) - 1;
	return device_start(v, drv);
}

static void virtio_mmio_shutdown(struct device *dev)
{
	struct virtio_device *v = dev->priv;

	if (v)
		virtio_reset(v);
}

static const char *const compatible[] = { "virtio,mmio", NULL };

DRIVER(virtio_mmio) = {
	.name = "virtio-mmio",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = virtio_mmio_probe,
	.shutdown = virtio_mmio_shutdown,
};
