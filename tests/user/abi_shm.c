/* SPDX-License-Identifier: MIT */
/* System V shared memory: shmget, shmat, shmdt, shmctl, /proc/sysvipc/shm. */
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <grp.h>
#include "mem.h"
#include "procfs.h"

#define KEY		0x5eed1234
#define NOWHERE		((void *)8)
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY	15
#endif

#define get(key, size, flags)	sys(SYS_shmget, key, size, flags)
#define at(id, addr, flags)	sys(SYS_shmat, id, addr, flags)
#define dt(addr)		sys(SYS_shmdt, addr)
#define ctl(id, cmd, buf)	sys(SYS_shmctl, id, cmd, buf)
#define detached_is_bad(p)	tap_is(dt(p), -EINVAL, "it is not attached any more")

/* A segment of that many pages, with nothing in it. */
static int segment(size_t pages, int mode)
{
	long id = get(IPC_PRIVATE, pages * PAGE, IPC_CREAT | mode);

	if (id < 0)
		tap_bail("shmget: %ld", id);
	return id;
}

static char *attach(int id)
{
	long p = at(id, 0, 0);

	if (p < 0)
		tap_bail("shmat: %ld", p);
	return (char *)p;
}

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xa5, sizeof(ds));
	if (ctl(id, IPC_STAT, &ds))
		tap_bail("IPC_STAT");
	return ds;
}

static long count(int id)
{
	return stat_of(id).shm_nattch;
}

static void creation(void)
{
	long id = get(KEY, 5000, IPC_CREAT | 0640), other;
	struct shmid_ds ds;

	tap_ok(id >= 0, "shmget");
	tap_is(get(KEY, 5000, 0), id, "found by its key");
	tap_is(get(KEY, 0, 0), id, "of any size");
	tap_is(get(KEY, 5001, 0), -EINVAL, "but not of more than it has");
	tap_is(get(KEY, 8192, IPC_CREAT), -EINVAL, "nor with IPC_CREAT");
	tap_is(get(KEY, 1, IPC_CREAT), id, "IPC_CREAT finds it");
	tap_is(get(KEY, 9000, IPC_CREAT | IPC_EXCL), -EEXIST, "IPC_EXCL does not want it");
	tap_is(get(KEY, 5000, IPC_EXCL), id, "IPC_EXCL alone means nothing");
	tap_is(get(KEY + 1, 5000, 0), -ENOENT, "no such key");
	tap_is(get(KEY + 1, 0, IPC_CREAT | 0600), -EINVAL, "a new one of no bytes");
	tap_is(get(KEY + 1, -1ul, IPC_CREAT | 0600), -EINVAL, "a new one of too many");
	tap_is(get(KEY + 1, 1ul << 50, IPC_CREAT | 0600), -ENOMEM, "a new one of more than there is");
	tap_is(get(IPC_PRIVATE, 0, 0), -EINVAL, "a private one of no bytes");
	other = get(KEY + 1, 1ul << 58, IPC_CREAT | 0600 | SHM_NORESERVE);
	tap_ok(other >= 0, "SHM_NORESERVE promises nothing");
	tap_is(at(other, 0, 0), -ENOMEM, "too large to attach");
	tap_is(ctl(other, IPC_RMID, 0), 0, "removed");
	tap_is(ctl(id, IPC_STAT, &ds), 0, "IPC_STAT");
	tap_is(ds.shm_perm.__key, KEY, "key");
	tap_is(ds.shm_perm.mode, 0640, "mode");
	tap_is(ds.shm_segsz, 5000, "size");
	tap_is(ds.shm_perm.uid | ds.shm_perm.gid | ds.shm_perm.cuid | ds.shm_perm.cgid, 0, "ids");
	tap_is(ds.shm_perm.__seq, id >> 15, "sequence number");
	tap_is(ds.shm_cpid, getpid(), "creator");
	tap_is(ds.shm_lpid, 0, "nobody attached yet");
	tap_is(ds.shm_atime | ds.shm_dtime, 0, "not yet, nor detached");
	tap_ok(ds.shm_ctime > 0 && ds.shm_ctime <= time(NULL), "created");
	tap_is(ds.shm_nattch, 0, "no attachments");
	tap_is(ctl(id, IPC_RMID, 0), 0, "IPC_RMID");
	tap_is(ctl(id, IPC_RMID, 0), -EINVAL, "once only");
	tap_is(ctl(id, IPC_STAT, &ds), -EINVAL, "its id is gone");
	tap_is(at(id, 0, 0), -EINVAL, "to shmat as well");
	tap_is(get(KEY, 5000, 0), -ENOENT, "and its key");
}

