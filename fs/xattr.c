/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes. Limit: no file system here has any. Each call looks at its
 * arguments and at the file as Linux does, and then answers as Linux does where a
 * file system has none: -EOPNOTSUPP, and an empty list.
 */
#include <fs/file.h>
#include <fs/namei.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define XATTR_NAME_MAX	255
#define XATTR_SIZE_MAX	65536u
enum { XATTR_CREATE = 1, XATTR_REPLACE = 2 };

static long check_name(uaddr_t uname)
{
	char name[XATTR_NAME_MAX + 1];
	ssize_t n = strncpy_from_user(name, uname, sizeof(name));

	if (n < 0)
		return n;
	return !n || n == sizeof(name) ? -ERANGE : -EOPNOTSUPP;
}

static long check_set(uaddr_t name, size_t size, int flags)
{
	long err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = check_name(name);
	return err == -EOPNOTSUPP && size > XATTR_SIZE_MAX ? -E2BIG : err;
}

/* The file is there: answer. */
static long on_path(uaddr_t path, u32 lookup, long answer)
{
	struct path p;
	long err = path_lookup_user(AT_FDCWD, path, lookup, &p);

	if (err)
		return err;
	path_put(&p);
	return answer;
}

static long on_fd(int fd, long answer)
{
	struct fd f = fd_get(fd);

	if (!f.file)
		return -EBADF;
	fd_put(f);
	return answer;
}

long sys_setxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return on_path(path, LOOKUP_FOLLOW, check_set(name, size, flags));
}

long sys_lsetxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return on_path(path, 0, check_set(name, size, flags));
}

long sys_fsetxattr(int fd, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return on_fd(fd, check_set(name, size, flags));
}

long sys_getxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size)
{
	return on_path(path, LOOKUP_FOLLOW, check_name(name));
}

long sys_lgetxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size)
{
	return on_path(path, 0, check_name(name));
}

long sys_fgetxattr(int fd, uaddr_t name, uaddr_t value, size_t size)
{
	return on_fd(fd, check_name(name));
}

long sys_listxattr(uaddr_t path, uaddr_t list, size_t size)
{
	return on_path(path, LOOKUP_FOLLOW, 0);
}

long sys_llistxattr(uaddr_t path, uaddr_t list, size_t size)
{
	return on_path(path, 0, 0);
}

long sys_flistxattr(int fd, uaddr_t list, size_t size)
{
	return on_fd(fd, 0);
}

long sys_removexattr(uaddr_t path, uaddr_t name)
{
	return on_path(path, LOOKUP_FOLLOW, check_name(name));
}

long sys_lremovexattr(uaddr_t path, uaddr_t name)
{
	return on_path(path, 0, check_name(name));
}

long sys_fremovexattr(int fd, uaddr_t name)
{
	return on_fd(fd, check_name(name));
}
