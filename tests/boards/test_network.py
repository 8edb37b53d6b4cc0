# SPDX-License-Identifier: MIT
"""
Ring 4, the network as make run has it: QEMU's user network with the host behind it. The interface
comes up by itself, and a web server in the guest answers the host through the forwarded port.
"""
import concurrent.futures
import re
import socket
import sys

import pytest

from conftest import ROOT, run_make
from machine import Machine
from test_shell import ok
from test_uboot import private_copy
from machine import run_flags

sys.path.insert(0, str(ROOT / "tests"))
import flood		# pylint: disable=wrong-import-position
import load		# pylint: disable=wrong-import-position

PATTERNS = ("one", "threads", "acceptors", "reuseport", "select", "epoll", "edge")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module", params=["SMP=1", "SMP=4", "SMP=4 CONFIG=debug"])
def guest(request, tmp_path_factory):
    """(machine, the host's port that leads to the guest's 8080); machine.ports: more of them"""
    port = free_port()
    variables = (*request.param.split(), f"PORT={port}")
    run_make("all", "run-ready", *variables)
    command = private_copy(run_flags("run", *variables), tmp_path_factory.mktemp("net"))
    ports = load.free_ports(load.CLIENTS)
    with Machine(load.forwarded(command, ports)) as machine:
        machine.ports = ports
        yield machine.login(), port


def request(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := s.recv(4096):
            answer += part
    return answer


def test_interface_is_up(guest):
    machine, _ = guest
    assert re.search(r"inet addr:10\.0\.2\.15 .*Mask:255\.255\.255\.0", ok(machine, "ifconfig eth0"))
    assert re.search(r"^0\.0\.0\.0 +10\.0\.2\.2 ", ok(machine, "route -n"), re.M)
    assert "nameserver 10.0.2.3" in ok(machine, "cat /etc/resolv.conf")


def test_ping_the_host(guest):
    machine, _ = guest
    assert " 0% packet loss" in ok(machine, "ping -c 3 10.0.2.2")
    assert "10.0.2.2" in ok(machine, "arp -n")


def test_ip_shows_it(guest):
    machine, _ = guest
    assert "inet 10.0.2.15/24" in ok(machine, "ip addr show dev eth0")
    assert "default via 10.0.2.2 dev eth0" in ok(machine, "ip route")
    ok(machine, "ip link set eth0 mtu 1400 && ip link show dev eth0 | grep -q 'mtu 1400' && ip link set eth0 mtu 1500")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_web_server(guest, pattern):
    machine, port = guest
    ok(machine, f"/usr/libexec/demos/http {pattern} 8080 0 128 > /dev/null & sleep 1")
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(request, [port] * 80))
        assert all(a.endswith(b"\r\n\r\nHello world!\n") for a in answers)
        assert "Hello world!" in ok(machine, "wget -q -O - http://127.0.0.1:8080/")
    finally:
        ok(machine, "kill $!; wait $! 2> /dev/null; true")


def test_many_clients_at_once(guest):
    """64 at a time; nobody waits for long. At length: make load."""
    machine, _ = guest
    ok(machine, "/usr/libexec/demos/http threads 8080 0 128 > /dev/null & sleep 1")
    try:
        clients = load.Load(machine.ports, 600)
        assert clients.run() == {"answered": 600}
        assert clients.slowest < 10
        assert "TcpExt: 0 0 0 0 0" in ok(machine, "cat /proc/net/netstat")
    finally:
        ok(machine, "kill $!; wait $! 2> /dev/null; true")


@pytest.mark.parametrize("smp", [1, 4])
def test_syn_flood(smp, tmp_path):
    """Clients are served all along, and the flood costs little. At length: make load FLOOD=100000."""
    run_make("all", "run-ready")
    ports, host = load.free_ports(flood.CLIENTS), flood.Host()
    command = private_copy(run_flags("run", f"SMP={smp}"), tmp_path)
    with Machine(load.forwarded(command, ports) + host.flags()) as machine:
        host.start()
        machine.login()
        ok(machine, "/usr/libexec/demos/http threads 8080 0 128 > /dev/null & sleep 1")
        flood.Outcome(machine, host, ports, 20000, ok).judge(20000)
