/* SPDX-License-Identifier: MIT */
/*
 * The inode cache, attributes and permission.
 *
 * Inodes of file systems with numbers on disk are hashed by (superblock,
 * number). The last reference either keeps a linked, hashed inode out of the
 * cache's way no longer than its dentries do, or evicts it: a dentry holds a
 * reference to its inode, so the dentry cache is what decides how long an inode
 * stays in memory, and no second LRU is needed.
 *
 * States: NEW -> inode_ready() -> in use -> last inode_put(): FREEING -> gone.
 * A lookup that meets NEW waits; one that meets FREEING waits until the inode
 * has left the hash and then reads it afresh.
 *
 * Memory is freed a grace period after eviction: RCU walks may still look.
 */
#include <fs/namei.h>
#include <fs/file.h>
#include <fs/locks.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>

#define ICACHE_BUCKETS	1024		/* chosen: 8 KiB */

static struct hlist_head buckets[ICACHE_BUCKETS];
static DEFINE_SPINLOCK(icache_lock, RANK_ICACHE);
static struct wait_queue state_wait = WAIT_QUEUE_INIT(state_wait);	/* NEW or FREEING ends */
static struct kmem_cache *inode_cache, *data_inode_cache;

static struct hlist_head *bucket_of(const struct superblock *sb, u64 ino)
{
	u64 h = ino + ((u64)sb >> 7);

	return &buckets[(h ^ (h >> 10)) % ICACHE_BUCKETS];
}

static void inode_setup(struct inode *inode, struct superblock *sb)
{
	inode->sb = sb;
	refcount_set(&inode->refs, 1);
	inode->nlink = 1;
	inode->blkbits = sb->blkbits;
	rwsem_init(&inode->rwsem, RANK_INODE);
	spin_lock_init(&inode->lock, RANK_INODE_STATE);
	list_init(&inode->sb_node);
	list_init(&inode->dirty_node);
	list_init(&inode->dentries);
	if (inode->mapping)
		mapping_init(inode->mapping, inode, &inode->size, NULL);
}

struct inode *data_inode_alloc(struct superblock *sb)
{
	struct data_inode *d = kmem_cache_zalloc(data_inode_cache, GFP_KERNEL);

	if (!d)
		return NULL;
	d->inode.mapping = &d->data;
	return &d->inode;
}

void data_inode_free(struct inode *inode)
{
	kmem_cache_free(data_inode_cache, inode);
}

static void inode_free(struct inode *inode)
{
	if (inode->sb->ops->inode_free)
		inode->sb->ops->inode_free(inode);
	else
		kmem_cache_free(inode_cache, inode);
}

struct inode *inode_new(struct superblock *sb)
{
	struct inode *inode;

	inode = sb->ops->inode_alloc ? sb->ops->inode_alloc(sb) : kmem_cache_zalloc(inode_cache, GFP_KERNEL);
	if (!inode)
		return NULL;
	inode_setup(inode, sb);
	spin_lock(&sb->lock);
	list_add(&inode->sb_node, &sb->inodes);
	spin_unlock(&sb->lock);
	return inode;
}

static struct inode *find_locked(struct superblock *sb, u64 ino)
{
	struct inode *inode;

	hlist_for_each_rcu(inode, bucket_of(sb, ino), hash_node)
		if (inode->ino == ino && inode->sb == sb)
			return inode;
	return NULL;
}

static bool is_settled(struct superblock *sb, u64 ino)
{
	struct inode *inode;
	bool settled;

	spin_lock(&icache_lock);
	inode = find_locked(sb, ino);
	settled = !inode || !(READ_ONCE(inode->state) & (INODE_STATE_NEW | INODE_STATE_FREEING));
	spin_unlock(&icache_lock);
	return settled;
}

static void hash_locked(struct inode *inode)
{
	hlist_add(&inode->hash_node, bucket_of(inode->sb, inode->ino));
}

int inode_lookup(struct superblock *sb, u64 ino, struct inode **out)
{
	struct inode *fresh = NULL, *inode;

	for (;;) {
		spin_lock(&icache_lock);
		inode = find_locked(sb, ino);
		if (inode && !(inode->state & (INODE_STATE_NEW | INODE_STATE_FREEING)) &&
		    refcount_inc_not_zero(&inode->refs)) {
			spin_unlock(&icache_lock);
			break;
		}
		if (!inode && fresh) {
			fresh->ino = ino;
			fresh->state = INODE_STATE_NEW;
			hash_locked(fresh);
			spin_unlock(&icache_lock);
			*out = fresh;
			return 0;
		}
		spin_unlock(&icache_lock);
		if (inode) {
			int err = wait_event_killable(&state_wait, is_settled(sb, ino));

			if (err) {
				if (fresh)
					inode_put(fresh);
				return err;
			}
		} else {
			fresh = inode_new(sb);
			if (!fresh)
				return -ENOMEM;
		}
	}
	if (fresh) {
		fresh->nlink = 1;
		inode_put(fresh);
	}
	*out = inode;
	return 0;
}

