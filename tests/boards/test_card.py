# SPDX-License-Identifier: MIT
"""
The root on a card: it is written, lives through a restart, is whole for e2fsck; and the host's
errors, which the model injects, are survived or reported.
"""
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess

import pytest

from conftest import ROOT, run_make
from machine import Machine, run_flags
from qemu import check_disk
from test_shell import ok
from test_uboot import private_copy

CACHE = pathlib.Path(os.environ.get("FATHOM_CACHE") or pathlib.Path.home() / ".cache/fathom")
CHUNK = 1 << 20
# Where partition 4 starts (disk.sfdisk).
ROOT_START = {"visionfive2": 221184 * 512, "sifive-unleashed": 49152 * 512}
READ_MULTIPLE, WRITE_MULTIPLE = 18, 25	# SD 4.7.4


def command_of(folder, board, *variables):
    variables = (f"BOARD={board}", "ROOT=card", *variables)
    run_make("run-ready", *variables)
    return private_copy(run_flags("run", *variables), folder)


def halt(machine):
    """The firmware of these boards cannot power them off."""
    machine.type("poweroff\r")
    machine.expect("system halted", "it does not end")


@pytest.mark.parametrize("board, variables", [("visionfive2", ()), ("sifive-unleashed", ("CONFIG=debug",))],
                         ids=["visionfive2", "sifive-unleashed-debug"])
def test_files_survive_a_restart(board, variables, tmp_path):
    with Machine(command_of(tmp_path, board, *variables)) as machine:
        machine.login()
        assert re.search(r"^\S+ / ext2 rw", ok(machine, "cat /proc/mounts"), re.M)
        ok(machine, "cd /root; seq 1 20000 > numbers; mkdir a; ln -s ../numbers a/link")
        ok(machine, "sync")
        sums = ok(machine, "md5sum < /root/numbers")
        ok(machine, "x() { dd if=/dev/urandom of=/root/$1 bs=4k count=200; sync; }")
        ok(machine, "x 1 & x 2 & x 3 & x 4 & wait")
        machine.type("reboot\r")
        machine.expect("Fathom on RISC-V", "it does not start again")
        machine.login()
        assert ok(machine, "md5sum < /root/a/link") == sums
        halt(machine)
    assert not check_disk(f"{tmp_path}/sdcard.img?offset={ROOT_START[board]}")


# --- errors: the model's monitor says when ---

class Monitor:
    PROMPT = b"(qemu) "

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.until_prompt()

    def until_prompt(self):
        said = b""
        while not said.endswith(self.PROMPT):
            said += self.socket.recv(4096)
        return said

    def ask(self, command):
        self.socket.sendall(command.encode() + b"\n")
        return self.until_prompt()

    def inject(self, status, command, count):
        for name, value in (("count", 0), ("skip", 0), ("status", status), ("command", command), ("count", count)):
            assert b"Error" not in self.ask(f"qom-set /machine/mmc1 inject-{name} {value}")


