# SPDX-License-Identifier: MIT
"""What every ring of tests shares: where things are, and how results become cases."""
import contextlib
import fcntl
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What makes a machine of each value: its cases are judged by one worker, which starts it once.
OF_A_MACHINE = ("which", "machine")
# The longest to wait for. They go first, so that no worker is alone with one in the end.
FIRST = ("user/test_user.py",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """
    Two workers share the tests (pytest-xdist): most machines wait most of the time. A file stays with
    one worker, but for those that test several machines, one after the other.
    """
    for item in items:
        parameters = getattr(item, "callspec", None) and item.callspec.params or {}
        machine = [str(parameters[name]) for name in OF_A_MACHINE if name in parameters]
        item.add_marker(pytest.mark.xdist_group(" ".join([item.path.stem, *machine])))
    items.sort(key=lambda item: not str(item.path).endswith(FIRST))


@contextlib.contextmanager
def alone_with_make():
    """Only one make at a time works in the tree, whoever runs tests in it."""
    with open(ROOT / "Makefile", encoding="utf-8") as makefile:
        fcntl.flock(makefile, fcntl.LOCK_EX)
        yield


def run_make(*targets):
    """Run make at the root; its output is shown only when it fails."""
    with alone_with_make():
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
