/* SPDX-License-Identifier: MIT */
/* Users, groups, capabilities: the set*id family and what an unprivileged process may do. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include "child.h"

static int ids(uid_t r, uid_t e, uid_t s)
{
	uid_t a, b, c;

	getresuid(&a, &b, &c);
	return a == r && b == e && c == s;
}

static void users(void)
{
	tap_ok(ids(0, 0, 0), "root");
	tap_is(CODE(sys(SYS_setuid, 1000); _exit(ids(1000, 1000, 1000))), 1,
	       "setuid by root sets all");
	tap_is(CODE(sys(SYS_setuid, 1000); _exit(-sys(SYS_setuid, 0))), EPERM, "no way back");
	tap_is(CODE(sys(SYS_setresuid, -1, 1000, -1); _exit(ids(0, 1000, 0))), 1,
	       "setresuid leaves what is -1");
	tap_is(CODE(sys(SYS_setresuid, -1, 1000, -1); _exit(-sys(SYS_setuid, 0))), 0,
	       "back to the real one");
	tap_is(CODE(sys(SYS_setresuid, 1, 2, 3); _exit(-sys(SYS_setresuid, 3, 1, 2))), 0,
	       "unprivileged: a permutation");
	tap_is(CODE(sys(SYS_setresuid, 1, 2, 3); _exit(-sys(SYS_setresuid, 4, -1, -1))), EPERM,
	       "not another");
	tap_is(CODE(sys(SYS_setresuid, 1, 2, 3); sys(SYS_setuid, 3); _exit(ids(1, 3, 3))), 1,
	       "setuid to the saved one");
	tap_is(CODE(sys(SYS_setreuid, 5, 6); _exit(ids(5, 6, 6))), 1,
	       "setreuid sets the saved one");
	tap_is(CODE(sys(SYS_setreuid, -1, 0); _exit(ids(0, 0, 0))), 1, "setreuid to the real one");
	tap_is(CODE(sys(SYS_setresuid, 1, 2, 3); _exit(-sys(SYS_setreuid, 3, -1))), EPERM,
	       "setreuid: real only from real or effective");
	tap_is(CODE(sys(SYS_setresuid, 1, 2, 3); _exit(-sys(SYS_setreuid, 2, 1))), 0,
	       "setreuid swaps");
	tap_is(sys(SYS_setuid, -1), -EINVAL, "setuid of -1");
	tap_is(CODE(_exit(sys(SYS_setfsuid, 7) == 0 && sys(SYS_setfsuid, -1) == 7)), 1,
	       "setfsuid returns the old one");
	tap_is(CODE(sys(SYS_setuid, 9); sys(SYS_setfsuid, 0); _exit(sys(SYS_setfsuid, -1))), 9,
	       "setfsuid refused silently");
	tap_is(sys(SYS_getresuid, NULL, NULL, NULL), -EFAULT, "getresuid nowhere");
}

static int gids(gid_t r, gid_t e, gid_t s)
{
	gid_t a, b, c;

	getresgid(&a, &b, &c);
	return a == r && b == e && c == s;
}

static void groups(void)
{
	gid_t set[4] = { 30, 10, 20 }, got[4];

	tap_is(CODE(sys(SYS_setgid, 50); _exit(gids(50, 50, 50))), 1, "setgid by root sets all");
	tap_is(CODE(sys(SYS_setresgid, 1, 2, 3); sys(SYS_setuid, 9);
		    _exit(-sys(SYS_setresgid, 4, -1, -1))),
	       EPERM, "setresgid, not another");
	tap_is(CODE(sys(SYS_setresgid, 1, 2, 3); sys(SYS_setuid, 9); _exit(-sys(SYS_setgid, 3))), 0,
	       "setgid to the saved one");
	tap_is(CODE(sys(SYS_setregid, 5, 6); _exit(gids(5, 6, 6))), 1, "setregid");
	tap_is(CODE(_exit(sys(SYS_setfsgid, 7) == 0 && sys(SYS_setfsgid, -1) == 7)), 1, "setfsgid");
	tap_is(CODE(_exit(setgroups(3, set) || getgroups(4, got) != 3 || got[0] != 10 ||
			  got[1] != 20 || got[2] != 30)),
	       0, "setgroups sorts");
	tap_is(CODE(setgroups(3, set); _exit(getgroups(0, got))), 3, "getgroups of size 0 counts");
	tap_is(CODE(setgroups(3, set); _exit(-err(getgroups(2, got)))), EINVAL,
	       "getgroups, too small");
	tap_is(sys(SYS_getgroups, -1, got), -EINVAL, "getgroups of -1");
	tap_is(sys(SYS_setgroups, 65537, set), -EINVAL, "setgroups of 65537");
	tap_is(CODE(setuid(9); _exit(-sys(SYS_setgroups, 0, NULL))), EPERM, "setgroups as a user");
}

static void privileges(void)
{
	struct rlimit limit;

	tap_is(CODE(setuid(9); _exit(-sys(SYS_sethostname, "x", 1))), EPERM,
	       "sethostname as a user");
	tap_is(CODE(setuid(9); _exit(-sys(SYS_chroot, "/"))), EPERM, "chroot as a user");
	tap_is(CODE(setuid(9); _exit(-sys(SYS_mount, "x", "/", "tmpfs", 0, NULL))), EPERM,
	       "mount as a user");
	tap_is(CODE(setuid(9); _exit(-sys(SYS_reboot, 0xfee1dead, 672274793, 0, NULL))), EPERM,
	       "reboot as a user");
	tap_is(sys(SYS_reboot, 0xfee1dead, 5, 0, NULL), -EINVAL, "reboot, wrong magic");
	tap_is(sys(SYS_reboot, 0xfee1dead, 672274793, 5, NULL), -EINVAL, "reboot, unknown command");
	tap_is(CODE(setuid(9); getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_max++;
		    _exit(-err(setrlimit(RLIMIT_NOFILE, &limit)))),
	       EPERM, "raise a hard limit as a user");
	tap_is(CODE(setuid(9); _exit(-err(setpriority(PRIO_PROCESS, 0, -1)))), EACCES,
	       "a nicer priority as a user");
	tap_is(CODE(setuid(9); _exit(-err(setpriority(PRIO_PROCESS, 0, 5)))), 0, "a worse one");
	tap_is(CODE(setuid(9); _exit(-err(setpriority(PRIO_PROCESS, 1, 5)))), EPERM, "another's");
	tap_is(CODE(setpriority(PRIO_PROCESS, 0, 5); _exit(sys(SYS_getpriority, PRIO_PROCESS, 0))),
	       15, "getpriority is 20 - nice");
	tap_is(sys(SYS_getpriority, 9, 0), -EINVAL, "getpriority, unknown kind");
	tap_is(sys(SYS_getpriority, PRIO_PROCESS, 0x3fffff), -ESRCH, "getpriority of nobody");
}

static void capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2], zero[2] = { };

	tap_is(sys(SYS_capget, &header, data), 0, "capget");
	tap_ok(data[0].effective == 0xffffffff && data[0].permitted == 0xffffffff &&
		       data[0].inheritable == 0,
	       "root has all");
	tap_is(data[1].effective & 0x1ff, 0x1ff, "the upper ones too");
	tap_is(CODE(setuid(9); sys(SYS_capget, &header, data);
		    _exit(!data[0].effective && !data[0].permitted)),
	       1, "a user none");
	tap_is(CODE(seteuid(9); sys(SYS_capget, &header, data); _exit(!data[0].effective && data[0].permitted)), 1,
	       "effective user: permitted only");
	tap_is(CODE(_exit(-sys(SYS_capset, &header, zero))), 0, "give up all");
	tap_is(CODE(sys(SYS_capset, &header, zero); _exit(-sys(SYS_sethostname, "x", 1))), EPERM,
	       "then root may not either");
	tap_is(CODE(sys(SYS_capset, &header, zero); _exit(-sys(SYS_capset, &header, data))), EPERM,
	       "nor take them back");
	header.version = 5;
	tap_is(sys(SYS_capget, &header, data), -EINVAL, "capget, unknown version");
	tap_is(header.version, _LINUX_CAPABILITY_VERSION_3, "the known one is told");
	header.version = 5;
	tap_is(sys(SYS_capget, &header, NULL), 0, "asking for the version only");
	header.pid = -1;
	tap_is(sys(SYS_capget, &header, data), -EINVAL, "capget of -1");
	header.pid = 0x3fffff;
	tap_is(sys(SYS_capget, &header, data), -ESRCH, "capget of nobody");
	tap_is(CODE(prctl(PR_SET_KEEPCAPS, 1); setuid(9); header.pid = 0; sys(SYS_capget, &header, data);
		    _exit(!data[0].effective && data[0].permitted)), 1, "PR_SET_KEEPCAPS");
	tap_is(CODE(_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)), 0,
	       "no_new_privs");
	tap_is(err(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)), -EINVAL, "which cannot be cleared");
	tap_is(err(prctl(PR_CAPBSET_READ, 0)), 1, "PR_CAPBSET_READ");
	tap_is(err(prctl(PR_CAPBSET_READ, 99)), -EINVAL, "of none");
}

/* The caller's capabilities of one kind: 0 effective, 1 permitted, 2 inheritable. */
static unsigned long caps(int kind)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { };
	const unsigned *words = (const unsigned *)data;

	sys(SYS_capget, &header, data);
	return words[kind] | (unsigned long)words[kind + 3] << 32;
}