/* Ids: an index that goes round, a sequence number when it does. */
static void ids(void)
{
	long first = segment(1, 0600), second = segment(1, 0600), id = second;
	bool goes_up = true, wrapped = false;

	ctl(first, IPC_RMID, 0);
	ctl(second, IPC_RMID, 0);
	for (int i = 0; i < 64; i++) {
		long next = segment(1, 0600);

		if (next >> 15 == id >> 15)
			goes_up &= next == id + 1;
		else
			wrapped = (next >> 15) == (id >> 15) + 1 && !(next & 0x7fff);
		ctl(next, IPC_RMID, 0);
		id = next;
	}
	tap_ok(goes_up, "the next id is one more");
	tap_ok(wrapped, "64 indices, then a new sequence number");
	tap_is(id, second + 32768, "an index comes back with another number");
	tap_is(ctl(second, IPC_STAT, NOWHERE), -EINVAL, "the old id stays gone");
}

static void attaching(void)
{
	int id = segment(3, 0600);
	char *p = attach(id), *q = attach(id), *h = hole(8);
	struct shmid_ds ds = stat_of(id);

	tap_is(ds.shm_nattch, 2, "attached twice");
	tap_is(ds.shm_lpid, getpid(), "by this process");
	tap_ok(ds.shm_atime >= ds.shm_ctime && ds.shm_atime <= time(NULL), "just now");
	tap_ok(!p[0] && !q[3 * PAGE - 1], "zeroed");
	p[PAGE] = 7;
	tap_is(q[PAGE], 7, "one memory");
	tap_is(dt(q), 0, "shmdt");
	tap_is(READ(q), 1101, "unmapped");
	detached_is_bad(q);
	ds = stat_of(id);
	tap_is(ds.shm_nattch, 1, "attached once");
	tap_ok(ds.shm_dtime > 0 && ds.shm_dtime <= time(NULL), "when it was detached");
	tap_is(dt(p + 1), -EINVAL, "shmdt of no page");
	tap_is(dt(p + PAGE), -EINVAL, "shmdt within");
	tap_is(at(id, h, 0), (long)h, "at an address");
	tap_is(h[PAGE], 7, "the same memory");
	tap_is(at(id, h, 0), -EINVAL, "where it is already");
	tap_is(at(id, h + 2 * PAGE, 0), -EINVAL, "where it would overlap");
	tap_is(at(id, h - 2 * PAGE, 0), -EINVAL, "or its end would");
	tap_is(at(id, h + 5, 0), -EINVAL, "at no page");
	tap_is(at(id, h + 3 * PAGE + 5, SHM_RND), (long)h + 3 * PAGE, "SHM_RND");
	tap_is(dt(h + 3 * PAGE), 0, "detach it");
	tap_is(at(id, 0, SHM_REMAP), -EINVAL, "SHM_REMAP wants an address");
	tap_is(at(id, 5, SHM_REMAP | SHM_RND), -EINVAL, "which is not rounded away");
	tap_is(at(id, h + PAGE, SHM_REMAP), (long)h + PAGE, "SHM_REMAP");
	tap_is(count(id), 3, "over a part of the other");
	tap_ok(h[PAGE] == 0 && h[2 * PAGE] == 7, "shifted by a page");
	tap_is(dt(h), 0, "detach what is left of the other");
	tap_is(READ(h), 1101, "it is gone");
	tap_is(h[2 * PAGE], 7, "the new one is not");
	tap_is(dt(h + PAGE), 0, "until it is detached");
	tap_is(at(id, -PAGE, 0), -EINVAL, "at the end of all addresses");
	tap_is(at(id, 1ul << 60, 0), -ENOMEM, "out of the program's reach");
	tap_is(at(-1, 0, 0), -EINVAL, "id -1");
	tap_is(at(id + 1, 0, 0), -EINVAL, "an id that is not there");
	tap_is(at(id + 32768, 0, 0), -EINVAL, "another sequence number");
	tap_is(dt(0), -EINVAL, "shmdt of nothing");
	tap_is(count(id), 1, "one is left");
	dt(p);
	ctl(id, IPC_RMID, 0);
}

