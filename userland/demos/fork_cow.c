/* SPDX-License-Identifier: MIT */
/*
 * fork and copy on write: ten MiB that two processes share until one writes.
 *
 * The parent fills a buffer and forks. Both then have the same bytes at the same
 * address, in the same physical pages: /proc/<pid>/smaps counts them as shared,
 * and each process is charged half of them (Pss). The child writes to four of
 * the ten MiB: only those pages are copied, and only they become private. The
 * parent's bytes are what they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB		(1024 * 1024)
#define BUFFER_BYTES	(10 * MIB)
#define WRITTEN_BYTES	(4 * MIB)
#define SLACK_KB	64		/* neighbours the kernel may have merged with the buffer */

struct usage {				/* of the mapping the buffer is in, KiB */
	long rss, pss, shared, private;
};

static int read_usage(const void *buffer, struct usage *u)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512], field[64];
	unsigned long start, end, at = (unsigned long)buffer;
	int inside = 0;
	long kb;

	if (!smaps)
		return -1;
	*u = (struct usage){ 0 };
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			inside = at >= start && at < end;
			continue;
		}
		if (!inside || sscanf(line, "%63[^:]: %ld kB", field, &kb) != 2)
			continue;
		if (!strcmp(field, "Rss"))
			u->rss = kb;
		else if (!strcmp(field, "Pss"))
			u->pss = kb;
		else if (!strncmp(field, "Shared_", 7) && field[7] != 'H')
			u->shared += kb;
		else if (!strncmp(field, "Private_", 8) && field[8] != 'H')
			u->private += kb;
	}
	fclose(smaps);
	return 0;
}

static int show(const char *when, const void *buffer, long private_kb)
{
	struct usage u;
	int good;

	if (read_usage(buffer, &u)) {
		perror("/proc/self/smaps");
		return 1;
	}
	good = labs(u.private - private_kb) <= SLACK_KB &&
	       labs(u.shared + u.private - u.rss) <= SLACK_KB;
	printf("%-36s %8ld %8ld %8ld %8ld%s\n", when, u.rss, u.pss, u.shared, u.private,
	       good ? "" : "   UNEXPECTED");
	fflush(stdout);
	return !good;
}

static int child(char *buffer)
{
	int wrong = show("child, after fork", buffer, 0);

	memset(buffer, 2, WRITTEN_BYTES);
	wrong |= show("child, after writing 4 MiB", buffer, WRITTEN_BYTES / 1024);
	wrong |= buffer[0] != 2 || buffer[BUFFER_BYTES - 1] != 1;
	return wrong;
}

int main(void)
{
	char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int status, wrong;
	pid_t pid;

	if (buffer == MAP_FAILED)
		return 1;
	memset(buffer, 1, BUFFER_BYTES);
	printf("%-36s %8s %8s %8s %8s\n", "KiB of the buffer", "Rss", "Pss", "shared", "private");
	wrong = show("parent, before fork", buffer, BUFFER_BYTES / 1024);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (pid == 0)
		_exit(child(buffer));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	wrong |= WEXITSTATUS(status);
	wrong |= show("parent, after the child's end", buffer, BUFFER_BYTES / 1024);
	wrong |= buffer[0] != 1;
	printf("The parent's first byte is still %d.\n", buffer[0]);
	return wrong;
}
