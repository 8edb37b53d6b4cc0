# SPDX-License-Identifier: MIT
"""
Device trees that are cut short or lie: the kernel boots without what is damaged, or
says on the early console why it cannot. It never ends without a word, or in a hang.

A stub in the kernel's place hands the damaged tree to the Image, so that OpenSBI, which
runs before, works with a good one. There is no root: a boot that went well ends by saying so.

By hand, more of them: /usr/bin/python3 tests/kernel/test_devicetree.py FIRST COUNT.
"""
import pathlib
import random
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import qemu	# noqa: E402
from conftest import ROOT, run_make	# noqa: E402

IMAGE_AT, TREE_AT = 0x81000000, 0x88000000
USUAL = 32
WAIT_S = 60
# How a boot may end: it says what is missing, or names the driver whose registers are not there.
ENDS = ("device tree", "no root", "no memory", "load access fault", "store access fault")


def stub():
    """a1 = the tree, then to the Image: addi and slli of each, jalr."""
    def load(register, address):
        addi = (address >> 22) << 20 | register << 7 | 0x13
        slli = 22 << 20 | register << 15 | 1 << 12 | register << 7 | 0x13
        return [addi, slli]

    return struct.pack("<5I", *load(11, TREE_AT), *load(5, IMAGE_AT), 5 << 15 | 0x67)


