/* SPDX-License-Identifier: MIT */
/* The kernel that world.h plays: allocators, clock, softirqs, RCU, and the cable of eth0. */
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/tick.h>
#include <kernel/time/hrtimer.h>
#include <net/inet/neigh.h>
#include <net/inet/stack.h>
#include <net/netdev/core.h>
#include <net/port/port.h>
#include "world.h"
#include "../unit.h"

void *malloc(size_t size);
void free(void *p);
void abort(void) __noreturn;
char *getenv(const char *name);
int vprintf(const char *fmt, va_list ap);
int fflush(void *stream);
void __asan_poison_memory_region(const volatile void *addr, size_t size);
void __asan_unpoison_memory_region(const volatile void *addr, size_t size);

/* --- one CPU, one thread --- */

struct thread_info host_thread_info;
u64 percpu_offsets[NR_CPUS];
u32 nr_cpus = 1;
u64 cpus_online = 1;
u64 ram_pages = 1u << 17;

static void (*softirqs[NR_SOFTIRQS])(void);
static u32 raised;

void softirq_register(enum softirq nr, void (*func)(void))	{ softirqs[nr] = func; }
void softirq_raise(enum softirq nr)				{ raised |= 1u << nr; }
void softirq_raise_on(u32 cpu, enum softirq nr)			{ softirq_raise(nr); }

static void serve(void)
{
	host_thread_info.preempt_count += SOFTIRQ_SERVING;
	while (raised) {
		u32 nr = (u32)__builtin_ctz(raised);

		raised &= raised - 1;
		softirqs[nr]();
	}
	host_thread_info.preempt_count -= SOFTIRQ_SERVING;
}

void softirq_enable_slow(void)
{
	host_thread_info.preempt_count -= SOFTIRQ_ONE;
	if (!(host_thread_info.preempt_count & SOFTIRQ_MASK) && raised)
		serve();
}

void preempt_schedule(void)				{ }
void spin_lock_slow(struct spinlock *l)			{ panic("a lock is taken twice"); }
void mutex_init(struct mutex *m, enum lock_rank rank)	{ }
void mutex_lock(struct mutex *m)			{ m->owner = 1; }
void mutex_unlock(struct mutex *m)			{ m->owner = 0; }
void refcount_report(refcount_t *r)			{ panic("a reference count is wrong"); }

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(NULL);
	abort();
}

void warn_at(const char *file, int line, const char *fmt, ...)
{
	panic("warning at %s:%d", file, line);
}

void printk(enum log_level level, const char *fmt, ...)	{ }

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n = strnlen(src, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
	return (ssize_t)n;
}

/* --- memory --- */

u32 world_fail_one_in;
static s64 objects;

static bool fails(u32 gfp)
{
	return world_fail_one_in && world_chance() % world_fail_one_in == 0;
}

void *kmalloc(size_t size, u32 gfp)
{
	void *p = fails(gfp) ? NULL : malloc(size);

	if (!p)
		return NULL;
	objects++;
	memset(p, gfp & GFP_ZERO ? 0 : 0xa5, size);
	return p;
}

void *kzalloc(size_t size, u32 gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}

void *kcalloc(size_t n, size_t size, u32 gfp)
{
	return n && size > ~0ul / n ? NULL : kzalloc(n * size, gfp);
}

void kfree(const void *p)
{
	objects -= p != NULL;
	free((void *)p);
}

struct kmem_cache {
	size_t size;
};

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *))
{
	struct kmem_cache *c = malloc(sizeof(*c));

	c->size = size;
	return c;
}

void *kmem_cache_alloc(struct kmem_cache *c, u32 gfp)	{ return kmalloc(c->size, gfp); }
void *kmem_cache_zalloc(struct kmem_cache *c, u32 gfp)	{ return kzalloc(c->size, gfp); }
void kmem_cache_free(struct kmem_cache *c, void *p)	{ kfree(p); }

#define NR_PAGES	32768u
char host_ram[NR_PAGES * PAGE_SIZE] __aligned(PAGE_SIZE);
char host_pages[NR_PAGES * sizeof(struct page)] __aligned(64);
static u32 free_pages[NR_PAGES], nr_free, nr_seen;

struct page *page_alloc_order(unsigned order, u32 gfp)
{
	struct page *p;

	if (order || fails(gfp) || (!nr_free && nr_seen == NR_PAGES))
		return NULL;
	p = vmemmap + (nr_free ? free_pages[--nr_free] : nr_seen++);
	p->refs = 1;
	__asan_unpoison_memory_region(page_address(p), PAGE_SIZE);
	memset(page_address(p), gfp & GFP_ZERO ? 0 : 0xa5, PAGE_SIZE);
	return p;
}

void page_free_last(struct page *p)
{
	__asan_poison_memory_region(page_address(p), PAGE_SIZE);
	free_pages[nr_free++] = (u32)(p - vmemmap);
}

u32 world_pages_used(void)	{ return nr_seen - nr_free; }
s64 world_objects(void)		{ return objects; }

/* --- copying: kernel memory only --- */

void iov_iter_kernel(struct iov_iter *it, const struct kvec *vec, u32 nr, size_t count)
{
	*it = (struct iov_iter){ .kind = ITER_KERNEL, .nr_segs = nr, .count = count, .kvec = vec };
}

void iov_iter_pages(struct iov_iter *it, const struct bvec *vec, u32 nr, size_t count)
{
	*it = (struct iov_iter){ .kind = ITER_PAGES, .nr_segs = nr, .count = count, .bvec = vec };
}

/* One page is enough for tests. */
struct page *iov_iter_page(struct iov_iter *it, size_t want, u32 *offset, u32 *len)
{
	*offset = it->bvec->offset + (u32)it->offset;
	*len = (u32)min(want, it->count);
	return it->bvec->page;
}

static size_t copy_of_page(void *buf, size_t n, struct iov_iter *it)
{
	n = min(n, it->count);
	if (buf)
		memcpy(buf, (u8 *)page_address(it->bvec->page) + it->bvec->offset + it->offset, n);
	it->count -= n;
	it->offset += n;
	return n;
}

u32 world_bytes_there = U32_MAX;

static size_t copy(void *buf, size_t n, struct iov_iter *it, bool out)
{
	size_t done = 0;

	if (it->kind == ITER_PAGES)
		return copy_of_page(buf, n, it);
	while (done < n && it->count) {
		u8 *at = (u8 *)it->kvec->base + it->offset;
		size_t part = min(min(n - done, it->count), it->kvec->len - it->offset);

		if (buf && out)
			memcpy(at, (u8 *)buf + done, part);
		else if (buf)
			memcpy((u8 *)buf + done, at, part);
		done += part;
		it->count -= part;
		it->offset += part;
		if (it->offset == it->kvec->len) {
			it->kvec++;
			it->offset = 0;
		}
	}
	return done;
}

size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it)
{
	return copy((void *)src, n, it, true);
}
size_t copy_to_iter_atomic(const void *src, size_t n, struct iov_iter *it)
{
	return copy((void *)src, min(n, (size_t)world_bytes_there), it, true);
}
size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it)
{
	return copy(dst, n, it, false);
}
void iov_iter_advance(struct iov_iter *it, size_t n)
{
	copy(NULL, n, it, false);
}
void iov_iter_revert(struct iov_iter *it, size_t n)
{
	it->count += n;
	while (n > it->offset) {
		n -= it->offset;
		it->kvec--;
		it->offset = it->kvec->len;
	}
	it->offset -= n;
}

/* --- time --- */

static u64 now_ns = NS_PER_SEC;
ktime_t tick_last = NS_PER_SEC;
static struct hrtimer *timers[64];

ktime_t ktime_get(void)		{ return now_ns; }
u64 ktime_real(void)		{ return now_ns; }
u64 world_now_ms(void)		{ return now_ns / NS_PER_MS; }

void hrtimer_init(struct hrtimer *t, enum hrtimer_restart (*func)(struct hrtimer *))
{
	*t = (struct hrtimer){ .func = func };
}

void hrtimer_start(struct hrtimer *t, ktime_t expires_ns)
{
	u32 i = 0;

	t->expires_ns = expires_ns;
	t->state = 1;
	while (i < ARRAY_SIZE(timers) && timers[i] && timers[i] != t)
		i++;
	if (i == ARRAY_SIZE(timers))
		panic("too many timers");
	timers[i] = t;
}

