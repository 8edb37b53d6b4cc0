# SPDX-License-Identifier: MIT
"""
The third board, which was added as docs/porting.md says: boot, shell, both network ports, and the root on a card
larger than its image, which the file system fills at its first boot.
"""
import pathlib
import re
import subprocess

from machine import Machine
from test_card import command_of, halt
from qemu import check_disk
from test_shell import ok

CARD_BYTES = 1 << 30
ROOT_START = 141312 * 512


def card_of(command):
    return pathlib.Path(next(word for word in command if word.startswith("file=")).split(",")[0].removeprefix("file="))


def test_card_network_and_growth(tmp_path):
    command = command_of(tmp_path, "microchip-icicle-kit")
    card = card_of(command)
    with card.open("r+b") as image:
        image.truncate(CARD_BYTES)
    with Machine(command) as machine:
        machine.login()
        ok(machine, "w() { for i in 1 2 3 4 5 6 7 8 9; do eval \"$1\" && break; sleep 1; done; }")
        for port, net in (("eth0", "10.0.2"), ("eth1", "10.0.3")):
            ok(machine, f"w 'ip addr show {port} | grep {net}.15'; ping -c 1 {net}.2")
        ok(machine, "w '! test -e /etc/grow-root'; sync")
        blocks = int(ok(machine, "df -k / | sed -n '2s/^[^ ]* *\\([0-9]*\\).*/\\1/p'"))
        assert blocks * 1024 > (CARD_BYTES - ROOT_START) * 0.95
        ok(machine, "seq 1 200000 > /root/numbers; sync; md5sum /root/numbers")
        halt(machine)
    assert not check_disk(f"{card}?offset={ROOT_START}")
    verdict = subprocess.run(["/usr/sbin/sfdisk", "-V", card], text=True, check=False, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT).stdout
    assert re.search("No errors detected", verdict), verdict
