/* SPDX-License-Identifier: MIT */
/*
 * The watchdog for users, as Linux has it: opening starts it, each write puts the reset off by the
 * time-out, and closing stops it only after a 'V' in the last write: a program that dies
 * leaves it running.
 *
 * Limit: one watchdog; no pretimeout (EOPNOTSUPP), no temperature, and the cause of the last boot
 * is not told apart (GETBOOTSTATUS 0).
 *
 * Source: Linux include/uapi/linux/watchdog.h, Documentation/watchdog/watchdog-api.rst.
 */
#include <arch/uaccess.h>
#include <drivers/watchdog/watchdog.h>
#include <fs/chrdev.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

#define MISC_MAJOR	10
#define WATCHDOG_MINOR	130
#define WATCHDOG0	MKDEV(249, 0)	/* Linux's is dynamic */
#define DEFAULT_S	60
#define MAGIC		'V'

#define WDIOC_GETSUPPORT	0x80285700
#define WDIOC_GETSTATUS		0x80045701
#define WDIOC_GETBOOTSTATUS	0x80045702
#define WDIOC_GETTEMP		0x80045703
#define WDIOC_SETOPTIONS	0x80045704
#define WDIOC_KEEPALIVE		0x80045705
#define WDIOC_SETTIMEOUT	0xc0045706
#define WDIOC_GETTIMEOUT	0x80045707
#define WDIOC_SETPRETIMEOUT	0xc0045708
#define WDIOC_GETPRETIMEOUT	0x80045709
#define WDIOC_GETTIMELEFT	0x8004570a
#define WDIOF_SETTIMEOUT	0x0080
#define WDIOF_MAGICCLOSE	0x0100
#define WDIOF_KEEPALIVEPING	0x8000
#define WDIOS_DISABLECARD	1
#define WDIOS_ENABLECARD	2

struct watchdog_info {
	u32 options, firmware_version;
	u8 identity[32];
};

static struct watchdog *the_watchdog;	/* constant after registration */

/* --- lock held --- */

static void start(struct watchdog *w)
{
	w->ops->start(w);
	w->running = true;
}

static void stop(struct watchdog *w)
{
	w->ops->stop(w);
	w->running = false;
}

static void ping(struct watchdog *w)
{
	if (w->running)
		w->ops->start(w);
}

/* --- the device --- */

static int watchdog_open(struct inode *inode, struct file *f)
{
	struct watchdog *w = the_watchdog;
	int err = 0;

	mutex_lock(&w->lock);
	if (w->open)
		err = -EBUSY;
	if (!err) {
		w->open = true;
		w->may_stop = false;
		start(w);
	}
	mutex_unlock(&w->lock);
	f->private = w;
	return err;
}

static void watchdog_release(struct file *f)
{
	struct watchdog *w = f->private;

	mutex_lock(&w->lock);
	if (w->running && w->may_stop) {
		stop(w);
	} else if (w->running) {
		pr_err("watchdog0: closed, and still counting: %u s\n", w->timeout_s);
		ping(w);
	}
	w->open = false;
	mutex_unlock(&w->lock);
}

static ssize_t watchdog_write(struct kio *kio, struct iov_iter *from)
{
	struct watchdog *w = kio->file->private;
	size_t len = iov_iter_count(from);
	bool magic = false;
	char text[64];

	while (iov_iter_count(from)) {
		size_t n = copy_from_iter(text, min(iov_iter_count(from), sizeof(text)), from);

		if (!n)
			return -EFAULT;
		magic = magic || memchr(text, MAGIC, n);
	}
	if (!len)
		return 0;
	mutex_lock(&w->lock);
	w->may_stop = magic;
	ping(w);
	mutex_unlock(&w->lock);
	return (ssize_t)len;
}

