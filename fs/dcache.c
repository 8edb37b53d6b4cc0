/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache: names in directories, found by (parent, name).
 *
 * Lookups walk a hash chain under RCU and write nothing. A dentry that nobody
 * refers to stays cached, on one LRU list, until memory is wanted or its name
 * goes away. Negative dentries (no inode) cache that a name does not exist.
 *
 * References. refs counts users; a child counts as a user of its parent.
 *   > 0            in use
 *   0              cached, only the hash and the LRU know it
 *   DENTRY_DEAD    claimed by one thread, which unlinks and frees it
 * The step 0 -> DENTRY_DEAD is one compare-and-swap, so that lock-free lookups,
 * which step 0 -> 1 in the same way, and shrinkers cannot both win.
 *
 * Invariants:
 *  (1) name, parent and inode change only under d->lock inside d->seq; whoever
 *      reads them without the lock checks seq afterwards.
 *  (2) A dentry on the LRU has DENTRY_ON_LRU set; in-use ones may stay there,
 *      so that get and put of a cached name never touch the list.
 *  (3) DENTRY_HASHED is set exactly while the dentry is in a chain.
 *  (4) Memory is freed a grace period after the dentry left its chain.
 *
 * Lock order: parent->lock, d->lock, chain lock, inode->lock, LRU lock.
 */
#include <fs/vfs.h>
#include <fs/namei.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>

#define DENTRY_DEAD	(-128)
#define DCACHE_BUCKETS	4096		/* chosen: 32 KiB; chains of 4 with 16,000 names */
#define DCACHE_LOCKS	64

static struct hlist_head buckets[DCACHE_BUCKETS];
static struct spinlock bucket_locks[DCACHE_LOCKS];	/* RANK_ICACHE */
static struct kmem_cache *dentry_cache;
static DEFINE_SPINLOCK(lru_lock, RANK_SB_LISTS);
static LIST_HEAD(lru);
static u64 lru_count;

static u32 bucket_of(const struct dentry *parent, u32 hash)
{
	u64 h = hash + ((u64)parent >> 6);

	h ^= h >> 17;
	return (h ^ (h >> 7)) % DCACHE_BUCKETS;
}

static struct spinlock *bucket_lock(u32 bucket)
{
	return &bucket_locks[bucket % DCACHE_LOCKS];
}

static bool name_equal(const char *a, const char *b, u32 len)
{
	while (len && *a == *b) {
		a++;
		b++;
		len--;
	}
	return !len;
}

/* The name may change under us: then seq has, and the caller's check fails. */
struct dentry *dcache_find_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq)
{
	struct dentry *d;

	hlist_for_each_rcu(d, &buckets[bucket_of(parent, name->hash)], hash_node) {
		u32 s;

		if (READ_ONCE(d->name.hash) != name->hash)
			continue;
		s = seq_begin(&d->seq);
		if (READ_ONCE(d->parent) != parent || READ_ONCE(d->name.len) != name->len ||
		    !(READ_ONCE(d->flags) & DENTRY_HASHED))
			continue;
		if (!name_equal(READ_ONCE(d->name.name), name->name, name->len))
			continue;
		*seq = s;
		return d;
	}
	return NULL;
}

