/* SPDX-License-Identifier: MIT */
/*
 * PACKET_RX_RING: packets for a reader that maps the memory they are put into, as libpcap does.
 *
 * The ring is one piece of memory, kernel-contiguous; user space maps its pages. Whose a part
 * of it is a word in it says, KERNEL or USER: the kernel gives a part away with a release store
 * behind its bytes, and takes it again when it reads KERNEL, with acquire. User space may write
 * anything anywhere: of what is in the ring the kernel believes nothing but these words, and
 * positions are kept outside of it.
 *
 *   TPACKET_V1, V2   frames of one size, each with its header; given away one by one
 *   TPACKET_V3       blocks, in which packets of any length follow each other; given away when
 *                    the next packet does not fit, or some time after the first
 *
 *            add, first packet        add: no room; time is over          user stores KERNEL
 *   (free) --------------------> OPEN ---------------------------> (user's) ------------> (free)
 *
 * A block is opened by its first packet only, so that an idle ring needs no timer. When the
 * next block is still the user's, packets are dropped; each time that begins is counted as a
 * freeze.
 *
 * All of it under the socket's queue_lock, but for the memory, which goes when neither socket
 * nor mapping is left: a mapping holds the file, and each mapped page has a reference of its
 * own.
 *
 * Layouts: linux/if_packet.h as documented in the kernel's packet_mmap.
 *
 * Limit: no PACKET_TX_RING, PACKET_FANOUT or PACKET_COPY_THRESH; a ring may be taken away while
 * it is mapped, and the pages that were touched stay then (Linux: EBUSY).
 */
#include <net/packet/packet.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/mm/vma.h>
#include <kernel/time/hrtimer.h>
#include <arch/uaccess.h>

enum { TPACKET_V1, TPACKET_V2, TPACKET_V3 };
#define ALIGNMENT	16u		/* of frames, and of what is behind their headers */
#define LINK_ROOM	16u		/* kept for a link header, at least */
/* where the user leaves a block's time-out to us; as Linux */
#define RETIRE_MS	8u
#define RING_MAX	(256u << 20)	/* bytes; chosen */

struct tpacket_hdr {			/* V1 */
	u64 status;
	u32 len, snaplen;
	u16 mac, net;
	u32 sec, usec;
};
struct tpacket2_hdr {
	u32 status, len, snaplen;
	u16 mac, net;
	u32 sec, nsec;
	u16 vlan_tci, vlan_tpid;
	u8 padding[4];
};
struct tpacket3_hdr {
	u32 next_offset, sec, nsec, snaplen, len, status;
	u16 mac, net;
	u32 rxhash, vlan_tci;
	u16 vlan_tpid, padding;
	u8 more_padding[8];
};
struct block_desc {
	u32 version, offset_to_priv;
	u32 status, num_pkts, offset_to_first, len;
	u64 seq;
	struct { u32 sec, nsec; } first, last;
};
_Static_assert(sizeof(struct tpacket_hdr) == 32 && sizeof(struct tpacket2_hdr) == 32 &&
	       sizeof(struct tpacket3_hdr) == 48 && sizeof(struct block_desc) == 48, "ABI");

struct tpacket_req3 {			/* the first four: struct tpacket_req */
	u32 block_size, block_nr, frame_size, frame_nr;
	u32 retire_ms, priv_bytes, features;
};
#define REQ_LEN		16u

struct packet_ring {
	/* Constant after creation. */
	struct packet_sock *owner;
	u8 *mem;
	u64 bytes;
	u32 version, reserve;
	struct tpacket_req3 req;
	u32 frames_per_block;
	struct delayed_work retire;	/* V3: the open block's time is over */

	/* Guarded by the owner's queue_lock. */
	u32 next;			/* frame, block to be used next */
	bool open;			/* V3: that block has packets */
	u32 fill;			/* of it: bytes used */
	u32 last;			/* of it: where its last packet is */
	u32 num_pkts;
	u64 seq;
	bool frozen;			/* V3: the next block was not free */
};

/* --- layout --- */

static const u32 header_len[] = {
	sizeof(struct tpacket_hdr), sizeof(struct tpacket2_hdr), sizeof(struct tpacket3_hdr),
};

