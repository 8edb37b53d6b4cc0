# SPDX-License-Identifier: MIT
"""
Ring 2 with a network card: the suite `peer` against QEMU's user network, over modern and
legacy virtio, whole packets and merged buffers, at 1, 2 and 4 harts.
"""
import pathlib
import re

import pytest

import qemu
from conftest import run_make

CASES = re.findall(r"^KTEST\(peer, (\w+)\)", pathlib.Path(__file__).with_suffix(".c").read_text(), re.M)
NETWORK = ["-netdev", "user,id=net,guestfwd=tcp:10.0.2.100:7-cmd:cat", "-device"]
CARDS = {
    "modern": ["-global", "virtio-mmio.force-legacy=false", *NETWORK, "virtio-net-device,netdev=net"],
    "legacy": [*NETWORK, "virtio-net-device,netdev=net,mrg_rxbuf=off,event_idx=off,any_layout=off"],
    "merged": [*NETWORK, "virtio-net-device,netdev=net,event_idx=off"],
}
BOOTS = [("modern", 1), ("modern", 2), ("modern", 4), ("legacy", 2), ("merged", 2)]


@pytest.fixture(scope="module")
def results():
    done = {}

    def result(card, harts):
        if (card, harts) not in done:
            run_make("kernel", "CONFIG=debug")
            done[card, harts] = qemu.boot("qemu-virt", qemu.image("qemu-virt", "debug"), harts,
                                          append="ktest=peer", extra=CARDS[card])
        return done[card, harts]

    return result


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("card,harts", BOOTS, ids=[f"{card}-{harts}" for card, harts in BOOTS])
def test_peer(results, card, harts, case):
    boot = results(card, harts)
    assert not boot.trouble, boot.trouble
    assert re.search(rf"(?<!not )ok \d+ - peer\.{case}\b", boot.console), boot.console[-3000:]
