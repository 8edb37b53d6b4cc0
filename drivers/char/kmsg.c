/* SPDX-License-Identifier: MIT */
/*
 * The kernel log for users: /dev/kmsg and syslog(2).
 *
 * A read of /dev/kmsg gives one record, "priority,number,microseconds,-;text\n",
 * bytes that are not printable as \xNN. A reader that was too slow gets EPIPE
 * once and goes on with the oldest record there is. A write is a record of its
 * own: "<N>text" with N the priority (facility times 8, plus level).
 *
 * syslog(2) has one reader of its own for all (SYSLOG_READ), and a mark that
 * SYSLOG_CLEAR sets: what is older is not shown any more, nor lost for others.
 * Its text is "<priority>[seconds.microseconds] text\n".
 *
 * Source: Linux's Documentation/ABI/testing/dev-kmsg, and syslog(2).
 */
#include <drivers/char/char.h>
#include <arch/uaccess.h>
#include <fs/poll.h>
#include <kernel/debug/log.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

#define FACILITY_USER	1
#define DEFAULT_LEVEL	LOG_WARN	/* of a write that names none */
#define PREFIX_MAX	64
#define ESCAPED_MAX	(PREFIX_MAX + 4 * LOG_TEXT_MAX + 1)
#define LINE_MAX	(PREFIX_MAX + LOG_TEXT_MAX + 1)
#define LEVEL_MIN	1		/* console level: panics are always shown */
#define LEVEL_MAX	8

static DEFINE_SPINLOCK(clear_lock, RANK_LEAF);
static struct log_cursor clear_mark;	/* clear_lock */

static struct log_cursor get_clear_mark(void)
{
	struct log_cursor c;

	spin_lock(&clear_lock);
	c = clear_mark;
	spin_unlock(&clear_lock);
	return c;
}

static void set_clear_mark(void)
{
	struct log_cursor end = log_end();

	spin_lock(&clear_lock);
	clear_mark = end;
	spin_unlock(&clear_lock);
}

/* --- /dev/kmsg --- */

struct reader {
	/* RANK_TTY_LDISC: one read at a time, which copies to user memory */
	struct mutex mutex;
	struct log_cursor next;
	char text[LOG_TEXT_MAX];	/* mutex */
	char line[ESCAPED_MAX];		/* mutex */
};

static u32 format_record(struct reader *rd, const struct log_record *r)
{
	u32 n = snprintf(rd->line, PREFIX_MAX, "%u,%lu,%lu,-;", r->facility << 3 | r->level, r->seq,
			 r->us);

	for (u32 i = 0; i < r->len; i++) {
		u8 c = rd->text[i];

		if (c < 32 || c >= 127 || c == '\\')
			n += snprintf(rd->line + n, 5, "\\x%02x", c);
		else
			rd->line[n++] = c;
	}
	rd->line[n++] = '\n';
	return n;
}

/* The next record into rd->line. Its length; 0: none yet; -EPIPE. Context: rd->mutex. */
static int next_line(struct reader *rd, struct log_cursor *c)
{
	struct log_record r;
	int got = log_read(c, &r, rd->text);

	return got > 0 ? (int)format_record(rd, &r) : got;
}

static ssize_t read_record(struct reader *rd, struct kio *kio, struct iov_iter *to)
{
	struct log_cursor c = rd->next;
	int len;

	while (!(len = next_line(rd, &c))) {
		int err = kio_nonblock(kio) ? -EAGAIN : wait_event_interruptible(&log_wait, log_has(&c));

		if (err)
			return err;
	}
	rd->next = c;		/* also past a record that is too long for the buffer */
	if (len < 0)
		return len;
	if (iov_iter_count(to) < len)
		return -EINVAL;
	return copy_to_iter(rd->line, len, to) == len ? len : -EFAULT;
}

static ssize_t kmsg_read(struct kio *kio, struct iov_iter *to)
{
	struct reader *rd = kio->file->private;
	ssize_t n = mutex_lock_interruptible(&rd->mutex);

	if (n)
		return n;
	n = read_record(rd, kio, to);
	mutex_unlock(&rd->mutex);
	return n;
}

