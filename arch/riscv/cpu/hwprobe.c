/* SPDX-License-Identifier: MIT */
/*
 * riscv_hwprobe(2): what the harts can do, asked by keys; and riscv_flush_icache(2).
 *
 * All harts in use are taken for equal: what is told holds for each of them. How
 * fast misaligned accesses are is measured when it is first asked for.
 */
#include <arch/csr.h>
#include <arch/isa.h>
#include <arch/layout.h>
#include <arch/sbi.h>
#include <arch/time.h>
#include <arch/tlb.h>
#include <arch/uaccess.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>

enum { KEY_MVENDORID, KEY_MARCHID, KEY_MIMPID, KEY_BASE, KEY_IMA_EXT_0, KEY_CPUPERF_0, KEY_ZICBOZ_BLOCK_SIZE,
	KEY_HIGHEST_ADDRESS, KEY_TIMEBASE, KEY_MISALIGNED };
#define BASE_IMA		1
#define MISALIGNED_SLOW		2
#define MISALIGNED_FAST		3
#define WHICH_CPUS		1
#define MEASURE_LOADS		2000
#define FLUSH_LOCAL		1

struct hwprobe {
	s64 key;
	u64 value;
};

/* Ticks of many loads at an address; the least of a few attempts, since others may interrupt. */
static u64 measure(const char *at)
{
	u64 best = U64_MAX;

	for (u32 attempt = 0; attempt < 5; attempt++) {
		u64 begin = arch_time_read();

		for (u32 i = 0; i < MEASURE_LOADS; i++)
			__asm__ volatile("ld t0, 0(%0)" :: "r"(at) : "t0", "memory");
		best = min(best, arch_time_read() - begin);
	}
	return best;
}

static u64 misaligned_speed(void)
{
	static const u64 words[2] = { 0 };
	static u64 known;		/* atomic; measuring twice does no harm */
	u64 speed = READ_ONCE(known);

	if (!speed) {
		u64 aligned = measure((const char *)words),
		    misaligned = measure((const char *)words + 1);

		speed = misaligned <= 4 * aligned + 4 ? MISALIGNED_FAST : MISALIGNED_SLOW;
		WRITE_ONCE(known, speed);
	}
	return speed;
}

static void answer(struct hwprobe *p)
{
	switch (p->key) {
	case KEY_MVENDORID:
		p->value = sbi.mvendorid;
		break;
	case KEY_MARCHID:
		p->value = sbi.marchid;
		break;
	case KEY_MIMPID:
		p->value = sbi.mimpid;
		break;
	case KEY_BASE:
		p->value = BASE_IMA;
		break;
	case KEY_IMA_EXT_0:
		p->value = isa.hwprobe;
		break;
	case KEY_CPUPERF_0:
	case KEY_MISALIGNED:
		p->value = misaligned_speed();
		break;
	case KEY_ZICBOZ_BLOCK_SIZE:
		p->value = 0;
		break;
	case KEY_HIGHEST_ADDRESS:
		p->value = TASK_SIZE;
		break;
	case KEY_TIMEBASE:
		p->value = arch_timebase_hz;
		break;
	default:
		*p = (struct hwprobe){ .key = -1 };
	}
}

/* 0 and the CPUs of the caller's mask that are online; -EFAULT. */
static int get_cpus(u64 *cpus, size_t size, uaddr_t ucpus)
{
	*cpus = 0;
	if (copy_from_user(cpus, ucpus, min(size, sizeof(*cpus))))
		return -EFAULT;
	*cpus &= READ_ONCE(cpus_online);
	return 0;
}

static long get_values(uaddr_t upairs, size_t count, size_t size, uaddr_t ucpus)
{
	struct hwprobe p;
	u64 cpus;

	if (size || ucpus) {
		if (get_cpus(&cpus, size, ucpus))
			return -EFAULT;
		if (!cpus)
			return -EINVAL;
	}
	for (size_t i = 0; i < count; i++, upairs += sizeof(p)) {
		if (get_user(p.key, upairs))
			return -EFAULT;
		answer(&p);
		if (copy_to_user(upairs, &p, sizeof(p)))
			return -EFAULT;
	}
	return 0;
}

static bool is_bitmask(s64 key)
{
	return key == KEY_BASE || key == KEY_IMA_EXT_0 || key == KEY_CPUPERF_0;
}

/* Which of the caller's CPUs (none: any) have all that the pairs say: all or none. */
static long get_which(uaddr_t upairs, size_t count, size_t size, uaddr_t ucpus)
{
	struct hwprobe want, have;
	u64 cpus;

	if (!size || !ucpus)
		return -EINVAL;
	if (get_cpus(&cpus, size, ucpus))
		return -EFAULT;
	if (!cpus)
		cpus = READ_ONCE(cpus_online);
	for (size_t i = 0; i < count; i++, upairs += sizeof(want)) {
		if (copy_from_user(&want, upairs, sizeof(want)))
			return -EFAULT;
		have.key = want.key;
		answer(&have);
		if (have.key < 0) {
			if (copy_to_user(upairs, &have, sizeof(have)))
				return -EFAULT;
			cpus = 0;
		} else if (is_bitmask(want.key) ? want.value & ~have.value : want.value != have.value) {
			cpus = 0;
		}
	}
	return copy_to_user(ucpus, &cpus, min(size, sizeof(cpus)));
}

long sys_riscv_hwprobe(uaddr_t upairs, size_t count, size_t size, uaddr_t ucpus, u32 flags)
{
	if (flags == WHICH_CPUS)
		return get_which(upairs, count, size, ucpus);
	return flags ? -EINVAL : get_values(upairs, count, size, ucpus);
}

/* The range is not looked at: fence.i knows none. */
long sys_riscv_flush_icache(uaddr_t start, uaddr_t end, u64 flags)
{
	if (flags & ~(u64)FLUSH_LOCAL)
		return -EINVAL;
	icache_flush_mm(current->mm);
	return 0;
}
