# SPDX-License-Identifier: MIT
"""
Ring 3 with a network card: net_echo against QEMU's user network, which offers no offloads, and,
where the host lets us have one, against a tap, which offers all.
"""
import pathlib
import subprocess

import pytest

import cpio
import guest
import qemu
from conftest import run_make

BEHIND_TAP = str(pathlib.Path(__file__).with_name("behind_tap.py"))
MODERN = ["-global", "virtio-mmio.force-legacy=false"]
USER = ["-netdev", "user,id=net,guestfwd=tcp:10.0.2.100:7-cmd:cat", "-device"]
TAP = ["-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no", "-device"]


def tap_queues(number):
    return [TAP[0], f"{TAP[1]},queues={number}", "-device", "virtio-net-device,netdev=net,mq=on"]


CARDS = {
    "modern": [*MODERN, *USER, "virtio-net-device,netdev=net"],
    "legacy": [*USER, "virtio-net-device,netdev=net,mrg_rxbuf=off,any_layout=off"],
}
# And what is to be seen of them. Without merged buffers nothing large can be received.
TAP_CARDS = {
    "all": ([*MODERN, *TAP, "virtio-net-device,netdev=net"], ["large-tx", "large-rx"]),
    "plain-buffers": ([*TAP, "virtio-net-device,netdev=net,mrg_rxbuf=off"], ["large-tx"]),
    "checksums": ([*MODERN, *TAP, "virtio-net-device,netdev=net,host_tso4=off,host_tso6=off,"
                   "guest_tso4=off,guest_tso6=off"], []),
    "bridged": ([*MODERN, *TAP, "virtio-net-device,netdev=net"], ["bridge"]),
    "receive-only": ([*MODERN, *TAP, "virtio-net-device,netdev=net,csum=off"], ["large-rx"]),
}


# Harts, and the queues that are then used.
QUEUE_CARDS = {
    "as-harts": ([*MODERN, *tap_queues(4)], 4, 4),
    "fewer-than-harts": (tap_queues(2), 4, 2),
    "more-than-harts": ([*MODERN, *tap_queues(8)], 2, 2),
}


def judge(done, runs):
    assert not done.trouble, done.trouble
    run = runs["net_echo"]
    assert run.end == "exit 0" and run.planned == len(run.results), run.text


@pytest.mark.parametrize("card,variant", [("modern", ""), ("legacy", "debug")])
def test_user_network(card, variant):
    run_make("kernel", *(["CONFIG=debug"] if variant else []))
    judge(*guest.boot(qemu.image("qemu-virt", variant), ["net_echo"], 2, extra=CARDS[card]))


def test_gem():
    """Another driver: pages and headers in pieces, no offloads."""
    run_make("kernel", "BOARD=sifive-unleashed")
    judge(*guest.boot(qemu.image("sifive-unleashed", ""), ["net_echo"], 5, board="sifive-unleashed",
                      extra=["-nic", USER[1].replace("id=net,", "")]))


@pytest.fixture(scope="module")
def tap():
    tried = subprocess.run([BEHIND_TAP, "--try"], text=True, capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"this host lets us have no tap: {tried.stdout}{tried.stderr}")


@pytest.mark.parametrize("card", TAP_CARDS)
def test_tap(tap, card):
    run_make("kernel", "CONFIG=debug")
    extra, seen = TAP_CARDS[card]
    files = [(f"etc/{name}", cpio.FILE, b"") for name in ["ipv6", *seen]]
    judge(*guest.boot(qemu.image("qemu-virt", "debug"), ["net_echo"], 4, files, extra=extra, before=[BEHIND_TAP]))


@pytest.mark.parametrize("card", QUEUE_CARDS)
def test_queues(tap, card):
    run_make("kernel", "CONFIG=debug")
    extra, harts, queues = QUEUE_CARDS[card]
    files = [("etc/queues", cpio.FILE, str(queues).encode())]
    judge(*guest.boot(qemu.image("qemu-virt", "debug"), ["net_echo"], harts, files, extra=extra, before=[BEHIND_TAP]))
