# SPDX-License-Identifier: MIT
"""Boot a kernel in QEMU and keep what its console said; tell the ways to end apart."""
import dataclasses
import re
import subprocess

from conftest import ROOT

QEMU = "qemu-system-riscv64"
# Ours, of a newer release (tests/qemu), built when first asked for.
OWN_QEMU = str(ROOT / "tests" / "qemu" / "qemu-system-riscv64")
FIRMWARE = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"
MACHINES = {
    "qemu-virt": ["-M", "virt"],
    # The firmware cannot power this board off: the run ends at the kernel's last words.
    "sifive-unleashed": ["-M", "sifive_u"],
}
TIMEOUT_S = 240			# host seconds; generous, since the host may be loaded
# An instruction is 8 ns: a guest second is 125 million.
ICOUNT = ["-icount", "shift=3,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
TROUBLE = re.compile(r"Kernel panic|WARNING at|panic inside panic")
LAST_WORDS = ("system halted", "---[ end of panic ]---")


@dataclasses.dataclass
class Boot:
    """verdict: ended, time-out or no console; console: all text; fsck: what e2fsck found; code: QEMU's exit code."""
    verdict: str
    console: str
    fsck: str = ""
    code: int = 0

    @property
    def trouble(self):
        """The first report of a panic or warning with what follows it, or of e2fsck, or None."""
        match = TROUBLE.search(self.console)
        return self.console[match.start():match.start() + 3000] if match else self.fsck or None


def build_own():
    """Minutes, once: not in the time that a boot has."""
    subprocess.run([OWN_QEMU, "--version"], check=True, stdout=subprocess.DEVNULL)


def image(board, variant):
    return ROOT / "build" / (f"{board}-{variant}" if variant else board) / "Image"


def check_disk(path):
    """What e2fsck says against the file system, or nothing."""
    done = subprocess.run(["e2fsck", "-fn", str(path)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return "" if done.returncode == 0 else f"e2fsck -fn says {done.returncode}:\n{done.stdout}"


def boot(board, kernel, smp, mem="512M", append="", extra=(), initrd=None, disk=None,
         banner="Fathom on RISC-V", timeout=TIMEOUT_S, judge_disk=True, program=QEMU, before=()):
    """
    Run until the machine powers off, says its last words, or the time is up.

    A disk is an ext2 image on virtio-blk; it is judged by e2fsck afterwards,
    unless the run was meant to leave it torn. before: a command that runs QEMU.
    """
    command = [*before, program, *MACHINES[board], "-smp", str(smp), "-m", mem, "-display", "none",
               "-monitor", "none", "-serial", "stdio", "-no-reboot", "-bios", FIRMWARE,
               "-kernel", str(kernel), "-append", append, *extra]
    if initrd:
        command += ["-initrd", str(initrd)]
    if disk:
        command += ["-drive", f"if=none,format=raw,id=hd,file={disk}", "-device", "virtio-blk-device,drive=hd"]
    lines = []
    with subprocess.Popen(["timeout", str(timeout), *command], stdin=subprocess.DEVNULL,
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
    verdict = "no console" if banner not in console else "time-out" if code == 124 else "ended"
    return Boot(verdict, console, check_disk(disk) if disk and judge_disk else "", code)
