# SPDX-License-Identifier: MIT
"""Two disks, the second read-only, as legacy and as modern virtio devices: disk_ro.c, then both as they were."""
import subprocess

import pytest

import guest
import qemu
from conftest import run_make

MACHINES = {"legacy": [], "modern": ["-global", "virtio-mmio.force-legacy=false"]}


@pytest.mark.parametrize("which", MACHINES)
def test_read_only_disk(which, tmp_path):
    run_make("kernel", "CONFIG=debug")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"f" * 5000)
    images = [tmp_path / "a", tmp_path / "b"]
    for image in images:
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-d", str(tmp_path / "tree"), str(image), "4M"],
                       check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    before = images[1].read_bytes()
    extra = [*MACHINES[which], "-drive", f"if=none,format=raw,id=a,file={images[0]}",
             "-device", "virtio-blk-device,drive=a",
             "-drive", f"if=none,format=raw,id=b,file={images[1]},readonly=on", "-device", "virtio-blk-device,drive=b"]
    machine, programs = guest.boot(qemu.image("qemu-virt", "debug"), ["disk_ro"], 2, extra=extra)
    assert machine.verdict == "ended" and not machine.trouble, machine.console[-3000:]
    run = programs.get("disk_ro")
    assert run and run.end == "exit 0", machine.console[-4000:]
    assert images[1].read_bytes() == before, "the read-only disk has changed"
    assert not qemu.check_disk(images[0])
