#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""documents.py - README and docs/ name only what there is.

Every path in back quotes exists; every kernel parameter has its row in
docs/parameters.md and every row its PARAM; every target named after "make" is
one of the Makefile's; docs/limits.md names every file with a "Limit:" line.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("arch", "boards", "docs", "drivers", "fs", "kernel", "net", "scripts", "tests", "userland")
PATH = re.compile(r"`((?:%s)/[\w./-]*|<arch/\w+\.h>)`" % "|".join(FOLDERS))
TARGET = re.compile(r"^(?:    |`)make ([a-z][\w-]*)", re.M)


def sources():
    for folder in ("arch", "drivers", "fs", "kernel", "net"):
        yield from sorted((ROOT / folder).rglob("*.[ch]"))


def missing_paths():
    for document in DOCUMENTS:
        for name in PATH.findall(document.read_text()):
            path = "arch/riscv/include/" + name[1:-1] if name.startswith("<") else name
            if not (ROOT / path).exists():
                yield f"{document.relative_to(ROOT)}: there is no {name}"


def missing_targets():
    targets = re.findall(r"^([\w -]+):(?!=)", (ROOT / "Makefile").read_text() +
                         (ROOT / "userland/files.mk").read_text(), re.M)
    known = {word for line in targets for word in line.split()}
    for document in DOCUMENTS:
        for name in TARGET.findall(document.read_text()):
            if name not in known and not name.endswith("_defconfig"):
                yield f"{document.relative_to(ROOT)}: no target {name}"


def parameters():
    code = {name for path in sources() for name in
            re.findall(r'^\s*PARAM\(\w+, "(\w+)"', path.read_text(), re.M)}
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/parameters.md").read_text(), re.M)
    told = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    yield from (f"docs/parameters.md: nothing of {name}=" for name in sorted(code - told))
    yield from (f"docs/parameters.md: no PARAM reads {name}=" for name in sorted(told - code))


def limits():
    text = (ROOT / "docs/limits.md").read_text()
    for path in sources():
        name = str(path.relative_to(ROOT))
        if "Limit: " in path.read_text() and f"`{name}`" not in text:
            yield f"docs/limits.md: nothing of the limit in {name}"


def main():
    found = [fault for check in (missing_paths, missing_targets, parameters, limits) for fault in check()]
    print("\n".join(found + [f"documents: {len(found)} faults"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
