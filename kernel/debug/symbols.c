/* SPDX-License-Identifier: MIT */
/* Binary search in the table of functions that scripts/ksyms.py made. */
#include <kernel/debug/symbols.h>
#include <kernel/sections.h>

extern const u32 ksyms_count, ksyms_offsets[], ksyms_names_off[];
extern const char ksyms_names[];

bool symbol_find(u64 address, struct symbol *out)
{
	u64 offset = address - (u64)__image_start;
	u32 low = 0, high = ksyms_count;

	if (address < (u64)__image_start || address >= (u64)__init_end || !ksyms_count ||
	    offset < ksyms_offsets[0])
		return false;
	while (high - low > 1) {
		u32 mid = (low + high) / 2;

		if (ksyms_offsets[mid] <= offset)
			low = mid;
		else
			high = mid;
	}
	out->name = &ksyms_names[ksyms_names_off[low]];
	out->offset = offset - ksyms_offsets[low];
	out->size = (low + 1 < ksyms_count ? ksyms_offsets[low + 1] : (u64)(__init_end - __image_start)) -
		    ksyms_offsets[low];
	return true;
}
