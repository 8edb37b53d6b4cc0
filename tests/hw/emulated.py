#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A board on the desk that is none: QEMU behind a serial line and a power switch.

usage: emulated.py serve BOARD FOLDER     put the board there, until ^C
       emulated.py on|off FOLDER          its power switch

"serve" starts nothing yet: it makes FOLDER/tty, a pseudo-terminal that stays while the power comes
and goes, FOLDER/switch, a socket, FOLDER/tftp, what the board's network can fetch, and FOLDER/env.yaml,
a labgrid environment of labgrid's own drivers that names them: make hwtest BOARD=... ENV=FOLDER/env.yaml.
The machine is that of make run-uboot with a card of its own; switched off it is killed, as by a
pulled plug. The harness (session.py) cannot tell it from hardware.

What goes wrong on a desk can be had (class Faults): characters that get lost or changed on their way
from the board, a board that never says a word, one whose memory flips a bit while a test runs.
"""
import dataclasses
import os
import pathlib
import pty
import random
import re
import socket
import subprocess
import sys
import threading
import tty

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "boards")]
from conftest import ROOT, run_make  # noqa: E402
from machine import run_flags  # noqa: E402
from test_uboot import private_copy  # noqa: E402

ENVIRONMENT = """\
targets:
  main:
    resources:
    - RawSerialPort: {{port: "{folder}/tty", speed: 115200}}
    - TFTPProvider: {{internal: "{folder}/tftp/", external: ""}}
    drivers:
    - SerialDriver: {{}}
    - TFTPProviderDriver: {{}}
    - ExternalPowerDriver:
        cmd_on: "{program} on {folder}"
        cmd_off: "{program} off {folder}"
        delay: 0.2
    - FathomStrategy: {{board: {board}, server: 10.0.2.2{more}}}
"""
NETWORK = {"qemu-virt": ["-device", "virtio-net-device,netdev=tftp", "-netdev", "user,id=tftp,tftp={}"],
           "visionfive2": ["-nic", "user,tftp={}", "-nic", "none"]}


@dataclasses.dataclass
class Faults:
    """lost, garbage: how many of a million characters; silent: no character at all; after a text
    was seen, once: break_at calls back with the board, which may freeze, cut its power or flip a bit."""
    lost: int = 0
    garbage: int = 0
    silent: bool = False
    break_at: str = ""
    breaks: object = None
    seed: int = 1


class Board:
    """One machine; start and stop come through the switch."""
    def __init__(self, board, folder, faults=None, variables=()):
        self.folder, self.faults = pathlib.Path(folder).resolve(), faults or Faults()
        self.board, self.process, self.starts = board, None, 0
        self.random = random.Random(self.faults.seed)
        self.seen = b""
        (self.folder / "tftp").mkdir(parents=True, exist_ok=True)
        self.command = self.command_of(variables)
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        link = self.folder / "tty"
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self.slave))
        self.listen()
        for loop in (self.serve_switch, self.serve_input):
            threading.Thread(target=loop, daemon=True).start()

    def command_of(self, variables):
        variables = (f"BOARD={self.board}", *variables)
        run_make("sdcard", "run-ready", *variables)
        command = private_copy(run_flags("run-uboot", *variables), self.folder)
        command.remove("-nographic")
        return [*command, "-display", "none", "-monitor", "none", "-serial", "stdio",
                "-gdb", f"unix:{self.folder}/gdb,server,nowait",
                *(word.format(self.folder / "tftp") for word in NETWORK[self.board])]

    def environment(self, more=""):
        """Write env.yaml; its path. more: further options of the strategy, ", name: value"."""
        path = self.folder / "env.yaml"
        path.write_text(ENVIRONMENT.format(folder=self.folder, program=f"{sys.executable} {__file__}",
                                           board=self.board, more=more))
        return path

    def on(self):
        if self.process:
            return
        self.starts += 1
        # It ends with this process, whatever ends that.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], cwd=ROOT, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.serve_output, args=(self.process,), daemon=True).start()

    def off(self):
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait()

    def close(self):
        self.off()
        self.socket.close()
        # The terminal's ends stay open: threads may still be reading there; they end with the process.

    # --- the line ---

    def damaged(self, data):
        """What arrives of what was sent."""
        if self.faults.silent:
            return b""
        out = bytearray()
        for byte in data:
            fate = self.random.randrange(1000000)
            if fate < self.faults.garbage:
                out.append(self.random.randrange(256))
            elif fate >= self.faults.garbage + self.faults.lost:
                out.append(byte)
        return bytes(out)

    def watch(self, data):
        if not self.faults.break_at:
            return
        self.seen = (self.seen + data)[-4096:]
        if self.faults.break_at.encode() in self.seen:
            self.faults.break_at = ""
            self.faults.breaks(self)

    def serve_output(self, process):
        while data := os.read(process.stdout.fileno(), 4096):
            os.write(self.master, self.damaged(data))
            self.watch(data)

    def serve_input(self):
        while data := os.read(self.master, 4096):
            process = self.process
            try:
                if process:
                    process.stdin.write(data)
            except BrokenPipeError:
                pass

    # --- the switch ---

    def listen(self):
        path = self.folder / "switch"
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()

    def serve_switch(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                {b"on": self.on, b"off": self.off}.get(peer.recv(16), lambda: None)()
                peer.sendall(b"done")

    # --- what breaks ---

    def freeze(self):
        """The machine stops where it is: no clock, no interrupt, no character."""
        self.debugger().close()

    def flip_bits(self, function, image="qemu-virt"):
        """Zero the first instruction of a kernel function, through the debugger's port."""
        symbols = (ROOT / "build" / image / "System.map").read_text()
        address = re.search(rf"^([0-9a-f]+) \w {function}$", symbols, re.M)[1]
        with self.debugger() as port:
            for packet in (f"M{int(address, 16):x},4:00000000", "c"):
                port.sendall(f"+${packet}#{sum(packet.encode()) % 256:02x}".encode())
                if packet != "c":
                    port.recv(64)
            threading.Event().wait(0.2)

    def debugger(self):
        port = socket.socket(socket.AF_UNIX)
        port.connect(str(self.folder / "gdb"))
        return port


def throw(what, folder):
    with socket.socket(socket.AF_UNIX) as switch:
        switch.connect(f"{folder}/switch")
        switch.sendall(what.encode())
        if switch.recv(16) != b"done":
            sys.exit("the switch does not answer")


def serve(board, folder):
    desk = Board(board, folder)
    print(f"make hwtest BOARD={board} ENV={desk.environment()}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        desk.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"] and len(sys.argv) == 4:
        serve(*sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] in ("on", "off"):
        throw(*sys.argv[1:])
    else:
        sys.exit(__doc__)