/* It may be freed from here on. */
bool hrtimer_cancel(struct hrtimer *t)
{
	bool was = t->state;
	u32 last = 0;

	t->state = 0;
	while (last < ARRAY_SIZE(timers) && timers[last])
		last++;
	for (u32 i = 0; i < last; i++)
		if (timers[i] == t) {
			timers[i] = timers[last - 1];
			timers[last - 1] = NULL;
			break;
		}
	return was;
}

/* --- RCU: a grace period is over with the next millisecond --- */

static struct rcu_head *callbacks;

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	head->next = callbacks;
	callbacks = head;
}

static void rcu_run(void)
{
	while (callbacks) {
		struct rcu_head *head = callbacks;

		callbacks = head->next;
		if ((u64)head->func < 4096)
			kfree((char *)head - (u64)head->func);
		else
			head->func(head);
	}
}

void synchronize_rcu(void)	{ rcu_run(); }

/* --- works: run with the next millisecond --- */

static struct list_head works = LIST_HEAD_INIT(works);

void work_init(struct work *w, void (*func)(struct work *w))
{
	*w = (struct work){ .func = func };
}

bool work_queue(struct work *w)
{
	bool fresh = !w->pending;

	w->pending = 1;
	if (fresh)
		list_add_tail(&w->node, &works);
	return fresh;
}

static void works_run(void)
{
	while (!list_empty(&works)) {
		struct work *w = list_first(&works, struct work, node);

		list_del(&w->node);
		w->pending = 0;
		w->func(w);
	}
}

/* --- chance --- */

u64 world_seed = 1;

u64 world_chance(void)
{
	world_seed ^= world_seed << 13;
	world_seed ^= world_seed >> 7;
	world_seed ^= world_seed << 17;
	return world_seed;
}

u64 random_u64(void)	{ return world_chance() * 0x9e3779b97f4a7c15; }

void random_bytes(void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((u8 *)buf)[i] = (u8)(random_u64() >> 56);
}

/* Whoever waits so waits for a softirq of this CPU. */
void thread_sleep_ns(ktime_t ns)
{
	world_run((u32)(ns / NS_PER_MS) + 1);
}

/* --- the cable --- */

static struct netdev eth;
static struct frame *sent, **sent_end = &sent;
static struct list_head arrived = LIST_HEAD_INIT(arrived);
static struct net_poll rx_poll;
static const u8 peer_mac[ETH_ALEN] = PEER_MAC, our_mac[ETH_ALEN] = OUR_MAC;

/* Who is asked for on the cable is there. */
static bool answer_arp(const u8 *f, u32 len)
{
	u8 reply[42];

	if (len < 42 || f[12] != 8 || f[13] != 6 || f[21] != 1)
		return false;
	memcpy(reply, f, 42);
	memcpy(reply, f + 6, 6);
	memcpy(reply + 6, peer_mac, 6);
	reply[21] = 2;
	memcpy(reply + 22, peer_mac, 6);
	memcpy(reply + 28, f + 38, 4);
	memcpy(reply + 32, f + 22, 10);
	world_receive(reply, sizeof(reply));
	return true;
}

static bool transmit(struct netdev_queue *q, struct pkt *pkt)
{
	struct frame *f = malloc(sizeof(*f));

	if (!f || pkt->len > sizeof(f->data))
		panic("a frame of %u bytes", pkt->len);
	f->len = pkt->len;
	f->next = NULL;
	pkt_copy(pkt, 0, f->data, pkt->len);
	pkt_free(pkt);
	if (answer_arp(f->data, f->len)) {
		free(f);
		return true;
	}
	*sent_end = f;
	sent_end = &f->next;
	return true;
}

struct frame *world_take(void)
{
	struct frame *f = sent;

	if (!f)
		return NULL;
	sent = f->next;
	if (!sent)
		sent_end = &sent;
	return f;
}

void world_drop_sent(void)
{
	struct frame *f;

	while ((f = world_take()))
		free(f);
}

static u32 receive_poll(struct net_poll *p, u32 budget)
{
	u32 done = 0;

	while (done < budget && !list_empty(&arrived)) {
		struct pkt *pkt = list_first(&arrived, struct pkt, node);

		list_del(&pkt->node);
		netdev_receive(&eth, pkt);
		done++;
	}
	if (done < budget)
		net_poll_done(p);
	return done;
}

