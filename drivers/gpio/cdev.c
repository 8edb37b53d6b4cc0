/* SPDX-License-Identifier: MIT */
/*
 * Pins for users: /dev/gpiochip<n>, the second version of Linux's interface, as libgpiod uses it.
 *
 * A chip tells what it has and gives out lines; the lines of one request are a file of its own,
 * through which they are read and driven until it is closed. A line belongs to one request, or to
 * the driver that the tree gives it to. Edges of lines come as interrupts, each with its time, and wait in
 * the request's file to be read (events.c).
 *
 * Limit: lines are inputs or push-pull outputs: open drain, open source, pull resistors and debouncing
 * give EOPNOTSUPP, and so does a hardware clock for events. The first version of the interface and
 * watching lines give EINVAL.
 *
 * Source: Linux include/uapi/linux/gpio.h.
 */
#include <arch/uaccess.h>
#include <drivers/gpio/events.h>
#include <drivers/gpio/gpio.h>
#include <fs/chrdev.h>
#include <fs/sys/class.h>
#include <kernel/lib/string.h>
#include <kernel/lock/mutex.h>
#include <kernel/printk.h>
#include <kernel/uapi/fcntl.h>

#define GPIO_MAJOR	254
#define MAX_CHIPS	8
#define LINES_MAX	64
#define ATTRS_MAX	10
#define NAME_MAX_BYTES	32

#define GPIO_GET_CHIPINFO	0x8044b401
#define GPIO_V2_GET_LINEINFO	0xc100b405
#define GPIO_V2_GET_LINE	0xc250b407
#define GPIO_V2_LINE_SET_CONFIG	0xc110b40d
#define GPIO_V2_LINE_GET_VALUES	0xc010b40e
#define GPIO_V2_LINE_SET_VALUES	0xc010b40f

#define LINE_USED	BIT(0)
#define LINE_ACTIVE_LOW	BIT(1)
#define LINE_INPUT	BIT(2)
#define LINE_OUTPUT	BIT(3)
#define LINE_RISING	BIT(4)
#define LINE_FALLING	BIT(5)
#define LINE_EDGES	(LINE_RISING | LINE_FALLING)
#define LINE_REAL_TIME	BIT(11)		/* of events */
#define LINE_KNOWN	GENMASK(12, 0)
#define LINE_KEPT	(LINE_ACTIVE_LOW | LINE_EDGES | LINE_REAL_TIME)
#define ATTR_FLAGS	1
#define ATTR_VALUES	2
#define ATTR_DEBOUNCE	3

struct chip_info {
	char name[NAME_MAX_BYTES], label[NAME_MAX_BYTES];
	u32 lines;
};

struct line_attr {
	u32 id, pad;
	u64 value;			/* flags, values, or us */
};

struct line_config_attr {
	struct line_attr attr;
	u64 mask;			/* of the request's lines */
};

struct line_config {
	u64 flags;
	u32 nr_attrs, pad[5];
	struct line_config_attr attrs[ATTRS_MAX];
};

struct line_request {
	u32 offsets[LINES_MAX];
	char consumer[NAME_MAX_BYTES];
	struct line_config config;
	u32 nr_lines, event_buffer_size, pad[5];
	s32 fd;
};

struct line_info {
	char name[NAME_MAX_BYTES], consumer[NAME_MAX_BYTES];
	u32 offset, nr_attrs;
	u64 flags;
	struct line_attr attrs[ATTRS_MAX];
	u32 pad[4];
};

struct line_values {
	u64 bits, mask;
};
_Static_assert(sizeof(struct line_request) == 592 && sizeof(struct line_info) == 256 &&
	       sizeof(struct line_config) == 272, "Linux's");

/* One chip as users see it. */
struct gpio_cdev {
	/* Constant after gpio_cdev_add(). */
	struct gpio_chip *chip;
	u32 nr;
	struct sys_device sys;
	struct gpio_watch watch;	/* of all its lines */

