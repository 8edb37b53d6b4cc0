/* SPDX-License-Identifier: MIT */
/*
 * The order in which the kernel comes up: read it as a table of contents.
 */
#include <arch/paging.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <drivers/block/block.h>
#include <drivers/char/char.h>
#include <drivers/core/driver.h>
#include <drivers/tty/tty.h>
#include <fs/blkdev.h>
#include <fs/dev/devpts.h>
#include <fs/dev/devtmpfs.h>
#include <arch/vdso.h>
#include <kernel/bug.h>
#include <kernel/ipc/shm.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/random.h>
#include <fs/vfs.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/page.h>
#include <kernel/mm/reclaim.h>
#include <kernel/mm/writeback.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/proc/oom.h>
#include <kernel/proc/start.h>
#include <kernel/sched/hang.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <kernel/time/hrtimer.h>
#include <net/net.h>
#include <net/socket.h>

/* The first kernel thread: what needs to sleep, or may take long. */
static int late_boot(void *arg)
{
	softirq_init();			/* work that interrupts put off */
	workqueue_init();		/* and work that may sleep */
	hang_init();			/* who watches for hangs, in the debug build */
	reclaim_init();			/* memory back from caches, in the background */
	writeback_init();		/* and dirty pages to disks */
	oom_init();			/* who goes when there is none left */
	devtmpfs_init();		/* where device nodes appear */
	devpts_init();			/* and those of pseudo-terminals */
	char_init();			/* null, zero, random, kmsg */
	tty_init();			/* terminals, for serial drivers to register with */
	tree_seed_random();		/* what randomness the firmware passes on */
	block_init();			/* requests set aside for when memory is short */
	blkdev_init();			/* nodes for the disks that drivers find */
	net_init();			/* loopback and the TCP/IP stack, for network drivers to register with */
	drivers_probe();		/* interrupt controller, devices */
	socket_init();			/* sockets */
	shm_proc_init();		/* what tells of System V shared memory */
	ktest_run();			/* ktest=: run the tests and power off */
	userland_start();		/* root file system, PID 1 */
	paging_free_init();		/* of what ran once: its memory back; what it set: read-only */
	return 0;
}

/* From head.S: boot hart, early map, interrupts off, tp = init_thread on init_stack. */
void __noreturn kernel_main(u64 hart);
void __noreturn kernel_main(u64 hart)
{
	struct thread *t;

	sbi_init();			/* what the firmware can do: the console above all */
	pr_notice("Fathom on RISC-V, SBI %u.%u\n", sbi.spec_major, sbi.spec_minor);
	paging_init();			/* RAM from the device tree; the final map, W^X */
	params_init();			/* the command line, before anything it changes */
	smp_find_cpus(hart);		/* how many CPUs there may be, and the time base */
	time_init();			/* the clock starts at zero */
	percpu_init();			/* a copy of the per-CPU variables for each */
	random_init();			/* what the boot loader knows of chance */
	page_alloc_init();		/* pages */
	slab_init();			/* objects, kmalloc */
	vmalloc_init();			/* device registers, kernel stacks */
	tlb_init();			/* ASIDs and how to flush */
	sched_init();			/* this context is the boot CPU's idle thread now */
	page_wait_init();		/* who waits for a page */
	mm_init();			/* address spaces */
	vdso_init();			/* code and clocks that user mode has of us */
	task_init();			/* numbers, credentials, the kernel's own process */
	if (vfs_init_caches())		/* names, inodes, open files */
		panic("no memory for the VFS");
	smp_init();			/* the other CPUs */
	t = thread_create_kernel(late_boot, NULL, "boot");
	if (!t)
		panic("no memory for the first thread");
	thread_wake_new(t);
	sched_idle_loop();
}
