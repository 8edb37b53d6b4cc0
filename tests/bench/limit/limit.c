/* SPDX-License-Identifier: MIT */
/* limit - bare S-mode program: what the machine itself costs, with no kernel.
 * Prints instructions (icount) or ns (otherwise) per operation. */
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
#define R(a) (*(volatile u32 *)(u64)(a))
#define UART 0x10000000ul
static void pc(char c)
{
	while (!(*(volatile u8 *)(UART + 5) & 0x20)) ;
	*(volatile u8 *)UART = c;
}

static void ps(const char *s)
{
	while (*s)
		pc(*s++);
}

static void pn(u64 v)
{
	char b[24];
	int i = 0;
	do
		b[i++] = '0' + v % 10;
	while (v /= 10);
	while (i)
		pc(b[--i]);
}

static inline u64 rt(void)
{
	u64 v;
	__asm__ volatile ("rdtime %0":"=r" (v));
	return v;
}

static void rep(const char *n, u64 t, u64 ops)
{
	ps(n);
	pc(' ');
	pn(t * 100 / ops);
	pc('.');
	pn((t * 1000 / ops) % 10);
	ps("\n");
}

static void sbi(u64 e, u64 f, u64 x, u64 y)
{
	register u64 a0 __asm__("a0") = x, a1 __asm__("a1") = y, a6 __asm__("a6") =
	    f, a7 __asm__("a7") = e;
	__asm__ volatile ("ecall":"+r" (a0), "+r"(a1):"r"(a6), "r"(a7):"memory");
}

extern char ucode_full[], ucode_pf[];
extern void trap_full(void), trap_lean(void);
extern u64 enter(u64 pc, u64 n, u64 arg, u64 trap);
static u64 root[512] __attribute__((aligned(4096))), l1[512] __attribute__((aligned(4096))), l0[512]
    __attribute__((aligned(4096)));
static u8 pool[512 * 4096] __attribute__((aligned(4096)));
u64 freep;
u64 sys_nop(u64 a)
{
	return a + 1;
}
u64(*systab[4]) (u64) = { sys_nop, sys_nop, sys_nop, sys_nop };

static inline void zero(void *p)
{
	u64 *q = p, *e = q + 512;
	do {
		q[0] = q[1] = q[2] = q[3] = q[4] = q[5] = q[6] = q[7] = 0;
		__asm__ volatile ("":::"memory");
		q += 8;
	} while (q < e);
}

void fault(u64 va)
{
	u8 *p = pool + freep;
	freep = (freep + 4096) & (sizeof pool - 1);
	zero(p);
	l0[(va >> 12) & 511] = ((u64) p >> 12) << 10 | 0xd7;
	__asm__ volatile ("sfence.vma %0,x0"::"r" (va):"memory");
}

static u8 A[65536] __attribute__((aligned(4096))), B[65536] __attribute__((aligned(4096)));
static void cpy(u64 * d, u64 * s, u64 n)
{
	for (; n; n -= 64, d += 8, s += 8) {
		u64 a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];
		d[0] = a;
		d[1] = b;
		d[2] = c;
		d[3] = e;
		d[4] = f;
		d[5] = g;
		d[6] = h;
		d[7] = i;
		__asm__ volatile ("":::"memory");
}}

static u16 csum(u8 * p, u64 n)
{
	u64 s = 0;
	for (u64 * q = (u64 *) p; n; n -= 8, q++) {
		u64 v = *q;
		s += v;
		s += s < v;
	}
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return s;
}

/* virtio-blk, modern mmio, polled */
static struct {
	u64 a;
	u32 l;
	u16 f, n;
} dsc[8] __attribute__((aligned(4096)));
static struct {
	u16 f, i, r[8], e;
} av __attribute__((aligned(4096)));
static volatile struct {
	u16 f, i;
	struct {
		u32 id, l;
	} r[8];
} us __attribute__((aligned(4096)));
static struct {
	u32 t, r;
	u64 s;
} hd;
static volatile u8 stv;
static u64 blk(void)
{
	for (u64 b = 0x10001000; b < 0x10009000; b += 0x1000)
		if (R(b) == 0x74726976 && R(b + 4) == 2 && R(b + 8) == 2) {
			R(b + 0x70) = 0;
			R(b + 0x70) = 3;
			R(b + 0x24) = 0;
			R(b + 0x20) = 0;
			R(b + 0x24) = 1;
			R(b + 0x20) = 1;
			R(b + 0x70) = 11;
			R(b + 0x30) = 0;
			R(b + 0x38) = 8;
			R(b + 0x80) = (u32) (u64) dsc;
			R(b + 0x84) = 0;
			R(b + 0x90) = (u32) (u64) & av;
			R(b + 0x94) = 0;
			R(b + 0xa0) = (u32) (u64) & us;
			R(b + 0xa4) = 0;
			R(b + 0x44) = 1;
			R(b + 0x70) = 15;
			return b;
		}
	return 0;
}