	struct mutex lock;		/* RANK_MUTEX_LEAF: all below */
	struct spinlock edge_lock;	/* RANK_GPIO, irq-safe: flags and the file, beside lock */
	struct {
		bool used;
		u64 flags;		/* of who used it last */
		char consumer[NAME_MAX_BYTES];
		struct line_file *file;	/* gets its edges; NULL: nobody does */
		u32 seqno;		/* of its last edge; edge_lock */
	} lines[LINES_MAX];
};

/* The lines of one request. */
struct line_file {
	struct gpio_cdev *cdev;
	u32 nr;
	u32 offsets[LINES_MAX];
	struct line_events events;
};

static struct gpio_cdev *cdevs[MAX_CHIPS];	/* written by the boot thread; constant after */
static u32 nr_cdevs;

/* --- lines --- */

static int check_flags(u64 flags)
{
	if (flags & ~LINE_KNOWN ||
	    (flags & (LINE_INPUT | LINE_OUTPUT)) == (LINE_INPUT | LINE_OUTPUT) ||
	    (flags & LINE_USED) || ((flags & LINE_EDGES) && !(flags & LINE_INPUT)))
		return -EINVAL;
	return flags & ~(LINE_KEPT | LINE_INPUT | LINE_OUTPUT) ? -EOPNOTSUPP : 0;
}

/* What the attributes say of line i of a request; the first that names it counts. */
static u64 attr_of(const struct line_config *c, u32 i, u32 id, u64 otherwise)
{
	for (u32 n = 0; n < c->nr_attrs; n++)
		if (c->attrs[n].attr.id == id && (c->attrs[n].mask >> i & 1))
			return c->attrs[n].attr.value;
	return otherwise;
}

static int check_config(const struct gpio_chip *chip, const struct line_config *c, u32 nr_lines)
{
	int err = c->nr_attrs > ATTRS_MAX ? -EINVAL : 0;

	for (u32 i = 0; i < ARRAY_SIZE(c->pad); i++)
		if (c->pad[i])
			return -EINVAL;
	for (u32 n = 0; !err && n < c->nr_attrs; n++) {
		if (c->attrs[n].attr.id == ATTR_DEBOUNCE)
			return -EOPNOTSUPP;
		if (c->attrs[n].attr.id != ATTR_FLAGS && c->attrs[n].attr.id != ATTR_VALUES)
			return -EINVAL;
	}
	for (u32 i = 0; !err && i < nr_lines; i++) {
		u64 flags = attr_of(c, i, ATTR_FLAGS, c->flags);

		err = check_flags(flags);
		if (!err && (flags & LINE_EDGES) && !chip->ops->watch)
			err = -ENXIO;
	}
	return err;
}

static struct gpio gpio_of(const struct gpio_cdev *c, u32 pin)
{
	return (struct gpio){ .chip = c->chip, .pin = pin, .active_low = c->lines[pin].flags & LINE_ACTIVE_LOW };
}

/* Lock held. What its edges are to be called, and who gets them; none from a watch before. */
static void set_flags(struct line_file *l, u32 pin, u64 flags)
{
	struct gpio_cdev *c = l->cdev;
	struct gpio g = gpio_of(c, pin);
	u64 irq;

	if (c->lines[pin].file)
		gpio_unwatch(&g);
	irq = spin_lock_irqsave(&c->edge_lock);
	c->lines[pin].file = flags & LINE_EDGES ? l : NULL;
	c->lines[pin].flags = flags;
	spin_unlock_irqrestore(&c->edge_lock, irq);
}

/* Lock held. The edges of the wire that are the line's. */
static void watch_edges(struct gpio_cdev *c, u32 pin, u64 flags)
{
	u64 rising = flags & LINE_ACTIVE_LOW ? LINE_FALLING : LINE_RISING;
	u32 edges = (flags & rising ? GPIO_RISING : 0) | (flags & LINE_EDGES & ~rising ? GPIO_FALLING : 0);
	struct gpio g = gpio_of(c, pin);

	if (edges && gpio_watch(&g, edges, &c->watch))
		pr_err("%s: line %u cannot be watched\n", c->sys.name, pin);
}

