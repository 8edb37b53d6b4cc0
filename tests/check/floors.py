#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""floors.py - no file includes a header of a floor above its own.

The floors of the kernel, low to high, as path prefixes; the longest prefix that
fits a file decides. Prints each upward include and fails if there is one that
is not in UPWARD. Linked functions are not checked here, only includes.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

FLOORS = [
    ["kernel/lib", "kernel/uapi", "kernel/types.h", "kernel/errno.h", "kernel/kconfig.h",
     "kernel/offsets.h", "kernel/bug.h", "kernel/printk.h", "kernel/sections.h",
     "kernel/debug/symbols.h", "kernel/time/hrtimer.h"],
    ["arch/riscv/include", "kernel/percpu.h"],
    ["arch/riscv", "kernel/lock", "kernel/irq", "kernel/time", "kernel/mm", "kernel/debug",
     "kernel/param.h", "kernel/param.c", "kernel/percpu.c", "kernel/lib/random.c", "kernel/lib/xarray.c",
     # What every floor knows of a thread: its fields, how it sleeps and is woken. Declared for the
     # floors below, defined by kernel/task and kernel/sched.
     "kernel/task/thread.h", "kernel/task/signal.h", "kernel/sched/sched.h", "kernel/sched/entity.h",
     "kernel/sched/tick.h", "kernel/sched/runqueue.h"],
    ["kernel/task", "kernel/sched"],
    ["drivers/core"],
    ["drivers/block"],
    ["drivers", "fs", "net"],
    ["kernel"],
]

# Includes that look up on purpose: (file, header) -> why. Twenty at most.
UPWARD = {
    ("arch/riscv/include/arch/fp.h", "kernel/task/thread.h"): "whose FP registers they are, at every switch",
    ("arch/riscv/include/arch/pgtable.h", "kernel/lock/spinlock.h"): "the lock of a table page, inline",
    ("arch/riscv/include/arch/pgtable.h", "kernel/mm/mm.h"): "walks start at an mm's root",
    ("arch/riscv/include/arch/pgtable.h", "kernel/mm/page.h"): "an entry's page, inline",
    ("arch/riscv/include/arch/tlb_gather.h", "kernel/mm/page.h"): "the pages a flush frees",
}

FLOOR_OF = {prefix: level for level, prefixes in enumerate(FLOORS) for prefix in prefixes}


def floor(path):
    fits = [p for p in FLOOR_OF if path == p or path.startswith(p + "/")]
    return FLOOR_OF[max(fits, key=len)] if fits else None


def included(path):
    """(line number, path from the root) of each include of a file of ours."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        name = match[1]
        if name.startswith("arch/") and not name.startswith("arch/riscv/"):
            name = "arch/riscv/include/" + name
        yield number, name


def main():
    bad = 0
    for folder in ("arch", "kernel", "drivers", "fs", "net"):
        for path in sorted((ROOT / folder).rglob("*.[chS]")):
            name = str(path.relative_to(ROOT))
            for number, header in included(path):
                mine, theirs = floor(name), floor(header)
                if None in (mine, theirs) or theirs <= mine or (name, header) in UPWARD:
                    continue
                print(f"{name}:{number}: floor {mine} includes {header} of floor {theirs}")
                bad += 1
    print(f"floors: {bad} upward includes")
    sys.exit(1 if bad or len(UPWARD) > 20 else 0)


if __name__ == "__main__":
    main()