static void rd(u64 b, u64 sec, u32 len)
{
	hd.t = 0;
	hd.s = sec;
	dsc[0].a = (u64) & hd;
	dsc[0].l = 16;
	dsc[0].f = 1;
	dsc[0].n = 1;
	dsc[1].a = (u64) pool;
	dsc[1].l = len;
	dsc[1].f = 3;
	dsc[1].n = 2;
	dsc[2].a = (u64) & stv;
	dsc[2].l = 1;
	dsc[2].f = 2;
	u16 w = us.i + 1;
	av.r[av.i & 7] = 0;
	__asm__ volatile ("fence":::"memory");
	av.i++;
	__asm__ volatile ("fence":::"memory");
	R(b + 0x50) = 0;
	while (us.i != w) ;
	R(b + 0x64) = 1;
}

static volatile u64 sink;
static const u64 N = 20000;		/* rounds of what is short */

/* The image where it is, devices, and a table of user pages. */
static void map(void)
{
	root[0] = 0xcf;
	root[2] = (0x80000000ul >> 12) << 10 | 0xcf;
	root[8] = (0x80000000ul >> 12) << 10 | 0xdf;
	root[16] = ((u64) l1 >> 12) << 10 | 1;
	l1[0] = ((u64) l0 >> 12) << 10 | 1;
	__asm__ volatile ("csrw satp,%0; sfence.vma"::"r" (8ul << 60 | (u64) root >> 12):"memory");
}

static void measure_traps(u64 ua)
{
	u64 t;

	for (int k = 0; k < 2; k++) {
		t = rt();
		enter((u64) ucode_full + ua, N, 0, (u64) trap_full);
		rep("ecall_roundtrip_save_all_31_regs", rt() - t, N);
	}
	for (int k = 0; k < 2; k++) {
		t = rt();
		enter((u64) ucode_full + ua, N, 0, (u64) trap_lean);
		rep("ecall_roundtrip_save_caller_regs", rt() - t, N);
	}
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < 512; i++)
			l0[i] = 0;
		__asm__ volatile ("sfence.vma");
		t = rt();
		enter((u64) ucode_pf + ua, 512, 0x400000000ul, (u64) trap_full);
		rep("page_fault_zero_map_return", rt() - t, 512);
	}
}

static void measure_memory(void)
{
	u64 t = rt();

	for (int i = 0; i < 512; i++)
		zero(pool + i * 4096ul);
	rep("zero_4k", rt() - t, 512);
	t = rt();
	for (int i = 0; i < 200; i++)
		cpy((u64 *) A, (u64 *) B, 65536);
	rep("memcpy_per_KiB", rt() - t, 200 * 64);
	t = rt();
	for (int i = 0; i < 200; i++)
		sink = csum(A, 65536);
	rep("inet_checksum_per_KiB", rt() - t, 200 * 64);
}

static void measure_tlb(void)
{
	u64 t = rt(), sa;

	for (u64 i = 0; i < N; i++)
		__asm__ volatile ("sfence.vma %0,x0"::"r" (A):"memory");
	rep("sfence_page", rt() - t, N);
	t = rt();
	for (u64 i = 0; i < N; i++) {
		sink = *(volatile u8 *)A;
		__asm__ volatile ("sfence.vma":::"memory");
	} rep("sfence_all_plus_load", rt() - t, N);
	__asm__ volatile ("csrr %0,satp":"=r" (sa));
	t = rt();
	for (u64 i = 0; i < N; i++) {
		__asm__ volatile ("csrw satp,%0"::"r" (sa ^ ((i & 1) << 44)):"memory");
		sink = *(volatile u8 *)A;
	} rep("satp_asid_switch_plus_load", rt() - t, N);
}

static void measure_disk(u64 b)
{
	u64 t = rt();

	for (u64 i = 0; i < N; i++)
		sink = R(b + 0x60);
	rep("virtio_mmio_read", rt() - t, N);
	for (int i = 0; i < 50; i++)
		rd(b, i * 8, 4096);
	t = rt();
	for (u64 i = 0; i < 2000; i++)
		rd(b, (i & 255) * 8, 4096);
	rep("virtio_blk_read_4k_polled", rt() - t, 2000);
	t = rt();
	for (u64 i = 0; i < 2000; i++)
		rd(b, (i & 255) * 8, 65536);
	rep("virtio_blk_read_64k_polled", rt() - t, 2000);
	t = rt();
	for (u64 i = 0; i < 500; i++)
		rd(b, (i & 31) * 2048, 1 << 20);
	rep("virtio_blk_read_1M_polled", rt() - t, 500);
}

static void measure_devices(void)
{
	u64 t = rt(), b;

	for (u64 i = 0; i < N; i++)
		sbi(0x54494d45, 0, -1ul, 0);
	rep("sbi_set_timer", rt() - t, N);
	t = rt();
	for (u64 i = 0; i < N; i++)
		sink = *(volatile u8 *)(UART + 5);
	rep("uart_mmio_read", rt() - t, N);
	b = blk();
	if (b)
		measure_disk(b);
	else
		ps("no modern virtio-blk\n");
}

void cmain(u64 hart, u64 fdt)
{
	u64 t = rt();

	ps("\nLIMIT firmware-to-kernel-ticks(100ns) ");
	pn(t);
	ps("\n");
	map();
	__asm__ volatile ("nop");
	t = rt();
	for (u64 i = 0; i < N; i++)
		__asm__ volatile ("nop");
	rep("loop", rt() - t, N);
	measure_traps(0x200000000ul - 0x80000000ul);
	measure_memory();
	measure_tlb();
	measure_devices();
	sbi(0x53525354, 0, 0, 0);
	for (;;) ;
}
