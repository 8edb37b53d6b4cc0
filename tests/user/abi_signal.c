/* SPDX-License-Identifier: MIT */
/* Signals: actions, masks, queues, order, siginfo, the alternate stack, restarted calls. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "child.h"

static volatile sig_atomic_t count, last;
static volatile int order[64], nr_order;
static siginfo_t got;
static sigset_t in_handler;

static void on_signal(int sig)
{
	count++;
	last = sig;
	if (nr_order < 64)
		order[nr_order++] = sig;
}

static void on_info(int sig, siginfo_t *info, void *context)
{
	got = *info;
	sigprocmask(SIG_BLOCK, NULL, &in_handler);
	on_signal(sig);
}

static void handle(int sig, int flags, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction act = { .sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO };

	sigaction(sig, &act, NULL);
}

static sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

struct ksigaction { void *handler; unsigned long flags; unsigned long mask; };

static void actions(void)
{
	struct ksigaction act = { (void *)on_signal, 0, 0 }, old;

	tap_is(sys(SYS_rt_sigaction, SIGKILL, &act, NULL, 8), -EINVAL, "no handler for SIGKILL");
	tap_is(sys(SYS_rt_sigaction, SIGSTOP, &act, NULL, 8), -EINVAL, "no handler for SIGSTOP");
	tap_is(sys(SYS_rt_sigaction, SIGKILL, NULL, &old, 8), 0, "SIGKILL's action can be read");
	tap_is(sys(SYS_rt_sigaction, 0, NULL, &old, 8), -EINVAL, "signal 0");
	tap_is(sys(SYS_rt_sigaction, 65, NULL, &old, 8), -EINVAL, "signal 65");
	tap_is(sys(SYS_rt_sigaction, 64, &act, NULL, 8), 0, "signal 64");
	tap_is(sys(SYS_rt_sigaction, SIGUSR1, &act, NULL, 4), -EINVAL, "a set of another size");
	act.flags = SA_RESTART | 0x1000;	/* not a flag */
	act.mask = ~0ul;
	tap_is(sys(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8), 0, "set");
	tap_is(sys(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8), 0, "read back");
	tap_ok(old.handler == (void *)on_signal, "handler");
	tap_says(old.flags, "flags that were kept");
	tap_is(old.mask, ~0ul & ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)),
	       "SIGKILL and SIGSTOP leave the mask");
	signal(SIGUSR1, on_signal);
	count = 0;
	raise(SIGUSR1);
	tap_ok(count == 1 && last == SIGUSR1, "handled");
	struct sigaction once = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	sigaction(SIGUSR1, &once, NULL);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &once);
	tap_ok(once.sa_handler == SIG_DFL, "SA_RESETHAND");
	tap_is(CODE(raise(SIGURG); raise(SIGWINCH); raise(SIGCHLD); raise(SIGCONT)), 0,
	       "ignored by default");
	tap_is(CODE(raise(SIGPWR)), -SIGPWR, "SIGPWR kills");
	tap_is(CODE(raise(SIGIO)), -SIGIO, "SIGIO kills");
	tap_is(CODE(raise(SIGRTMIN)), -SIGRTMIN, "SIGRTMIN kills");
	tap_is(CODE(signal(64, SIG_DFL); raise(64)), -64, "signal 64 kills");
	tap_is(CODE(signal(SIGSEGV, SIG_IGN); *(volatile int *)8 = 1), -SIGSEGV,
	       "an ignored fault kills");
	tap_is(CODE(sigset_t s = set_of(SIGSEGV, 0); signal(SIGSEGV, on_signal);
		    sigprocmask(SIG_BLOCK, &s, NULL); *(volatile int *)8 = 1),
	       -SIGSEGV, "a blocked fault kills");
}

