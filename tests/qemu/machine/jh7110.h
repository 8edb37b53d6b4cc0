/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the machine visionfive2 (StarFive JH7110), for Debian's QEMU source.
 *
 * Facts: the JH7110 technical reference as far as the device trees and drivers
 * of Linux and U-Boot show it. Every model says what it leaves out.
 */
#ifndef FATHOM_JH7110_H
#define FATHOM_JH7110_H

#include "hw/sysbus.h"
#include "hw/sd/sd.h"
#include "net/net.h"
#include "qemu/notify.h"
#include "qemu/timer.h"
#include "hw/char/serial.h"

/* --- crg.c: clock and reset generators --- */

#define TYPE_JH7110_CRG "jh7110-crg"
OBJECT_DECLARE_SIMPLE_TYPE(JhCrg, JH7110_CRG)

#define CRG_WORDS	0x400

struct JhCrg {
	SysBusDevice parent_obj;
	MemoryRegion io;
	uint32_t assert_at;		/* offset of the first word of reset lines */
	uint32_t status_at;
	uint32_t reset_words;
	uint32_t reg[CRG_WORDS];
	NotifierList changed;		/* a clock or reset line */
};

bool jh7110_clock_is_on(const JhCrg *crg, unsigned id);
bool jh7110_reset_is_released(const JhCrg *crg, unsigned id);
/* What firmware that ran before us left. */
void jh7110_clock_start(JhCrg *crg, unsigned id);
void jh7110_clock_set(JhCrg *crg, unsigned id, unsigned parent, unsigned divider);
void jh7110_reset_set(JhCrg *crg, unsigned id, bool asserted);

/* --- small.c: syscon, pinctrl, watchdog, temperature sensor, TRNG --- */

#define TYPE_JH7110_SYSCON "jh7110-syscon"
OBJECT_DECLARE_SIMPLE_TYPE(JhSyscon, JH7110_SYSCON)

struct JhSyscon {
	SysBusDevice parent_obj;
	MemoryRegion io;
	bool has_pll;
	uint32_t reg[0x400];
};

#define TYPE_JH7110_PINCTRL "jh7110-pinctrl"
OBJECT_DECLARE_SIMPLE_TYPE(JhPinctrl, JH7110_PINCTRL)

#define JH7110_PIN_RESTART	35
#define JH7110_PIN_CARD		41	/* low: a card is in the slot */

struct JhPinctrl {
	SysBusDevice parent_obj;
	MemoryRegion io;
	qemu_irq irq;
	bool always_on;			/* the region */
	uint32_t reg[0x400];
	uint64_t level;			/* what drives the pins from outside */
	uint64_t raised;		/* interrupts not yet cleared */
};

#define TYPE_JH7110_WDT "jh7110-wdt"
OBJECT_DECLARE_SIMPLE_TYPE(JhWdt, JH7110_WDT)

struct JhWdt {
	SysBusDevice parent_obj;
	MemoryRegion io;
	QEMUTimer *timer;
	int64_t started;
	uint32_t load, control;
	bool expired, locked;
};

#define TYPE_JH7110_TEMP "jh7110-temp"
OBJECT_DECLARE_SIMPLE_TYPE(JhTemp, JH7110_TEMP)

struct JhTemp {
	SysBusDevice parent_obj;
	MemoryRegion io;
	uint32_t control;
	uint32_t millicelsius;		/* a property */
};

#define TYPE_JH7110_RTC "jh7110-rtc"
OBJECT_DECLARE_SIMPLE_TYPE(JhRtc, JH7110_RTC)

struct JhRtc {
	SysBusDevice parent_obj;
	MemoryRegion io;
	uint32_t config, set_time, set_date;
	int64_t offset;			/* seconds since 1970 when the host's clock is 0 */
};

#define TYPE_JH7110_TRNG "jh7110-trng"
OBJECT_DECLARE_SIMPLE_TYPE(JhTrng, JH7110_TRNG)

struct JhTrng {
	SysBusDevice parent_obj;
	MemoryRegion io;
	qemu_irq irq;
	uint32_t mode, enable, status;
	uint32_t random[8];
	bool seeded;
};

/* --- dw_uart.c --- */

#define TYPE_DW_UART "dw-apb-uart"
OBJECT_DECLARE_SIMPLE_TYPE(DwUart, DW_UART)

struct DwUart {
	SysBusDevice parent_obj;
	MemoryRegion io;
	qemu_irq irq;
	SerialState serial;
	int64_t idle_at;		/* ns: the last bit of what was written goes out */
	bool busy_detected, serial_level;
};

/* --- dw_mshc.c --- */

#define TYPE_DW_MSHC "dw-mshc"
OBJECT_DECLARE_SIMPLE_TYPE(DwMshc, DW_MSHC)

#define MSHC_WORDS	(0xb0 / 4)

struct DwMshc {
	SysBusDevice parent_obj;
	MemoryRegion io;
	qemu_irq irq;
	qemu_irq card_detect;		/* low: a card is in the slot */
	SDBus bus;
	QEMUTimer *timer;		/* the end of a data transfer */
	uint32_t reg[MSHC_WORDS];
	uint32_t raised;		/* RINTSTS */
	uint32_t idmac_status;
	uint32_t left;			/* bytes of the transfer still to come */
	bool transfer, writing;
	bool card_clock;		/* it runs, since the last "update clock" command */
	hwaddr desc;			/* of the next descriptor */

	/* Error injection (properties, also while the machine runs). */
	uint32_t inject_status;		/* bits of RINTSTS, or MSHC_INJECT_*; 0: none */
	uint32_t inject_command;	/* index of the command */
	uint32_t inject_skip;		/* so many of them go well before */
	uint32_t inject_count;		/* and so many do not; 0: none */
};

#define MSHC_INJECT_UNAVAILABLE	0x80000000u	/* the IDMAC finds no descriptor */
#define MSHC_INJECT_SILENCE	0x40000000u	/* a transfer has no end */

/* --- dw_gmac.c --- */

#define TYPE_DW_GMAC "dw-gmac"
OBJECT_DECLARE_SIMPLE_TYPE(DwGmac, DW_GMAC)

struct DwGmac {
	SysBusDevice parent_obj;
	MemoryRegion io;
	qemu_irq irq;
	NICState *nic;
	NICConf conf;
	uint32_t reg[0x1200 / 4];
	uint16_t phy[32];
	uint16_t phy_ext_at, phy_ext[0x20];
	uint32_t tx_at, rx_at;
	uint8_t frame[16384];
	uint32_t frame_len, frame_csum, bus_errors;
	/* Answers whether the receive clock and the interface mode let a software reset end. */
	bool (*is_clocked)(void *opaque);
	void *clock_opaque;
};

#endif
