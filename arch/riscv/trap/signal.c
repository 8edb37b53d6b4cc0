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
	u64 regs[32];		/* pc, then x1..x31 */
	union {
		struct fp_state d;
		u8 area[FP_AREA_BYTES];
	} fp;
} __aligned(16);

struct user_ucontext {
	u64 flags;
	u64 link;
	struct user_stack stack;
	u64 sigmask;
	u8 unused[120];		/* of 1,024 bits for the mask */
	struct user_sigcontext context;
};

struct signal_frame {
	u8 info[SIGINFO_BYTES];
	struct user_ucontext uc;
};
_Static_assert(offsetof(struct user_ucontext, context) == 176, "ABI");
_Static_assert(sizeof(struct signal_frame) == 1088, "ABI");

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

static void fill_context(struct user_sigcontext *sc, const struct trapframe *regs)
{
	sc->regs[0] = regs->epc;
	memcpy(&sc->regs[1], regs->x, sizeof(regs->x));
	memset(&sc->fp, 0, sizeof(sc->fp));
	if (current->context.fp_used) {
		fp_sync();
		sc->fp.d.fcsr = current->context.fp.fcsr;
		memcpy(sc->fp.d.f, current->context.fp.f, sizeof(sc->fp.d.f));
	}
}

int arch_signal_frame(struct signal_delivery *d, u64 restore_mask, struct trapframe *regs)
{
	uaddr_t at = frame_address(d, regs);
	const uaddr_t uc_at = at + offsetof(struct signal_frame, uc);
	struct user_ucontext uc;

	if (!at)
		return -EFAULT;
	memset(&uc, 0, offsetof(struct user_ucontext, context));
	signal_alternate_stack_of(tf_sp(regs), &uc.stack);
	uc.sigmask = restore_mask;
	fill_context(&uc.context, regs);
	if (copy_to_user(uc_at, &uc, sizeof(uc)) || siginfo_to_user(at, &d->info))
		return -EFAULT;
	if (current->sas_flags & SS_AUTODISARM)
		signal_disarm_alternate_stack();
	regs->epc = d->action.handler;
	tf_ra(regs) = current->mm->vdso + VDSO_SIGRETURN_OFFSET;
	tf_sp(regs) = at;
	tf_arg(regs, 0) = d->sig;
	tf_arg(regs, 1) = at;
	tf_arg(regs, 2) = uc_at;
	return 0;
}

long sys_rt_sigreturn(void)
{
	struct trapframe *regs = thread_regs(current);
	const uaddr_t at = tf_sp(regs);
	struct user_ucontext uc;

	current->restart.fn = NULL;
	if (copy_from_user(&uc, at + offsetof(struct signal_frame, uc), sizeof(uc)))
		goto bad;
	signal_set_blocked(uc.sigmask);
	regs->epc = uc.context.regs[0];
	memcpy(regs->x, &uc.context.regs[1], sizeof(regs->x));
	current->context.fp.fcsr = uc.context.fp.d.fcsr;
	memcpy(current->context.fp.f, uc.context.fp.d.f, sizeof(uc.context.fp.d.f));
	fp_reload();
	signal_restore_alternate_stack(&uc.stack);
	regs->cause = CAUSE_SETTLED;
	__atomic_fetch_or(&current->info.flags, TIF_FRAME_CHANGED, __ATOMIC_RELAXED);
	return tf_arg(regs, 0);
bad:
	signal_force_fault(SIGSEGV, SI_KERNEL, 0);
	return 0;
}