/* Lock held. Lines of which nothing is said stay as they are. */
static void configure(struct line_file *l, const struct line_config *config)
{
	for (u32 i = 0; i < l->nr; i++) {
		u64 flags = attr_of(config, i, ATTR_FLAGS, config->flags);
		u32 pin = l->offsets[i];
		struct gpio g;

		set_flags(l, pin, flags);
		g = gpio_of(l->cdev, pin);
		if (flags & LINE_OUTPUT)
			gpio_output(&g, attr_of(config, i, ATTR_VALUES, 0) >> i & 1);
		else if (flags & LINE_INPUT)
			gpio_is_active(&g);
		watch_edges(l->cdev, pin, flags);
	}
}

/* Interrupt context. */
static void line_edge(void *arg, u32 pin, u32 edge)
{
	struct gpio_cdev *c = arg;
	struct line_file *l;
	u64 irq = spin_lock_irqsave(&c->edge_lock);

	l = c->lines[pin].file;
	if (l) {
		u64 flags = c->lines[pin].flags;
		bool rising = (edge == GPIO_RISING) != !!(flags & LINE_ACTIVE_LOW);

		line_events_add(&l->events, flags & LINE_REAL_TIME ? ktime_real() : (u64)ktime_get(), rising, pin,
				++c->lines[pin].seqno);
	}
	spin_unlock_irqrestore(&c->edge_lock, irq);
}

/* --- a request's file --- */

static long get_values(const struct line_file *l, uaddr_t arg)
{
	struct line_values v;

	if (copy_from_user(&v, arg, sizeof(v)))
		return -EFAULT;
	if (!(v.mask & GENMASK(l->nr - 1, 0)))
		return -EINVAL;
	v.bits = 0;
	mutex_lock(&l->cdev->lock);
	for (u32 i = 0; i < l->nr; i++) {
		struct gpio g = gpio_of(l->cdev, l->offsets[i]);

		if (v.mask >> i & 1)
			v.bits |= (u64)gpio_level(&g) << i;
	}
	mutex_unlock(&l->cdev->lock);
	return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static long set_values(const struct line_file *l, uaddr_t arg)
{
	struct line_values v;
	int err = 0;

	if (copy_from_user(&v, arg, sizeof(v)))
		return -EFAULT;
	if (!(v.mask & GENMASK(l->nr - 1, 0)))
		return -EINVAL;
	mutex_lock(&l->cdev->lock);
	for (u32 i = 0; i < l->nr; i++)
		if ((v.mask >> i & 1) && !(l->cdev->lines[l->offsets[i]].flags & LINE_OUTPUT))
			err = -EPERM;
	for (u32 i = 0; i < l->nr && !err; i++) {
		struct gpio g = gpio_of(l->cdev, l->offsets[i]);

		if (v.mask >> i & 1)
			gpio_output(&g, v.bits >> i & 1);
	}
	mutex_unlock(&l->cdev->lock);
	return err;
}

static long set_config(struct line_file *l, uaddr_t arg)
{
	struct line_config *c = kmalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return -ENOMEM;
	err = copy_from_user(c, arg, sizeof(*c)) ? -EFAULT : check_config(l->cdev->chip, c, l->nr);
	if (!err) {
		mutex_lock(&l->cdev->lock);
		configure(l, c);
		mutex_unlock(&l->cdev->lock);
	}
	kfree(c);
	return err;
}

static long line_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case GPIO_V2_LINE_GET_VALUES:
		return get_values(f->private, (uaddr_t)arg);
	case GPIO_V2_LINE_SET_VALUES:
		return set_values(f->private, (uaddr_t)arg);
	case GPIO_V2_LINE_SET_CONFIG:
		return set_config(f->private, (uaddr_t)arg);
	}
	return -EINVAL;
}

