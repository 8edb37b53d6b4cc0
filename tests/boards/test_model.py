# SPDX-License-Identifier: MIT
"""
The machine visionfive2 before its judge: Debian's own U-Boot for the board, which nobody here
wrote, drives the models of card host, network and reset. Its device tree is edited only where
there is no model (tests/qemu/mktree).
"""
import pytest

from conftest import run_make
from machine import Machine, run_flags
from test_uboot import private_copy

BOARD = "BOARD=visionfive2"
PROMPT = "StarFive # "


class UBoot(Machine):
    def __init__(self, command):
        super().__init__(command, banner="U-Boot 20")
        self.expect("Hit any key to stop autoboot", "no countdown")
        self.type(" ")
        self.expect(PROMPT, "no prompt")

    def ask(self, command):
        self.type(command + "\r")
        return self.expect(PROMPT, f"no end of: {command}").replace("\r", "")


def command_of(folder):
    run_make("sdcard", "run-ready", BOARD)
    return private_copy(run_flags("run-uboot", BOARD, "qemu-net="), folder)


@pytest.fixture(scope="module", name="uboot")
def fixture_uboot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uboot")
    (folder / "tftp").mkdir()
    (folder / "tftp" / "numbers").write_bytes(bytes(range(256)) * 512)
    command = command_of(folder) + 2 * ["-nic", f"user,tftp={folder}/tftp"]
    with UBoot(command) as started:
        yield started


def test_card(uboot):
    assert "mmc1 is current device" in uboot.ask("mmc dev 1")
    info = uboot.ask("mmc info")
    assert "Mode: SD High Speed" in info and "Bus Width: 4-bit" in info, info
    parts = uboot.ask("mmc part")
    for name in ("spl", "uboot", "system", "root"):
        assert f'"{name}"' in parts, parts


def test_files_on_the_card(uboot):
    assert "Image" in uboot.ask("ls mmc 1:3")
    assert "etc" in uboot.ask("ls mmc 1:4")
    read = uboot.ask("fatload mmc 1:3 46100000 /Image; echo read $filesize")
    assert "bytes read" in read, read


def test_write_to_the_card(uboot):
    uboot.ask("mw.b 46100000 a5 20000; mmc write 46100000 400 100")
    uboot.ask("mw.b 46200000 0 20000; mmc read 46200000 400 100")
    assert "were the same" in uboot.ask("cmp.b 46100000 46200000 20000")


@pytest.mark.parametrize("port", ["ethernet@16030000", "ethernet@16040000"])
def test_network(uboot, port):
    uboot.ask(f"setenv ethact {port}; setenv autoload no")
    assert "DHCP client bound to address 10.0.2.15" in uboot.ask("dhcp")
    assert "is alive" in uboot.ask("ping 10.0.2.2")
    uboot.ask("setenv serverip 10.0.2.2")
    assert "Bytes transferred = 131072" in uboot.ask("tftpboot 46100000 numbers")
    assert uboot.ask("md.b 460100ff 2; md.b 461100fe 4").count("fe ff 00 01") == 1


def test_watchdog(uboot):
    assert "watchdog@13070000" in uboot.ask("wdt list")


def test_reset(uboot):
    uboot.type("reset\r")
    uboot.expect("U-Boot 20", "it does not start again")
    uboot.expect("Hit any key to stop autoboot", "no countdown")
    uboot.type(" ")
    uboot.expect(PROMPT, "no prompt")


def test_a_host_without_its_clock_does_not_answer(tmp_path):
    """U-Boot counts on its first stage to have started them: without that the model must not have a card."""
    command = [word.replace(",first-card=on", "") for word in command_of(tmp_path)]
    with UBoot(command) as uboot:
        assert "mmc1 is current device" not in uboot.ask("mmc dev 1")
