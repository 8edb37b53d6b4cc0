/* SPDX-License-Identifier: MIT */
/*
 * Descriptors in flight: files inside messages, and cycles of them.
 *
 * A file in a message is held by the message, the message by the queue of a socket, and that socket
 * perhaps by a file in a message. So sockets can keep each other alive with no process left that
 * could ever receive: a cycle, which must be found and broken.
 *
 * How. A socket is suspect if every reference to its file is in some message (in_flight == refs).
 * Of each suspect's references those in suspects' queues are taken off: what is left (outside) is
 * in the queues of sockets that somebody has. A suspect with something left is no suspect, nor is
 * anyone in its queue, and so on. Those that stay suspect are garbage: the messages with
 * descriptors in their queues are dropped, and with them the references.
 *
 * Why that is right while others run. in_flight changes under flight_mutex only, which a collection
 * holds from beginning to end:
 *  (1) A file is counted before its message is queued, and until after it has been taken out. What
 *      is counted but in no suspect's queue counts as outside: a mistake is to the safe side.
 *  (2) To receive from a socket somebody needs its file; a suspect's is in messages alone. To get
 *      it out of one needs flight_mutex (unix_flight_end, or unix_flight_barrier for a copy): so
 *      nobody who comes to a suspect during a collection gets to its queue before the end of it. A
 *      queue of a suspect may grow, never shrink, between the two looks at it.
 *
 * Collections run in a worker: when a socket ends while any is in flight, and when there are very
 * many.
 */
#include <net/unix/unix.h>
#include <kernel/irq/irq.h>
#include <kernel/task/cred.h>

static DEFINE_MUTEX(flight_mutex, RANK_SOCK_FLIGHT);
/* Guarded by flight_mutex. */
static LIST_HEAD(in_flight);		/* sockets, by flight_node */
static u32 nr_in_flight;		/* sockets' references in messages; read without for a hint */

/* references in flight that start a collection, as on Linux */
#define COLLECT_ABOVE	16000u

static void collect(struct work *w);
static struct work collect_work = {
	.node = LIST_HEAD_INIT(collect_work.node), .func = collect,
};

static struct unix_sock *unix_of_file(const struct file *f)
{
	struct socket *sk = socket_of(f);

	return sk && sk->family == AF_UNIX ? unix_of(sk) : NULL;
}

