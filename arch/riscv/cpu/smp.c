/* SPDX-License-Identifier: MIT */
/*
 * Harts: finding, starting, and interrupting each other.
 *
 * Usable is a hart whose node under /cpus has mmu-type and is not disabled. What
 * the firmware says is not enough: on boards with a monitor core, hart_start()
 * on it "succeeds" and nothing runs. CPUs are numbered 0 (the boot hart), 1, ...
 * in the tree's order; a hart that was started and does not report within ten
 * seconds stays offline, and so do those after it.
 *
 * Inter-processor interrupts: the sender sets a bit in the target's ipi_pending
 * and rings the software interrupt; the target takes all bits at once. Setting a
 * bit is an atomic with release, taking them an exchange with acquire, so what
 * the sender wrote before is seen.
 *
 * smp_call() runs one function on several CPUs: one call at a time, guarded by
 * call_lock, taken with interrupts on so that a CPU that waits for it still
 * serves the call it is part of.
 *
 * Source: SBI 2.0, chapters 7 (IPI) and 9 (HSM); device tree specification, /cpus.
 */
#include <arch/csr.h>
#include <arch/isa.h>
#include <arch/layout.h>
#include <arch/paging.h>
#include <arch/processor.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <kernel/bug.h>
#include <kernel/debug/backtrace.h>
#include <kernel/debug/log.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/string.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/time/hrtimer.h>
#include <libfdt.h>

#define IPI_CALL	BIT(0)
#define IPI_RESCHEDULE	BIT(2)		/* the way back from the interrupt looks at need_resched */
#define IPI_STOP	BIT(1)		/* panic: show where you are and halt */
#define IPI_LOG		BIT(3)		/* to itself: wake who waits for log records */
#define IPI_SOFTIRQ	BIT(4)		/* softirqs were raised for it */
#define START_TIMEOUT_S	10

u64 cpu_to_hart[NR_CPUS];
u32 nr_cpus = 1;
u64 cpus_online = BIT(0);		/* atomic */
u32 arch_timebase_hz __ro_after_init;

static DEFINE_PERCPU(u64, ipi_pending);	/* atomic: IPI_* */

/* --- finding --- */

