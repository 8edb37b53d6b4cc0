# SPDX-License-Identifier: MIT
"""Debian's stable release: it sets itself up on Fathom, and works there (make run ROOT=debian)."""
import subprocess

import guest
from conftest import ROOT, run_make
from machine import Machine, run_flags
from test_shell import ok

SETS_UP_S = 1200
VARIABLES = ("ROOT=debian", "SMP=4", "MEM=1G")


def test_debian(tmp_path):
    run_make("run-ready", *VARIABLES)
    # A disk of its own, as it is before the first boot.
    disk = tmp_path / "debian.img"
    subprocess.run([ROOT / "userland/debian/image", guest.CACHE / "debian.tar", guest.CACHE / "busybox/busybox",
                    disk, "4G"], check=True)
    command = [word.replace("file=build/debian.img", f"file={disk}") for word in run_flags("run", *VARIABLES)]
    assert any(str(disk) in word for word in command)
    with Machine(command, wait=SETS_UP_S) as machine:
        machine.login()
        assert "Base system installed successfully" in ok(machine, "tail -n 1 /var/log/second-stage.log")
        assert not ok(machine, "dpkg --audit")
        ok(machine, "dpkg --verify libc6 coreutils perl-base")
        ok(machine, "useradd -m somebody && su somebody -c 'test -w ~ && ! test -w /'")
        assert "curl" in ok(machine, "curl --version | head -n 1")
        machine.type("exit\r")
        machine.ends()
    subprocess.run(["e2fsck", "-fn", disk], check=True)