static void give_back(struct line_file *l)
{
	mutex_lock(&l->cdev->lock);
	for (u32 i = 0; i < l->nr; i++) {
		u32 pin = l->offsets[i];

		set_flags(l, pin, l->cdev->lines[pin].flags & ~LINE_EDGES);
		l->cdev->lines[pin].used = false;
	}
	mutex_unlock(&l->cdev->lock);
	line_events_end(&l->events);
	kfree(l);
}

static void line_release(struct file *f)
{
	give_back(f->private);
}

static ssize_t line_read(struct kio *kio, struct iov_iter *to)
{
	struct line_file *l = kio->file->private;

	return line_events_read(&l->events, kio, to);
}

static u32 line_poll(struct file *f, struct poll_table *pt)
{
	struct line_file *l = f->private;

	return line_events_poll(&l->events, f, pt);
}

static const struct file_ops line_ops = {
	.read = line_read, .poll = line_poll, .ioctl = line_ioctl, .release = line_release,
};

/* --- the chip's file --- */

/* Lock held. All lines of the request, or none: -EBUSY. */
static int take_lines(struct line_file *l, const char *consumer)
{
	for (u32 i = 0; i < l->nr; i++) {
		u32 pin = l->offsets[i];

		if (l->cdev->lines[pin].used || l->cdev->chip->owners[pin]) {
			while (i--)
				l->cdev->lines[l->offsets[i]].used = false;
			return -EBUSY;
		}
		l->cdev->lines[pin].used = true;
		l->cdev->lines[pin].seqno = 0;
		strscpy(l->cdev->lines[pin].consumer, consumer[0] ? consumer : "?", NAME_MAX_BYTES);
	}
	return 0;
}

static int check_request(const struct gpio_cdev *c, struct line_request *r)
{
	int err = !r->nr_lines || r->nr_lines > LINES_MAX ? -EINVAL :
		  check_config(c->chip, &r->config, r->nr_lines);

	for (u32 i = 0; i < ARRAY_SIZE(r->pad); i++)
		if (r->pad[i])
			return -EINVAL;
	for (u32 i = 0; !err && i < r->nr_lines; i++)
		if (r->offsets[i] >= c->chip->nr_pins)
			err = -EINVAL;
	r->consumer[NAME_MAX_BYTES - 1] = 0;
	return err;
}

static int request_lines(struct gpio_cdev *c, struct line_request *r, struct line_file *l)
{
	int err;

	l->cdev = c;
	l->nr = r->nr_lines;
	memcpy(l->offsets, r->offsets, sizeof(l->offsets));
	err = line_events_init(&l->events, l->nr, r->event_buffer_size);
	if (err)
		return err;
	mutex_lock(&c->lock);
	err = take_lines(l, r->consumer);
	if (!err)
		configure(l, &r->config);
	mutex_unlock(&c->lock);
	if (err)
		line_events_end(&l->events);
	return err;
}

/* A descriptor for the lines; its number goes to *at. */
static int hand_out(struct line_file *l, uaddr_t at)
{
	int fd = fd_reserve(O_CLOEXEC), err;
	struct file *f = NULL;

	if (fd < 0)
		return fd;
	err = put_user((s32)fd, at) ? -EFAULT : 0;
	if (!err)
		f = file_create_anon("gpio-line", &line_ops, l, O_RDWR, &err);
	if (f)
		fd_install(fd, f);
	else
		fd_release(fd);
	return f ? 0 : err;
}

static long get_line(struct gpio_cdev *c, uaddr_t arg)
{
	struct line_request *r = kmalloc(sizeof(*r), GFP_KERNEL);
	struct line_file *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err = r && l ? 0 : -ENOMEM;

	if (!err && copy_from_user(r, arg, sizeof(*r)))
		err = -EFAULT;
	if (!err)
		err = check_request(c, r);
	if (!err)
		err = request_lines(c, r, l);
	if (err) {
		kfree(l);
		kfree(r);
		return err;
	}
	err = hand_out(l, arg + offsetof(struct line_request, fd));
	if (err)
		give_back(l);
	kfree(r);
	return err;
}

