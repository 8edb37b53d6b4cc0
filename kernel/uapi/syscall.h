/* SPDX-License-Identifier: MIT */
/*
 * System calls: prototypes of all handlers, and the table the trap code calls
 * through. The list is kernel/uapi/syscalls.def.
 *
 * A handler returns a result or -errno. The -ERESTART* values of kernel/errno.h
 * are allowed where a signal is pending: signal delivery turns them into a
 * restart or -EINTR before user mode sees them.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/uapi/nr_syscalls.h>


/* Arguments are a0..a5 as the user left them; each entry cuts them to the handler's types. */
typedef long (*syscall_fn_t)(u64, u64, u64, u64, u64, u64);
extern const syscall_fn_t syscall_table[NR_SYSCALLS];

/* What is not in the list: -ENOSYS, logged once per program. Also for numbers past the table. */
long sys_ni(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

#define SYSCALL0(nr, name) \
	long sys_##name(void);
#define SYSCALL1(nr, name, t0, a0) \
	long sys_##name(t0 a0);
#define SYSCALL2(nr, name, t0, a0, t1, a1) \
	long sys_##name(t0 a0, t1 a1);
#define SYSCALL3(nr, name, t0, a0, t1, a1, t2, a2) \
	long sys_##name(t0 a0, t1 a1, t2 a2);
#define SYSCALL4(nr, name, t0, a0, t1, a1, t2, a2, t3, a3) \
	long sys_##name(t0 a0, t1 a1, t2 a2, t3 a3);
#define SYSCALL5(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4) \
	long sys_##name(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4);
#define SYSCALL6(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	long sys_##name(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4, t5 a5);
#include <kernel/uapi/syscalls.def>
