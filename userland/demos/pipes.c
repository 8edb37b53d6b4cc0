/* SPDX-License-Identifier: MIT */
/*
 * Pipes and signals: what a shell does for "seq 1 1000 | grep 7", and then some.
 *
 * Two children are joined by a pipe: one writes a thousand lines, the other counts
 * those with a seven and exits with the hundreds of them. When the last writer has
 * closed its end the reader sees the end of the file. A write to a pipe that no one
 * reads is SIGPIPE; the parent hears of each child's end by SIGCHLD.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void on_child(int signal)
{
	ended++;
}

static void write_lines(int to)
{
	FILE *out = fdopen(to, "w");

	for (int i = 1; i <= 1000; i++)
		fprintf(out, "%d\n", i);
	exit(fclose(out) != 0);
}

static void count_sevens(int from)
{
	FILE *in = fdopen(from, "r");
	char line[16];
	int count = 0;

	while (fgets(line, sizeof(line), in))
		count += strchr(line, '7') != NULL;
	printf("lines with a 7: %d\n", count);
	exit(count == 271 ? 0 : 1);
}

static int wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int pipeline(void)
{
	pid_t writer, reader;
	int ends[2], bad;

	if (pipe(ends))
		return 1;
	writer = fork();
	if (!writer)
		write_lines(ends[1]);
	reader = fork();
	if (!reader) {
		close(ends[1]);
		count_sevens(ends[0]);
	}
	close(ends[0]);
	close(ends[1]);
	bad = wait_for(writer);
	return wait_for(reader) | bad;
}

static int nobody_reads(void)
{
	int ends[2], status;
	pid_t pid;

	if (pipe(ends))
		return 1;
	close(ends[0]);
	pid = fork();
	if (!pid) {
		_exit(write(ends[1], "lost", 4) < 0);
	}
	status = wait_for(pid);
	printf("writing to a pipe that no one reads: %s\n",
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE ? "ended by SIGPIPE" : "not noticed");
	return !WIFSIGNALED(status);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_child, .sa_flags = SA_RESTART };
	int bad;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGCHLD, &action, NULL);
	bad = pipeline();
	bad |= nobody_reads();
	printf("told of ended children: %s\n", ended ? "yes" : "no");
	return bad || !ended;
}
