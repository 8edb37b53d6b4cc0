# SPDX-License-Identifier: MIT
"""
A serial line that may lie: what comes over it, kept with times, and judged line by line.

Line makes a labgrid console what pexpect can wait on, and what the sessions of tests/boards
(machine.Session) can talk through.

Sums. On the wires of a real board characters get lost or changed. A result must never pass or fail
by that, so the programs of tests/user end each line with its sum where the archive asks for it
(/etc/line-sums; tap.h, runner.c): "ok 3 - name ~1a2b". heard() takes the sums off again and marks
what is damaged; a program with a damaged line is asked again, if what is left of it does not do.
"""
import re
import time

import pexpect
from pexpect.spawnbase import SpawnBase

SUM = re.compile(r"^(.*) ~([0-9a-f]{4})$")
# A result or mark that came out of a line's middle, or without its sum.
REMAINS = re.compile(r"\bok \d+ - |~[0-9a-f]{0,4}$|[^\x20-\x7e\t]")


def line_sum(text):
    """As tap.h has it: Fletcher's sum of the bytes, modulo 251."""
    low = high = 0
    for byte in text.encode("latin-1", "replace"):
        low = (low + byte + 1) % 251
        high = (high + low) % 251
    return high << 8 | low


def heard(text):
    """The text without sums; a damaged line has become a remark, "#~ " and what was left of it."""
    out = []
    for line in text.replace("\r", "").split("\n"):
        match = SUM.match(line)
        if match and line_sum(match[1]) == int(match[2], 16):
            out.append(match[1])
        elif REMAINS.search(line):
            out.append(f"#~ {line!r}")
        else:
            out.append(line)
    return "\n".join(out)


class Line(SpawnBase):
    """pexpect's expect() and send() on a labgrid console; all that came is in .text, by times in .marks."""
    def __init__(self, console, timeout=30):
        super().__init__(timeout=timeout, encoding="latin-1", codec_errors="replace")
        self.console = console
        self.text = ""
        self.marks = []		# (seconds since the start, length of text then)
        self.start = self.last = time.monotonic()

    def read_nonblocking(self, size=1, timeout=None):
        wait = self.timeout if timeout in (None, -1) else timeout
        data = self.console.read(size=1, timeout=max(0.01, wait)).decode("latin-1")
        self.last = time.monotonic()
        self.marks.append((self.last - self.start, len(self.text)))
        self.text += data
        return data

    def send(self, text):
        self.console.write(text.encode("latin-1"))

    def quiet_for(self):
        """Seconds since the last character."""
        return time.monotonic() - self.last

    def take(self):
        """What comes within half a second, or nothing."""
        try:
            return self.read_nonblocking(timeout=0.5)
        except pexpect.TIMEOUT:
            return ""

    def isalive(self):
        return True

    def close(self, force=True):
        """The console belongs to its target."""
