/* SPDX-License-Identifier: MIT */
/* nohup COMMAND...: run it deaf to SIGHUP, its output in nohup.out if that was a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int out;

	if (argc < 2) {
		fprintf(stderr, "usage: nohup COMMAND...\n");
		return 125;
	}
	signal(SIGHUP, SIG_IGN);
	if (isatty(1)) {
		out = open("nohup.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (out < 0 || dup2(out, 1) < 0) {
			perror("nohup.out");
			return 125;
		}
	}
	if (isatty(2))
		dup2(1, 2);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return errno == ENOENT ? 127 : 126;
}
