# SPDX-License-Identifier: MIT
"""
Programs of tests/user in a guest: pack them behind tests/user/runner.c, boot a
kernel, and take its console apart again.

The same archive boots on Fathom and on Debian's Linux, the oracle. What Linux
answered is kept in tests/user/oracle/NAME.txt, one result line each, below a
line that names the kernel; "python3 tests/guest.py oracle [NAME...]" (make
oracle T=NAME) asks it anew.
"""
import dataclasses
import os
import pathlib
import re
import sys
import tempfile

import cpio
import qemu
from conftest import ROOT, parse_tap, run_make

USER = ROOT / "tests" / "user"
ORACLE = USER / "oracle"
BUILD = ROOT / "build" / "user"
CACHE = pathlib.Path(os.environ.get("FATHOM_CACHE") or pathlib.Path.home() / ".cache" / "fathom")
LINUX = CACHE / "linux" / "Image"


@dataclasses.dataclass
class Run:
    """What one program did: results is [(line without its number, passed, notes)]."""
    end: str
    results: list
    text: str
    left: str = ""

    @property
    def answers(self):
        return [("ok " if passed else "not ok ") + name for name, passed, _ in self.results]

    @property
    def planned(self):
        plan = re.search(r"^1\.\.(\d+)\s*$", self.text, re.M)
        return int(plan[1]) if plan else None


def programs(*prefixes):
    names = sorted(p.stem for p in USER.glob("*.c") if p.stem != "runner")
    return [n for n in names if n.startswith(prefixes)] if prefixes else names


def on_their_own():
    """The programs that need neither a disk of their own nor a peer."""
    return [n for n in programs() if not n.startswith(("bench_", "disk_", "net_"))]


def archive(names, extra=()):
    """An initramfs with these programs. A name may carry its time-out: stress_x.300."""
    entries = [(d, cpio.DIRECTORY, b"") for d in
               ("dev", "proc", "sys", "tmp", "mnt", "tests", "bin", "etc", "root", "var")]
    # For abi_names: owners, and a file with three names whose contents come with the last.
    entries += [("etc/owned", cpio.FILE, b"mine", {"uid": 12, "gid": 34}),
                ("etc/owned.d", cpio.DIRECTORY, b"", {"uid": 12, "gid": 34}),
                *[(f"etc/name{n}", cpio.FILE, data, {"ino": 5000, "nlink": 3, "uid": 7})
                  for n, data in enumerate((b"", b"", b"of three names"))]]
    entries += [("dev/console", *cpio.device("c", 5, 1)), ("dev/null", *cpio.device("c", 1, 3, 0o666)),
                ("init", cpio.PROGRAM, (BUILD / "runner").read_bytes()), *extra]
    entries += [(f"tests/{n}", cpio.PROGRAM, (BUILD / n.split(".")[0]).read_bytes()) for n in names]
    return cpio.pack(entries)


def stress_ms(ms):
    """The file that says how long each part of a stress program takes."""
    return [("etc/stress", cpio.FILE, str(ms).encode())]


def split(console):
    """{program: Run} of a console's text."""
    runs = {}
    parts = re.split(r"^# begin (\S+)\s*$", console.replace("\r", ""), flags=re.M)
    for name, text in zip(parts[1::2], parts[2::2]):
        end = re.search(rf"^# end {re.escape(name)} (.*)$", text, re.M)
        left = re.search(r"^# (?:left|stuck) .*$", text, re.M)
        runs[name.split(".")[0]] = Run(end[1] if end else "no end", parse_tap(text), text, left[0] if left else "")
    return runs


def boot(kernel, names, smp, extra_files=(), append="", board="qemu-virt", **options):
    """Boot kernel with these programs; (qemu.Boot, {program: Run})."""
    run_make("user")
    with tempfile.NamedTemporaryFile(prefix="fathom-initrd-") as initrd:
        initrd.write(archive(names, extra_files))
        initrd.flush()
        done = qemu.boot(board, kernel, smp, append=append, initrd=initrd.name, **options)
    return done, split(done.console)


def boot_linux(names, smp=2):
    return boot(LINUX, names, smp, append="quiet loglevel=1 panic=-1 apparmor=0", banner="# guest is up")


def linux_version():
    text = LINUX.read_bytes()
    return re.search(rb"Linux version (\S+) .*?(#[^\0\n]*)", text)[1].decode()


def recorded(name):
    """Linux's result lines of a program, or None."""
    path = ORACLE / f"{name}.txt"
    return path.read_text().splitlines()[1:] if path.exists() else None


def ask_oracle(names):
    """Run the programs on Linux and keep its answers."""
    names = names or programs("abi_")
    done, runs = boot_linux(names)
    bad = 0
    for name in names:
        run = runs.get(name)
        if not run or run.end not in ("exit 0", "exit 1") or run.planned != len(run.results):
            print(f"{name}: {run.end if run else 'did not run'}\n{run.text if run else done.console[-2000:]}")
            bad += 1
            continue
        for answer, (line, passed, notes) in zip(run.answers, run.results):
            if not passed:
                print(f"{name}: Linux says: {answer}\n{notes}")
        ORACLE.mkdir(exist_ok=True)
        (ORACLE / f"{name}.txt").write_text("\n".join([f"# Linux {linux_version()}", *run.answers]) + "\n")
    print(f"oracle: {len(names) - bad} of {len(names)} programs recorded ({done.verdict})")
    return bad


def differences(runs, names):
    """Each result of ours that is not Linux's, or that failed where Linux is not asked."""
    for name in names:
        run, answers = runs.get(name), recorded(name)
        if not run:
            yield f"{name}: did not run"
            continue
        wanted = answers if answers is not None else ["ok " + line for line, _, _ in run.results]
        for ours, theirs, (_, _, notes) in zip(run.answers, wanted, run.results):
            if ours != theirs:
                yield f"{name}: ours {ours!r}, wanted {theirs!r}   {notes}"
        if len(run.answers) != len(wanted) or run.planned != len(wanted):
            yield f"{name}: {len(run.answers)} results of {run.planned}, wanted {len(wanted)}"
        if run.end not in ("exit 0", "exit 1") or "stuck" in run.left:
            yield f"{name}: {run.end} {run.left} after {run.answers[-1:]}"


def show(variant, smp, names):
    """Run programs on our kernel and print its console and the differences: for work at one test."""
    names = names or programs()
    done, runs = boot(qemu.image("qemu-virt", variant), names, smp)
    if len(names) == 1:
        print(done.console)
    for line in differences(runs, [n.split(".")[0] for n in names]):
        print("DIFFERS", line)
    print(done.verdict, done.trouble or "")
    return 0


if __name__ == "__main__":
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "oracle":
        sys.exit(bool(ask_oracle(rest)))
    if command == "linux":
        print(boot_linux(rest)[0].console)
    else:
        sys.exit(show({"shipped": "", "debug": "debug"}[command], int(rest[0]), rest[1:]))
