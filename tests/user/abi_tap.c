/* SPDX-License-Identifier: MIT */
/* The least that a program can ask for: it starts, it is someone, it ends. */
#include "tap.h"

int main(int argc, char **argv)
{
	tap_is(argc, 1, "one argument");
	tap_ok(!strcmp(argv[0], "/tests/abi_tap"), "the program's own name");
	tap_is(sys(SYS_getpid), getpid(), "getpid");
	tap_is(sys(SYS_getppid), 1, "the parent is init");
	tap_is(sys(SYS_getpgid, 0), getpid(), "a process group of its own");
	tap_is(sys(SYS_getsid, 0), getpid(), "a session of its own");
	tap_is(sys(SYS_gettid), getpid(), "the first thread has the process's number");
	tap_is(sys(SYS_write, 1, "", 0), 0, "write nothing");
	tap_is(sys(1000), -ENOSYS, "a call that does not exist");
	tap_is(sys(-1L), -ENOSYS, "call number -1");
	return tap_exit();
}
