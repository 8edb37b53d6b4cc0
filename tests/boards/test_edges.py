# SPDX-License-Identifier: MIT
"""
Edges of pins before Debian's gpiomon: the test holds the pin's other end, through QEMU's qtest.
"""
import socket

import pytest

from machine import Machine
from test_card import command_of
from test_icicle import card_of
from test_shell import ok
from test_small import put_onto

# The pin, and where its chip is in QEMU.
BOARDS = {"visionfive2": (55, "/machine/pinctrl"), "sifive-unleashed": (5, "/machine/soc")}
EVENT_FORMAT = "'%e %o'"
RISING, FALLING = 1, 2


class Wire:
    """The pin's other end."""
    def __init__(self, path, chip, pin):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.target = f"{chip} unnamed-gpio-in {pin}"

    def set(self, *levels):
        for level in levels:
            self.socket.sendall(f"set_irq_in {self.target} {level}\n".encode())
            assert self.socket.recv(64) == b"OK\n"


@pytest.fixture(scope="module", params=BOARDS, name="pin")
def fixture_pin(request, tmp_path_factory):
    """Console, the pin's number, its other end."""
    board, (number, chip) = request.param, BOARDS[request.param]
    folder = tmp_path_factory.mktemp("edges")
    command = command_of(folder, board, "CONFIG=debug")
    command += ["-qtest", f"unix:{folder}/qtest,server=on,wait=off", "-qtest-log", "/dev/null"]
    put_onto(card_of(command), board)
    with Machine(command) as machine:
        machine.login()
        ok(machine, "w() { for i in 1 2 3 4 5 6 7 8 9; do eval \"$1\" && break; sleep .3; done; }")
        wire = Wire(folder / "qtest", chip, number)
        wire.set(0)
        yield machine, number, wire


def interrupts(console):
    """How many of pins there were."""
    lines = ok(console, "grep -E 'gpio@|pinctrl@1304' /proc/interrupts").splitlines()
    return sum(int(word) for line in lines for word in line.split()[1:] if word.isdigit())


def move(pin, *levels):
    """One level after the other: an edge that comes before the last was served is one with it."""
    console, _, wire = pin
    for level in levels:
        before = interrupts(console)
        wire.set(level)
        assert any(interrupts(console) > before for _ in range(50)), "no interrupt"


def watched(pin, arguments, count, drive):
    """What gpiomon says of the next `count` edges, while drive() moves the wire."""
    console, number, _ = pin
    ok(console, f"gpiomon -c gpiochip0 -n {count} --format {EVENT_FORMAT} {arguments} {number} > /tmp/edges & MON=$!")
    ok(console, f"w 'gpioinfo -c gpiochip0 {number} | grep gpiomon'")
    drive()
    ok(console, "w '! kill -0 $MON 2> /dev/null'")
    return [tuple(map(int, line.split())) for line in ok(console, "cat /tmp/edges").splitlines()]


def test_each_edge_is_told(pin):
    assert watched(pin, "", 4, lambda: move(pin, 1, 0, 1, 0)) == [(RISING, pin[1]), (FALLING, pin[1])] * 2


@pytest.mark.parametrize("edge, last, wanted", [("rising", 1, RISING), ("falling", 0, FALLING)])
def test_no_others_are_told(pin, edge, last, wanted):
    def drive():
        for _ in range(3):
            pin[2].set(1 - last)
            move(pin, last)
    assert watched(pin, f"-e {edge}", 3, drive) == [(wanted, pin[1])] * 3
    pin[2].set(0)


def test_active_low(pin):
    _, number, wire = pin
    assert watched(pin, "-l -e rising", 1, lambda: wire.set(1, 0)) == [(RISING, number)]


def test_a_line_that_is_given_back_is_quiet(pin):
    """No interrupts of a pin that nobody watches any more."""
    console, _, wire = pin
    before = interrupts(console)
    wire.set(1, 0, 1, 0)
    assert interrupts(console) == before
