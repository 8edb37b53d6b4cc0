/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/unix: every socket, as proc(5) and ss expect
 * it. A "cursor" position is a bucket and a place in it.
 */
#include <net/proc.h>
#include <net/unix/unix.h>

#define SO_ACCEPTCON	0x10000u	/* in the flags */

/* States of the ABI: SS_*. */
enum { SS_DISCONNECTING = 4, SS_UNCONNECTED = 1, SS_CONNECTING, SS_CONNECTED };

struct listing {
	struct seq *s;
	struct net *net;
	u32 skip;			/* sockets of the bucket that have been told */
	bool full;
};

static u32 abi_state(const struct unix_sock *u)
{
	bool connected = u->state == UNIX_ESTABLISHED;

	if (u->sk.ino)
		return connected ? SS_CONNECTED : SS_UNCONNECTED;
	return connected ? SS_CONNECTING : SS_DISCONNECTING;
}

static void put_name(struct seq *s, const struct unix_addr *a)
{
	u32 len = a->len - UNIX_NAME_AT;

	seq_putc(s, ' ');
	if (a->un.path[0])
		len--;			/* its NUL */
	for (u32 i = 0; i < len; i++)
		seq_putc(s, a->un.path[i] ? a->un.path[i] : '@');
}

static void put_socket(struct unix_sock *u, void *arg)
{
	struct listing *l = arg;
	struct seq *s = l->s;
	size_t before = s->len;

	if (l->full || u->sk.net != l->net)
		return;
	if (l->skip) {
		l->skip--;
		return;
	}
	spin_lock(&u->sk.lock);
	seq_printf(s, "%016lx: %08X %08X %08X %04X %02X %5lu", 0ul, refcount_read(&u->sk.refs), 0,
		   u->state == UNIX_LISTEN ? SO_ACCEPTCON : 0, u->sk.type, abi_state(u), u->sk.ino);
	spin_unlock(&u->sk.lock);
	if (unix_addr(u))
		put_name(s, unix_addr(u));
	seq_putc(s, '\n');
	l->full = !seq_record_fits(s, before);
}

/* How many of the bucket are told already: pos = bucket << 32 | that, plus one for the heading. */
static void fill(struct seq *s, struct net *net, struct pseudo_cursor *c)
{
	struct listing l = { .s = s, .net = net };
	u32 bucket, told;

	if (!c->pos) {
		seq_puts(s, "Num               RefCount Protocol Flags    Type St Inode Path\n");
		c->pos = 1;
	}
	for (;;) {
		size_t before = s->len;

		bucket = (c->pos - 1) >> 32;
		told = (u32)(c->pos - 1);
		l.skip = told;
		if (!unix_table_walk(bucket, put_socket, &l)) {
			c->pos = PSEUDO_END;
			return;
		}
		for (size_t i = before; i < min(s->len, s->size); i++)
			told += s->buf[i] == '\n';
		c->pos = 1 + (l.full ? ((u64)bucket << 32 | told) : (u64)(bucket + 1) << 32);
		if (l.full)
			return;
	}
}

int unix_proc_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct net *net = net_of_file(p);

	if (!net)
		return -ESRCH;
	fill(s, net, c);
	net_put(net);
	return 0;
}
