/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small units of the JH7110: system controllers, pins, watchdog, temperature
 * sensor, random numbers. Each says at its head what it leaves out.
 */
#include "qemu/osdep.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "qapi/visitor.h"
#include "qemu/guest-random.h"
#include "system/runstate.h"
#include "system/watchdog.h"
#include "jh7110.h"

#define WORD_OPS(name) \
	static const MemoryRegionOps name##_ops = { \
		.read = name##_read, .write = name##_write, .endianness = DEVICE_LITTLE_ENDIAN, \
		.valid = { 4, 4 }, .impl = { 4, 4 }, \
	}

#define SMALL_TYPE(type, struct_name, class_fn, ...) \
	{ .name = type, .parent = TYPE_SYS_BUS_DEVICE, .instance_size = sizeof(struct_name), \
	  .class_init = class_fn, __VA_ARGS__ }

/* --- syscon: registers that read back; the PLLs as the chip's ROM leaves them --- */

/* System controller of the system region: PLL fields (U-Boot, clk-jh7110-pll.c). */
static void pll_defaults(JhSyscon *s)
{
	s->reg[0x18 / 4] = 3u << 24;				/* PLL0: integer mode */
	s->reg[0x1c / 4] = 125;					/* 24 MHz * 125 / 3 = 1.0 GHz */
	s->reg[0x24 / 4] = 3 | 533u << 17 | 3u << 15;		/* PLL0 / 3; PLL1 * 533 ... */
	s->reg[0x2c / 4] = 12 | 99u << 17 | 3u << 15;		/* ... / 12; PLL2 * 99 ... */
	s->reg[0x34 / 4] = 2;					/* ... / 2 = 1188 MHz */
}

static uint64_t syscon_read(void *opaque, hwaddr at, unsigned size)
{
	return ((JhSyscon *)opaque)->reg[at / 4];
}

static void syscon_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	((JhSyscon *)opaque)->reg[at / 4] = value;
}
WORD_OPS(syscon);

static void syscon_realize(DeviceState *dev, Error **errp)
{
	JhSyscon *s = JH7110_SYSCON(dev);

	memory_region_init_io(&s->io, OBJECT(s), &syscon_ops, s, TYPE_JH7110_SYSCON, 0x1000);
	sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->io);
	if (s->has_pll)
		pll_defaults(s);
}

static const Property syscon_properties[] = { DEFINE_PROP_BOOL("has-pll", JhSyscon, has_pll, false) };

static void syscon_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = syscon_realize;
	device_class_set_props(DEVICE_CLASS(class), syscon_properties);
}

/*
 * --- pinctrl: pins and their interrupts, of the system region (64) or the always-on one (4) ---
 *
 * DOEN, DOUT: a byte for each pin, 0 of DOEN drives it with DOUT's 0 or 1 (other
 * functions are not followed). Levels come from outside through the gpio inputs, and are told by the property
 * "levels". The pin that restarts the board does.
 */
enum pin_reg {
	PIN_DOUT, PIN_ENABLE, PIN_IS, PIN_IC, PIN_IBE, PIN_IEV, PIN_IE, PIN_RIS, PIN_MIS, PIN_LEVEL, NR_PIN_REGS,
};

/* DOEN is at 0. Offsets: Linux, pinctrl-starfive-jh7110-sys.c and -aon.c (which has RIS where MIS is). */
static const struct {
	unsigned pins;
	uint16_t at[NR_PIN_REGS];
} pin_layouts[] = {
	{ 64, { 0x040, 0x0dc, 0x0e0, 0x0e8, 0x0f0, 0x0f8, 0x100, 0x108, 0x110, 0x118 } },
	{ 4, { 0x04, 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c } },
};

static unsigned pin_at(const JhPinctrl *p, enum pin_reg r)
{
	return pin_layouts[p->always_on].at[r];
}

static unsigned nr_pins(const JhPinctrl *p)
{
	return pin_layouts[p->always_on].pins;
}

/* Is the word at `at` of this register? Of which pins, then: from *first on. */
static bool is_word_of(const JhPinctrl *p, hwaddr at, enum pin_reg r, unsigned *first)
{
	*first = at == pin_at(p, r) ? 0 : 32;
	return at == pin_at(p, r) || (!p->always_on && at == pin_at(p, r) + 4);
}

static uint64_t pin_bits(const JhPinctrl *p, enum pin_reg r)
{
	uint64_t high = p->always_on ? 0 : p->reg[pin_at(p, r) / 4 + 1];

	return p->reg[pin_at(p, r) / 4] | high << 32;
}