static void inherit(unsigned set)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { };

	sys(SYS_capget, &header, data);
	data[0].inheritable = set;
	sys(SYS_capset, &header, data);
}

/* What the program says of itself after exec, as "caps": effective capabilities below 8. */
static int caps_after_exec(void)
{
	execl("/proc/self/exe", "caps", NULL);
	return 99;
}

enum { NOROOT = 1, NO_FIXUP = 4, KEEP = 16, NO_RAISE = 64 };

static void securebits(void)
{
	tap_says(CODE(_exit(-err(prctl(PR_SET_SECUREBITS, NOROOT | NOROOT << 1)))), "lock a bit");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, NOROOT | NOROOT << 1);
		      _exit(-err(prctl(PR_SET_SECUREBITS, 0)))),
		 "the lock stays");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, NOROOT << 1);
		      _exit(-err(prctl(PR_SET_SECUREBITS, 3)))),
		 "so does the bit");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, KEEP << 1); _exit(-err(prctl(PR_SET_KEEPCAPS, 1)))),
		 "PR_SET_KEEPCAPS, locked");
	tap_says(CODE(setuid(9); _exit(-err(prctl(PR_SET_SECUREBITS, 0)))), "a user may set none");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, NO_FIXUP); setresuid(9, 9, 9);
		      _exit(caps(0) == caps(1) && caps(0))),
		 "SECBIT_NO_SETUID_FIXUP: all are kept");
	tap_says(CODE(_exit(caps_after_exec())), "exec as root");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, NOROOT); _exit(caps_after_exec())),
		 "SECBIT_NOROOT: exec gives none");
	tap_says(CODE(setresuid(9, 9, 9); _exit(caps_after_exec())), "exec as a user");
	tap_says(CODE(inherit(2); prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0);
		      prctl(PR_SET_SECUREBITS, KEEP); setresuid(9, 9, 9);
		      _exit(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0))),
		 "ambient after setuid with KEEPCAPS");
	tap_says(CODE(inherit(2); prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0);
		      setresuid(9, 9, 9);
		      _exit(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0))),
		 "ambient after setuid");
	tap_says(CODE(prctl(PR_SET_KEEPCAPS, 1); setresuid(9, 9, 9); inherit(2);
		      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0);
		      _exit(caps_after_exec())),
		 "ambient ones survive exec");
	tap_says(CODE(inherit(2); prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0); inherit(0);
		      _exit(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0))),
		 "not what cannot be inherited");
	tap_says(CODE(inherit(2); prctl(PR_SET_SECUREBITS, NO_RAISE);
		      _exit(-err(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0)))),
		 "SECBIT_NO_CAP_AMBIENT_RAISE");
}

