/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mounts and mountinfo: what is mounted where, as the process's root sees
 * it. What is not below that root is left out.
 *
 * A piece is made under mount_lock. The cursor is the last mount that was shown, by
 * its place in the list and its number, since it may be gone when the next piece begins.
 */
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/fcntl.h>

#define OPTIONS_MAX	256

static void put_escaped(struct seq *s, const char *text)
{
	seq_escape(s, text, " \t\n#");
}

/* Those of the superblock: what all its mounts share. */
static void put_sb_options(struct seq *s, struct superblock *sb)
{
	char options[OPTIONS_MAX] = "";

	if (sb->flags & SB_SYNCHRONOUS)
		seq_puts(s, ",sync");
	if (sb->ops->show_options)
		sb->ops->show_options(sb, options, sizeof(options));
	if (*options && *options != ',')
		seq_putc(s, ',');
	seq_puts(s, options);
}

static void put_mount_options(struct seq *s, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {
		{ MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" },
		{ MS_NOATIME, ",noatime" }, { MS_NODIRATIME, ",nodiratime" }, { MS_RELATIME, ",relatime" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			seq_puts(s, names[i].name);
}

static const char *access_of(u32 flags)
{
	return flags & MS_RDONLY ? "ro" : "rw";
}

static void put_mounts_line(struct seq *s, const struct mount *m, const char *at)
{
	put_escaped(s, m->sb->id);
	seq_putc(s, ' ');
	put_escaped(s, at);
	seq_printf(s, " %s %s", m->sb->type->name, access_of(m->flags | m->sb->flags));
	put_mount_options(s, m->flags);
	put_sb_options(s, m->sb);
	seq_puts(s, " 0 0\n");
}

/* buf: PATH_MAX bytes. */
static void put_info_line(struct seq *s, const struct mount *m, const char *at, char *buf)
{
	const char *root = dentry_to_string(m->root, buf, PATH_MAX);

	seq_printf(s, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : m->id, MAJOR(m->sb->dev),
		   MINOR(m->sb->dev));
	put_escaped(s, IS_ERR(root) ? "/" : root);
	seq_putc(s, ' ');
	put_escaped(s, at);
	seq_printf(s, " %s", access_of(m->flags));
	put_mount_options(s, m->flags);
	seq_printf(s, " - %s ", m->sb->type->name);
	put_escaped(s, m->sb->id);
	seq_printf(s, " %s", access_of(m->sb->flags));
	put_sb_options(s, m->sb);
	seq_putc(s, '\n');
}

/* One line, or nothing where the mount cannot be seen from root. bufs: two of PATH_MAX. */
static void put_mount(struct seq *s, struct mount *m, const struct path *root, bool info,
		      char *bufs)
{
	struct path at = { m, m->root };
	bool reached;
	char *text = path_below_locked(&at, root, bufs, PATH_MAX, &reached);

	if (!reached || IS_ERR(text))
		return;
	if (info)
		put_info_line(s, m, text, bufs + PATH_MAX);
	else
		put_mounts_line(s, m, text);
}

/*
 * The mount to go on with: behind the one that was shown last, or, if that is gone,
 * at its place. *index: of that mount in the list.
 */
static struct mount *resume_locked(const struct pseudo_cursor *c, u32 *index)
{
	u32 last_id = c->pos, want = c->pos >> 32;
	struct mount *m, *at_place = NULL;

	*index = 0;
	list_for_each(m, &init_mnt_ns.mounts, ns_node) {
		if (last_id && m->id == last_id) {
			++*index;
			return list_next(m, ns_node);
		}
		if (*index == want && !at_place)
			at_place = m;
		++*index;
	}
	*index = want;
	return at_place ? at_place : m;
}

static void fill_locked(struct seq *s, const struct path *root, bool info, char *bufs,
			struct pseudo_cursor *c)
{
	u32 index;
	struct mount *m = resume_locked(c, &index);

	for (; &m->ns_node != &init_mnt_ns.mounts; m = list_next(m, ns_node)) {
		size_t before = s->len;

		put_mount(s, m, root, info, bufs);
		if (!seq_record_fits(s, before))
			return;
		c->pos = (u64)index++ << 32 | m->id;
	}
	c->pos = PSEUDO_END;
}

static int fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c, bool info)
{
	struct thread *t = proc_thread(p);
	struct path root;
	char *bufs;
	int err;

	if (!t)
		return -ESRCH;
	err = fs_path_of(t, true, &root);
	thread_put(t);
	if (err)
		return -EINVAL;
	bufs = kmalloc(2 * PATH_MAX, GFP_KERNEL);
	if (bufs) {
		spin_lock(&mount_lock);
		fill_locked(s, &root, info, bufs, c);
		spin_unlock(&mount_lock);
		kfree(bufs);
	}
	path_put(&root);
	return bufs ? 0 : -ENOMEM;
}

int proc_mounts_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	return fill(s, p, c, false);
}

int proc_mountinfo_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	return fill(s, p, c, true);
}