void inode_ready(struct inode *inode)
{
	spin_lock(&icache_lock);
	inode->state &= ~INODE_STATE_NEW;
	spin_unlock(&icache_lock);
	wake_all(&state_wait);
}

static void unhash(struct inode *inode)
{
	spin_lock(&icache_lock);
	if (!hlist_unhashed(&inode->hash_node))
		hlist_del_rcu(&inode->hash_node);
	inode->state &= ~INODE_STATE_NEW;
	spin_unlock(&icache_lock);
	wake_all(&state_wait);
}

void inode_failed(struct inode *inode)
{
	unhash(inode);
	inode_put(inode);
}

void inode_hash(struct inode *inode)
{
	spin_lock(&icache_lock);
	hash_locked(inode);
	spin_unlock(&icache_lock);
}

struct inode *inode_get(struct inode *inode)
{
	refcount_inc(&inode->refs);
	return inode;
}

static void free_rcu(struct rcu_head *head)
{
	inode_free(container_of(head, struct inode, rcu));
}

static void evict(struct inode *inode)
{
	struct superblock *sb = inode->sb;

	if (inode->nlink && (inode->state & INODE_STATE_DIRTY_PAGES))
		(void)mapping_write_and_wait(inode->mapping, 0, S64_MAX);
	if (inode->nlink && (inode->state & INODE_STATE_DIRTY) && sb->ops->inode_write)
		(void)sb->ops->inode_write(inode, false);
	spin_lock(&sb->lock);
	list_del(&inode->sb_node);
	list_del(&inode->dirty_node);
	spin_unlock(&sb->lock);
	if (sb->ops->inode_evict)
		sb->ops->inode_evict(inode);
	file_locks_destroy(inode);
	if (inode->mapping)
		mapping_destroy(inode->mapping);
	unhash(inode);
	call_rcu(&inode->rcu, free_rcu);
}

void inode_put(struct inode *inode)
{
	if (!inode)
		return;
	if (!refcount_dec(&inode->refs))
		return;
	spin_lock(&icache_lock);
	inode->state |= INODE_STATE_FREEING;
	spin_unlock(&icache_lock);
	evict(inode);
}

void inode_mark_dirty(struct inode *inode, u32 what)
{
	struct superblock *sb = inode->sb;

	if ((READ_ONCE(inode->state) & what) == what || !sb->ops->inode_write)
		return;
	spin_lock(&inode->lock);
	if (!(inode->state &
	      (INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA | INODE_STATE_DIRTY_PAGES)))
		inode->dirtied_when_ns = ktime_get();
	__atomic_fetch_or(&inode->state, what, __ATOMIC_RELAXED);
	spin_lock(&sb->lock);
	if (list_empty(&inode->dirty_node) && !(inode->state & INODE_STATE_FREEING))
		list_add_tail(&inode->dirty_node, &sb->dirty_inodes);
	spin_unlock(&sb->lock);
	spin_unlock(&inode->lock);
}

void inode_clear_dirty(struct inode *inode)
{
	spin_lock(&inode->lock);
	__atomic_fetch_and(&inode->state, ~(u32)(INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA),
			   __ATOMIC_RELAXED);
	spin_unlock(&inode->lock);
}

/* --- permission and attributes --- */

