/* SPDX-License-Identifier: MIT */
/*
 * Traps in the kernel: interrupts go to their handlers, an exception is a bug of
 * ours, but for the few with a fix-up.
 *
 * An access that may fail by design (user memory, a probe) has an entry in
 * __ex_table: two 32-bit distances, from the entry to the instruction and from
 * the entry's second word to where to go on instead.
 *
 * Causes: Privileged Architecture 20211203, table 4.2.
 */
#include <arch/csr.h>
#include <arch/irqflags.h>
#include <arch/smp.h>
#include <arch/trap.h>
#include <kernel/bug.h>
#include <kernel/debug/backtrace.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/preempt.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/time/hrtimer.h>

struct ex_entry {
	s32 insn, fixup;
};
extern const struct ex_entry __ex_table_start[], __ex_table_end[];

static const char *const cause_names[] = {
	"instruction address misaligned", "instruction access fault", "illegal instruction",
	"breakpoint", "load address misaligned", "load access fault", "store address misaligned",
	"store access fault", "environment call from user mode", "environment call from the kernel",
	NULL, NULL, "instruction page fault", "load page fault", NULL, "store page fault",
};

static const char *cause_name(u64 cause)
{
	if (cause < ARRAY_SIZE(cause_names) && cause_names[cause])
		return cause_names[cause];
	return "unknown cause";
}

/* True where epc has a fix-up; then the frame continues there. */
static bool fix_up(struct trapframe *tf)
{
	for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++) {
		if ((u64)&e->insn + e->insn == tf->epc) {
			tf->epc = (u64)&e->fixup + e->fixup;
			return true;
		}
	}
	return false;
}

void trap_show_registers(const struct trapframe *tf)
{
	static const char names[31][4] = {
		"ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};

	printk(LOG_EMERG, " epc %016lx %pS\n", tf->epc, (void *)tf->epc);
	for (u32 i = 0; i < 30; i += 3)
		printk(LOG_EMERG, " %3s %016lx %3s %016lx %3s %016lx\n", names[i], tf->x[i], names[i + 1],
		       tf->x[i + 1], names[i + 2], tf->x[i + 2]);
	printk(LOG_EMERG, " %3s %016lx status %lx cause %lx tval %lx\n", names[30], tf->x[30], tf->status,
	       tf->cause, tf->tval);
}

static void __noreturn bad_exception(struct trapframe *tf)
{
	panic_with_frame(tf, "%s at %pS, address %lx", cause_name(tf->cause), (void *)tf->epc, tf->tval);
}

static void interrupt(struct trapframe *tf)
{
	irq_enter();
	switch (tf->cause & ~CAUSE_INTERRUPT) {
	case IRQ_SOFT:
		ipi_interrupt();
		break;
	case IRQ_TIMER:
		timer_interrupt();
		break;
	case IRQ_EXT:
		irq_handle_external();
		break;
	default:
		panic("interrupt %lu, which nobody enabled", tf->cause & ~CAUSE_INTERRUPT);
	}
	irq_exit();
	if (need_resched() && !preempt_count())
		preempt_schedule_irq();
}

/* From entry.S: interrupts off, tf on the interrupted thread's stack. */
void trap_handle(struct trapframe *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		interrupt(tf);
		return;
	}
	if (!fix_up(tf))
		bad_exception(tf);
}

/* From entry.S, on the overflow stack. */
void __noreturn trap_stack_overflow(u64 epc, u64 sp, u64 cause)
{
	/* What filled it is on the old stack, from its lowest word up. */
	backtrace_show((u64)current->kstack);
	panic("kernel stack overflow at %pS, sp %lx: %s", (void *)epc, sp, cause_name(cause));
}
