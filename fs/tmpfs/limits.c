/* SPDX-License-Identifier: MIT */
/*
 * How much a tmpfs may hold: size= or nr_blocks= for pages, nr_inodes= for inodes;
 * and the rest of its mount options.
 *
 * A page counts from when it has contents (PG_UPTODATE) until it leaves the cache.
 * Who fills a page of a file asks first, with the page locked, so each is counted once.
 * An inode counts for life, and one more for each further name.
 *
 * Without a limit nothing is counted: files without a name (shmem.c) pay nothing. So
 * there is no way from no limit to one, as on Linux.
 */
#include <fs/statfs.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/printk.h>

#define DEFAULT_MODE	(S_ISVTX | 0777)

struct tmpfs_limit {
	u64 most;			/* atomic; 0: no limit, and used is not kept */
	s64 used;			/* atomic */
};

struct tmpfs_limits {
	struct tmpfs_limit blocks, inodes;
	/* Constant: of the mount, to be told. */
	u64 default_blocks, default_inodes;
	umode_t mode;
	uid_t uid;
	gid_t gid;
};

/* What a line of options says. */
struct options {
	u64 blocks, inodes;
	bool has_blocks, has_inodes;
	umode_t mode;
	uid_t uid;
	gid_t gid;
};

static struct tmpfs_limits *limits_of(const struct superblock *sb)
{
	return sb->private;
}

static int take(struct tmpfs_limit *l, u64 n)
{
	u64 most = READ_ONCE(l->most);

	if (!most)
		return 0;
	if (likely((u64)__atomic_add_fetch(&l->used, n, __ATOMIC_RELAXED) <= most))
		return 0;
	__atomic_fetch_sub(&l->used, n, __ATOMIC_RELAXED);
	return -ENOSPC;
}

static void give_back(struct tmpfs_limit *l, u64 n)
{
	if (READ_ONCE(l->most))
		__atomic_fetch_sub(&l->used, n, __ATOMIC_RELAXED);
}

int tmpfs_blocks_take(struct superblock *sb, u64 n)
{
	return limits_of(sb) ? take(&limits_of(sb)->blocks, n) : 0;
}

void tmpfs_blocks_give_back(struct superblock *sb, u64 n)
{
	if (limits_of(sb))
		give_back(&limits_of(sb)->blocks, n);
}

int tmpfs_inode_take(struct superblock *sb)
{
	return limits_of(sb) ? take(&limits_of(sb)->inodes, 1) : 0;
}

void tmpfs_inode_give_back(struct superblock *sb)
{
	if (limits_of(sb))
		give_back(&limits_of(sb)->inodes, 1);
}

static u64 left(const struct tmpfs_limit *l)
{
	u64 most = READ_ONCE(l->most), used = (u64)READ_ONCE(l->used);

	return most - min(most, used);
}

/* Of what has no limit there is nothing to tell. */
int tmpfs_statfs(struct superblock *sb, struct kstatfs *st)
{
	const struct tmpfs_limits *l = limits_of(sb);

	if (!l)
		return 0;
	st->blocks = READ_ONCE(l->blocks.most);
	st->bfree = st->bavail = left(&l->blocks);
	st->files = READ_ONCE(l->inodes.most);
	st->ffree = left(&l->inodes);
	return 0;
}

/* --- options --- */

/* A number with a unit (k, m, g ...), which is cut off. With percent: of the memory, in bytes. */
static int parse_amount(char *text, bool percent, u64 *out)
{
	static const char units[] = "kmgtpe";
	size_t len = strlen(text);
	u64 n, factor = 1;
	const char *unit;

	if (!len)
		return -EINVAL;
	unit = strchr(units, text[len - 1] | 0x20);
	percent &= text[len - 1] == '%';
	if (unit)
		factor = 1ull << 10 * (unit - units + 1);
	if (unit || percent)
		text[len - 1] = '\0';
	if (kstrtou64(text, 0, &n) || __builtin_mul_overflow(n, factor, &n))
		return -EINVAL;
	if (percent) {
		struct memory_counts m;

		memory_counts(&m);
		if (__builtin_mul_overflow(n, m.total * PAGE_SIZE, &n))
			return -EINVAL;
		n /= 100;
	}
	*out = n;
	return 0;
}

