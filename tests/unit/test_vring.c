/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues against a device that the test plays: one that obeys, and one
 * that writes whatever it likes where it may write at all.
 */
#include <drivers/virtio/virtio.h>
#include <kernel/printk.h>
#include <unit.h>
#include <kernel/lib/string.h>

void *aligned_alloc(size_t align, size_t size);
void *calloc(size_t n, size_t size);
void free(void *p);

#define SIZE	16u
#define ROUNDS	20000

void printk(enum log_level level, const char *fmt, ...) { }
void vq_notify(struct virtqueue *vq) { }

static u32 rnd(u32 below)
{
	static u64 s = 88172645463325252ull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (u32)(s >> 16) % below;
}

static void queue_new(struct virtqueue *vq, bool event_idx)
{
	memset(vq, 0, sizeof(*vq));
	vq->event_idx = event_idx;
	vring_init(vq, SIZE, aligned_alloc(4096, ALIGN_UP(vring_bytes(SIZE), 4096ul)),
		   calloc(SIZE, sizeof(struct vq_slot)));
	memset(vq->avail, 0, sizeof(*vq->avail));
	memset((void *)vq->used, 0, sizeof(*vq->used));
	*vq->used_event = 0;
	*(u16 *)vq->avail_event = 0;
}

static void queue_free(struct virtqueue *vq)
{
	free(vq->desc);
	free(vq->slots);
}

/* The device's own position in the available ring. */
static u16 device_at;

/* An obedient device: takes a random one of the offered chains, checks it, finishes it. */
static u16 offered[SIZE];
static u32 nr_offered;

static void device_take(struct virtqueue *vq)
{
	while (device_at != vq->avail->idx)
		offered[nr_offered++] = vq->avail->ring[device_at++ % SIZE];
}

static u32 chain_length(struct virtqueue *vq, u16 head)
{
	u32 n = 1;

	for (u16 at = head; vq->desc[at].flags & VRING_DESC_NEXT && n <= SIZE; n++)
		at = vq->desc[at].next;
	return n;
}

static void device_finish(struct virtqueue *vq, u16 head, u32 len)
{
	u16 idx = vq->used->idx;

	((struct vring_used_elem *)vq->used->ring)[idx % SIZE] =
		(struct vring_used_elem){ head, len };
	((struct vring_used *)vq->used)->idx = idx + 1;
}

/* Chains of every length, finished in any order: descriptors are neither lost nor shared. */
TEST(chains_come_back_whole_in_any_order)
{
	static u8 tokens[SIZE];
	bool in_flight[SIZE] = { false };
	struct virtqueue vq;
	u32 used = 0;

	queue_new(&vq, true);
	device_at = 0;
	nr_offered = 0;
	for (u32 round = 0; round < ROUNDS; round++) {
		struct vq_seg segs[5] = { { 0x1000, 1 }, { 0x2000, 2 }, { 0x3000, 3 }, { 0x4000, 4 }, { 0x5000, 5 } };
		u32 nr = 1 + rnd(5), t = rnd(SIZE), len;
		u8 *token;

		if (!in_flight[t]) {
			int err = vq_add(&vq, segs, nr - 1, 1, &tokens[t]);

			EXPECT_EQ(err, used + nr > SIZE ? -EBUSY : 0);
			if (!err) {
				in_flight[t] = true;
				tokens[t] = (u8)nr;
				used += nr;
			}
		}
		device_take(&vq);
		if (nr_offered && rnd(2)) {
			u32 i = rnd(nr_offered);
			u16 head = offered[i];

			EXPECT_EQ(chain_length(&vq, head), *(u8 *)vq.slots[head].token);
			device_finish(&vq, head, 7);
			offered[i] = offered[--nr_offered];
		}
		while ((token = vq_get(&vq, &len))) {
			EXPECT_EQ(len, 7);
			EXPECT_TRUE(in_flight[token - tokens]);
			in_flight[token - tokens] = false;
			used -= *token;
		}
		EXPECT_EQ(vq.nr_free, SIZE - used);
	}
	EXPECT_TRUE(!vq.broken);
	queue_free(&vq);
}

/*
 * One that was not given, one out of range, the same
 * twice: the queue is given up, no memory is touched.
 */
TEST(false_answers_break_the_queue_and_nothing_else)
{
	u32 ids[] = { SIZE, 0xffffffff, 0x10000, 5 }, len;

	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		struct vq_seg seg = { 0x1000, 1 };
		struct virtqueue vq;
		int token;

		queue_new(&vq, true);
		EXPECT_EQ(vq_add(&vq, &seg, 0, 1, &token), 0);
		EXPECT_EQ(vq_add(&vq, &seg, 0, 1, &token), 0);
		device_finish(&vq, 0, 0xffffffff);
		EXPECT_TRUE(vq_get(&vq, &len) == &token);
		((struct vring_used_elem *)vq.used->ring)[1].id = ids[i];
		((struct vring_used *)vq.used)->idx = 2;
		EXPECT_TRUE(!vq_get(&vq, &len));
		EXPECT_TRUE(vq.broken);
		EXPECT_TRUE(!vq_enable_callback(&vq));
		queue_free(&vq);
	}
}

/* The device overwrites all of the shared memory at random times. ASan watches. */
TEST(scribbled_memory_harms_nobody)
{
	for (u32 run = 0; run < 2000; run++) {
		struct vq_seg segs[3] = { { 0x1000, 1 }, { 0x2000, 2 }, { 0x3000, 3 } };
		struct virtqueue vq;
		static int token;
		u32 len;

		queue_new(&vq, run % 2);
		for (u32 i = 0; i < 50; i++) {
			(void)vq_add(&vq, segs, 1, rnd(3), &token);
			(void)vq_kick_prepare(&vq);
			if (rnd(4) == 0) {
				u8 *mem = (u8 *)vq.desc;

				for (u32 n = rnd(200); n; n--)
					mem[rnd((u32)vring_bytes(SIZE))] =
						(u8)(rnd(3) ? rnd(SIZE) : rnd(256));
			}
			for (u32 n = 0; n < 100 && vq_get(&vq, &len); n++)
				;
			(void)vq_enable_callback(&vq);
			EXPECT_TRUE(vq.nr_free <= SIZE);
			EXPECT_TRUE(vq.free_head <= SIZE);
		}
		queue_free(&vq);
	}
}

/* With the event index the device hears of a batch once, and only if it asked. */
TEST(one_notification_for_a_batch)
{
	struct vq_seg seg = { 0x1000, 1 };
	struct virtqueue vq;
	int token;

	queue_new(&vq, true);
	for (u32 i = 0; i < 4; i++)
		EXPECT_EQ(vq_add(&vq, &seg, 0, 1, &token), 0);
	EXPECT_TRUE(vq_kick_prepare(&vq));
	EXPECT_TRUE(!vq_kick_prepare(&vq));
	EXPECT_EQ(vq_add(&vq, &seg, 0, 1, &token), 0);
	/* The device still works on the first batch: it asked for 0 only. */
	EXPECT_TRUE(!vq_kick_prepare(&vq));
	*(u16 *)vq.avail_event = 5;
	EXPECT_EQ(vq_add(&vq, &seg, 0, 1, &token), 0);
	EXPECT_TRUE(vq_kick_prepare(&vq));
	queue_free(&vq);
}