int packet_ring_header(u32 version)
{
	return version < ARRAY_SIZE(header_len) ? (int)header_len[version] : -EINVAL;
}

/* Of a frame: header, and the address behind it. */
static u32 head_bytes(u32 version)
{
	return ALIGN_UP(header_len[version], ALIGNMENT) + sizeof(struct sockaddr_ll);
}

static u32 first_offset(const struct packet_ring *r)
{
	return sizeof(struct block_desc) + ALIGN_UP(r->req.priv_bytes, 8u);
}

/* Where in a frame the packet's first byte and its network header are. */
static void place(const struct packet_ring *r, u32 skip, u32 *mac, u32 *net)
{
	u32 head = head_bytes(r->version);

	if (skip) {
		*net = *mac = ALIGN_UP(head, ALIGNMENT) + LINK_ROOM + r->reserve;
	} else {
		*net = ALIGN_UP(head + LINK_ROOM, ALIGNMENT) + r->reserve;
		*mac = *net - ETH_HLEN;
	}
}

static u8 *frame_at(const struct packet_ring *r, u32 i)
{
	return r->mem + (u64)(i / r->frames_per_block) * r->req.block_size +
	       (u64)(i % r->frames_per_block) * r->req.frame_size;
}

static struct block_desc *block_at(const struct packet_ring *r, u32 i)
{
	return (struct block_desc *)(r->mem + (u64)i * r->req.block_size);
}

/* The word that says whose it is. V1's is wider, but its upper half is never used. */
static u32 *owner_word(const struct packet_ring *r, u32 i)
{
	return r->version == TPACKET_V3 ? &block_at(r, i)->status : (u32 *)frame_at(r, i);
}

static u32 nr_parts(const struct packet_ring *r)
{
	return r->version == TPACKET_V3 ? r->req.block_nr : r->req.frame_nr;
}

static bool is_free(const struct packet_ring *r, u32 i)
{
	return __atomic_load_n(owner_word(r, i), __ATOMIC_ACQUIRE) == TP_STATUS_KERNEL;
}

bool packet_ring_readable(const struct packet_ring *r)
{
	return !is_free(r, (r->next ? r->next : nr_parts(r)) - 1);
}

/* --- putting packets in --- */

struct frame {
	const struct pkt *pkt;
	u32 skip, len, snaplen, mac, net, status;
	struct timespec64 ts;
};

static void put_body(const struct packet_ring *r, const struct frame *f, u8 *at)
{
	u8 *address = at + ALIGN_UP(header_len[r->version], ALIGNMENT);

	packet_describe(f->pkt, (struct sockaddr_ll *)address);
	pkt_copy(f->pkt, f->skip, at + f->mac, f->snaplen);
}

static void put_v1(struct packet_ring *r, const struct frame *f, u8 *at)
{
	struct tpacket_hdr *h = (void *)at;

	h->len = f->len;
	h->snaplen = f->snaplen;
	h->mac = (u16)f->mac;
	h->net = (u16)f->net;
	h->sec = (u32)f->ts.sec;
	h->usec = (u32)(f->ts.nsec / NS_PER_US);
}

static void put_v2(struct packet_ring *r, const struct frame *f, u8 *at)
{
	struct tpacket2_hdr *h = (void *)at;

	h->len = f->len;
	h->snaplen = f->snaplen;
	h->mac = (u16)f->mac;
	h->net = (u16)f->net;
	h->sec = (u32)f->ts.sec;
	h->nsec = (u32)f->ts.nsec;
	h->vlan_tci = h->vlan_tpid = 0;
	memset(h->padding, 0, sizeof(h->padding));
}

static bool add_frame(struct packet_ring *r, struct frame *f)
{
	u32 room = r->req.frame_size > f->mac ? r->req.frame_size - f->mac : 0;
	u8 *at = frame_at(r, r->next);

	if (!is_free(r, r->next))
		return false;
	f->snaplen = min(f->snaplen, room);
	put_body(r, f, at);
	if (r->version == TPACKET_V1)
		put_v1(r, f, at);
	else
		put_v2(r, f, at);
	smp_store_release(owner_word(r, r->next), f->status);
	r->next = (r->next + 1) % r->req.frame_nr;
	return true;
}