static void masks(void)
{
	sigset_t set = set_of(SIGUSR1, SIGUSR2), old, pending;
	unsigned long raw = ~0ul;

	handle(SIGUSR1, 0, on_info);
	handle(SIGUSR2, 0, on_info);
	tap_is(sys(SYS_rt_sigprocmask, 7, &raw, NULL, 8), -EINVAL, "an unknown how");
	tap_is(sys(SYS_rt_sigprocmask, 7, NULL, NULL, 8), 0, "how does not matter without a set");
	tap_is(sys(SYS_rt_sigprocmask, SIG_BLOCK, &raw, NULL, 16), -EINVAL,
	       "a set of another size");
	tap_is(sys(SYS_rt_sigprocmask, SIG_SETMASK, &raw, NULL, 8), 0, "block all");
	tap_is(sys(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &raw, 8), 0, "read");
	tap_is(raw, ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)), "but SIGKILL and SIGSTOP");
	raw = 0;
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &raw, NULL, 8);
	sigprocmask(SIG_BLOCK, &set, &old);
	count = 0;
	raise(SIGUSR1);
	raise(SIGUSR1);
	tap_is(count, 0, "blocked");
	sigpending(&pending);
	tap_ok(sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2), "pending");
	tap_is(sys(SYS_rt_sigpending, &raw, 9), -EINVAL, "rt_sigpending, too large");
	tap_is(sys(SYS_rt_sigpending, &raw, 4), 0, "rt_sigpending, a smaller set");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	tap_is(count, 1, "a standard signal does not queue");
	tap_ok(sigismember(&in_handler, SIGUSR1) && !sigismember(&in_handler, SIGUSR2),
	       "blocked in its handler");
	sigprocmask(SIG_BLOCK, NULL, &old);
	tap_ok(!sigismember(&old, SIGUSR1), "and not after it");
	handle(SIGUSR1, SA_NODEFER, on_info);
	raise(SIGUSR1);
	tap_ok(!sigismember(&in_handler, SIGUSR1), "SA_NODEFER");
	struct sigaction act = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO, .sa_mask = set_of(SIGHUP, SIGUSR2) };
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	tap_ok(sigismember(&in_handler, SIGHUP) && sigismember(&in_handler, SIGUSR2) &&
		       sigismember(&in_handler, SIGUSR1),
	       "sa_mask");
}

static void queues(void)
{
	sigset_t all, old;
	union sigval value;
	int values = 0, sorted = 1;

	sigfillset(&all);
	for (int sig = SIGRTMIN; sig < SIGRTMIN + 4; sig++)
		handle(sig, 0, on_info);
	handle(SIGUSR1, 0, on_info);
	handle(SIGTERM, 0, on_info);
	sigprocmask(SIG_BLOCK, &all, &old);
	nr_order = 0;
	for (int i = 0; i < 3; i++)
		for (int sig = SIGRTMIN + 3; sig >= SIGRTMIN; sig--) {
			value.sival_int = i;
			values += !sigqueue(getpid(), sig, value);
		}
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGUSR1);
	tap_is(values, 12, "queued");
	for (int i = 0; i < 14; i++) {
		struct timespec none = { 0 };
		siginfo_t info;
		int sig = sigtimedwait(&all, &info, &none);

		order[nr_order++] = sig;
		if (i >= 2)
			sorted &= info.si_code == SI_QUEUE &&
				  info.si_value.sival_int == (i - 2) % 3 &&
				  sig == SIGRTMIN + (i - 2) / 3;
	}
	tap_ok(order[0] == SIGUSR1 && order[1] == SIGTERM, "standard signals first, lowest first");
	tap_ok(sorted, "real-time ones by number, each in order, with its value");
	nr_order = 0;
	value.sival_int = 1;
	sigqueue(getpid(), SIGRTMIN + 2, value);
	sigqueue(getpid(), SIGRTMIN + 1, value);
	kill(getpid(), SIGTERM);
	sigprocmask(SIG_SETMASK, &old, NULL);
	tap_ok(nr_order == 3 && order[0] == SIGRTMIN + 2 && order[1] == SIGRTMIN + 1 &&
		       order[2] == SIGTERM,
	       "delivered together, the handler of the last frame runs first");
}

static volatile int *wild = (int *)0x3458;	/* below all mappings, the heap at its random place too */
static void *readonly;

static void fault_exit(int sig, siginfo_t *info, void *context)
{
	long at = (long)info->si_addr;

	_exit(info->si_code * 8 + (at == (long)wild) + 2 * (at == (long)readonly) + 4 * (at == 0));
}

