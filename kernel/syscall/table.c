/* SPDX-License-Identifier: MIT */
/*
 * The system call table, made from kernel/uapi/syscalls.def in two passes: a
 * thunk per call, which cuts the six registers to the declared types (the psABI
 * wants an int sign-extended, user mode may have left anything), then the array.
 */
#include <kernel/uapi/syscall.h>
#include <kernel/printk.h>
#include <kernel/task/pid.h>
#include <arch/trapframe.h>

#define THUNK(name, ...) \
	static long thunk_##name(u64 r0, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5) \
	{ \
		return sys_##name(__VA_ARGS__); \
	}
#define SYSCALL0(nr, name) \
	THUNK(name)
#define SYSCALL1(nr, name, t0, a0) \
	THUNK(name, (t0)r0)
#define SYSCALL2(nr, name, t0, a0, t1, a1) \
	THUNK(name, (t0)r0, (t1)r1)
#define SYSCALL3(nr, name, t0, a0, t1, a1, t2, a2) \
	THUNK(name, (t0)r0, (t1)r1, (t2)r2)
#define SYSCALL4(nr, name, t0, a0, t1, a1, t2, a2, t3, a3) \
	THUNK(name, (t0)r0, (t1)r1, (t2)r2, (t3)r3)
#define SYSCALL5(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4) \
	THUNK(name, (t0)r0, (t1)r1, (t2)r2, (t3)r3, (t4)r4)
#define SYSCALL6(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	THUNK(name, (t0)r0, (t1)r1, (t2)r2, (t3)r3, (t4)r4, (t5)r5)
#include <kernel/uapi/syscalls.def>

#define SYSCALL0(nr, name)	[nr] = thunk_##name,
#define SYSCALL1(nr, name, ...)	[nr] = thunk_##name,
#define SYSCALL2(nr, name, ...)	[nr] = thunk_##name,
#define SYSCALL3(nr, name, ...)	[nr] = thunk_##name,
#define SYSCALL4(nr, name, ...)	[nr] = thunk_##name,
#define SYSCALL5(nr, name, ...)	[nr] = thunk_##name,
#define SYSCALL6(nr, name, ...)	[nr] = thunk_##name,

long syscall_clone(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
long syscall_clone3(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

/* The range comes first and the list overrides it: gcc and clang warn about that by default. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const syscall_fn_t syscall_table[NR_SYSCALLS] = {
	[0 ... NR_SYSCALLS - 1] = sys_ni,
#include <kernel/uapi/syscalls.def>
	/* These copy the caller's whole register frame: arch saves it first. */
	[220] = syscall_clone,
	[435] = syscall_clone3,
};
#pragma GCC diagnostic pop

long sys_ni(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct process *p = current_process();

	if (!p->ni_logged) {
		p->ni_logged = true;
		pr_debug("%s[%d]: system call %lu is not implemented\n", current->comm,
			  thread_tid(current), tf_arg(thread_regs(current), 7));
	}
	return -ENOSYS;
}
