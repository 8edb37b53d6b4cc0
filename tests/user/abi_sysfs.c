/* SPDX-License-Identifier: MIT */
/* /sys, as far as the C library and tools without udev read it. */
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include "procfs.h"

int main(void)
{
	char want[32];
	struct statfs fs;
	struct stat st;
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	statfs("/sys", &fs);
	tap_says(fs.f_type, "statfs: type");
	snprintf(want, sizeof(want), cpus > 1 ? "0-%d\n" : "0\n", cpus - 1);
	tap_ok(!strcmp(slurp("/sys/devices/system/cpu/online"), want), "CPUs online");
	tap_ok(!strcmp(slurp("/sys/devices/system/cpu/present"), want), "CPUs present");
	tap_ok(slurp("/sys/devices/system/cpu/possible")[0] == '0', "CPUs possible");
	tap_is(get_nprocs(), cpus, "get_nprocs()");
	tap_is(stat("/sys/devices/system/cpu/cpu0/topology/core_id", &st), 0, "a CPU's topology");
	tap_ok(strtoul(slurp("/sys/devices/system/cpu/cpu0/topology/thread_siblings"), NULL, 16) ==
		       1,
	       "which is one thread");
	tap_ok(strtoul(slurp("/sys/devices/system/cpu/cpu0/topology/core_siblings"), NULL, 16) ==
		       (1ul << cpus) - 1,
	       "of a package of all");
	tap_ok(!strcmp(slurp("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"), "0\n"),
	       "as a list");
	tap_says(slurp("/sys/devices/system/cpu/cpu0/topology/core_siblings")[1] == '\n',
		 "one digit for few CPUs");
	snprintf(want, sizeof(want), "/sys/devices/system/cpu/cpu%d", cpus);
	tap_is(err(stat(want, &st)), -ENOENT, "one CPU more than there are");
	tap_ok(!strcmp(slurp("/sys/class/tty/console/dev"), "5:1\n"), "the console's number");
	tap_ok(strstr(slurp("/sys/dev/char/1:3/uevent"), "MAJOR=1\nMINOR=3\nDEVNAME=null\n") !=
		       NULL,
	       "a device by its number");
	lstat("/sys/dev/char/1:3", &st);
	tap_ok(S_ISLNK(st.st_mode), "is a link");
	tap_is(err(stat("/sys/dev/char/1:99999", &st)), -ENOENT, "no such device");
	tap_ok(!stat("/sys/fs/cgroup", &st) && S_ISDIR(st.st_mode), "where cgroups are mounted");
	tap_ok(!stat("/sys/block", &st) && S_ISDIR(st.st_mode), "block devices");
	tap_ok(!stat("/sys/class/block", &st) && S_ISDIR(st.st_mode), "and partitions");
	tap_says(err(mkdir("/sys/x", 0700)), "mkdir");
	tap_says(open_as(O_WRONLY, "/sys/devices/system/cpu/online") < 0 ? -1 : 0,
		 "open for writing what root cannot write");
	return tap_exit();
}
