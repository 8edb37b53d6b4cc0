/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine visionfive2: StarFive's board with the JH7110, as far as a kernel and
 * U-Boot proper see it.
 *
 *	harts		0 an S7 without S-mode and MMU, 1..4 U74: Sv39, no ASIDs, and a page
 *			fault where the A or D bit is clear; Zba and Zbb
 *	gates		a device whose clocks do not run, or that is held in reset, is not
 *			on the bus: reads give 0, writes are lost
 *	start		as the SPL leaves the board: memory trained, UART0 clocked. SD host and
 *			network are off; with first-card=on SDIO1 is on, as after a boot from the card
 *	firmware	-bios at 0x40000000, -kernel at 0x40200000; -dtb is required, and gets
 *			the size of memory, as from the SPL
 *
 * Not modelled: boot ROM, SPL and memory training; the E24, GPU, video, USB, PCIe, I2C,
 * SPI and flash (their registers read 0; -d unimp tells); caches and their controller;
 * PMA; what depends on time between reset and readiness of a device.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "hw/boards.h"
#include "hw/cpu/cluster.h"
#include "hw/intc/riscv_aclint.h"
#include "hw/intc/sifive_plic.h"
#include "hw/loader.h"
#include "hw/misc/unimp.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/riscv/boot.h"
#include "hw/riscv/riscv_hart.h"
#include "exec/address-spaces.h"
#include "system/blockdev.h"
#include "system/device_tree.h"
#include "system/reset.h"
#include "system/system.h"
#include "jh7110.h"

#define TYPE_VISIONFIVE2	MACHINE_TYPE_NAME("visionfive2")
OBJECT_DECLARE_SIMPLE_TYPE(Vf2, VISIONFIVE2)

#define ROM_BASE	0x2a000000
#define RAM_BASE	0x40000000
#define RAM_UNCACHED	0x440000000
#define KERNEL_BASE	0x40200000
#define TIMEBASE_HZ	4000000
#define NR_IRQS		137		/* 136 and the one that is none */

enum { SYS, AON, STG, NR_CRGS };

/* A unit of the chip, and the clocks and reset lines without which it does not answer. */
struct gate {
	const char *name;
	struct { int8_t crg; uint8_t id; } clock[2], reset[2];
	MemoryRegion *io;
	bool starts_on;
};

enum { UART0, SDIO0, SDIO1, GMAC0, GMAC1, WDT, TEMP, TRNG, RTC, PINS, AON_PINS, NR_GATES };

/* Numbers: dt-bindings starfive,jh7110-crg.h of clocks and of resets. */
static const struct gate gates[NR_GATES] = {
	[UART0] = { "uart0", { { SYS, 145 }, { SYS, 146 } }, { { SYS, 83 }, { SYS, 84 } }, .starts_on = true },
	[SDIO0] = { "sdio0", { { SYS, 91 }, { SYS, 93 } }, { { SYS, 64 }, { SYS, 64 } } },
	[SDIO1] = { "sdio1", { { SYS, 92 }, { SYS, 94 } }, { { SYS, 65 }, { SYS, 65 } } },
	[GMAC0] = { "gmac0", { { AON, 2 }, { AON, 3 } }, { { AON, 0 }, { AON, 1 } } },
	[GMAC1] = { "gmac1", { { SYS, 97 }, { SYS, 98 } }, { { SYS, 66 }, { SYS, 67 } } },
	[WDT] = { "wdt", { { SYS, 122 }, { SYS, 123 } }, { { SYS, 109 }, { SYS, 110 } } },
	[TEMP] = { "temp", { { SYS, 129 }, { SYS, 130 } }, { { SYS, 123 }, { SYS, 124 } } },
	[TRNG] = { "trng", { { STG, 15 }, { STG, 16 } }, { { STG, 3 }, { STG, 3 } } },
	[RTC] = { "rtc", { { AON, 10 }, { AON, 13 } }, { { AON, 5 }, { AON, 6 } } },
	[PINS] = { "pins", { { SYS, 112 }, { SYS, 112 } }, { { SYS, 2 }, { SYS, 2 } }, .starts_on = true },
	/* The tree names no clock: the region's own one. */
	[AON_PINS] = { "aon-pins", { { AON, 1 }, { AON, 1 } }, { { AON, 2 }, { AON, 2 } } },
};

