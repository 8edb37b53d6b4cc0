/* SPDX-License-Identifier: MIT */
/* What assembly knows of C structures: see kernel/offsets.h. Never linked. */
#include <kernel/offsets.h>
#include <kernel/task/thread.h>
#include <arch/smp.h>

void offsets(void);
void offsets(void)
{
	OFFSET_MEMBER(TI_SCRATCH, struct thread, info.scratch);
	OFFSET_MEMBER(TI_STACK_LOW, struct thread, info.stack_low);
	OFFSET_MEMBER(TI_KERNEL_SP, struct thread, info.kernel_sp);
	OFFSET_MEMBER(TI_FLAGS, struct thread, info.flags);
	OFFSET_DEFINE(TIF_USER_WORK, TIF_USER_WORK);
	OFFSET_DEFINE(TIF_FRAME_CHANGED, TIF_FRAME_CHANGED);
	OFFSET_MEMBER(CONTEXT_RA, struct thread, context.ra);
	OFFSET_MEMBER(CONTEXT_SP, struct thread, context.sp);
	OFFSET_MEMBER(CONTEXT_S, struct thread, context.s);
	OFFSET_MEMBER(SECONDARY_THREAD, struct secondary_boot, thread);
	OFFSET_MEMBER(SECONDARY_SP, struct secondary_boot, sp);
	OFFSET_DEFINE(KSTACK_SIZE, KSTACK_SIZE);
}
