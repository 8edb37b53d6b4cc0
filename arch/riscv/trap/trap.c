/* SPDX-License-Identifier: MIT */
/*
 * Traps: interrupts go to their handlers, exceptions of user mode become page
 * faults resolved or signals, an exception in the kernel is a bug of ours, but for
 * page faults on user memory and the few instructions with a fix-up.
 *
 * An access that may fail by design (user memory, a probe) has an entry in
 * __ex_table: two 32-bit distances, from the entry to the instruction and from
 * the entry's second word to where to go on instead. Only what the address space
 * cannot resolve goes there.
 *
 * System calls do not come here: entry.S calls their handlers itself.
 *
 * Causes: Privileged Architecture 20211203, table 4.2.
 */
#include <arch/csr.h>
#include <arch/fp.h>
#include <arch/irqflags.h>
#include <arch/layout.h>
#include <arch/smp.h>
#include <arch/trap.h>
#include <kernel/bug.h>
#include <kernel/debug/backtrace.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/preempt.h>
#include <kernel/mm/fault.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/task/signal.h>
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
		printk(LOG_EMERG, " %3s %016lx %3s %016lx %3s %016lx\n", names[i], tf->x[i],
		       names[i + 1], tf->x[i + 1], names[i + 2], tf->x[i + 2]);
	printk(LOG_EMERG, " %3s %016lx status %lx cause %lx tval %lx\n", names[30], tf->x[30],
	       tf->status, tf->cause, tf->tval);
}

static void __noreturn bad_exception(struct trapframe *tf)
{
	panic_with_frame(tf, "%s at %pS, address %lx", cause_name(tf->cause), (void *)tf->epc,
			 tf->tval);
}

static void interrupt(const struct trapframe *tf)
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
}

static u32 fault_access(u64 cause)
{
	switch (cause) {
	case EXC_STORE_PAGE:
		return FAULT_WRITE;
	case EXC_INST_PAGE:
		return FAULT_EXEC;
	default:
		return FAULT_READ;
	}
}

static bool is_page_fault(u64 cause)
{
	return cause == EXC_LOAD_PAGE || cause == EXC_STORE_PAGE || cause == EXC_INST_PAGE;
}

/* --- from the kernel --- */

/* A page fault inside uaccess, which alone sets SUM. True if the access may be tried again. */
static bool user_memory_fault(const struct trapframe *tf)
{
	int code, sig;

	if (!is_page_fault(tf->cause) || !(tf->status & SR_SUM) || tf->tval >= TASK_SIZE)
		return false;
	/* With interrupts off nobody may sleep here: the caller has disabled page faults. */
	if (!(tf->status & SR_SPIE))
		return false;
	local_irq_enable();
	sig = mm_handle_fault(tf->tval, fault_access(tf->cause), &code);
	local_irq_disable();
	return sig == 0;
}

/* From entry.S: interrupts off, tf on the interrupted thread's stack. */
void trap_from_kernel(struct trapframe *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		interrupt(tf);
		if (need_resched() && !preempt_count())
			preempt_schedule_irq();
		return;
	}
	if (!user_memory_fault(tf) && !fix_up(tf))
		bad_exception(tf);
}

/* --- from user mode --- */

static void user_page_fault(const struct trapframe *tf)
{
	int code, sig;

	sig = mm_handle_fault(tf->tval, fault_access(tf->cause) | FAULT_USER, &code);
	if (sig)
		signal_force_fault(sig, code, tf->tval);
}

static void user_exception(struct trapframe *tf)
{
	switch (tf->cause) {
	case EXC_INST_PAGE:
	case EXC_LOAD_PAGE:
	case EXC_STORE_PAGE:
		user_page_fault(tf);
		break;
	case EXC_ILLEGAL:
		if (!fp_first_use(tf))
			signal_force_fault(SIGILL, ILL_ILLOPC, tf->epc);
		break;
	case EXC_BREAKPOINT:
		signal_force_fault(SIGTRAP, TRAP_BRKPT, tf->epc);
		break;
	case EXC_INST_MISALIGNED:
	case EXC_LOAD_MISALIGNED:
	case EXC_STORE_MISALIGNED:
		signal_force_fault(SIGBUS, BUS_ADRALN, tf->tval);
		break;
	case EXC_INST_ACCESS:
	case EXC_LOAD_ACCESS:
	case EXC_STORE_ACCESS:
		signal_force_fault(SIGSEGV, SEGV_ACCERR, tf->tval);
		break;
	default:
		bad_exception(tf);
	}
}

/* From entry.S: interrupts off, everything but system calls. */
void trap_from_user(struct trapframe *tf)
{
	if (tf->cause & CAUSE_INTERRUPT) {
		interrupt(tf);
	} else {
		local_irq_enable();
		user_exception(tf);
		local_irq_disable();
	}
}

void user_return_work(struct trapframe *tf)
{
	u64 work;

	while ((work = READ_ONCE(thread_info()->flags)) & TIF_USER_WORK) {
		local_irq_enable();
		if (work & TIF_FRAME_CHANGED)
			__atomic_fetch_and(&thread_info()->flags, ~TIF_FRAME_CHANGED,
					   __ATOMIC_RELAXED);
		if (work & TIF_NEED_RESCHED)
			schedule();
		if (work & TIF_SIGPENDING) {
			signal_handle(tf, tf->cause == EXC_ECALL_U);
			/* Whatever the call returned has been dealt with. */
			tf->cause = CAUSE_SETTLED;
		}
		local_irq_disable();
	}
}

/* From entry.S, on the overflow stack. */
void __noreturn trap_stack_overflow(u64 epc, u64 sp, u64 cause)
{
	/* What filled it is on the old stack, from its lowest word up. */
	backtrace_show((u64)current->kstack);
	panic("kernel stack overflow at %pS, sp %lx: %s", (void *)epc, sp, cause_name(cause));
}
