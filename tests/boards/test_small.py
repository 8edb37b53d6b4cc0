# SPDX-License-Identifier: MIT
"""
The small devices of visionfive2: random numbers, temperature, speed of the harts, pins before Debian's
libgpiod, the LED, the real-time clock, and in the end the watchdog.
"""
import subprocess

import pytest

from machine import Machine
from test_card import CACHE, ROOT_START, Monitor, command_of
from test_icicle import card_of
from test_shell import ok


def put_onto(card, board="visionfive2"):
    """Debian's gpiod onto the root, which a machine has not booted yet."""
    library = "usr/lib/riscv64-linux-gnu/libgpiod.so.3"
    real = (CACHE / "guest/libgpiod3" / library).resolve()
    lines = [f"write {real} /{library}", f"sif /{library} mode 0100755"]
    for tool in ("gpiodetect", "gpioinfo", "gpioget", "gpioset", "gpiomon"):
        lines += [f"write {CACHE / 'guest/gpiod/usr/bin' / tool} /usr/bin/{tool}", f"sif /usr/bin/{tool} mode 0100755"]
    subprocess.run(["/usr/sbin/debugfs", "-w", "-f", "-", f"{card}?offset={ROOT_START[board]}"], check=True,
                   text=True, input="\n".join(lines) + "\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module", name="board")
def fixture_board(tmp_path_factory):
    """Its console and its monitor."""
    folder = tmp_path_factory.mktemp("small")
    command = command_of(folder, "visionfive2") + ["-monitor", f"unix:{folder}/monitor,server,nowait"]
    put_onto(card_of(command))
    with Machine(command) as machine:
        machine.login()
        yield machine, Monitor(folder / "monitor")


def test_random_numbers_come(board):
    """One interrupt when the source is seeded, one with the numbers."""
    counts = ok(board[0], "grep rng@ /proc/interrupts").split()[1:-3]
    assert sum(map(int, counts)) == 2, counts


def test_temperature(board):
    console, monitor = board
    zone = "/sys/class/thermal/thermal_zone0"
    assert ok(console, f"cat {zone}/type").strip() == "cpu-thermal"
    assert abs(int(ok(console, f"cat {zone}/temp")) - 42000) < 100
    monitor.ask("qom-set /machine/temp millicelsius 81500")
    assert abs(int(ok(console, f"cat {zone}/temp")) - 81500) < 100


def test_speed_of_the_harts(board):
    assert ok(board[0], "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").strip() == "1000000"


def test_pins(board):
    """A pin that is driven is nobody else's meanwhile; the card's detect pin is the driver's."""
    console, _ = board
    assert "gpiochip0 [pinctrl@13040000] (64 lines)" in ok(console, "gpiodetect")
    info = ok(console, "gpioinfo -c gpiochip0")
    assert "cd-gpios" in next(line for line in info.splitlines() if "line  41:" in line), info
    ok(console, "gpioset -c gpiochip0 55=1 & sleep 1")
    assert 'output consumer=gpioset' in ok(console, "gpioinfo -c gpiochip0 55")
    status, said = console.run("gpioget -c gpiochip0 55")
    assert status and "busy" in said.lower(), said
    ok(console, "kill $!; wait $! 2> /dev/null; true")
    assert '"55"=' in ok(console, "gpioget -c gpiochip0 -a 55")
    status, said = console.run("gpioget -c gpiochip0 --bias pull-up 55")
    assert status and "supported" in said, said


def is_lit(monitor):
    """The LED is on pin 3 of the always-on region, as the model has it."""
    return bool(int(monitor.ask("qom-get /machine/aon-pinctrl levels").split()[-2]) & 8)


def stays(board, lit):
    """For longer than from one beat to the next."""
    for _ in range(15):
        ok(board[0], "sleep .1")
        assert is_lit(board[1]) == lit


def test_led(board):
    """It beats from the start; by hand it is on, off, and does not beat again."""
    console, monitor = board
    ok(console, "L=/sys/class/leds/ack")
    assert ok(console, "cat $L/trigger $L/max_brightness") == "none default-on [heartbeat]\n1"
    for wanted in (True, False, True):
        assert any(is_lit(monitor) == wanted for _ in range(20000))
    assert "ack" in ok(console, "gpioinfo -c gpiochip1 3")
    ok(console, "echo 0 > $L/brightness; echo 1 > $L/brightness")
    assert ok(console, "cat $L/trigger $L/brightness") == "[none] default-on heartbeat\n1"
    stays(board, lit=True)
    ok(console, "echo 0 > $L/brightness")
    stays(board, lit=False)
    ok(console, "echo default-on > $L/trigger")
    assert is_lit(monitor)
    status, said = console.run("echo disco > $L/trigger")
    assert status and "Invalid argument" in said, said


def test_clock(board):
    """It was never set, is set, and goes on; that it lives through a restart shows below."""
    console, _ = board
    assert ok(console, "dmesg | grep -c 'rtc0: was never set'") == "1"
    status, said = console.run("cat /sys/class/rtc/rtc0/date")
    assert status and "Invalid argument" in said, said
    ok(console, "date -u -s '2087-12-31 23:59:58'; hwclock -u -w; sleep 3")
    assert ok(console, "cd /sys/class/rtc/rtc0; cat date time").startswith("2088-01-01\n00:00:0")
    status, said = console.run("date -u -s '2100-01-01 00:00:00'; hwclock -u -w")
    assert status and "range" in said, said


def test_watchdog(board):
    """A program that ends well stops it; one that is killed leaves it counting, and the board starts again."""
    console, _ = board
    ok(console, "watchdog -T 10 -t 1 /dev/watchdog; sleep 2")
    assert ok(console, "cat /sys/class/watchdog/watchdog0/state").strip() == "active"
    ok(console, "killall watchdog; sleep 1")
    assert ok(console, "cat /sys/class/watchdog/watchdog0/state").strip() == "inactive"
    ok(console, "watchdog -T 4 -t 1 /dev/watchdog; sleep 1; sync; killall -9 watchdog")
    console.expect("Fathom on RISC-V", "the watchdog does not bite")
    console.login()
    assert ok(console, "date -u +%F") == "2088-01-01"
