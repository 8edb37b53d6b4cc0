/* SPDX-License-Identifier: MIT */
/*
 * Contents of text files: made when they are read, kept with the open file.
 *
 * A text comes in pieces: the buffer holds bytes [base, base + seq.len) of it, and
 * the cursor says where the next piece begins. Reading on makes the next piece in
 * the same buffer; a file of any length needs memory for one piece only, and the
 * locks behind it are held for one piece only. A piece is at least one record, for
 * which the buffer grows. A show function's whole text is one piece.
 *
 * A read at position 0 begins a new text (a reader that rewinds wants news); one
 * before the buffer does so too and skips forward.
 */
#include <fs/pseudo.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/fcntl.h>

#define PIECE_FIRST	4096u		/* bytes; a piece of maps is some 50 lines under mm->lock */
#define PIECE_MAX	(16u << 20)	/* one record, or one show function's text */

struct text {
	struct mutex lock;		/* RANK_PSEUDO: the fields below */
	struct seq seq;
	loff_t base;
	bool begun;			/* the buffer is of this text */
	struct pseudo_cursor cursor;
	void (*close)(struct pseudo_cursor *c);
};

bool seq_record_fits(struct seq *s, size_t before)
{
	if (!seq_is_cut(s))
		return true;
	if (before)
		s->len = before;
	return false;
}

static int grow(struct text *t, size_t size)
{
	char *buf;

	if (size > PIECE_MAX)
		return -EFBIG;
	buf = kvmalloc(size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	kvfree(t->seq.buf);
	t->seq = (struct seq){ .buf = buf, .size = size };
	return 0;
}

/* Call the generator for the piece at t->cursor, into the present buffer. */
static int generate(struct text *t, struct pseudo *p)
{
	t->seq.len = 0;
	if (p->entry->fill)
		return p->entry->fill(&t->seq, p, &t->cursor);
	return p->entry->show(&t->seq, p);
}

/* The next piece replaces the last; an empty one: the text is at its end. */
static int next_piece(struct text *t, struct pseudo *p)
{
	u64 from = t->cursor.pos;
	int err;

	t->base += t->begun ? t->seq.len : 0;
	t->begun = true;
	if (!t->seq.buf) {
		err = grow(t, PIECE_FIRST);
		if (err)
			return err;
	}
	t->seq.len = 0;
	if (from == PSEUDO_END)
		return 0;
	for (;;) {
		err = generate(t, p);
		if (err) {
			t->seq.len = 0;
			return err;
		}
		if (!seq_is_cut(&t->seq))
			break;
		t->cursor.pos = from;
		err = grow(t, max(2 * t->seq.size, ALIGN_UP(t->seq.len + 1, PAGE_SIZE)));
		if (err)
			return err;
	}
	if (!p->entry->fill)
		t->cursor.pos = PSEUDO_END;
	return 0;
}

static void rewind(struct text *t)
{
	t->begun = false;
	t->base = 0;
	t->seq.len = 0;
	t->cursor.pos = 0;
}

/* Make the buffer hold position pos, or be empty where that is behind the end. */
static int seek(struct text *t, struct pseudo *p, loff_t pos)
{
	int err = 0;

	if (!pos || pos < t->base)
		rewind(t);
	while (!err && (!t->begun || (pos >= t->base + (loff_t)t->seq.len && t->seq.len)))
		err = next_piece(t, p);
	return err;
}

static ssize_t text_read(struct kio *kio, struct iov_iter *to)
{
	struct pseudo *p = pseudo_of(kio->file->inode);
	struct text *t = kio->file->private;
	ssize_t n = 0;
	int err;

	if (!p->entry->show && !p->entry->fill)
		return -EIO;
	err = mutex_lock_killable(&t->lock);
	if (err)
		return err;
	err = seek(t, p, kio->pos);
	if (!err && t->seq.len) {
		size_t at = kio->pos - t->base, want = min(iov_iter_count(to), t->seq.len - at);

		n = copy_to_iter(t->seq.buf + at, want, to);
		if (!n && want)
			err = -EFAULT;
		kio->pos += n;
	}
	mutex_unlock(&t->lock);
	return err ? err : n;
}

static ssize_t text_write(struct kio *kio, struct iov_iter *from)
{
	struct pseudo *p = pseudo_of(kio->file->inode);
	size_t len = iov_iter_count(from);
	ssize_t n = -EFAULT;
	char *text;

	if (!p->entry->store)
		return p->object ? -EINVAL : -EIO;	/* Linux's two answers */
	if (len > PSEUDO_WRITE_MAX)
		return -EINVAL;
	text = kmalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, len, from) == len) {
		text[len] = 0;
		n = p->entry->store(p, text, len);
	}
	kfree(text);
	if (n > 0)
		kio->pos += n;
	return n;
}

static int text_open(struct inode *inode, struct file *f)
{
	struct pseudo *p = pseudo_of(inode);
	const struct pseudo_tree *tree = inode->sb->private;
	struct text *t;
	int err;

	if (tree->strict && (f->mode & FMODE_WRITE) && !p->entry->store)
		return -EACCES;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	mutex_init(&t->lock, RANK_PSEUDO);
	err = p->entry->open ? p->entry->open(p, &t->cursor) : 0;
	if (err) {
		kfree(t);
		return err;
	}
	t->close = p->entry->close;
	f->private = t;
	return 0;
}

static void text_release(struct file *f)
{
	struct text *t = f->private;

	if (t->close)
		t->close(&t->cursor);
	kvfree(t->seq.buf);
	kfree(t);
}

/* There is no end to seek from. */
static loff_t text_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops pseudo_text_ops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_write,
	.llseek = text_llseek,
};
