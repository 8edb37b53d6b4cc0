# SPDX-License-Identifier: MIT
"""ext2 where it runs full, and under many processes: disk_full.c and disk_storm.c, then e2fsck."""
import subprocess

import pytest

import cpio
import guest
import qemu
from conftest import run_make

# id: program, mke2fs options, size, variant, harts
RUNS = {
    "full-1k": ("disk_full", ["-b", "1024", "-N", "128"], "700K", "", 2),
    "full-4k": ("disk_full", ["-b", "4096", "-N", "128"], "2M", "debug", 2),
    "full-groups": ("disk_full", ["-b", "1024", "-g", "256", "-N", "256"], "1500K", "", 1),
    "storm-1k": ("disk_storm", ["-b", "1024", "-N", "12000"], "24M", "", 4),
    "storm-4k": ("disk_storm", ["-b", "4096", "-N", "12000"], "40M", "debug", 4),
}


@pytest.mark.parametrize("which", RUNS)
def test_full_and_storm(which, tmp_path):
    program, options, size, variant, harts = RUNS[which]
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    image = tmp_path / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-m", "0", *options, str(image), size],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    machine, programs = guest.boot(qemu.image("qemu-virt", variant), [f"{program}.200"], harts, disk=image,
                                   extra_files=[("etc/storm", cpio.FILE, b"%d\n" % (30 if variant else 80))])
    assert not machine.trouble, machine.trouble
    run = programs.get(program)
    assert run and run.end == "exit 0", machine.console[-4000:]
    assert all(passed for _, passed, _ in run.results), run.text[-4000:]
    assert machine.verdict == "ended", machine.console[-3000:]