static bool pin_is_driven(const JhPinctrl *p, unsigned pin, bool *high)
{
	unsigned lane = 8 * (pin % 4), enable = p->reg[pin / 4] >> lane & (p->always_on ? 7 : 0x3f);

	*high = (p->reg[pin_at(p, PIN_DOUT) / 4 + pin / 4] >> lane & (p->always_on ? 0xf : 0x7f)) == 1;
	return !enable;
}

/* Levels of all pins, driven from inside or outside. */
static uint64_t pin_levels(const JhPinctrl *p)
{
	uint64_t levels = p->level;
	bool high;

	for (unsigned i = 0; i < nr_pins(p); i++)
		if (pin_is_driven(p, i, &high))
			levels = deposit64(levels, i, 1, high);
	return levels;
}

/* Interrupts: IS 1 is edges (IBE both, else IEV rising), 0 levels (IEV high). */
static void pin_update(JhPinctrl *p, uint64_t before)
{
	uint64_t now = pin_levels(p), edge = pin_bits(p, PIN_IS), high = pin_bits(p, PIN_IEV);
	uint64_t both = pin_bits(p, PIN_IBE), changed = now ^ before;
	uint64_t level = ~edge & (now ^ ~high), rising = changed & now, falling = changed & before;

	p->raised |= edge & ((both & changed) | (~both & ((high & rising) | (~high & falling))));
	p->raised = (p->raised & edge) | level;
	qemu_set_irq(p->irq, (p->raised & pin_bits(p, PIN_IE)) && (p->reg[pin_at(p, PIN_ENABLE) / 4] & 1));
}

static void pin_input(void *opaque, int pin, int level)
{
	JhPinctrl *p = opaque;
	uint64_t before = pin_levels(p);

	p->level = deposit64(p->level, pin, 1, !!level);
	pin_update(p, before);
}

static uint64_t pinctrl_read(void *opaque, hwaddr at, unsigned size)
{
	JhPinctrl *p = opaque;
	unsigned first;

	if (is_word_of(p, at, PIN_RIS, &first))
		return (uint32_t)(p->raised >> first);
	if (is_word_of(p, at, PIN_MIS, &first))
		return (uint32_t)((p->raised & pin_bits(p, PIN_IE)) >> first);
	if (is_word_of(p, at, PIN_LEVEL, &first))
		return (uint32_t)(pin_levels(p) >> first);
	return at < sizeof(p->reg) ? p->reg[at / 4] : 0;
}

static void pinctrl_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	JhPinctrl *p = opaque;
	uint64_t before = pin_levels(p);
	unsigned first;
	bool high;

	if (at >= sizeof(p->reg) || is_word_of(p, at, PIN_RIS, &first) || is_word_of(p, at, PIN_MIS, &first) ||
	    is_word_of(p, at, PIN_LEVEL, &first))
		return;
	/* A 0 in IC clears the pin's edge and holds it. */
	if (is_word_of(p, at, PIN_IC, &first))
		p->raised &= value << first | ~(0xffffffffull << first);
	p->reg[at / 4] = value;
	pin_update(p, before);
	if (!p->always_on && pin_is_driven(p, JH7110_PIN_RESTART, &high) && high)
		qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}
WORD_OPS(pinctrl);

static void pinctrl_reset(DeviceState *dev)
{
	JhPinctrl *p = JH7110_PINCTRL(dev);

	memset(p->reg, 0, sizeof(p->reg));
	memset(p->reg, 1, nr_pins(p));		/* DOEN: nothing drives a pin */
	p->raised = 0;
}

static void pinctrl_realize(DeviceState *dev, Error **errp)
{
	JhPinctrl *p = JH7110_PINCTRL(dev);

	memory_region_init_io(&p->io, OBJECT(p), &pinctrl_ops, p, TYPE_JH7110_PINCTRL, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(p), &p->io);
	sysbus_init_irq(SYS_BUS_DEVICE(p), &p->irq);
	qdev_init_gpio_in(dev, pin_input, nr_pins(p));
}

static void levels_get(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
	uint64_t levels = pin_levels(JH7110_PINCTRL(obj));

	visit_type_uint64(v, name, &levels, errp);
}

static const Property pinctrl_properties[] = { DEFINE_PROP_BOOL("always-on", JhPinctrl, always_on, false) };

static void pinctrl_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = pinctrl_realize;
	device_class_set_props(DEVICE_CLASS(class), pinctrl_properties);
	object_class_property_add(class, "levels", "uint64", levels_get, NULL, NULL, NULL);
	device_class_set_legacy_reset(DEVICE_CLASS(class), pinctrl_reset);
}

/*
 * --- watchdog: counts down at 24 MHz, twice; the second time it resets the board ---
 *
 * LOAD 0x00, VALUE 0x04, CONTROL 0x08 (1 counts, 2 may reset), INTCLR 0x0c, IMS 0x14,
 * LOCK 0xc00 (0x1acce551 opens). Not modelled: its interrupt, which the trees do not use.
 */
