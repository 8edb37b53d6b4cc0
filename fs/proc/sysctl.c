/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys: settings and limits of the kernel, where Linux has them. Each file
 * shows or changes what it says; a name without meaning here is not here.
 *
 * A file is a struct sysctl: how to read a value and, where it can be set, how to
 * set it. As on Linux a file without write permission cannot be opened for writing
 * even by root, and its mode holds for the superuser's group as well.
 */
#include <fs/drop_caches.h>
#include <fs/proc/proc.h>
#include <kernel/debug/panic.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/writeback.h>
#include <kernel/mm/zone.h>
#include <kernel/task/cred.h>
#include <kernel/task/nsproxy.h>
#include <kernel/printk.h>
#include <net/inet/inet.h>
#include <net/proc.h>
#include <net/socket.h>

/* --- numbers --- */

struct sysctl {
	u64 constant;			/* where value is NULL */
	void *value;
	bool of_net;			/* it lies at `offset` of the caller's network's settings */
	u32 offset;
	u32 bytes;			/* of *value: 4 or 8, signed */
	s64 min, max;			/* of what may be set */
};

static void *value_of(const struct sysctl *c)
{
	return c->of_net ? (char *)&current_net()->settings + c->offset : c->value;
}

static int number_show(struct seq *s, struct pseudo *p)
{
	const struct sysctl *c = p->entry->data;
	const void *value = value_of(c);

	if (!value)
		seq_printf(s, "%lu\n", c->constant);
	else if (c->bytes == 4)
		seq_printf(s, "%d\n", READ_ONCE(*(const s32 *)value));
	else
		seq_printf(s, "%ld\n", READ_ONCE(*(const s64 *)value));
	return 0;
}

static ssize_t number_store(struct pseudo *p, char *text, size_t len)
{
	const struct sysctl *c = p->entry->data;
	s64 v;

	if (!len)
		return 0;
	if (kstrtos64(text, 0, &v) || v < c->min || v > c->max)
		return -EINVAL;
	if (c->bytes == 4)
		WRITE_ONCE(*(s32 *)value_of(c), v);
	else
		WRITE_ONCE(*(s64 *)value_of(c), v);
	return len;
}

/* Those that use all 64 bits: data is the u64. */
static int unsigned_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%lu\n", READ_ONCE(*(const u64 *)p->entry->data));
	return 0;
}

static ssize_t unsigned_store(struct pseudo *p, char *text, size_t len)
{
	u64 v;

	if (!len)
		return 0;
	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	WRITE_ONCE(*(u64 *)p->entry->data, v);
	return len;
}

static int permission(struct pseudo *p, int mask)
{
	umode_t mode = p->inode.mode;
	const struct cred *c = current_cred();

	if (c->euid == 0)
		mode >>= 6;
	else if (in_group(0))
		mode >>= 3;
	return mask & ~mode & (MAY_READ | MAY_WRITE | MAY_EXEC) ? -EACCES : 0;
}

#define CONSTANT(n, v)	{ .name = (n), .mode = S_IFREG | 0444, .show = number_show, .permission = permission, \
	.data = &(struct sysctl){ .constant = (v) } }
#define SETTABLE(n, var, low, high)	{ .name = (n), .mode = S_IFREG | 0644, .show = number_show, \
	.store = number_store, .permission = permission, \
	.data = &(struct sysctl){ .value = &(var), .bytes = sizeof(var), .min = (low), .max = (high) } }
#define UNSIGNED(n, var)	{ .name = (n), .mode = S_IFREG | 0644, .show = unsigned_show, \
	.store = unsigned_store, .permission = permission, .data = &(var) }
#define OF_NET(n, field, low, high)	{ .name = (n), .mode = S_IFREG | 0644, .show = number_show, \
	.store = number_store, .permission = permission, \
	.data = &(struct sysctl){ .of_net = true, .offset = offsetof(struct net_settings, field), \
		.bytes = sizeof_member(struct net_settings, field), .min = (low), .max = (high) } }
#define SHOWN(n, fn)	{ .name = (n), .mode = S_IFREG | 0444, .show = (fn), .permission = permission }
#define DIR(n, table)	{ .name = (n), .mode = S_IFDIR | 0555, .children = (table) }

/* --- names --- */

static struct uts_namespace *uts(void)
{
	return current->nsproxy->uts;
}

static char *uts_field(const struct pseudo *p)
{
	return (char *)&uts()->name + (size_t)p->entry->data;
}

static int name_show(struct seq *s, struct pseudo *p)
{
	char name[UTS_LEN];

	spin_lock(&uts()->lock);
	memcpy(name, uts_field(p), sizeof(name));
	spin_unlock(&uts()->lock);
	seq_printf(s, "%s\n", name);
	return 0;
}

