/* SPDX-License-Identifier: MIT */
/* Radix tree: every operation against a plain table of what should be there. */
#include "unit.h"
#include <kernel/lib/xarray.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <kernel/errno.h>

void *calloc(size_t n, size_t size);
void free(void *p);

static long live;		/* objects allocated and not freed */
static long fail_after = -1;	/* allocations that still succeed; -1: all */

void *kmalloc_of_class(unsigned class, u32 gfp)
{
	(void)class;
	(void)gfp;
	if (!fail_after)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	live++;
	return calloc(1, 1024);
}

void *kmalloc_large(size_t size, u32 gfp)
{
	(void)size;
	return kmalloc_of_class(0, gfp);
}

void kfree(const void *p)
{
	live -= !!p;
	free((void *)p);
}

/* No readers here: a grace period is over at once. func is the rcu_head's offset. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	kfree((char *)head - (u64)func);
}

static u64 seed = 1;

static u64 random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void *entry(u64 i)
{
	return xa_mk_value(i + 1);
}

TEST(stores_at_far_apart_indices)
{
	static const u64 at[] = { 0, 1, 63, 64, 4095, 4096, 1ul << 32, 1ul << 60, ~0ul - 1, ~0ul };
	struct xarray xa;
	u64 i = 0, n = 0;
	void *e;

	xa_init(&xa);
	for (unsigned k = 0; k < ARRAY_SIZE(at); k++)
		EXPECT_EQ(xa_store(&xa, at[k], entry(k), NULL, GFP_KERNEL), 0);
	for (unsigned k = 0; k < ARRAY_SIZE(at); k++)
		EXPECT_TRUE(xa_load(&xa, at[k]) == entry(k));
	xa_for_each(&xa, i, e) {
		EXPECT_TRUE(n < ARRAY_SIZE(at) && i == at[n] && e == entry(n));
		n++;
	}
	EXPECT_EQ(n, ARRAY_SIZE(at));
	EXPECT_TRUE(xa_load(&xa, 2) == NULL);
	xa_destroy(&xa);
	EXPECT_EQ(live, 0);
}

TEST(a_failed_store_changes_nothing)
{
	struct xarray xa;

	xa_init(&xa);
	EXPECT_EQ(xa_store(&xa, 5, entry(5), NULL, GFP_KERNEL), 0);
	for (long n = 0; ; n++) {
		int err;

		fail_after = n;
		err = xa_store(&xa, 1ul << 40, entry(1), NULL, GFP_KERNEL);
		fail_after = -1;
		if (!err)
			break;
		EXPECT_EQ(err, -ENOMEM);
		EXPECT_EQ(live, 1);
		EXPECT_TRUE(xa_load(&xa, 5) == entry(5));
	}
	EXPECT_TRUE(xa_load(&xa, 1ul << 40) == entry(1));
	EXPECT_TRUE(xa_erase(&xa, 1ul << 40) == entry(1));
	EXPECT_TRUE(xa_erase(&xa, 5) == entry(5));
	EXPECT_TRUE(xa_empty(&xa));
	EXPECT_EQ(live, 0);
}

#define SPAN 9000u
static u8 model[SPAN];		/* bit 7: present; bits 0-2: marks */

static u64 model_find(u64 from, u8 bits)
{
	while (from < SPAN && (model[from] & bits) != bits)
		from++;
	return from;
}

static void step(struct xarray *xa)
{
	u64 i = random() % SPAN, found = i;
	unsigned mark = random() % XA_NR_MARKS;
	void *e;

	switch (random() % 8) {
	case 0: case 1: case 2:
		EXPECT_EQ(xa_store(xa, i, entry(i), NULL, GFP_KERNEL), 0);
		model[i] |= 0x80;
		break;
	case 3: case 4:
		EXPECT_TRUE(xa_erase(xa, i) == (model[i] ? entry(i) : NULL));
		model[i] = 0;
		break;
	case 5:
		xa_set_mark(xa, i, mark);
		if (model[i])
			model[i] |= BIT(mark);
		break;
	case 6:
		xa_clear_mark(xa, i, mark);
		model[i] &= ~BIT(mark);
		break;
	default:
		e = xa_find(xa, &found, SPAN - 1);
		EXPECT_EQ(e ? found : SPAN, model_find(i, 0x80));
		found = i;
		e = xa_find_marked(xa, &found, SPAN - 1, mark);
		EXPECT_EQ(e ? found : SPAN, model_find(i, 0x80 | BIT(mark)));
		EXPECT_EQ(xa_get_mark(xa, i, mark), !!(model[i] & BIT(mark)));
		EXPECT_EQ(xa_marked(xa, mark), model_find(0, BIT(mark)) < SPAN);
	}
}

TEST(agrees_with_a_table_over_random_operations)
{
	struct xarray xa;

	xa_init(&xa);
	for (unsigned n = 0; n < 100000; n++)
		step(&xa);
	for (u64 i = 0; i < SPAN; i++)
		EXPECT_TRUE(xa_load(&xa, i) == (model[i] ? entry(i) : NULL));
	for (u64 i = 0; i < SPAN; i++)
		xa_erase(&xa, i);
	EXPECT_TRUE(xa_empty(&xa));
	EXPECT_EQ(live, 0);
}
