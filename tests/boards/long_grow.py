# SPDX-License-Identifier: MIT
"""Power cuts while a root file system grows: e2fsck -p finds nothing to ask about, and the next boot goes on."""
import pathlib
import subprocess
import time

import pytest

from machine import Machine
from test_card import command_of, halt
from test_icicle import ROOT_START, card_of
from test_shell import ok

CARD_BYTES = 8 << 30
# Seconds from the message of the partition on; the whole growth takes some seconds more.
CUTS = [0, 0.1, 0.2, 0.4, 0.6, 0.9, 1.3, 2.0, 3.0]


def check_preen(card):
    """The partition as e2fsck -p leaves it; its verdict 0 or 1 is fine, more is what a person would have to answer."""
    done = subprocess.run(["e2fsck", "-p", "-f", f"{card}?offset={ROOT_START}"], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode <= 1, done.stdout


@pytest.mark.parametrize("cut", CUTS)
def test_cut(cut, tmp_path):
    command = command_of(tmp_path, "microchip-icicle-kit")
    card = card_of(command)
    with card.open("r+b") as image:
        image.truncate(CARD_BYTES)
    with Machine(command) as machine:
        machine.expect("growroot: partition", "it does not grow")
        time.sleep(cut)
    copy = pathlib.Path(tmp_path / "copy")
    subprocess.run(["cp", "--sparse=always", card, copy], check=True)
    check_preen(copy)
    copy.unlink()
    with Machine(command) as machine:
        machine.login()
        ok(machine, "for i in $(seq 60); do test -e /etc/grow-root || break; sleep 1; done; sync")
        ok(machine, "! test -e /etc/grow-root")
        blocks = int(ok(machine, "df -k / | sed -n '2s/^[^ ]* *\\([0-9]*\\).*/\\1/p'"))
        assert blocks * 1024 > (CARD_BYTES - ROOT_START) * 0.95
        halt(machine)
    check_preen(card)  # what the cut left beside the growth: the kernel runs no e2fsck