static ssize_t name_store(struct pseudo *p, char *text, size_t len)
{
	char name[UTS_LEN] = { 0 };
	size_t n = strnlen(text, len);

	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	memcpy(name, text, min(n, sizeof(name) - 1));
	spin_lock(&uts()->lock);
	memcpy(uts_field(p), name, sizeof(name));
	spin_unlock(&uts()->lock);
	return len;
}

#define NAME(n, field, m)	{ .name = (n), .mode = S_IFREG | (m), .show = name_show, .permission = permission, \
	.store = (m) & 0200 ? name_store : NULL, .data = (void *)offsetof(struct new_utsname, field) }

/* --- random --- */

static void put_uuid(struct seq *s, u8 b[16])
{
	b[6] = (b[6] & 0x0f) | 0x40;	/* RFC 9562, 5.4: version 4, its variant */
	b[8] = (b[8] & 0x3f) | 0x80;
	for (u32 i = 0; i < 16; i++)
		seq_printf(s, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	seq_putc(s, '\n');
}

static int uuid_show(struct seq *s, struct pseudo *p)
{
	u8 b[16];

	random_bytes(b, sizeof(b));
	put_uuid(s, b);
	return 0;
}

static int boot_id_show(struct seq *s, struct pseudo *p)
{
	static DEFINE_SPINLOCK(lock, RANK_LEAF);
	static u8 id[16];
	static bool made;
	u8 fresh[16];

	random_bytes(fresh, sizeof(fresh));
	spin_lock(&lock);
	if (!made)
		memcpy(id, fresh, sizeof(id));
	made = true;
	memcpy(fresh, id, sizeof(id));
	spin_unlock(&lock);
	put_uuid(s, fresh);
	return 0;
}

static int entropy_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", random_is_seeded() ? 256 : 0);
	return 0;
}

static const struct pseudo_entry random_entries[] = {
	SHOWN("boot_id", boot_id_show),
	SHOWN("entropy_avail", entropy_show),
	CONSTANT("poolsize", 256),
	SHOWN("uuid", uuid_show),
	{ 0 },
};

/* --- kernel/ --- */

/*
 * Console level, level of messages without one, lowest and
 * default console level; only the first is ours to change.
 */
static int printk_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%d\t%d\t%d\t%d\n", console_loglevel, LOG_WARN, LOG_ALERT, LOG_DEBUG);
	return 0;
}

static ssize_t printk_store(struct pseudo *p, char *text, size_t len)
{
	char *end = text;
	s64 v;

	while (*end && *end != '\t' && *end != ' ' && *end != '\n')
		end++;
	*end = 0;
	if (kstrtos64(text, 10, &v) || v < 0 || v > LOG_DEBUG + 1)
		return -EINVAL;
	WRITE_ONCE(console_loglevel, (int)v);
	return len;
}

static const struct pseudo_entry kernel_entries[] = {
	CONSTANT("cap_last_cap", NR_CAPS - 1),
	NAME("domainname", domainname, 0644),
	NAME("hostname", nodename, 0644),
	CONSTANT("ngroups_max", 65536),
	NAME("osrelease", release, 0444),
	NAME("ostype", sysname, 0444),
	CONSTANT("overflowgid", 65534),
	CONSTANT("overflowuid", 65534),
	SETTABLE("panic", panic_reboot_after_s, -1, INT_MAX),
	CONSTANT("pid_max", PID_MAX),
	{ .name = "printk", .mode = S_IFREG | 0644, .show = printk_show, .store = printk_store,
	  .permission = permission },
	DIR("random", random_entries),
	CONSTANT("sched_rt_period_us", SCHED_RT_PERIOD_US),
	SETTABLE("sched_rt_runtime_us", sched_rt_runtime_us, -1, SCHED_RT_PERIOD_US),
	UNSIGNED("shmall", init_ipc_ns.shm_max_pages),
	UNSIGNED("shmmax", init_ipc_ns.shm_max_bytes),
	SETTABLE("shmmni", init_ipc_ns.shm_max_segments, 0, IPC_MAX),
	CONSTANT("threads-max", PID_MAX),
	NAME("version", version, 0444),
	{ 0 },
};

/* --- vm/ --- */

static int min_free_show(struct seq *s, struct pseudo *p)
{
	u64 pages = 0;

	for (u32 i = 0; i < NR_ZONES; i++)
		pages += zones[i].marks[MARK_MIN];
	seq_printf(s, "%lu\n", pages * (PAGE_SIZE / 1024));
	return 0;
}

