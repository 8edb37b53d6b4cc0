/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: a ring of records, and consoles that follow it.
 *
 * A message is first stored, under log_lock, which is held for two copies and no
 * more. Then whoever stored it tries to become the owner of the consoles; the
 * owner writes every record that is not yet on them, and one that finds an owner
 * leaves its record to it. So nobody waits for a slow line, lines never mix, and
 * they appear in the order of the ring.
 *
 * The ring is counted in bytes ever stored: a record sits at its position modulo
 * the size, header and text padded to a multiple of 16, so a header never wraps,
 * and a text may. Storing drops the oldest records that are in the way.
 *
 * Readers sleep on log_wait. printk may hold any lock, so it cannot wake them:
 * it interrupts its own CPU, and the interrupt does (log_wake_readers()). Nobody
 * waits, nearly always, and then nothing is done.
 *
 * A panic must get through whatever the stopped CPUs held: with
 * panic_in_progress() every wait is bounded, and a message that cannot be stored
 * goes to the consoles all the same.
 */
#include <arch/sbi.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <kernel/debug/log.h>
#include <kernel/debug/panic.h>
#include <kernel/lib/string.h>
#include <kernel/lock/spinlock.h>
#include <kernel/param.h>
#include <kernel/printk.h>

#define RECORD_ALIGN	16
#define RING_MASK	(LOG_RING_SIZE - 1)
#define PRINTK_MAX	512		/* text of one printk: it is on the stack */
#define TIME_MAX	32
#define QUIET_LEVEL	LOG_WARN	/* quiet: errors and worse */
#define PANIC_PATIENCE	1000000		/* rounds of waiting for a lock that may never come free */

int console_loglevel = LOG_DEBUG;	/* levels below it are shown: all but debug */
struct wait_queue log_wait = WAIT_QUEUE_INIT(log_wait);

/* Before each text in the ring. */
struct header {
	u64 us;
	u16 len;
	u8 level, facility;
	u32 unused;
};
_Static_assert(sizeof(struct header) == RECORD_ALIGN, "a header does not wrap");

static DEFINE_SPINLOCK(log_lock, RANK_CONSOLE);
/* Guarded by log_lock. */
static char ring[LOG_RING_SIZE] __aligned(RECORD_ALIGN);
static struct log_cursor tail, head;	/* the oldest record; where the next one goes */

static void sbi_write(struct console *c, const char *s, size_t len)
{
	sbi_console_write(s, len);
}

/* Until a real console registers, and where none does. */
static struct console boot_console = { .name = "sbi", .write = sbi_write };

static u32 consoles_owned;		/* atomic: 1 while somebody owns what follows */
static struct console *consoles = &boot_console;
static struct log_cursor console_next;	/* the first record that is not on them */
static char console_line[TIME_MAX + LOG_TEXT_MAX + 1];

/* --- the ring; log_lock held --- */

static struct header *header_at(u64 pos)
{
	return (struct header *)&ring[pos & RING_MASK];
}

static u64 record_bytes(u32 len)
{
	return sizeof(struct header) + ALIGN_UP(len, (u32)RECORD_ALIGN);
}

static void ring_put(u64 pos, const char *text, u32 len)
{
	u32 at = pos & RING_MASK, first = min(len, LOG_RING_SIZE - at);

	memcpy(&ring[at], text, first);
	memcpy(ring, text + first, len - first);
}

static void ring_get(u64 pos, char *text, u32 len)
{
	u32 at = pos & RING_MASK, first = min(len, LOG_RING_SIZE - at);

	memcpy(text, &ring[at], first);
	memcpy(text + first, ring, len - first);
}

static void step_locked(struct log_cursor *c)
{
	c->pos += record_bytes(header_at(c->pos)->len);
	c->seq++;
}

static void store_locked(u64 us, u8 level, u8 facility, const char *text, u32 len)
{
	u64 need = record_bytes(len);

	while (head.pos + need - tail.pos > LOG_RING_SIZE)
		step_locked(&tail);
	*header_at(head.pos) = (struct header){ .us = us, .len = len, .level = level, .facility = facility };
	ring_put(head.pos + sizeof(struct header), text, len);
	step_locked(&head);
}

static int read_locked(struct log_cursor *c, struct log_record *r, char *text)
{
	const struct header *h;

	if (c->seq < tail.seq) {
		*c = tail;
		return -EPIPE;
	}
	if (c->seq == head.seq)
		return 0;
	h = header_at(c->pos);
	*r = (struct log_record){
		.seq = c->seq, .us = h->us, .len = h->len, .level = h->level, .facility = h->facility,
	};
	if (text)
		ring_get(c->pos + sizeof(*h), text, h->len);
	step_locked(c);
	return 1;
}

/* --- its lock --- */

/*
 * False, in a panic only: it could not be had, and is not
 * held. Preemption and interrupts are off either way.
 */