struct Vf2 {
	MachineState parent_obj;
	bool first_card;
	struct gate gate[NR_GATES];
	JhCrg *crg[NR_CRGS];
	JhSyscon *sys_syscon, *aon_syscon;
	Notifier changed[NR_CRGS];
	DeviceState *plic;
	RISCVHartArrayState *u74;
};

/* --- harts --- */

static riscv_csr_operations stock_satp;

/* The U74 has no ASIDs: the field reads 0. */
static RISCVException satp_without_asid(CPURISCVState *env, int csr, target_ulong value)
{
	return stock_satp.write(env, csr, value & ~SATP64_ASID);
}

static RISCVHartArrayState *harts_create(const char *name, unsigned cluster, unsigned base, unsigned count,
					 const char *type)
{
	DeviceState *holder = qdev_new(TYPE_CPU_CLUSTER), *array = qdev_new(TYPE_RISCV_HART_ARRAY);

	qdev_prop_set_uint32(holder, "cluster-id", cluster);
	object_property_add_child(qdev_get_machine(), name, OBJECT(holder));
	object_property_add_child(OBJECT(holder), "harts", OBJECT(array));
	qdev_prop_set_uint32(array, "num-harts", count);
	qdev_prop_set_uint32(array, "hartid-base", base);
	qdev_prop_set_string(array, "cpu-type", type);
	qdev_prop_set_uint64(array, "resetvec", ROM_BASE);
	sysbus_realize(SYS_BUS_DEVICE(array), &error_fatal);
	qdev_realize(holder, NULL, &error_fatal);
	return RISCV_HART_ARRAY(array);
}

static void harts_init(Vf2 *m, unsigned count)
{
	harts_create("s7", 0, 0, 1, TYPE_RISCV_CPU_SIFIVE_E51);
	m->u74 = harts_create("u74s", 1, 1, count - 1, TYPE_RISCV_CPU_SIFIVE_U54);
	/* Beyond the U54; set now, since QEMU ties them to a later privileged specification. */
	for (unsigned i = 0; i < count - 1; i++) {
		RISCVCPUConfig *config = &m->u74->harts[i].cfg;

		config->ext_zba = config->ext_zbb = config->ext_svade = true;
	}
	riscv_get_csr_ops(CSR_SATP, &stock_satp);
	riscv_csr_operations satp = stock_satp;
	satp.write = satp_without_asid;
	riscv_set_csr_ops(CSR_SATP, &satp);
}

/* --- gates --- */

static bool gate_is_open(Vf2 *m, const struct gate *g)
{
	for (int i = 0; i < 2; i++)
		if (!jh7110_clock_is_on(m->crg[g->clock[i].crg], g->clock[i].id) ||
		    !jh7110_reset_is_released(m->crg[g->reset[i].crg], g->reset[i].id))
			return false;
	return true;
}

static bool is_in_reset(Vf2 *m, const struct gate *g)
{
	return !jh7110_reset_is_released(m->crg[g->reset[0].crg], g->reset[0].id);
}

static void gates_update(Vf2 *m)
{
	for (int i = 0; i < NR_GATES; i++) {
		struct gate *g = &m->gate[i];
		bool open = gate_is_open(m, g);

		if (open == g->io->enabled)
			continue;
		if (is_in_reset(m, g))
			device_cold_reset(DEVICE(g->io->owner));
		memory_region_set_enabled(g->io, open);
	}
}

static void crg_changed(Notifier *n, void *crg)
{
	gates_update(VISIONFIVE2(qdev_get_machine()));
}

