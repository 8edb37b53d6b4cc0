/* SPDX-License-Identifier: MIT */
/* What the end of a file asks of epoll. */
#pragma once

struct file;

/* f has lost its last reference and is watched by epolls: they forget it. May sleep. */
void epoll_release_file(struct file *f);
void epoll_init(void);
