/* SPDX-License-Identifier: MIT */
/*
 * Which extensions every hart in use has.
 *
 * A hart's node says it in "riscv,isa-extensions", a list of strings, or in the
 * older "riscv,isa": rv64, single letters, then names set off by underscores. An
 * extension counts if all harts have it. Those that need state the kernel does not
 * keep (vectors) or a permission it does not give (cache blocks) are left out.
 *
 * Source: device tree bindings, riscv/extensions.yaml; the numbers of hwprobe keys
 * are Linux's ABI (riscv_hwprobe(2)).
 */
#include <arch/isa.h>
#include <arch/paging.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

struct isa_features isa __ro_after_init;

static const struct {
	char name[12];
	u64 hwprobe;
} extensions[] __initdata = {
	{ "c", BIT(1) }, { "zba", BIT(3) }, { "zbb", BIT(4) }, { "zbs", BIT(5) }, { "zbc", BIT(7) },
	{ "zbkb", BIT(8) }, { "zbkc", BIT(9) }, { "zbkx", BIT(10) }, { "zknd", BIT(11) }, { "zkne", BIT(12) },
	{ "zknh", BIT(13) }, { "zksed", BIT(14) }, { "zksh", BIT(15) }, { "zkt", BIT(16) }, { "zfh", BIT(27) },
	{ "zfhmin", BIT(28) }, { "zihintntl", BIT(29) }, { "zfa", BIT(32) }, { "ztso", BIT(33) },
	{ "zacas", BIT(34) }, { "zicond", BIT(35) }, { "zihintpause", BIT(36) },
};
#define HWPROBE_FD	BIT(0)

/* A single letter of the string up to the first underscore; g is imafd. */
static bool __init has_letter(const char *s, char letter)
{
	if (strncmp(s, "rv64", 4))
		return false;
	for (s += 4; *s && *s != '_' && *s != 'z' && *s != 's'; s++)
		if (*s == letter || (*s == 'g' && strchr("imafd", letter)))
			return true;
	return false;
}

static bool __init has_name(const char *s, const char *name)
{
	size_t len = strlen(name);

	while ((s = strchr(s, '_'))) {
		s++;
		if (!strncmp(s, name, len) && (!s[len] || s[len] == '_'))
			return true;
	}
	return false;
}

static bool __init hart_has(int node, const char *name)
{
	const char *s;
	int len;

	if (fdt_getprop(boot_fdt, node, "riscv,isa-extensions", &len))
		return fdt_stringlist_search(boot_fdt, node, "riscv,isa-extensions", name) >= 0;
	s = fdt_getprop(boot_fdt, node, "riscv,isa", &len);
	if (!s || strnlen(s, len) == (size_t)len)
		return false;
	return name[1] ? has_name(s, name) : has_letter(s, name[0]);
}

void __init isa_init(void)
{
	isa = (struct isa_features){ .sstc = true, .hwprobe = ~0ul };
}

void __init isa_add_hart(int node)
{
	u64 has = 0;

	if (hart_has(node, "f") && hart_has(node, "d"))
		has |= HWPROBE_FD;
	for (unsigned i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (hart_has(node, extensions[i].name))
			has |= extensions[i].hwprobe;
	isa.hwprobe &= has;
	isa.sstc &= hart_has(node, "sstc");
}