/* Parents and dividers of the system generator, as the chip has them when U-Boot runs. */
static const struct { uint8_t id, parent, divider; } clock_defaults[] = {
	{ 0, 1, 0 },	/* cpu_root: PLL0 */
	{ 1, 0, 1 },	/* cpu_core */
	{ 2, 0, 2 },	/* cpu_bus */
	{ 5, 1, 0 },	/* bus_root: PLL2, 1188 MHz */
	{ 7, 0, 3 },	/* axi_cfg0: 396 MHz */
	{ 8, 0, 2 },	/* stg_axiahb: 198 MHz */
	{ 11, 0, 4 },	/* apb_bus: 49.5 MHz */
	{ 93, 0, 8 },	/* card clocks: 49.5 MHz */
	{ 94, 0, 8 },
	{ 100, 0, 8 },	/* gmac gtxclk: 125 MHz */
	{ 108, 0, 8 },
};

static void clocks_start(Vf2 *m)
{
	for (unsigned i = 0; i < ARRAY_SIZE(clock_defaults); i++)
		jh7110_clock_set(m->crg[SYS], clock_defaults[i].id, clock_defaults[i].parent,
				 clock_defaults[i].divider);
}

static void gates_start(Vf2 *m)
{
	clocks_start(m);
	jh7110_clock_start(m->crg[AON], 1);
	for (int i = 0; i < NR_GATES; i++) {
		struct gate *g = &m->gate[i];
		bool on = g->starts_on || (i == SDIO1 && m->first_card);

		for (int k = 0; k < 2; k++) {
			jh7110_reset_set(m->crg[g->reset[k].crg], g->reset[k].id, !on);
			if (on)
				jh7110_clock_start(m->crg[g->clock[k].crg], g->clock[k].id);
		}
	}
	gates_update(m);
}

/* --- devices --- */

static DeviceState *device_create(Vf2 *m, const char *type, const char *name)
{
	DeviceState *dev = qdev_new(type);

	object_property_add_child(OBJECT(m), name, OBJECT(dev));
	return dev;
}

/* At base; the unit's gate, if it has one, holds its registers. */
static void device_place(Vf2 *m, DeviceState *dev, hwaddr base, int irq, int gate)
{
	sysbus_realize_and_unref(SYS_BUS_DEVICE(dev), &error_fatal);
	sysbus_mmio_map(SYS_BUS_DEVICE(dev), 0, base);
	if (irq)
		sysbus_connect_irq(SYS_BUS_DEVICE(dev), 0, qdev_get_gpio_in(m->plic, irq));
	if (gate < NR_GATES)
		m->gate[gate].io = sysbus_mmio_get_region(SYS_BUS_DEVICE(dev), 0);
}

static void crg_create(Vf2 *m, int which, const char *name, hwaddr base, uint32_t assert_at, uint32_t words)
{
	DeviceState *dev = device_create(m, TYPE_JH7110_CRG, name);

	qdev_prop_set_uint32(dev, "assert-at", assert_at);
	qdev_prop_set_uint32(dev, "status-at", assert_at + 4 * words);
	qdev_prop_set_uint32(dev, "reset-words", words);
	device_place(m, dev, base, 0, NR_GATES);
	m->crg[which] = JH7110_CRG(dev);
	m->changed[which].notify = crg_changed;
	notifier_list_add(&m->crg[which]->changed, &m->changed[which]);
}

static JhSyscon *syscon_create(Vf2 *m, const char *name, hwaddr base, bool has_pll)
{
	DeviceState *dev = device_create(m, TYPE_JH7110_SYSCON, name);

	qdev_prop_set_bit(dev, "has-pll", has_pll);
	device_place(m, dev, base, 0, NR_GATES);
	return JH7110_SYSCON(dev);
}

static DeviceState *mshc_create(Vf2 *m, const char *name, hwaddr base, int irq, int gate, int unit, const char *card)
{
	DeviceState *dev = device_create(m, TYPE_DW_MSHC, name);
	DriveInfo *drive = drive_get(IF_SD, 0, unit);

	device_place(m, dev, base, irq, gate);
	if (drive) {
		DeviceState *c = qdev_new(card);

		qdev_prop_set_drive_err(c, "drive", blk_by_legacy_dinfo(drive), &error_fatal);
		qdev_realize_and_unref(c, BUS(&DW_MSHC(dev)->bus), &error_fatal);
	}
	return dev;
}