/* As a device has it: headers in the packet, what is behind them in a page. */
void world_receive(const void *frame, u32 len)
{
	u32 linear = min(len, (u32)PKT_LINEAR);
	struct pkt *pkt = pkt_alloc(GFP_ATOMIC);

	if (!pkt)
		return;
	memcpy(pkt_put(pkt, linear), frame, linear);
	if (len > linear &&
	    !pkt_append_copy(pkt, (const u8 *)frame + linear, len - linear, GFP_ATOMIC)) {
		pkt_free(pkt);
		return;
	}
	list_add_tail(&pkt->node, &arrived);
	softirq_disable();
	net_poll_schedule(&rx_poll);
	softirq_enable();
}

static const struct netdev_ops eth_ops = { .transmit = transmit };

/* --- the world --- */

static void step_timers(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(timers) && timers[i]; i++) {
		struct hrtimer *t = timers[i];

		if (!t->state || t->expires_ns > now_ns)
			continue;
		t->state = 0;
		if (t->func(t) == HRTIMER_AGAIN)
			t->state = 1;
	}
}

/* When the next timer goes off, but not after `end`. */
static u64 next_due(u64 end)
{
	for (u32 i = 0; i < ARRAY_SIZE(timers) && timers[i]; i++)
		if (timers[i]->state)
			end = min(end, timers[i]->expires_ns);
	return max(end, now_ns);
}

void world_run(u32 ms)
{
	u64 end = now_ns + ms * NS_PER_MS;

	do {
		now_ns = next_due(end);
		tick_last = now_ns / TICK_NS * TICK_NS;
		step_timers();
		if (raised)
			serve();
		works_run();
		rcu_run();
	} while (now_ns < end);
}

static void eth_up(void)
{
	struct inet_ifaddr a = {.dev = &eth,
				.addr = {.family = INET_AF_INET, .v4 = {10, 0, 0, 1}},
				.prefix_len = 24};
	struct inet_route r = {.family = INET_AF_INET,
			       .type = INET_ROUTE_UNICAST,
			       .dst.family = INET_AF_INET,
			       .dev = &eth,
			       .gateway = {.family = INET_AF_INET, .v4 = {10, 0, 0, 2}}};

	netdev_init_ether(&eth, our_mac);
	eth.ops = &eth_ops;
	eth.carrier = true;
	net_poll_init(&rx_poll, receive_poll);
	if (netdev_register(&init_net, &eth))
		panic("eth0");
	mutex_lock(&net_config_lock);
	if (netdev_set_flags(&eth, IFF_UP) || inet_addr_add(&eth, &a) ||
	    inet_route_add(&init_net, &r))
		panic("eth0 does not come up");
	a.addr = (struct inet_addr){ .family = INET_AF_INET6, .v6 = { 0xfd, [15] = 1 } };
	a.prefix_len = 64;
	if (inet_addr_add(&eth, &a))
		panic("no IPv6 address");
	mutex_unlock(&net_config_lock);
	/* Until nobody has objected to the IPv6 addresses, and groups were reported. */
	world_run(20000);
	world_drop_sent();
}

static s64 objects_before;
static u32 pages_before;

void world_start(void)
{
	const char *cpus = getenv("WORLD_CPUS");
	static bool booted;

	if (!booted) {
		booted = true;
		if (cpus && *cpus > '1' && *cpus <= '9')
			nr_cpus = (u32)(*cpus - '0');
		net_init();
		eth_up();
	}
	world_fail_one_in = 0;
	world_bytes_there = U32_MAX;
	world_seed = 0x9e3779b97f4a7c15;
	objects_before = objects;
	pages_before = world_pages_used();
}

/*
 * What ends by itself ends: TIME_WAIT, fragments, neighbours that are asked for; probes of a window
 * that stays shut.
 */
void world_end(void)
{
	world_fail_one_in = 0;
	for (u32 i = 0; i < 300 && (!i || objects != objects_before); i++) {
		world_run(10000);
		neigh_flush(&eth, false);
		world_drop_sent();
	}
	EXPECT_EQ(objects, objects_before);
	EXPECT_EQ(world_pages_used(), pages_before);
}
