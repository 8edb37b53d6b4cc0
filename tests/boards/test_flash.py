# SPDX-License-Identifier: MIT
"""scripts/flash on disks that a folder plays: what it refuses, and that it reads back what it wrote."""
import importlib.machinery
import importlib.util
import io
import os
import subprocess

import pytest

from conftest import ROOT

SCRIPT = ROOT / "scripts/flash"


def load():
    loader = importlib.machinery.SourceFileLoader("flash", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("flash", loader))
    loader.exec_module(module)
    return module


flash = load()
SIZE = 1 << 30


def add(root, name, number, **files):
    folder = root / "sys/class/block" / name
    for file, text in {"size": SIZE // 512, "removable": 1, "ro": 0, "dev": f"8:{number}", **files}.items():
        path = folder / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text("1 0 254:1 / / rw - ext4 /dev/vda1 rw\n")
    (tmp_path / "proc/swaps").write_text("Filename Type Size Used Priority\n")
    disk = add(tmp_path, "sdx", 16, device__model="Card Reader", sdx1__partition=1)
    add(tmp_path, "sdx1", 17, partition=1)
    assert disk.is_dir()
    return tmp_path


def test_a_card_in_a_reader_is_taken(root):
    flash.Disk("sdx", root).check(SIZE)
    add(root, "mmcblk9", 99, removable=0, device__type="SD")
    flash.Disk("mmcblk9", root).check(SIZE)


@pytest.mark.parametrize("name, change, why", [
    ("sdy", {}, "not a disk"),
    ("sdx1", {}, "is a partition"),
    ("sdx", {"removable": 0}, "not removable"),
    ("sdx", {"ro": 1}, "write-protected"),
    ("sdx", {"size": SIZE // 512 - 1}, "the image"),
])
def test_refused(root, name, change, why):
    if change:
        add(root, name, 16, **change)
    with pytest.raises(flash.Refused, match=why):
        flash.Disk(name, root).check(SIZE)


def test_an_emmc_that_is_part_of_the_machine_is_refused(root):
    add(root, "mmcblk9", 99, removable=0, device__type="MMC")
    with pytest.raises(flash.Refused, match="not removable"):
        flash.Disk("mmcblk9", root).check(SIZE)


@pytest.mark.parametrize("what, where, text, why", [
    ("mount", "proc/self/mountinfo", "2 1 8:17 / /media/card rw - ext4 /dev/sdx1 rw\n", "mounted on /media/card"),
    ("swap", "proc/swaps", "Filename\n/dev/sdx1 partition 1 0 -2\n", "is swap"),
    ("holder", "sys/class/block/sdx1/holders/dm-0", "", "part of dm-0"),
])
def test_a_disk_in_use_is_refused(root, what, where, text, why):
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(flash.Refused, match=why):
        flash.Disk("sdx", root).check(SIZE)


def test_what_is_written_is_read_back(tmp_path):
    data = os.urandom(3 * flash.CHUNK + 1000)
    card = tmp_path / "card"
    card.write_bytes(bytes(4 * flash.CHUNK))
    fd = os.open(card, os.O_RDWR)
    flash.write(io.BytesIO(data), fd, len(data))
    flash.verify(io.BytesIO(data), fd, len(data))
    assert card.read_bytes()[:len(data)] == data
    os.pwrite(fd, bytes([data[-1] ^ 1]), len(data) - 1)
    with pytest.raises(OSError, match="differs"):
        flash.verify(io.BytesIO(data), fd, len(data))
    os.close(fd)


def test_a_file_is_no_device(tmp_path):
    image, target = tmp_path / "image", tmp_path / "target"
    image.write_bytes(b"new")
    target.write_bytes(b"old")
    done = subprocess.run([SCRIPT, image, target, "--yes"], text=True, stderr=subprocess.PIPE, check=False)
    assert done.returncode and "not a block device" in done.stderr
    assert target.read_bytes() == b"old"