/* RGMII chosen in the system controllers, and the transmit clock running. */
static bool gmac0_is_clocked(void *opaque)
{
	Vf2 *m = opaque;

	return (m->aon_syscon->reg[0x0c / 4] >> 18 & 7) == 1 && jh7110_clock_is_on(m->crg[AON], 5);
}

static bool gmac1_is_clocked(void *opaque)
{
	Vf2 *m = opaque;

	return (m->sys_syscon->reg[0x90 / 4] >> 2 & 7) == 1 && jh7110_clock_is_on(m->crg[SYS], 105);
}

static void gmac_create(Vf2 *m, const char *name, hwaddr base, int irq, int gate, bool (*clocked)(void *))
{
	DeviceState *dev = device_create(m, TYPE_DW_GMAC, name);

	DW_GMAC(dev)->is_clocked = clocked;
	DW_GMAC(dev)->clock_opaque = m;
	qemu_configure_nic_device(dev, true, NULL);
	device_place(m, dev, base, irq, gate);
}

static void plic_create(Vf2 *m, unsigned harts)
{
	g_autoptr(GString) config = g_string_new("M");

	for (unsigned i = 1; i < harts; i++)
		g_string_append(config, ",MS");
	m->plic = sifive_plic_create(0x0c000000, config->str, harts, 0, NR_IRQS, 7, 0x0, 0x1000, 0x2000, 0x80,
				     0x200000, 0x1000, 0x4000000);
	riscv_aclint_swi_create(0x02000000, 0, harts, false);
	riscv_aclint_mtimer_create(0x02004000, RISCV_ACLINT_DEFAULT_MTIMER_SIZE, 0, harts,
				   RISCV_ACLINT_DEFAULT_MTIMECMP, RISCV_ACLINT_DEFAULT_MTIME, TIMEBASE_HZ, true);
}

static void devices_init(Vf2 *m)
{
	DeviceState *dev, *pins, *aon_pins, *slot;

	crg_create(m, SYS, "syscrg", 0x13020000, 0x2f8, 4);
	crg_create(m, AON, "aoncrg", 0x17000000, 0x38, 1);
	crg_create(m, STG, "stgcrg", 0x10230000, 0x74, 1);
	m->sys_syscon = syscon_create(m, "sys-syscon", 0x13030000, true);
	m->aon_syscon = syscon_create(m, "aon-syscon", 0x17010000, false);
	syscon_create(m, "stg-syscon", 0x10240000, false);

	dev = device_create(m, TYPE_DW_UART, "uart0");
	qdev_prop_set_chr(dev, "chardev", serial_hd(0));
	device_place(m, dev, 0x10000000, 32, UART0);
	pins = device_create(m, TYPE_JH7110_PINCTRL, "pinctrl");
	device_place(m, pins, 0x13040000, 86, PINS);
	aon_pins = device_create(m, TYPE_JH7110_PINCTRL, "aon-pinctrl");
	qdev_prop_set_bit(aon_pins, "always-on", true);
	device_place(m, aon_pins, 0x17020000, 85, AON_PINS);
	device_place(m, device_create(m, TYPE_JH7110_WDT, "wdt"), 0x13070000, 0, WDT);
	device_place(m, device_create(m, TYPE_JH7110_TEMP, "temp"), 0x120e0000, 0, TEMP);
	device_place(m, device_create(m, TYPE_JH7110_RTC, "rtc"), 0x17040000, 0, RTC);
	device_place(m, device_create(m, TYPE_JH7110_TRNG, "trng"), 0x1600c000, 30, TRNG);
	mshc_create(m, "mmc0", 0x16010000, 74, SDIO0, 1, TYPE_EMMC);
	slot = mshc_create(m, "mmc1", 0x16020000, 75, SDIO1, 0, TYPE_SD_CARD);
	qdev_connect_gpio_out_named(slot, "card-detect", 0, qdev_get_gpio_in(pins, JH7110_PIN_CARD));
	gmac_create(m, "gmac0", 0x16030000, 7, GMAC0, gmac0_is_clocked);
	gmac_create(m, "gmac1", 0x16040000, 78, GMAC1, gmac1_is_clocked);
}

/* --- memory, firmware, start --- */