static void block_open(struct packet_ring *r, const struct frame *f)
{
	struct block_desc *b = block_at(r, r->next);

	*b = (struct block_desc){
		.version = TPACKET_V3, .offset_to_priv = sizeof(*b),
		.offset_to_first = first_offset(r), .seq = ++r->seq,
		.first = { (u32)f->ts.sec, (u32)f->ts.nsec },
	};
	r->fill = first_offset(r);
	r->num_pkts = 0;
	r->open = true;
}

/* The open block is the user's now. */
static void block_close(struct packet_ring *r, u32 why)
{
	struct block_desc *b = block_at(r, r->next);
	const struct tpacket3_hdr *last = (const void *)((const u8 *)b + r->last);

	((struct tpacket3_hdr *)((u8 *)b + r->last))->next_offset = 0;
	b->num_pkts = r->num_pkts;
	b->len = r->fill;
	b->last.sec = last->sec;
	b->last.nsec = last->nsec;
	smp_store_release(&b->status, TP_STATUS_USER | why);
	r->open = false;
	r->next = (r->next + 1) % r->req.block_nr;
}

static void put_v3(struct packet_ring *r, const struct frame *f, u32 size)
{
	u8 *block = (u8 *)block_at(r, r->next), *at = block + r->fill;
	struct tpacket3_hdr *h = (void *)at;

	put_body(r, f, at);
	*h = (struct tpacket3_hdr){
		.next_offset = size, .sec = (u32)f->ts.sec, .nsec = (u32)f->ts.nsec,
		.snaplen = f->snaplen,
		.len = f->len, .status = f->status, .mac = (u16)f->mac, .net = (u16)f->net,
	};
	r->last = r->fill;
	r->fill += size;
	r->num_pkts++;
}

static bool add_to_block(struct packet_sock *p, struct frame *f, bool *wake, bool *arm)
{
	struct packet_ring *r = p->ring;
	u32 room = r->req.block_size - first_offset(r) - f->mac;
	u32 size;

	f->snaplen = min(f->snaplen, room);
	size = ALIGN_UP(f->mac + f->snaplen, 8u);
	if (r->open && r->fill + size > r->req.block_size) {
		block_close(r, 0);
		*wake = true;
	}
	if (!r->open) {
		if (!is_free(r, r->next)) {
			p->freezes += !r->frozen;
			r->frozen = true;
			return false;
		}
		r->frozen = false;
		block_open(r, f);
		*arm = true;
	}
	put_v3(r, f, size);
	return true;
}

bool packet_ring_add(struct packet_sock *p, const struct pkt *pkt, u32 keep, bool *wake, bool *arm)
{
	struct frame f = { .pkt = pkt, .ts = ns_to_timespec(ktime_real()) };
	bool fits;

	assert_spin_held(&p->queue_lock);
	f.skip = min(packet_skip(p), pkt->len);
	f.len = pkt->len - f.skip;
	f.snaplen = min(keep, f.len);
	f.status = TP_STATUS_USER | packet_status(p, pkt) | (p->losing ? TP_STATUS_LOSING : 0);
	place(p->ring, packet_skip(p), &f.mac, &f.net);
	if (f.net > 0xffff)
		fits = false;
	else if (p->ring->version == TPACKET_V3)
		fits = add_to_block(p, &f, wake, arm);
	else
		fits = *wake = add_frame(p->ring, &f);
	p->losing = !fits;
	return fits;
}

/* --- time --- */

void packet_ring_arm(struct packet_ring *r)
{
	delayed_work_queue(&r->retire, r->req.retire_ms * NS_PER_MS);
}

static void retire(struct work *w)
{
	struct packet_ring *r = container_of(w, struct packet_ring, retire.work);
	struct packet_sock *p = r->owner;
	bool closed;

	spin_lock_bh(&p->queue_lock);
	closed = r->open;
	if (closed)
		block_close(r, TP_STATUS_BLK_TMO);
	spin_unlock_bh(&p->queue_lock);
	if (closed)
		wake_poll(&p->sk.wait, SOCK_POLL_IN);
}

/* --- making one --- */

