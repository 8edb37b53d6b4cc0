/* SPDX-License-Identifier: MIT */
/* rt_sigtimedwait, sigsuspend, signalfd-less waiting; and what a handler finds in registers. */
#include <fcntl.h>
#include <pthread.h>
#include <ucontext.h>
#include "child.h"

static volatile sig_atomic_t count;
static void on_signal(int sig) { count++; }

static void timed_waits(void)
{
	sigset_t set, old;
	siginfo_t info;
	struct timespec none = { 0 }, some = { 0, 30000000 }, bad = { 0, 1000000000 }, negative = { -1, 0 };
	long before;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	tap_is(err(sigtimedwait(&set, &info, &none)), -EAGAIN, "nothing is pending");
	before = now_ms();
	tap_is(err(sigtimedwait(&set, &info, &some)), -EAGAIN, "time is up");
	tap_ok(now_ms() - before >= 29, "after its time");
	tap_is(sys(SYS_rt_sigtimedwait, &set, &info, &bad, 8), -EINVAL, "a nonsense time");
	tap_is(sys(SYS_rt_sigtimedwait, &set, &info, &negative, 8), -EINVAL, "a negative time");
	tap_is(sys(SYS_rt_sigtimedwait, &set, &info, NULL, 4), -EINVAL, "a set of another size");
	kill(getpid(), SIGUSR2);
	tap_is(err(sigtimedwait(&set, &info, NULL)), SIGUSR2, "pending is taken at once");
	tap_ok(info.si_signo == SIGUSR2 && info.si_code == SI_USER && info.si_pid == getpid(),
	       "with its siginfo");
	tap_is(err(sigtimedwait(&set, NULL, &none)), -EAGAIN, "once");
	child = CHILD(sleep_ms(20); kill(getppid(), SIGUSR1));
	tap_is(err(sigtimedwait(&set, &info, NULL)), SIGUSR1, "waits");
	tap_is(info.si_pid, child, "and knows the sender");
	status_of(child);
	signal(SIGHUP, on_signal);
	child = CHILD(sleep_ms(20); kill(getppid(), SIGHUP));
	tap_is(err(sigwaitinfo(&set, &info)), -EINTR, "interrupted by another signal's handler");
	status_of(child);
	sigaddset(&set, SIGKILL);
	tap_is(err(sigtimedwait(&set, &info, &none)), -EAGAIN, "SIGKILL in the set is ignored");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void suspends(void)
{
	sigset_t block, wait, now, old;

	sigemptyset(&wait);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	signal(SIGUSR1, on_signal);
	sigprocmask(SIG_BLOCK, &block, &old);
	count = 0;
	kill(getpid(), SIGUSR1);
	tap_is(count, 0, "pending");
	tap_is(err(sigsuspend(&wait)), -EINTR, "sigsuspend");
	tap_is(count, 1, "the handler ran");
	sigprocmask(SIG_BLOCK, NULL, &now);
	tap_ok(sigismember(&now, SIGUSR1), "the mask is back");
	pid_t child = CHILD(sleep_ms(20); kill(getppid(), SIGUSR1));
	tap_is(err(sigsuspend(&wait)), -EINTR, "sigsuspend waits");
	tap_is(count, 2, "for a handler");
	status_of(child);
	tap_is(sys(SYS_rt_sigsuspend, &wait, 4), -EINVAL, "a set of another size");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Floating point state: the handler's own use leaves the interrupted code's alone. */
static volatile double spoiled;
static void spoil(int sig)
{
	double x = count + 0.5;

	for (int i = 0; i < 100; i++)
		x = x * 1.5 - i;
	spoiled = x;
	__asm__ volatile("fcvt.d.l fs0, %0\n\tfcvt.d.l ft0, %0\n\tfcvt.d.l fa0, %0\n\tcsrwi fcsr, 0x1f" :: "r"(99L)
			 : "fs0", "ft0", "fa0");
	count++;
}

static int float_loop(pid_t target)
{
	long before = 0x4142434445464748, after = 0, bad = 0;

	for (int i = 0; i < 50; i++) {
		__asm__ volatile(
			"csrwi fcsr, 0\n\t"
			"fmv.d.x fs0, %2\n\tfmv.d.x ft0, %2\n\tfmv.d.x fa0, %2\n\tfmv.d.x ft11, %2\n\t"
			"mv a0, %3\n\tli a1, %4\n\tli a7, 129\n\tecall\n\t"
			"fmv.x.d %0, fs0\n\tbne %0, %2, 1f\n\t"
			"fmv.x.d %0, ft0\n\tbne %0, %2, 1f\n\t"
			"fmv.x.d %0, fa0\n\tbne %0, %2, 1f\n\t"
			"fmv.x.d %0, ft11\n\tbne %0, %2, 1f\n\t"
			"csrr %0, fcsr\n\tbnez %0, 1f\n\t"
			"j 2f\n\t1: addi %1, %1, 1\n\t2:"
			: "+&r"(after), "+&r"(bad) : "r"(before), "r"((long)target), "i"(SIGUSR1)
			: "a0", "a1", "a7", "fs0", "ft0", "fa0", "ft11", "memory");
	}
	return bad;
}

static void *float_thread(void *arg)
{
	volatile double x = (long)arg;

	for (int i = 0; i < 20000; i++) {
		x = x + 1.0;
		if (i % 500 == 0)
			sched_yield();
	}
	return (void *)(long)(x == (long)arg + 20000.0);
}

static void floats(void)
{
	pthread_t t[8];
	long good = 0;
	void *r;

	signal(SIGUSR1, spoil);
	count = 0;
	tap_is(float_loop(getpid()), 0, "floating point registers and fcsr survive a handler");
	tap_is(count, 50, "that ran");
	for (long i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, float_thread, (void *)i);
	for (long i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		good += (long)r;
	}
	tap_is(good, 8, "and switches between threads");
	volatile double y = 2.25;
	tap_is(CODE(_exit(y == 2.25 ? 4 : 5)), 4, "and fork");
}

/* The context a handler gets can be read and changed. */
static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	u->uc_mcontext.__gregs[REG_PC] += 4;
	u->uc_mcontext.__gregs[REG_A0] = 1234;
	sigaddset(&u->uc_sigmask, SIGHUP);
	count++;
}

static void contexts(void)
{
	struct sigaction act = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO };
	register long a0 __asm__("a0") = 5;
	sigset_t now;

	count = 0;
	sigaction(SIGSEGV, &act, NULL);
	__asm__ volatile(".option push\n.option norvc\n\tsd zero, 8(zero)\n.option pop" : "+r"(a0) :: "memory");
	long seen = a0;
	tap_is(count, 1, "a faulting store reached its handler");
	tap_is(seen, 1234, "which changed a register and went on behind it");
	sigprocmask(SIG_BLOCK, NULL, &now);
	tap_ok(sigismember(&now, SIGHUP), "and the mask");
	sigemptyset(&now);
	sigprocmask(SIG_SETMASK, &now, NULL);
	signal(SIGSEGV, SIG_DFL);
	tap_is(CODE(__asm__ volatile("li a7, 139\n\tli sp, 64\n\tecall" ::: "a7", "memory")),
	       -SIGSEGV,
	       "sigreturn without a frame");
}

