/* SPDX-License-Identifier: MIT */
/*
 * /dev/random and /dev/urandom. The same bytes; the first waits until the
 * generator is seeded. What is written is mixed in and counts for nothing;
 * RNDADDENTROPY, which may say what it is worth, needs CAP_SYS_ADMIN.
 */
#include <drivers/char/char.h>
#include <arch/page.h>
#include <arch/uaccess.h>
#include <fs/poll.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/sched/sched.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>

#define CHUNK		256
#define POOL_BITS	256		/* what a seeded generator is worth, as Linux reports it */
#define RNDGETENTCNT	0x80045200
#define RNDADDTOENTCNT	0x40045201
#define RNDADDENTROPY	0x40085203
#define RNDZAPENTCNT	0x5204
#define RNDCLEARPOOL	0x5206
#define RNDRESEEDCRNG	0x5207

static ssize_t urandom_read(struct kio *kio, struct iov_iter *to)
{
	ssize_t done = 0;
	u8 chunk[CHUNK];

	while (iov_iter_count(to)) {
		size_t want = min(iov_iter_count(to), sizeof(chunk)), n;

		random_bytes(chunk, want);
		n = copy_to_iter(chunk, want, to);
		done += n;
		if (n < want) {
			done = done ? done : -EFAULT;
			break;
		}
		if (done % PAGE_SIZE)
			continue;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	memset(chunk, 0, sizeof(chunk));
	return done;
}

static ssize_t random_read(struct kio *kio, struct iov_iter *to)
{
	int err;

	if (!random_is_seeded()) {
		if (kio_nonblock(kio))
			return -EAGAIN;
		err = random_wait_seeded();
		if (err)
			return err;
	}
	return urandom_read(kio, to);
}

static ssize_t random_write(struct kio *kio, struct iov_iter *from)
{
	ssize_t done = 0;
	u8 chunk[CHUNK];

	while (iov_iter_count(from)) {
		size_t want = min(iov_iter_count(from), sizeof(chunk)),
		       n = copy_from_iter(chunk, want, from);

		random_add(chunk, n, 0);
		done += n;
		if (n < want)
			return done ? done : -EFAULT;
		if (done % PAGE_SIZE == 0 && signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

static u32 random_poll(struct file *f, struct poll_table *pt)
{
	return random_is_seeded() ? EPOLLIN | EPOLLRDNORM : EPOLLOUT | EPOLLWRNORM;
}

static loff_t random_llseek(struct file *f, loff_t off, int whence)
{
	return f->pos;
}

/* struct { int bits, bytes; u8 data[]; } */
static long add_entropy(uaddr_t arg)
{
	u8 chunk[CHUNK];
	int bits, bytes;

	if (get_user(bits, arg) || get_user(bytes, arg + sizeof(bits)))
		return -EFAULT;
	if (bits < 0 || bytes < 0)
		return -EINVAL;
	arg += sizeof(bits) + sizeof(bytes);
	for (u32 left = bytes, n; left; left -= n, arg += n) {
		n = min(left, (u32)sizeof(chunk));
		if (copy_from_user(chunk, arg, n))
			return -EFAULT;
		random_add(chunk, n, 0);
	}
	random_add(NULL, 0, min_t(u64, bits, (u64)bytes * 8));
	return 0;
}

static long random_ioctl(struct file *f, u32 cmd, u64 arg)
{
	int bits;

	switch (cmd) {
	case RNDGETENTCNT:
		bits = random_is_seeded() ? POOL_BITS : 0;
		return put_user(bits, arg);
	case RNDADDTOENTCNT:
	case RNDADDENTROPY:
	case RNDZAPENTCNT:
	case RNDCLEARPOOL:
	case RNDRESEEDCRNG:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		break;
	default:
		return -EINVAL;
	}
	if (cmd == RNDADDENTROPY)
		return add_entropy(arg);
	if (cmd == RNDADDTOENTCNT) {
		if (get_user(bits, arg))
			return -EFAULT;
		if (bits < 0)
			return -EINVAL;
		random_add(NULL, 0, bits);
	}
	/*
	 * The pool is never emptied, and every write gives
	 * each CPU a new key: as on Linux, nothing to do.
	 */
	return cmd == RNDRESEEDCRNG && !random_is_seeded() ? -ENODATA : 0;
}

const struct file_ops random_file_ops = {
	.read = random_read, .write = random_write, .poll = random_poll, .ioctl = random_ioctl, .llseek = random_llseek,
};
const struct file_ops urandom_file_ops = {
	.read = urandom_read, .write = random_write, .ioctl = random_ioctl, .llseek = random_llseek,
};