static void protection(void)
{
	int id = segment(1, 0700);
	char *p = (char *)at(id, 0, SHM_RDONLY), *q = (char *)at(id, 0, SHM_EXEC);
	const char *maps = slurp("/proc/self/maps");
	struct map m;

	tap_ok(map_of(maps, p, &m) && !strcmp(m.perms, "r--s"), "SHM_RDONLY");
	tap_ok(!strcmp(m.name, "/SYSV00000000 (deleted)"), "its name in maps");
	tap_is(m.inode, id, "its id as inode");
	tap_is(WRITE(p), 1102, "it cannot be written");
	tap_is(err(mprotect(p, PAGE, RW)), -EACCES, "nor made writable");
	tap_ok(map_of(maps, q, &m) && !strcmp(m.perms, "rwxs"), "SHM_EXEC");
	tap_is(err(mprotect(q, PAGE, PROT_READ)), 0, "less of the other");
	tap_is(WRITE(q), 1102, "it cannot be written now");
	tap_is(err(mprotect(q, PAGE, RW)), 0, "and again all");
	tap_is(WRITE(q), 0, "written");
	tap_is(err(msync(q, PAGE, MS_SYNC)), 0, "msync");
	tap_is(err(madvise(q, PAGE, MADV_REMOVE)), 0, "a hole");
	tap_is(*p, 0, "is zero");
	dt(p);
	dt(q);
	ctl(id, IPC_RMID, 0);
	id = get(KEY, PAGE, IPC_CREAT | 0600);
	p = attach(id);
	maps = slurp("/proc/self/maps");
	tap_ok(map_of(maps, p, &m) && !strcmp(m.name, "/SYSV5eed1234 (deleted)"), "with its key");
	dt(p);
	ctl(id, IPC_RMID, 0);
}

