/* SPDX-License-Identifier: MIT */
/*
 * System calls about the machine and the calling thread that belong to no other
 * file: names, sysinfo, random numbers, personality, membarrier, reboot.
 */
#include <arch/smp.h>
#include <arch/uaccess.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>
#include <kernel/percpu.h>
#include <kernel/power.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>
#include <kernel/time/hrtimer.h>

/* --- names --- */

long sys_uname(uaddr_t to)
{
	struct uts_namespace *ns = current->nsproxy->uts;
	struct new_utsname name;

	spin_lock(&ns->lock);
	name = ns->name;
	spin_unlock(&ns->lock);
	return copy_to_user(to, &name, sizeof(name));
}

static long set_name(char *field, uaddr_t from, int len)
{
	struct uts_namespace *ns = current->nsproxy->uts;
	char name[UTS_LEN] = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len >= UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, from, len))
		return -EFAULT;
	spin_lock(&ns->lock);
	memcpy(field, name, sizeof(name));
	spin_unlock(&ns->lock);
	return 0;
}

long sys_sethostname(uaddr_t name, int len)
{
	return set_name(current->nsproxy->uts->name.nodename, name, len);
}

long sys_setdomainname(uaddr_t name, int len)
{
	return set_name(current->nsproxy->uts->name.domainname, name, len);
}

/* --- the machine --- */

struct sysinfo {
	s64 uptime;
	u64 loads[3];
	u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit;
};
_Static_assert(sizeof(struct sysinfo) == 112, "ABI");

static u16 count_threads(void)
{
	struct process *p;
	u32 n = 0;

	rcu_read_lock();
	process_for_each(p)
		n += READ_ONCE(p->nr_threads);
	rcu_read_unlock();
	return n;
}

long sys_sysinfo(uaddr_t to)
{
	struct memory_counts m;
	struct sysinfo s = { 0 };

	memory_counts(&m);
	s.uptime = ktime_get() / NS_PER_SEC;
	sched_load_averages(s.loads);
	s.totalram = m.total * PAGE_SIZE;
	s.freeram = m.free * PAGE_SIZE;
	s.sharedram = m.shmem * PAGE_SIZE;
	s.bufferram = m.buffers * PAGE_SIZE;
	s.totalswap = m.swap_total * PAGE_SIZE;
	s.freeswap = m.swap_free * PAGE_SIZE;
	s.procs = count_threads();
	s.mem_unit = 1;
	return copy_to_user(to, &s, sizeof(s));
}

#define GRND_NONBLOCK	1u
#define GRND_RANDOM	2u
#define GRND_INSECURE	4u

long sys_getrandom(uaddr_t buf, size_t len, u32 flags)
{
	u8 chunk[256];
	size_t done = 0, n, left;
	int err;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	len = min_t(size_t, len, INT_MAX & PAGE_MASK);
	if (!(flags & GRND_INSECURE) && !random_is_seeded()) {
		if (flags & GRND_NONBLOCK)
			return -EAGAIN;
		err = random_wait_seeded();
		if (err)
			return err;
	}
	for (; done < len; done += n) {
		if (done && signal_pending(current))
			break;
		n = min(len - done, sizeof(chunk));
		random_bytes(chunk, n);
		left = copy_to_user_partial(buf + done, chunk, n);
		if (left) {
			done += n - left;
			return done ? (long)done : -EFAULT;
		}
	}
	return done;
}

#define REBOOT_MAGIC1	0xfee1deadu
#define REBOOT_MAGIC2	672274793u
#define REBOOT_MAGIC2A	85072278u
#define REBOOT_MAGIC2B	369367448u
#define REBOOT_MAGIC2C	537993216u
#define REBOOT_RESTART	0x01234567u
#define REBOOT_HALT	0xcdef0123u
#define REBOOT_POWER_OFF 0x4321fedcu
#define REBOOT_CAD_ON	0x89abcdefu
#define REBOOT_CAD_OFF	0u

long sys_reboot(u32 magic1, u32 magic2, u32 cmd, uaddr_t arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != REBOOT_MAGIC1 || (magic2 != REBOOT_MAGIC2 && magic2 != REBOOT_MAGIC2A &&
					magic2 != REBOOT_MAGIC2B && magic2 != REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case REBOOT_RESTART:
		power_restart();
	case REBOOT_POWER_OFF:
		power_off();
	case REBOOT_HALT:
		power_halt();
	case REBOOT_CAD_ON:
	case REBOOT_CAD_OFF:
		/* There is no Ctrl-Alt-Del on a serial line: both settings are true at once. */
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- the calling thread --- */

#define PERSONALITY_QUERY	0xffffffffu
#define ADDR_NO_RANDOMIZE	0x0040000u

long sys_personality(u32 persona)
{
	u32 old = current_process()->personality;

	if (persona == PERSONALITY_QUERY)
		return old;
	/* PER_LINUX with or without randomised addresses; other worlds are not here. */
	if (persona & ~ADDR_NO_RANDOMIZE)
		return -EINVAL;
	current_process()->personality = persona;
	return old;
}

/*
 * Restartable sequences are refused: glibc and others do without them. In the list
 * because every program asks once for each thread.
 */
long sys_rseq(uaddr_t area, u32 len, int flags, u32 signature)
{
	return -ENOSYS;
}

/* --- membarrier --- */

enum { MEMBARRIER_QUERY = 0, MEMBARRIER_GLOBAL = 1, MEMBARRIER_PRIVATE_EXPEDITED = 8,
	MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16 };

static void full_barrier(void *arg)
{
	smp_mb();
}

/* Every other CPU executes a fence: a thread that is switched out has passed one in the switch. */
static long barrier_everywhere(void)
{
	smp_mb();
	smp_call(cpus_online, full_barrier, NULL);
	smp_mb();
	return 0;
}

long sys_membarrier(int cmd, u32 flags, int cpu)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_PRIVATE_EXPEDITED |
		       MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_GLOBAL:
		return barrier_everywhere();
	case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
		WRITE_ONCE(current_process()->membarrier_registered, true);
		return 0;
	case MEMBARRIER_PRIVATE_EXPEDITED:
		if (!READ_ONCE(current_process()->membarrier_registered))
			return -EPERM;
		return barrier_everywhere();
	default:
		return -EINVAL;
	}
}