static bool lock_log(u64 *flags)
{
	u32 patience = PANIC_PATIENCE;

	if (likely(!panic_in_progress())) {
		*flags = spin_lock_irqsave(&log_lock);
		return true;
	}
	*flags = local_irq_save();
	while (patience--) {
		if (raw_spin_trylock(&log_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static void unlock_log(bool locked, u64 flags)
{
	if (locked)
		raw_spin_unlock(&log_lock);
	local_irq_restore(flags);
	preempt_check();
}

int log_read(struct log_cursor *c, struct log_record *r, char *text)
{
	u64 flags;
	bool locked = lock_log(&flags);
	int got = locked ? read_locked(c, r, text) : 0;

	unlock_log(locked, flags);
	return got;
}

bool log_has(const struct log_cursor *c)
{
	return c->seq != READ_ONCE(head.seq);
}

static struct log_cursor copy_cursor(const struct log_cursor *from)
{
	u64 flags;
	bool locked = lock_log(&flags);
	struct log_cursor c = *from;

	unlock_log(locked, flags);
	return c;
}

struct log_cursor log_oldest(void)
{
	return copy_cursor(&tail);
}

struct log_cursor log_end(void)
{
	return copy_cursor(&head);
}

void log_wake_readers(void)
{
	wake_queue(&log_wait, 0, 0);
}

/* --- consoles --- */

static bool own_consoles(void)
{
	return !__atomic_load_n(&consoles_owned, __ATOMIC_RELAXED) &&
	       !__atomic_exchange_n(&consoles_owned, 1, __ATOMIC_ACQUIRE);
}

/* In a panic the owner may have been stopped: after a while it is taken from him. */
static bool own_consoles_or_leave(void)
{
	if (likely(!panic_in_progress()))
		return own_consoles();
	for (u32 patience = PANIC_PATIENCE; patience && !own_consoles(); patience--)
		cpu_relax();
	return true;
}

static void disown_consoles(void)
{
	smp_store_release(&consoles_owned, 0);
}

static void write_consoles(const char *s, size_t len)
{
	for (struct console *c = consoles; c; c = c->next)
		c->write(c, s, len);
}

int log_format_time(char *buf, size_t size, u64 us)
{
	return snprintf(buf, size, "[%5lu.%06lu] ", us / 1000000, us % 1000000);
}

/*
 * Context: owner of the consoles. The text is at TIME_MAX
 * in console_line; the time goes right before it.
 */
static void show(const struct log_record *r)
{
	char stamp[TIME_MAX], *start;
	u32 len;

	if (r->level >= READ_ONCE(console_loglevel) && !panic_in_progress())
		return;
	len = log_format_time(stamp, sizeof(stamp), r->us);
	start = console_line + TIME_MAX - len;
	memcpy(start, stamp, len);
	console_line[TIME_MAX + r->len] = '\n';
	write_consoles(start, len + r->len + 1);
}

/*
 * Preemption is off while consoles are owned, or a preempted owner would keep
 * the others' messages back. Interrupts may come, and leave theirs to us.
 */
static void flush_consoles(void)
{
	struct log_record r;

	preempt_disable();
	while (log_has(&console_next) && own_consoles_or_leave()) {
		int got;

		while ((got = log_read(&console_next, &r, console_line + TIME_MAX)))
			if (got > 0)
				show(&r);
		disown_consoles();
		/*
		 * Stored after the last look, by one that found us
		 * owner: pairs with the exchange in own_consoles().
		 */
		smp_mb();
		if (panic_in_progress())
			break;
	}
	preempt_enable();
}

void console_register(struct console *c)
{
	preempt_disable();
	while (!own_consoles_or_leave())
		cpu_relax();
	c->next = consoles == &boot_console ? NULL : consoles;
	consoles = c;
	disown_consoles();
	preempt_enable();
	flush_consoles();
}

void printk_flush(void)
{
	for (u32 patience = PANIC_PATIENCE; patience && READ_ONCE(consoles_owned); patience--)
		cpu_relax();
	flush_consoles();
}

/* --- writing --- */

static u64 now_us(void)
{
	u32 hz = arch_timebase_hz;
	u64 ticks = hz ? arch_time_read() : 0;

	return hz ? ticks / hz * 1000000 + ticks % hz * 1000000 / hz : 0;
}

/* No lock could be had, and the system is going down: past the ring. */
static void show_directly(const char *text, size_t len)
{
	write_consoles(text, len);
	write_consoles("\n", 1);
}

void log_store(u8 level, u8 facility, const char *text, size_t len)
{
	u64 us = now_us(), flags;
	bool locked;

	len = min(len, (size_t)LOG_TEXT_MAX);
	locked = lock_log(&flags);
	if (locked)
		store_locked(us, level, facility, text, len);
	unlock_log(locked, flags);
	if (!locked) {
		show_directly(text, len);
		return;
	}
	flush_consoles();
	if (unlikely(wait_queue_active(&log_wait)) && !panic_in_progress())
		ipi_log();
}

void printk(enum log_level level, const char *fmt, ...)
{
	char text[PRINTK_MAX];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = min(len, sizeof(text) - 1);
	if (len && text[len - 1] == '\n')
		len--;
	log_store(level, 0, text, len);
}

/* --- parameters --- */

static int set_loglevel(const char *value)
{
	u64 level;

	if (kstrtou64(value, 0, &level) || level > INT_MAX)
		return -EINVAL;
	console_loglevel = level;
	return 0;
}
PARAM(loglevel, "loglevel", set_loglevel);

static int set_quiet(const char *value)
{
	console_loglevel = QUIET_LEVEL;
	return 0;
}
PARAM(quiet, "quiet", set_quiet);