int unix_flight_begin(struct scm_rights *r)
{
	struct account *a = current_cred()->account;

	if ((u64)atomic_read(&a->in_flight) > rlimit_current(RLIMIT_NOFILE) &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	refcount_inc(&a->refs);
	r->account = a;
	atomic_add(&a->in_flight, (s32)r->nr);
	mutex_lock(&flight_mutex);
	for (u32 i = 0; i < r->nr; i++) {
		struct unix_sock *u = unix_of_file(r->file[i]);

		if (!u)
			continue;
		if (!u->in_flight++)
			list_add_tail(&u->flight_node, &in_flight);
		WRITE_ONCE(nr_in_flight, nr_in_flight + 1);
	}
	mutex_unlock(&flight_mutex);
	if (unlikely(READ_ONCE(nr_in_flight) > COLLECT_ABOVE))
		work_queue(&collect_work);
	return 0;
}

static void end_locked(struct scm_rights *r)
{
	for (u32 i = 0; i < r->nr; i++) {
		struct unix_sock *u = unix_of_file(r->file[i]);

		if (!u)
			continue;
		if (!--u->in_flight)
			list_del(&u->flight_node);
		WRITE_ONCE(nr_in_flight, nr_in_flight - 1);
	}
	atomic_sub(&r->account->in_flight, (s32)r->nr);
	account_put(r->account);
	r->account = NULL;
}

void unix_flight_end(struct scm_rights *r)
{
	mutex_lock(&flight_mutex);
	end_locked(r);
	mutex_unlock(&flight_mutex);
}

void unix_flight_barrier(void)
{
	mutex_lock(&flight_mutex);
	mutex_unlock(&flight_mutex);
}

/* --- collection --- */

typedef void (*visit_t)(struct unix_sock *u, struct list_head *later);

static void visit_queue(struct unix_sock *holder, visit_t visit, struct list_head *later)
{
	struct unix_msg *msg;

	list_for_each(msg, &holder->queue, node) {
		for (u32 i = 0; msg->rights && i < msg->rights->nr; i++) {
			struct unix_sock *u = unix_of_file(msg->rights->file[i]);

			if (u)
				visit(u, later);
		}
	}
}

/*
 * The sockets in the messages that would be gone with u:
 * its own, and those of connections not yet accepted.
 */
static void visit_held(struct unix_sock *u, visit_t visit, struct list_head *later)
{
	struct unix_sock *e;

	spin_lock(&u->sk.lock);
	visit_queue(u, visit, later);
	list_for_each(e, &u->embryos, embryo_node) {
		spin_lock_nested(&e->sk.lock, 1);
		visit_queue(e, visit, later);
		spin_unlock(&e->sk.lock);
	}
	spin_unlock(&u->sk.lock);
}

static void explain(struct unix_sock *u, struct list_head *later)
{
	if (u->suspect && u->outside)
		u->outside--;
}

/* Somebody can get at it after all. */
static void clear(struct unix_sock *u, struct list_head *later)
{
	if (!u->suspect)
		return;
	u->suspect = false;
	list_move_tail(&u->flight_node, later);
}

static void find_suspects(struct list_head *suspects)
{
	struct unix_sock *u, *next;

	list_for_each_safe(u, next, &in_flight, flight_node) {
		u->suspect = refcount_read(&u->sk.file->refs) == u->in_flight;
		u->outside = u->in_flight;
		if (u->suspect)
			list_move_tail(&u->flight_node, suspects);
	}
}

/* Those that somebody can reach go back to in_flight, with all that can be reached through them. */
static void clear_reachable(struct list_head *suspects)
{
	struct unix_sock *u, *next;
	LIST_HEAD(later);

	list_for_each_safe(u, next, suspects, flight_node)
		if (u->outside)
			clear(u, &later);
	while (!list_empty(&later)) {
		u = list_first(&later, struct unix_sock, flight_node);
		list_move_tail(&u->flight_node, &in_flight);
		visit_held(u, clear, &later);
	}
}

static void take_messages(struct unix_sock *u, struct list_head *out)
{
	struct unix_msg *msg, *next;

	list_for_each_safe(msg, next, &u->queue, node) {
		if (!msg->rights)
			continue;
		list_move_tail(&msg->node, out);
		WRITE_ONCE(u->queue_len, u->queue_len - 1);
	}
}

static void take_held(struct unix_sock *u, struct list_head *out)
{
	struct unix_sock *e;

	spin_lock(&u->sk.lock);
	take_messages(u, out);
	list_for_each(e, &u->embryos, embryo_node) {
		spin_lock_nested(&e->sk.lock, 1);
		take_messages(e, out);
		spin_unlock(&e->sk.lock);
	}
	spin_unlock(&u->sk.lock);
}

static void collect(struct work *w)
{
	struct unix_msg *msg, *next;
	struct unix_sock *u;
	LIST_HEAD(suspects);
	LIST_HEAD(garbage);

	mutex_lock(&flight_mutex);
	find_suspects(&suspects);
	list_for_each(u, &suspects, flight_node)
		visit_held(u, explain, NULL);
	clear_reachable(&suspects);
	list_for_each(u, &suspects, flight_node) {
		u->suspect = false;
		take_held(u, &garbage);
	}
	list_splice_tail(&suspects, &in_flight);
	mutex_unlock(&flight_mutex);
	list_for_each_safe(msg, next, &garbage, node)
		unix_msg_free(msg);
}

void unix_flight_collect(void)
{
	if (READ_ONCE(nr_in_flight))
		work_queue(&collect_work);
}
