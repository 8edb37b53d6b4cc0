# SPDX-License-Identifier: MIT
"""
Debian's own riscv64 programs, dynamic and unchanged: copied over our root file
system, they do a day's work there. Each script of tests/user/programs runs in turn.
"""
import os
import re
import shutil
import subprocess

import pytest

import guest
import qemu
from conftest import ROOT, parse_tap, run_make

SCRIPTS = ROOT / "tests" / "user" / "programs"
NAMES = sorted(p.name for p in SCRIPTS.iterdir() if p.name != "run")
MACHINES = {"shipped-4": ("", 4), "debug-2": ("debug", 2)}
NOT_PROGRAMS = {"busybox-static", "libc6", "libgcc-s1", "opensbi", "u-boot-qemu", "u-boot-sifive"}
LEFT_OUT = re.compile(r"usr/share/(doc|man|locale|info|bash-completion)/|usr/lib/python3\.13/(test|pydoc_data)/")


def unpack(package, root):
    """As dpkg would: what is there already is replaced, links to folders are followed."""
    for folder, folders, files in os.walk(package):
        where = os.path.relpath(folder, package)
        for name in files + [d for d in folders if os.path.islink(os.path.join(folder, d))]:
            path = os.path.normpath(os.path.join(where, name))
            if LEFT_OUT.match(path):
                continue
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy2(os.path.join(folder, name), target, follow_symlinks=False)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    run_make("image")
    folder = tmp_path_factory.mktemp("programs")
    root = folder / "root"
    shutil.copytree(ROOT / "build/qemu-virt/rootfs", root, symlinks=True)
    for package in sorted((guest.CACHE / "guest").iterdir()):
        if package.name not in NOT_PROGRAMS:
            unpack(package, root)
    shutil.copytree(SCRIPTS, root / "programs")
    image = folder / "root.img"
    subprocess.run([ROOT / "userland/image/mkext2", root, image, "256M", ROOT / "userland/image/nodes"], check=True)
    return image


@pytest.fixture(scope="module", params=MACHINES)
def machine(request, disk, tmp_path_factory):
    variant, harts = MACHINES[request.param]
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    mine = shutil.copy(disk, tmp_path_factory.mktemp(request.param) / "root.img")
    done = qemu.boot("qemu-virt", qemu.image("qemu-virt", variant), harts, disk=mine,
                     append="root=/dev/vda rw init=/programs/run", timeout=400)
    os.remove(mine)
    return done


@pytest.mark.parametrize("name", NAMES)
def test_program(machine, name):
    before = machine.console.replace("\r", "").split(f"# end {name} ")
    assert len(before) == 2, machine.console[-3000:]
    text = before[0].split("# end ")[-1]
    results = parse_tap(text)
    assert before[1].startswith("0\n") and results and all(passed for _, passed, _ in results), text[-3000:]


def test_machine_ends_well(machine):
    assert machine.verdict == "ended", machine.console[-3000:]
    assert not machine.trouble, machine.trouble
