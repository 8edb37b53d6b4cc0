/* SPDX-License-Identifier: MIT */
/* execve: arguments, environment, what survives and what does not, scripts, refusals. */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "child.h"

static char *me;
extern char **environ;

/* What this program does when it is called with a word: see main(). */
static int judge(int argc, char **argv)
{
	struct sigaction act;
	sigset_t set;
	stack_t alt;

	if (!strcmp(argv[1], "args"))
		return argc == 5 && !strcmp(argv[2], "") && !strcmp(argv[3], "two words") &&
				       strlen(argv[4]) == 5000
			       ? 0
			       : 1;
	if (!strcmp(argv[1], "env"))
		return environ[0] && !strcmp(environ[0], "A=1") && !strcmp(environ[1], "B=") && !environ[2] ? 0 : 1;
	if (!strcmp(argv[1], "noenv"))
		return environ[0] != NULL;
	if (!strcmp(argv[1], "signals")) {
		sigaction(SIGUSR1, NULL, &act);
		if (act.sa_handler != SIG_DFL || act.sa_flags)
			return 1;
		sigaction(SIGUSR2, NULL, &act);
		if (act.sa_handler != SIG_IGN)
			return 2;
		sigprocmask(SIG_BLOCK, NULL, &set);
		if (!sigismember(&set, SIGHUP) || sigismember(&set, SIGINT))
			return 3;
		sigpending(&set);
		if (!sigismember(&set, SIGHUP))
			return 4;
		sigaltstack(NULL, &alt);
		return alt.ss_flags == SS_DISABLE ? 0 : 5;
	}
	if (!strcmp(argv[1], "fds"))
		return fcntl(10, F_GETFD) == 0 && fcntl(11, F_GETFD) < 0 ? 0 : 1;
	if (!strcmp(argv[1], "pid"))
		return getpid() == atoi(argv[2]) && getppid() == atoi(argv[3]) ? 0 : 1;
	if (!strcmp(argv[1], "auxv"))
		return getauxval(AT_PAGESZ) == 4096 && getauxval(AT_PHDR) && getauxval(AT_PHNUM) &&
				       getauxval(AT_ENTRY) && getauxval(AT_RANDOM) &&
				       getauxval(AT_UID) == 0 && getauxval(AT_EGID) == 0 &&
				       getauxval(AT_SECURE) == 0 && getauxval(AT_CLKTCK) == 100 &&
				       !strcmp((char *)getauxval(AT_EXECFN), me) &&
				       getauxval(AT_PHENT) == 56
			       ? 0
			       : 1;
	if (!strcmp(argv[1], "comm")) {
		char name[16];

		prctl(PR_GET_NAME, name);
		return strcmp(name, argv[2]) != 0;
	}
	if (!strcmp(argv[1], "script"))		/* me script SCRIPT arg */
		return argc == 4 && !strcmp(argv[2], "./script") && !strcmp(argv[3], "one") ? 0 : 1;
	if (!strcmp(argv[1], "script with  spaces"))
		return argc == 3 && !strcmp(argv[2], "./script2") ? 0 : 1;
	if (!strcmp(argv[1], "dumpable"))
		return prctl(PR_GET_DUMPABLE);
	return 99;
}

static long ex(const void *path, const void *argv, const void *envp)
{
	return sys(SYS_execve, path, argv, envp);
}

static int try(char *const argv[], char *const envp[])
{
	return CODE(execve(argv[0], argv, envp); _exit(100 + errno));
}

static void write_file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	write(fd, text, strlen(text));
	close(fd);
	chmod(name, mode);
}

static void arguments(void)
{
	static char big[5001];
	char *envp[] = { "A=1", "B=", NULL }, *none[] = { NULL };
	char mine[16], parent[16];

	memset(big, 'x', 5000);
	tap_is(try((char *[]){ me, "args", "", "two words", big, NULL }, envp), 0, "arguments");
	tap_is(try((char *[]){ me, "env", NULL }, envp), 0, "environment");
	tap_is(try((char *[]){ me, "noenv", NULL }, none), 0, "an empty environment");
	tap_is(try((char *[]){ me, "noenv", NULL }, NULL), 0, "no environment");
	tap_is(try((char *[]){ me, "auxv", NULL }, none), 0, "auxiliary vector");
	tap_is(CODE(snprintf(mine, 16, "%d", getpid()); snprintf(parent, 16, "%d", getppid());
		    execl(me, me, "pid", mine, parent, NULL)), 0, "the number stays");
	tap_is(CODE(execl(me, "other", "comm", "abi_exec", NULL)), 0, "the name is the file's");
	tap_is(CODE(prctl(PR_SET_DUMPABLE, 0); execl(me, me, "dumpable", NULL)), 1,
	       "dumpable again");
}