/*
 * saved_after(pid, sig, out): kill(pid, sig), then what s0..s11 are. The handler's own are back when it
 * has returned, so only sigreturn can have put others there.
 */
long saved_after(long pid, long sig, long out[12]);
__asm__(".text\n"
	"saved_after:\n"
	"	addi sp, sp, -96\n"
	"	sd s0, 0(sp)\n	sd s1, 8(sp)\n	sd s2, 16(sp)\n	sd s3, 24(sp)\n"
	"	sd s4, 32(sp)\n	sd s5, 40(sp)\n	sd s6, 48(sp)\n	sd s7, 56(sp)\n"
	"	sd s8, 64(sp)\n	sd s9, 72(sp)\n	sd s10, 80(sp)\n	sd s11, 88(sp)\n"
	"	li a7, 129\n"
	"	ecall\n"
	"	sd s0, 0(a2)\n	sd s1, 8(a2)\n	sd s2, 16(a2)\n	sd s3, 24(a2)\n"
	"	sd s4, 32(a2)\n	sd s5, 40(a2)\n	sd s6, 48(a2)\n	sd s7, 56(a2)\n"
	"	sd s8, 64(a2)\n	sd s9, 72(a2)\n	sd s10, 80(a2)\n	sd s11, 88(a2)\n"
	"	ld s0, 0(sp)\n	ld s1, 8(sp)\n	ld s2, 16(sp)\n	ld s3, 24(sp)\n"
	"	ld s4, 32(sp)\n	ld s5, 40(sp)\n	ld s6, 48(sp)\n	ld s7, 56(sp)\n"
	"	ld s8, 64(sp)\n	ld s9, 72(sp)\n	ld s10, 80(sp)\n	ld s11, 88(sp)\n"
	"	addi sp, sp, 96\n"
	"	ret\n");

static int number_of_saved(int i)
{
	return i < 2 ? 8 + i : 16 + i;
}

static void change_saved(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	for (int i = 0; i < 12; i++)
		u->uc_mcontext.__gregs[number_of_saved(i)] = 0x5000 + i;
}

/* Runtimes that switch between coroutines in a handler change these too, or do not keep them. */
static void saved_registers(void)
{
	struct sigaction act = { .sa_sigaction = change_saved, .sa_flags = SA_SIGINFO };
	long out[12] = { 0 };
	int right = 0;

	sigaction(SIGUSR1, &act, NULL);
	tap_is(saved_after(getpid(), SIGUSR1, out), 0, "a signal to oneself");
	for (int i = 0; i < 12; i++)
		right += out[i] == 0x5000 + i;
	tap_is(right, 12, "s0 to s11 are those of the context");
	signal(SIGUSR1, SIG_DFL);
}

static volatile int depth;
static void nested(int sig)
{
	if (++depth < 20)
		raise(SIGUSR1);
	depth += 100;
}

static void nesting(void)
{
	struct sigaction act = { .sa_handler = nested, .sa_flags = SA_NODEFER };

	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	tap_is(depth, 2020, "20 handlers deep and back");
}

int main(void)
{
	timed_waits();
	suspends();
	floats();
	contexts();
	saved_registers();
	nesting();
	return tap_exit();
}
