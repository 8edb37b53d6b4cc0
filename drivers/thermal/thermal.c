/* SPDX-License-Identifier: MIT */
/*
 * Temperatures in sysfs: Linux's Documentation/driver-api/thermal/sysfs-api.rst.
 * Limit: they are told, nothing acts.
 */
#include <drivers/thermal/thermal.h>
#include <kernel/lib/string.h>

static u32 nr_zones;			/* boot thread only */

static struct thermal_zone *zone_of(const struct pseudo *p)
{
	return sys_device_of(p)->priv;
}

static int temp_show(struct seq *s, struct pseudo *p)
{
	struct thermal_zone *z = zone_of(p);
	s32 millicelsius;
	int err;

	mutex_lock(&z->lock);
	err = z->read(z, &millicelsius);
	mutex_unlock(&z->lock);
	if (!err)
		seq_printf(s, "%d\n", millicelsius);
	return err;
}

static int type_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%s\n", zone_of(p)->type);
	return 0;
}

static const struct pseudo_entry files[] = { PSEUDO_FILE("temp", temp_show), PSEUDO_FILE("type", type_show), { 0 } };
static const struct pseudo_entry zone_dir = SYS_DEVICE_DIR(files);

void thermal_zone_register(struct thermal_zone *z)
{
	mutex_init(&z->lock, RANK_MUTEX_LEAF);
	z->sys = (struct sys_device){ .class = "thermal", .dir = &zone_dir, .priv = z };
	snprintf(z->sys.name, sizeof(z->sys.name), "thermal_zone%u", nr_zones++);
	sys_device_add(&z->sys);
}