/* What a file server that takes a client's id may do. */
static void file_server(void)
{
	close(open("private", O_CREAT | O_WRONLY, 0600));
	tap_says(CODE(setfsuid(9); _exit(caps(0) & 0xff)),
		 "setfsuid takes the capabilities of files");
	tap_says(CODE(setfsuid(9); _exit(-err(open("private", O_RDONLY)))),
		 "and with them what is private");
	tap_says(CODE(setfsuid(9); setfsuid(0); _exit(caps(0) & 0xff)),
		 "back to root they come back");
	tap_says(CODE(setfsuid(9); _exit(caps(1) & 0xff)), "they are permitted meanwhile");
	tap_says(CODE(prctl(PR_SET_SECUREBITS, NO_FIXUP); setfsuid(9); _exit(caps(0) & 0xff)),
		 "SECBIT_NO_SETUID_FIXUP: they stay");
}

static void names(void)
{
	struct utsname u;
	char name[16];

	uname(&u);
	tap_ok(!strcmp(u.machine, "riscv64"), "uname machine");
	tap_is(CODE(sethostname("box", 3); uname(&u); _exit(strcmp(u.nodename, "box"))), 0,
	       "sethostname");
	tap_is(sys(SYS_sethostname, "x", 65), -EINVAL, "a name of 65");
	tap_is(sys(SYS_sethostname, "x", -1), -EINVAL, "a name of -1");
	tap_is(sys(SYS_sethostname, NULL, 3), -EFAULT, "no name");
	tap_is(CODE(setdomainname("home", 4); uname(&u); _exit(strcmp(u.domainname, "home"))), 0,
	       "setdomainname");
	prctl(PR_SET_NAME, "a name longer than sixteen");
	prctl(PR_GET_NAME, name);
	tap_ok(!strcmp(name, "a name longer t"), "PR_SET_NAME cuts");
	tap_is(err(prctl(0x7fff)), -EINVAL, "an unknown prctl");
	tap_is(err(prctl(PR_SET_PDEATHSIG, 65)), -EINVAL, "PR_SET_PDEATHSIG 65");
	tap_is(sys(SYS_personality, 0xffffffff), 0, "personality");
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], "caps"))
		return caps(0) & 0xff;
	users();
	groups();
	privileges();
	capabilities();
	securebits();
	file_server();
	names();
	return tap_exit();
}