/* What counts as an attachment: each VMA. */
static void counts(void)
{
	int id = segment(5, 0600);
	char *p = attach(id), *h = hole(16);

	munmap(p + 2 * PAGE, PAGE);
	tap_is(count(id), 2, "a hole in it makes two");
	munmap(p, PAGE);
	tap_is(count(id), 2, "its first page less does not matter");
	munmap(p + PAGE, PAGE);
	tap_is(count(id), 1, "its first part does");
	tap_is(dt(p), 0, "shmdt by the address it had");
	tap_is(count(id), 0, "none is left");
	p = attach(id);
	mprotect(p + PAGE, PAGE, PROT_READ);
	tap_is(count(id), 3, "mprotect of the middle makes three");
	mprotect(p + PAGE, PAGE, RW);
	tap_is(count(id), 3, "which stay three");
	munmap(p + 3 * PAGE, PAGE);
	tap_is(count(id), 4, "a hole makes four");
	map_at(p + 3 * PAGE, 1, RW, PRIVATE | MAP_FIXED);
	tap_is(dt(p), 0, "shmdt takes them all");
	tap_is(count(id), 0, "they are gone");
	tap_is(WRITE(p + 3 * PAGE), 0, "what lies between is not");
	p = attach(id);
	p[2 * PAGE] = 9;
	tap_is(err(mremap(p, 5 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, h)), (long)h, "mremap");
	tap_is(count(id), 1, "a move is none more");
	tap_is(h[2 * PAGE], 9, "with its memory");
	tap_is(err(mremap(h, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, h + 8 * PAGE)),
	       (long)h + 8 * PAGE, "a part of it");
	tap_is(count(id), 2, "is one more");
	tap_is(dt(h + 8 * PAGE), 0, "shmdt of the part");
	tap_is(dt(h), 0, "and of the rest");
	tap_is(count(id), 0, "all gone");
	p = attach(id);
	tap_is(err(mremap(p, 5 * PAGE, 3 * PAGE, 0)), (long)p, "mremap to less");
	tap_is(count(id), 1, "is one still");
	h = (char *)err(mremap(p, 0, PAGE, MREMAP_MAYMOVE));
	tap_is(count(id), 2, "mremap of nothing duplicates");
	tap_is(h[0] = 5, p[0], "the same page");
	tap_is(dt(h), 0, "detach it");
	tap_is(dt(p), 0, "and the first");
	tap_is(count(id), 0, "none again");
	p = attach(id);
	h = (char *)err(mremap(p, 5 * PAGE, 7 * PAGE, MREMAP_MAYMOVE));
	tap_ok(h[4 * PAGE] == 0 && READ(h + 5 * PAGE) == 702, "grown behind its end");
	tap_is(dt(h), 0, "shmdt takes it whole");
	tap_is(READ(h + 5 * PAGE), 1101, "with what lies behind its end");
	tap_is(count(id), 0, "none of it is left");
	p = attach(id);
	munmap(p + PAGE, PAGE);
	h = (char *)err(mremap(p + 2 * PAGE, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			       hole(16) + 5 * PAGE));
	tap_is(dt(h - 2 * PAGE), 0, "a second part that is larger, moved away");
	tap_is(count(id), 1, "is taken from where its first page would be");
	tap_is(dt(p), 0, "and the first part");
	tap_is(count(id), 0, "none at the end");
	ctl(id, IPC_RMID, 0);
}

static void processes(void)
{
	int id = segment(2, 0600), ready[2], go[2];
	volatile char *p = attach(id);
	char c;
	pid_t pid;

	tap_is(pipe(ready) | pipe(go), 0, "pipes");
	pid = CHILD(p[0] = 'c'; write(ready[1], "x", 1); read(go[0], &c, 1); p[1] = 'd');
	read(ready[0], &c, 1);
	tap_is(count(id), 2, "fork attaches");
	tap_is(stat_of(id).shm_lpid, getpid(), "by the parent");
	tap_is(p[0], 'c', "written by the child");
	write(go[1], "x", 1);
	status_of(pid);
	tap_is(count(id), 1, "exit detaches");
	tap_is(stat_of(id).shm_lpid, pid, "by the child");
	tap_is(p[1], 'd', "what it wrote last");
	tap_is(CODE(_exit(dt(p) ? 1 : count(id) == 1 ? 0 : 2)), 0, "the child detaches its own");
	tap_is(count(id), 1, "the parent has its own still");
	tap_is(CODE(execl("/proc/self/exe", "abi_shm", "exec", (char *)NULL)), 42, "exec");
	tap_is(count(id), 1, "detaches");
	pid = CHILD(attach(id); attach(id); write(ready[1], "x", 1); pause());
	read(ready[0], &c, 1);
	tap_is(count(id), 4, "a child attaches more");
	kill(pid, SIGKILL);
	status_of(pid);
	tap_is(count(id), 1, "SIGKILL detaches all");
	tap_is(CODE(madvise((char *)p, PAGE, MADV_DONTFORK); _exit(count(id) == 3 ? 0 : 1)), 0,
	       "a child that cuts its own");
	madvise((char *)p, 2 * PAGE, MADV_DONTFORK);
	tap_is(CODE(_exit(count(id) == 1 ? 0 : 1)), 0, "MADV_DONTFORK does not attach");
	dt(p);
	tap_is(count(id), 0, "none");
	p = attach(id);
	tap_is(p[1], 'd', "it kept what was written");
	dt(p);
	ctl(id, IPC_RMID, 0);
}