#define WDT_HZ	24000000

static void wdt_start(JhWdt *w)
{
	w->started = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
	if (w->control & 1)
		timer_mod(w->timer, w->started + muldiv64(w->load, 1000000000, WDT_HZ));
	else
		timer_del(w->timer);
}

static void wdt_expired(void *opaque)
{
	JhWdt *w = opaque;

	if (w->expired && (w->control & 2)) {
		watchdog_perform_action();
		return;
	}
	w->expired = true;
	wdt_start(w);
}

static uint64_t wdt_read(void *opaque, hwaddr at, unsigned size)
{
	JhWdt *w = opaque;
	int64_t gone = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - w->started;

	switch (at) {
	case 0x00: return w->load;
	case 0x04: return w->control & 1 ? w->load - muldiv64(gone, WDT_HZ, 1000000000) : w->load;
	case 0x08: return w->control;
	case 0x14: return w->expired;
	case 0xc00: return w->locked;
	}
	return 0;
}

static void wdt_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	JhWdt *w = opaque;

	if (at == 0xc00)
		w->locked = value != 0x1acce551;
	if (w->locked || at == 0xc00)
		return;
	if (at == 0x00)
		w->load = value;
	else if (at == 0x08)
		w->control = value & 3;
	else if (at == 0x0c)
		w->expired = false;
	else
		return;
	wdt_start(w);
}
WORD_OPS(wdt);

static void wdt_reset(DeviceState *dev)
{
	JhWdt *w = JH7110_WDT(dev);

	w->load = 0xffffffff;
	w->control = 0;
	w->expired = false;
	w->locked = true;
	timer_del(w->timer);
}

static void wdt_realize(DeviceState *dev, Error **errp)
{
	JhWdt *w = JH7110_WDT(dev);

	memory_region_init_io(&w->io, OBJECT(w), &wdt_ops, w, TYPE_JH7110_WDT, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(w), &w->io);
	w->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, wdt_expired, w);
}

static void wdt_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = wdt_realize;
	device_class_set_legacy_reset(DEVICE_CLASS(class), wdt_reset);
}

/*
 * --- temperature sensor: one register ---
 *
 * 0 out of reset, 1 power down, 2 run, 27:16 the result; C = result * 237.5 / 4094 - 81.1.
 * A result is there only while it runs and is out of reset. Not modelled: its
 * conversion time and interrupt.
 */
static uint64_t temp_read(void *opaque, hwaddr at, unsigned size)
{
	JhTemp *t = opaque;
	uint64_t result = ((uint64_t)t->millicelsius + 81100) * 4094 / 237500;

	if (at)
		return 0;
	return (t->control & 7) == 1 || (t->control & 7) == 5 ? t->control | result << 16 : t->control;
}

static void temp_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	if (!at)
		((JhTemp *)opaque)->control = value & 7;
}
WORD_OPS(temp);

static void temp_realize(DeviceState *dev, Error **errp)
{
	JhTemp *t = JH7110_TEMP(dev);

	memory_region_init_io(&t->io, OBJECT(t), &temp_ops, t, TYPE_JH7110_TEMP, 0x10000);
	t->millicelsius = 42000;
	sysbus_init_mmio(SYS_BUS_DEVICE(t), &t->io);
}

/* The monitor may change it at any time. */
static void temp_set(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
	visit_type_uint32(v, name, &JH7110_TEMP(obj)->millicelsius, errp);
}

static void temp_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = temp_realize;
	object_class_property_add(class, "millicelsius", "uint32", NULL, temp_set, NULL, NULL);
}

/*
 * --- TRNG: 256 bits for a command ---
 *
 * CTRL 0x00 (1 generate, 2 reseed), STAT 0x04 (bit 9 seeded, 30 and 31 busy), MODE 0x08,
 * IE 0x10, ISTAT 0x14 (write 1 clears; bit 0 random is ready, 1 seeded), RAND0..7 0x20.
 * Registers: Linux, jh7110-trng.c. Not modelled: the time it takes, its life-cycle counters.
 */
static void trng_done(JhTrng *t, uint32_t what)
{
	t->status |= what;
	qemu_set_irq(t->irq, (t->enable >> 31) && (t->status & t->enable));
}

static uint64_t trng_read(void *opaque, hwaddr at, unsigned size)
{
	JhTrng *t = opaque;

	if (at >= 0x20 && at < 0x40)
		return t->random[(at - 0x20) / 4];
	switch (at) {
	case 0x04: return t->seeded ? 1u << 9 : 0;
	case 0x08: return t->mode;
	case 0x10: return t->enable;
	case 0x14: return t->status;
	}
	return 0;
}

