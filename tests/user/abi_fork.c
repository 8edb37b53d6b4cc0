/* SPDX-License-Identifier: MIT */
/* fork, vfork, clone, clone3: what a child shares, what it copies, and who is told when it ends. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "child.h"

static volatile int cell;
static char stack[65536] __attribute__((aligned(16)));

static void fork_copies(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), child;

	cell = 1;
	*shared = 7;
	tap_is(CODE(_exit(cell == 1 && *shared == 7)), 1, "the child sees the parent's memory");
	tap_is(CODE(cell = 2; *shared = 8), 0, "the child writes");
	tap_ok(cell == 1 && *shared == 7, "the parent does not see it");
	tap_is(CODE(_exit(getppid() == parent && getpid() != parent)), 1,
	       "the child has its own number and parent");
	child = CHILD(pause());
	cell = 3;
	kill(child, SIGKILL);
	tap_is(code_of(status_of(child)), -SIGKILL, "killed child");
	tap_is(CODE(_exit(getpgid(0) == getpgid(parent) && getsid(0) == getsid(parent))), 1,
	       "group and session are inherited");
}

static void exit_codes(void)
{
	int status;

	tap_is(CODE(_exit(0)), 0, "exit 0");
	tap_is(CODE(_exit(255)), 255, "exit 255");
	tap_is(CODE(_exit(256)), 0, "exit 256 is 0");
	tap_is(CODE(_exit(-1)), 255, "exit -1 is 255");
	tap_is(CODE(sys(SYS_exit, 3)), 3, "exit of the only thread");
	tap_is(CODE(abort()), -SIGABRT, "abort");
	tap_is(CODE(*(volatile int *)8 = 1), -SIGSEGV, "a wild store");
	tap_is(CODE(__asm__ volatile(".4byte 0")), -SIGILL, "an illegal instruction");
	status = IN_CHILD(__asm__ volatile("ebreak"));
	tap_is(code_of(status), -SIGTRAP, "a breakpoint");
	tap_is(CODE(((void (*)(void))8)()), -SIGSEGV, "a wild jump");
}

static void descriptors(void)
{
	int fd = open("offset", O_RDWR | O_CREAT, 0600);

	write(fd, "abcdef", 6);
	lseek(fd, 0, SEEK_SET);
	tap_is(CODE(char c; read(fd, &c, 1); _exit(c)), 'a',
	       "the child reads through the descriptor");
	tap_is(lseek(fd, 0, SEEK_CUR), 1, "the offset is shared");
	tap_is(CODE(close(fd)), 0, "the child closes it");
	tap_is(lseek(fd, 0, SEEK_CUR), 1, "the parent's stays open");
	close(fd);
}

static void vfork_child(void)
{
	pid_t pid;

	cell = 0;
	pid = vfork();
	if (!pid) {
		cell = 42;
		_exit(5);
	}
	tap_is(cell, 42, "vfork shares memory and the parent waits");
	tap_is(code_of(status_of(pid)), 5, "vfork child's code");
	pid = vfork();
	if (!pid) {
		execl("/nonexistent", "x", NULL);
		_exit(errno == ENOENT ? 9 : 1);
	}
	tap_is(code_of(status_of(pid)), 9, "a failed exec in a vfork child");
}

static int in_clone(void *arg)
{
	cell = (long)arg;
	return 11;
}

static int in_files(void *arg)
{
	return open("/", O_RDONLY) < 0;
}

static int in_fs(void *arg)
{
	umask(0123);
	return chdir("/") != 0;
}

static int clone_and_wait(int (*fn)(void *), int flags, void *arg)
{
	pid_t pid = clone(fn, stack + sizeof(stack), flags, arg);
	int status;

	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, __WALL) != pid)
		return -2000 - errno;
	return code_of(status);
}

static void clone_flags(void)
{
	char cwd[64];
	int fd;

	cell = 0;
	tap_is(clone_and_wait(in_clone, CLONE_VM | SIGCHLD, (void *)5), 11, "CLONE_VM");
	tap_is(cell, 5, "CLONE_VM shares memory");
	tap_is(clone_and_wait(in_clone, SIGCHLD, (void *)6), 11, "plain clone");
	tap_is(cell, 5, "which does not");
	fd = open("/", O_RDONLY);
	close(fd);
	tap_is(clone_and_wait(in_files, CLONE_FILES | SIGCHLD, NULL), 0, "CLONE_FILES");
	tap_is(err(fcntl(fd, F_GETFD)), 0, "its descriptor is ours");
	close(fd);
	tap_is(clone_and_wait(in_files, SIGCHLD, NULL), 0, "without CLONE_FILES");
	tap_is(err(fcntl(fd, F_GETFD)), -EBADF, "its descriptor is not");
	getcwd(cwd, sizeof(cwd));
	umask(022);
	tap_is(clone_and_wait(in_fs, SIGCHLD, NULL), 0, "chdir in a child");
	tap_is(umask(022), 022, "our umask is our own");
	tap_is(clone_and_wait(in_fs, CLONE_FS | SIGCHLD, NULL), 0, "CLONE_FS");
	tap_is(umask(022), 0123, "umask is shared");
	tap_ok(access("offset", F_OK) && !chdir(cwd) && !access("offset", F_OK),
	       "the working directory is shared");
	tap_is(clone_and_wait(in_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)8), 11,
	       "CLONE_VFORK");
	tap_is(cell, 8, "CLONE_VFORK ran first");
}

static void clone_refusals(void)
{
	long flags[] = { CLONE_THREAD, CLONE_SIGHAND, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_SIGHAND,
		CLONE_FS | CLONE_NEWNS, CLONE_NEWUSER | CLONE_FS, CLONE_PIDFD | CLONE_PARENT_SETTID,
		CLONE_PIDFD | CLONE_DETACHED };

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		tap_is(sys(SYS_clone, flags[i] | SIGCHLD, stack + sizeof(stack)), -EINVAL,
		       "clone flags, refused %u", i);
}

static int tids(void *arg)
{
	return cell == gettid() ? 0 : 1;
}

static void clone_tids(void)
{
	pid_t pid;
	int ctid = -1, ptid = -1;

	pid = clone(tids, stack + sizeof(stack), CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD,
		    NULL, &ptid, NULL, (void *)&cell);
	tap_ok(pid > 0 && ptid == pid, "CLONE_PARENT_SETTID");
	tap_is(code_of(status_of(pid)), 0, "CLONE_CHILD_SETTID in the child");
	tap_ok(cell != pid, "but not in the parent");
	ctid = 77;
	pid = clone(in_clone, stack + sizeof(stack), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
		    NULL, NULL, NULL, &ctid);
	status_of(pid);
	tap_is(ctid, 0, "CLONE_CHILD_CLEARTID");
}

static void clone3_calls(void)
{
	struct { struct clone_args a; char tail[64]; } big = { .a = { .exit_signal = SIGCHLD } };
	struct clone_args args = { .exit_signal = SIGCHLD };
	int pidfd = -1;
	long pid;

	pid = sys(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(21);
	tap_is(pid > 0 ? code_of(status_of(pid)) : pid, 21, "clone3 as fork");
	pid = sys(SYS_clone3, &args, CLONE_ARGS_SIZE_VER0);
	if (!pid)
		_exit(22);
	tap_is(pid > 0 ? code_of(status_of(pid)) : pid, 22, "clone3 of the first size");
	tap_is(sys(SYS_clone3, &args, CLONE_ARGS_SIZE_VER0 - 8), -EINVAL, "clone3: too small");
	tap_is(sys(SYS_clone3, &args, 5000), -E2BIG, "clone3: more than a page");
	pid = sys(SYS_clone3, &big, sizeof(big));
	if (!pid)
		_exit(23);
	tap_is(pid > 0 ? code_of(status_of(pid)) : pid, 23, "clone3: a larger structure of zeroes");
	big.tail[63] = 1;
	tap_is(sys(SYS_clone3, &big, sizeof(big)), -E2BIG,
	       "clone3: a larger structure with more in it");
	tap_is(sys(SYS_clone3, NULL, sizeof(args)), -EFAULT, "clone3: no structure");
	args.exit_signal = 65;
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: signal 65");
	args = (struct clone_args){ .flags = 1ull << 60 };
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: an unknown flag");
	args = (struct clone_args){ .flags = SIGCHLD };
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: a signal in the flags");
	args = (struct clone_args){ .stack = (long)stack };
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: a stack without a size");
	args = (struct clone_args){ .stack_size = 4096 };
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: a size without a stack");
	args = (struct clone_args){ .flags = CLONE_PIDFD, .pidfd = (long)&pidfd, .exit_signal = SIGCHLD };
	pid = sys(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(24);
	tap_ok(pid > 0 && pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC,
	       "CLONE_PIDFD gives a descriptor");
	if (pid > 0)
		tap_is(code_of(status_of(pid)), 24, "CLONE_PIDFD child");
	tap_is(sys(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), -ESRCH,
	       "its descriptor after it was reaped");
	close(pidfd);
	args = (struct clone_args){ .flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD };
	tap_is(sys(SYS_clone3, &args, sizeof(args)), -EINVAL, "clone3: clear and share handlers");
}

static volatile sig_atomic_t caught;
static void on_signal(int sig) { caught = sig; }

static void exit_signals(void)
{
	pid_t pid;
	int status;

	signal(SIGUSR1, on_signal);
	caught = 0;
	pid = clone(in_clone, stack + sizeof(stack), SIGUSR1, NULL);
	tap_is(err(waitpid(pid, &status, 0)), -ECHILD,
	       "wait does not see a child of another exit signal");
	tap_is(waitpid(pid, &status, __WCLONE), pid, "__WCLONE does");
	tap_is(caught, SIGUSR1, "its exit signal came");
	pid = clone(in_clone, stack + sizeof(stack), 0, NULL);
	tap_is(waitpid(pid, &status, __WALL), pid, "__WALL sees a child without exit signal");
	tap_is(code_of(status), 11, "and its code");
}

int main(void)
{
	fork_copies();
	exit_codes();
	descriptors();
	vfork_child();
	clone_flags();
	clone_refusals();
	clone_tids();
	clone3_calls();
	exit_signals();
	return tap_exit();
}
