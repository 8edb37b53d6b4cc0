# SPDX-License-Identifier: MIT
"""
A machine with someone at its console: start it as make run or make run-uboot
does, type commands, read what they print. What goes wrong is told apart: no
console, a panic, a prompt that does not come.
"""
import re
import shlex
import subprocess

import pexpect

from conftest import ROOT, alone_with_make
from qemu import TROUBLE

PROMPT = "root@fathom:"
KERNEL_LINE = re.compile(r"\[ *\d+\.\d{6}\] [^\n]*\n")
BEGINS = "@+@\n"
DONE = re.compile(r"@@(\d+)@@\r*\n")
WAIT_S = 60


class ConsoleError(AssertionError):
    """What happened, and the end of what the console said."""


def run_flags(target, *variables):
    """
    QEMU's command for a make target, from make itself: the tests start what people start, on a free port. A
    test that brings networks of its own says "qemu-net=".
    """
    with alone_with_make():
        done = subprocess.run(["make", "-s", "-n", target, "PORT=0", *variables], cwd=ROOT, text=True, check=True,
                              stdout=subprocess.PIPE)
    return shlex.split([line for line in done.stdout.splitlines() if re.match(r"\S*qemu-system", line)][-1])


class Session:
    """Talk with what is behind child, anything that pexpect can wait on."""
    def __init__(self, child, wait=WAIT_S):
        self.wait = wait
        self.seen = ""
        self.child = child

    def expect(self, what, otherwise):
        """Wait for a string or an expression; everything up to it is returned."""
        patterns = [re.compile(re.escape(what)) if isinstance(what, str) else what, TROUBLE, pexpect.EOF,
                    pexpect.TIMEOUT]
        found = self.child.expect(patterns)
        self.seen += self.child.before + (self.child.after if found < 2 else "")
        if found == 1:
            # What follows a panic says where it was.
            self.child.expect(["end of panic", pexpect.EOF, pexpect.TIMEOUT], timeout=5)
            self.seen += self.child.before
        if found:
            why = ("", "the kernel is in trouble", "the machine stopped", otherwise)[found]
            raise ConsoleError(f"{why}\n{self.seen[-4000:]}")
        return self.child.before

    def login(self):
        self.expect(PROMPT, "no shell")
        return self

    def type(self, text):
        self.child.send(text)

    def run(self, command):
        """(exit status, output) of a command line at the shell's prompt; the kernel's own lines left out."""
        # The shell echoes what is typed, and what works behind it may write in the middle of that: two
        # markers, which as typed are none yet, stand around what the command prints.
        self.type(f"echo @'+'@; {command}; echo @@$?@'@'\r")
        output = self.expect(DONE, f"no end of: {command}")
        status = int(self.child.match[1])
        self.expect(PROMPT, f"no prompt after: {command}")
        output = output.replace("\r", "")
        if BEGINS not in output:
            raise ConsoleError(f"no beginning of: {command}\n{output}")
        return status, KERNEL_LINE.sub("", output.partition(BEGINS)[2])

    def ends(self):
        """Wait until the machine is off."""
        if self.child.expect([pexpect.EOF, pexpect.TIMEOUT]):
            raise ConsoleError(f"it does not end\n{(self.seen + self.child.before)[-4000:]}")
        self.seen += self.child.before
        self.child.close()


class Machine(Session):
    """One that is started here, and ends with its context."""
    def __init__(self, command, banner="Fathom on RISC-V", wait=WAIT_S):
        super().__init__(pexpect.spawn(command[0], command[1:], cwd=ROOT, encoding="utf-8", codec_errors="replace",
                                       echo=False, timeout=wait), wait)
        self.expect(banner, "no console")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)
