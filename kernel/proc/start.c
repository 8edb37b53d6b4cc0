/* SPDX-License-Identifier: MIT */
/*
 * From the kernel to the first program.
 *
 * There is always a root tmpfs. What firmware left as an initial archive is
 * unpacked into it; if that brings the program rdinit= names (default /init), it
 * is run and the archive is the system. Otherwise the device root= names is
 * mounted over it, and init= or one of the usual programs is run from there.
 *
 * Parameters, as Linux's: root=, rootfstype=, ro, rw, init=, rdinit=, and
 * rootwait, which is how it works anyway: devices are probed before.
 */
#include <arch/layout.h>
#include <arch/paging.h>
#include <fs/dev/devtmpfs.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>
#include <kernel/param.h>
#include <kernel/printk.h>
#include <kernel/proc/proc.h>
#include <kernel/proc/start.h>
#include <kernel/uapi/fcntl.h>

static char root_device[64] __initdata, root_type[16] __initdata = "ext2";
static u32 root_flags __initdata = SB_RDONLY;
static char init_path[128] __initdata, rdinit_path[128] __initdata = "/init";
static const char *init_args[INIT_WORDS_MAX + 2];	/* path, words, NULL */
static const char *init_env[INIT_WORDS_MAX + 3] = { "HOME=/", "TERM=linux" };

static int copy_value(char *to, size_t size, const char *value)
{
	return strscpy(to, value, size) < 0 ? -EINVAL : 0;
}

static int __init set_root(const char *v)	{ return copy_value(root_device, sizeof(root_device), v); }
static int __init set_rootfstype(const char *v)	{ return copy_value(root_type, sizeof(root_type), v); }
static int __init set_init(const char *v)	{ return copy_value(init_path, sizeof(init_path), v); }
static int __init set_rdinit(const char *v)	{ return copy_value(rdinit_path, sizeof(rdinit_path), v); }

static int __init set_ro(const char *v)
{
	root_flags |= SB_RDONLY;
	return *v ? -EINVAL : 0;
}

static int __init set_rw(const char *v)
{
	root_flags &= ~SB_RDONLY;
	return *v ? -EINVAL : 0;
}

static int __init set_rootwait(const char *v)
{
	return *v ? -EINVAL : 0;
}

PARAM(root, "root", set_root);
PARAM(rootfstype, "rootfstype", set_rootfstype);
PARAM(init, "init", set_init);
PARAM(rdinit, "rdinit", set_rdinit);
PARAM(ro, "ro", set_ro);
PARAM(rw, "rw", set_rw);
PARAM(rootwait, "rootwait", set_rootwait);

/* --- the root file system --- */

static void __init release_initrd(void)
{
	for (paddr_t pa = ALIGN_UP(initrd_start, PAGE_SIZE); pa + PAGE_SIZE <= initrd_end;
	     pa += PAGE_SIZE)
		page_release_reserved(phys_to_page(pa));
}

static void __init unpack_initrd(void)
{
	int err;

	if (initrd_start >= initrd_end)
		return;
	err = vfs_unpack_initramfs(phys_to_virt(initrd_start), initrd_end - initrd_start);
	if (err)
		pr_err("initramfs: damaged archive or no memory: error %d\n", err);
	else
		pr_info("initramfs: %lu KiB unpacked\n", (initrd_end - initrd_start) / 1024);
	release_initrd();
}

static bool __init path_exists(const char *name)
{
	struct path path;

	if (path_lookup_kernel(name, LOOKUP_FOLLOW, &path))
		return false;
	path_put(&path);
	return true;
}

static void __init mount_root_device(void)
{
	int err;

	if (!root_device[0])
		panic("no root: neither an initramfs with %s nor root=", rdinit_path);
	err = vfs_mount_root(root_device, root_type, root_flags);
	if (err)
		panic("root %s of type %s cannot be mounted: error %d", root_device, root_type,
		      err);
	pr_info("root: %s, %s, %s\n", root_device, root_type, root_flags & SB_RDONLY ? "ro" : "rw");
}

/* --- PID 1 --- */

static void open_console(void)
{
	int err;
	struct file *f = file_open_kernel("/dev/console", O_RDWR, 0, &err);

	if (!f) {
		pr_warn("init: no /dev/console: error %d\n", err);
		return;
	}
	for (int fd = 0; fd < 3; fd++)
		if (fd_replace(fd, f, 0) < 0)
			pr_warn("init: no memory for its descriptors\n");
	file_put(f);
}

static int run(const char *path)
{
	int err;

	init_args[0] = path;
	err = kernel_exec(path, init_args, init_env);
	if (!err)
		pr_info("init: %s\n", path);
	else if (err != -ENOENT)
		pr_err("init: %s cannot be run: error %d\n", path, err);
	return err;
}

static int run_usual_programs(void)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };

	for (u32 i = 0; i < ARRAY_SIZE(usual); i++)
		if (!run(usual[i]))
			return 0;
	return -ENOENT;
}

struct init_plan {
	char path[128];		/* empty: the usual ones */
};

/* PID 1's first function. It returns into the program. */
static int init_main(void *arg)
{
	const struct init_plan *plan = arg;
	int err;

	memcpy(init_args + 1, init_arg_words, sizeof(init_arg_words));
	memcpy(init_env + 2, init_env_words, sizeof(init_env_words));
	current->fs = fs_fork(&init_fs);
	current->files = files_fork(NULL, &err);
	if (!current->fs || !current->files)
		panic("no memory for init");
	open_console();
	if (plan->path[0] ? run(plan->path) : run_usual_programs())
		panic("no init can be run");
	return 0;
}

void __init userland_start(void)
{
	static struct init_plan plan;

	current->fs = fs_get(&init_fs);
	if (vfs_mount_root("rootfs", "tmpfs", 0))
		panic("no root tmpfs");
	unpack_initrd();
	if (path_exists(rdinit_path)) {
		strscpy(plan.path, rdinit_path, sizeof(plan.path));
	} else {
		mount_root_device();
		strscpy(plan.path, init_path, sizeof(plan.path));
	}
	devtmpfs_mount();
	process_start_init(init_main, &plan);
}
