/* SPDX-License-Identifier: MIT */
/* Kernel threads: made, bound to a CPU, asked to stop. */
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/thread.h>

/* Freed by kthread_stop(), or by the thread where it ends unasked. A thread may not do both. */
struct kthread {
	int (*fn)(void *arg);
	void *arg;
	struct completion exited;
};

/* A kernel thread holds nothing that thread_exit() would have to give back. */
void __noreturn kthread_finished(void)
{
	spin_lock(&tasklist_lock);
	thread_unlink_locked(current);
	spin_unlock(&tasklist_lock);
	thread_set_special_state(TASK_DEAD);
	schedule();
	panic("a dead thread was scheduled");
}

static int kthread_main(void *arg)
{
	struct kthread *k = arg;

	current->kthread_arg = k;
	k->fn(k->arg);
	if (READ_ONCE(current->kthread_stop))
		complete(&k->exited);
	else
		kfree(k);
	kthread_finished();
}

static struct thread *create(int (*fn)(void *arg), void *arg, const char *fmt, va_list ap)
{
	char name[TASK_COMM_LEN];
	struct kthread *k = kzalloc(sizeof(*k), GFP_KERNEL);
	struct thread *t;

	if (!k)
		return NULL;
	k->fn = fn;
	k->arg = arg;
	completion_init(&k->exited);
	vsnprintf(name, sizeof(name), fmt, ap);
	t = thread_create_kernel(kthread_main, k, name);
	if (!t) {
		kfree(k);
		return NULL;
	}
	t->kthread_arg = k;
	return t;
}

struct thread *kthread_create(int (*fn)(void *arg), void *arg, const char *fmt, ...)
{
	struct thread *t;
	va_list ap;

	va_start(ap, fmt);
	t = create(fn, arg, fmt, ap);
	va_end(ap);
	return t;
}

struct thread *kthread_run(int (*fn)(void *arg), void *arg, const char *fmt, ...)
{
	struct thread *t;
	va_list ap;

	va_start(ap, fmt);
	t = create(fn, arg, fmt, ap);
	va_end(ap);
	if (t)
		thread_wake_new(t);
	return t;
}

void kthread_bind(struct thread *t, u32 cpu)
{
	t->se.cpus_mask = BIT(cpu);
}

void kthread_stop(struct thread *t)
{
	struct kthread *k = t->kthread_arg;

	WRITE_ONCE(t->kthread_stop, true);
	thread_wake(t, TASK_NORMAL);
	wait_for_completion(&k->exited);
	kfree(k);
}

bool kthread_should_stop(void)
{
	return READ_ONCE(current->kthread_stop);
}