static void trng_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	JhTrng *t = opaque;

	if (at == 0x08) {
		t->mode = value;
	} else if (at == 0x10) {
		t->enable = value;
		trng_done(t, 0);
	} else if (at == 0x14) {
		t->status &= ~value;
		trng_done(t, 0);
	} else if (at == 0x00 && value == 2) {
		t->seeded = true;
		trng_done(t, 2);
	} else if (at == 0x00 && value == 1 && t->seeded) {
		qemu_guest_getrandom_nofail(t->random, sizeof(t->random));
		trng_done(t, 1);
	}
}
WORD_OPS(trng);

static void trng_realize(DeviceState *dev, Error **errp)
{
	JhTrng *t = JH7110_TRNG(dev);

	memory_region_init_io(&t->io, OBJECT(t), &trng_ops, t, TYPE_JH7110_TRNG, 0x4000);
	sysbus_init_mmio(SYS_BUS_DEVICE(t), &t->io);
	sysbus_init_irq(SYS_BUS_DEVICE(t), &t->irq);
}

static void trng_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = trng_realize;
}

/*
 * --- RTC: a calendar in BCD ---
 *
 * CFG 0x00 (1 runs, 8 24 hours), EVENT 0x14 (bit 31 takes what was set), CFG_TIME 0x28, CFG_DATE 0x2c, TIME 0x3c,
 * DATE 0x40. Time: second from bit 0, minute from 7, hour from 14; date: day from 0, month from 6, year from 11.
 * It lives through resets. Registers: StarFive's rtc-starfive.c. Not modelled: alarm, interrupts, calibration, twelve
 * hours, the time until an update counts.
 */
static int field(uint32_t word, int at)
{
	return (word >> at >> 4 & 7) * 10 + (word >> at & 15);
}

static uint32_t digits(int n)
{
	return n / 10 << 4 | n % 10;
}

static uint64_t rtc_read(void *opaque, hwaddr at, unsigned size)
{
	JhRtc *r = opaque;
	time_t now = r->offset + (r->config & 1 ? qemu_clock_get_ns(QEMU_CLOCK_HOST) / 1000000000 : 0);
	struct tm t;

	gmtime_r(&now, &t);
	switch (at) {
	case 0x00: return r->config;
	case 0x28: return r->set_time;
	case 0x2c: return r->set_date;
	case 0x3c: return digits(t.tm_sec) | digits(t.tm_min) << 7 | digits(t.tm_hour) << 14;
	case 0x40: return digits(t.tm_mday) | digits(t.tm_mon + 1) << 6 | digits(t.tm_year % 100) << 11;
	}
	return 0;
}

static void rtc_update(JhRtc *r)
{
	struct tm t = {
		.tm_sec = field(r->set_time, 0), .tm_min = field(r->set_time, 7), .tm_hour = field(r->set_time, 14),
		.tm_mday = field(r->set_date & 0x3f, 0), .tm_mon = field(r->set_date >> 6 & 0x1f, 0) - 1,
		.tm_year = 100 + field(r->set_date >> 11 & 0x7f, 0) + (r->set_date >> 18 & 1) * 80,
	};

	r->offset = timegm(&t) - qemu_clock_get_ns(QEMU_CLOCK_HOST) / 1000000000;
}

static void rtc_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	JhRtc *r = opaque;

	if (at == 0x00)
		r->config = value;
	else if (at == 0x28)
		r->set_time = value;
	else if (at == 0x2c)
		r->set_date = value;
	else if (at == 0x14 && value >> 31)
		rtc_update(r);
}
WORD_OPS(rtc);

static void rtc_realize(DeviceState *dev, Error **errp)
{
	JhRtc *r = JH7110_RTC(dev);

	memory_region_init_io(&r->io, OBJECT(r), &rtc_ops, r, TYPE_JH7110_RTC, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(r), &r->io);
	r->offset = 978307200;		/* 2001-01-01 */
}

static void rtc_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = rtc_realize;
}

static const TypeInfo small_types[] = {
	SMALL_TYPE(TYPE_JH7110_RTC, JhRtc, rtc_class_init),
	SMALL_TYPE(TYPE_JH7110_SYSCON, JhSyscon, syscon_class_init),
	SMALL_TYPE(TYPE_JH7110_PINCTRL, JhPinctrl, pinctrl_class_init),
	SMALL_TYPE(TYPE_JH7110_WDT, JhWdt, wdt_class_init),
	SMALL_TYPE(TYPE_JH7110_TEMP, JhTemp, temp_class_init),
	SMALL_TYPE(TYPE_JH7110_TRNG, JhTrng, trng_class_init),
};
DEFINE_TYPES(small_types)
