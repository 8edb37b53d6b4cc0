/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: end one process, and have its memory back soon.
 *
 * Chosen is the process with the most pages (resident, in page tables, swapped),
 * plus oom_score_adj thousandths of all memory; -1000 exempts, and so does being
 * PID 1 or a kernel thread. While a victim still has memory nobody else is chosen,
 * and nobody where memory came since it was asked for: looking, choosing and
 * telling who was chosen are one step under oom_lock, or two CPUs that run out
 * at once would end two processes.
 *
 * The victim may hang in a wait that no signal ends, so it is not trusted to free
 * anything: a thread of ours, the reaper, takes its private pages out of its page
 * tables at once. From before that its mm says oom_victim: faults in it fail, so that
 * the victim cannot go on with zeroes where its data was; and its threads
 * may use the reserve of memory, to come to their end.
 */
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/reclaim.h>
#include <kernel/mm/zap.h>
#include <kernel/printk.h>
#include <kernel/proc/oom.h>
#include <kernel/proc/proc.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/time/hrtimer.h>

#define OOM_EXEMPT	(-1000)
#define PATIENCE_NS	(5 * NS_PER_SEC)	/* for a victim to end before another is chosen */
#define PAUSE_NS	(50 * NS_PER_MS)	/* of who asked, so that memory can come */

static DEFINE_SPINLOCK(oom_lock, RANK_OOM);
static struct mm *victim_mm;		/* oom_lock; the last one, with a reference (refs) */
static ktime_t chosen_at;		/* oom_lock */
static struct wait_queue reaper_wait = WAIT_QUEUE_INIT(reaper_wait);
static struct mm *to_reap;		/* atomic; a reference of its own */

/* The mm of a process, with a reference; NULL: it has none any more. tasklist_lock held. */
static struct mm *mm_of(struct process *p)
{
	struct thread *t;
	struct mm *mm = NULL;

	list_for_each(t, &p->threads, thread_node) {
		spin_lock(&p->lock);
		mm = t->mm ? mm_grab(t->mm) : NULL;
		spin_unlock(&p->lock);
		if (mm)
			break;
	}
	return mm;
}

s64 oom_badness(struct process *p)
{
	s64 adj = READ_ONCE(p->oom_score_adj), pages = -1;
	struct mm *mm;

	if (adj == OOM_EXEMPT || (p->flags & PROCESS_UNKILLABLE) || p == &kernel_process)
		return -1;
	mm = mm_of(p);
	if (!mm)
		return -1;
	if (!READ_ONCE(mm->oom_victim))
		pages = max(1l, (s64)(mm_rss_pages(mm) + atomic_read(&mm->rss[MM_SWAP]) +
				      atomic_read(&mm->table_pages)) +
					adj * (s64)(ram_pages / 1000));
	mm_drop(mm);
	return pages;
}

/* tasklist_lock held: valid as long as that. */
static struct process *choose(void)
{
	struct process *p, *worst = NULL;
	s64 most = 0;

	process_for_each(p) {
		s64 score = oom_badness(p);

		if (score > most) {
			most = score;
			worst = p;
		}
	}
	return worst;
}

/*
 * Everybody who runs in it: a process alone would leave
 * the memory with the others. tasklist_lock held.
 */
static void kill_users(struct mm *mm)
{
	struct process *p;

	process_for_each(p) {
		struct mm *its = mm_of(p);

		if (!its)
			continue;
		if (its == mm && !(p->flags & PROCESS_UNKILLABLE))
			(void)signal_send_process(p, SIGKILL, NULL);
		mm_drop(its);
	}
}

/* An earlier victim has not given its memory back yet. oom_lock held. */
static bool still_dying(void)
{
	return victim_mm && !READ_ONCE(victim_mm->unmapped) &&
	       ktime_get() - chosen_at < PATIENCE_NS;
}

/* The victim's mm, with a reference; NULL: nobody may be ended. oom_lock held. */
static struct mm *kill_one(void)
{
	struct process *p;
	struct mm *mm;

	spin_lock(&tasklist_lock);
	p = choose();
	mm = p ? mm_of(p) : NULL;
	if (mm) {
		pr_err("Out of memory: killed process %d (%s), rss %lu KiB, oom_score_adj %d\n",
		       pid_nr(p->pids[PIDTYPE_TGID], &init_pid_ns), p->leader->comm,
		       mm_rss_pages(mm) * 4, p->oom_score_adj);
		WRITE_ONCE(mm->oom_victim, 1);
		kill_users(mm);
	}
	spin_unlock(&tasklist_lock);
	return mm;
}

static void wake_reaper(struct mm *mm)
{
	struct mm *none = NULL;

	if (__atomic_compare_exchange_n(&to_reap, &none, mm_grab(mm), false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		wake_all(&reaper_wait);
	else
		mm_drop(mm);
}

static bool oom_kill(unsigned order, u32 gfp)
{
	struct mm *mm = NULL, *done = NULL;
	bool hope;

	spin_lock(&oom_lock);
	hope = still_dying() || page_available(order, gfp);
	if (!hope) {
		mm = kill_one();
		done = victim_mm;
		victim_mm = mm;
		chosen_at = ktime_get();
		hope = mm;
	}
	if (mm)
		wake_reaper(mm);
	spin_unlock(&oom_lock);
	if (done)
		mm_drop(done);
	/* Whoever asked may be the victim himself: then he has the reserve now. */
	if (hope && !wait_signal_check(TASK_KILLABLE))
		thread_sleep_ns(PAUSE_NS);
	return hope;
}

/* --- the reaper --- */

static void reap(struct mm *mm)
{
	struct tlb_gather g;

	if (!mm_get_users_not_zero(mm))
		return;
	/*
	 * Whoever holds it for writing is changing the
	 * mappings: he will end soon, or needs no help.
	 */
	for (u32 tries = 0; !rwsem_read_trylock(&mm->lock); tries++) {
		if (tries == 20) {
			mm_put(mm);
			return;
		}
		thread_sleep_ns(PAUSE_NS);
	}
	tlb_gather_begin(&g, mm);
	for (struct vma *vma = vma_first(mm); vma; vma = vma_next(vma))
		if (!(vma->flags & (VM_SHARED | VM_IO | VM_LOCKED)) && !vma->ops)
			zap_range(&g, vma->start, vma->end, false);
	tlb_gather_end(&g);
	rwsem_read_unlock(&mm->lock);
	mm_put(mm);
}

static int reaper(void *unused)
{
	current->exit_flags |= THREAD_RECLAIM;
	for (;;) {
		struct mm *mm;

		wait_event_idle(&reaper_wait, READ_ONCE(to_reap));
		mm = __atomic_exchange_n(&to_reap, NULL, __ATOMIC_ACQ_REL);
		reap(mm);
		mm_drop(mm);
	}
	return 0;
}

void __init oom_init(void)
{
	BUG_ON(!kthread_run(reaper, NULL, "oom_reaper"));
	WRITE_ONCE(oom_kill_hook, oom_kill);
}