static void infos(void)
{
	pid_t child;

	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	handle(SIGUSR1, 0, on_info);
	kill(getpid(), SIGUSR1);
	tap_ok(got.si_signo == SIGUSR1 && got.si_code == SI_USER && got.si_pid == getpid() &&
		       got.si_uid == 0 && !got.si_errno,
	       "kill: SI_USER");
	raise(SIGUSR1);
	tap_ok(got.si_code == SI_TKILL && got.si_pid == getpid(), "tgkill: SI_TKILL");
	handle(SIGCHLD, 0, on_info);
	child = CHILD(_exit(17));
	status_of(child);
	tap_ok(got.si_signo == SIGCHLD && got.si_code == CLD_EXITED && got.si_pid == child &&
		       got.si_status == 17,
	       "SIGCHLD: CLD_EXITED");
	child = CHILD(kill(getpid(), SIGKILL));
	status_of(child);
	tap_ok(got.si_code == CLD_KILLED && got.si_status == SIGKILL, "SIGCHLD: CLD_KILLED");
	child = CHILD(kill(getpid(), SIGSTOP));
	waitpid(child, NULL, WUNTRACED);
	tap_ok(got.si_code == CLD_STOPPED && got.si_status == SIGSTOP, "SIGCHLD: CLD_STOPPED");
	kill(child, SIGCONT);
	status_of(child);
	handle(SIGCHLD, SA_NOCLDSTOP, on_info);
	got.si_code = 0;
	child = CHILD(kill(getpid(), SIGSTOP));
	waitpid(child, NULL, WUNTRACED);
	tap_is(got.si_code, 0, "SA_NOCLDSTOP");
	kill(child, SIGKILL);
	status_of(child);
	signal(SIGCHLD, SIG_DFL);

#define FAULT(sig, what) CODE(struct sigaction a_ = { .sa_sigaction = fault_exit, .sa_flags = SA_SIGINFO }; \
	sigaction(sig, &a_, NULL); what)
	tap_is(FAULT(SIGSEGV, *wild = 1), SEGV_MAPERR * 8 + 1, "SEGV_MAPERR and its address");
	tap_is(FAULT(SIGSEGV, *(volatile int *)readonly = 1), SEGV_ACCERR * 8 + 2,
	       "SEGV_ACCERR and its address");
	tap_is(FAULT(SIGILL, __asm__ volatile(".4byte 0")), ILL_ILLOPC * 8, "ILL_ILLOPC");
	tap_is(FAULT(SIGTRAP, __asm__ volatile("ebreak")), TRAP_BRKPT * 8, "TRAP_BRKPT");
	tap_is(FAULT(SIGSEGV, ((void (*)(void))readonly)()), SEGV_ACCERR * 8 + 2, "executing data");
	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	volatile char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	tap_is(FAULT(SIGBUS, (void)*map), BUS_ADRERR * 8, "BUS_ADRERR behind the end of a file");
	volatile char *beyond = (void *)0xffffffc000000000ul;
	tap_is(FAULT(SIGSEGV, (void)*beyond) & 7, 0, "a kernel address");
	munmap(readonly, 4096);
}

static volatile char *frame_at;
static void on_stack(int sig)
{
	char here;
	stack_t now;

	frame_at = &here;
	sigaltstack(NULL, &now);
	order[0] = now.ss_flags;
	now.ss_flags = 0;
	order[1] = err(sigaltstack(&now, NULL));
}

static void alternate_stack(void)
{
	char *memory = malloc(65536);
	stack_t alt = { .ss_sp = memory, .ss_size = 65536 }, old;
	struct sigaction act = { .sa_handler = on_stack, .sa_flags = SA_ONSTACK };

	sigaltstack(NULL, &old);
	tap_is(old.ss_flags, SS_DISABLE, "none at first");
	tap_is(err(sigaltstack(&alt, NULL)), 0, "set");
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	tap_ok(frame_at >= memory && frame_at < memory + 65536,
	       "a handler with SA_ONSTACK runs on it");
	tap_is(order[0], SS_ONSTACK, "it says so");
	tap_is(order[1], -EPERM, "it cannot be changed in use");
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	tap_ok(frame_at < memory || frame_at >= memory + 65536, "without SA_ONSTACK it does not");
	alt.ss_size = 1000;
	tap_is(err(sigaltstack(&alt, NULL)), -ENOMEM, "too small");
	alt.ss_size = 65536;
	alt.ss_flags = 0x40;
	tap_is(err(sigaltstack(&alt, NULL)), -EINVAL, "unknown flags");
	alt.ss_flags = (int)(1u << 31);		/* SS_AUTODISARM */
	tap_is(err(sigaltstack(&alt, NULL)), 0, "SS_AUTODISARM");
	act.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	tap_is(order[0], SS_DISABLE, "SS_AUTODISARM: disabled in the handler");
	sigaltstack(NULL, &old);
	tap_ok(old.ss_flags == (int)(1u << 31) && old.ss_sp == memory, "and back after it");
	alt.ss_flags = SS_DISABLE;
	sigaltstack(&alt, NULL);
	sigaltstack(NULL, &old);
	tap_ok(old.ss_flags == SS_DISABLE && !old.ss_size, "disabled");
	alt.ss_flags = 0;
	tap_is(CODE(sigaltstack(&alt, NULL); act.sa_handler = (void (*)(int))(void *)_exit;
		    act.sa_flags = SA_ONSTACK; sigaction(SIGSEGV, &act, NULL);
		    __asm__ volatile("li sp, 16\n\tsd zero, 0(sp)")),
	       SIGSEGV, "a broken stack is handled on it");
	tap_is(CODE(act.sa_flags = 0; sigaction(SIGSEGV, &act, NULL);
		    __asm__ volatile("li sp, 16\n\tsd zero, 0(sp)")),
	       -SIGSEGV, "without it the process ends");
	free(memory);
}

