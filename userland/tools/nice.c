/* SPDX-License-Identifier: MIT */
/* nice [-n N] COMMAND...: run it with its niceness changed by N (10); alone: print ours. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int by = 10, now;

	errno = 0;
	now = getpriority(PRIO_PROCESS, 0);
	if (argc == 1)
		return printf("%d\n", now) < 0;
	if (!strcmp(argv[1], "-n") && argc > 2) {
		by = atoi(argv[2]);
		argv += 2;
	}
	if (!argv[1]) {
		fprintf(stderr, "usage: nice [-n N] COMMAND...\n");
		return 125;
	}
	if (setpriority(PRIO_PROCESS, 0, now + by))
		perror("nice");		/* and run it all the same, as POSIX wants */
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return errno == ENOENT ? 127 : 126;
}
