# SPDX-License-Identifier: MIT
"""
Ring 2: KTEST cases inside the kernel, with lock checking on.

One boot runs them all; each result is a case of its own here. A report of a panic
or a broken lock order fails every case of its boot, whatever they said.
"""
import pathlib
import re

import pytest

import qemu
from conftest import run_make

HERE = pathlib.Path(__file__).parent
KTEST = re.compile(r"^KTEST\((\w+), (\w+)\)", re.M)
RESULT = re.compile(r"(not )?ok \d+ - (\S+)")

# board, harts, memory, kernel parameters
BOOTS = [
    ("qemu-virt", 1, "512M", ""),
    ("qemu-virt", 2, "512M", ""),
    ("qemu-virt", 4, "512M", ""),
    ("qemu-virt", 4, "512M", "asid_bits=0"),
    ("qemu-virt", 4, "512M", "asid_bits=2"),
    ("qemu-virt", 8, "4G", ""),
    ("qemu-virt", 2, "24M", ""),
    ("sifive-unleashed", 5, "512M", ""),
]


def cases():
    found = []
    for path in sorted(HERE.glob("test_*.c")):
        found += [f"{suite}.{name}" for suite, name in KTEST.findall(path.read_text())]
    return found


@pytest.fixture(scope="session")
def kernel():
    """One Image boots every board."""
    run_make("kernel", "CONFIG=debug")
    return qemu.image("qemu-virt", "debug")


@pytest.fixture(scope="session")
def results(kernel):
    """Each boot is made once, when its first case is judged."""
    done = {}

    def result(machine):
        if machine not in done:
            board, harts, mem, append = machine
            done[machine] = qemu.boot(board, kernel, harts, mem, f"ktest=all {append}")
        return done[machine]

    return result


@pytest.mark.parametrize("case", [c for c in cases() if not c.startswith(("crash.", "power.", "peer."))])
@pytest.mark.parametrize("machine", BOOTS, ids=lambda m: "-".join(str(part) for part in m if part))
def test_case(results, machine, case):
    run = results(machine)
    assert run.verdict == "ended", f"{run.verdict}\n{run.console[-3000:]}"
    assert not run.trouble, run.trouble
    outcome = {name: failed for failed, name in RESULT.findall(run.console)}
    assert case in outcome, f"no result\n{run.console[-3000:]}"
    assert outcome[case] == "", run.console[-3000:]


@pytest.mark.parametrize("machine", BOOTS, ids=lambda m: "-".join(str(part) for part in m if part))
def test_every_hart_comes_up(results, machine):
    board, harts, _, _ = machine
    usable = harts - 1 if board == "sifive-unleashed" else harts
    assert f"smp: {usable} of {usable} CPUs online" in results(machine).console


CRASHES = {
    "null_pointer": r"store page fault at touch_nothing\+0x\w+/0x\w+, address 8\b",
    "stack_overflow": r"kernel stack overflow at (recurse|memset)\+",
    "write_to_text": r"store page fault at ktest_crash_write_to_text\+",
    "execute_data": r"instruction page fault",
    "failed_assertion": r"BUG: answer == 42 at tests/kernel/test_crash.c:\d+",
}


# What the hang detectors say, with the place where it hangs.
HANGS = {
    "soft_lockup": r"Kernel panic on CPU \d: soft lock-up: \S+ \(\d+\) has kept CPU \d for 100 ticks"
                   r"(.*\n)+.* (spin_for|ktest_crash_soft_lockup)\+",
    "hard_lockup_0": r"Kernel panic on CPU 1: hard lock-up: deaf \(\d+\) has kept CPU 0 for 3 s",
    "hard_lockup_1": r"Kernel panic on CPU 0: hard lock-up: deaf \(\d+\) has kept CPU 1 for 3 s",
    "hard_lockup_3": r"Kernel panic on CPU 0: hard lock-up: deaf \(\d+\) has kept CPU 3 for 3 s",
    "hung_task": r"hung task: waits \(\d+\) has slept for 3 s(.*\n)+.* wait_for_what_never_comes\+"
                 r"(.*\n)+.*WARNING at kernel/sched/hang.c:\d+: hung task: waits",
}


@pytest.mark.parametrize("name", HANGS)
def test_hang_is_reported(kernel, name):
    run = qemu.boot("qemu-virt", kernel, 4, append=f"ktest={name}")
    assert run.verdict == "ended" and run.trouble, run.console[-3000:]
    assert re.search(HANGS[name], run.console), run.console[-3000:]


@pytest.mark.parametrize("name", CRASHES)
def test_panic_says_where(kernel, name):
    """Every CPU is shown; names come from the symbol table."""
    run = qemu.boot("qemu-virt", kernel, 2, append=f"ktest={name}")
    assert run.verdict == "ended", run.console[-3000:]
    assert re.search("Kernel panic on CPU [01]: .*" + CRASHES[name], run.console), run.console[-3000:]
    assert re.search(r"CPU [01] was at:", run.console), run.console[-3000:]
    assert "---[ end of panic ]---" in run.console


# Case, board: how QEMU ends, and the last line.
ENDINGS = [
    ("off", "qemu-virt", 0, "power off"),
    ("restart", "qemu-virt", 0, "restart"),
    ("exit_code", "qemu-virt", 7, ""),
    ("off_by_tree", "qemu-virt", 0, ""),
    ("restart_by_tree", "qemu-virt", 0, ""),
    ("halt", "qemu-virt", None, "system halted"),
    ("off", "sifive-unleashed", None, "system halted"),
    ("restart", "sifive-unleashed", 0, "restart"),
    ("restart_by_tree", "sifive-unleashed", 0, ""),
]


@pytest.mark.parametrize("case,board,code,words", ENDINGS)
def test_machine_ends(kernel, case, board, code, words):
    """By the firmware, by what the tree describes, and where neither can. None: QEMU goes on."""
    run = qemu.boot(board, kernel, 5 if board == "sifive-unleashed" else 2, append=f"ktest={case}")
    assert run.verdict == "ended" and not run.trouble, run.console[-3000:]
    assert words in run.console.splitlines()[-1], run.console[-3000:]
    # A test that returned printed its result; the machine should have been gone by then.
    assert "ok 1 - " not in run.console, run.console[-3000:]
    if code is not None:
        assert run.code == code, run.console[-3000:]


def test_shipped_configuration_says_what_it_misses():
    run_make("kernel")
    run = qemu.boot("qemu-virt", qemu.image("qemu-virt", ""), 4)
    assert "no root: neither an initramfs with /init nor root=" in run.console, run.console[-3000:]
