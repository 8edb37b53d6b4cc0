#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A board on the desk that is none: QEMU behind a serial line and a power switch.

usage: emulated.py serve BOARD FOLDER     put the board there, until ^C
       emulated.py on|off FOLDER          its power switch
       emulated.py host FOLDER COMMAND    what labgrid has the computer do that the card's multiplexer is plugged into

"serve" starts nothing yet: it makes FOLDER/tty, a pseudo-terminal that stays while the power comes
and goes, FOLDER/switch, a socket, FOLDER/tftp, what the board's network can fetch, and FOLDER/env.yaml,
a labgrid environment of labgrid's own drivers that names them: make hwtest BOARD=... ENV=FOLDER/env.yaml.
The machine is that of make run-uboot with a card of its own; switched off it is killed, as by a
pulled plug. The harness (session.py) cannot tell it from hardware.

With mux=True the card is in a multiplexer (emulated_mux.py), and there is no TFTP: the card, FOLDER/sdcard.img, is
the board's or the computer's, as FOLDER/mux says; where it is not in the board, the board's slot is empty.

What goes wrong on a desk can be had (class Faults): characters that get lost or changed on their way
from the board, a board that never says a word, one whose memory flips a bit while a test runs.
"""
import dataclasses
import json
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
    - {files}
    drivers:
    - SerialDriver: {{}}
    - {drivers}
    - ExternalPowerDriver:
        cmd_on: "{program} on {folder}"
        cmd_off: "{program} off {folder}"
        delay: 0.2
    - FathomStrategy: {{board: {board}, {way}{more}}}
{imports}"""
# Where files come from: resource, driver, the strategy's options.
TFTP = ('TFTPProvider: {{internal: "{folder}/tftp/", external: ""}}', "TFTPProviderDriver: {{}}", "server: 10.0.2.2")
MUX = ('EmulatedSDMux: {{program: "{program}", folder: "{folder}"}}',
       "USBSDMuxDriver: {{}}\n    - USBStorageDriver: {{}}",
       'network: "", load: "load mmc {slot}:3 {{address}} {{file}}"')
SLOTS = {"visionfive2": 1, "sifive-unleashed": 0}
MUX_DISK = "/dev/desk"
NETWORK = {"qemu-virt": ["-device", "virtio-net-device,netdev=tftp", "-netdev", "user,id=tftp,tftp={}"],
           "visionfive2": ["-nic", "user,tftp={}", "-nic", "none"],
           "sifive-unleashed": ["-nic", "user,tftp={}"]}


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


# --- the debugger's protocol: $text#sum, each acknowledged by "+" ---

def send(port, text):
    port.sendall(f"+${text}#{sum(text.encode()) % 256:02x}".encode())


def answer(port):
    """The text of the next packet, which does not come in pieces with another."""
    said = b""
    while not re.search(rb"\$[^#]*#..", said):
        piece = port.recv(256)
        assert piece, "the machine has ended"
        said += piece
    return re.search(rb"\$([^#]*)#", said)[1].decode()


class Board:
    """One machine; start and stop come through the switch."""
    def __init__(self, board, folder, faults=None, variables=(), mux=False):
        self.folder, self.faults = pathlib.Path(folder).resolve(), faults or Faults()
        self.board, self.process, self.starts = board, None, 0
        self.random = random.Random(self.faults.seed)
        self.seen, self.mux = b"", mux
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
        command = private_copy(run_flags("run-uboot", *variables, "qemu-net="), self.folder)
        command.remove("-nographic")
        return [*command, "-display", "none", "-monitor", "none", "-serial", "stdio",
                "-gdb", f"unix:{self.folder}/gdb,server,nowait",
                *(word.format(self.folder / "tftp") for word in NETWORK[self.board])]

    def environment(self, more=""):
        """Write env.yaml; its path. more: further options of the strategy, ", name: value"."""
        path, program = self.folder / "env.yaml", f"{sys.executable} {__file__}"
        files, drivers, way = (part.format(folder=self.folder, program=program, slot=SLOTS.get(self.board))
                               for part in (MUX if self.mux else TFTP))
        path.write_text(ENVIRONMENT.format(
            folder=self.folder, program=program, board=self.board, more=more, files=files, drivers=drivers,
            way=way, imports="imports: [emulated_mux]\n" if self.mux else ""))
        return path

    def has_card(self):
        return not self.mux or mode_of(self.folder) == "dut"

    def on(self):
        if self.process:
            return
        self.starts += 1
        command = self.command if self.has_card() else without_card(self.command)
        # It ends with this process, whatever ends that.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], cwd=ROOT, bufsize=0,
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
            answer(port)  # that it stops
            send(port, write := f"M{int(address, 16):x},4:00000000")
            # A hart that is in user mode has not the kernel's text: let it go on, and try again.
            while answer(port) != "OK":
                send(port, "c")
                threading.Event().wait(0.01)
                port.sendall(b"\x03")
                answer(port)
                send(port, write)
            send(port, "c")
            threading.Event().wait(0.2)

    def debugger(self):
        port = socket.socket(socket.AF_UNIX)
        port.connect(str(self.folder / "gdb"))
        return port


# --- the card's multiplexer ---

def mode_of(folder):
    path = pathlib.Path(folder) / "mux"
    return path.read_text() if path.exists() else "dut"


def without_card(command):
    at = next(number for number, word in enumerate(command) if word.startswith("file=") and "if=sd" in word)
    return command[:at - 1] + command[at + 1:]


def start_of(card, number):
    table = json.loads(subprocess.run(["/usr/sbin/sfdisk", "--json", card], check=True, stdout=subprocess.PIPE).stdout)
    return table["partitiontable"]["partitions"][number - 1]["start"] * 512


def as_host(folder, command):
    """labgrid's USBSDMuxDriver and USBStorageDriver give these three commands."""
    card, is_ours = folder / "sdcard.img", mode_of(folder) == "host"
    if command[0] == "usbsdmux":
        if not (folder / "mux-is-stuck").exists():
            (folder / "mux").write_text(command[2])
    elif command[0] == "cat":
        print(card.stat().st_size // 512 if is_ours else 0)
    elif command[0] == "dd" and is_ours:
        options = dict(word.split("=", 1) for word in command[1:])
        number = options["of"].removeprefix(MUX_DISK)
        start = start_of(card, int(number)) if number else 0
        subprocess.run(["dd", f"if={options['if']}", f"of={card}", "bs=1M", "oflag=seek_bytes", f"seek={start}",
                        "conv=notrunc", "status=none"], check=True)
    else:
        sys.exit(f"{' '.join(command)}: no medium")


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
    elif len(sys.argv) > 3 and sys.argv[1] == "host":
        as_host(pathlib.Path(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(__doc__)