static char state_of(pid_t pid)
{
	char text[512], *p;
	ssize_t n;
	int fd;

	snprintf(text, sizeof(text), "/proc/%d/stat", pid);
	fd = open(text, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	return p ? p[2] : '?';
}

/* SIGUSR1 once pid is asleep: on a busy machine it may come late to its call. */
static void signal_sleeper(pid_t pid)
{
	(void)EVENTUALLY(state_of(pid) == 'S');
	kill(pid, SIGUSR1);
}

static void restarts(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	int fds[2];
	pid_t child;
	char c;
	long before;
	struct timespec ten = { 10, 0 }, left = { 99, 0 };

	pipe(fds);
	sigaction(SIGUSR1, &act, NULL);
	child = CHILD(signal_sleeper(getppid()); sleep_ms(20); write(fds[1], "x", 1));
	tap_is(err(read(fds[0], &c, 1)), -EINTR, "read is interrupted");
	status_of(child);
	read(fds[0], &c, 1);
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	child = CHILD(signal_sleeper(getppid()); sleep_ms(20); write(fds[1], "x", 1));
	tap_is(err(read(fds[0], &c, 1)), 1, "SA_RESTART: read goes on");
	status_of(child);
	child = CHILD(signal_sleeper(getppid()); sleep_ms(20); _exit(3));
	tap_is(code_of(status_of(child)), 3, "SA_RESTART: wait goes on");
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	child = CHILD(signal_sleeper(getppid()); sleep_ms(20); _exit(3));
	tap_is(err(waitpid(child, NULL, 0)), -EINTR, "wait is interrupted");
	status_of(child);
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	child = CHILD(signal_sleeper(getppid()));
	tap_is(err(nanosleep(&ten, &left)), -EINTR, "nanosleep never restarts after a handler");
	tap_ok(left.tv_sec == 9, "it says what was left");
	status_of(child);
	child = CHILD(signal_sleeper(getppid()));
	tap_is(err(pause()), -EINTR, "pause");
	status_of(child);
	/* A stop and a continuation without a handler restart a sleep with the time left. */
	before = now_ms();
	child = CHILD(sleep_ms(100));
	sleep_ms(20);
	kill(child, SIGSTOP);
	sleep_ms(20);
	kill(child, SIGCONT);
	tap_is(code_of(status_of(child)), 0, "a sleep goes on after a stop");
	before = now_ms() - before;
	tap_ok(before >= 100 && before < 400, "for the time that was left");
	signal(SIGUSR1, SIG_IGN);
	child = CHILD(signal_sleeper(getppid()); sleep_ms(20); write(fds[1], "x", 1));
	tap_is(err(read(fds[0], &c, 1)), 1, "an ignored signal does not interrupt");
	status_of(child);
	signal(SIGPIPE, SIG_DFL);
	close(fds[0]);
	tap_is(CODE(write(fds[1], "x", 1)), -SIGPIPE, "SIGPIPE");
	signal(SIGPIPE, SIG_IGN);
	tap_is(err(write(fds[1], "x", 1)), -EPIPE, "EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(fds[1]);
}

int main(void)
{
	actions();
	masks();
	queues();
	infos();
	alternate_stack();
	restarts();
	return tap_exit();
}
