/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk (VIRTIO 1.2, 5.2): /dev/vda and on.
 *
 * A request is a 16-byte header the device reads, the data, and a status byte
 * it writes. Headers, status bytes and indirect tables live in slots of one
 * coherent area allocated at probe, so that a request allocates nothing; a slot
 * holds one request (a chain of merged bios) in flight. With indirect tables a
 * request takes one ring descriptor, so depth is bounded by slots alone.
 *
 * Locks: disk->lock guards ring, slots and free list. The interrupt handler takes
 * it once for all that has finished (struct disk_batch).
 */
#include <drivers/virtio/virtio.h>
#include <drivers/block/block.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

#define BLK_F_SEG_MAX	BIT(2)
#define BLK_F_RO	BIT(5)
#define BLK_F_BLK_SIZE	BIT(6)
#define BLK_F_FLUSH	BIT(9)
#define BLK_F_TOPOLOGY	BIT(10)

/* Configuration, 5.2.4 */
#define CFG_CAPACITY	0
#define CFG_SEG_MAX	12
#define CFG_BLK_SIZE	20
#define CFG_PHYS_EXP	24
#define CFG_ALIGN	25
#define CFG_MIN_IO	26
#define CFG_OPT_IO	28

#define T_IN		0
#define T_OUT		1
#define T_FLUSH		4
#define S_OK		0
#define S_UNSUPP	2
#define S_NONE		0xff	/* ours: the device has written none; an error */

#define MAX_SEGS	64	/* data segments a request; chosen: 256 KiB of single pages */
#define MAX_SLOTS	64
#define VIRTIO_BLK_MAJOR 254
#define MINORS_PER_DISK	16

struct blk_header {
	u32 type, reserved;
	u64 sector;
};

/* What the device sees of a request; coherent memory. */
struct blk_wire {
	struct vring_desc table[MAX_SEGS + 2];
	struct blk_header header;
	u8 status;
} __aligned(64);

struct blk_slot {
	struct bio *bio;		/* NULL: free */
	u32 nr_data;
	struct blk_slot *next;		/* free, or finished */
	struct blk_wire *wire;
	u64 wire_dma;
};

struct virtio_blk {
	struct disk disk;
	struct virtio_device *vdev;
	struct virtqueue *vq;
	struct blk_slot slots[MAX_SLOTS];
	struct blk_slot *free;		/* disk.lock */
};

static u32 nr_disks;			/* boot thread only */

