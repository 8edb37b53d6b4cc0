# SPDX-License-Identifier: MIT
"""
Power cuts, made afterwards: QEMU logs every write and flush of disk_cut.c. A cut leaves a disk
with all that was written before the last flush, and some, in any order, of what was written
since. e2fsck -p must repair each such disk by itself, every file whose fsync had returned must
be there, and so must those that others replaced by rename.

A write counts block by block of the file system. States of a run, most telling first:
  prefix   all that came before the cut
  alone    of what came since the last flush, one block only
  but      of that, all but one block
  some     a random part of it
The first three are made for every block that was written.

By hand: /usr/bin/python3 tests/user/test_cut.py [FIRST [SEED...]], all states of the runs with those
seeds (1) on each disk, stopping at FIRST (10) bad ones; make cuts does that.
"""
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import cpio	# noqa: E402
import guest	# noqa: E402
import qemu	# noqa: E402
from conftest import run_make	# noqa: E402

FLUSH, FUA, DISCARD = 1, 2, 4
ACK = re.compile(rb"ack +(\d+)\.")
# id: mke2fs options, size, FILES and CHURNERS of disk_cut.c, variant, harts
DISKS = {
    "roomy": (["-b", "1024", "-g", "2048", "-N", "1024"], "8M", 14, 3, "", 2),
    # e2fsck makes a mended directory's index anew, and damages it where it finds no block for that.
    "full": (["-b", "1024", "-g", "512", "-N", "192", "-O", "^dir_index"], "1200K", 8, 3, "debug", 2),
    "4k": (["-b", "4096", "-N", "512"], "12M", 10, 2, "", 4),
}
SHORT = {"roomy": 260, "full": 160, "4k": 120}


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


def make(folder, options, size):
    tree = folder / "tree"
    for name in ("kept0", "kept1", "kept2", "churn0", "churn1", "churn2", "many", "large", "moves"):
        (tree / name).mkdir(parents=True)
    for number in range(60):
        (tree / "large" / f"a-name-that-fills-the-first-blocks-{number}").write_bytes(b"")
    (tree / "acks").write_bytes(b"ack       0." + bytes(4))
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-m", "0", *options, "-d", str(tree), str(image), size],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return image


class Record:
    """A run: the disk as it was, and all that was done to it, as (block, contents) and None for a flush."""

    def __init__(self, folder, which, seed=1):
        options, size, files, churners, variant, harts = DISKS[which]
        self.block = int(options[1])
        image, log = make(folder, options, size), folder / "log"
        self.before = image.read_bytes()
        log.touch()
        extra = ["-blockdev", f"driver=file,node-name=f,filename={image}",
                 "-blockdev", f"driver=file,node-name=l,filename={log}",
                 "-blockdev", "driver=blklogwrites,node-name=hd,file=f,log=l,log-sector-size=512",
                 "-device", "virtio-blk-device,drive=hd"]
        machine, programs = guest.boot(qemu.image("qemu-virt", variant), ["disk_cut.200"], harts, extra=extra,
                                       extra_files=[("etc/cut", cpio.FILE, b"%d %d %d\n" % (seed, files, churners))])
        run = programs.get("disk_cut")
        assert run and run.end == "exit 0" and not machine.trouble, machine.console[-3000:]
        self.log = []
        for flags, at, data in read_log(log):
            if flags & FLUSH:
                self.log.append(None)
            for part in range(0, len(data), self.block):
                self.log.append((at + part, data[part:part + self.block]))
            assert not flags & (FUA | DISCARD)

    def states(self):
        """(kind, number) of each."""
        written = [n for n, what in enumerate(self.log) if what]
        return [(kind, n) for n in written for kind in ("prefix", "alone", "but")] + \
               [("some", n) for n in written[::2]]

    def state(self, kind, number):
        """The disk of that state, and the last file it has to have."""
        flushed = max([n for n in range(number + 1) if not self.log[n]], default=0)
        end = next((n for n in range(number + 1, len(self.log)) if not self.log[n]), len(self.log))
        if kind == "prefix":
            since = range(flushed, number + 1)
        elif kind == "alone":
            since = [number]
        elif kind == "but":
            since = [n for n in range(flushed, end) if n != number]
        else:
            rng = random.Random(number)
            share = rng.choice([0.1, 0.5, 0.9])
            since = [n for n in range(flushed, end) if rng.random() < share]
        disk, acked = bytearray(self.before), 0
        for n in [*range(flushed), *since]:
            if self.log[n]:
                at, data = self.log[n]
                disk[at:at + len(data)] = data
        for what in self.log[:flushed]:
            if what and (found := ACK.match(what[1])):
                acked = max(acked, int(found[1]))
        return disk, acked


