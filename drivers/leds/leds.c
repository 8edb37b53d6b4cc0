/* SPDX-License-Identifier: MIT */
/*
 * LEDs in sysfs as Linux has them: Documentation/leds/leds-class.rst.
 *
 * An LED is on or off by what is written to its brightness, or by a trigger, which goes when 0 is written
 * there. Limit: triggers are none, default-on and heartbeat: two short flashes, the more often the higher the
 * load average is; LEDs have no levels between on and off.
 */
#include <drivers/leds/leds.h>
#include <kernel/lib/string.h>
#include <kernel/sched/sched.h>

#define MAX_BRIGHTNESS	1
#define FLASH_NS	(70 * NS_PER_MS)

struct led_trigger {
	const char *name;
	void (*start)(struct led *l);		/* lock held */
};

static void light(struct led *l, u32 brightness)
{
	WRITE_ONCE(l->brightness, brightness);
	l->set(l, brightness);
}

/* --- heartbeat --- */

/* From one double flash to the next: 1.26 s when idle, 0.86 s at load 1, 0.3 s where load has no end. */
static ktime_t heartbeat_ns(void)
{
	u64 loads[3];			/* 16 bits behind the point */

	sched_load_averages(loads);
	return 300 * NS_PER_MS + 6720 * (ktime_t)NS_PER_MS * (1 << 16) / (ktime_t)(5 * loads[0] + (7 << 16));
}

/* On, a quarter of the time until off, on, the rest. */
static enum hrtimer_restart beat(struct hrtimer *t)
{
	struct led *l = container_of(t, struct led, timer);
	ktime_t period = heartbeat_ns(), wait = FLASH_NS;

	if (l->phase % 2)
		wait = (l->phase == 1 ? period / 4 : period - period / 4) - FLASH_NS;
	l->set(l, !(l->phase % 2));
	l->phase = (l->phase + 1) % 4;
	t->expires_ns = ktime_get() + wait;
	return HRTIMER_AGAIN;
}

static void heartbeat_start(struct led *l)
{
	l->phase = 0;
	hrtimer_start(&l->timer, ktime_get());
}

/* --- triggers --- */

static void default_on_start(struct led *l)
{
	light(l, MAX_BRIGHTNESS);
}

/* The first one is none. */
static const struct led_trigger triggers[] = {
	{ "none", NULL }, { "default-on", default_on_start }, { "heartbeat", heartbeat_start },
};

static const struct led_trigger *trigger_named(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(triggers); i++)
		if (!strcmp(triggers[i].name, name))
			return &triggers[i];
	return NULL;
}

/* Lock held. What the one before did ends dark. */
static void set_trigger(struct led *l, const struct led_trigger *t)
{
	hrtimer_cancel(&l->timer);
	if (l->trigger != triggers)
		light(l, 0);
	l->trigger = t;
	if (t->start)
		t->start(l);
}

/* --- files --- */

static struct led *led_of(const struct pseudo *p)
{
	return sys_device_of(p)->priv;
}

static int brightness_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", READ_ONCE(led_of(p)->brightness));
	return 0;
}

static ssize_t brightness_store(struct pseudo *p, char *text, size_t len)
{
	struct led *l = led_of(p);
	u64 v;

	if (kstrtou64(text, 10, &v))
		return -EINVAL;
	mutex_lock(&l->lock);
	if (!v)
		set_trigger(l, triggers);
	light(l, (u32)min_t(u64, v, MAX_BRIGHTNESS));
	mutex_unlock(&l->lock);
	return (ssize_t)len;
}

static int max_brightness_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", MAX_BRIGHTNESS);
	return 0;
}

static int trigger_show(struct seq *s, struct pseudo *p)
{
	const struct led_trigger *now = READ_ONCE(led_of(p)->trigger);

	for (u32 i = 0; i < ARRAY_SIZE(triggers); i++)
		seq_printf(s, &triggers[i] == now ? "%s[%s]" : "%s%s", i ? " " : "", triggers[i].name);
	seq_puts(s, "\n");
	return 0;
}

static ssize_t trigger_store(struct pseudo *p, char *text, size_t len)
{
	struct led *l = led_of(p);
	const struct led_trigger *t;

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	t = trigger_named(text);
	if (!t)
		return -EINVAL;
	mutex_lock(&l->lock);
	set_trigger(l, t);
	mutex_unlock(&l->lock);
	return (ssize_t)len;
}

#define RW_FILE(n)	{ .name = #n, .mode = S_IFREG | 0644, .show = n##_show, .store = n##_store }
static const struct pseudo_entry files[] = {
	RW_FILE(brightness), PSEUDO_FILE("max_brightness", max_brightness_show), RW_FILE(trigger), { 0 },
};
static const struct pseudo_entry led_dir = SYS_DEVICE_DIR(files);

void led_register(struct led *l, const char *trigger)
{
	const struct led_trigger *t = trigger ? trigger_named(trigger) : NULL;

	mutex_init(&l->lock, RANK_MUTEX_LEAF);
	hrtimer_init(&l->timer, beat);
	l->trigger = triggers;
	l->sys.class = "leds";
	l->sys.dir = &led_dir;
	l->sys.priv = l;
	sys_device_add(&l->sys);
	if (t)
		set_trigger(l, t);
}

void led_off(struct led *l)
{
	mutex_lock(&l->lock);
	set_trigger(l, triggers);
	light(l, 0);
	mutex_unlock(&l->lock);
}