static enum dma_dir dir_of(const struct bio *bio)
{
	return bio->op == BIO_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static void unmap_data(struct virtio_blk *b, struct blk_slot *s)
{
	for (u32 i = 1; i <= s->nr_data; i++)
		dma_unmap_page(b->vdev->dev, s->wire->table[i].addr, s->wire->table[i].len,
			       dir_of(s->bio));
	s->nr_data = 0;
}

static void set_desc(struct blk_wire *w, u32 i, u64 addr, u32 len, u16 flags)
{
	w->table[i] = (struct vring_desc){ addr, len, flags, i + 1 };
}

/* Descriptors 1..n for the chain's data. False: a page cannot be mapped now. */
static bool map_data(struct virtio_blk *b, struct blk_slot *s)
{
	u16 flags = VRING_DESC_NEXT | (s->bio->op == BIO_READ ? VRING_DESC_WRITE : 0);

	for (struct bio *bio = s->bio; bio; bio = bio->chain)
		for (u32 i = 0; i < bio->nr_vecs; i++) {
			struct bio_vec *v = &bio->vecs[i];
			u64 a = dma_map_page(b->vdev->dev, v->page, v->offset, v->len,
					     dir_of(bio));

			if (a == DMA_ERROR) {
				unmap_data(b, s);
				return false;
			}
			set_desc(s->wire, ++s->nr_data, a, v->len, flags);
		}
	return true;
}

static u32 wire_type(const struct bio *bio)
{
	return bio->wire_op == BIO_FLUSH ? T_FLUSH : bio->wire_op == BIO_READ ? T_IN : T_OUT;
}

/* Without indirect tables the ring holds the same descriptors itself. */
static int add_direct(struct virtio_blk *b, struct blk_slot *s, u32 nr)
{
	struct vq_seg segs[MAX_SEGS + 2];
	bool in = s->bio->wire_op == BIO_READ;

	for (u32 i = 0; i < nr; i++)
		segs[i] = (struct vq_seg){ s->wire->table[i].addr, s->wire->table[i].len };
	return vq_add(b->vq, segs, in ? 1 : nr - 1, in ? nr - 1 : 1, s);
}

static int blk_queue(struct disk *d, struct bio *bio)
{
	struct virtio_blk *b = d->private;
	struct blk_slot *s = b->free;
	struct blk_wire *w;
	u32 nr;
	int err;

	if (unlikely(b->vq->broken))
		return -EIO;
	if (!s)
		return -EBUSY;
	w = s->wire;
	s->bio = bio;
	s->nr_data = 0;
	w->status = S_NONE;
	w->header = (struct blk_header){ wire_type(bio), 0,
					 bio->wire_op == BIO_FLUSH ? 0 : bio->disk_sector };
	set_desc(w, 0, s->wire_dma + offsetof(struct blk_wire, header), sizeof(w->header),
		 VRING_DESC_NEXT);
	if (bio->wire_op != BIO_FLUSH && !map_data(b, s)) {
		s->bio = NULL;
		return -EBUSY;
	}
	nr = s->nr_data + 2;
	set_desc(w, nr - 1, s->wire_dma + offsetof(struct blk_wire, status), 1, VRING_DESC_WRITE);
	if (virtio_has(b->vdev, VIRTIO_F_INDIRECT_DESC))
		err = vq_add_indirect(b->vq, s->wire_dma, nr, s);
	else
		err = add_direct(b, s, nr);
	if (err) {
		unmap_data(b, s);
		s->bio = NULL;
		return err;
	}
	b->free = s->next;
	return 0;
}

static void blk_commit(struct disk *d)
{
	struct virtio_blk *b = d->private;

	vq_kick(b->vq);
}

static const struct disk_ops blk_ops = {
	.queue_bio = blk_queue,
	.commit = blk_commit,
};

static int errno_of(u8 status)
{
	return status == S_OK ? 0 : status == S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

static void slot_done(struct virtio_blk *b, struct blk_slot *s, struct disk_batch *batch,
		      int status)
{
	struct bio *bio = s->bio;

	unmap_data(b, s);
	s->bio = NULL;
	s->next = b->free;
	b->free = s;
	disk_batch_add(batch, bio, status);
}

/* The device broke the ring's rules: nothing it says is of use any more. */
static void fail_all(struct virtio_blk *b, struct disk_batch *batch)
{
	virtio_reset(b->vdev);
	for (u32 i = 0; i < MAX_SLOTS; i++)
		if (b->slots[i].bio)
			slot_done(b, &b->slots[i], batch, -EIO);
}

static void blk_interrupt(struct virtqueue *vq)
{
	struct virtio_blk *b = vq->priv;
	struct disk_batch batch;
	struct blk_slot *s;
	u32 len;

	disk_batch_begin(&batch, &b->disk);
	do {
		while ((s = vq_get(vq, &len)))
			slot_done(b, s, &batch, errno_of(READ_ONCE(s->wire->status)));
	} while (vq_enable_callback(vq));
	if (unlikely(vq->broken))
		fail_all(b, &batch);
	disk_batch_end(&batch);
}

static void read_limits(struct virtio_blk *b)
{
	struct virtio_device *v = b->vdev;
	struct disk_limits *l = &b->disk.limits;
	u32 ring_segs = virtio_has(v, VIRTIO_F_INDIRECT_DESC) ? MAX_SEGS : max(b->vq->size, 3u) - 2;

	l->logical_block = virtio_has(v, BLK_F_BLK_SIZE) ? virtio_config32(v, CFG_BLK_SIZE) : 512;
	if (l->logical_block < 512 || l->logical_block > PAGE_SIZE ||
	    (l->logical_block & (l->logical_block - 1)))
		l->logical_block = 512;
	l->physical_block = l->logical_block;
	if (virtio_has(v, BLK_F_TOPOLOGY)) {
		l->physical_block <<= virtio_config8(v, CFG_PHYS_EXP) & 7;
		l->alignment_offset = virtio_config8(v, CFG_ALIGN) * l->logical_block;
		l->io_min = virtio_config16(v, CFG_MIN_IO) * l->logical_block;
		l->io_opt = virtio_config32(v, CFG_OPT_IO) * l->logical_block;
	}
	l->io_min = max_t(u32, l->io_min, l->physical_block);
	l->max_segments = min_t(u32, ring_segs, MAX_SEGS);
	if (virtio_has(v, BLK_F_SEG_MAX))
		l->max_segments = clamp(virtio_config32(v, CFG_SEG_MAX), 1u, l->max_segments);
	l->max_segment_bytes = 4u << 20;
	l->max_sectors = 2048;		/* chosen: 1 MiB keeps latency bounded */
	l->queue_depth = MAX_SLOTS;
	l->has_flush = virtio_has(v, BLK_F_FLUSH);
	l->read_only = virtio_has(v, BLK_F_RO);
	l->dma_mask = v->dev->dma_mask;
}

static int slots_alloc(struct virtio_blk *b)
{
	dma_addr_t dma;
	struct blk_wire *wire = dev_dma_alloc(b->vdev->dev, MAX_SLOTS * sizeof(*wire), &dma);

	if (!wire)
		return -ENOMEM;
	for (u32 i = 0; i < MAX_SLOTS; i++) {
		struct blk_slot *s = &b->slots[i];

		s->wire = wire + i;
		s->wire_dma = dma + i * sizeof(*wire);
		s->next = b->free;
		b->free = s;
	}
	return 0;
}

static int blk_probe(struct virtio_device *v)
{
	struct virtio_blk *b = dev_zalloc(v->dev, sizeof(*b));
	int err;

	if (!b || nr_disks == 26)
		return -ENOMEM;
	b->vdev = v;
	disk_init(&b->disk);
	b->vq = virtio_queue_setup(v, 0, 256, blk_interrupt);
	if (!b->vq)
		return -ENODEV;
	b->vq->priv = b;
	err = slots_alloc(b);
	if (err)
		return err;
	read_limits(b);
	snprintf(b->disk.name, sizeof(b->disk.name), "vd%c", 'a' + nr_disks);
	b->disk.major = VIRTIO_BLK_MAJOR;
	b->disk.first_minor = nr_disks * MINORS_PER_DISK;
	b->disk.sectors = virtio_config64(v, CFG_CAPACITY);
	b->disk.ops = &blk_ops;
	b->disk.dev = v->dev;
	b->disk.private = b;
	virtio_ready(v);
	err = disk_register(&b->disk);
	if (!err)
		nr_disks++;
	return err;
}

VIRTIO_DRIVER(blk) = {
	.id = VIRTIO_ID_BLOCK,
	.features = BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_TOPOLOGY,
	.probe = blk_probe,
};
