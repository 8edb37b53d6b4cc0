/* SPDX-License-Identifier: MIT */
/* Error numbers: the values of the Linux riscv64 ABI. Functions return -E*. */
#pragma once

enum {
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7,
	ENOEXEC = 8, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13,
	EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19,
	ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25,
	ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31,
	EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35, ENAMETOOLONG = 36,
	ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENOMSG = 42, EIDRM = 43,
	ENODATA = 61, ETIME = 62, ENONET = 64, EPROTO = 71, EBADMSG = 74, EOVERFLOW = 75,
	EBADFD = 77, EILSEQ = 84, EUSERS = 87, ENOTSOCK = 88, EDESTADDRREQ = 89,
	EMSGSIZE = 90, EPROTOTYPE = 91, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93,
	ESOCKTNOSUPPORT = 94, EOPNOTSUPP = 95, EPFNOSUPPORT = 96, EAFNOSUPPORT = 97,
	EADDRINUSE = 98, EADDRNOTAVAIL = 99, ENETDOWN = 100, ENETUNREACH = 101,
	ENETRESET = 102, ECONNABORTED = 103, ECONNRESET = 104, ENOBUFS = 105, EISCONN = 106,
	ENOTCONN = 107, ESHUTDOWN = 108, ETOOMANYREFS = 109, ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTUNREACH = 113,
	EALREADY = 114, EINPROGRESS = 115, EHOSTDOWN = 112, ESTALE = 116, EUCLEAN = 117, EDQUOT = 122,
	ELIBBAD = 80, ENOMEDIUM = 123, ECANCELED = 125, EOWNERDEAD = 130, ENOTRECOVERABLE = 131,

	/*
	 * Only inside the kernel; signal delivery turns them into EINTR or a
	 * restart of the call (kernel/proc/signal_deliver.c).
	 */
	ERESTARTSYS = 512,		/* restart if SA_RESTART, else EINTR */
	ERESTARTNOINTR = 513,		/* always restart */
	ERESTARTNOHAND = 514,		/* restart if no handler ran, else EINTR */
	ERESTART_RESTARTBLOCK = 516,	/* restart through restart_syscall */
	EPROBE_DEFER = 517,		/* a driver's probe wants another device first */
};

#define EWOULDBLOCK	EAGAIN
#define ENOTSUP		EOPNOTSUPP
#define MAX_ERRNO	4095

/* A pointer that may carry an errno: only where the function's comment says so. */
#define ERR_PTR(e)	((void *)(long)(e))
#define PTR_ERR(p)	((long)(p))
#define IS_ERR(p)	((unsigned long)(p) >= (unsigned long)-MAX_ERRNO)
