/* SPDX-License-Identifier: MIT */
/*
 * Control messages: what goes beside the data of sendmsg and recvmsg, and the
 * two of SOL_SOCKET that pass descriptors and credentials (unix(7)).
 *
 * A sender's are parsed from a copy in kernel memory. To a receiver they are written one by one;
 * what finds no room is cut, and MSG_CTRUNC tells, as on Linux. A descriptor is made for
 * the receiver only if its number could be written.
 */
#include <net/socket.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/time/hrtimer.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define OVERFLOW_ID	65534u		/* of a uid or gid that is not told */

struct cmsghdr *cmsg_next(const struct sock_msg *m, struct cmsghdr *c)
{
	size_t at = c ? (u8 *)c - m->control + CMSG_ALIGN(c->len) : 0;

	if (!m->control || at > m->control_len || m->control_len - at < CMSG_HDR)
		return NULL;
	c = (struct cmsghdr *)(m->control + at);
	if (c->len < CMSG_HDR || c->len > m->control_len - at)
		return ERR_PTR(-EINVAL);
	return c;
}

void cmsg_put(struct sock_msg *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr h = { CMSG_HDR + len, level, type };
	size_t space;

	if (!m->ucontrol || m->ucontrol_len < CMSG_HDR) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	if (h.len > m->ucontrol_len) {
		m->out_flags |= MSG_CTRUNC;
		h.len = m->ucontrol_len;
	}
	if (copy_to_user(m->ucontrol, &h, sizeof(h)) ||
	    copy_to_user(m->ucontrol + CMSG_HDR, data, h.len - CMSG_HDR))
		return;
	space = min(CMSG_HDR + CMSG_ALIGN(len), m->ucontrol_len);
	m->ucontrol += space;
	m->ucontrol_len -= space;
}

/* --- time stamps --- */

#define SOF_TIMESTAMPING_SOFTWARE	BIT(4)

void sock_tell_stamp_slow(struct socket *sk, struct sock_msg *m, u64 stamp_ns)
{
	struct timespec64 ts[3] = { ns_to_timespec(stamp_ns ? stamp_ns : ktime_real()) };
	bool is_new = sock_option(sk, SOCK_OPT_STAMP_NEW);

	if (sock_option(sk, SOCK_OPT_STAMP) && sock_option(sk, SOCK_OPT_STAMP_NS)) {
		cmsg_put(m, SOL_SOCKET, is_new ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, ts,
			 sizeof(ts[0]));
	} else if (sock_option(sk, SOCK_OPT_STAMP)) {
		s64 tv[2] = { ts[0].sec, ts[0].nsec / (s64)NS_PER_US };

		cmsg_put(m, SOL_SOCKET, is_new ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, tv,
			 sizeof(tv));
	}
	is_new = sock_option(sk, SOCK_OPT_STAMPING_NEW);
	if (READ_ONCE(sk->stamping) & SOF_TIMESTAMPING_SOFTWARE)
		cmsg_put(m, SOL_SOCKET, is_new ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING_OLD, ts,
			 sizeof(ts));
}

/* --- taking a sender's --- */

struct scm_rights *scm_rights_copy(const struct scm_rights *r)
{
	struct scm_rights *new = kmalloc(sizeof(*new) + r->nr * sizeof(r->file[0]), GFP_KERNEL);

	if (!new)
		return NULL;
	new->nr = r->nr;
	new->account = NULL;
	for (u32 i = 0; i < r->nr; i++)
		new->file[i] = file_get(r->file[i]);
	return new;
}

void scm_rights_free(struct scm_rights *r)
{
	if (!r)
		return;
	for (u32 i = 0; i < r->nr; i++)
		file_put(r->file[i]);
	kfree(r);
}

