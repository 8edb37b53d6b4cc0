/* SPDX-License-Identifier: MIT */
/*
 * Unpacks a cpio archive ("newc", magic 070701) into the root file system.
 *
 * An entry is a header of 13 eight-digit hexadecimal fields, the name, and the
 * data, both padded to four bytes; "TRAILER!!!" ends the archive. Every length
 * is checked against what is left: a damaged archive gives -EINVAL, never a
 * read beyond it.
 *
 * Of a file with several names each name is an entry with the same inode number, and
 * only one of them, usually the last, carries the data: the first name of such a file is
 * remembered, and the others become links to it.
 *
 * Limit: times are those of unpacking.
 */
#include <fs/file.h>
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/fcntl.h>

#define HEADER_BYTES	110

enum { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_FILESIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR,
	F_RDEVMINOR, F_NAMESIZE, F_CHECK, NR_FIELDS };

struct entry {
	u32 field[NR_FIELDS];
	const char *name, *data;
};

/* A file with several names, by its first one, which lies in the archive. */
struct linked {
	struct list_head node;
	u32 ino, major, minor;
	const char *name;
};

static int hex8(const char *s, u32 *out)
{
	u32 v = 0;

	for (int i = 0; i < 8; i++) {
		char c = s[i] | ((u8)s[i] >= 'A' ? 0x20 : 0);

		if (c >= '0' && c <= '9')
			v = v << 4 | (u32)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (u32)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	*out = v;
	return 0;
}

/* Bytes the entry takes at p, of left; -EINVAL. */
static ssize_t parse(struct entry *e, const char *p, size_t left)
{
	size_t data, end;

	if (left < HEADER_BYTES || memcmp(p, "070701", 6))
		return -EINVAL;
	for (int i = 0; i < NR_FIELDS; i++)
		if (hex8(p + 6 + 8 * i, &e->field[i]))
			return -EINVAL;
	if (!e->field[F_NAMESIZE] || e->field[F_NAMESIZE] > PATH_MAX)
		return -EINVAL;
	data = ALIGN_UP((size_t)HEADER_BYTES + e->field[F_NAMESIZE], 4ul);
	end = data + e->field[F_FILESIZE];
	if (end > left || p[HEADER_BYTES + e->field[F_NAMESIZE] - 1])
		return -EINVAL;
	e->name = p + HEADER_BYTES;
	e->data = p + data;
	return min(ALIGN_UP(end, 4ul), left);
}

/* 1: the name is a link to an earlier one now; 0: it is the first, or the only one. */
static int link_to_earlier(const struct entry *e, struct list_head *linked)
{
	struct linked *l;
	int err;

	if (e->field[F_NLINK] < 2)
		return 0;
	list_for_each(l, linked, node) {
		if (l->ino != e->field[F_INO] || l->major != e->field[F_DEVMAJOR] ||
		    l->minor != e->field[F_DEVMINOR])
			continue;
		err = vfs_link_names(l->name, e->name);
		return err ? err : 1;
	}
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	*l = (struct linked){
		.ino = e->field[F_INO], .major = e->field[F_DEVMAJOR], .minor = e->field[F_DEVMINOR], .name = e->name,
	};
	list_add_tail(&l->node, linked);
	return 0;
}

/* Nobody else runs yet. */
static void set_owner(struct inode *inode, const struct entry *e)
{
	inode->uid = e->field[F_UID];
	inode->gid = e->field[F_GID];
}

static int write_file(const struct entry *e, struct list_head *linked)
{
	int err, is_link = link_to_earlier(e, linked);
	loff_t pos = 0;
	struct file *f;

	if (is_link < 0)
		return is_link;
	f = file_open_kernel(e->name, O_WRONLY | O_CREAT | (is_link ? 0 : O_TRUNC),
			     e->field[F_MODE], &err);
	if (!f)
		return err;
	while (!err && pos < e->field[F_FILESIZE]) {
		ssize_t n = kernel_write(f, e->data + pos, e->field[F_FILESIZE] - pos, &pos);

		err = n < 0 ? (int)n : n == 0 ? -EIO : 0;
	}
	set_owner(f->inode, e);
	file_put(f);
	return err;
}

static int make_node(const struct entry *e)
{
	struct inode *dir;
	struct parent_path pp;
	struct dentry *d;
	umode_t mode = e->field[F_MODE];
	char target[PATH_MAX / 4];
	int err = create_begin(AT_FDCWD, e->name, S_ISDIR(mode), &pp, &d);

	if (err)
		return S_ISDIR(mode) && err == -EEXIST ? 0 : err;
	dir = pp.path.dentry->inode;
	if (S_ISDIR(mode)) {
		err = vfs_mkdir(dir, d, mode & S_IALLUGO);
	} else if (S_ISLNK(mode)) {
		if (e->field[F_FILESIZE] >= sizeof(target)) {
			err = -ENAMETOOLONG;
		} else {
			memcpy(target, e->data, e->field[F_FILESIZE]);
			target[e->field[F_FILESIZE]] = '\0';
			err = vfs_symlink(dir, d, target);
		}
	} else {
		err = vfs_mknod(dir, d, mode, MKDEV(e->field[F_RDEVMAJOR], e->field[F_RDEVMINOR]));
	}
	if (!err)
		set_owner(d->inode, e);
	create_end(&pp, d);
	return err;
}

static void free_linked(struct list_head *linked)
{
	struct linked *l, *next;

	list_for_each_safe(l, next, linked, node)
		kfree(l);
}

int vfs_unpack_initramfs(const void *data, size_t len)
{
	const char *p = data;
	LIST_HEAD(linked);
	umode_t umask = __atomic_exchange_n(&init_fs.umask, 0, __ATOMIC_RELAXED);
	int err = 0;

	while (!err && len) {
		struct entry e;
		ssize_t n = parse(&e, p, len);

		if (n < 0)
			err = n;
		else if (!strcmp(e.name, "TRAILER!!!"))
			break;
		else
			err = S_ISREG(e.field[F_MODE]) ? write_file(&e, &linked) : make_node(&e);
		p += n;
		len -= n;
	}
	WRITE_ONCE(init_fs.umask, umask);
	free_linked(&linked);
	return err;
}
