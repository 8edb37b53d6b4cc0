# SPDX-License-Identifier: MIT
"""
Ring 3: programs against the ABI.

Each boot runs every program once. Of abi_* each result line that Linux gave is a
case of its own here, per boot; of the others (stress_*, race_*, bad_*) each
program is. A report of a panic, of a lock, or a process that cannot be killed
fails its program, or every one that came after.
"""
import re

import pytest

import guest
import qemu
from conftest import run_make

# id: variant, harts, more for guest.boot; the longest first. Under -icount harts run in turn, and all
# time-outs are in guest time. QEMU before 8.1 would starve the harts behind one that waits for them in
# a loop, as the firmware does in a remote fence.
BOOTS = {
    "icount-4": ("", 4, {"extra": qemu.ICOUNT, "program": qemu.OWN_QEMU}),
    "debug-4": ("debug", 4, {}),
    "shipped-4": ("", 4, {}),
    # With fewer harts less can meet: the parts of stress_* are shorter.
    "shipped-2": ("", 2, {"extra_files": guest.stress_ms(500)}),
    "shipped-1": ("", 1, {"extra_files": guest.stress_ms(500)}),
}
ABI = guest.programs("abi_")
# Host seconds for all programs; each has a time-out of its own, in the guest's.
BOOT_S = 600
OTHER = [name for name in guest.on_their_own() if name not in ABI]


@pytest.fixture(scope="session")
def boots():
    """Each boot is made once, when its first case is judged."""
    done = {}

    def result(which):
        if which not in done:
            variant, harts, options = BOOTS[which]
            run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
            if options.get("program") == qemu.OWN_QEMU:
                qemu.build_own()
            done[which] = guest.boot(qemu.image("qemu-virt", variant), ABI + OTHER, harts, timeout=BOOT_S,
                                     **options)
        return done[which]

    return result


def run_of(boots, which, program):
    """The program's Run, once its machine is known to be sound."""
    machine, runs = boots(which)
    assert machine.verdict != "no console", f"no console\n{machine.console[-3000:]}"
    run = runs.get(program)
    if machine.trouble and (not run or machine.trouble[:60] in run.text):
        pytest.fail(machine.trouble)
    assert run, f"{machine.verdict}: the machine did not come to it\n{machine.console[-3000:]}"
    return run


def lines():
    for program in ABI:
        for number, line in enumerate(guest.recorded(program) or (), 1):
            name = re.sub(r"\W+", "_", line.split(" - ")[-1] if " - " in line else line)
            yield pytest.param(program, number, line, id=f"{program}-{number}-{name[:50]}")


@pytest.mark.parametrize("program,number,answer", lines())
@pytest.mark.parametrize("which", BOOTS)
def test_like_linux(boots, which, program, number, answer):
    run = run_of(boots, which, program)
    assert len(run.results) >= number, f"{program}: {run.end} before this result\n{run.text[-3000:]}"
    assert run.answers[number - 1] == answer, run.results[number - 1][2]


@pytest.mark.parametrize("program", ABI)
@pytest.mark.parametrize("which", BOOTS)
def test_abi_program_ends(boots, which, program):
    assert guest.recorded(program), f"{program} is not recorded: make oracle T={program}"
    run = run_of(boots, which, program)
    assert run.end in ("exit 0", "exit 1"), f"{run.end}\n{run.text[-3000:]}"
    assert "stuck" not in run.left, run.left
    assert len(run.results) == len(guest.recorded(program)) == run.planned, \
        f"{len(run.results)} results, Linux gave {len(guest.recorded(program))}: changed since make oracle?"


@pytest.mark.parametrize("program", OTHER)
@pytest.mark.parametrize("which", BOOTS)
def test_program(boots, which, program):
    run = run_of(boots, which, program)
    assert run.end == "exit 0", f"{run.end}\n{run.text[-3000:]}"
    assert all(passed for _, passed, _ in run.results) and run.planned == len(run.results), run.text[-3000:]
    assert "stuck" not in run.left, run.left


@pytest.mark.parametrize("which", BOOTS)
def test_machine_is_sound(boots, which):
    machine, _ = boots(which)
    assert machine.verdict == "ended", f"{machine.verdict}\n{machine.console[-3000:]}"
    assert not machine.trouble, machine.trouble
    assert "# all done" in machine.console, machine.console[-3000:]
    assert "KiB of set-up code given back" in machine.console, machine.console[:3000]