/* The files of one SCM_RIGHTS message, after those of the ones before it. */
static int take_rights(struct scm *scm, const struct cmsghdr *c)
{
	const s32 *fds = (const s32 *)(c + 1);
	u32 nr = (c->len - CMSG_HDR) / sizeof(*fds);
	struct scm_rights *r = scm->rights;

	if (!nr)
		return 0;
	if (nr > SCM_MAX_FD || (r && r->nr + nr > SCM_MAX_FD))
		return -EINVAL;
	r = krealloc(r, sizeof(*r) + ((r ? r->nr : 0) + nr) * sizeof(r->file[0]), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	if (!scm->rights) {
		r->nr = 0;
		r->account = NULL;
	}
	scm->rights = r;
	for (u32 i = 0; i < nr; i++) {
		struct fd f = fd_get_raw(fds[i]);

		if (!f.file)
			return -EBADF;
		r->file[r->nr++] = file_get(f.file);
		fd_put(f);
	}
	return 0;
}

/* May the caller say that it is this one? */
static bool may_claim(const struct ucred *u)
{
	const struct cred *c = current_cred();

	return (u->pid == process_tgid(current_process()) || capable(CAP_SYS_ADMIN)) &&
	       (u->uid == c->uid || u->uid == c->euid || u->uid == c->suid ||
		capable(CAP_SETUID)) &&
	       (u->gid == c->gid || u->gid == c->egid || u->gid == c->sgid || capable(CAP_SETGID));
}

static int take_credentials(struct scm *scm, const struct cmsghdr *c)
{
	struct pid *pid;
	struct ucred u;

	if (c->len != CMSG_HDR + sizeof(u))
		return -EINVAL;
	memcpy(&u, c + 1, sizeof(u));
	if (!may_claim(&u))
		return -EPERM;
	rcu_read_lock();
	pid = pid_find(u.pid, current_pid_ns());
	if (pid && !refcount_inc_not_zero(&pid->refs))
		pid = NULL;
	rcu_read_unlock();
	if (!pid)
		return -ESRCH;
	if (u.uid == (uid_t)-1 || u.gid == (gid_t)-1) {
		pid_put(pid);
		return -EINVAL;
	}
	if (scm->pid)
		pid_put(scm->pid);
	scm->pid = pid;
	scm->uid = u.uid;
	scm->gid = u.gid;
	return 0;
}

void scm_free_slow(struct scm *scm)
{
	scm_rights_free(scm->rights);
	if (scm->pid)
		pid_put(scm->pid);
	scm->rights = NULL;
	scm->pid = NULL;
}

int scm_parse_slow(struct scm *scm, const struct sock_msg *m, bool rights)
{
	struct cmsghdr *c = NULL;
	int err = 0;

	while (!err && (c = cmsg_next(m, c))) {
		if (IS_ERR(c))
			err = PTR_ERR(c);
		else if (c->level != SOL_SOCKET)
			continue;
		else if (c->type == SCM_RIGHTS && rights)
			err = take_rights(scm, c);
		else if (c->type == SCM_CREDENTIALS)
			err = take_credentials(scm, c);
		else
			err = -EINVAL;
	}
	if (err)
		scm_free(scm);
	return err;
}

/* --- giving it to a receiver --- */

static int give_file(struct file *f, uaddr_t to, bool cloexec)
{
	int fd = fd_reserve(cloexec ? O_CLOEXEC : 0);

	if (fd < 0)
		return fd;
	if (put_user(fd, to)) {
		fd_release(fd);
		return -EFAULT;
	}
	fd_install(fd, file_get(f));
	return 0;
}

static void give_rights(struct sock_msg *m, const struct scm_rights *r)
{
	u32 room = m->ucontrol_len > CMSG_HDR ? (m->ucontrol_len - CMSG_HDR) / sizeof(s32) : 0;
	u32 given = 0;

	while (given < min(room, r->nr) &&
	       !give_file(r->file[given], m->ucontrol + CMSG_HDR + given * sizeof(s32),
			  m->flags & MSG_CMSG_CLOEXEC))
		given++;
	if (given) {
		struct cmsghdr h = { CMSG_HDR + given * sizeof(s32), SOL_SOCKET, SCM_RIGHTS };
		size_t space = min(CMSG_ALIGN(h.len), m->ucontrol_len);

		if (!copy_to_user(m->ucontrol, &h, sizeof(h))) {
			m->ucontrol += space;
			m->ucontrol_len -= space;
		}
	}
	if (given < r->nr)
		m->out_flags |= MSG_CTRUNC;
}

void scm_deliver_slow(struct socket *sk, struct sock_msg *m, struct scm *scm)
{
	bool want_cred = sock_option(sk, SOCK_OPT_PASSCRED);

	if (!m->ucontrol) {
		if (want_cred || scm->rights)
			m->out_flags |= MSG_CTRUNC;
	} else {
		if (want_cred) {
			struct ucred u = {
				.pid = pid_vnr(scm->pid),
				.uid = scm->uid == (uid_t)-1 ? OVERFLOW_ID : scm->uid,
				.gid = scm->gid == (gid_t)-1 ? OVERFLOW_ID : scm->gid,
			};

			cmsg_put(m, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u));
		}
		if (scm->rights)
			give_rights(m, scm->rights);
	}
	scm_free(scm);
}
