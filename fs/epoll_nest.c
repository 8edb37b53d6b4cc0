/* SPDX-License-Identifier: MIT */
/*
 * The limits of epolls that watch epolls: no circle, no chain of more than MAX_NESTS links, and
 * not too many paths from one file, since one wake-up takes them all. Theory: epoll.c, invariant
 * (4).
 *
 * Each walk has a number; an epoll that it has been at tells what it found there (visited,
 * depth). All with nest_mutex held, which also keeps these words.
 */
#include <fs/epoll_core.h>

static u64 walk_nr;

/*
 * Links of the longest chain of epolls below ep; more
 * than MAX_NESTS: too many, or target is among them.
 */
static u32 depth_below(struct epoll *ep, const struct epoll *target, u32 depth)
{
	struct rb_node *n;
	u32 most = 0;

	if (ep->visited == walk_nr)
		return ep->depth;
	mutex_lock_nested(&ep->mutex, depth + 1);
	for (n = rb_first(&ep->items); n && most <= MAX_NESTS; n = rb_next(n)) {
		struct file *f = container_of(n, struct epitem, node)->file;

		if (!is_epoll(f))
			continue;
		if (f->private == target || depth > MAX_NESTS)
			most = MAX_NESTS + 1;
		else
			most = max(most, depth_below(f->private, target, depth + 1) + 1);
	}
	ep->visited = walk_nr;
	ep->depth = most;
	mutex_unlock(&ep->mutex);
	return most;
}

/* Links of the longest chain of epolls that watch ep. Context: RCU. */
static u32 depth_above(struct epoll *ep)
{
	struct epitem *item;
	u32 most = 0;

	if (ep->visited == walk_nr)
		return ep->depth;
	list_for_each_rcu(item, &ep->file->epoll_items, file_node)
		most = max(most, depth_above(item->ep) + 1);
	ep->visited = walk_nr;
	ep->depth = most;
	return most;
}

int epoll_check_depth(struct epoll *ep, struct epoll *inner)
{
	u32 depth;

	walk_nr++;
	depth = depth_below(inner, ep, 0) + 1;
	walk_nr++;
	rcu_read_lock();
	depth += depth_above(ep);
	rcu_read_unlock();
	return depth > MAX_NESTS ? -ELOOP : 0;
}

static const u32 path_limits[MAX_NESTS + 1] = { 1000, 500, 100, 50, 10 };

/* Count the paths from f to the epolls that nobody watches. Context: RCU. */
static int count_paths(const struct file *f, u32 depth, u32 *count)
{
	struct epitem *item;

	if (depth > MAX_NESTS)
		return -EINVAL;
	list_for_each_rcu(item, &f->epoll_items, file_node) {
		const struct file *up = item->ep->file;
		int err = 0;

		if (!list_empty(&up->epoll_items))
			err = count_paths(up, depth + 1, count);
		else if (++count[depth] > path_limits[depth])
			err = -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

static int check_paths(struct file *f, u32 depth)
{
	u32 count[MAX_NESTS + 1] = { 0 };
	struct epoll *ep = f->private;
	struct rb_node *n;
	int err;

	if (!is_epoll(f)) {
		rcu_read_lock();
		err = count_paths(f, 0, count);
		rcu_read_unlock();
		return err;
	}
	if (ep->visited == walk_nr || depth > MAX_NESTS + 1)
		return 0;
	ep->visited = walk_nr;
	err = 0;
	mutex_lock_nested(&ep->mutex, depth + 1);
	for (n = rb_first(&ep->items); n && !err; n = rb_next(n))
		err = check_paths(container_of(n, struct epitem, node)->file, depth + 1);
	mutex_unlock(&ep->mutex);
	return err;
}

int epoll_check_paths(struct file *f)
{
	walk_nr++;
	return check_paths(f, 0);
}