/* IPC_RMID of what is attached. */
static void removal(void)
{
	int id = get(KEY, PAGE, IPC_CREAT | 0600), other;
	char *p = attach(id), *q;
	struct shmid_ds ds;

	p[0] = 3;
	tap_is(ctl(id, IPC_RMID, 0), 0, "removed while attached");
	ds = stat_of(id);
	tap_is(ds.shm_perm.mode, SHM_DEST | 0600, "SHM_DEST");
	tap_is(ds.shm_perm.__key, 0, "the key is gone");
	tap_is(get(KEY, 1, 0), -ENOENT, "for shmget too");
	other = get(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600);
	tap_ok(other >= 0 && other != id, "another of that key");
	q = attach(id);
	tap_is(q[0], 3, "attached by its id still");
	tap_is(ctl(id, IPC_RMID, 0), 0, "removed again");
	dt(p);
	tap_is(count(id), 1, "one attachment is left");
	tap_is(CODE(_exit(count(id) == 2 ? 0 : 1)), 0, "a child has it as well");
	tap_is(count(id), 1, "and leaves it");
	dt(q);
	tap_is(ctl(id, IPC_STAT, &ds), -EINVAL, "gone with the last");
	tap_is(ctl(other, IPC_RMID, 0), 0, "the other");
	id = segment(4, 0600);
	p = attach(id);
	ctl(id, IPC_RMID, 0);
	munmap(p, PAGE);
	munmap(p + 2 * PAGE, PAGE);
	tap_is(count(id), 2, "what is cut stays");
	munmap(p, 4 * PAGE);
	tap_is(ctl(id, IPC_STAT, &ds), -EINVAL, "until the last part goes");
	id = segment(1, 0600);
	tap_is(CODE(attach(id); ctl(id, IPC_RMID, 0); _exit(stat_of(id).shm_nattch)), 1, "in a child");
	tap_is(ctl(id, IPC_STAT, &ds), -EINVAL, "gone when it exits");
	id = segment(1, 0600);
	p = attach(id);
	ctl(id, IPC_RMID, 0);
	tap_is(at(id, p, SHM_REMAP), (long)p, "attached over its last attachment");
	tap_is(count(id), 1, "is there");
	dt(p);
	id = segment(1, 0600);
	p = attach(id);
	ctl(id, IPC_RMID, 0);
	tap_is(at(id, p, 0), -EINVAL, "not attached where it is");
	tap_is(count(id), 1, "leaves the count");
	dt(p);
	tap_is(ctl(id, IPC_STAT, &ds), -EINVAL, "which comes to nothing");
}

static int as_user(int id, int how)
{
	return CODE(
		if (how & 1)
			setresgid(1000, 50, 1000);
		else
			setresgid(1000, 1000, 1000);
		setgroups(0, NULL);
		if (setresuid(1000, 1000, 1000)) _exit(99);
		int result = 0;
		long r = at(id, 0, SHM_RDONLY);
		result |= r >= 0 ? 1 : r == -EACCES ? 0 : 64;
		r = at(id, 0, 0);
		result |= r >= 0 ? 2 : r == -EACCES ? 0 : 64;
		r = at(id, 0, SHM_RDONLY | SHM_EXEC);
		result |= r >= 0 ? 4 : r == -EACCES ? 0 : 64;
		struct shmid_ds ds;
		r = ctl(id, IPC_STAT, &ds);
		result |= r == 0 ? 8 : r == -EACCES ? 0 : 64;
		r = ctl(id & 0x7fff, SHM_STAT, &ds);
		result |= r == id ? 16 : r == -EACCES ? 0 : 64;
		r = ctl(id & 0x7fff, SHM_STAT_ANY, &ds);
		result |= r == id ? 32 : 64;
		_exit(result));
}

static void change(int id, int uid, int gid, int mode)
{
	struct shmid_ds ds = stat_of(id);

	ds.shm_perm.uid = uid;
	ds.shm_perm.gid = gid;
	ds.shm_perm.mode = mode;
	if (ctl(id, IPC_SET, &ds))
		tap_bail("IPC_SET");
}

