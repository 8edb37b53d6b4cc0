/* SPDX-License-Identifier: MIT */
/*
 * virtio's interrupt over MMIO against a device that the test plays, and a hart whose writes to
 * registers are late: they arrive when a fence is met, or when the handler is through. The driver is part
 * of this file.
 */
#include "../../drivers/virtio/mmio.c"
#include <kernel/lib/string.h>
#include "unit.h"

const struct virtio_driver __virtio_drivers_start[1], __virtio_drivers_end[1];
u32 nr_cpus = 1;

void printk(enum log_level level, const char *fmt, ...)			{ }
void *dev_zalloc(struct device *dev, size_t size)			{ return NULL; }
void *dev_map_regs(struct device *dev, int index)			{ return NULL; }
void *dev_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma)	{ return NULL; }
bool dev_answers(struct device *dev, const volatile void *reg, u32 bytes)	{ return false; }
int dev_irq(struct device *dev, int index)				{ return -ENXIO; }
size_t vring_bytes(u32 size)						{ return 0; }
void vring_init(struct virtqueue *vq, u32 size, void *mem, struct vq_slot *slots)	{ }

int dev_request_irq(struct device *dev, int irq, irq_handler_t handler, void *arg)
{
	return -ENOSYS;
}

/* --- the device: its interrupt is up while bits are set --- */

static u32 regs[0x40];
static u32 bits, acknowledged;		/* acknowledged: on its way */
static struct vring_used used;

u32 hw_mmio_read(const volatile void *reg)
{
	return reg == (const u8 *)regs + R_INTERRUPT_STATUS ? bits : 0;
}

void hw_mmio_write(volatile void *reg, u32 value)
{
	if (reg == (u8 *)regs + R_INTERRUPT_ACK)
		acknowledged |= value;
}

void hw_dma_mb(void)
{
	bits &= ~acknowledged;
	acknowledged = 0;
}

static void device_finishes(void)
{
	used.idx++;
	bits |= INT_QUEUE;
}

/* --- cases --- */

static u32 looks;

/* As virtio-net's: nothing is there. What comes right behind this look has to interrupt again. */
static void look(struct virtqueue *vq)
{
	looks++;
	vq->last_used = used.idx;
	if (looks == 1)
		device_finishes();
}

TEST(what_comes_behind_the_look_interrupts_again)
{
	struct virtqueue vq = { .used = &used, .callback = look };
	struct virtio_device v = { .regs = (volatile u8 *)regs, .vqs = { &vq }, .nr_vqs = 1 };

	device_finishes();
	for (u32 i = 0; bits && i < 10; i++) {
		virtio_interrupt(&v);
		hw_dma_mb();
	}
	EXPECT_EQ(looks, 2);
	EXPECT_TRUE(!vq_has_used(&vq));
}
