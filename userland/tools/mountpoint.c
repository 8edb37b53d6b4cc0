/* SPDX-License-Identifier: MIT */
/* mountpoint [-q] PATH: is something mounted there? Exit status 0: yes. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && !strcmp(argv[1], "-q"), yes;
	struct stat here, above;
	char path[4096];

	if (argc != 2 + quiet) {
		fprintf(stderr, "usage: mountpoint [-q] PATH\n");
		return 1;
	}
	snprintf(path, sizeof(path), "%s/..", argv[1 + quiet]);
	if (stat(argv[1 + quiet], &here) || stat(path, &above)) {
		if (!quiet)
			perror(argv[1 + quiet]);
		return 1;
	}
	/* Another file system, or a root: its parent is itself. */
	yes = here.st_dev != above.st_dev || here.st_ino == above.st_ino;
	if (!quiet)
		printf("%s is %sa mount point\n", argv[1 + quiet], yes ? "" : "not ");
	return !yes;
}
