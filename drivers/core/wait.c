/* SPDX-License-Identifier: MIT */
#include <arch/io.h>
#include <arch/processor.h>
#include <arch/time.h>
#include <drivers/core/driver.h>

int mmio_wait32(const volatile void *reg, u32 bits, u32 wanted, u32 us)
{
	u64 end = arch_time_read() + (u64)arch_timebase_hz * us / 1000000;

	while ((mmio_read32(reg) & bits) != wanted) {
		if (arch_time_read() > end)
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}