/* "<N>" in front: the priority. How many bytes it takes; 0: there is none. */
static size_t parse_priority(const char *text, size_t len, u8 *level, u8 *facility)
{
	u32 value = 0;
	size_t i;

	if (!len || text[0] != '<')
		return 0;
	for (i = 1; i < len && text[i] >= '0' && text[i] <= '9' && value < 10000; i++)
		value = value * 10 + (text[i] - '0');
	if (i == 1 || i == len || text[i] != '>')
		return 0;
	*level = value & 7;
	if (value >> 3)
		*facility = value >> 3;
	return i + 1;
}

static ssize_t kmsg_write(struct kio *kio, struct iov_iter *from)
{
	size_t len = iov_iter_count(from), skip;
	u8 level = DEFAULT_LEVEL, facility = FACILITY_USER;
	char *text;

	if (len > LOG_TEXT_MAX)
		return -EINVAL;
	text = kmalloc(LOG_TEXT_MAX, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, len, from) != len) {
		kfree(text);
		return -EFAULT;
	}
	skip = parse_priority(text, len, &level, &facility);
	log_store(level, facility, text + skip, len - skip - (len > skip && text[len - 1] == '\n'));
	kfree(text);
	return len;
}

static loff_t kmsg_llseek(struct file *f, loff_t off, int whence)
{
	struct reader *rd = f->private;
	struct log_cursor c;

	if (off)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		c = log_oldest();
		break;
	case SEEK_DATA:
		c = get_clear_mark();
		break;
	case SEEK_END:
		c = log_end();
		break;
	default:
		return -EINVAL;
	}
	if (!rd)
		return 0;		/* open to write: as on Linux */
	if (mutex_lock_killable(&rd->mutex))
		return -EINTR;
	rd->next = c;
	mutex_unlock(&rd->mutex);
	return 0;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct reader *rd = f->private;
	u32 mask = 0;

	if (!rd)
		return EPOLLERR | EPOLLNVAL;
	poll_wait(f, &log_wait, pt);
	if (log_has(&rd->next)) {
		mask = EPOLLIN | EPOLLRDNORM;
		if (READ_ONCE(rd->next.seq) < log_oldest().seq)
			mask |= EPOLLERR | EPOLLPRI;
	}
	return mask;
}

static int kmsg_open(struct inode *inode, struct file *f)
{
	struct reader *rd;

	if (!(f->mode & FMODE_READ))
		return 0;
	rd = kmalloc(sizeof(*rd), GFP_KERNEL);
	if (!rd)
		return -ENOMEM;
	mutex_init(&rd->mutex, RANK_TTY_LDISC);
	rd->next = log_oldest();
	f->private = rd;
	return 0;
}

static void kmsg_release(struct file *f)
{
	kfree(f->private);
}

const struct file_ops kmsg_file_ops = {
	.open = kmsg_open, .read = kmsg_read, .write = kmsg_write, .llseek = kmsg_llseek, .poll = kmsg_poll,
	.release = kmsg_release,
};

/* --- syslog(2) --- */

enum syslog_action { SYSLOG_CLOSE, SYSLOG_OPEN, SYSLOG_READ, SYSLOG_READ_ALL, SYSLOG_READ_CLEAR, SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF, SYSLOG_CONSOLE_ON, SYSLOG_CONSOLE_LEVEL, SYSLOG_SIZE_UNREAD, SYSLOG_SIZE_BUFFER };

/* One record as a line of text. Its length. */
static u32 format_line(char *line, const struct log_record *r, const char *text)
{
	u32 n = snprintf(line, PREFIX_MAX, "<%u>", r->facility << 3 | r->level);

	n += log_format_time(line + n, PREFIX_MAX - n, r->us);
	memcpy(line + n, text, r->len);
	line[n + r->len] = '\n';
	return n + r->len + 1;
}

/* Room for one record and its line; one allocation. */
struct scratch {
	char text[LOG_TEXT_MAX];
	char line[LINE_MAX];
};

/* The next record after *c as a line in s; skips what was overwritten. 0: no more. */
static u32 next_text(struct log_cursor *c, struct scratch *s)
{
	struct log_record r;
	int got;

	while ((got = log_read(c, &r, s->text)) < 0)
		;
	return got ? format_line(s->line, &r, s->text) : 0;
}

/* Bytes that all lines from c on take. */
static u64 text_bytes(struct log_cursor c, struct scratch *s)
{
	u64 sum = 0;
	u32 len;

	while ((len = next_text(&c, s)))
		sum += len;
	return sum;
}