static void on_signal(int sig) { }

static void state(void)
{
	static char alt[8192];
	stack_t stack = { .ss_sp = alt, .ss_size = sizeof(alt) };
	sigset_t set;

	tap_is(CODE(
		signal(SIGUSR1, on_signal);
		signal(SIGUSR2, SIG_IGN);
		sigaltstack(&stack, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_SETMASK, &set, NULL);
		raise(SIGHUP);
		execl(me, me, "signals", NULL)), 0, "signals: handlers reset, ignored and mask and pending kept");
	tap_is(CODE(dup2(1, 10); dup2(1, 11); fcntl(11, F_SETFD, FD_CLOEXEC); execl(me, me, "fds", NULL)), 0,
	       "close-on-exec");
}

static void scripts(void)
{
	char text[400];
	char *envp[] = { NULL };

	snprintf(text, sizeof(text), "#!%s script\nrest\n", me);
	write_file("script", text, 0755);
	tap_is(try((char *[]){ "./script", "one", NULL }, envp), 0, "script with an argument");
	snprintf(text, sizeof(text), "#! \t%s   script with  spaces\t \n", me);
	write_file("script2", text, 0755);
	tap_is(try((char *[]){ "./script2", NULL }, envp), 0, "script: one argument, spaces trimmed");
	write_file("script3", "#!/nonexistent\n", 0755);
	tap_is(try((char *[]){ "./script3", NULL }, envp), 100 + ENOENT,
	       "script without its interpreter");
	write_file("script4", "#!./script4\n", 0755);
	tap_is(try((char *[]){ "./script4", NULL }, envp), 100 + ELOOP, "script that runs itself");
	write_file("script5", "#!\n", 0755);
	tap_is(try((char *[]){ "./script5", NULL }, envp), 100 + ENOEXEC, "script without a name");
	write_file("script6", "#!./script\n", 0755);
	tap_says(try((char *[]){ "./script6", NULL }, envp), "script whose interpreter is a script");
	memset(text, 'y', sizeof(text));
	text[0] = '#', text[1] = '!', text[2] = '/', text[398] = '\n', text[399] = 0;
	write_file("script7", text, 0755);
	tap_is(try((char *[]){ "./script7", NULL }, envp), 100 + ENOEXEC,
	       "script with a first line too long");
	write_file("script8", "#!/tests/abi_exec", 0755);
	tap_is(try((char *[]){ "./script8", "args", NULL }, envp), 99, "script without a newline");
}

static void refusals(void)
{
	char *envp[] = { NULL };
	int fd;

	tap_is(ex("/nonexistent", envp, envp), -ENOENT, "no file");
	tap_is(ex("/tmp", envp, envp), -EACCES, "a directory");
	tap_is(ex("", envp, envp), -ENOENT, "an empty name");
	write_file("plain", "text", 0644);
	tap_is(ex("plain", envp, envp), -EACCES, "not executable, even for root");
	write_file("plain", "text", 0755);
	tap_is(ex("plain", envp, envp), -ENOEXEC, "not a program");
	write_file("empty", "", 0755);
	tap_is(ex("empty", envp, envp), -ENOEXEC, "an empty file");
	tap_is(ex("plain/x", envp, envp), -ENOTDIR, "below a file");
	tap_is(ex(NULL, envp, envp), -EFAULT, "no name");
	tap_is(ex(me, (void *)8, envp), -EFAULT, "wild arguments");
	tap_is(ex(me, (char *[]){ me, (char *)8, NULL }, envp), -EFAULT, "a wild argument");
	tap_is(ex(me, envp, (void *)8), -EFAULT, "a wild environment");
	fd = open("busy", O_WRONLY | O_CREAT, 0755);
	tap_is(ex("busy", envp, envp), -ETXTBSY, "open for writing");
	close(fd);
	tap_is(err(open(me, O_WRONLY)), -ETXTBSY, "a running program opened for writing");
	tap_is(err(truncate(me, 0)), -ETXTBSY, "a running program truncated");
	tap_is(CODE(execve(me, (char *[]){ NULL }, envp)), 98, "no argument: one empty one");
}

