/* SPDX-License-Identifier: MIT */
/*
 * Messages of AF_UNIX: the memory that bytes are in between a send and a receive.
 *
 * The first UNIX_HEAD_MAX bytes lie behind the header, in one allocation; what is more lies in
 * pages. A message is charged to its sender as Linux charges a socket buffer of its size, so that a
 * program which sizes its queues by SO_SNDBUF finds the same room here.
 *
 * A sender may go on as long as its charge is below sndbuf; one that has been stopped is woken when
 * the charge has fallen to a quarter, so that it is not woken for each message.
 */
#include <net/unix/unix.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>

/* Of Linux's socket buffer: its header, and what each buffer has at its end. */
#define SKB_HEADER	256u
#define SKB_TAIL	320u
#define SKB_SMALL	512u		/* the smallest buffer with its tail */

static u32 charge_of(u32 head, u32 nr_pages)
{
	u32 buffer = ALIGN_UP(head, 64u) + SKB_TAIL, size = SKB_SMALL;

	if (unlikely(buffer > size))
		for (size = 1024; size < buffer; size *= 2)
			;
	return SKB_HEADER + size + nr_pages * PAGE_SIZE;
}

static void discharge(struct unix_sock *u, u32 charge)
{
	u32 after = atomic_sub_return(&u->wmem, (s32)charge), limit = READ_ONCE(u->sk.sndbuf);

	if (4ul * after <= limit && 4ul * (after + charge) > limit &&
	    wait_queue_active(&u->sk.wait))
		wake_queue(&u->sk.wait, 0, SOCK_POLL_OUT);
}

static void free_memory(struct unix_msg *msg)
{
	for (u32 i = 0; i < msg->nr_pages; i++)
		page_put(msg->pages[i]);
	kfree(msg);
}

void unix_msg_free(struct unix_msg *msg)
{
	struct unix_sock *sender = msg->sender;

	if (msg->rights) {
		unix_flight_end(msg->rights);
		scm_rights_free(msg->rights);
	}
	if (msg->pid)
		pid_put(msg->pid);
	discharge(sender, msg->charge);
	free_memory(msg);
	unix_put(sender);
}

