/* SPDX-License-Identifier: MIT */
/*
 * The one lock order of the kernel.
 *
 * A thread (or interrupt) may take a lock only if its rank is greater than the
 * rank of every lock it already holds; equal rank only through the _nested form
 * with a higher sublevel. CONFIG_LOCK_DEBUG checks this on every acquire and
 * panics with both acquire sites, so the list cannot drift from the code.
 *
 * Ranks are spaced so that a new lock fits between its neighbours. Each line
 * says what the lock protects and the path that nests it most deeply.
 */
#pragma once

enum lock_rank {
	/* Sleeping locks: taken with interrupts on, may wait for I/O. */
	RANK_TTY_WRITE   = 3,	/* writes to one tty do not mix: write -> copy from user */
	RANK_TTY_LDISC   = 4,	/* one reader of a tty: read -> copy to user */
	RANK_SOCK_BIND   = 5,	/* a socket gets its name     : bind -> the directory it goes into */
	RANK_FS_RENAME   = 6,	/* one superblock: rename that moves directories */
	RANK_EPOLL_NEST  = 7,	/* additions of an epoll to an epoll: -> their mutexes */
	RANK_FILE_POS    = 8,	/* a file's position        : read, write, lseek on a shared file */
	RANK_ASYNC       = 9,	/* O_ASYNC begins or ends: -> poll of the file, the end of a work */
	RANK_EPOLL       = 9,	/* one epoll's item tree; sublevel = nesting depth */
	RANK_PIPE        = 10,	/* one pipe's ring          : read -> copy to user (fault) */
	RANK_SB          = 11,	/* superblock mount, remount, umount */
	RANK_WRITEBACK   = 12,	/* one inode's writeback run: sync -> pages -> bio */
	RANK_PSEUDO      = 13,	/* an open /proc or /sys text    : read -> what the text tells of */
	RANK_INODE       = 14,	/* inode contents, dir entries: write -> fault user buffer; sublevels */
	RANK_SOCK_READ   = 15,	/* one reader of a socket     : recv -> copy to user (fault) */
	RANK_EXEC        = 16,	/* cred guard of a process  : exec -> mm */
	RANK_SOCK_WRITE  = 17,	/* one sender of a socket     : send -> copy from user (fault) */
	RANK_SOCK_STATE  = 18,	/* connect, bind, listen of a socket: -> the stack's tables */
	RANK_MM          = 20,	/* VMA tree of one mm (rwsem): fault -> page cache; sublevel 1: child in fork */
	RANK_SHM         = 22,	/* System V segments: munmap, fork -> how many attachments */
	RANK_PAGE        = 26,	/* page lock: page under I/O: fault -> read -> block map */
	RANK_I_MMAP      = 28,	/* a mapping's VMA tree (rwsem): unmap_mapping, rmap walk */
	RANK_ANON        = 29,	/* an anon object's VMA list (rwsem): rmap walk, fork */
	RANK_EXT2_MAP    = 30,	/* ext2 block map of an inode: get_block -> allocate */
	RANK_EXT2_BARRIER = 31,	/* one ext2's barrier       : fsync -> write metadata, flush -> free blocks */
	RANK_EXT2_ALLOC  = 32,	/* ext2 group bitmaps and counters */
	RANK_BUFFER      = 34,	/* one metadata block's contents */
	RANK_SWAP        = 36,	/* swap areas */
	RANK_DRIVER      = 38,	/* driver core lists, probe */
	RANK_NET         = 39,	/* interfaces, addresses, routes, of all networks: change -> allocate */
	RANK_VMALLOC     = 40,	/* vmalloc area tree: sleeps for pages */
	RANK_SOCK_FLIGHT = 43,	/* descriptors inside messages: their collection -> one socket */
	RANK_MUTEX_LEAF  = 44,	/* sleeping locks that nest nothing but spinlocks */

