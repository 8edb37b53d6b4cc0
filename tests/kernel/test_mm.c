/* SPDX-License-Identifier: MIT */
/* Pages, objects and kernel mappings, from every CPU at once; iterators. */
#include <arch/smp.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <kernel/percpu.h>
#include <kernel/test/ktest.h>

#define HELD	64

static u64 next_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Each page carries its owner's mark: two owners of one page would see the other's. */
static void churn_pages(void *arg)
{
	struct page *held[HELD] = { NULL };
	u64 random = 88172645463325252ul + cpu_id();

	for (u32 i = 0; i < 20000; i++) {
		u32 slot = next_random(&random) % HELD;
		u64 mark = (u64)cpu_id() << 32 | slot;

		if (held[slot]) {
			EXPECT_EQ(*(u64 *)page_address(held[slot]), mark);
			page_put(held[slot]);
			held[slot] = NULL;
		} else {
			held[slot] = page_alloc(GFP_ATOMIC);
			if (held[slot])
				*(u64 *)page_address(held[slot]) = mark;
		}
	}
	for (u32 slot = 0; slot < HELD; slot++)
		if (held[slot])
			page_put(held[slot]);
}

KTEST(mm, no_page_has_two_owners)
{
	smp_call(cpus_online, churn_pages, NULL);
}

static void churn_objects(void *arg)
{
	u8 *held[HELD] = { NULL };
	u32 size[HELD] = { 0 };
	u64 random = 362436069 + cpu_id();

	for (u32 i = 0; i < 20000; i++) {
		u32 slot = next_random(&random) % HELD;

		if (held[slot]) {
			EXPECT_EQ(held[slot][0], (u8)slot);
			EXPECT_EQ(held[slot][size[slot] - 1], (u8)slot);
			kfree(held[slot]);
			held[slot] = NULL;
		} else {
			size[slot] = 1 + next_random(&random) % 3000;
			held[slot] = kmalloc(size[slot], GFP_ATOMIC);
			if (held[slot])
				memset(held[slot], slot, size[slot]);
		}
	}
	for (u32 slot = 0; slot < HELD; slot++)
		kfree(held[slot]);
}

KTEST(mm, no_object_has_two_owners)
{
	smp_call(cpus_online, churn_objects, NULL);
}

KTEST(mm, zeroed_memory_is_zero)
{
	for (u32 i = 0; i < 50; i++) {
		struct page *p = page_alloc(GFP_KERNEL | GFP_ZERO);
		const u64 *word;

		EXPECT_TRUE(p != NULL);
		if (!p)
			return;
		word = page_address(p);
		for (u32 j = 0; j < PAGE_SIZE / 8; j++)
			EXPECT_EQ(word[j], 0);
		memset(page_address(p), 0xa5, PAGE_SIZE);
		page_put(p);
	}
}

/* A mapping made again at the same address must not show the old page on any CPU. */
static void check_bytes(void *arg)
{
	const u8 *p = arg;

	EXPECT_EQ(p[0], p[1]);
	EXPECT_EQ(p[0], p[PAGE_SIZE]);
}

KTEST(mm, vmalloc_is_seen_the_same_by_every_cpu)
{
	for (u32 i = 0; i < 200; i++) {
		u8 *p = vmalloc(3 * PAGE_SIZE);

		EXPECT_TRUE(p != NULL);
		if (!p)
			return;
		p[0] = p[1] = p[PAGE_SIZE] = i;
		smp_call(cpus_online, check_bytes, p);
		vfree(p);
	}
}

KTEST(mm, blocks_of_every_order_come_and_go)
{
	for (u32 round = 0; round < 20; round++) {
		for (unsigned order = 0; order <= 6; order++) {
			struct page *p = page_alloc_order(order, GFP_KERNEL);

			EXPECT_TRUE(p != NULL);
			if (!p)
				return;
			EXPECT_EQ(page_to_pfn(p) & ((1u << order) - 1), 0);
			memset(page_address(p), round, PAGE_SIZE << order);
			page_free_order(p, order);
		}
	}
}

/* From any place back to any before it: what is copied then is what lies there. */
KTEST(mm, iterators_go_back)
{
	static char first[] = "abc", second[] = "defgh", all[] = "abcdefgh";
	const struct kvec vec[] = { { first, 3 }, { NULL, 0 }, { second, 5 } };
	char out[8];

	for (size_t to = 0; to <= 8; to++) {
		for (size_t back = 0; back <= to; back++) {
			size_t left = 8 - to + back;
			struct iov_iter it;

			iov_iter_kernel(&it, vec, ARRAY_SIZE(vec), 8);
			iov_iter_advance(&it, to);
			EXPECT_EQ(copy_from_iter(out, 0, &it), 0);
			iov_iter_revert(&it, back);
			EXPECT_EQ(iov_iter_count(&it), left);
			EXPECT_EQ(copy_from_iter(out, left, &it), left);
			EXPECT_EQ(memcmp(out, all + to - back, left), 0);
		}
	}
}