/* The newest lines after the mark that fit: the last whole ones. */
static long read_all(uaddr_t buf, u32 size, bool clear, struct scratch *s)
{
	struct log_cursor c = get_clear_mark();
	u64 total = text_bytes(c, s);
	long done = 0;
	u32 len;

	while (total > size && (len = next_text(&c, s)))
		total -= len;
	while ((len = next_text(&c, s)) && done + len <= size) {
		if (copy_to_user(buf + done, s->line, len))
			return -EFAULT;
		done += len;
	}
	if (clear)
		set_clear_mark();
	return done;
}

static DEFINE_MUTEX(read_mutex, RANK_TTY_LDISC);	/* copies to user memory under it */
static struct log_cursor read_next;			/* read_mutex */
static u32 read_partial;				/* read_mutex: bytes of that line already given */

/* As much as fits, part of a line if need be; waits until there is something. read_mutex held. */
static long read_unread(uaddr_t buf, u32 size, struct scratch *s)
{
	long done = 0;

	while (done < size) {
		struct log_cursor c = read_next;
		u32 len = next_text(&c, s), n;

		if (!len)
			break;
		/* The line whose beginning was given has been overwritten. */
		if (c.seq != read_next.seq + 1)
			read_partial = 0;
		n = min(len - read_partial, (u32)(size - done));
		if (copy_to_user(buf + done, s->line + read_partial, n))
			return done ? done : -EFAULT;
		done += n;
		read_partial += n;
		if (read_partial < len)
			break;
		read_partial = 0;
		read_next = c;
	}
	return done;
}

static struct log_cursor read_position(void)
{
	struct log_cursor c;

	mutex_lock(&read_mutex);
	c = read_next;
	mutex_unlock(&read_mutex);
	return c;
}

static long syslog_read(uaddr_t buf, u32 size, struct scratch *s)
{
	long done;

	do {
		struct log_cursor c = read_position();

		done = wait_event_interruptible(&log_wait, log_has(&c));
		if (!done)
			done = mutex_lock_interruptible(&read_mutex);
		if (done)
			break;
		done = read_unread(buf, size, s);
		mutex_unlock(&read_mutex);
	} while (!done);
	return done;
}

static long size_unread(struct scratch *s)
{
	long n;

	mutex_lock(&read_mutex);
	n = text_bytes(read_next, s) - read_partial;
	mutex_unlock(&read_mutex);
	return n;
}

static long read_action(int action, uaddr_t buf, int len)
{
	struct scratch *s;
	long n;

	if (action != SYSLOG_SIZE_UNREAD) {
		if (!buf || len < 0)
			return -EINVAL;
		if (!len)
			return 0;
	}
	s = kmalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	if (action == SYSLOG_SIZE_UNREAD)
		n = size_unread(s);
	else if (action == SYSLOG_READ)
		n = syslog_read(buf, len, s);
	else
		n = read_all(buf, len, action == SYSLOG_READ_CLEAR, s);
	kfree(s);
	return n;
}

static long console_action(int action, int level)
{
	static int saved_level = -1;	/* races of two administrators do no harm */

	if (action == SYSLOG_CONSOLE_LEVEL) {
		if (level < LEVEL_MIN || level > LEVEL_MAX)
			return -EINVAL;
		saved_level = -1;
		WRITE_ONCE(console_loglevel, level);
	} else if (action == SYSLOG_CONSOLE_OFF) {
		if (saved_level < 0)
			saved_level = console_loglevel;
		WRITE_ONCE(console_loglevel, LEVEL_MIN);
	} else if (saved_level >= 0) {
		WRITE_ONCE(console_loglevel, saved_level);
		saved_level = -1;
	}
	return 0;
}

long sys_syslog(int action, uaddr_t buf, int len)
{
	if (action != SYSLOG_READ_ALL && action != SYSLOG_SIZE_BUFFER && !capable(CAP_SYSLOG) &&
	    !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (action) {
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
		return 0;
	case SYSLOG_READ:
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
	case SYSLOG_SIZE_UNREAD:
		return read_action(action, buf, len);
	case SYSLOG_CLEAR:
		set_clear_mark();
		return 0;
	case SYSLOG_CONSOLE_OFF:
	case SYSLOG_CONSOLE_ON:
	case SYSLOG_CONSOLE_LEVEL:
		return console_action(action, len);
	case SYSLOG_SIZE_BUFFER:
		return LOG_RING_SIZE;
	default:
		return -EINVAL;
	}
}