	/* Spinlocks: preemption off, bounded time; nobody sleeps below here. */
	RANK_OOM         = 48,	/* the out-of-memory killer's choice: -> tasklist -> kill */
	RANK_SMP_CALL    = 49,	/* one call to other CPUs at a time: smp_call -> what the function takes */
	RANK_TASKLIST    = 50,	/* process tree, sessions, groups: fork, exit, wait */
	RANK_PID         = 51,	/* numbers of one pid namespace: fork, release */
	RANK_SIGHAND     = 52,	/* signals and thread group of a process: kill -> wake */
	RANK_PROCESS     = 53,	/* misc fields of one process */
	RANK_FILES       = 54,	/* descriptor table: install, close */
	RANK_FS          = 55,	/* cwd, root */
	RANK_MOUNT       = 56,	/* mount hash and tree: namei -> mountpoint */
	RANK_FILE_LOCKS  = 57,	/* file locks: list of contexts; sublevel 1: one inode's */
	RANK_DCACHE      = 58,	/* one dentry; sublevel 1: child under parent */
	RANK_EXT2_ORDER  = 59,	/* what waits for a barrier of one ext2: nests the slab allocator only */
	RANK_ICACHE      = 60,	/* inode hash bucket, superblock inode list */
	RANK_INODE_STATE = 61,	/* i_state, dirty lists */
	RANK_SB_LISTS    = 62,	/* LRU and dirty lists */
	RANK_FILE        = 63,	/* f_flags, owner, epoll links */
	RANK_PTE         = 64,	/* one page-table page; sublevel 1: child's in fork */
	/* one instance of the TCP/IP stack (softirq): input, send -> neighbour -> driver; sublevel: which */
	RANK_INET        = 65,
	RANK_SOCK_TABLE  = 65,	/* one bucket of a table of sockets or names: listing -> one socket */
	RANK_INET_PORTS  = 66,	/* TCP's ports of one network, one listener's queues (softirq): nests the allocator */
	RANK_MAPPING     = 66,	/* page cache tree of one mapping (irq-safe: end of I/O clears marks) */
	RANK_NEIGH       = 67,	/* neighbours of all networks (softirq): resolve -> transmit the request */
	RANK_SOCK        = 67,	/* one socket's state and queue -> wake; sublevels: a pair, by address */
	RANK_LRU         = 68,	/* reclaim lists */
	RANK_NETDEV      = 69,	/* one interface's transmit side, its ring (softirq) -> DMA bounce */
	RANK_FUTEX       = 70,	/* futex hash bucket; sublevel 1: second bucket in requeue */
	RANK_BLOCKQ      = 71,	/* request queue, driver ring (irq) */
	RANK_CLOCK       = 72,	/* wall clock offset and who is told when it moves (irq) -> timers, wake */
	RANK_TTY         = 73,	/* tty buffers, line state (irq) */
	RANK_TIMERFD     = 74,	/* one timerfd (irq)        : clock set -> start the timer */
	RANK_TIMER       = 75,	/* one CPU's hrtimer tree (irq) */
	RANK_INET_INBOX  = 76,	/* packets for a busy instance (softirq): nests nothing */
	/* packets between virtual interfaces, a bridge's table (softirq): nests nothing */
	RANK_LINK        = 76,
	RANK_SOCK_QUEUE  = 77,	/* packets queued to one socket (softirq), from under the stack's locks */
	RANK_GPIO        = 77,	/* who gets the edges of a chip's pins (irq): edge -> wake */
	RANK_WAITQ       = 78,	/* sleepers of one wait queue (irq); sublevels: epoll's own, from a wake-up */
	RANK_POLL        = 79,	/* one epoll's ready list (irq): from a wake-up of a file's queue; nests nothing */
	RANK_WORKQUEUE   = 80,	/* one worker pool's list (irq) -> wake */
	RANK_THREAD      = 82,	/* t->pi_lock: wake against state change and CPU choice (irq) */
	RANK_RUNQ        = 84,	/* one CPU's threads (irq); two only by sched_lock_pair() */
	RANK_ASID        = 86,	/* ASID generation and map (irq): context switch */
	RANK_RCU         = 88,	/* grace-period state, callback lists (irq) */
	RANK_SLAB        = 90,	/* one cache's slabs (irq): allocate from any context above */
	RANK_ZONE        = 92,	/* free page lists (irq) */
	RANK_IRQ         = 94,	/* interrupt descriptors */
	RANK_LEAF        = 96,	/* nests nothing at all but printk */
	RANK_CONSOLE     = 98,	/* log ring and consoles (irq): printk from anywhere -> UART */
	RANK_UART        = 99,	/* one UART's registers (irq): tty -> UART, printk -> console -> UART; nests nothing */
};