/* Memory for len bytes; NULL. */
static struct unix_msg *msg_alloc(size_t len)
{
	u32 head = min_t(size_t, len, UNIX_HEAD_MAX),
	    nr_pages = (len - head + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct unix_msg *msg =
		kmalloc(sizeof(*msg) + nr_pages * sizeof(msg->pages[0]) + head, GFP_KERNEL);

	if (!msg)
		return NULL;
	msg->head = (u8 *)&msg->pages[nr_pages];
	msg->len = len;
	msg->consumed = 0;
	msg->peeked = false;
	msg->charge = charge_of(head, nr_pages);
	for (msg->nr_pages = 0; msg->nr_pages < nr_pages; msg->nr_pages++) {
		struct page *page = page_alloc(GFP_KERNEL);

		if (!page) {
			free_memory(msg);
			return NULL;
		}
		msg->pages[msg->nr_pages] = page;
	}
	return msg;
}

static bool fill(struct unix_msg *msg, struct iov_iter *from)
{
	size_t left = msg->len, n = min_t(size_t, left, UNIX_HEAD_MAX);

	if (copy_from_iter(msg->head, n, from) != n)
		return false;
	left -= n;
	for (u32 i = 0; left; i++, left -= n) {
		n = min_t(size_t, left, PAGE_SIZE);
		if (copy_from_iter(page_address(msg->pages[i]), n, from) != n)
			return false;
	}
	return true;
}

static bool may_send(const struct unix_sock *u)
{
	return atomic_read(&u->wmem) < READ_ONCE(u->sk.sndbuf);
}

static int wait_to_send(struct unix_sock *u, ktime_t *left)
{
	struct socket *sk = &u->sk;
	int err;

	for (;;) {
		err = socket_take_error(sk);
		if (err)
			return err;
		if (READ_ONCE(sk->shutdown) & SOCK_SHUT_SEND)
			return -EPIPE;
		if (likely(may_send(u)))
			return 0;
		err = sock_wait_event(&sk->wait, SOCK_POLL_OUT,
				      may_send(u) || READ_ONCE(sk->error) ||
					      (READ_ONCE(sk->shutdown) & SOCK_SHUT_SEND),
				      left);
		if (err)
			return err;
	}
}

int unix_msg_create(struct unix_sock *u, struct iov_iter *from, size_t len, const struct scm *scm,
		    ktime_t *left, struct unix_msg **out)
{
	struct unix_msg *msg;
	int err = wait_to_send(u, left);

	if (err)
		return err;
	msg = msg_alloc(len);
	if (!msg)
		return -ENOBUFS;
	if (!fill(msg, from)) {
		free_memory(msg);
		return -EFAULT;
	}
	atomic_add(&u->wmem, (s32)msg->charge);
	msg->sender = unix_get(u);
	msg->rights = NULL;
	msg->pid = scm->pid ? pid_get(scm->pid) : NULL;
	msg->uid = scm->uid;
	msg->gid = scm->gid;
	*out = msg;
	return 0;
}

/*
 * Whoever asks for credentials gets them, even if the sender
 * did not think of it; and so does who may still ask.
 */
static void add_credentials(struct unix_sock *to, struct unix_msg *msg)
{
	if (msg->pid || (likely(!to->embryo) && !sock_option(&to->sk, SOCK_OPT_PASSCRED) &&
			 !sock_option(&msg->sender->sk, SOCK_OPT_PASSCRED)))
		return;
	msg->pid = pid_get(current_process()->pids[PIDTYPE_TGID]);
	msg->uid = current_cred()->uid;
	msg->gid = current_cred()->gid;
}

void unix_msg_queue_locked(struct unix_sock *to, struct unix_msg *msg)
{
	assert_spin_held(&to->sk.lock);
	add_credentials(to, msg);
	list_add_tail(&msg->node, &to->queue);
	WRITE_ONCE(to->queue_len, to->queue_len + 1);
	/* Who saw the count before this sees the message, or looks again. */
	smp_store_release(&to->arrivals, to->arrivals + 1);
}

size_t unix_msg_copy(const struct unix_msg *msg, size_t at, size_t n, struct iov_iter *to)
{
	size_t done = 0;

	if (likely(at + n <= UNIX_HEAD_MAX))
		return copy_to_iter(msg->head + at, n, to);
	if (at < UNIX_HEAD_MAX) {
		size_t want = min(n, UNIX_HEAD_MAX - at);

		done = copy_to_iter(msg->head + at, want, to);
		if (done < want)
			return done;
	}
	while (done < n) {
		size_t pos = at + done - UNIX_HEAD_MAX, offset = pos % PAGE_SIZE;
		size_t want = min(n - done, PAGE_SIZE - offset);
		size_t got = copy_page_to_iter(page_address(msg->pages[pos / PAGE_SIZE]), offset,
					       want, to);

		done += got;
		if (got < want)
			break;
	}
	return done;
}

struct unix_msg *unix_msg_first(const struct unix_sock *u)
{
	assert_mutex_held(&u->read_mutex);
	return list_empty(&u->queue) ? NULL : list_first(&u->queue, struct unix_msg, node);
}

struct unix_msg *unix_msg_next(const struct unix_sock *u, const struct unix_msg *msg)
{
	struct list_head *next = READ_ONCE(msg->node.next);

	return next != &u->queue ? container_of(next, struct unix_msg, node) : NULL;
}

struct unix_msg *unix_msg_at_offset(struct unix_sock *u, size_t *skip, u32 *arrivals)
{
	struct unix_msg *msg;

	*skip = sock_peek_offset(&u->sk, MSG_PEEK);
	*arrivals = READ_ONCE(u->arrivals);
	/* Then the queue: what is missed there has not been counted here. */
	smp_rmb();
	for (msg = unix_msg_first(u); msg; msg = unix_msg_next(u, msg)) {
		size_t len = msg->len - msg->consumed;

		if (*skip < len || (!*skip && !msg->peeked))
			break;
		*skip -= len;
	}
	if (msg && !msg->len)
		msg->peeked = true;
	return msg;
}

void unix_msg_unlink(struct unix_sock *u, struct unix_msg *msg)
{
	assert_mutex_held(&u->read_mutex);
	spin_lock(&u->sk.lock);
	list_del_rcu(&msg->node);
	WRITE_ONCE(u->queue_len, u->queue_len - 1);
	spin_unlock(&u->sk.lock);
}

int unix_msg_take_scm(struct unix_msg *msg, struct scm *scm, bool peek)
{
	if (!scm->pid && msg->pid) {
		scm->pid = pid_get(msg->pid);
		scm->uid = msg->uid;
		scm->gid = msg->gid;
	}
	if (!msg->rights)
		return 0;
	if (peek) {
		scm->rights = scm_rights_copy(msg->rights);
		if (!scm->rights)
			return -ENOMEM;
		unix_flight_barrier();
	} else {
		scm->rights = msg->rights;
		msg->rights = NULL;
		unix_flight_end(scm->rights);
	}
	return 0;
}