static void permissions(void)
{
	int id = get(KEY, PAGE, IPC_CREAT | 0600);
	struct shmid_ds ds;
	char *p;

	tap_says(as_user(id, 0), "a stranger and mode 600");
	change(id, 0, 0, 0604);
	tap_says(as_user(id, 0), "a stranger and mode 604");
	change(id, 0, 0, 0606);
	tap_says(as_user(id, 0), "a stranger and mode 606");
	change(id, 0, 0, 0607);
	tap_says(as_user(id, 0), "a stranger and mode 607");
	change(id, 0, 50, 0040);
	tap_says(as_user(id, 1), "the group and mode 040");
	change(id, 0, 50, 0606);
	tap_says(as_user(id, 1), "the group and mode 606");
	change(id, 1000, 0, 0400);
	tap_says(as_user(id, 0), "the owner and mode 400");
	change(id, 1000, 0, 0066);
	tap_says(as_user(id, 0), "the owner and mode 066");
	p = (char *)at(id, 0, 0);
	tap_ok((long)p > 0, "root always");
	tap_is(dt(p), 0, "and detaches");
	change(id, 0, 0, 0640);
	tap_is(CODE(drop_root(); _exit(get(KEY, PAGE, 0) != id)), 0, "shmget that asks for nothing");
	tap_is(CODE(drop_root(); _exit(-get(KEY, PAGE, 0400))), EACCES, "that asks for reading");
	tap_is(CODE(drop_root(); _exit(-ctl(id, IPC_RMID, 0))), EPERM, "a stranger removes");
	tap_is(CODE(drop_root(); _exit(-ctl(id, IPC_SET, &ds))), EPERM, "or changes");
	tap_is(CODE(drop_root(); _exit(-ctl(id, SHM_LOCK, 0))), EPERM, "or locks");
	tap_is(CODE(drop_root(); _exit(-ctl(id, SHM_UNLOCK, 0))), EPERM, "or unlocks");
	change(id, 1000, 0, 0);
	tap_is(CODE(drop_root(); memset(&ds, 0, sizeof(ds)); ds.shm_perm.uid = 1001;
		    _exit(-ctl(id, IPC_SET, &ds))), 0, "the owner gives it away");
	ds = stat_of(id);
	tap_is(ds.shm_perm.uid, 1001, "its owner then");
	tap_is(ds.shm_perm.cuid, 0, "its creator for ever");
	ds.shm_perm.uid = -1;
	tap_is(ctl(id, IPC_SET, &ds), -EINVAL, "to nobody at all");
	ds.shm_perm.uid = 0;
	ds.shm_perm.gid = -1;
	tap_is(ctl(id, IPC_SET, &ds), -EINVAL, "nor to no group");
	change(id, 5, 6, 07777);
	ds = stat_of(id);
	tap_is(ds.shm_perm.mode, 0777, "nine bits of the mode");
	tap_is(ds.shm_perm.gid, 6, "the group");
	change(id, 1000, 0, 0);
	tap_is(CODE(drop_root(); _exit(-ctl(id, IPC_RMID, 0))), 0, "the owner removes it");
	tap_is(get(KEY, 1, 0), -ENOENT, "it has no key");
}

