# SPDX-License-Identifier: MIT
"""
The boards' network ports at the level of frames: the peer is this test. Which frames for groups come in, and whose
checksums go out.
"""
import socket
import struct
import time

import pytest

from conftest import run_make
from machine import Machine, run_flags
from test_network import free_port
from test_shell import ok

BOARDS = ("visionfive2", "sifive-unleashed")
PEER, PEER6 = bytes([10, 0, 9, 2]), bytes([0xfd] + [0] * 14 + [2])
PEER_MAC = bytes([0x52, 0x55, 10, 0, 9, 2])
TRIAL = 0x88b5			# an EtherType that is nobody's (IEEE 802)
COUNT = 10


class Peer:
    """The other end of the wire: frames as datagrams of a socket of this machine."""
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.guest = ("127.0.0.1", free_port())
        self.nic = (f"socket,udp=127.0.0.1:{self.socket.getsockname()[1]},localaddr=127.0.0.1:{self.guest[1]}")

    def send(self, target, ethertype, payload):
        self.socket.sendto(target + PEER_MAC + struct.pack(">H", ethertype) + payload.ljust(46, b"\0"), self.guest)

    def frames(self, ethertype, seconds=10):
        """Frames of the guest's, until the time is up; who asks for the peer is answered."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(2048)
            except TimeoutError:
                return
            if frame[12:14] == b"\x08\x06" and frame[38:42] == PEER:
                self.send(frame[6:12], 0x0806, struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + PEER_MAC + PEER +
                          frame[22:32])
            if struct.unpack(">H", frame[12:14])[0] == ethertype:
                yield frame

    def forget(self):
        for _ in self.frames(0, 0.1):
            pass


@pytest.fixture(scope="module", params=BOARDS, name="wire")
def fixture_wire(request):
    """The guest's console and the peer."""
    peer = Peer()
    variables = (f"BOARD={request.param}", "ROOT=initramfs", "CONFIG=debug")
    run_make("run-ready", *variables)
    with Machine(run_flags("run", *variables, "qemu-net=") + ["-nic", peer.nic]) as machine:
        machine.login()
        ok(machine, "killall udhcpc; ip link set eth0 up; ip addr add 10.0.9.1/24 dev eth0")
        ok(machine, "for i in 1 2 3 4 5 6 7 8 9; do ip link show eth0 | grep LOWER_UP && break; sleep .3; done")
        yield machine, peer


def groups_seen(wire, mac):
    """How many of COUNT frames to a group come in. The last frame, to all, tells that they are through."""
    machine, peer = wire
    counters = "sed -n 's/.*eth0: *//p' /proc/net/dev"
    before = [int(n) for n in ok(machine, counters).split()]
    for _ in range(COUNT):
        peer.send(bytes.fromhex(mac.replace(":", "")), TRIAL, b"group")
    peer.send(b"\xff" * 6, TRIAL, b"all")
    for _ in range(20):
        now = [int(n) for n in ok(machine, counters).split()]
        if now[1] - before[1] > now[7] - before[7]:
            return now[7] - before[7]
    raise AssertionError("nothing comes in")


def comes_to(wire, mac, wanted):
    """Joining and leaving take the stack's timers, a second at most, and then the filter's work."""
    end = time.monotonic() + 10
    while (seen := groups_seen(wire, mac)) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return seen == wanted


def test_groups_that_nobody_has_joined_stay_out(wire):
    machine, _ = wire
    group = "33:33:ff:77:88:99"
    assert groups_seen(wire, group) == 0
    ok(machine, "ip addr add fd00::77:8899/64 dev eth0")
    assert comes_to(wire, group, COUNT)
    assert groups_seen(wire, "33:33:ff:77:88:98") == 0
    assert groups_seen(wire, "33:33:00:00:00:01") == COUNT
    ok(machine, "ip addr del fd00::77:8899/64 dev eth0")
    assert comes_to(wire, group, 0)


def test_all_groups_and_all_frames(wire):
    machine, _ = wire
    for flag in ("allmulti", "promisc"):
        ok(machine, f"ifconfig eth0 {flag}")
        assert groups_seen(wire, "01:00:5e:01:02:03") == COUNT, flag
        ok(machine, f"ifconfig eth0 -{flag}")
        assert groups_seen(wire, "01:00:5e:01:02:03") == 0, flag


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def is_sound(frame):
    """The checksum of a TCP segment or UDP datagram in IPv4 or IPv6."""
    ip = frame[14:]
    if ip[0] >> 4 == 4:
        head, length, protocol, addresses = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0], ip[9], ip[12:20]
        length -= head
    else:
        head, length, protocol, addresses = 40, struct.unpack(">H", ip[4:6])[0], ip[6], ip[8:40]
    return checksum(addresses + struct.pack(">HH", protocol, length) + ip[head:head + length]) == 0xffff


@pytest.mark.parametrize("protocol", [6, 17], ids=["tcp", "udp"])
def test_checksums_of_what_is_sent(wire, protocol):
    machine, peer = wire
    peer.forget()
    if protocol == 6:
        ok(machine, "c() { nc $1 80 </dev/null >/dev/null 2>&1 & sleep 4; kill $!; }; (c 10.0.9.2 &)")
    else:
        ok(machine, "(timeout 4 tftp -g -r x -l /tmp/x 10.0.9.2 >/dev/null 2>&1 &)")
    frame = next(f for f in peer.frames(0x0800) if f[23] == protocol and f[30:34] == PEER)
    assert is_sound(frame), frame.hex()


def test_checksums_over_ipv6(wire):
    machine, peer = wire
    ok(machine, "ip addr add fd00::1/64 dev eth0; sleep 2")
    peer.forget()
    ok(machine, "c() { nc $1 80 </dev/null >/dev/null 2>&1 & sleep 4; kill $!; }; (c fd00::2 &)")
    solicitation = next(f for f in peer.frames(0x86dd) if f[20] == 58 and f[54] == 135 and f[62:78] == PEER6)
    body = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + PEER6 + bytes([2, 1]) + PEER_MAC
    source = solicitation[22:38]
    pseudo = PEER6 + source + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body) ^ 0xffff) + body[4:]
    peer.send(solicitation[6:12], 0x86dd, struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + PEER6 + source + body)
    frame = next(f for f in peer.frames(0x86dd) if f[20] == 6)
    assert is_sound(frame), frame.hex()
