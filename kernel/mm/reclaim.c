/* SPDX-License-Identifier: MIT */
/* Getting memory back: what caches of other parts register. */
#include <kernel/mm/pagecache.h>
#include <kernel/mm/lru.h>
#include <kernel/lock/spinlock.h>

static LIST_HEAD(shrinkers);
static DEFINE_SPINLOCK(shrinker_lock, RANK_LEAF);	/* for adding: nothing is ever taken out */

void shrinker_register(struct shrinker *s)
{
	spin_lock(&shrinker_lock);
	list_add_tail(&s->node, &shrinkers);
	spin_unlock(&shrinker_lock);
}