def pattern(number):
    size = number * 7919 % 40000
    return bytes((at * 31 + (at >> 8) * 7 + number * 13) & 255 for at in range(size))


PATTERNS = [pattern(number) for number in range(100)]


def fsck(how, image):
    return subprocess.run(["e2fsck", how, str(image)], text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def names_wrong(image, acked, folder):
    """What is not as it was acknowledged, of a repaired disk."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    subprocess.run(["debugfs", "-f", "-", str(image)], text=True, capture_output=True, check=True,
                   input="".join(f"rdump /kept{n} {out}\n" for n in range(3)) + f"dump /large/conf2 {out}/conf2\n")
    for number in range(1, acked + 1):
        kept = out / f"kept{number % 3}" / str(number)
        if not kept.exists() or kept.read_bytes() != PATTERNS[number]:
            size = kept.stat().st_size if kept.exists() else "none"
            return f"{number} of {acked}: {size} bytes, should be {len(PATTERNS[number])}"
    for name, first in (("kept0/conf", 1), ("conf2", 4)):
        # Its rename is older than the number, but only the next sync has to bring it.
        least = (acked - 1) // first * first
        if least < 1:
            continue
        found = (out / name).read_bytes() if (out / name).exists() else None
        if found not in PATTERNS[least:]:
            return f"{name} after {acked}: {'none' if found is None else len(found)}"
    return None


def judge(disk, acked, folder, contents=True):
    """What is wrong with the disk, or None."""
    image = folder / "cut.img"
    image.write_bytes(disk)
    done = fsck("-fp", image)
    if done.returncode > 1:
        return f"e2fsck -p stops ({done.returncode}):\n{done.stdout}"
    again = fsck("-fn", image)
    if again.returncode:
        return f"e2fsck -p leaves damage:\n{done.stdout}{again.stdout}"
    wrong = contents and names_wrong(image, acked, folder)
    return f"{wrong}\n{done.stdout}" if wrong else None


def judge_some(record, states, until, stop_at):
    """[(state, what is wrong)] and how many were looked at; one worker's share."""
    bad, looked = [], 0
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fathom-cut-", dir=shared) as folder:
        for kind, number in states:
            if time.monotonic() > until or len(bad) >= stop_at:
                break
            looked += 1
            wrong = judge(*record.state(kind, number), pathlib.Path(folder), contents=looked % 4 == 0)
            if wrong:
                bad.append((f"{kind} {number}", wrong))
    return bad, looked


def judge_all(record, states, seconds=1e9, stop_at=1):
    """By two processes at once."""
    until = time.monotonic() + seconds
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        parts = [pool.submit(judge_some, record, states[n::2], until, stop_at) for n in range(2)]
        results = [part.result() for part in parts]
    return sum((bad for bad, _ in results), []), sum(looked for _, looked in results)


@pytest.fixture(scope="module", params=DISKS)
def recorded(request, tmp_path_factory):
    variant = DISKS[request.param][4]
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    record = Record(tmp_path_factory.mktemp("cut"), request.param)
    record.which = request.param
    return record


def test_power_cut(recorded):
    """States all over the run, another choice of them each day."""
    states = recorded.states()
    random.Random(int(time.time()) // 86400).shuffle(states)
    bad, looked = judge_all(recorded, states[:SHORT[recorded.which]])
    assert not bad, f"{bad[0][0]}: {bad[0][1]}"
    assert looked == SHORT[recorded.which]


def test_the_judge_sees_a_lost_file(recorded, tmp_path):
    """A disk without flushes, of whose writes one in ten came, has lost files that were acknowledged."""
    rng, disk = random.Random(1), bytearray(recorded.before)
    for what in recorded.log:
        if what and rng.random() < 0.1:
            disk[what[0]:what[0] + len(what[1])] = what[1]
    assert judge(bytes(disk), DISKS[recorded.which][2], tmp_path)


def by_hand(stop_at, seeds):
    bad_in_all = 0
    for seed in seeds:
        for which in DISKS:
            with tempfile.TemporaryDirectory(prefix="fathom-cut-") as folder:
                record = Record(pathlib.Path(folder), which, seed)
            states = record.states()
            random.Random(seed).shuffle(states)
            start = time.monotonic()
            bad, looked = judge_all(record, states, stop_at=stop_at)
            print(f"{which} {seed}: {len(record.log)} writes, {record.log.count(None)} flushes; {looked} states of "
                  f"{len(states)}, {len(bad)} bad, {time.monotonic() - start:.0f} s", flush=True)
            for state, wrong in bad[:stop_at]:
                print(state, wrong, flush=True)
            bad_in_all += len(bad)
    return bad_in_all


if __name__ == "__main__":
    arguments = [int(n) for n in sys.argv[1:]]
    sys.exit(by_hand(arguments[0] if arguments else 10, arguments[1:] or [1]) > 0)