static void memory_init(Vf2 *m)
{
	MemoryRegion *system = get_system_memory(), *uncached = g_new(MemoryRegion, 1), *rom = g_new(MemoryRegion, 1);
	MachineState *machine = MACHINE(m);

	memory_region_add_subregion(system, RAM_BASE, machine->ram);
	memory_region_init_alias(uncached, NULL, "ram.uncached", machine->ram, 0, machine->ram_size);
	memory_region_add_subregion(system, RAM_UNCACHED, uncached);
	memory_region_init_rom(rom, NULL, "rom", 0x8000, &error_fatal);
	memory_region_add_subregion(system, ROM_BASE, rom);
	/* What no model answers for. */
	create_unimplemented_device("jh7110.low", 0x02000000, 0x28000000);
	create_unimplemented_device("jh7110.pcie", 0x2b000000, 0x02000000);
	create_unimplemented_device("jh7110.high", 0x900000000, 0x0d0000000);
}

static void firmware_load(Vf2 *m)
{
	MachineState *machine = MACHINE(m);
	hwaddr start = RAM_BASE;
	RISCVBootInfo info;
	uint64_t kernel = 0, tree;
	int size;

	if (!machine->dtb || !(machine->fdt = load_device_tree(machine->dtb, &size))) {
		error_report("visionfive2 needs a device tree: -dtb");
		exit(1);
	}
	qemu_fdt_setprop_sized_cells(machine->fdt, "/memory@40000000", "reg", 2, (uint64_t)RAM_BASE,
				     2, (uint64_t)machine->ram_size);
	riscv_find_and_load_firmware(machine, RISCV64_BIOS_BIN, &start, NULL);
	riscv_boot_info_init(&info, m->u74);
	if (machine->kernel_filename) {
		riscv_load_kernel(machine, &info, KERNEL_BASE, true, NULL);
		kernel = info.image_low_addr;
	}
	tree = riscv_compute_fdt_addr(RAM_BASE, MIN(machine->ram_size, 3 * GiB), machine, &info);
	riscv_load_fdt(tree, machine->fdt);
	riscv_setup_rom_reset_vec(machine, m->u74, RAM_BASE, ROM_BASE, 0x8000, kernel, tree);
}

static void vf2_init(MachineState *machine)
{
	Vf2 *m = VISIONFIVE2(machine);

	memcpy(m->gate, gates, sizeof(gates));
	harts_init(m, machine->smp.cpus);
	memory_init(m);
	plic_create(m, machine->smp.cpus);
	devices_init(m);
	firmware_load(m);
}

/* Reset lines of the generators first: they decide what is on the bus. */
static void vf2_reset(MachineState *machine, ResetType type)
{
	Vf2 *m = VISIONFIVE2(machine);

	for (int i = 0; i < NR_CRGS; i++)
		memset(m->crg[i]->reg, 0, sizeof(m->crg[i]->reg));
	qemu_devices_reset(type);
	gates_start(m);
}

static bool first_card_get(Object *object, Error **errp)
{
	return VISIONFIVE2(object)->first_card;
}

static void first_card_set(Object *object, bool value, Error **errp)
{
	VISIONFIVE2(object)->first_card = value;
}

static void vf2_class_init(ObjectClass *class, void *data)
{
	MachineClass *mc = MACHINE_CLASS(class);

	mc->desc = "StarFive VisionFive 2 (JH7110)";
	mc->init = vf2_init;
	mc->reset = vf2_reset;
	mc->min_cpus = 2;
	mc->max_cpus = mc->default_cpus = 5;
	mc->default_ram_id = "ram";
	mc->default_ram_size = 1 * GiB;
	mc->block_default_type = IF_SD;
	object_class_property_add_bool(class, "first-card", first_card_get, first_card_set);
	object_class_property_set_description(class, "first-card", "the SD host is on, as after a boot from the card");
}

static const TypeInfo vf2_types[] = {
	{ .name = TYPE_VISIONFIVE2, .parent = TYPE_MACHINE, .instance_size = sizeof(Vf2),
	  .class_init = vf2_class_init },
};
DEFINE_TYPES(vf2_types)
