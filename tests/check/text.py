#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""text.py - how every text file of ours looks: what a formatter would settle, and need not.

clang-format with our .clang-format still changes thousands of lines: it has no way to leave
tables of values, register lists and one-line accessors as they were laid out by hand. So the
file serves those who format what they write, and this checks what nobody may do otherwise:

	lines end without blanks, files with one newline
	C and assembly are indented with tabs, Python with blanks
	no line is over 120 columns wide (100 is what we aim at; tabs are 8)
	every source says its licence in its first two lines: MIT, or that of QEMU for what becomes part of it
	nothing is left for later or commented out: TODO, FIXME, XXX, #if 0
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 120
C_LIKE = (".c", ".h", ".S", ".def")
SOURCE = (*C_LIKE, ".py")
# Its own list of words, and Linux's words recorded as they came.
EXEMPT = re.compile(r"tests/check/text\.py$|tests/user/oracle/|tests/bench/.*\.tsv$|LICENSE$")
LATER = re.compile(r"\b(TODO|FIXME|XXX)\b|^\s*#\s*if\s+0\b")
BLANKS = re.compile(r"^\t* {8}")


def faults_of_line(name, line):
    if line != line.rstrip():
        yield "blanks at the end"
    if len(line.expandtabs(8)) > WIDTH and not name.endswith(".md"):
        yield f"over {WIDTH} columns"
    if name.endswith(C_LIKE) and BLANKS.match(line):
        yield "indented with blanks"
    if name.endswith(".py") and line.startswith("\t"):
        yield "indented with a tab"
    if LATER.search(line):
        yield "left for later"


def faults(name, text):
    """(line number, what) of one file."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        for fault in faults_of_line(name, line):
            yield number, fault
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield len(lines), "does not end with one newline"
    licence = "GPL-2.0-or-later" if name.startswith("tests/qemu/machine/") else "MIT"
    if name.endswith(SOURCE) and f"SPDX-License-Identifier: {licence}" not in "".join(lines[:2]):
        yield 1, "no licence"


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    for name in listed.splitlines():
        if not EXEMPT.search(name) and (ROOT / name).is_file():
            try:
                yield name, (ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def main():
    found = [(name, *fault) for name, text in files() for fault in faults(name, text)]
    for name, number, what in found:
        print(f"{name}:{number}: {what}")
    print(f"text: {len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
