/* SPDX-License-Identifier: MIT */
/* What the rest of the kernel asks of futexes. The calls are in kernel/uapi/syscalls.def. */
#pragma once
#include <kernel/types.h>

struct thread;

/*
 * Wake up to nr waiters of the private or shared futex at
 * uaddr in current's address space; number woken or -errno.
 */
long futex_wake_user(uaddr_t uaddr, u32 nr, bool shared);
/* The calling thread ends or runs a new program: mark the locks on its robust list as orphaned. */
void futex_release_robust(struct thread *t);
