/* SPDX-License-Identifier: MIT */
/*
 * Unpacks a cpio archive ("newc", magic 070701) into the root file system.
 *
 * An entry is a header of 13 eight-digit hexadecimal fields, the name, and the
 * data, both padded to four bytes; "TRAILER!!!" ends the archive. Every length
 * is checked against what is left: a damaged archive gives -EINVAL, never a
 * read beyond it.
 *
 * Limit: hard links (entries with a link count over 1 and no data) become empty
 * files; the image's recipe makes none.
 */
#include <fs/file.h>
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/fcntl.h>

#define HEADER_BYTES	110

enum { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_FILESIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR,
	F_RDEVMINOR, F_NAMESIZE, F_CHECK, NR_FIELDS };

struct entry {
	u32 field[NR_FIELDS];
	const char *name, *data;
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

static int write_file(const struct entry *e)
{
	loff_t pos = 0;
	int err;
	struct file *f = file_open_kernel(e->name, O_WRONLY | O_CREAT | O_TRUNC, e->field[F_MODE], &err);

	if (!f)
		return err;
	while (!err && pos < e->field[F_FILESIZE]) {
		ssize_t n = kernel_write(f, e->data + pos, e->field[F_FILESIZE] - pos, &pos);

		err = n < 0 ? (int)n : n == 0 ? -EIO : 0;
	}
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
	create_end(&pp, d);
	return err;
}

int vfs_unpack_initramfs(const void *data, size_t len)
{
	const char *p = data;
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
			err = S_ISREG(e.field[F_MODE]) ? write_file(&e) : make_node(&e);
		p += n;
		len -= n;
	}
	WRITE_ONCE(init_fs.umask, umask);
	return err;
}
