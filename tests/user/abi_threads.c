/* SPDX-License-Identifier: MIT */
/* Threads and the process around them: who ends whom, who execs, who is signalled. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include "child.h"

static volatile int cell, tid_seen;
static pthread_t main_thread;

static void *set_cell(void *arg)
{
	cell = (long)arg;
	tid_seen = gettid();
	return arg;
}

static void *spin_sleep(void *arg)
{
	for (;;)
		sleep_ms(1000);
	return NULL;
}

static void *exit_process(void *arg)
{
	_exit((long)arg);
}

static void *fork_here(void *arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(getpid() == gettid() ? 12 : 13);
	return (void *)(long)code_of(status_of(pid));
}

static void *wait_any(void *arg)
{
	int status;

	return (void *)(long)(waitpid((long)arg, &status, 0) == (long)arg ? code_of(status) : -errno);
}

static void *outlive_leader(void *arg)
{
	sleep_ms(30);
	_exit(31);
}

static void *exec_me(void *arg)
{
	execl("/tests/abi_threads", "abi_threads", arg, NULL);
	_exit(90);
}

static long run(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	void *result;

	if (pthread_create(&t, NULL, fn, arg))
		tap_bail("pthread_create");
	pthread_join(t, &result);
	return (long)result;
}

static void start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg))
		_exit(91);
}

static void basics(void)
{
	pid_t pid;

	tap_is(run(set_cell, (void *)5), 5, "a thread runs and is joined");
	tap_ok(cell == 5 && tid_seen != getpid(), "it shares memory and has a number of its own");
	tap_is(run(fork_here, NULL), 12, "fork by a thread: the child has one thread, its leader");
	pid = CHILD(_exit(8));
	tap_is(run(wait_any, (void *)(long)pid), 8, "a thread waits for the process's child");
	tap_is(CODE(start(spin_sleep, NULL); _exit(6)), 6, "exit_group by the leader");
	tap_is(CODE(start(exit_process, (void *)7); pause()), 7, "exit_group by another thread");
	tap_is(CODE(start(outlive_leader, NULL); sys(SYS_exit, 1)), 31,
	       "the leader ends first: the last thread's code");
	tap_is(CODE(start(spin_sleep, NULL); kill(getpid(), SIGTERM); pause()), -SIGTERM,
	       "a fatal signal ends all");
}

static void zombie_leader(void)
{
	int status, ready[2];
	pid_t pid;
	char c;

	pipe(ready);
	pid = CHILD(start(spin_sleep, NULL); write(ready[1], "x", 1); sys(SYS_exit, 2));
	read(ready[0], &c, 1);
	sleep_ms(20);
	tap_is(waitpid(pid, &status, WNOHANG), 0,
	       "a zombie leader with live threads is not reaped");
	tap_is(err(kill(pid, 0)), 0, "and can be found");
	tap_is(err(setpgid(pid, pid)), 0, "and its group set");
	kill(pid, SIGKILL);
	tap_is(code_of(status_of(pid)), -SIGKILL, "SIGKILL ends it");
}

static void exec_by_thread(void)
{
	int status, hold[2];
	pid_t pid;
	char c;

	pid = CHILD(start(spin_sleep, NULL); start(exec_me, "leader?"); pause());
	tap_is(waitpid(pid, &status, 0), pid, "exec by a thread keeps the process's number");
	tap_is(code_of(status), 40, "and that thread is the leader now");
	pipe2(hold, O_CLOEXEC);
	pid = CHILD(start(exec_me, "leader?"); sys(SYS_exit, 0));
	tap_is(code_of(status_of(pid)), 40, "the same when the leader has ended");
	pid = CHILD(close(hold[0]); start(spin_sleep, NULL);
		    execl("/tests/abi_threads", "abi_threads", "single?", NULL));
	close(hold[1]);
	tap_is(read(hold[0], &c, 1), 0, "exec closes once for all threads");
	tap_is(code_of(status_of(pid)), 41, "exec by the leader ends the others");
	close(hold[0]);
}

static volatile sig_atomic_t handled_by;
static void on_signal(int sig) { handled_by = gettid(); }

static volatile int stop_waiting, waiter_tid;

static void *waiter(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	if (arg)
		sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	waiter_tid = gettid();
	while (!stop_waiting)
		sleep_ms(1);
	return NULL;
}

static void signals(void)
{
	pthread_t t;
	sigset_t set, old;

	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	stop_waiting = waiter_tid = handled_by = 0;
	pthread_create(&t, NULL, waiter, NULL);
	EVENTUALLY(waiter_tid);
	kill(getpid(), SIGUSR1);
	tap_ok(EVENTUALLY(handled_by == waiter_tid),
	       "a process signal goes to a thread that does not block it");
	handled_by = 0;
	tap_is(sys(SYS_tgkill, getpid(), waiter_tid, SIGUSR1), 0, "tgkill");
	tap_ok(EVENTUALLY(handled_by == waiter_tid), "reaches its thread");
	tap_is(sys(SYS_tgkill, 1, waiter_tid, 0), -ESRCH, "tgkill: a thread of another process");
	tap_is(sys(SYS_tgkill, getpid(), 0, 0), -EINVAL, "tgkill 0");
	tap_is(sys(SYS_tgkill, getpid(), -1, 0), -EINVAL, "tgkill -1");
	tap_is(sys(SYS_tkill, 0, 0), -EINVAL, "tkill 0");
	tap_is(sys(SYS_tgkill, getpid(), waiter_tid, 65), -EINVAL, "tgkill, signal 65");
	handled_by = 0;
	tap_is(sys(SYS_tkill, waiter_tid, SIGUSR1), 0, "tkill");
	tap_ok(EVENTUALLY(handled_by == waiter_tid), "reaches its thread");
	handled_by = 0;
	tap_is(err(kill(waiter_tid, SIGUSR1)), 0, "kill with a thread's number");
	tap_ok(EVENTUALLY(handled_by == waiter_tid), "signals the process");
	stop_waiting = 1;
	pthread_join(t, NULL);
	tap_ok(EVENTUALLY(sys(SYS_tkill, waiter_tid, 0) == -ESRCH), "a thread that has ended");
	tap_is(err(kill(waiter_tid, 0)), -ESRCH, "its number");
	handled_by = 0;
	kill(getpid(), SIGUSR1);
	sleep_ms(5);
	tap_is(handled_by, 0, "blocked by all: pending");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	tap_is(handled_by, getpid(), "taken when unblocked");
}

static void *mask_of(void *arg)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return (void *)(long)sigismember(&set, SIGUSR2);
}

static void *pending_of(void *arg)
{
	sigset_t set;

	sigpending(&set);
	return (void *)(long)(sigismember(&set, SIGUSR2) + 2 * sigismember(&set, SIGHUP));
}

static void inheritance(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	tap_is(run(mask_of, NULL), 1, "a thread inherits the mask");
	pthread_kill(pthread_self(), SIGUSR2);
	tap_is(run(pending_of, NULL), 0, "but no pending signal");
	kill(getpid(), SIGHUP);
	tap_is(run(pending_of, NULL), 2, "sees the process's");
	tap_is(CODE(_exit((long)pending_of(NULL))), 0, "a child process has none");
	signal(SIGUSR2, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	tap_is((long)pending_of(NULL), 0, "ignoring drops what is pending");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void *robust_leaver(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void robust(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	run(robust_leaver, &mutex);
	tap_is(pthread_mutex_lock(&mutex), EOWNERDEAD, "a robust mutex tells of its dead owner");
	tap_is(pthread_mutex_consistent(&mutex), 0, "made consistent");
	tap_is(pthread_mutex_unlock(&mutex), 0, "unlocked");
}

static void *cancelled(void *arg)
{
	pause();
	return NULL;
}

static void cancel(void)
{
	pthread_t t;
	void *result;

	pthread_create(&t, NULL, cancelled, NULL);
	sleep_ms(5);
	pthread_cancel(t);
	pthread_join(t, &result);
	tap_ok(result == PTHREAD_CANCELED, "pthread_cancel in pause");
}

static void *many_body(void *arg)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void many(void)
{
	pthread_t t[64];
	int count = 0, made = 0;

	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 64; i++)
			made += !pthread_create(&t[i], NULL, many_body, &count);
		for (unsigned i = 0; i < 64; i++)
			pthread_join(t[i], NULL);
	}
	tap_ok(made == 256 && count == 256, "4 times 64 threads");
}

int main(int argc, char **argv)
{
	main_thread = pthread_self();
	if (argc == 2 && !strcmp(argv[1], "leader?"))
		return getpid() == gettid() ? 40 : 50;
	if (argc == 2 && !strcmp(argv[1], "single?"))
		return sys(SYS_unshare, CLONE_VM) == 0 ? 41 : 51;
	basics();
	zombie_leader();
	exec_by_thread();
	signals();
	inheritance();
	robust();
	cancel();
	many();
	return tap_exit();
}
