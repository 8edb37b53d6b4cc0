# SPDX-License-Identifier: MIT
"""
The block layer and virtio-blk on real (emulated) disks: the cases of test_block.c,
once for each way a device may be offered, and the written image seen from outside.
"""
import pathlib
import re
import struct

import pytest

import qemu
from conftest import run_make

HERE = pathlib.Path(__file__).parent
CASES = re.findall(r"^KTEST\(block, (\w+)\)", (HERE / "test_block.c").read_text(), re.M)
RESULT = re.compile(r"(not )?ok \d+ - block\.(\w+)")
MIB = 1 << 20
PATTERN_SECTORS = 2048 * 8	# test_block.c: AREA_PAGES
STAMP = 0x9e3779b97f4a7c15
BAD_SECTOR = 4096
MODERN = ["-global", "virtio-mmio.force-legacy=false"]

# name: harts, machine options, device options, drive options
DISKS = {
    "legacy": (4, [], "", ""),
    "modern": (4, MODERN, "", ""),
    "one-hart": (1, MODERN, "", ""),
    "no-indirect": (4, MODERN, ",indirect_desc=off", ""),
    "no-event-index": (4, MODERN, ",event_idx=off", ""),
    "neither-legacy": (2, [], ",event_idx=off,indirect_desc=off", ""),
    "queue-of-8": (2, MODERN, ",queue-size=8", ""),
    "4k-sectors": (2, MODERN, ",logical_block_size=4096,physical_block_size=4096", ""),
    "write-through": (2, MODERN, ",write-cache=off", ""),
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Each boot is made once, when its first case is judged."""
    run_make("kernel", "CONFIG=debug")
    done = {}

    def run(name):
        if name not in done:
            done[name] = boot(tmp_path_factory.mktemp(name), *DISKS[name])
        return done[name]

    return run


def boot(folder, harts, machine, device, drive):
    """vda scratch, vdb read-only, vdc with a bad sector. -device fills slots from the top, as the tree lists them."""
    disks = []
    for name in ("scratch", "ro", "bad"):
        path = folder / name
        with open(path, "wb") as f:
            f.truncate(32 * MIB)
        disks.append(path)
    rules = folder / "rules"
    rules.write_text("".join(f'[inject-error]\nevent = "{event}"\nsector = "{BAD_SECTOR}"\nerrno = "5"\n'
                             for event in ("read_aio", "write_aio")))
    extra = [*machine, "-device", "virtio-rng-device,bus=virtio-mmio-bus.0",
             "-drive", f"if=none,format=raw,id=a,file={disks[0]},werror=report,rerror=report{drive}",
             "-drive", f"if=none,format=raw,id=b,file={disks[1]},readonly=on",
             "-drive", f"if=none,format=raw,id=c,file=blkdebug:{rules}:{disks[2]},werror=report,rerror=report",
             "-device", f"virtio-blk-device,drive=a{device}", "-device", "virtio-blk-device,drive=b",
             "-device", "virtio-blk-device,drive=c"]
    result = qemu.boot("qemu-virt", qemu.image("qemu-virt", "debug"), harts, "256M",
                       "ktest=block scratch=vda rodisk=vdb baddisk=vdc", extra)
    return result, disks[0]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("disk", DISKS)
def test_block(runs, disk, case):
    run, _ = runs(disk)
    assert run.verdict == "ended", f"{run.verdict}\n{run.console[-3000:]}"
    assert not run.trouble, run.trouble
    outcome = {name: failed for failed, name in RESULT.findall(run.console)}
    assert case in outcome, f"no result\n{run.console[-3000:]}"
    assert outcome[case] == "", run.console[-3000:]


@pytest.mark.parametrize("disk", DISKS)
def test_image_holds_the_pattern(runs, disk):
    """Each sector has its own number: what went to a wrong place is seen from outside too."""
    _, path = runs(disk)
    with open(path, "rb") as image:
        data = image.read(PATTERN_SECTORS * 512)
    wrong = [n for n in range(PATTERN_SECTORS)
             if data[n * 512:n * 512 + 512] != struct.pack("<Q", n * STAMP & (1 << 64) - 1) * 64]
    assert not wrong, f"{len(wrong)} sectors, the first {wrong[0]}"