static void locking(void)
{
	int id = segment(4, 0600), other = segment(4, 0600);

	tap_is(ctl(id, SHM_LOCK, 0), 0, "SHM_LOCK");
	tap_is(stat_of(id).shm_perm.mode, SHM_LOCKED | 0600, "SHM_LOCKED");
	tap_is(ctl(id, SHM_LOCK, 0), 0, "twice");
	tap_is(ctl(id, SHM_UNLOCK, 0), 0, "SHM_UNLOCK");
	tap_is(stat_of(id).shm_perm.mode, 0600, "not locked");
	tap_is(ctl(id, SHM_UNLOCK, 0), 0, "nor twice");
	change(id, 1000, 0, 0600);
	change(other, 1000, 0, 0600);
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 0); drop_root(); _exit(-ctl(id, SHM_LOCK, 0))), EPERM,
	       "no memory may be locked");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 0); drop_root(); _exit(-ctl(id, SHM_UNLOCK, 0))), 0,
	       "but unlocked");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 3 * PAGE); drop_root(); _exit(-ctl(id, SHM_LOCK, 0))),
	       ENOMEM, "more than may be");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 6 * PAGE); drop_root(); _exit(-ctl(id, SHM_LOCK, 0))), 0,
	       "less");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 6 * PAGE); drop_root(); _exit(-ctl(other, SHM_LOCK, 0))),
	       ENOMEM, "two together are more");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 6 * PAGE); drop_root(); ctl(id, SHM_UNLOCK, 0);
		    _exit(-ctl(other, SHM_LOCK, 0))), 0, "not once the first is unlocked");
	ctl(id, IPC_RMID, 0);
	ctl(other, IPC_RMID, 0);
}

static void information(void)
{
	int id = segment(3, 0600);
	char *p = attach(id);
	struct shminfo limits;
	struct shm_info info;
	struct shmid_ds ds;
	long last;

	p[0] = p[PAGE] = 1;
	last = ctl(0, IPC_INFO, &limits);
	tap_is(last, id & 0x7fff, "IPC_INFO: the highest index");
	tap_says(limits.shmmax, "shmmax");
	tap_says(limits.shmmin, "shmmin");
	tap_says(limits.shmmni, "shmmni");
	tap_says(limits.shmseg, "shmseg");
	tap_says(limits.shmall, "shmall");
	tap_is(ctl(77, SHM_INFO, &info), last, "SHM_INFO: the highest index");
	tap_is(info.used_ids, 1, "segments");
	tap_is(info.shm_tot, 3, "pages");
	tap_is(info.shm_rss, 2, "those that are there");
	tap_is(info.shm_swp | info.swap_attempts | info.swap_successes, 0, "no swap");
	tap_is(ctl(last, SHM_STAT, &ds), id, "SHM_STAT");
	tap_ok(ds.shm_segsz == 3 * PAGE && ds.shm_nattch == 1, "of it");
	tap_is(ctl(last + 1, SHM_STAT, &ds), -EINVAL, "of none");
	tap_is(ctl(last, SHM_STAT_ANY, &ds), id, "SHM_STAT_ANY");
	tap_is(ctl(id, IPC_STAT, NOWHERE), -EFAULT, "IPC_STAT to nowhere");
	tap_is(ctl(id, IPC_SET, NOWHERE), -EFAULT, "IPC_SET from nowhere");
	tap_is(ctl(-1, IPC_SET, NOWHERE), -EINVAL, "IPC_SET of id -1");
	tap_is(ctl(id + 1, IPC_SET, &ds), -EINVAL, "IPC_SET of none");
	tap_is(ctl(last, SHM_STAT, NOWHERE), -EFAULT, "SHM_STAT to nowhere");
	tap_is(ctl(0, IPC_INFO, NOWHERE), -EFAULT, "IPC_INFO to nowhere");
	tap_is(ctl(0, SHM_INFO, NOWHERE), -EFAULT, "SHM_INFO to nowhere");
	tap_is(ctl(-1, IPC_INFO, &limits), -EINVAL, "IPC_INFO of id -1");
	tap_is(ctl(id, 99, &ds), -EINVAL, "no such command");
	tap_is(ctl(id, -1, &ds), -EINVAL, "command -1");
	tap_is(ctl(id + 1, SHM_LOCK, 0), -EINVAL, "SHM_LOCK of none");
	dt(p);
	ctl(id, IPC_RMID, 0);
	tap_is(ctl(0, IPC_INFO, &limits), 0, "IPC_INFO: none is left");
	tap_is(ctl(0, SHM_INFO, &info), 0, "SHM_INFO: none is left");
	tap_is(info.used_ids | info.shm_tot | info.shm_rss, 0, "of anything");
}

