/* SPDX-License-Identifier: MIT */
/*
 * What has been used comes back: memory free before
 * and after many rounds of everything that takes some.
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include "mem.h"

#define ROUNDS	20
#define BOUND	768		/* KiB: caches of each CPU, which fill once */

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? atol(at + strlen(name)) : 0;
}

/* KiB that are free, or would be if somebody asked. */
static long free_kib(void)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	long n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return field(text, "MemFree:") + field(text, "SReclaimable:") + field(text, "\nCached:") -
	       field(text, "\nShmem:");
}

static void use_anonymous(void)
{
	char *p = map(512);

	for (int i = 0; i < 512; i++)
		p[i * PAGE] = 1;
	mprotect(p + 64 * PAGE, 64 * PAGE, PROT_READ);
	munmap(p + 128 * PAGE, 64 * PAGE);
	if (!fork()) {
		memset(p, 2, 64 * PAGE);
		_exit(0);
	}
	wait(NULL);
	munmap(p, 512 * PAGE);
}

static void use_shared(void)
{
	int fd = memfd_create("leak", 0);
	char *p;

	(void)!ftruncate(fd, 128 * PAGE);
	p = mmap(NULL, 128 * PAGE, RW, MAP_SHARED, fd, 0);
	memset(p, 3, 128 * PAGE);
	close(fd);
	munmap(p, 128 * PAGE);
}

static void use_files(void)
{
	static char buf[16 * PAGE];

	for (int i = 0; i < 32; i++) {
		char name[40];
		int fd;

		snprintf(name, sizeof(name), "/tmp/leak%d", i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		(void)!write(fd, buf, sizeof(buf));
		close(fd);
		unlink(name);
	}
}

static void use_processes(void)
{
	int fds[2];

	for (int i = 0; i < 8; i++)
		if (!fork()) {
			if (!pipe(fds))
				(void)!write(fds[1], "x", 1);
			execl("/proc/self/exe", "stress_leak", "child", NULL);
			_exit(1);
		}
	while (wait(NULL) > 0)
		;
}

static void round_of_everything(void)
{
	use_anonymous();
	use_shared();
	use_files();
	use_processes();
}

int main(int argc, char **argv)
{
	long before, lost = 0;

	(void)argv;
	if (argc > 1)
		return 0;
	for (int i = 0; i < ROUNDS; i++)
		round_of_everything();
	sleep_ms(200);
	before = free_kib();
	for (int i = 0; i < ROUNDS; i++)
		round_of_everything();
	/* What goes after a grace period, or is the work of a thread, is waited for. */
	for (int i = 0; i < 30 && (lost = before - free_kib()) >= BOUND; i++)
		sleep_ms(100);
	tap_note("%ld KiB free before, %ld less after", before, lost);
	tap_ok(lost < BOUND, "all memory came back");
	return tap_exit();
}