@pytest.fixture(scope="module", name="faulty")
def fixture_faulty(tmp_path_factory):
    """A machine, its monitor, the image of its card as it was, and chunks of it that nobody has read yet."""
    folder = tmp_path_factory.mktemp("faulty")
    command = command_of(folder, "visionfive2", "CONFIG=debug") + ["-monitor", f"unix:{folder}/monitor,server,nowait"]
    card = (folder / "sdcard.img").read_bytes()
    with Machine(command) as machine:
        machine.login()
        # What is typed must not wrap at 80 columns.
        ok(machine, "chunk() { dd if=/dev/mmcblk1 bs=1M skip=$1 count=$2; }")
        yield machine, Monitor(folder / "monitor"), card, iter(range(8, ROOT_START["visionfive2"] // CHUNK))


def tries(machine):
    """How often a request was tried again, and given up, so far."""
    return [int(ok(machine, f"dmesg | grep -c '{words}'; true")) for words in ("tried again", "given up")]


def md5_of_chunk(machine, at):
    return ok(machine, f"chunk {at} 1 2>/dev/null | md5sum").split()[0]


# Bits of the host's RINTSTS; and an IDMAC without a descriptor.
ERRORS = {"no-answer": 1 << 8, "answer-crc": 1 << 6, "data-crc": 1 << 7, "data-time-out": 1 << 9,
          "fifo-run": 1 << 11, "end-bit": 1 << 15, "no-descriptor": 1 << 31}


@pytest.mark.parametrize("error", ERRORS)
def test_a_read_is_tried_again(faulty, error):
    machine, monitor, card, chunks = faulty
    again, lost = tries(machine)
    at = next(chunks)
    monitor.inject(ERRORS[error], READ_MULTIPLE, 1)
    assert md5_of_chunk(machine, at) == hashlib.md5(card[at * CHUNK:(at + 1) * CHUNK]).hexdigest()
    assert tries(machine) == [again + 1, lost]


@pytest.mark.parametrize("error", ERRORS)
def test_a_write_is_tried_again(faulty, error):
    machine, monitor, _, _ = faulty
    again, lost = tries(machine)
    monitor.inject(ERRORS[error], WRITE_MULTIPLE, 1)
    ok(machine, f"seq 1 20000 > /root/{error}; sync")
    assert tries(machine) == [again + 1, lost]


def test_what_was_written_in_spite_of_errors_is_there(faulty):
    machine, _, _, _ = faulty
    for error in ERRORS:
        ok(machine, f"seq 1 20000 | cmp - /root/{error}")


@pytest.mark.parametrize("error", ["no-answer", "data-crc", "no-descriptor"])
def test_an_error_that_stays_is_reported(faulty, error):
    machine, monitor, card, chunks = faulty
    again, lost = tries(machine)
    at = next(chunks)
    monitor.inject(ERRORS[error], READ_MULTIPLE, 1000000)
    status, said = machine.run(f"chunk {at} 2 >/dev/null")
    assert status and "Input/output error" in said, said
    monitor.inject(0, READ_MULTIPLE, 0)
    assert tries(machine)[1] > lost and tries(machine)[0] > again
    assert md5_of_chunk(machine, at) == hashlib.md5(card[at * CHUNK:(at + 1) * CHUNK]).hexdigest()


def test_the_roots_card_is_pulled_out(faulty):
    machine, monitor, _, _ = faulty
    ok(machine, "sync; exec 7< /dev/mmcblk1")
    monitor.ask("eject -f sd0")
    ok(machine, "for i in 1 2 3 4 5 6 7 8 9; do test -e /dev/mmcblk1 || break; sleep .2; done; ! test -e /dev/mmcblk1")
    status, said = machine.run("dd bs=1M skip=60 count=1 <&7 2>&1 >/dev/null")
    assert status and "Input/output error" in said, said


# --- the image that goes onto a card ---

def test_image_of_the_visionfive2(tmp_path):
    """First stage and ROM are not modelled: that what they look for is where they look is checked here."""
    run_make("image", "BOARD=visionfive2")
    image = ROOT / "build/visionfive2/sdcard.img"
    table = json.loads(subprocess.run(["/usr/sbin/sfdisk", "--json", image], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout)["partitiontable"]
    parts = [(part["start"] * 512, part["size"] * 512) for part in table["partitions"]]
    assert [part["type"] for part in table["partitions"]][:2] == [
        "2E54B353-1271-4842-806F-E436D6AF6985", "BC13C2FF-59E6-4262-A352-B275FD6F7172"]
    firmware = CACHE / "guest/u-boot-starfive/usr/lib/u-boot/starfive_visionfive2"
    with image.open("rb") as card:
        for (start, size), name in zip(parts, ("u-boot-spl.bin.normal.out", "u-boot.itb")):
            wanted = (firmware / name).read_bytes()
            card.seek(start)
            assert len(wanted) <= size and card.read(len(wanted)) == wanted, name
    subprocess.run(["mcopy", "-i", f"{image}@@{parts[2][0]}", "::extlinux/extlinux.conf", tmp_path / "conf"],
                   check=True)
    assert "root=/dev/mmcblk1p4" in (tmp_path / "conf").read_text()
    assert parts[3][0] == ROOT_START["visionfive2"]
    assert not check_disk(f"{image}?offset={parts[3][0]}")
