# SPDX-License-Identifier: MIT
"""The boards' own way to boot: U-Boot finds extlinux.conf on the disk and starts the Image."""
import shutil

import pytest

from conftest import ROOT, run_make
from machine import Machine, run_flags

BOARDS = {"qemu-virt": "vda2", "sifive-unleashed": "mmcblk0p4", "visionfive2": "mmcblk1p4"}


def private_copy(command, folder):
    """The command with copies of what it may write to."""
    for number, word in enumerate(command):
        if word.startswith("file="):
            path = word.split(",")[0].removeprefix("file=")
            shutil.copy(ROOT / path, folder)
            command[number] = word.replace(path, str(folder / path.rsplit("/", 1)[1]))
    return command


@pytest.mark.parametrize("board", BOARDS)
def test_boot_through_u_boot(board, tmp_path):
    run_make("sdcard", "run-ready", f"BOARD={board}")
    with Machine(private_copy(run_flags("run-uboot", f"BOARD={board}"), tmp_path), banner="U-Boot 20") as machine:
        machine.expect("Retrieving file: /Image", "U-Boot does not find the kernel")
        machine.expect("Fathom on RISC-V", "the kernel says nothing")
        machine.login()
        status, output = machine.run("cat /proc/mounts")
        assert status == 0, output
        assert f"/dev/{BOARDS[board]} / ext2" in output or "/dev/root / ext2" in output, output
