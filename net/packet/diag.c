/* SPDX-License-Identifier: MIT */
/* AF_PACKET sockets as ss(8) asks for them: a list of all, and what is told of one. */
#include <net/net.h>
#include <net/netlink/netlink.h>
#include <net/packet/packet.h>
#include <kernel/task/cred.h>

struct packet_diag_req {
	struct sock_diag_req head;
	u16 pad;
	u32 ino, show, cookie[2];
};
struct packet_diag_msg {
	u8 family, type;
	u16 protocol;
	u32 ino, cookie[2];
};
enum { PACKET_DIAG_INFO, PACKET_DIAG_MCLIST, PACKET_DIAG_RX_RING, PACKET_DIAG_UID = 5,
       PACKET_DIAG_MEMINFO,
	PACKET_DIAG_FILTER };
#define SHOW_INFO	BIT(0)
#define SHOW_MCLIST	BIT(1)
#define SHOW_RING	BIT(2)
#define SHOW_MEMINFO	BIT(4)
#define SHOW_FILTER	BIT(5)

struct packet_diag_info {
	u32 index, version, reserve, copy_thresh, timestamp, flags;
};
#define PDI_RUNNING	BIT(0)
#define PDI_AUXDATA	BIT(1)
#define PDI_ORIGDEV	BIT(2)

struct packet_diag_mclist {
	u32 index, count;
	u16 type, alen;
	u8 addr[32];
};

static DEFINE_SPINLOCK(list_lock, RANK_SOCK_TABLE);
static LIST_HEAD(all_sockets);		/* list_lock */

void packet_list_add(struct packet_sock *p)
{
	spin_lock(&list_lock);
	list_add_tail(&p->node, &all_sockets);
	spin_unlock(&list_lock);
}

void packet_list_remove(struct packet_sock *p)
{
	spin_lock(&list_lock);
	list_del(&p->node);
	spin_unlock(&list_lock);
}

static void put_info(struct nl_out *o, const struct packet_sock *p)
{
	struct packet_diag_info i = {
		.index = (u32)READ_ONCE(p->tap.ifindex), .version = READ_ONCE(p->version),
		.reserve = READ_ONCE(p->reserve),
		.timestamp = READ_ONCE(p->timestamp),
		.flags = (READ_ONCE(p->tap.listed) ? PDI_RUNNING : 0) |
			 (READ_ONCE(p->auxdata) ? PDI_AUXDATA : 0) |
			 (READ_ONCE(p->origdev) ? PDI_ORIGDEV : 0),
	};

	nl_put(o, PACKET_DIAG_INFO, &i, sizeof(i));
	nl_put_u32(o, PACKET_DIAG_UID, p->sk.uid);
}

static void put_memberships(struct nl_out *o, const struct packet_sock *p)
{
	struct packet_diag_mclist list[PACKET_MEMBERSHIPS];
	u32 n = 0;

	for (u32 i = 0; i < PACKET_MEMBERSHIPS; i++) {
		u32 index = READ_ONCE(p->promisc[i].ifindex);

		if (index)
			list[n++] = (struct packet_diag_mclist){ .index = index, .count = 1,
								  .type = 1 };
	}
	nl_put(o, PACKET_DIAG_MCLIST, list, n * sizeof(list[0]));
}

static void put_ring(struct nl_out *o, struct packet_sock *p)
{
	u32 words[7] = { 0 };
	bool is_there;

	spin_lock_bh(&p->queue_lock);
	is_there = p->ring;
	if (is_there)
		packet_ring_geometry(p->ring, words);
	spin_unlock_bh(&p->queue_lock);
	if (is_there)
		nl_put(o, PACKET_DIAG_RX_RING, words, sizeof(words));
}

static void put_filter(struct nl_out *o, const struct packet_sock *p)
{
	const struct bpf_program *prog;

	rcu_read_lock();
	prog = rcu_dereference(p->filter);
	if (prog)
		nl_put(o, PACKET_DIAG_FILTER, prog->code, prog->len * BPF_INSN_BYTES);
	rcu_read_unlock();
}

static void put_socket(struct nl_out *o, struct packet_sock *p, u32 show)
{
	struct packet_diag_msg *d = sock_diag_begin(o, sizeof(*d));
	struct sock_memory m = { .rmem = READ_ONCE(p->queued_bytes), .drops = READ_ONCE(p->drops) };

	if (d) {
		*d = (struct packet_diag_msg){ .family = AF_PACKET, .type = (u8)p->sk.type,
					       .protocol = READ_ONCE(p->tap.protocol),
					       .ino = (u32)READ_ONCE(p->sk.ino) };
		sock_diag_cookie(&p->sk, d->cookie);
	}
	if (show & SHOW_INFO)
		put_info(o, p);
	if (show & SHOW_MCLIST)
		put_memberships(o, p);
	if (show & SHOW_RING)
		put_ring(o, p);
	if (show & SHOW_MEMINFO)
		sock_diag_put_meminfo(o, PACKET_DIAG_MEMINFO, &p->sk, &m);
	if (show & SHOW_FILTER)
		put_filter(o, p);
	nl_end(o);
}

int packet_diag(const struct nl_request *r, struct nl_out *o)
{
	const struct packet_diag_req *q = (const void *)(r->h + 1);
	struct packet_sock *p;
	u32 show;

	if (r->h->len < sizeof(*r->h) + sizeof(*q) || q->head.protocol)
		return -EINVAL;
	if (!r->dump)
		return -EOPNOTSUPP;
	show = q->show & ~(capable(CAP_NET_ADMIN) ? 0 : SHOW_FILTER);
	spin_lock(&list_lock);
	list_for_each(p, &all_sockets, node)
		if (p->sk.net == r->net)
			put_socket(o, p, show);
	spin_unlock(&list_lock);
	return 0;
}