static long get_support(const struct watchdog *w, uaddr_t arg)
{
	struct watchdog_info info = { .options = WDIOF_SETTIMEOUT | WDIOF_MAGICCLOSE | WDIOF_KEEPALIVEPING };

	strscpy((char *)info.identity, w->identity, sizeof(info.identity));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long set_options(struct watchdog *w, uaddr_t arg)
{
	s32 options;

	if (get_user(options, arg))
		return -EFAULT;
	mutex_lock(&w->lock);
	if (options & WDIOS_DISABLECARD)
		stop(w);
	if (options & WDIOS_ENABLECARD)
		start(w);
	mutex_unlock(&w->lock);
	return 0;
}

static long set_timeout(struct watchdog *w, uaddr_t arg)
{
	s32 seconds;

	if (get_user(seconds, arg))
		return -EFAULT;
	if (seconds < 1 || (u32)seconds > w->max_timeout_s)
		return -EINVAL;
	mutex_lock(&w->lock);
	w->timeout_s = (u32)seconds;
	ping(w);
	mutex_unlock(&w->lock);
	return put_user(seconds, arg);
}

static long keep_alive(struct watchdog *w)
{
	mutex_lock(&w->lock);
	ping(w);
	mutex_unlock(&w->lock);
	return 0;
}

static u32 time_left(struct watchdog *w)
{
	u32 left;

	mutex_lock(&w->lock);
	left = w->running ? w->ops->left(w) : 0;
	mutex_unlock(&w->lock);
	return left;
}

static long watchdog_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct watchdog *w = f->private;

	switch (cmd) {
	case WDIOC_GETSUPPORT:
		return get_support(w, (uaddr_t)arg);
	case WDIOC_GETSTATUS:
	case WDIOC_GETBOOTSTATUS:
	case WDIOC_GETPRETIMEOUT:
		return put_user(0, (uaddr_t)arg);
	case WDIOC_SETOPTIONS:
		return set_options(w, (uaddr_t)arg);
	case WDIOC_KEEPALIVE:
		return keep_alive(w);
	case WDIOC_SETTIMEOUT:
		return set_timeout(w, (uaddr_t)arg);
	case WDIOC_GETTIMEOUT:
		return put_user((s32)READ_ONCE(w->timeout_s), (uaddr_t)arg);
	case WDIOC_GETTIMELEFT:
		return put_user((s32)time_left(w), (uaddr_t)arg);
	case WDIOC_SETPRETIMEOUT:
	case WDIOC_GETTEMP:
		return -EOPNOTSUPP;
	}
	return -ENOTTY;
}

static const struct file_ops watchdog_ops = {
	.open = watchdog_open, .release = watchdog_release, .write = watchdog_write, .ioctl = watchdog_ioctl,
};

/* --- sysfs --- */

static struct watchdog *watchdog_of(const struct pseudo *p)
{
	return sys_device_of(p)->priv;
}

static int identity_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%s\n", watchdog_of(p)->identity);
	return 0;
}

static int state_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%s\n", READ_ONCE(watchdog_of(p)->running) ? "active" : "inactive");
	return 0;
}

static int timeout_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", READ_ONCE(watchdog_of(p)->timeout_s));
	return 0;
}

static int timeleft_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", time_left(watchdog_of(p)));
	return 0;
}

static const struct pseudo_entry files[] = {
	SYS_DEVICE_NODE_FILES, PSEUDO_FILE("identity", identity_show),
	PSEUDO_FILE("state", state_show), PSEUDO_FILE("timeleft", timeleft_show),
	PSEUDO_FILE("timeout", timeout_show), { 0 },
};
static const struct pseudo_entry watchdog_dir = SYS_DEVICE_DIR(files);

int watchdog_register(struct watchdog *w)
{
	dev_t misc = MKDEV(MISC_MAJOR, WATCHDOG_MINOR);
	int err;

	if (the_watchdog)
		return -EBUSY;
	mutex_init(&w->lock, RANK_MUTEX_LEAF);
	w->timeout_s = min(w->timeout_s ? w->timeout_s : DEFAULT_S, w->max_timeout_s);
	the_watchdog = w;
	err = chrdev_register(misc, 1, "watchdog", &watchdog_ops);
	if (!err)
		err = chrdev_register(WATCHDOG0, 1, "watchdog", &watchdog_ops);
	if (!err)
		err = chrdev_node_create("watchdog", S_IFCHR | 0600, misc);
	if (!err)
		err = chrdev_node_create("watchdog0", S_IFCHR | 0600, WATCHDOG0);
	w->sys = (struct sys_device){
		.class = "watchdog", .name = "watchdog0", .dir = &watchdog_dir, .priv = w, .dev = WATCHDOG0,
	};
	sys_device_add(&w->sys);
	return err;
}