static u64 flags_of(const struct gpio_cdev *c, u32 pin)
{
	u64 flags = c->chip->ops->is_output(c->chip, pin) ? LINE_OUTPUT : LINE_INPUT;

	if (c->lines[pin].used)
		flags |= c->lines[pin].flags & LINE_KEPT;
	return flags | (c->lines[pin].used || c->chip->owners[pin] ? LINE_USED : 0);
}

static long get_line_info(struct gpio_cdev *c, uaddr_t arg)
{
	struct line_info info;
	u32 pin;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	pin = info.offset;
	if (pin >= c->chip->nr_pins || info.pad[0] || info.pad[1] || info.pad[2] || info.pad[3])
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	info.offset = pin;
	mutex_lock(&c->lock);
	info.flags = flags_of(c, pin);
	if (c->lines[pin].used)
		strscpy(info.consumer, c->lines[pin].consumer, sizeof(info.consumer));
	else if (c->chip->owners[pin])
		strscpy(info.consumer, c->chip->owners[pin], sizeof(info.consumer));
	mutex_unlock(&c->lock);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long get_chip_info(const struct gpio_cdev *c, uaddr_t arg)
{
	struct chip_info info = { .lines = c->chip->nr_pins };

	snprintf(info.name, sizeof(info.name), "gpiochip%u", c->nr);
	strscpy(info.label, c->chip->dev->name, sizeof(info.label));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long chip_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case GPIO_GET_CHIPINFO:
		return get_chip_info(f->private, (uaddr_t)arg);
	case GPIO_V2_GET_LINEINFO:
		return get_line_info(f->private, (uaddr_t)arg);
	case GPIO_V2_GET_LINE:
		return get_line(f->private, (uaddr_t)arg);
	}
	return -EINVAL;
}

static int chip_open(struct inode *inode, struct file *f)
{
	f->private = cdevs[MINOR(inode->rdev)];
	return f->private ? 0 : -ENODEV;
}

static const struct file_ops chip_ops = { .open = chip_open, .ioctl = chip_ioctl };

static const struct pseudo_entry files[] = { SYS_DEVICE_NODE_FILES, { 0 } };
static const struct pseudo_entry gpio_dir = SYS_DEVICE_DIR(files);

void gpio_cdev_add(struct gpio_chip *chip)
{
	struct gpio_cdev *c = kzalloc(sizeof(*c), GFP_KERNEL);
	char name[16];

	if (!c || nr_cdevs == MAX_CHIPS || chip->nr_pins > LINES_MAX ||
	    (!nr_cdevs &&
	     chrdev_register(MKDEV(GPIO_MAJOR, 0), MAX_CHIPS, "gpiochip", &chip_ops))) {
		kfree(c);
		return;
	}
	mutex_init(&c->lock, RANK_MUTEX_LEAF);
	spin_lock_init(&c->edge_lock, RANK_GPIO);
	c->watch = (struct gpio_watch){ .edge = line_edge, .arg = c };
	c->chip = chip;
	c->nr = nr_cdevs;
	snprintf(name, sizeof(name), "gpiochip%u", c->nr);
	cdevs[nr_cdevs++] = c;
	c->sys = (struct sys_device){
		.class = "gpio", .dir = &gpio_dir, .priv = c, .on_bus = true, .dev = MKDEV(GPIO_MAJOR, c->nr),
	};
	strscpy(c->sys.name, name, sizeof(c->sys.name));
	sys_device_add(&c->sys);
	if (chrdev_node_create(name, S_IFCHR | 0600, MKDEV(GPIO_MAJOR, c->nr)))
		pr_err("%s: no node in /dev\n", name);
}
