/* SPDX-License-Identifier: MIT */
/* Sessions, controlling terminals and foreground groups. */
#pragma once
#include <drivers/tty/tty.h>

/*
 * May the caller, as a background group, do what sig (SIGTTIN, SIGTTOU) guards?
 * 0; -EIO; -ERESTARTSYS after the signal was sent to its group.
 */
int tty_check_background(struct tty *tty, int sig);
/* A session leader without a terminal gets the one it opens. */
void tty_open_session(struct tty *tty);
/* The caller's controlling terminal with a reference; NULL. */
struct tty *tty_get_controlling(void);
/* Its session loses the terminal: see tty_hangup(). May sleep. */
void tty_session_hangup(struct tty *tty, bool session_exits);
/* The last file is closed: nobody has the terminal any more, and nobody is told. May sleep. */
void tty_forget_session(struct tty *tty);

long tty_ioctl_sctty(struct tty *tty, const struct file *f, u64 steal);
long tty_ioctl_notty(struct tty *tty);
long tty_ioctl_gpgrp(struct tty *tty, uaddr_t arg, bool from_master);
long tty_ioctl_spgrp(struct tty *tty, uaddr_t arg);
long tty_ioctl_gsid(struct tty *tty, uaddr_t arg, bool from_master);

/* fork: the child shares the parent's terminal. Context: tasklist_lock held. */
void tty_fork_locked(struct process *child, const struct process *parent);
/*
 * setsid: p has no terminal any more; the caller
 * tty_put()s the result after unlock. tasklist_lock held.
 */
struct tty *tty_detach_locked(struct process *p);