/* As a sum: 1 pages, 2 names and inodes, 4 nothing at all: on Linux it silences a message. */
static ssize_t drop_caches_store(struct pseudo *p, char *text, size_t len)
{
	s64 what;

	if (!len)
		return 0;
	if (kstrtos64(text, 0, &what) || what < 1 || what > 4)
		return -EINVAL;
	if (what & 1)
		caches_drop_pages();
	if (what & 2)
		reclaim_drop_caches();
	return len;
}

static const struct pseudo_entry vm_entries[] = {
	SETTABLE("dirty_expire_centisecs", vm_dirty_expire_cs, 0, INT_MAX),
	SETTABLE("dirty_writeback_centisecs", vm_dirty_writeback_cs, 0, INT_MAX),
	{ .name = "drop_caches", .mode = S_IFREG | 0200, .store = drop_caches_store, .permission = permission },
	CONSTANT("mmap_min_addr", 0x10000),
	SETTABLE("overcommit_memory", vm_overcommit_mode, 0, 2),
	SETTABLE("overcommit_ratio", vm_overcommit_ratio, 0, INT_MAX),
	SETTABLE("max_map_count", vm_max_map_count, 0, INT_MAX),
	SHOWN("min_free_kbytes", min_free_show),
	{ 0 },
};

/* --- fs/ --- */

static const struct pseudo_entry fs_entries[] = {
	CONSTANT("nr_open", 1u << 20),
	CONSTANT("pipe-max-size", 1u << 20),
	{ 0 },
};

/* --- net/ --- */

static const struct pseudo_entry net_core_entries[] = {
	CONSTANT("optmem_max", SOCK_CONTROL_MAX),
	CONSTANT("rmem_default", SOCK_BUF_MAX),
	CONSTANT("rmem_max", SOCK_BUF_MAX),
	OF_NET("somaxconn", somaxconn, 0, INT_MAX),
	CONSTANT("wmem_default", SOCK_BUF_MAX),
	CONSTANT("wmem_max", SOCK_BUF_MAX),
	{ 0 },
};

static int tcp_mem_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%ld\t%ld\t%ld\n", READ_ONCE(inet_tcp_mem[0]), READ_ONCE(inet_tcp_mem[1]),
		   READ_ONCE(inet_tcp_mem[2]));
	return 0;
}

/* As on Linux, as many numbers as are given, from the first on. */
static ssize_t tcp_mem_store(struct pseudo *p, char *text, size_t len)
{
	s64 values[3];
	u32 n = 0;

	for (char *at = text, *end; n < ARRAY_SIZE(values); at = end) {
		while (*at == ' ' || *at == '\t' || *at == '\n')
			at++;
		if (!*at)
			break;
		for (end = at; *end && *end != ' ' && *end != '\t' && *end != '\n'; end++)
			;
		if (*end)
			*end++ = '\0';
		if (kstrtos64(at, 0, &values[n]) || values[n] < 0)
			return -EINVAL;
		n++;
	}
	for (u32 i = 0; i < n; i++)
		WRITE_ONCE(inet_tcp_mem[i], values[i]);
	return len;
}

static const struct pseudo_entry net_ipv4_entries[] = {
	OF_NET("tcp_abort_on_overflow", tcp_abort_on_overflow, 0, 1),
	SETTABLE("tcp_local_splice", inet_tcp_local_splice, 0, 1),
	SETTABLE("tcp_max_orphans", inet_tcp_max_orphans, 0, INT_MAX),
	OF_NET("tcp_max_syn_backlog", tcp_max_syn_backlog, 0, INT_MAX),
	OF_NET("tcp_max_tw_buckets", tcp_max_tw_buckets, 0, INT_MAX),
	{.name = "tcp_mem",
	 .mode = S_IFREG | 0644,
	 .show = tcp_mem_show,
	 .store = tcp_mem_store,
	 .permission = permission},
	OF_NET("tcp_syncookies", tcp_syncookies, 0, 2),
	{ 0 },
};

static const struct pseudo_entry net_unix_entries[] = {
	OF_NET("max_dgram_qlen", max_dgram_qlen, 0, INT_MAX),
	{ 0 },
};

static const struct pseudo_entry net_entries[] = {
	DIR("core", net_core_entries),
	DIR("ipv4", net_ipv4_entries),
	DIR("unix", net_unix_entries),
	{0},
};

const struct pseudo_entry proc_sys_entries[] = {
	DIR("fs", fs_entries), DIR("kernel", kernel_entries), DIR("net", net_entries), DIR("vm", vm_entries), { 0 },
};