int inode_mode_permission(const struct inode *inode, int mask)
{
	const struct cred *cred = current_cred();
	umode_t mode = READ_ONCE(inode->mode), bits = mode;
	int want = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);

	if (cred->fsuid == inode->uid)
		bits >>= 6;
	else if (in_group(inode->gid))
		bits >>= 3;
	if (!(want & ~bits))
		return 0;
	if (S_ISDIR(mode)) {
		if (capable(CAP_DAC_OVERRIDE))
			return 0;
		return !(want & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
	}
	if ((!(want & MAY_EXEC) || (mode & 0111)) && capable(CAP_DAC_OVERRIDE))
		return 0;
	return want == MAY_READ && capable(CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
}

int inode_permission(struct inode *inode, int mask)
{
	if (mask & MAY_WRITE) {
		umode_t m = inode->mode;

		if ((inode->sb->flags & SB_RDONLY) && (S_ISREG(m) || S_ISDIR(m) || S_ISLNK(m)))
			return -EROFS;
	}
	if (inode->ops && inode->ops->permission)
		return inode->ops->permission(inode, mask);
	return inode_mode_permission(inode, mask);
}

bool inode_owner_or_capable(const struct inode *inode)
{
	return current_cred()->fsuid == inode->uid || capable(CAP_FOWNER);
}

int inode_setattr_check(struct inode *inode, const struct iattr *attr)
{
	if (attr->valid & ATTR_FORCE)
		return 0;
	if ((attr->valid & ATTR_UID) && !capable(CAP_CHOWN) &&
	    (current_cred()->fsuid != inode->uid || attr->uid != inode->uid))
		return -EPERM;
	if ((attr->valid & ATTR_GID) && !capable(CAP_CHOWN) &&
	    (current_cred()->fsuid != inode->uid ||
	     (!in_group(attr->gid) && attr->gid != inode->gid)))
		return -EPERM;
	if ((attr->valid & (ATTR_MODE | ATTR_ATIME_SET | ATTR_MTIME_SET | ATTR_TIMES_SET)) &&
	    !inode_owner_or_capable(inode))
		return -EPERM;
	if ((attr->valid & ATTR_TOUCH) && !inode_owner_or_capable(inode))
		return inode_permission((struct inode *)inode, MAY_WRITE);
	return 0;
}

/* As the file system can keep it. */
static struct timespec64 time_kept(const struct inode *inode, struct timespec64 t)
{
	t.nsec -= t.nsec % inode->sb->time_granularity_ns;
	return t;
}

static umode_t mode_without_priv(umode_t mode)
{
	mode &= ~S_ISUID;
	return mode & 0010 ? mode & ~S_ISGID : mode;	/* group execute: S_ISGID means set-id */
}

void inode_setattr_copy(struct inode *inode, const struct iattr *attr)
{
	spin_lock(&inode->lock);
	if (attr->valid & ATTR_UID)
		inode->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		inode->gid = attr->gid;
	if (attr->valid & ATTR_MODE) {
		umode_t mode = attr->mode & S_IALLUGO;

		if (!(attr->valid & ATTR_FORCE) && !in_group(inode->gid) && !capable(CAP_FSETID))
			mode &= ~S_ISGID;
		inode->mode = (inode->mode & S_IFMT) | mode;
	}
	if (attr->valid & ATTR_KILL_PRIV)
		inode->mode = mode_without_priv(inode->mode);
	if (attr->valid & ATTR_ATIME)
		inode->atime = attr->valid & ATTR_ATIME_SET ? time_kept(inode, attr->atime) : inode_now(inode);
	if (attr->valid & ATTR_MTIME)
		inode->mtime = attr->valid & ATTR_MTIME_SET ? time_kept(inode, attr->mtime) : inode_now(inode);
	inode->ctime = inode_now(inode);
	spin_unlock(&inode->lock);
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
}

void inode_init_owner(struct inode *inode, const struct inode *dir, umode_t mode)
{
	inode->uid = current_cred()->fsuid;
	inode->gid = current_cred()->fsgid;
	if (dir && (dir->mode & S_ISGID)) {
		inode->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	inode->mode = mode;
}

struct timespec64 inode_now(const struct inode *inode)
{
	struct timespec64 now = ns_to_timespec(ktime_real());
	u32 step = inode->sb->time_granularity_ns;

	if (step == NS_PER_SEC)
		now.nsec = 0;
	else if (step > 1)
		now.nsec -= now.nsec % step;
	return now;
}

void inode_touch(struct inode *inode, u32 attr_times)
{
	struct timespec64 now = inode_now(inode);

	spin_lock(&inode->lock);
	if (attr_times & ATTR_ATIME)
		inode->atime = now;
	if (attr_times & ATTR_MTIME)
		inode->mtime = now;
	if (!(attr_times & ATTR_ATIME))
		inode->ctime = now;
	spin_unlock(&inode->lock);
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
}

void icache_init(void)
{
	inode_cache = kmem_cache_create("inode", sizeof(struct inode), 8, NULL);
	data_inode_cache = kmem_cache_create("data_inode", sizeof(struct data_inode), 64, NULL);
	BUG_ON(!inode_cache || !data_inode_cache);
}
