/* SPDX-License-Identifier: MIT */
/*
 * Power off, restart, halt.
 *
 * Devices are quieted first: a device that writes to memory must not do so while
 * the next system starts. Then the firmware is asked, which knows the board best,
 * and then what the device tree describes (drivers/power). Where all that returns,
 * every CPU halts; the console says so, which is also how tests on boards that
 * cannot switch themselves off see the end.
 */
#include <arch/irqflags.h>
#include <arch/processor.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <drivers/core/driver.h>
#include <drivers/core/power.h>
#include <kernel/percpu.h>
#include <kernel/power.h>
#include <kernel/printk.h>

static void halt_this_cpu(void *arg)
{
	local_irq_disable();
	for (;;)
		cpu_wait_for_interrupt();
}

static void __noreturn halt(void)
{
	pr_notice("system halted\n");
	printk_flush();
	/*
	 * This CPU serves its own part of the call before it waits for the others: it never waits.
	 */
	smp_call(cpus_online, halt_this_cpu, NULL);
	__builtin_unreachable();
}

static void wait_a_second(void)
{
	u64 end = arch_time_read() + arch_timebase_hz;

	while (arch_time_read() < end)
		cpu_relax();
}

void power_off(void)
{
	drivers_shutdown();
	pr_notice("power off\n");
	printk_flush();
	sbi_shutdown(false);
	power_handlers_run(POWER_OFF);
	wait_a_second();
	pr_notice("nothing here can switch the power off\n");
	halt();
}

void power_restart(void)
{
	drivers_shutdown();
	pr_notice("restart\n");
	printk_flush();
	sbi_reboot();
	power_handlers_run(POWER_RESTART);
	wait_a_second();
	pr_notice("nothing here can restart the machine\n");
	halt();
}

void power_halt(void)
{
	drivers_shutdown();
	halt();
}

void power_exit(u32 code)
{
	if (power_has_exit()) {
		drivers_shutdown();
		printk_flush();
		power_exit_run(code);
	}
	power_off();
}
