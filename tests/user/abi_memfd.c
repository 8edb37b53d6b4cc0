/* SPDX-License-Identifier: MIT */
/* memfd_create and seals. */
#include <sys/stat.h>
#include "mem.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static int sealed(int seals, long size)
{
	int fd = memfd_create("s", MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, seals))
		tap_bail("sealed: %s", strerror(errno));
	return fd;
}

static void creation(void)
{
	char name[300];
	struct stat st;
	int fd = sys(SYS_memfd_create, "abc", MFD_CLOEXEC);

	tap_ok(fd >= 0, "memfd_create");
	tap_is(fcntl(fd, F_GETFD), FD_CLOEXEC, "close-on-exec");
	fstat(fd, &st);
	tap_is(st.st_mode, S_IFREG | 0777, "mode");
	tap_is(st.st_nlink, 0, "no link");
	tap_is(st.st_size, 0, "empty");
	tap_is(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR, "opened for both");
	tap_is(write(fd, "hello", 5), 5, "write");
	tap_is(lseek(fd, 0, SEEK_END), 5, "grows");
	tap_ok(pread(fd, name, 9, 0) == 5 && !memcmp(name, "hello", 5), "read");
	tap_is(sys(SYS_memfd_create, "abc", 0x8000), -EINVAL, "unknown flag");
	tap_is(sys(SYS_memfd_create, "abc", 0x18), -EINVAL, "exec and noexec");
	tap_is(sys(SYS_memfd_create, 8, 0), -EFAULT, "name from nowhere");
	memset(name, 'x', sizeof(name));
	name[250] = '\0';
	tap_is(sys(SYS_memfd_create, name, 0), -EINVAL, "name of 250");
	name[249] = '\0';
	tap_ok(sys(SYS_memfd_create, name, 0) >= 0, "name of 249");
	tap_ok(sys(SYS_memfd_create, "", 0) >= 0, "no name");
}

static void seals(void)
{
	int fd = memfd_create("a", 0), pipes[2];
	char *p;

	tap_is(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL, "sealed against sealing");
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)), -EPERM, "add to it");
	fd = memfd_create("a", MFD_ALLOW_SEALING);
	tap_is(fcntl(fd, F_GET_SEALS), 0, "open for sealing");
	tap_is(err(fcntl(fd, F_ADD_SEALS, 0x100)), -EINVAL, "unknown seal");
	tap_is(pipe(pipes), 0, "a pipe");
	tap_is(err(fcntl(pipes[0], F_GET_SEALS)), -EINVAL, "has no seals");
	fd = sealed(F_SEAL_SHRINK, 2 * PAGE);
	tap_is(err(ftruncate(fd, PAGE)), -EPERM, "shrink");
	tap_is(err(ftruncate(fd, 3 * PAGE)), 0, "grow instead");
	fd = sealed(F_SEAL_GROW, 2 * PAGE);
	tap_is(err(ftruncate(fd, 3 * PAGE)), -EPERM, "grow");
	tap_is(err(pwrite(fd, "x", 1, 2 * PAGE)), -EPERM, "grow by writing");
	tap_is(err(pwrite(fd, "x", 1, PAGE)), 1, "write within");
	tap_is(err(fallocate(fd, 0, 0, 3 * PAGE)), -EPERM, "grow by fallocate");
	fd = sealed(F_SEAL_WRITE, 2 * PAGE);
	tap_is(err(write(fd, "x", 1)), -EPERM, "write");
	tap_is(err(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)), -EPERM, "map for writing");
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	tap_ok(p != MAP_FAILED && WRITE(p) == 0, "a private copy");
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	tap_ok(p != MAP_FAILED, "map for reading");
	tap_is(err(mprotect(p, PAGE, RW)), -EACCES, "and make it writable");
	tap_is(err(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE)), -EPERM,
	       "punch a hole");
	fd = memfd_create("a", MFD_ALLOW_SEALING);
	ftruncate(fd, PAGE);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), -EBUSY,
	       "seal what is mapped for writing");
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)), 0, "against future writes");
	tap_is(WRITE(p), 0, "the mapping still writes");
	tap_is(err(write(fd, "x", 1)), -EPERM, "write does not");
	munmap(p, PAGE);
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)), 0, "seal once it is unmapped");
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)), 0, "seal the seals");
	tap_is(err(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)), -EPERM, "no further seal");
}

static void sharing(void)
{
	int fd = memfd_create("a", 0);
	char *p, *q;

	ftruncate(fd, 3 * PAGE);
	p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE);
	p[PAGE] = 7;
	tap_is(q[0], 7, "two mappings of one page");
	tap_ok(CODE(q[PAGE] = 8) == 0 && p[2 * PAGE] == 8, "shared with a child");
	tap_is(err(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE)), 0,
	       "punch a hole");
	tap_ok(!q[0] && q[PAGE] == 8, "the page is zero");
	tap_is(err(fallocate(fd, 0, 0, 5 * PAGE)), 0, "fallocate");
	tap_is(lseek(fd, 0, SEEK_END), 5 * PAGE, "grows the file");
	tap_is(err(ftruncate(fd, 0)), 0, "cut it");
	tap_is(READ(p), 702, "nothing is left");
}

int main(void)
{
	mem_catch();
	creation();
	seals();
	sharing();
	return tap_exit();
}
