# SPDX-License-Identifier: MIT
"""The network ports of the boards: addresses by DHCP, TCP and UDP both ways, a web server, a cable pulled out."""
import functools
import hashlib
import http.server
import threading

import pytest

from conftest import run_make
from machine import Machine, run_flags
from test_card import Monitor
from test_network import free_port, request
from test_shell import ok
from test_uboot import private_copy

NETS = {"eth0": "10.0.2", "eth1": "10.0.3"}
# Each board's ports, and what QEMU's monitor calls the first.
BOARDS = {"visionfive2": (("eth0", "eth1"), "dw-gmac.0"), "sifive-unleashed": (("eth0",), "cadence_gem.0")}
PORTS = [(board, port) for board, (ports, _) in BOARDS.items() for port in ports]


@pytest.fixture(scope="module", name="server")
def fixture_server(tmp_path_factory):
    """A web server of this machine, which the guest sees as 10.0.2.2; its number and its folder."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "data").write_bytes(bytes(n * 7 % 251 for n in range(1 << 20)))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], folder
        server.shutdown()


@pytest.fixture(scope="module", name="machines")
def fixture_machines(tmp_path_factory, server):
    """Of a board: its console, its monitor, and the port of this machine that leads to the guest's 8080."""
    started = {}

    def start(board):
        if board in started:
            return started[board]
        folder = tmp_path_factory.mktemp(board)
        variables = (f"BOARD={board}", "ROOT=card", "CONFIG=debug")
        run_make("run-ready", *variables)
        command = private_copy(run_flags("run", *variables, "qemu-net="), folder)
        forwarded = free_port()
        for port in BOARDS[board][0]:
            forward = f",hostfwd=tcp:127.0.0.1:{forwarded}-:8080" if port == "eth0" else ""
            command += ["-nic", f"user,net={NETS[port]}.0/24,tftp={server[1]}{forward}"]
        machine = Machine(command + ["-monitor", f"unix:{folder}/monitor,server,nowait"]).__enter__()
        started[board] = machine, Monitor(folder / "monitor"), forwarded
        machine.login()
        ok(machine, "w() { for i in 1 2 3 4 5 6 7 8 9; do eval \"$1\" && break; sleep 1; done; }")
        return started[board]

    yield start
    for machine, _, _ in started.values():
        machine.__exit__()


@pytest.mark.parametrize("board, port", PORTS)
def test_address(machines, board, port):
    console, address = machines(board)[0], f"{NETS[port]}.15"
    ok(console, f"w 'ip addr show {port} | grep {address}'")
    assert address in ok(console, f"ip addr show {port}")


@pytest.mark.parametrize("board, port", PORTS)
def test_echo(machines, board, port):
    ok(machines(board)[0], f"ping -c 2 {NETS[port]}.2")


@pytest.mark.parametrize("board, port", PORTS)
def test_tcp(machines, server, board, port):
    wanted = hashlib.md5((server[1] / "data").read_bytes()).hexdigest()
    console = machines(board)[0]
    ok(console, f"U=http://{NETS[port]}.2:{server[0]}/data")
    assert ok(console, "wget -q -O - $U | md5sum").split()[0] == wanted


@pytest.mark.parametrize("board, port", PORTS)
def test_udp(machines, server, board, port):
    wanted = hashlib.md5((server[1] / "data").read_bytes()).hexdigest()
    console = machines(board)[0]
    ok(console, f"tftp -g -r data -l /tmp/d {NETS[port]}.2 2>/dev/null")
    assert ok(console, "md5sum /tmp/d").split()[0] == wanted


@pytest.mark.parametrize("board", BOARDS)
def test_web_server(machines, board):
    console, _, forwarded = machines(board)
    ok(console, "/usr/libexec/demos/http epoll 8080 0 128 > /dev/null & sleep 1")
    for _ in range(20):
        assert request(forwarded).endswith(b"\r\n\r\nHello world!\n")
    ok(console, "kill $!; wait $! 2> /dev/null; true")


@pytest.mark.parametrize("board", BOARDS)
def test_a_cable_that_is_pulled_out(machines, board):
    console, monitor, _ = machines(board)
    name = BOARDS[board][1]
    assert b"not found" not in monitor.ask(f"set_link {name} off")
    ok(console, "w '! ip link show eth0 | grep LOWER_UP'")
    assert "LOWER_UP" not in ok(console, "ip link show eth0")
    monitor.ask(f"set_link {name} on")
    ok(console, "w 'ip link show eth0 | grep LOWER_UP'")
    assert "LOWER_UP" in ok(console, "ip link show eth0")
    ok(console, "ping -c 2 10.0.2.2")


def test_a_bus_error(machines):
    """It stops the port's rings; they start afresh, and what is sent later arrives."""
    console, monitor, _ = machines("visionfive2")
    assert b"Error" not in monitor.ask("qom-set /machine/gmac0 inject-bus-errors 1")
    console.run("ping -c 1 -W 1 10.0.2.2")
    ok(console, "w 'ping -c 1 -W 1 10.0.2.2'")
    assert ok(console, "dmesg | grep -c 'eth0: bus error, starts again'").strip() == "1"
    ok(console, "ping -c 2 10.0.2.2")
