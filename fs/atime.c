/* SPDX-License-Identifier: MIT */
/*
 * The time of the last access, which reading moves.
 *
 * A write for each read would be a bad bargain, so a mount says how exact it wants
 * to be: noatime never, nodiratime not for directories, strictatime always, and
 * relatime, the rule unless another was asked for, only where the time tells something
 * new: the file has changed since it was last read, or a day has passed.
 *
 * Reads are a hot path, and on boards the clock is a trap to firmware. So the question
 * whether a day has passed is put to the time of the last tick; only who moves the
 * time reads the clock.
 *
 * Times are compared without the inode's lock: one that changes meanwhile makes
 * the answer a little early or late, which nobody can tell from another order of the two.
 */
#include <fs/file.h>
#include <kernel/sched/tick.h>
#include <kernel/time/timekeeping.h>
#include <kernel/uapi/fcntl.h>

#define DAY_NS	(86400 * (s64)NS_PER_SEC)

static bool is_after(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->sec > b->sec || (a->sec == b->sec && a->nsec > b->nsec);
}

/*
 * flags: of the mount. Without MS_RELATIME each access
 * is news, but for one in the same tick as the last.
 */
static bool tells_news(const struct inode *inode, u32 flags)
{
	const struct timespec64 *t = &inode->atime;
	s64 age;

	if (!is_after(t, &inode->mtime) || !is_after(t, &inode->ctime))
		return true;
	age = (s64)ktime_to_real(tick_time()) - (t->sec * (s64)NS_PER_SEC + t->nsec);
	return flags & MS_RELATIME ? age >= DAY_NS : age > 0 || age < -(s64)TICK_NS;
}

void path_accessed(const struct path *path)
{
	struct inode *inode = path->dentry->inode;
	u32 flags = READ_ONCE(path->mnt->flags) | READ_ONCE(inode->sb->flags);

	if (flags & (MS_NOATIME | MS_RDONLY))
		return;
	if ((flags & MS_NODIRATIME) && S_ISDIR(inode->mode))
		return;
	if (unlikely(tells_news(inode, flags)))
		inode_touch(inode, ATTR_ATIME);
}
