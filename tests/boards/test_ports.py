# SPDX-License-Identifier: MIT
"""The network ports of visionfive2: addresses by DHCP, TCP and UDP both ways, a cable that is pulled out."""
import functools
import hashlib
import http.server
import threading

import pytest

from machine import Machine
from test_card import Monitor, command_of
from test_shell import ok

PORTS = {"eth0": "10.0.2", "eth1": "10.0.3"}


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


@pytest.fixture(scope="module", name="machine")
def fixture_machine(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("ports")
    command = command_of(folder, "visionfive2", "CONFIG=debug")
    for net in PORTS.values():
        command += ["-nic", f"user,net={net}.0/24,tftp={server[1]}"]
    command += ["-monitor", f"unix:{folder}/monitor,server,nowait"]
    with Machine(command) as machine:
        machine.login()
        ok(machine, "w() { for i in 1 2 3 4 5 6 7 8 9; do eval \"$1\" && break; sleep 1; done; }")
        yield machine, Monitor(folder / "monitor")


@pytest.mark.parametrize("port", PORTS)
def test_address(machine, port):
    address = f"{PORTS[port]}.15"
    ok(machine[0], f"w 'ip addr show {port} | grep {address}'")
    assert address in ok(machine[0], f"ip addr show {port}")


@pytest.mark.parametrize("port", PORTS)
def test_echo(machine, port):
    ok(machine[0], f"ping -c 2 {PORTS[port]}.2")


@pytest.mark.parametrize("port", PORTS)
def test_tcp(machine, server, port):
    wanted = hashlib.md5((server[1] / "data").read_bytes()).hexdigest()
    ok(machine[0], f"U=http://{PORTS[port]}.2:{server[0]}/data")
    for _ in range(3):
        assert ok(machine[0], "wget -q -O - $U | md5sum").split()[0] == wanted


@pytest.mark.parametrize("port", PORTS)
def test_udp(machine, server, port):
    wanted = hashlib.md5((server[1] / "data").read_bytes()).hexdigest()
    ok(machine[0], f"tftp -g -r data -l /tmp/d {PORTS[port]}.2 2>/dev/null")
    assert ok(machine[0], "md5sum /tmp/d").split()[0] == wanted


def test_a_cable_that_is_pulled_out(machine):
    console, monitor = machine
    name = "dw-gmac.0"
    assert b"not found" not in monitor.ask(f"set_link {name} off")
    ok(console, "w '! ip link show eth0 | grep LOWER_UP'")
    assert "LOWER_UP" not in ok(console, "ip link show eth0")
    monitor.ask(f"set_link {name} on")
    ok(console, "w 'ip link show eth0 | grep LOWER_UP'")
    assert "LOWER_UP" in ok(console, "ip link show eth0")
    ok(console, "ping -c 2 10.0.2.2")
