/* SPDX-License-Identifier: MIT */
/*
 * Names of AF_UNIX sockets: paths, abstract ones, and how a socket is found.
 *
 *   "/path"    a socket node in a file system; the socket is found by the node's inode
 *   "\0name"   abstract: all len bytes count, NULs too; each network namespace and each type have
 *              names of their own
 *
 * One hash table holds both, by inode or by name. A socket in it has a name, and is not released. A
 * second table holds every socket, for /proc/net/unix.
 */
#include <fs/namei.h>
#include <net/unix/unix.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>

#define BUCKETS		256u		/* chosen: locks that processes seldom meet at */
#define AUTOBIND_NAMES	0x100000u	/* five hexadecimal digits */
#define AUTOBIND_LEN	(UNIX_NAME_AT + 6)

struct bucket {
	struct spinlock lock;		/* RANK_SOCK_TABLE */
	struct hlist_head names;	/* by name_node */
	struct list_head all;		/* by all_node */
};

static struct bucket table[BUCKETS] = {
	[0 ... BUCKETS - 1] = { .lock = SPINLOCK_INIT(RANK_SOCK_TABLE) },
};

static struct bucket *bucket_of(u32 hash)
{
	return &table[hash % BUCKETS];
}

/* --- every socket --- */

/* A static list head cannot point to itself in an array initialiser: an unused one is all zero. */
static struct list_head *all_of(struct bucket *b)
{
	if (unlikely(!b->all.next))
		list_init(&b->all);
	return &b->all;
}

void unix_table_add(struct unix_sock *u)
{
	static u32 turn;		/* atomic: spreads them */
	struct bucket *b;

	u->all_bucket = __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) % BUCKETS;
	b = &table[u->all_bucket];
	spin_lock(&b->lock);
	list_add_tail(&u->all_node, all_of(b));
	spin_unlock(&b->lock);
}

/* The bucket of a socket's name; its addr is set. */
static struct bucket *name_bucket(const struct unix_sock *u)
{
	return bucket_of(u->addr->hash);
}

void unix_table_remove(struct unix_sock *u)
{
	struct bucket *b = &table[u->all_bucket];

	spin_lock(&b->lock);
	list_del(&u->all_node);
	spin_unlock(&b->lock);
	if (!unix_addr(u) || hlist_unhashed(&u->name_node))
		return;
	b = name_bucket(u);
	spin_lock(&b->lock);
	hlist_del_rcu(&u->name_node);
	spin_unlock(&b->lock);
}

bool unix_table_walk(u32 bucket, void (*fn)(struct unix_sock *u, void *arg), void *arg)
{
	struct unix_sock *u;
	struct bucket *b;

	if (bucket >= BUCKETS)
		return false;
	b = &table[bucket];
	spin_lock(&b->lock);
	list_for_each(u, all_of(b), all_node)
		fn(u, arg);
	spin_unlock(&b->lock);
	return true;
}

/* --- addresses --- */

