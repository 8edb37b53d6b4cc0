/* SPDX-License-Identifier: MIT */
/*
 * System V segments made, attached, written, cut, detached and removed by several processes at
 * once, of few keys, so that they meet; then all memory is back.
 */
#include <sys/mman.h>
#include <sys/shm.h>
#include "stress.h"
#include "procfs.h"

#define WORKERS		6
#define KEYS		3
#define KEY		0x57e55000
#define PAGES		8
#define PAGE		4096

/* Others remove what this one uses: only these may go wrong. */
static bool is_fair(long result)
{
	return result >= 0 || result == -EINVAL || result == -EEXIST || result == -ENOENT;
}

/* A page of the segment is a counter of its own: what is added is not lost. */
static bool use(char *p, unsigned long *chance)
{
	long *cell = (long *)(p + draw(chance) % PAGES * PAGE);
	long before = __atomic_fetch_add(cell, 1, __ATOMIC_SEQ_CST);

	return __atomic_load_n(cell, __ATOMIC_SEQ_CST) > before;
}

static bool leave(int id, char *p, unsigned long *chance)
{
	pid_t pid;

	switch (draw(chance) % 4) {
	case 0:
		return !shmdt(p);
	case 1:
		munmap(p + draw(chance) % PAGES * PAGE, PAGE);
		munmap(p, PAGES * PAGE);
		return true;
	case 2:
		pid = CHILD(_exit(use(p, chance) ? 0 : 1));
		return !shmdt(p) && !status_of(pid);
	default:
		pid = CHILD(shmctl(id, IPC_RMID, NULL); pause());
		kill(pid, SIGKILL);
		status_of(pid);
		return !shmdt(p);
	}
}

static bool round_of(unsigned long *chance)
{
	struct shmid_ds ds;
	long id = err(shmget(draw(chance) % 4 ? (int)(KEY + draw(chance) % KEYS) : IPC_PRIVATE,
			     PAGES * PAGE, IPC_CREAT | 0600));
	char *p;

	if (id < 0)
		return is_fair(id);
	p = (char *)err(shmat(id, NULL, 0));
	if ((long)p < 0)
		return is_fair((long)p);
	if (draw(chance) % 2 && !is_fair(err(shmctl(id, IPC_RMID, NULL))))
		return false;
	/* Attached, so the id stands for it whoever removed it. */
	if (shmctl(id, IPC_STAT, &ds) || !ds.shm_nattch)
		return false;
	if (!use(p, chance) || !leave(id, p, chance))
		return false;
	return is_fair(err(shmctl(id, IPC_RMID, NULL)));
}

static void work(unsigned long chance)
{
	int rounds = 0;

	for (; stress_goes_on(); rounds++)
		if (!round_of(&chance))
			_exit(1);
	_exit(rounds ? 0 : 3);
}

/* Private segments without end: what is not given back would not fit. */
static int many_pages(void)
{
	for (int i = 0; i < 300; i++) {
		int id = shmget(IPC_PRIVATE, 1 << 22, IPC_CREAT | 0600);
		char *p = shmat(id, NULL, 0);

		if (id < 0 || p == (char *)-1)
			return i + 1;
		for (int at = 0; at < 1 << 22; at += PAGE)
			p[at] = 1;
		if (i % 2)
			shmctl(id, IPC_RMID, NULL);
		shmdt(p);
		if (i % 2 == 0)
			shmctl(id, IPC_RMID, NULL);
	}
	return 0;
}

int main(void)
{
	long shmem = number_of(slurp("/proc/meminfo"), "Shmem"),
	     committed = number_of(slurp("/proc/meminfo"), "Committed_AS");
	struct shm_info before, info;

	/* Others before this program may have left some. */
	shmctl(0, SHM_INFO, (struct shmid_ds *)&before);
	stress_start();
	for (int i = 0; i < WORKERS; i++)
		CHILD(work(88172645463325252ul + i));
	tap_is(reap_failures(WORKERS), 0, "attach, write, detach, remove");
	for (int i = 0; i < KEYS; i++)
		shmctl(shmget(KEY + i, 0, 0), IPC_RMID, NULL);
	shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	tap_is(info.used_ids, before.used_ids, "no segment is left");
	tap_is(info.shm_tot, before.shm_tot, "nor a page of one");
	tap_is(many_pages(), 0, "more than there is, one after another");
	tap_ok(EVENTUALLY(number_of(slurp("/proc/meminfo"), "Shmem") <= shmem), "shared memory is back");
	tap_ok(EVENTUALLY(number_of(slurp("/proc/meminfo"), "Committed_AS") <= committed + 1024),
	       "and what was promised");
	return tap_exit();
}