static bool __init is_usable(int node)
{
	const char *type = fdt_getprop(boot_fdt, node, "device_type", NULL);
	const char *status = fdt_getprop(boot_fdt, node, "status", NULL);

	if (!type || strcmp(type, "cpu") || !fdt_getprop(boot_fdt, node, "mmu-type", NULL))
		return false;
	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

static u64 __init hart_of(int node, int cells)
{
	int len;
	const fdt32_t *reg = fdt_getprop(boot_fdt, node, "reg", &len);
	u64 id = 0;

	if (!reg || len < cells * 4)
		return U64_MAX;
	for (int i = 0; i < cells; i++)
		id = id << 32 | fdt32_to_cpu(reg[i]);
	return id;
}

static u32 __init read_timebase(int cpus)
{
	int len;
	const fdt32_t *hz = fdt_getprop(boot_fdt, cpus, "timebase-frequency", &len);

	if (!hz || len != 4 || !*hz)
		panic("no timebase-frequency in the device tree");
	return fdt32_to_cpu(*hz);
}

void __init smp_find_cpus(u64 boot_hart)
{
	int cpus = fdt_path_offset(boot_fdt, "/cpus"), node;

	if (cpus < 0)
		panic("no /cpus in the device tree");
	arch_timebase_hz = read_timebase(cpus);
	cpu_to_hart[0] = boot_hart;
	isa_init();
	fdt_for_each_subnode(node, boot_fdt, cpus) {
		u64 hart = hart_of(node, fdt_address_cells(boot_fdt, cpus));

		if (!is_usable(node) || hart == U64_MAX)
			continue;
		isa_add_hart(node);
		if (hart == boot_hart)
			continue;
		if (nr_cpus == NR_CPUS) {
			pr_warn("smp: more harts than the %u this kernel is built for\n", NR_CPUS);
			break;
		}
		cpu_to_hart[nr_cpus++] = hart;
	}
}

/* --- starting --- */

static void enable_interrupts(void)
{
	csr_set(sie, BIT(IRQ_SOFT) | BIT(IRQ_TIMER));
	local_irq_enable();
}

/* From head.S: the kernel's map, tp and sp set, interrupts off. */
void __noreturn secondary_main(void);
void __noreturn secondary_main(void)
{
	time_init_cpu();
	sched_init_cpu();
	__atomic_fetch_or(&cpus_online, BIT(cpu_id()), __ATOMIC_SEQ_CST);
	enable_interrupts();
	sched_idle_loop();
}

static bool __init wait_online(u32 cpu)
{
	u64 end = arch_time_read() + (u64)START_TIMEOUT_S * arch_timebase_hz;
	u32 spins = 0;

	while (!(READ_ONCE(cpus_online) & BIT(cpu))) {
		if (arch_time_read() > end)
			return false;
		cpu_spin_wait(&spins);
	}
	return true;
}

/*
 * Read by the new hart before its tables are on: in
 * the image, addressed physically. Also by head.S.
 */
struct secondary_boot secondary_boot;

/* False: it may still come, and would read what is meant for the next one. */
static bool __init start_cpu(u32 cpu)
{
	extern char secondary_start[];
	struct thread *t = thread_create_idle(cpu);
	long err;

	if (!t)
		panic("no memory to start CPU %u", cpu);
	secondary_boot = (struct secondary_boot){ .thread = t, .sp = t->info.kernel_sp };
	smp_wmb();
	err = sbi_hart_start(cpu_to_hart[cpu], virt_to_phys(secondary_start),
			     virt_to_phys(&secondary_boot));
	if (err) {
		pr_err("smp: firmware does not start hart %lu: error %ld\n", cpu_to_hart[cpu], err);
		return true;
	}
	if (wait_online(cpu))
		return true;
	pr_err("smp: hart %lu was started and does not answer\n", cpu_to_hart[cpu]);
	return false;
}

void __init smp_init(void)
{
	enable_interrupts();
	for (u32 cpu = 1; cpu < nr_cpus && start_cpu(cpu); cpu++)
		;
	pr_info("smp: %d of %u CPUs online, boot hart %lu\n", __builtin_popcountl(cpus_online),
		nr_cpus, cpu_to_hart[0]);
}

/* --- inter-processor interrupts --- */

static void send(u64 cpus, u64 what)
{
	u64 base = U64_MAX, harts = 0;

	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		if (!(cpus & BIT(cpu)))
			continue;
		__atomic_fetch_or(&per_cpu(ipi_pending, cpu), what, __ATOMIC_RELEASE);
		base = min(base, cpu_to_hart[cpu]);
	}
	/* Hart ids may be far apart: one call to the firmware for each 64 of them. */
	while (cpus) {
		u64 next = U64_MAX;

		harts = 0;
		for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
			u64 hart = cpu_to_hart[cpu];

			if (!(cpus & BIT(cpu)))
				continue;
			if (hart - base < 64) {
				harts |= BIT(hart - base);
				cpus &= ~BIT(cpu);
			} else {
				next = min(next, hart);
			}
		}
		sbi_send_ipi(harts, base);
		base = next;
	}
}

static DEFINE_SPINLOCK(call_lock, RANK_SMP_CALL);
static struct {
	void (*fn)(void *arg);
	void *arg;
	u32 left;			/* atomic: CPUs that have yet to finish */
} call;					/* call_lock; read by the called */

void smp_call(u64 mask, void (*fn)(void *arg), void *arg)
{
	u64 others;
	u32 spins = 0;

	ASSERT(!irqs_disabled());
	spin_lock(&call_lock);
	others = mask & READ_ONCE(cpus_online) & ~BIT(cpu_id());
	call.fn = fn;
	call.arg = arg;
	smp_store_release(&call.left, __builtin_popcountl(others));
	if (others)
		send(others, IPI_CALL);
	if (mask & BIT(cpu_id()))
		fn(arg);
	while (__atomic_load_n(&call.left, __ATOMIC_ACQUIRE))
		cpu_spin_wait(&spins);
	spin_unlock(&call_lock);
}

void ipi_interrupt(void)
{
	u64 what;

	csr_clear(sip, BIT(IRQ_SOFT));
	what = __atomic_exchange_n(&this_cpu(ipi_pending), 0, __ATOMIC_ACQ_REL);
	if (what & IPI_STOP)
		panic_stopped();
	if (what & IPI_CALL) {
		call.fn(call.arg);
		__atomic_fetch_sub(&call.left, 1, __ATOMIC_RELEASE);
	}
	if (what & IPI_LOG)
		log_wake_readers();
	if (what & IPI_SOFTIRQ)
		softirq_take_remote();
}

void ipi_log(void)
{
	send(BIT(cpu_id()), IPI_LOG);
}

void ipi_reschedule(u32 cpu)
{
	send(BIT(cpu), IPI_RESCHEDULE);
}

void ipi_softirq(u32 cpu)
{
	send(BIT(cpu), IPI_SOFTIRQ);
}

void smp_stop_others(void)
{
	u64 others = READ_ONCE(cpus_online) & ~BIT(cpu_id());

	if (others)
		send(others, IPI_STOP);
}
