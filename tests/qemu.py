# SPDX-License-Identifier: MIT
"""Boot a kernel in QEMU and keep what its console said; tell the ways to end apart."""
import dataclasses
import re
import subprocess

from conftest import ROOT

FIRMWARE = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"
MACHINES = {
    "qemu-virt": ["-M", "virt"],
    # The firmware cannot power this board off: the run ends at the kernel's last words.
    "sifive-unleashed": ["-M", "sifive_u"],
}
TIMEOUT_S = 240			# host seconds; generous, since the host may be loaded
TROUBLE = re.compile(r"Kernel panic|WARNING at|panic inside panic")
LAST_WORDS = ("system halted", "---[ end of panic ]---")


@dataclasses.dataclass
class Boot:
    """verdict: ended, time-out or no console; console: all text."""
    verdict: str
    console: str

    @property
    def trouble(self):
        """The first report of a panic or warning with what follows it, or None."""
        match = TROUBLE.search(self.console)
        return self.console[match.start():match.start() + 3000] if match else None


def image(board, variant):
    return ROOT / "build" / (f"{board}-{variant}" if variant else board) / "Image"


def boot(board, kernel, smp, mem="512M", append="", extra=()):
    """Run until the machine powers off, says its last words, or the time is up."""
    command = ["qemu-system-riscv64", *MACHINES[board], "-smp", str(smp), "-m", mem, "-display", "none",
               "-monitor", "none", "-serial", "stdio", "-no-reboot", "-bios", FIRMWARE,
               "-kernel", str(kernel), "-append", append, *extra]
    lines = []
    with subprocess.Popen(["timeout", str(TIMEOUT_S), *command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as qemu:
        for line in qemu.stdout:
            lines.append(line)
            if any(words in line for words in LAST_WORDS):
                qemu.terminate()
                break
        qemu.stdout.read()
        code = qemu.wait()
    console = "".join(lines)
    if "Fathom on RISC-V" not in console:
        return Boot("no console", console)
    return Boot("time-out" if code == 124 else "ended", console)