def good_tree(folder):
    path = folder / "good.dtb"
    subprocess.run(["qemu-system-riscv64", "-M", f"virt,dumpdtb={path}", "-smp", "2", "-m", "256M", "-display", "none"],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def put(*words):
        subprocess.run(["fdtput", *words], check=True)

    # What OpenSBI adds to its own: where it is.
    put("-cp", str(path), "/reserved-memory/firmware@80000000")
    put("-tx", str(path), "/reserved-memory", "#address-cells", "2")
    put("-tx", str(path), "/reserved-memory", "#size-cells", "2")
    put(str(path), "/reserved-memory", "ranges")
    put("-tx", str(path), "/reserved-memory/firmware@80000000", "reg", "0", "80000000", "0", "80000")
    data = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dtb", str(path)], check=True, stdout=subprocess.PIPE).stdout
    return bytes(data)


def properties(tree):
    """[(name, value's offset, its length, offset of the length)]"""
    _, _, at, strings = struct.unpack_from(">4I", tree)
    found = []
    while True:
        token, = struct.unpack_from(">I", tree, at)
        at += 4
        if token == 1:
            at = (tree.index(b"\0", at) + 4) & ~3
        elif token == 3:
            size, name = struct.unpack_from(">2I", tree, at)
            text = tree[strings + name:tree.index(b"\0", strings + name)].decode()
            found.append((text, at + 8, size, at))
            at = (at + 8 + size + 3) & ~3
        elif token == 9:
            return found


def mutate(good, number):
    """Tree number, always the same; and what was done."""
    rng = random.Random(number)
    tree = bytearray(good)
    how = number % 8
    if how == 0:
        size = rng.choice([0, 4, 8, 39, 40, 48, 56, 100, rng.randrange(len(tree)), rng.randrange(len(tree))])
        return bytes(tree[:size]) + bytes(len(tree) - size), f"cut at {size}"
    if how == 1:
        size = rng.randrange(40, len(tree))
        struct.pack_into(">I", tree, 4, size)
        return bytes(tree[:size]) + b"\xff" * 4096, f"cut at {size}, as the header says"
    if how == 2:
        field = rng.randrange(10)
        value = rng.choice([0, 1, 0xffffffff, 0x7fffffff, 0x80000000, len(tree), len(tree) * 2, rng.randrange(1 << 32)])
        struct.pack_into(">I", tree, field * 4, value)
        return bytes(tree), f"header word {field} is {value:#x}"
    if how == 3:
        count = rng.choice([1, 1, 4, 32])
        for _ in range(count):
            tree[rng.randrange(40, len(tree))] = rng.randrange(256)
        return bytes(tree), f"{count} bytes of noise"
    what = []
    for _ in range(rng.choice([1, 1, 2, 5])):
        name, at, size, length = rng.choice(properties(good))
        if how in (4, 5) and size:
            value = rng.choice([bytes(size), b"\xff" * size, rng.randbytes(size)])
            tree[at:at + size] = value
            what.append(f"{name} at {at} is {value[:16].hex()}")
        elif how == 6:
            # A property that ends sooner, the rest no-operations; or is empty.
            less = rng.choice([0, size // 8 * 4])
            struct.pack_into(">I", tree, length, less)
            for rest in range((at + less + 3) & ~3, (at + size + 3) & ~3, 4):
                struct.pack_into(">I", tree, rest, 4)
            what.append(f"{name} at {at} has {less} bytes of {size}")
        else:
            struct.pack_into(">I", tree, length, rng.choice([size + 4, size * 2 + 1, 0xffffffff, 0x10000]))
            what.append(f"{name} at {at} says it is longer")
    return bytes(tree), "; ".join(what)


def boot(folder, kernel, tree):
    (folder / "stub").write_bytes(stub())
    (folder / "tree").write_bytes(tree)
    extra = ["-device", f"loader,file={kernel},addr={IMAGE_AT:#x},force-raw=on",
             "-device", f"loader,file={folder / 'tree'},addr={TREE_AT:#x},force-raw=on"]
    return qemu.boot("qemu-virt", folder / "stub", 2, "256M", extra=extra, timeout=WAIT_S)


def judge(result):
    """None, or what is wrong with how it ended."""
    said = result.console.partition("Boot HART MEDELEG")[2]
    panics = [line for line in said.splitlines() if "Kernel panic" in line]
    if "WARNING at" in said:
        return "a warning"
    if not panics:
        return None if "power off" in said or "system halted" in said else f"no last word ({result.verdict})"
    return None if any(end in panics[0] for end in ENDS) else panics[0]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    run_make("kernel")
    return good_tree(tmp_path_factory.mktemp("tree"))


def test_good_tree_boots(base, tmp_path):
    result = boot(tmp_path, qemu.image("qemu-virt", ""), base)
    assert "2 of 2 CPUs online" in result.console, result.console[-2000:]
    assert not judge(result), f"{judge(result)}\n{result.console[-2000:]}"


# Where QEMU's virt machine has nothing; its devices, and what each one's absence leaves.
NOTHING = 0x8000000
DEVICES = {"/soc/plic@c000000": "plic@c000000", "/soc/serial@10000000": "serial@10000000",
           "/soc/rtc@101000": "rtc@101000", "/soc/test@100000": "poweroff",
           "/soc/virtio_mmio@10008000": "virtio_mmio@10008000"}


@pytest.mark.parametrize("node", DEVICES)
def test_device_that_is_not_there(base, node, tmp_path):
    """Its registers are where nothing answers: it is refused by name, and the boot goes on without it."""
    path = tmp_path / "moved.dtb"
    path.write_bytes(base)
    size = subprocess.run(["fdtget", "-tx", str(path), node, "reg"], check=True, capture_output=True, text=True).stdout
    words = ["0", f"{NOTHING:x}", *size.split()[2:]]
    subprocess.run(["fdtput", "-tx", str(path), node, "reg", *words], check=True)
    result = boot(tmp_path, qemu.image("qemu-virt", ""), path.read_bytes())
    assert f"{DEVICES[node]}: nothing answers" in result.console, result.console[-2000:]
    assert not judge(result), f"{judge(result)}\n{result.console[-2000:]}"
    assert "access fault" not in result.console, result.console[-2000:]


@pytest.mark.parametrize("number", range(USUAL))
def test_damaged_tree(base, number, tmp_path):
    tree, what = mutate(base, number)
    result = boot(tmp_path, qemu.image("qemu-virt", ""), tree)
    assert not judge(result), f"{what}: {judge(result)}\n{result.console[-3000:]}"


if __name__ == "__main__":
    where = pathlib.Path("/tmp") / f"fathom-trees-{sys.argv[1]}"
    where.mkdir(exist_ok=True)
    good = good_tree(where)
    for index in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
        damaged, told = mutate(good, index)
        outcome = boot(where, ROOT / "build/qemu-virt/Image", damaged)
        words = judge(outcome)
        ending = [line for line in outcome.console.splitlines() if "panic" in line or "error" in line][:1]
        print(index, "BAD" if words else "ok", told[:100], "|", words or ending, flush=True)
