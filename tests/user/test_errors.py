# SPDX-License-Identifier: MIT
"""
Sectors that fail: QEMU's blkdebug refuses to read or write chosen blocks of stock
images, and disk_errors.c sees what becomes of it.
"""
import re
import subprocess

import pytest

import guest
import qemu
from conftest import run_make

BLOCK = 4096
BAD = 5		# disk_errors.c
BOOTS = {"shipped-4": ("", 4), "debug-2": ("debug", 2)}


def debugfs(image, command):
    return subprocess.run(["debugfs", "-R", command, str(image)], capture_output=True, check=True, text=True).stdout


def blocks(image, path):
    return [int(word) for word in debugfs(image, f"blocks {path}").split()]


def slot(image, path):
    """The block of the inode table that holds the file's inode."""
    return int(re.search(r"located at block (\d+)", debugfs(image, f"imap {path}"))[1])


def make(folder):
    tree = folder / "tree"
    (tree / "bad-dir").mkdir(parents=True)
    (tree / "bad-dir" / "name").write_bytes(b"")
    for name, letter, count in (("bad-data", b"d", 32), ("bad-write", b"o", 16), ("bad-map", b"m", 40)):
        (tree / name).write_bytes(letter * (BLOCK * count))
    # Slots of their own blocks: a block has sixteen.
    for name in ("bad-inode", "bad-slot"):
        for i in range(32):
            (tree / f"{name}-{i:02}").write_bytes(b"x")
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", str(BLOCK), "-d", str(tree), str(image), "16M"],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for name in ("bad-inode", "bad-slot"):
        by_slot = {}
        for i in range(32):
            by_slot.setdefault(slot(image, f"/{name}-{i:02}"), []).append(i)
        alone = next(of[0] for of in by_slot.values() if len(of) == 16)
        script = f"link {name}-{alone:02} {name}\nunlink {name}-{alone:02}\n"
        subprocess.run(["debugfs", "-w", "-f", "-", str(image)], input=script, check=True,
                       capture_output=True, text=True)
    return image


def drive(folder, image, name, rules):
    """QEMU's options for the image with (event, block) that fail."""
    config = folder / f"{name}.rules"
    config.write_text("".join(f'[inject-error]\nevent = "{event}"\n'
                              f'sector = "{block * (BLOCK // 512) + at}"\nerrno = "5"\n'
                              for event, block in rules for at in range(BLOCK // 512)))
    return ["-drive", f"if=none,format=raw,id={name},file=blkdebug:{config}:{image},werror=report,rerror=report",
            "-device", f"virtio-blk-device,drive={name}"]


@pytest.fixture(scope="module", params=BOOTS)
def run(request, tmp_path_factory):
    variant, harts = BOOTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    image = make(folder)
    data, write, tables = blocks(image, "/bad-data"), blocks(image, "/bad-write"), blocks(image, "/bad-map")
    # debugfs lists the indirect block before what it points to.
    rules = [("read_aio", data[BAD]), ("read_aio", blocks(image, "/bad-dir")[0]), ("read_aio", tables[12]),
             ("read_aio", slot(image, "/bad-inode")), ("write_aio", write[BAD]),
             ("write_aio", slot(image, "/bad-slot"))]
    super_image = folder / "copy.img"
    super_image.write_bytes(image.read_bytes())
    extra = drive(folder, image, "vda", rules)
    for name, first in (("vdb", 0), ("vdc", 1), ("vdd", slot(image, "/"))):
        copy = folder / f"{name}.img"
        copy.write_bytes(super_image.read_bytes())
        extra += drive(folder, copy, name, [("read_aio", first)])
    return guest.boot(qemu.image("qemu-virt", variant), ["disk_errors"], harts, extra=extra)


def test_sectors_that_fail(run):
    machine, programs = run
    assert not machine.trouble, machine.trouble
    done = programs.get("disk_errors")
    assert done and done.end == "exit 0", machine.console[-4000:]
    assert all(passed for _, passed, _ in done.results), done.text[-4000:]
    assert machine.verdict == "ended", machine.console[-3000:]