int unix_check_addr(const union sock_addr *addr, u32 len)
{
	if (len <= UNIX_NAME_AT || len > sizeof(struct sockaddr_un) || addr->family != AF_UNIX)
		return -EINVAL;
	return 0;
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static u32 hash_bytes(const void *data, size_t n, u32 seed)
{
	const u8 *p = data;
	u32 h = 2166136261u ^ seed;

	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h ^ (h >> 16);
}

static u32 hash_inode(const struct inode *inode)
{
	return hash_bytes(&inode, sizeof(inode), 0);
}

static u32 hash_abstract(const struct net *net, const struct sockaddr_un *un, u32 len, u32 type)
{
	return hash_bytes(un->path, len - UNIX_NAME_AT, type ^ net->id << 4);
}

static struct unix_addr *addr_alloc(const void *un, u32 len)
{
	struct unix_addr *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	refcount_set(&a->refs, 1);
	memcpy(&a->un, un, len);
	a->len = len;
	return a;
}

void unix_addr_put(struct unix_addr *a)
{
	if (refcount_dec(&a->refs))
		kfree(a);
}

/* --- giving a name --- */

static struct unix_sock *find_abstract_locked(struct bucket *b, const struct net *net,
					      const struct sockaddr_un *un, u32 len, u32 hash,
					      u32 type)
{
	struct unix_sock *u;

	hlist_for_each_rcu(u, &b->names, name_node) {
		const struct unix_addr *a = u->addr;

		if (a->hash == hash && a->len == len && u->sk.type == type && u->sk.net == net &&
		    !memcmp(&a->un, un, len))
			return u;
	}
	return NULL;
}

/* Takes over a if it returns 0; -EADDRINUSE. bind_mutex held, no name yet. */
static int publish_abstract(struct unix_sock *u, struct unix_addr *a)
{
	struct bucket *b;
	int err = 0;

	a->hash = hash_abstract(u->sk.net, &a->un, a->len, u->sk.type);
	b = bucket_of(a->hash);
	spin_lock(&b->lock);
	if (find_abstract_locked(b, u->sk.net, &a->un, a->len, a->hash, u->sk.type)) {
		err = -EADDRINUSE;
	} else {
		smp_store_release(&u->addr, a);
		hlist_add(&u->name_node, &b->names);
	}
	spin_unlock(&b->lock);
	return err;
}

static int bind_abstract(struct unix_sock *u, const union sock_addr *addr, u32 len)
{
	struct unix_addr *a = addr_alloc(addr, len);
	int err;

	if (!a)
		return -ENOMEM;
	mutex_lock(&u->bind_mutex);
	err = u->addr ? -EINVAL : publish_abstract(u, a);
	mutex_unlock(&u->bind_mutex);
	if (err)
		unix_addr_put(a);
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	struct unix_addr *a;
	int err = 0;
	u32 first, i;

	if (unix_addr(u))
		return 0;
	a = addr_alloc(&(struct sockaddr_un){ .family = AF_UNIX }, UNIX_NAME_AT);
	if (!a)
		return -ENOMEM;
	a->len = AUTOBIND_LEN;
	random_bytes(&first, sizeof(first));
	mutex_lock(&u->bind_mutex);
	if (!u->addr) {
		err = -ENOSPC;
		for (i = 0; i < AUTOBIND_NAMES && err; i++) {
			snprintf(a->un.path + 1, 6, "%05x", (first + i) % AUTOBIND_NAMES);
			err = publish_abstract(u, a);
		}
		if (!err)
			a = NULL;
		else
			err = -ENOSPC;
	}
	mutex_unlock(&u->bind_mutex);
	if (a)
		unix_addr_put(a);
	return err;
}

/* The node of a path, made now. *path: with references. */
static int make_node(struct unix_sock *u, const char *name, struct path *path)
{
	umode_t mode = S_IFSOCK | (u->sk.file->inode->mode & S_IRWXUGO & ~current->fs->umask);
	struct parent_path pp;
	struct dentry *d;
	int err = create_begin(AT_FDCWD, name, false, &pp, &d);

	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	err = u->addr ? -EINVAL : vfs_mknod(pp.path.dentry->inode, d, mode, 0);
	if (!err) {
		*path = (struct path){ pp.path.mnt, d };
		path_get(path);
	}
	create_end(&pp, d);
	return err;
}

static int bind_path(struct unix_sock *u, const union sock_addr *addr, u32 len)
{
	struct unix_addr *a = addr_alloc(addr, len);
	struct bucket *b;
	struct path path;
	int err;

	if (!a)
		return -ENOMEM;
	a->len = UNIX_NAME_AT + strlen(a->un.path) + 1;
	mutex_lock(&u->bind_mutex);
	err = make_node(u, a->un.path, &path);
	if (!err) {
		a->hash = hash_inode(path.dentry->inode);
		b = bucket_of(a->hash);
		spin_lock(&b->lock);
		u->path = path;
		smp_store_release(&u->addr, a);
		hlist_add(&u->name_node, &b->names);
		spin_unlock(&b->lock);
	}
	mutex_unlock(&u->bind_mutex);
	if (err)
		unix_addr_put(a);
	return err;
}

int unix_bind(struct socket *sk, const union sock_addr *addr, u32 len)
{
	struct unix_sock *u = unix_of(sk);
	int err;

	if (len == UNIX_NAME_AT && addr->family == AF_UNIX)
		return unix_autobind(u);
	err = unix_check_addr(addr, len);
	if (err)
		return err;
	return addr->un.path[0] ? bind_path(u, addr, len) : bind_abstract(u, addr, len);
}

/* --- finding --- */

static int find_abstract(struct net *net, const union sock_addr *addr, u32 len, u32 type,
			 struct unix_sock **out)
{
	u32 hash = hash_abstract(net, &addr->un, len, type);
	struct bucket *b = bucket_of(hash);

	spin_lock(&b->lock);
	*out = find_abstract_locked(b, net, &addr->un, len, hash, type);
	if (*out)
		unix_get(*out);
	spin_unlock(&b->lock);
	return *out ? 0 : -ECONNREFUSED;
}

static int find_inode(const struct inode *inode, u32 type, struct unix_sock **out)
{
	struct bucket *b = bucket_of(hash_inode(inode));
	struct unix_sock *u;
	int err = -ECONNREFUSED;

	spin_lock(&b->lock);
	hlist_for_each_rcu(u, &b->names, name_node) {
		if (!u->path.dentry || u->path.dentry->inode != inode)
			continue;
		err = u->sk.type == type ? 0 : -EPROTOTYPE;
		if (!err)
			*out = unix_get(u);
		break;
	}
	spin_unlock(&b->lock);
	return err;
}

int unix_find(struct net *net, const union sock_addr *addr, u32 len, u32 type,
	      struct unix_sock **out)
{
	struct path path;
	struct inode *inode;
	char name[UNIX_PATH_MAX + 1];
	int err;

	if (!addr->un.path[0])
		return find_abstract(net, addr, len, type, out);
	memcpy(name, addr->un.path, len - UNIX_NAME_AT);
	name[len - UNIX_NAME_AT] = '\0';
	err = filename_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	inode = path.dentry->inode;
	err = inode_permission(inode, MAY_WRITE);
	if (!err)
		err = (inode->mode & S_IFMT) == S_IFSOCK ? find_inode(inode, type, out) : -ECONNREFUSED;
	path_put(&path);
	return err;
}