/* How many lines text has. */
static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void proc_file(void)
{
	int id = get(KEY, 5000, IPC_CREAT | 0640), more[300];
	char *p = attach(id), *text, want[400], *second;
	struct shmid_ds ds = stat_of(id);
	long len;

	p[0] = 1;
	text = slurp("/proc/sysvipc/shm");
	second = strchr(text, '\n');
	tap_is(lines(text), 2, "a heading and a segment");
	*second++ = 0;
	tap_ok(true, "%s|", text);
	snprintf(want, sizeof(want), "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u "
		 "%10lu %10lu %10lu %21lu %21lu\n",
		 KEY, id, 0640, 5000ul, getpid(), getpid(), 1ul, 0, 0, 0, 0, ds.shm_atime, 0ul,
		 ds.shm_ctime, PAGE, 0ul);
	tap_ok(!strcmp(second, want), "the segment");
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		more[i] = segment(1, 0);
	tap_is(lines(slurp("/proc/sysvipc/shm")), 302, "many");
	tap_is(lines(slurp_steps("/proc/sysvipc/shm", 100, &len)), 302, "in small pieces");
	tap_is(CODE(drop_root(); _exit(lines(slurp("/proc/sysvipc/shm")) != 302)), 0, "to everybody");
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		ctl(more[i], IPC_RMID, 0);
	dt(p);
	ctl(id, IPC_RMID, 0);
	tap_is(lines(slurp("/proc/sysvipc/shm")), 1, "the heading alone");
}

/* Write a setting; 0 or -errno. */
static long set(const char *name, const char *value)
{
	char path[64];
	int fd;
	long n;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	fd = open(path, O_WRONLY);
	n = err(write(fd, value, strlen(value)));
	close(fd);
	return n < 0 ? n : 0;
}

static void settings(void)
{
	int id = segment(3, 0600);

	tap_ok(!strcmp(slurp("/proc/sys/kernel/shmmax"), "18446744073692774399\n"), "shmmax");
	tap_ok(!strcmp(slurp("/proc/sys/kernel/shmall"), "18446744073692774399\n"), "shmall");
	tap_ok(!strcmp(slurp("/proc/sys/kernel/shmmni"), "4096\n"), "shmmni");
	tap_is(set("shmmax", "8192"), 0, "set shmmax");
	tap_is(get(IPC_PRIVATE, 8193, 0600), -EINVAL, "one of more bytes");
	tap_ok(!strcmp(slurp("/proc/sys/kernel/shmmax"), "8192\n"), "it shows");
	tap_is(set("shmmax", "18446744073709551615"), 0, "set it to all");
	tap_is(get(IPC_PRIVATE, -1ul, 0600), -ENOSPC, "all bytes");
	tap_is(get(IPC_PRIVATE, 1ul << 63, 0600), -EINVAL, "more than a file has");
	tap_is(set("shmmax", "18446744073692774399"), 0, "set it back");
	tap_is(set("shmall", "5"), 0, "set shmall");
	tap_is(get(IPC_PRIVATE, 2 * PAGE + 1, 0600), -ENOSPC, "three pages beside three");
	tap_is(ctl(get(IPC_PRIVATE, 2 * PAGE, 0600), IPC_RMID, 0), 0, "two");
	tap_is(set("shmall", "18446744073692774399"), 0, "set it back");
	tap_is(set("shmmni", "1"), 0, "set shmmni");
	tap_is(get(IPC_PRIVATE, PAGE, 0600), -ENOSPC, "a second segment");
	tap_is(set("shmmni", "32769"), -EINVAL, "more than there are ids");
	tap_is(set("shmmni", "-1"), -EINVAL, "less than none");
	tap_is(set("shmmni", "4096"), 0, "set it back");
	ctl(id, IPC_RMID, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 42;
	mem_catch();
	creation();
	ids();
	attaching();
	protection();
	counts();
	processes();
	removal();
	permissions();
	locking();
	information();
	proc_file();
	settings();
	return tap_exit();
}
