/* SPDX-License-Identifier: MIT */
/* Signal numbers and structures of the Linux riscv64 ABI. */
#pragma once
#include <kernel/types.h>

#define NSIG		64
enum { SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
	SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
	SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS, SIGRTMIN };
#define SIGMASK(sig)	(1ul << ((sig) - 1))

#define SIG_DFL		0
#define SIG_IGN		1
#define SA_NOCLDSTOP	0x00000001ul
#define SA_NOCLDWAIT	0x00000002ul
#define SA_SIGINFO	0x00000004ul
#define SA_ONSTACK	0x08000000ul
#define SA_RESTART	0x10000000ul
#define SA_NODEFER	0x40000000ul
#define SA_RESETHAND	0x80000000ul
/* user addresses have no tags here: nothing is hidden without it */
#define SA_EXPOSE_TAGBITS 0x00000800ul

/* struct sigaction of rt_sigaction(2): riscv has no restorer. */
struct k_sigaction {
	u64 handler;
	u64 flags;
	u64 mask;
};

/* Inside the kernel; kernel/proc turns it into the 128-byte siginfo_t. */
struct kernel_siginfo {
	int signo, err, code;
	pid_t pid;
	uid_t uid;
	int status;
	u64 value;		/* sigval; timer overrun beside it */
	int timer_id, overrun;
	u64 addr;
	u64 utime, stime;
	long band;
	int fd;
};
#define SI_USER		0
#define SI_KERNEL	0x80
#define SI_QUEUE	(-1)
#define SI_TIMER	(-2)
#define SI_TKILL	(-6)
#define CLD_EXITED	1
#define CLD_KILLED	2
#define CLD_DUMPED	3
#define CLD_TRAPPED	4
#define CLD_STOPPED	5
#define CLD_CONTINUED	6
#define SEGV_MAPERR	1
#define SEGV_ACCERR	2
#define BUS_ADRALN	1
#define BUS_ADRERR	2
#define ILL_ILLOPC	1
#define TRAP_BRKPT	1

struct user_stack {		/* stack_t */
	u64 sp;
	u32 flags, pad;
	u64 size;
};
#define SS_ONSTACK	1u
#define SS_DISABLE	2u
#define SS_AUTODISARM	(1u << 31)
