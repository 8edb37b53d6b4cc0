# SPDX-License-Identifier: MIT
"""
Power cuts, made afterwards: QEMU logs every write and flush of disk_cut.c. A cut at any
place of that log leaves a disk with all that was written before the last flush, and some,
in any order, of what was written since. e2fsck must repair each such disk, mostly by
itself (-p), and every file whose fsync had returned must be there.

Limit: an inode may reach the disk before its name, or lose it after. e2fsck -p stops at
such an inode; -y puts it into lost+found (docs/limits.md).

By hand: /usr/bin/python3 tests/user/test_cut.py CUTS.
"""
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import guest	# noqa: E402
import qemu	# noqa: E402
from conftest import run_make	# noqa: E402

CUTS = 20
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
ACK = re.compile(rb"ack +(\d+)\.")


def read_log(path):
    """[(flags, byte offset, data)] of a log as dm-log-writes has it."""
    log = path.read_bytes()
    magic, version, _, sector = struct.unpack_from("<QQQI", log)
    assert (magic, version) == (0x6a736677736872, 1)
    at, entries = sector, []
    while at + 32 <= len(log):
        first, count, flags, _ = struct.unpack_from("<4Q", log, at)
        at += sector
        size = 0 if flags & DISCARD else count * sector
        entries.append((flags, first * sector, log[at:at + size]))
        at += size
    return entries


def make(folder):
    tree = folder / "tree"
    for name in ("kept0", "kept1", "kept2", "noise0", "noise1"):
        (tree / name).mkdir(parents=True)
    (tree / "acks").write_bytes(b"ack       0." + bytes(4))
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", "-d", str(tree), str(image), "8M"],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return image


def record(folder, variant="", harts=2):
    """(the disk as it was, the log of all that was done to it)"""
    image, log = make(folder), folder / "log"
    before = image.read_bytes()
    log.touch()
    extra = ["-blockdev", f"driver=file,node-name=f,filename={image}",
             "-blockdev", f"driver=file,node-name=l,filename={log}",
             "-blockdev", "driver=blklogwrites,node-name=hd,file=f,log=l,log-sector-size=512",
             "-device", "virtio-blk-device,drive=hd"]
    machine, programs = guest.boot(qemu.image("qemu-virt", variant), ["disk_cut"], harts, extra=extra)
    run = programs.get("disk_cut")
    assert run and run.end == "exit 0" and not machine.trouble, machine.console[-3000:]
    return before, read_log(log)


def pattern(number):
    size = number * 7919 % 40000
    return bytes((at * 31 + (at >> 8) * 7 + number * 13) & 255 for at in range(size))


def cut(before, entries, rng):
    """The disk after a cut, and the last file it has to have."""
    place = rng.randrange(1, len(entries) + 1)
    flushed = max([n for n in range(place) if entries[n][0] & FLUSH], default=0)
    chance = rng.choice([0, 0.1, 0.5, 0.9, 1])
    disk, acked = bytearray(before), 0
    for number, (flags, at, data) in enumerate(entries[:place]):
        found = ACK.match(data)
        if found:
            acked = max(acked, int(found[1]))
        if number <= flushed or flags & FUA or rng.random() < chance:
            disk[at:at + len(data)] = data
    return bytes(disk), acked


def fsck(how, image):
    return subprocess.run(["e2fsck", how, str(image)], text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def judge(disk, acked, folder):
    """What is wrong with the disk, or None."""
    image = folder / "cut.img"
    image.write_bytes(disk)
    done = fsck("-fp", image)
    if done.returncode > 2:
        if "Unattached inode" not in done.stdout:
            return f"e2fsck -p does not repair it ({done.returncode}):\n{done.stdout}"
        done = fsck("-fy", image)
    if fsck("-fn", image).returncode:
        return f"e2fsck does not repair it:\n{done.stdout}"
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    subprocess.run(["debugfs", "-f", "-", str(image)], text=True, capture_output=True, check=True,
                   input="".join(f"rdump /kept{n} {folder / 'out'}\n" for n in range(3)))
    for number in range(1, acked + 1):
        out = folder / "out" / f"kept{number % 3}" / str(number)
        if not out.exists() or out.read_bytes() != pattern(number):
            size = out.stat().st_size if out.exists() else "none"
            return f"{out.name} of {acked}: {size} bytes, should be {len(pattern(number))}\n{done.stdout}"
    return None


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    run_make("kernel")
    return record(tmp_path_factory.mktemp("cut"))


@pytest.mark.parametrize("number", range(CUTS))
def test_power_cut(recorded, number, tmp_path):
    disk, acked = cut(*recorded, random.Random(number))
    assert not (wrong := judge(disk, acked, tmp_path)), wrong


def test_the_judge_sees_a_lost_file(recorded, tmp_path):
    """A disk without flushes, of whose writes one in ten came, has lost files that were acknowledged."""
    before, entries = recorded
    rng, disk = random.Random(1), bytearray(before)
    for _, at, data in entries:
        if rng.random() < 0.1:
            disk[at:at + len(data)] = data
    assert judge(bytes(disk), 60, tmp_path)


if __name__ == "__main__":
    where = pathlib.Path("/tmp/fathom-cut")
    where.mkdir(exist_ok=True)
    subprocess.run(["rm", "-rf", str(where / "tree")], check=True)
    base, written = record(where)
    print(len(written), "entries,", sum(flags & FLUSH for flags, _, _ in written), "flushes")
    bad = 0
    for seed in range(int(sys.argv[1])):
        wrong = judge(*cut(base, written, random.Random(seed)), where)
        bad += bool(wrong)
        if wrong:
            print(seed, wrong)
    print(bad, "of", sys.argv[1], "cuts are bad")