/* Values are taken in place, and whatever Linux would not take either is -EINVAL. */
static int parse_option(struct options *o, const char *name, char *value)
{
	u64 n;

	if (!strcmp(name, "size")) {
		o->has_blocks = true;
		if (parse_amount(value, true, &n))
			return -EINVAL;
		o->blocks = n / PAGE_SIZE + (n % PAGE_SIZE != 0);
		return 0;
	}
	if (!strcmp(name, "nr_blocks")) {
		o->has_blocks = true;
		return parse_amount(value, false, &o->blocks) || (s64)o->blocks < 0 ? -EINVAL : 0;
	}
	if (!strcmp(name, "nr_inodes")) {
		o->has_inodes = true;
		return parse_amount(value, false, &o->inodes) || (s64)o->inodes < 0 ? -EINVAL : 0;
	}
	if (kstrtou64(value, strcmp(name, "mode") ? 10 : 8, &n) || n > U32_MAX)
		return -EINVAL;
	if (!strcmp(name, "mode"))
		o->mode = n & S_IALLUGO;
	else if (!strcmp(name, "uid"))
		o->uid = (uid_t)n;
	else if (!strcmp(name, "gid"))
		o->gid = (gid_t)n;
	else
		return -EINVAL;
	return 0;
}

static int parse_options(struct options *o, char *text)
{
	int err = 0;

	while (!err && text && *text) {
		char *next = strchr(text, ','), *value;

		if (next)
			*next++ = '\0';
		value = strchr(text, '=');
		if (value) {
			*value++ = '\0';
			err = parse_option(o, text, value);
		} else if (*text) {
			err = -EINVAL;
		}
		text = next;
	}
	return err;
}

int tmpfs_limits_create(struct superblock *sb, char *text, struct tmpfs_attributes *root)
{
	struct options o = { .mode = DEFAULT_MODE };
	struct tmpfs_limits *l;
	struct memory_counts m;
	int err;

	memory_counts(&m);
	o.blocks = o.inodes = m.total / 2;	/* Linux's defaults */
	err = parse_options(&o, text);
	if (err)
		return err;
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	*l = (struct tmpfs_limits){
		.blocks.most = o.blocks, .inodes.most = o.inodes, .default_blocks = m.total / 2,
		.default_inodes = m.total / 2, .mode = o.mode, .uid = o.uid, .gid = o.gid,
	};
	sb->private = l;
	*root = (struct tmpfs_attributes){ o.mode, o.uid, o.gid };
	return 0;
}

void tmpfs_limits_destroy(struct superblock *sb)
{
	kfree(sb->private);
	sb->private = NULL;
}

/* No limit cannot become one, and none may be below what there is: -EINVAL. */
static bool may_become(const struct tmpfs_limit *l, u64 most)
{
	return !most || (READ_ONCE(l->most) && (u64)READ_ONCE(l->used) <= most);
}

/* Owner and mode of the root are its own by now: taken and left alone, as by Linux. */
int tmpfs_remount(struct superblock *sb, u32 *flags, char *text)
{
	struct tmpfs_limits *l = limits_of(sb);
	struct options o = { 0 };
	int err = parse_options(&o, text);

	if (err)
		return err;
	if ((o.has_blocks && !may_become(&l->blocks, o.blocks)) ||
	    (o.has_inodes && !may_become(&l->inodes, o.inodes)))
		return -EINVAL;
	if (o.has_blocks)
		WRITE_ONCE(l->blocks.most, o.blocks);
	if (o.has_inodes)
		WRITE_ONCE(l->inodes.most, o.inodes);
	return 0;
}

void tmpfs_show_options(struct superblock *sb, char *buf, size_t len)
{
	const struct tmpfs_limits *l = limits_of(sb);
	size_t n = 0;

	buf[0] = '\0';
	if (l->blocks.most != l->default_blocks)
		n += snprintf(buf + n, len - n, ",size=%luk", l->blocks.most * (PAGE_SIZE / 1024));
	if (l->inodes.most != l->default_inodes)
		n += snprintf(buf + n, len - n, ",nr_inodes=%lu", l->inodes.most);
	if (l->mode != DEFAULT_MODE)
		n += snprintf(buf + n, len - n, ",mode=%03o", l->mode);
	if (l->uid)
		n += snprintf(buf + n, len - n, ",uid=%u", l->uid);
	if (l->gid)
		snprintf(buf + n, len - n, ",gid=%u", l->gid);
}
