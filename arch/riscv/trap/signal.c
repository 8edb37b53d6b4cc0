/* SPDX-License-Identifier: MIT */
/*
 * Signal frames: what a handler finds on its stack, and the way back.
 *
 *   higher addresses   the interrupted stack, or the top of the alternate one
 *                      struct signal_frame: siginfo_t, then ucontext_t
 *   sp on entry        -> the frame, 16-byte aligned
 *
 * The handler gets a0 = signal, a1 = &info, a2 = &ucontext and returns to the
 * vDSO's rt_sigreturn, which takes everything back from the frame: registers,
 * FP state, blocked signals, alternate stack. A program may have changed or
 * forged any of it; only what user mode may set is taken (never sstatus).
 *
 * Source: Linux uapi for riscv (ucontext, sigcontext: 32 registers with pc in the
 * place of x0, then a 528-byte FP area of which D uses the first 264).
 */
#include <arch/context.h>
#include <arch/fp.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <arch/vdso.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/syscall.h>

#define SIGINFO_BYTES	128
#define FP_AREA_BYTES	528

struct user_sigcontext {
	u64 regs[32];		/* pc, then x1..x31: as a trapframe begins */
	union {
		struct fp_state d;
		u8 area[FP_AREA_BYTES];
		struct {
			u8 states[FP_AREA_BYTES - 16];
			u64 end[2];	/* of the list of further states: zero, none */
		};
	} fp;
} __aligned(16);

struct user_ucontext {
	struct uc_head {
		u64 flags;
		u64 link;
		struct user_stack stack;
		u64 sigmask;
	} head;
	u8 unused[120];		/* of 1,024 bits for the mask */
	struct user_sigcontext context;
};

struct signal_frame {
	u8 info[SIGINFO_BYTES];
	struct user_ucontext uc;
};
_Static_assert(offsetof(struct user_ucontext, context) == 176, "ABI");
_Static_assert(sizeof(struct signal_frame) == 1088, "ABI");
_Static_assert(offsetof(struct trapframe, x) == 8 && sizeof_member(struct trapframe, x) == 31 * 8,
	       "a trapframe begins as regs");

#define REGS_BYTES		(32 * sizeof(u64))
#define FRAME_AT(at, member)	((at) + offsetof(struct signal_frame, member))

/* Where the frame goes: the alternate stack, unless the thread is on it already. */
static uaddr_t frame_address(const struct signal_delivery *d, const struct trapframe *regs)
{
	uaddr_t sp = tf_sp(regs);

	if (signal_on_alternate_stack(sp)) {
		/* An overflow of the alternate stack must not write below it. */
		if (!signal_on_alternate_stack(sp - sizeof(struct signal_frame)))
			return 0;
	} else if ((d->action.flags & SA_ONSTACK) && current->sas_size) {
		sp = current->sas_sp + current->sas_size;
	}
	return ALIGN_DOWN(sp - sizeof(struct signal_frame), 16);
}

static int put_context(uaddr_t at, struct trapframe *regs, const struct uc_head *head)
{
	fp_sync();
	if (copy_to_user(FRAME_AT(at, uc.head), head, sizeof(*head)) ||
	    copy_to_user(FRAME_AT(at, uc.context.regs), regs, REGS_BYTES) ||
	    copy_to_user(FRAME_AT(at, uc.context.fp.d), &current->context.fp,
			 sizeof(struct fp_state)))
		return -EFAULT;
	return clear_user(FRAME_AT(at, uc.context.fp.end),
			  sizeof_member(struct user_sigcontext, fp.end));
}

int arch_signal_frame(struct signal_delivery *d, u64 restore_mask, struct trapframe *regs)
{
	uaddr_t at = frame_address(d, regs);
	struct uc_head head = { .sigmask = restore_mask };

	if (!at)
		return -EFAULT;
	signal_alternate_stack_of(tf_sp(regs), &head.stack);
	if (put_context(at, regs, &head) || siginfo_to_user(FRAME_AT(at, info), &d->info))
		return -EFAULT;
	if (current->sas_flags & SS_AUTODISARM)
		signal_disarm_alternate_stack();
	regs->epc = d->action.handler;
	tf_ra(regs) = current->mm->vdso + VDSO_SIGRETURN_OFFSET;
	tf_sp(regs) = at;
	tf_arg(regs, 0) = d->sig;
	tf_arg(regs, 1) = FRAME_AT(at, info);
	tf_arg(regs, 2) = FRAME_AT(at, uc);
	return 0;
}

long sys_rt_sigreturn(void)
{
	struct trapframe *regs = thread_regs(current);
	const uaddr_t at = tf_sp(regs);
	struct uc_head head;

	current->restart.fn = NULL;
	if (copy_from_user(&head, FRAME_AT(at, uc.head), sizeof(head)) ||
	    copy_from_user(regs, FRAME_AT(at, uc.context.regs), REGS_BYTES))
		goto bad;
	fp_reload();
	if (copy_from_user(&current->context.fp, FRAME_AT(at, uc.context.fp.d),
			   sizeof(struct fp_state)))
		goto bad;
	signal_set_blocked(head.sigmask);
	signal_restore_alternate_stack(&head.stack);
	regs->cause = CAUSE_SETTLED;
	__atomic_fetch_or(&current->info.flags, TIF_FRAME_CHANGED, __ATOMIC_RELAXED);
	return tf_arg(regs, 0);
bad:
	signal_force_fault(SIGSEGV, SI_KERNEL, 0);
	return 0;
}
