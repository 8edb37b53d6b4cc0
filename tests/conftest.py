# SPDX-License-Identifier: MIT
"""What every ring of tests shares: where things are, and how results become cases."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run_make(*targets):
    """Run make at the root; its output is shown only when it fails."""
    done = subprocess.run(["make", "-j2", *targets], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


TAP_LINE = re.compile(r"^\s*(not )?ok (\d+)(?: - |\s+)?(.*)$")


def parse_tap(text):
    """[(name, passed, the comments before it)] of every TAP or KTAP result line."""
    results, notes = [], []
    for line in text.splitlines():
        match = TAP_LINE.match(line.strip("\r"))
        if match:
            results.append((match[3].strip(), match[1] is None, "\n".join(notes)))
            notes = []
        elif line.lstrip().startswith("#"):
            notes.append(line.strip())
    return results
