/* SPDX-License-Identifier: MIT */
/* The finished shared object; vdso_init() copies it out of the memory that boot gives back. */
	.section .init.data, "aw"
	.balign	8
	.globl	vdso_image, vdso_image_end
vdso_image:
	.incbin	VDSO_FILE
vdso_image_end:
