/* SPDX-License-Identifier: MIT */
/*
 * Doubly linked circular lists. The caller's lock
 * guards them; the _rcu forms may race with readers.
 */
#pragma once
#include <kernel/lib/atomic.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void list_init(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return READ_ONCE(l->next) == l;
}

static inline void list_insert(struct list_head *n, struct list_head *prev, struct list_head *next)
{
	n->next = next;
	n->prev = prev;
	next->prev = n;
	/* A lock-free reader that finds n must see its links: pairs with the dependent load. */
	smp_store_release(&prev->next, n);
}

/* At the head (stack) or the tail (queue). Safe against RCU readers. */
static inline void list_add(struct list_head *n, struct list_head *head)
{
	list_insert(n, head, head->next);
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_insert(n, head->prev, head);
}

/* Unlink; n's own links stay, so that an RCU reader standing on it can go on. */
static inline void list_del_rcu(struct list_head *n)
{
	n->next->prev = n->prev;
	WRITE_ONCE(n->prev->next, n->next);
}

/* Unlink and leave n as an empty list, so that list_empty(n) tells "not queued". */
static inline void list_del(struct list_head *n)
{
	list_del_rcu(n);
	list_init(n);
}

static inline void list_move_tail(struct list_head *n, struct list_head *head)
{
	list_del_rcu(n);
	list_add_tail(n, head);
}

static inline void list_move(struct list_head *n, struct list_head *head)
{
	list_del_rcu(n);
	list_add(n, head);
}

/* Append all of src to dst and leave src empty. */
static inline void list_splice_tail(struct list_head *src, struct list_head *dst)
{
	if (list_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}

#define list_entry(ptr, type, member)	container_of(ptr, type, member)
#define list_first(head, type, member)	list_entry((head)->next, type, member)
#define list_last(head, type, member)	list_entry((head)->prev, type, member)
#define list_next(pos, member)		list_entry((pos)->member.next, __typeof__(*(pos)), member)

#define list_for_each(pos, head, member) \
	for (pos = list_first(head, __typeof__(*pos), member); \
	     &pos->member != (head); pos = list_next(pos, member))
/* The body may unlink pos. */
#define list_for_each_safe(pos, tmp, head, member) \
	for (pos = list_first(head, __typeof__(*pos), member), tmp = list_next(pos, member); \
	     &pos->member != (head); pos = tmp, tmp = list_next(tmp, member))
#define list_for_each_rcu(pos, head, member) \
	for (pos = list_entry(READ_ONCE((head)->next), __typeof__(*pos), member); \
	     &pos->member != (head); \
	     pos = list_entry(READ_ONCE(pos->member.next), __typeof__(*pos), member))

/* Hash chains: one pointer per bucket; deletion in O(1); safe against RCU readers. */
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};

static inline void hlist_add(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (h->first)
		h->first->pprev = &n->next;
	smp_store_release(&h->first, n);
}

static inline bool hlist_unhashed(const struct hlist_node *n)
{
	return !n->pprev;
}

static inline void hlist_del_rcu(struct hlist_node *n)
{
	WRITE_ONCE(*n->pprev, n->next);
	if (n->next)
		n->next->pprev = n->pprev;
	n->pprev = NULL;
}

#define hlist_entry_safe(ptr, type, member) ({ \
	__typeof__(ptr) _p = (ptr); \
	_p ? container_of(_p, type, member) : NULL; })
#define hlist_for_each_rcu(pos, head, member) \
	for (pos = hlist_entry_safe(READ_ONCE((head)->first), __typeof__(*pos), member); \
	     pos; pos = hlist_entry_safe(READ_ONCE(pos->member.next), __typeof__(*pos), member))