bool dentry_get_live(struct dentry *d)
{
	s32 old = __atomic_load_n(&d->refs, __ATOMIC_RELAXED);

	do {
		if (old < 0)
			return false;
	} while (!__atomic_compare_exchange_n(&d->refs, &old, old + 1, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

/*
 * Context: the parent's inode is locked, so that a miss is final. A dying
 * dentry counts as a miss.
 */
struct dentry *dcache_lookup(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d;
	u32 seq;

	rcu_read_lock();
	do {
		d = dcache_find_rcu(parent, name, &seq);
		if (!d || !dentry_get_live(d)) {
			d = NULL;
			break;
		}
		if (!seq_retry(&d->seq, seq))
			break;
		dentry_put(d);
	} while (true);
	rcu_read_unlock();
	return d;
}

static bool name_is_inline(const struct dentry *d)
{
	return d->name.name == d->inline_name;
}

static struct dentry *alloc_detached(struct superblock *sb, const struct qstr *name)
{
	struct dentry *d = kmem_cache_zalloc(dentry_cache, GFP_KERNEL);
	char *text;

	if (!d)
		return NULL;
	text = d->inline_name;
	if (name->len >= DENTRY_INLINE_LEN) {
		text = kmalloc(name->len + 1, GFP_KERNEL);
		if (!text) {
			kmem_cache_free(dentry_cache, d);
			return NULL;
		}
	}
	memcpy(text, name->name, name->len);
	text[name->len] = '\0';
	d->name = (struct qstr){ .hash = name->hash, .len = name->len, .name = text };
	d->refs = 1;
	d->sb = sb;
	d->parent = d;
	spin_lock_init(&d->lock, RANK_DCACHE);
	list_init(&d->lru_node);
	list_init(&d->child_node);
	list_init(&d->children);
	list_init(&d->alias_node);
	return d;
}

/* At the end, so that places grow along the list: a listing goes on by place (tmpfs). */
static void add_child_locked(struct dentry *parent, struct dentry *d)
{
	d->place = parent->next_place++;
	list_add_tail(&d->child_node, &parent->children);
}

struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = alloc_detached(parent->sb, name);

	if (!d)
		return NULL;
	d->parent = dentry_get(parent);
	d->ops = parent->ops;
	spin_lock(&parent->lock);
	add_child_locked(parent, d);
	spin_unlock(&parent->lock);
	return d;
}

struct dentry *dentry_alloc_root(struct inode *inode)
{
	static const struct qstr slash = { .len = 1, .name = "/" };
	struct dentry *d = alloc_detached(inode->sb, &slash);

	if (!d) {
		inode_put(inode);
		return NULL;
	}
	dentry_instantiate(d, inode);
	return d;
}

struct dentry *dentry_get(struct dentry *d)
{
	__atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
	return d;
}

/* --- hash --- */

static void hash_locked(struct dentry *d)
{
	u32 b = bucket_of(d->parent, d->name.hash);

	spin_lock(bucket_lock(b));
	hlist_add(&d->hash_node, &buckets[b]);
	__atomic_fetch_or(&d->flags, DENTRY_HASHED, __ATOMIC_RELEASE);
	spin_unlock(bucket_lock(b));
}

static void unhash_locked(struct dentry *d)
{
	u32 b = bucket_of(d->parent, d->name.hash);

	if (!(d->flags & DENTRY_HASHED))
		return;
	spin_lock(bucket_lock(b));
	hlist_del_rcu(&d->hash_node);
	__atomic_fetch_and(&d->flags, ~(u32)DENTRY_HASHED, __ATOMIC_RELAXED);
	spin_unlock(bucket_lock(b));
}

void dentry_add(struct dentry *d)
{
	spin_lock(&d->lock);
	hash_locked(d);
	spin_unlock(&d->lock);
}

void dentry_drop(struct dentry *d)
{
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	unhash_locked(d);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
}

/* Context: d->lock held; the inode's too, if there is one. */
static void attach_inode_locked(struct dentry *d, struct inode *inode)
{
	if (inode)
		list_add(&d->alias_node, &inode->dentries);
	seq_write_begin(&d->seq);
	d->inode = inode;
	seq_write_end(&d->seq);
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	spin_lock(&d->lock);
	if (inode)
		spin_lock(&inode->lock);
	attach_inode_locked(d, inode);
	if (inode)
		spin_unlock(&inode->lock);
	spin_unlock(&d->lock);
}

static bool has_name_locked(const struct inode *inode)
{
	struct dentry *alias;

	list_for_each(alias, &inode->dentries, alias_node)
		if (__atomic_load_n(&alias->refs, __ATOMIC_RELAXED) != DENTRY_DEAD)
			return true;
	return false;
}

bool dentry_instantiate_found(struct dentry *d, struct inode *inode)
{
	bool ok;

	spin_lock(&d->lock);
	spin_lock(&inode->lock);
	ok = !S_ISDIR(inode->mode) || !has_name_locked(inode);
	if (ok)
		attach_inode_locked(d, inode);
	spin_unlock(&inode->lock);
	spin_unlock(&d->lock);
	return ok;
}

/* Take the inode away; the caller puts it. Context: d->lock held. */
static struct inode *detach_inode_locked(struct dentry *d)
{
	struct inode *inode = d->inode;

	if (!inode)
		return NULL;
	spin_lock(&inode->lock);
	list_del(&d->alias_node);
	spin_unlock(&inode->lock);
	seq_write_begin(&d->seq);
	d->inode = NULL;
	seq_write_end(&d->seq);
	return inode;
}

/*
 * The only user turns it negative, so that the next creation finds it; others
 * (open files, working directories) keep their inode, and the name is unhashed.
 * For that moment it counts as dying: whoever gets a reference must find the inode there.
 */
void dentry_delete(struct dentry *d)
{
	struct inode *inode = NULL;
	s32 one = 1;

	spin_lock(&d->lock);
	if (__atomic_compare_exchange_n(&d->refs, &one, DENTRY_DEAD, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED)) {
		inode = detach_inode_locked(d);
		smp_store_release(&d->refs, 1);
	} else {
		seq_write_begin(&d->seq);
		unhash_locked(d);
		seq_write_end(&d->seq);
	}
	spin_unlock(&d->lock);
	if (inode)
		inode_put(inode);
}

/* --- end of life --- */

static void dentry_free_rcu(struct rcu_head *head)
{
	struct dentry *d = container_of(head, struct dentry, rcu);

	if (!name_is_inline(d))
		kfree(d->name.name);
	kmem_cache_free(dentry_cache, d);
}

static bool claim(struct dentry *d)
{
	s32 zero = 0;

	return __atomic_compare_exchange_n(&d->refs, &zero, DENTRY_DEAD, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void lru_remove(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (d->flags & DENTRY_ON_LRU) {
		__atomic_fetch_and(&d->flags, ~(u32)DENTRY_ON_LRU, __ATOMIC_RELAXED);
		list_del(&d->lru_node);
		lru_count--;
	}
	spin_unlock(&lru_lock);
}

/*
 * d is ours alone (claimed). Returns the parent, whose reference the caller puts; NULL for a root.
 */
static struct dentry *destroy(struct dentry *d)
{
	struct dentry *parent = d->parent == d ? NULL : d->parent;
	struct inode *inode;

	lru_remove(d);
	if (parent)
		spin_lock(&parent->lock);
	spin_lock_nested(&d->lock, 1);
	list_del(&d->child_node);
	seq_write_begin(&d->seq);
	unhash_locked(d);
	seq_write_end(&d->seq);
	inode = detach_inode_locked(d);
	spin_unlock(&d->lock);
	if (parent)
		spin_unlock(&parent->lock);
	if (d->ops && d->ops->release)
		d->ops->release(d);
	if (inode)
		inode_put(inode);
	call_rcu(&d->rcu, dentry_free_rcu);
	return parent;
}

static bool want_cached(const struct dentry *d)
{
	return (d->flags & DENTRY_HASHED) && !(d->ops && d->ops->keep && !d->ops->keep(d));
}

/* The count has reached 0: cache it, or end it. True if it was claimed. Context: RCU. */
static bool last_put(struct dentry *d)
{
	if (!want_cached(d))
		return claim(d);
	spin_lock(&lru_lock);
	if (!(d->flags & DENTRY_ON_LRU) && __atomic_load_n(&d->refs, __ATOMIC_RELAXED) >= 0) {
		__atomic_fetch_or(&d->flags, DENTRY_ON_LRU, __ATOMIC_RELAXED);
		list_add_tail(&d->lru_node, &lru);
		lru_count++;
	}
	spin_unlock(&lru_lock);
	/* Unhashed meanwhile, by somebody whose own put came before ours. */
	return !want_cached(d) && claim(d);
}

void dentry_put(struct dentry *d)
{
	while (d) {
		bool claimed = false;

		rcu_read_lock();
		if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL) == 0) {
			u32 both = DENTRY_HASHED | DENTRY_ON_LRU;

			if ((d->flags & both) != both || d->ops)
				claimed = last_put(d);
		}
		rcu_read_unlock();
		d = claimed ? destroy(d) : NULL;
	}
}

/* --- memory pressure --- */

/*
 * The oldest unused dentry (of sb, unless NULL), claimed;
 * busy ones go to the tail. Looks at *budget at most.
 */
static struct dentry *lru_claim(struct superblock *sb, u64 *budget)
{
	struct dentry *d, *tmp, *found = NULL;

	spin_lock(&lru_lock);
	list_for_each_safe(d, tmp, &lru, lru_node) {
		if (!*budget)
			break;
		--*budget;
		if (sb && d->sb != sb)
			continue;
		if (claim(d)) {
			found = d;
			break;
		}
		list_move_tail(&d->lru_node, &lru);
	}
	spin_unlock(&lru_lock);
	return found;
}

static u64 shrink_count(void)
{
	return READ_ONCE(lru_count);
}

static u64 shrink_scan(u64 nr)
{
	u64 freed = 0, budget = nr;
	struct dentry *d;

	while (freed < nr && (d = lru_claim(NULL, &budget))) {
		dentry_put(destroy(d));
		freed++;
	}
	return freed;
}

static struct dentry *claim_child(struct dentry *dir)
{
	struct dentry *d, *found = NULL;

	spin_lock(&dir->lock);
	list_for_each(d, &dir->children, child_node)
		if (claim(d)) {
			found = d;
			break;
		}
	spin_unlock(&dir->lock);
	return found;
}

void dcache_forget_children(struct dentry *dir)
{
	struct dentry *d;

	while ((d = claim_child(dir)))
		dentry_put(destroy(d));
}

bool dcache_shrink_sb(struct superblock *sb)
{
	u64 budget;
	struct dentry *d;

	do {
		budget = READ_ONCE(lru_count) + 1;
		d = lru_claim(sb, &budget);
		if (d)
			dentry_put(destroy(d));
	} while (d);
	return list_empty(&sb->root->children);
}

/*
 * Of a file system that pins its names (tmpfs): nobody uses it any more, every
 * name goes, the lowest first.
 */
void dcache_drop_pinned(struct superblock *sb)
{
	dcache_shrink_sb(sb);
	while (!list_empty(&sb->root->children)) {
		struct dentry *d = sb->root;

		while (!list_empty(&d->children))
			d = list_first(&d->children, struct dentry, child_node);
		dentry_drop(d);
		dentry_put(d);
	}
}

/* --- rename --- */

static void swap_names(struct dentry *a, struct dentry *b)
{
	bool a_inline = name_is_inline(a), b_inline = name_is_inline(b);

	swap(a->name, b->name);
	for (u32 i = 0; i < DENTRY_INLINE_LEN; i++)
		swap(a->inline_name[i], b->inline_name[i]);
	if (b_inline)
		a->name.name = a->inline_name;
	if (a_inline)
		b->name.name = b->inline_name;
}

static void lock_parents(struct dentry *p, struct dentry *q)
{
	if (p > q)
		swap(p, q);
	spin_lock(&p->lock);
	if (p != q)
		spin_lock_nested(&q->lock, 1);
}

static void unlock_parents(struct dentry *p, struct dentry *q)
{
	if (p != q)
		spin_unlock(&q->lock);
	spin_unlock(&p->lock);
}

/* a and b change places and names. Either may be unhashed afterwards, if rehash_b says so. */
static void trade_places(struct dentry *a, struct dentry *b, bool rehash_b)
{
	struct dentry *pa = a->parent, *pb = b->parent;

	lock_parents(pa, pb);
	spin_lock_nested(&a->lock, 2);
	spin_lock_nested(&b->lock, 3);
	seq_write_begin(&a->seq);
	seq_write_begin(&b->seq);
	unhash_locked(a);
	unhash_locked(b);
	swap_names(a, b);
	if (pa != pb) {
		swap(a->parent, b->parent);
		list_del(&a->child_node);
		list_del(&b->child_node);
		add_child_locked(pb, a);
		add_child_locked(pa, b);
	}
	hash_locked(a);
	if (rehash_b)
		hash_locked(b);
	seq_write_end(&b->seq);
	seq_write_end(&a->seq);
	spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	unlock_parents(pa, pb);
}

void dentry_move(struct dentry *d, struct dentry *target)
{
	trade_places(d, target, false);
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	trade_places(a, b, true);
}

bool dentry_is_ancestor(const struct dentry *a, const struct dentry *d)
{
	bool found;

	rcu_read_lock();
	while (d != a && READ_ONCE(d->parent) != d)
		d = READ_ONCE(d->parent);
	found = d == a;
	rcu_read_unlock();
	return found;
}

void dcache_init(void)
{
	static struct shrinker shrinker = { .count = shrink_count, .scan = shrink_scan };

	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 64, NULL);
	BUG_ON(!dentry_cache);
	kmem_cache_set_reclaimable(dentry_cache);
	for (u32 i = 0; i < DCACHE_LOCKS; i++)
		spin_lock_init(&bucket_locks[i], RANK_ICACHE);
	shrinker_register(&shrinker);
}
