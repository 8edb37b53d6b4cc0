/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts: from the controller's number to the drivers' handlers.
 *
 * The trap calls the controller (chip), which asks the hardware for numbers and
 * gives each to irq_dispatch(). A number that is in use has a descriptor, and the
 * descriptor a list of handlers; the way from number to handler takes no lock and
 * writes only the CPU's own count.
 *
 * Each interrupt is served by one CPU. They are dealt out in turn as they are
 * requested, so that devices do not all interrupt the same CPU, and stay there
 * until irq_set_affinity().
 *
 * Invariants:
 *  (1) Lists and the table change under config_lock; interrupts read them as they are.
 *  (2) settle() returns when every CPU has taken an interrupt of ours: handlers
 *      that ran before have returned, and the chip has been told that they have.
 *      A handler is freed, and an interrupt routed elsewhere, only after it.
 *  (3) Descriptors are never freed: an interrupt that arrives late finds its own,
 *      with no handler.
 *
 * An interrupt without handler is masked: level-triggered, it would come back for
 * ever.
 */
#include <arch/smp.h>
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/mutex.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>

struct irq_action {
	struct irq_action *next;	/* config_lock; read in interrupts */
	irq_handler_t handler;
	void *arg;
	const char *name;
};

struct irq_desc {
	struct irq_action *actions;	/* config_lock; read in interrupts */
	u32 irq, cpu;			/* config_lock */
	u64 counts[NR_CPUS];		/* each by its CPU */
};

static DEFINE_MUTEX(config_lock, RANK_MUTEX_LEAF);
static struct irq_desc *descs[NR_IRQS];	/* config_lock; read in interrupts */
static const struct irq_chip *irq_chip;	/* set once, before any interrupt is enabled */
static u32 next_cpu;			/* config_lock */

static void init_cpu(void *chip)
{
	u64 flags = local_irq_save();

	((const struct irq_chip *)chip)->init_cpu();
	local_irq_restore(flags);
}

void irq_chip_register(const struct irq_chip *chip)
{
	BUG_ON(irq_chip);
	smp_store_release(&irq_chip, chip);
	smp_call(cpus_online, init_cpu, (void *)chip);
}

void irq_handle_external(void)
{
	irq_chip->handle();
}

void irq_dispatch(u32 irq)
{
	struct irq_desc *d = irq < NR_IRQS ? READ_ONCE(descs[irq]) : NULL;
	struct irq_action *a = d ? READ_ONCE(d->actions) : NULL;

	if (unlikely(!a)) {
		irq_chip->mask(irq);
		pr_warn("irq %u: nobody handles it: masked\n", irq);
		return;
	}
	d->counts[cpu_id()]++;
	for (; a; a = READ_ONCE(a->next))
		a->handler(a->arg);
}

/* The CPU that comes next in the deal. */
static u32 deal_cpu(void)
{
	do
		next_cpu = (next_cpu + 1) % nr_cpus;
	while (!(cpus_online & BIT(next_cpu)));
	return next_cpu;
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Invariant (2). */
static void settle(void)
{
	smp_call(cpus_online, nothing, NULL);
}

/* irq's descriptor, made if there is none, routed to some CPU; NULL: no memory. */
static struct irq_desc *desc_get(u32 irq)
{
	struct irq_desc *d = descs[irq];

	assert_mutex_held(&config_lock);
	if (d)
		return d;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return NULL;
	d->irq = irq;
	d->cpu = deal_cpu();
	irq_chip->route(irq, d->cpu, d->cpu);
	smp_store_release(&descs[irq], d);
	return d;
}

static void action_append(struct irq_desc *d, struct irq_action *a)
{
	struct irq_action **at = &d->actions;

	while (*at)
		at = &(*at)->next;
	smp_store_release(at, a);
	if (d->actions == a)
		irq_chip->unmask(d->irq);
}

int irq_request(u32 irq, const char *name, irq_handler_t handler, void *arg)
{
	struct irq_action *a;
	struct irq_desc *d;

	if (!irq || irq >= NR_IRQS || !irq_chip)
		return -EINVAL;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	*a = (struct irq_action){ .handler = handler, .arg = arg, .name = name };
	mutex_lock(&config_lock);
	d = desc_get(irq);
	if (d)
		action_append(d, a);
	mutex_unlock(&config_lock);
	if (!d)
		kfree(a);
	return d ? 0 : -ENOMEM;
}

/* Take the handler with arg off d's list; NULL: there is none. */
static struct irq_action *action_unlink(struct irq_desc *d, void *arg)
{
	struct irq_action **at, *a;

	for (at = &d->actions; (a = *at); at = &a->next) {
		if (a->arg != arg)
			continue;
		WRITE_ONCE(*at, a->next);
		if (!d->actions)
			irq_chip->mask(d->irq);
		return a;
	}
	return NULL;
}

void irq_free(u32 irq, void *arg)
{
	struct irq_action *a;

	mutex_lock(&config_lock);
	a = descs[irq] ? action_unlink(descs[irq], arg) : NULL;
	if (a)
		settle();
	mutex_unlock(&config_lock);
	kfree(a);
}

int irq_set_affinity(u32 irq, u32 cpu)
{
	struct irq_desc *d;
	int err = -EINVAL;

	if (irq >= NR_IRQS || cpu >= nr_cpus || !(cpus_online & BIT(cpu)))
		return err;
	mutex_lock(&config_lock);
	d = descs[irq];
	if (d && d->actions) {
		irq_chip->mask(irq);
		settle();
		irq_chip->route(irq, d->cpu, cpu);
		d->cpu = cpu;
		irq_chip->unmask(irq);
		err = 0;
	}
	mutex_unlock(&config_lock);
	return err;
}

static void describe(const struct irq_desc *d, struct irq_info *out)
{
	size_t len = 0;

	out->irq = d->irq;
	out->cpu = d->cpu;
	out->chip = irq_chip->name;
	out->names[0] = '\0';
	for (struct irq_action *a = d->actions; a && len < sizeof(out->names); a = a->next)
		len += snprintf(out->names + len, sizeof(out->names) - len, "%s%s", len ? ", " : "",
				a->name);
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		out->counts[cpu] = READ_ONCE(d->counts[cpu]);
}

bool irq_info_next(u32 from, struct irq_info *out)
{
	bool found = false;

	mutex_lock(&config_lock);
	for (u32 irq = from; irq < NR_IRQS && !found; irq++) {
		if (!descs[irq] || !descs[irq]->actions)
			continue;
		describe(descs[irq], out);
		found = true;
	}
	mutex_unlock(&config_lock);
	return found;
}
