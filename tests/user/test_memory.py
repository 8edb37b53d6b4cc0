# SPDX-License-Identifier: MIT
"""
Little memory, few ASIDs, and what idle connections cost.

A machine of 24 MiB reads, writes and maps files larger than that, keeps what is used
again and again, ends who takes all memory, and has it back; and address spaces share
few ASIDs, or have none.
"""
import struct
import subprocess

import pytest

import guest
import qemu
from conftest import run_make

PAGE = 4096
BIG_MIB = 36
# name: variant, harts. Under icount virtual time runs ahead of the disk, and programs time out.
SMALL = {
    "one-hart": ("", 1),
}
PROGRAMS = ["disk_big", "stress_oom", "stress_leak", "abi_mmap", "abi_fork"]
SPACES = ["stress_mm", "stress_windows", "stress_fork", "abi_mmap", "abi_mprotect", "abi_mremap", "abi_fork"]


def kernel(variant):
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    return qemu.image("qemu-virt", variant)


def make_disk(folder):
    """An ext2 whose file /big is larger than memory; disk_big.c says what each page begins with."""
    tree = folder / "tree"
    tree.mkdir()
    with open(tree / "big", "wb") as f:
        for page in range(BIG_MIB * 2**20 // PAGE):
            f.write(struct.pack("<Q", (page * 0x9e3779b97f4a7c15 + 1) % 2**64).ljust(PAGE, b"\0"))
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-b", str(PAGE), "-d", str(tree), str(image), "128M"],
                   check=True)
    return image


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Each machine runs once."""
    done = {}

    def result(which):
        if which not in done:
            variant, harts = SMALL[which]
            disk = make_disk(tmp_path_factory.mktemp(which))
            done[which] = guest.boot(kernel(variant), [f"{name}.200" for name in PROGRAMS], harts, mem="24M",
                                     disk=disk, timeout=300)
        return done[which]

    return result


def judge(machine, programs, name):
    run = programs.get(name)
    assert run, f"{machine.verdict}: the machine did not come to it\n{machine.console[-3000:]}"
    wanted = guest.recorded(name) or ["ok " + line for line, _, _ in run.results]
    assert run.answers == wanted and run.planned == len(wanted), run.text[-3000:]
    assert run.end in ("exit 0", "exit 1") and "stuck" not in run.left, f"{run.end} {run.left}"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("which", SMALL)
def test_small_machine(runs, which, program):
    judge(*runs(which), program)


@pytest.mark.parametrize("which", SMALL)
def test_small_machine_is_sound(runs, which):
    machine, _ = runs(which)
    assert machine.verdict == "ended" and not machine.trouble, f"{machine.trouble}\n{machine.console[-3000:]}"


def test_used_again(tmp_path):
    machine, programs = guest.boot(kernel(""), ["disk_again.200"], 2, mem="24M", disk=make_disk(tmp_path))
    judge(machine, programs, "disk_again")
    assert machine.verdict == "ended" and not machine.trouble, f"{machine.trouble}\n{machine.console[-3000:]}"


def test_idle_ends():
    machine, programs = guest.boot(kernel(""), ["bench_ends.120"], 1)
    judge(machine, programs, "bench_ends")
    assert machine.verdict == "ended" and not machine.trouble, machine.trouble


# Each hart may hold an ASID through a rollover: 3 bits are the fewest of use to 4 harts, 2 to 2.
@pytest.mark.parametrize("bits,harts", ((0, 4), (2, 2), (3, 4)))
def test_few_asids(bits, harts):
    machine, programs = guest.boot(kernel("debug"), SPACES, harts, append=f"asid_bits={bits}")
    said = f"tlb: {bits} ASID bits" + ("" if bits else ", not used")
    assert said in machine.console, machine.console[:3000]
    assert bool(bits) == ("not used" not in machine.console)
    for name in SPACES:
        judge(machine, programs, name)
    assert machine.verdict == "ended" and not machine.trouble, machine.trouble
