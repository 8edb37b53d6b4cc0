/* SPDX-License-Identifier: MIT */
/*
 * The copy loop shared by memcpy and the user-memory copies (assembly only).
 *
 * Misaligned accesses trap to firmware on real harts, so every access is
 * aligned: equal alignment goes by 256 bytes (67 instructions), then by 64 (19), different
 * alignment by words that are merged with shifts, 32 bytes at a time (24 instructions).
 *
 * Registers:	t6 destination, a1 source, a2 bytes; all advance
 *		t5 end of the destination, constant
 *		a3-a7, t0-t4 scratch
 *
 * With \user = 1 each access has an exception-table entry. A fault in a bulk
 * loop goes on with the byte loop from the last completed block, so that the
 * byte loop's fault (label .Lfault_\@ of the includer: see copy_body) knows the
 * first byte that could not be copied: t6.
 */

/* One instruction that may fault on a user address; then continue at \fixup. */
.macro may_fault user, fixup, insn:vararg
9:	\insn
	.if \user
	.pushsection __ex_table, "a"
	.balign 4
	.word	9b - ., \fixup - .
	.popsection
	.endif
.endm

.macro copy_bytes_until end, user, fixup
8:	may_fault \user, \fixup, lbu t0, 0(a1)
	may_fault \user, \fixup, sb t0, 0(t6)
	addi	a1, a1, 1
	addi	t6, t6, 1
	bltu	t6, \end, 8b
.endm

/* 64 bytes at an offset from a1 and t6, which are aligned. */
.macro copy_block offset, user, fixup
	may_fault \user, \fixup, ld a4, \offset(a1)
	may_fault \user, \fixup, ld a5, 8 + \offset(a1)
	may_fault \user, \fixup, ld a6, 16 + \offset(a1)
	may_fault \user, \fixup, ld a7, 24 + \offset(a1)
	may_fault \user, \fixup, ld t1, 32 + \offset(a1)
	may_fault \user, \fixup, ld t2, 40 + \offset(a1)
	may_fault \user, \fixup, ld t3, 48 + \offset(a1)
	may_fault \user, \fixup, ld t4, 56 + \offset(a1)
	may_fault \user, \fixup, sd a4, \offset(t6)
	may_fault \user, \fixup, sd a5, 8 + \offset(t6)
	may_fault \user, \fixup, sd a6, 16 + \offset(t6)
	may_fault \user, \fixup, sd a7, 24 + \offset(t6)
	may_fault \user, \fixup, sd t1, 32 + \offset(t6)
	may_fault \user, \fixup, sd t2, 40 + \offset(t6)
	may_fault \user, \fixup, sd t3, 48 + \offset(t6)
	may_fault \user, \fixup, sd t4, 56 + \offset(t6)
.endm

/* Falls through when all is copied; jumps to \fault when a byte cannot be. */
.macro copy_body user, fault
	li	t0, 16
	bltu	a2, t0, .Lbytes\@
	addi	a3, t6, 7		/* first aligned destination word */
	andi	a3, a3, -8
	beq	a3, t6, .Laligned_dst\@
	copy_bytes_until a3, \user, \fault
	sub	a2, t5, t6
.Laligned_dst\@:
	andi	a4, a1, 7
	bnez	a4, .Lshift\@

	andi	a3, a2, -256
	beqz	a3, .Lblocks\@
	add	a3, a3, t6
1:	copy_block 0, \user, .Lbulk_fault\@
	copy_block 64, \user, .Lbulk_fault\@
	copy_block 128, \user, .Lbulk_fault\@
	copy_block 192, \user, .Lbulk_fault\@
	addi	t6, t6, 256
	addi	a1, a1, 256
	bltu	t6, a3, 1b
	andi	a2, a2, 255
.Lblocks\@:
	andi	a3, a2, -64
	beqz	a3, .Lwords\@
	add	a3, a3, t6
1:	copy_block 0, \user, .Lbulk_fault\@
	addi	t6, t6, 64
	addi	a1, a1, 64
	bltu	t6, a3, 1b
	andi	a2, a2, 63
.Lwords\@:
	andi	a3, a2, -8
	beqz	a3, .Lbytes\@
	add	a3, a3, t6
1:	may_fault \user, .Lbulk_fault\@, ld a4, 0(a1)
	may_fault \user, .Lbulk_fault\@, sd a4, 0(t6)
	addi	t6, t6, 8
	addi	a1, a1, 8
	bltu	t6, a3, 1b
	andi	a2, a2, 7
.Lbytes\@:
	beqz	a2, .Ldone\@
	copy_bytes_until t5, \user, \fault
	j	.Ldone\@

	/*
	 * Source words straddle: a4 = 8 * (source mod 8), a5 = the word that holds
	 * the next byte. An aligned word never crosses a page, and each one read
	 * holds at least one byte that is wanted.
	 */
.Lshift\@:
	slli	a4, a4, 3
	neg	t1, a4			/* shifts use the low six bits: 64 - a4 */
	andi	a1, a1, -8
	may_fault \user, .Lshift_fault\@, ld a5, 0(a1)
	andi	a3, a2, -32
	beqz	a3, .Lshift_words\@
	add	a3, a3, t6
1:	may_fault \user, .Lshift_fault\@, ld a6, 8(a1)
	may_fault \user, .Lshift_fault\@, ld a7, 16(a1)
	may_fault \user, .Lshift_fault\@, ld t2, 24(a1)
	may_fault \user, .Lshift_fault\@, ld t3, 32(a1)
	srl	a5, a5, a4
	sll	t4, a6, t1
	or	a5, a5, t4
	may_fault \user, .Lshift_fault\@, sd a5, 0(t6)
	srl	a6, a6, a4
	sll	t4, a7, t1
	or	a6, a6, t4
	may_fault \user, .Lshift_fault\@, sd a6, 8(t6)
	srl	a7, a7, a4
	sll	t4, t2, t1
	or	a7, a7, t4
	may_fault \user, .Lshift_fault\@, sd a7, 16(t6)
	srl	t2, t2, a4
	sll	t4, t3, t1
	or	t2, t2, t4
	may_fault \user, .Lshift_fault\@, sd t2, 24(t6)
	mv	a5, t3
	addi	t6, t6, 32
	addi	a1, a1, 32
	bltu	t6, a3, 1b
	sub	a2, t5, t6
.Lshift_words\@:
	andi	a3, a2, -8
	beqz	a3, .Lshift_fault\@
	add	a3, a3, t6
1:	may_fault \user, .Lshift_fault\@, ld a6, 8(a1)
	srl	a5, a5, a4
	sll	a7, a6, t1
	or	a5, a5, a7
	may_fault \user, .Lshift_fault\@, sd a5, 0(t6)
	mv	a5, a6
	addi	t6, t6, 8
	addi	a1, a1, 8
	bltu	t6, a3, 1b
.Lshift_fault\@:
	srli	a4, a4, 3
	add	a1, a1, a4
.Lbulk_fault\@:
	sub	a2, t5, t6
	j	.Lbytes\@
.Ldone\@:
.endm
