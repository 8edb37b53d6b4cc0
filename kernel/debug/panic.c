/* SPDX-License-Identifier: MIT */
/*
 * Panic: the kernel's own invariants are broken, and going on would do damage.
 *
 * The first CPU to panic says why, shows its registers and calls, then makes the
 * others stop, each showing where it was. A CPU that panics while another does
 * halts. With interrupts off for good nothing can take this CPU away.
 *
 * panic=N: reboot after N seconds (negative: at once). Without it the machine
 * halts, so that the text stays on the screen.
 */
#include <arch/processor.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <arch/trap.h>
#include <kernel/bug.h>
#include <kernel/debug/backtrace.h>
#include <kernel/debug/panic.h>
#include <kernel/debug/symbols.h>
#include <kernel/lib/string.h>
#include <kernel/lock/spinlock.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/task/thread.h>

#define BACKTRACE_MAX	24		/* lines */
#define OTHERS_TIME_S	1		/* for the other CPUs to report */

static u32 panicking;			/* atomic: CPU that panics, plus one */
static u64 cpus_stopped;		/* atomic */
s64 panic_reboot_after_s;		/* 0: never */

bool panic_in_progress(void)
{
	return READ_ONCE(panicking);
}

/* Behind a call: the two or four bytes before the address are one (C.JALR, JAL, JALR to ra). */
static bool is_return_address(u64 address)
{
	struct symbol s;
	const u16 *p = (const u16 *)address;

	if (address & 1 || !symbol_find(address - 2, &s) || s.offset < 2)
		return false;
	if ((p[-1] & 0xf07f) == 0x9002)
		return true;
	if (s.offset < 4)
		return false;
	return (p[-2] & 0xfff) == 0x0ef || (p[-2] & 0xfff) == 0x0e7;
}

u32 backtrace_scan(u64 sp, u64 top, u64 *calls, u32 max)
{
	u32 n = 0;

	for (sp = ALIGN_UP(sp, 8ul); sp + 8 <= top && top - sp <= KSTACK_SIZE && n < max; sp += 8) {
		u64 value = *(const u64 *)sp;

		if (is_return_address(value))
			calls[n++] = value;
	}
	return n;
}

void backtrace_show(u64 sp)
{
	u64 calls[BACKTRACE_MAX];
	u32 n = backtrace_scan(sp, thread_info()->kernel_sp, calls, BACKTRACE_MAX);

	for (u32 i = 0; i < n; i++)
		printk(LOG_EMERG, "  [%016lx] %pS\n", calls[i], (void *)calls[i]);
}

static void __noreturn halt(void)
{
	local_irq_disable();
	for (;;)
		cpu_wait_for_interrupt();
}

static void wait_seconds(u64 s)
{
	u64 end = arch_time_read() + s * arch_timebase_hz;

	while (arch_time_read() < end)
		cpu_relax();
}

static void stop_others(void)
{
	u64 others = READ_ONCE(cpus_online) & ~BIT(cpu_id());
	u64 end = arch_time_read() + (u64)OTHERS_TIME_S * arch_timebase_hz;

	smp_stop_others();
	while ((__atomic_load_n(&cpus_stopped, __ATOMIC_ACQUIRE) & others) != others &&
	       arch_time_read() < end)
		cpu_relax();
}

static void __noreturn finish(void)
{
	stop_others();
	printk(LOG_EMERG, "---[ end of panic ]---\n");
	if (panic_reboot_after_s) {
		if (panic_reboot_after_s > 0)
			wait_seconds(panic_reboot_after_s);
		sbi_reboot();
	}
	halt();
}

/* The first one goes on; a CPU that comes while another panics halts, the same CPU again too. */
static void enter(void)
{
	u32 none = 0;

	local_irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &none, cpu_id() + 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED)) {
		if (none == cpu_id() + 1)
			sbi_console_write("panic inside panic\n", 19);
		halt();
	}
}

static void say(const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	printk(LOG_EMERG, "Kernel panic on CPU %u: %s\n", cpu_id(), text);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	enter();
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	backtrace_show((u64)__builtin_frame_address(0));
	finish();
}

void panic_with_frame(const struct trapframe *tf, const char *fmt, ...)
{
	va_list ap;

	enter();
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	trap_show_registers(tf);
	backtrace_show(tf_sp(tf));
	finish();
}

void panic_stopped(void)
{
	printk(LOG_EMERG, "CPU %u was at:\n", cpu_id());
	backtrace_show((u64)__builtin_frame_address(0));
	__atomic_fetch_or(&cpus_stopped, BIT(cpu_id()), __ATOMIC_RELEASE);
	halt();
}

void warn_at(const char *file, int line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printk(LOG_ERR, "WARNING at %s:%d: %s\n", file, line, text);
	backtrace_show((u64)__builtin_frame_address(0));
}

void refcount_report(refcount_t *r)
{
	__atomic_store_n(&r->v, REFCOUNT_SATURATED, __ATOMIC_RELAXED);
	warn_at(__FILE__, __LINE__, "reference count %p used after it reached zero, or overflowed",
		(void *)r);
}

static int set_panic(const char *value)
{
	return kstrtos64(value, 10, &panic_reboot_after_s);
}
PARAM(panic, "panic", set_panic);
