/* SPDX-License-Identifier: MIT */
/*
 * /sys/devices/system/cpu: CPUs that there are, may
 * be, and run, and how fast: as firmware has set it.
 */
#include <arch/smp.h>
#include <drivers/core/provider.h>
#include <fs/sys/sys.h>
#include <kernel/lib/string.h>
#include <kernel/percpu.h>

static int list_show(struct seq *s, u64 mask)
{
	seq_bit_list(s, mask);
	seq_putc(s, '\n');
	return 0;
}

static u64 all_cpus(void)
{
	return GENMASK(nr_cpus - 1, 0);
}

static int online_show(struct seq *s, struct pseudo *p)
{
	return list_show(s, READ_ONCE(cpus_online));
}

static int offline_show(struct seq *s, struct pseudo *p)
{
	return list_show(s, all_cpus() & ~READ_ONCE(cpus_online));
}

static int present_show(struct seq *s, struct pseudo *p)
{
	return list_show(s, all_cpus());
}

static int kernel_max_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", NR_CPUS - 1);
	return 0;
}

static int core_id_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%lu\n", p->number);
	return 0;
}

static int package_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "0\n");
	return 0;
}

static int own_list_show(struct seq *s, struct pseudo *p)
{
	return list_show(s, BIT(p->number));
}

/* As hexadecimal digits, as many as the CPUs need. */
static int mask_show(struct seq *s, u64 mask)
{
	seq_printf(s, "%0*lx\n", (int)DIV_ROUND_UP(nr_cpus, 4u), mask);
	return 0;
}

static int own_mask_show(struct seq *s, struct pseudo *p)
{
	return mask_show(s, BIT(p->number));
}

static int all_mask_show(struct seq *s, struct pseudo *p)
{
	return mask_show(s, all_cpus());
}

/*
 * Each hart is a core of one thread, all in one package. The siblings are older names of the same.
 */
static const struct pseudo_entry topology[] = {
	PSEUDO_FILE("core_cpus", own_mask_show),
	PSEUDO_FILE("core_cpus_list", own_list_show),
	PSEUDO_FILE("core_id", core_id_show),
	PSEUDO_FILE("core_siblings", all_mask_show),
	PSEUDO_FILE("core_siblings_list", present_show),
	PSEUDO_FILE("package_cpus", all_mask_show),
	PSEUDO_FILE("package_cpus_list", present_show),
	PSEUDO_FILE("physical_package_id", package_show),
	PSEUDO_FILE("thread_siblings", own_mask_show),
	PSEUDO_FILE("thread_siblings_list", own_list_show),
	{ 0 },
};
static const struct pseudo_entry of_one_cpu[] = { PSEUDO_DIR("topology", topology), { 0 } };

/*
 * cpufreq is there where the clock is known. Its
 * files are facts, in kHz: nothing changes the speed.
 */
static int khz_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%lu\n", cpu_clock_hz(cpu_to_hart[p->number]) / 1000);
	return 0;
}

static int cpu_number_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%lu\n", p->number);
	return 0;
}

static const struct pseudo_entry cpufreq[] = {
	PSEUDO_FILE("affected_cpus", cpu_number_show),
	PSEUDO_FILE("cpuinfo_cur_freq", khz_show),
	PSEUDO_FILE("cpuinfo_max_freq", khz_show),
	PSEUDO_FILE("cpuinfo_min_freq", khz_show),
	PSEUDO_FILE("related_cpus", cpu_number_show),
	PSEUDO_FILE("scaling_cur_freq", khz_show),
	PSEUDO_FILE("scaling_max_freq", khz_show),
	PSEUDO_FILE("scaling_min_freq", khz_show),
	{ 0 },
};
static const struct pseudo_entry cpufreq_dir = PSEUDO_DIR("cpufreq", cpufreq);

static int cpu_lookup(struct pseudo *dir, struct dentry *dentry)
{
	if (!pseudo_name_is(&cpufreq_dir, &dentry->name) || !cpu_clock_hz(cpu_to_hart[dir->number]))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &cpufreq_dir, NULL, dir->number, 0);
}

static int cpu_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	if (ctx->pos == PSEUDO_DYNAMIC && cpu_clock_hz(cpu_to_hart[dir->number]))
		pseudo_emit(dir, ctx, "cpufreq", &cpufreq_dir, NULL, dir->number,
			    PSEUDO_DYNAMIC + 1);
	return 0;
}

static const struct pseudo_entry cpu_dir = {
	.name = "", .mode = S_IFDIR | 0555, .children = of_one_cpu, .lookup = cpu_lookup, .iterate = cpu_iterate,
};

static const struct pseudo_entry entries[] = {
	PSEUDO_FILE("kernel_max", kernel_max_show),
	PSEUDO_FILE("offline", offline_show),
	PSEUDO_FILE("online", online_show),
	PSEUDO_FILE("possible", present_show),
	PSEUDO_FILE("present", present_show),
	{ 0 },
};

static int lookup(struct pseudo *dir, struct dentry *dentry)
{
	struct qstr nr = { .name = dentry->name.name + 3, .len = dentry->name.len - 3 };
	s64 cpu = dentry->name.len > 3 && !memcmp(dentry->name.name, "cpu", 3) ? pseudo_name_number(&nr) : -1;

	return cpu >= 0 && cpu < nr_cpus ? pseudo_instantiate(dir, dentry, &cpu_dir, NULL, cpu, 0) : -ENOENT;
}

static int iterate(struct pseudo *dir, struct dir_context *ctx)
{
	char name[8];

	for (u64 cpu = ctx->pos - PSEUDO_DYNAMIC; cpu < nr_cpus; cpu++) {
		snprintf(name, sizeof(name), "cpu%lu", cpu);
		if (!pseudo_emit(dir, ctx, name, &cpu_dir, NULL, cpu, PSEUDO_DYNAMIC + cpu + 1))
			break;
	}
	return 0;
}

const struct pseudo_entry sys_cpu_dir = {
	.name = "", .mode = S_IFDIR | 0555, .children = entries, .lookup = lookup, .iterate = iterate,
};