static void at(void)
{
	char *envp[] = { NULL }, *argv[] = { me, "noenv", NULL };
	int fd = open(me, O_RDONLY), dir = open("/tests", O_RDONLY | O_DIRECTORY),
	    path = open(me, O_PATH | O_CLOEXEC);
	int script;

	tap_is(CODE(_exit(-sys(SYS_execveat, dir, "abi_exec", argv, envp, 0))), 0,
	       "execveat below a directory");
	tap_is(CODE(_exit(-sys(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH))), 0,
	       "execveat of a descriptor");
	tap_is(CODE(_exit(-sys(SYS_execveat, path, "", argv, envp, AT_EMPTY_PATH))), 0,
	       "execveat of an O_PATH descriptor");
	tap_is(CODE(_exit(-sys(SYS_execveat, AT_FDCWD, me, argv, envp, 0))), 0,
	       "execveat of a path");
	tap_is(sys(SYS_execveat, fd, "", argv, envp, 0), -ENOENT,
	       "execveat, empty without the flag");
	tap_is(sys(SYS_execveat, fd, "x", argv, envp, 0), -ENOTDIR, "execveat below a file");
	tap_is(sys(SYS_execveat, 99, "x", argv, envp, 0), -EBADF, "execveat below nothing");
	tap_is(sys(SYS_execveat, AT_FDCWD, me, argv, envp, 0x40000), -EINVAL,
	       "execveat, an unknown flag");
	symlink(me, "alias");
	tap_is(CODE(_exit(-sys(SYS_execveat, AT_FDCWD, "alias", argv, envp, 0))), 0,
	       "execveat follows a link");
	tap_is(sys(SYS_execveat, AT_FDCWD, "alias", argv, envp, AT_SYMLINK_NOFOLLOW), -ELOOP,
	       "execveat does not follow");
	script = open("script", O_RDONLY | O_CLOEXEC);
	tap_is(sys(SYS_execveat, script, "", argv, envp, AT_EMPTY_PATH), -ENOENT,
	       "a script by a close-on-exec descriptor");
}

static void permissions(void)
{
	char *envp[] = { NULL };

	write_file("secret", "#!/tests/abi_exec\n", 0700);
	mkdir("closed", 0700);
	write_file("closed/x", "#!/tests/abi_exec\n", 0755);
	tap_is(CODE(setuid(1000); execve("secret", envp, envp); _exit(100 + errno)), 100 + EACCES,
	       "another's program");
	tap_is(CODE(setuid(1000); execve("closed/x", envp, envp); _exit(100 + errno)), 100 + EACCES,
	       "another's directory");
}

static void limits(void)
{
	static char big[200000];
	char *envp[] = { NULL };
	static char *many[70000];
	struct rlimit limit;

	memset(big, 'a', sizeof(big) - 1);
	tap_is(ex(me, (char *[]){ me, big, NULL }, envp), -E2BIG, "an argument over 128 KiB");
	big[131072 - 1] = 0;
	tap_is(try((char *[]){ me, "args", big, NULL }, envp), 1,
	       "an argument of 128 KiB with its end");
	big[131072 - 1] = 'a', big[131072] = 0;
	tap_is(ex(me, (char *[]){ me, big, NULL }, envp), -E2BIG, "one byte more");
	for (unsigned i = 0; i < ARRAY_SIZE(many) - 1; i++)
		many[i] = me;
	tap_is(try(many, envp), 99, "70,000 arguments");
	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 512 << 10;
	tap_is(CODE(setrlimit(RLIMIT_STACK, &limit); execve(me, many, envp); _exit(100 + errno)), 100 + E2BIG,
	       "too many for a small stack");
	big[100000] = 0;
	for (unsigned i = 0; i < 100; i++)
		many[i] = big;
	many[100] = NULL;
	tap_is(ex(me, many, envp), -E2BIG, "10 MB of arguments");
}

int main(int argc, char **argv)
{
	me = "/tests/abi_exec";
	if (argc == 1 && !argv[0][0])
		return 98;
	if (argc > 1 || strcmp(argv[0], me))
		return argc > 1 ? judge(argc, argv) : 99;
	arguments();
	state();
	scripts();
	refusals();
	at();
	permissions();
	limits();
	return tap_exit();
}