static int check(const struct packet_sock *p, const struct tpacket_req3 *q)
{
	u64 least = (u64)head_bytes(p->version) + p->reserve, per_block;
	u64 block_head = sizeof(struct block_desc) + ALIGN_UP((u64)q->priv_bytes, 8ul);

	if ((s32)q->block_size <= 0 || q->block_size % PAGE_SIZE)
		return -EINVAL;
	if (p->version == TPACKET_V3 && block_head + least + 2 * LINK_ROOM > q->block_size)
		return -EINVAL;
	if (q->frame_size < least || q->frame_size % ALIGNMENT)
		return -EINVAL;
	per_block = q->block_size / q->frame_size;
	if (!per_block || per_block * q->block_nr != q->frame_nr)
		return -EINVAL;
	return (u64)q->block_size * q->block_nr <= RING_MAX ? 0 : -ENOMEM;
}

static struct packet_ring *create(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_ring *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->bytes = (u64)q->block_size * q->block_nr;
	r->mem = vzalloc(r->bytes);
	if (!r->mem) {
		kfree(r);
		return NULL;
	}
	r->owner = p;
	r->version = p->version;
	r->reserve = p->reserve;
	r->req = *q;
	if (!r->req.retire_ms)
		r->req.retire_ms = RETIRE_MS;
	r->frames_per_block = q->block_size / q->frame_size;
	delayed_work_init(&r->retire, retire);
	return r;
}

void packet_ring_destroy(struct packet_ring *r)
{
	if (!r)
		return;
	delayed_work_cancel(&r->retire);
	vfree(r->mem);
	kfree(r);
}

/*
 * state_mutex held. Whoever receives looks at p->ring under queue_lock, or arms its timer
 * in an RCU read section.
 */
static void replace(struct packet_sock *p, struct packet_ring *new)
{
	struct packet_ring *old = p->ring;

	spin_lock_bh(&p->queue_lock);
	p->ring = new;
	p->losing = false;
	spin_unlock_bh(&p->queue_lock);
	if (old)
		synchronize_rcu();
	packet_ring_destroy(old);
}

static int set_locked(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_ring *new;
	int err;

	if (!q->block_nr) {
		if (q->frame_nr)
			return -EINVAL;
		replace(p, NULL);
		return 0;
	}
	if (p->ring)
		return -EBUSY;
	err = check(p, q);
	if (err)
		return err;
	new = create(p, q);
	if (!new)
		return -ENOMEM;
	replace(p, new);
	return 0;
}

int packet_ring_set(struct packet_sock *p, uaddr_t val, u32 len)
{
	struct tpacket_req3 q = { 0 };
	int err;

	if (len < REQ_LEN)
		return -EINVAL;
	if (copy_from_user(&q, val, min(len, (u32)sizeof(q))))
		return -EFAULT;
	mutex_lock(&p->state_mutex);
	if (p->version != TPACKET_V3)
		q.retire_ms = q.priv_bytes = q.features = 0;
	err = p->version == TPACKET_V3 && len < sizeof(q) ? -EINVAL : set_locked(p, &q);
	mutex_unlock(&p->state_mutex);
	return err;
}

void packet_ring_geometry(const struct packet_ring *r, u32 out[6])
{
	memcpy(out, &r->req, 6 * sizeof(u32));
}

/* --- mapping it --- */

static struct page *ring_fault(struct vma *vma, uaddr_t addr, int *err)
{
	struct packet_sock *p = packet_of(socket_of(vma->file));
	u64 at = vma_page_index(vma, addr) << PAGE_SHIFT;
	struct page *page = NULL;

	spin_lock_bh(&p->queue_lock);
	if (p->ring && at < p->ring->bytes) {
		page = vmalloc_to_page(p->ring->mem + at);
		page_get(page);
	}
	spin_unlock_bh(&p->queue_lock);
	*err = page ? 0 : -EFAULT;
	return page;
}

int packet_ring_mmap(struct socket *sk, struct vma *vma)
{
	static const struct vm_ops ops = { .fault = ring_fault };
	struct packet_sock *p = packet_of(sk);
	u64 bytes;

	spin_lock_bh(&p->queue_lock);
	bytes = p->ring ? p->ring->bytes : 0;
	spin_unlock_bh(&p->queue_lock);
	if (vma->pgoff || !bytes || vma->end - vma->start != bytes)
		return -EINVAL;
	vma->ops = &ops;
	return 0;
}
