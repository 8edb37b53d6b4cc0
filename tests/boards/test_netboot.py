# SPDX-License-Identifier: MIT
"""make netboot: its TFTP server before a client, its YMODEM before U-Boot itself, over a pty for a serial line."""
import os
import re
import select
import socket
import struct
import subprocess
import time
import zlib

import pytest

from conftest import ROOT, run_make
from machine import run_flags
from test_uboot import private_copy

SCRIPT = ROOT / "scripts/netboot"


class Reader:
    """What a program says, until it is stopped."""
    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, **options)
        self.seen = ""

    def expect(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            part = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            assert part, f"no {pattern}:\n{self.seen[-3000:]}"
            self.seen += part.decode(errors="replace")
        return match

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def ask(port, name, *options):
    """A file by TFTP, as U-Boot asks for it; or the server's error as text."""
    data = b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        words = [name, "octet", *options]
        s.sendto(struct.pack("!H", 1) + b"".join(word.encode() + b"\0" for word in words), ("127.0.0.1", port))
        size = 1468 if options else 512
        while True:
            packet, peer = s.recvfrom(4096)
            kind, block = struct.unpack_from("!HH", packet)
            if kind == 5:
                return packet[4:-1].decode()
            if kind == 3:
                data += packet[4:]
            s.sendto(struct.pack("!HH", 4, block if kind == 3 else 0), peer)
            if kind == 3 and len(packet) - 4 < size:
                return data


@pytest.fixture(name="server")
def fixture_server(tmp_path):
    (tmp_path / "Image").write_bytes(os.urandom(100 * 1468))
    (tmp_path / "secret").write_text("not to be served")
    with Reader([SCRIPT, "visionfive2", "--folder", tmp_path, "--port", "0"]) as reader:
        yield int(reader.expect(r"on port (\d+)")[1]), tmp_path, reader


def test_tftp(server):
    port, folder, reader = server
    wanted = (folder / "Image").read_bytes()
    assert ask(port, "Image") == wanted
    assert ask(port, "Image", "blksize", "1468", "tsize", "0") == wanted
    assert ask(port, "secret") == "no such file"
    assert ask(port, "../../etc/passwd") == "no such file"
    for line in ("tftpboot ${kernel_addr_r} Image", "booti ${kernel_addr_r} - ${fdtcontroladdr}",
                 "setenv bootargs 'root=/dev/mmcblk1p4 rw'"):
        assert line in reader.seen


def at_prompt(tty, command=b""):
    """What U-Boot says to a command, from its echo up to the prompt behind it."""
    line = os.open(tty, os.O_RDWR | os.O_NOCTTY)
    seen, end = b"", time.monotonic() + 60
    os.write(line, command + b"\r" if command else b" ")
    while not (seen.endswith(b"\n=> ") and command in seen) and time.monotonic() < end:
        if select.select([line], [], [], 0.3)[0]:
            seen += os.read(line, 4096)
        elif not command:
            os.write(line, b" ")
    if not command:
        os.write(line, b"\x03")
    os.close(line)
    return seen.decode(errors="replace")


def test_ymodem_to_u_boot(tmp_path):
    """Some blocks, since QEMU's line is slow; U-Boot counts and sums them, and starts what is no kernel."""
    data = os.urandom(20 * 1024 + 300)
    (tmp_path / "Image").write_bytes(data)
    run_make("sdcard", "kernel", "BOARD=qemu-virt")
    command = private_copy(run_flags("run-uboot", "BOARD=qemu-virt"), tmp_path)
    command = [word for word in command if word != "-nographic"]
    with Reader([*command, "-display", "none", "-monitor", "none", "-serial", "pty"]) as qemu:
        tty = qemu.expect(r"redirected to (\S+)")[1]
        assert "=> " in at_prompt(tty)
        with Reader([SCRIPT, "qemu-virt", "--folder", tmp_path, "--tty", tty]) as netboot:
            netboot.expect("Image: 100 %", 120)
            netboot.expect("Bad Linux RISCV Image magic")
        said = at_prompt(tty, b"echo $filesize $bootargs; crc32 ${kernel_addr_r} $filesize")
        assert f"{len(data):x} root=/dev/vda2 rw" in said and f"==> {zlib.crc32(data):08x}" in said, said
