# SPDX-License-Identifier: MIT
"""
Ring 1: real kernel sources on the host, under AddressSanitizer and UBSan.

Each TEST of each program is a case of its own. The programs are built once, when
the tests are collected; one that does not build is a failing case.
"""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import ROOT, parse_tap, run_make

HERE = pathlib.Path(__file__).parent
BUILD = ROOT / "build" / "unit"
CFLAGS = ["-g", "-O1", "-std=gnu11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
          "-fno-builtin", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Wno-unused-parameter",
          "-Wno-builtin-declaration-mismatch", "-Werror", "-DUNIT_TEST"]
INCLUDES = ["-Itests/unit/hw", "-I.", "-Itests/unit", "-Iarch/riscv/include"]
# For programs with lwIP in them, or all of the network: archives that the Makefile makes.
LWIP = "build/unit/lwip/lwip.a"
NET = "build/unit/net/net.a"
LWIP_FLAGS = ["-Ibuild/unit/include", "-isystem", "net/port/include", "-isystem", "build/lwip/include"]
NET_FLAGS = ["-Itests/unit/net", *LWIP_FLAGS, "-fno-sanitize=alignment"]
TIMEOUT_S = 300


def programs():
    """{test name: its real sources} from files.mk."""
    found = {}
    for line in (HERE / "files.mk").read_text().splitlines():
        match = re.match(r"unit-(\w+)\s*:=\s*(.*)", line)
        if match:
            found[match[1]] = match[2].split()
    return found


def cases(name):
    return re.findall(r"^TEST\((\w+)\)", (HERE / f"{name}.c").read_text(), re.M)


@pytest.fixture(scope="session")
def built():
    """Build a program on first use; the result of the attempt is remembered."""
    BUILD.mkdir(parents=True, exist_ok=True)
    done = {}

    def build(name, sources):
        if name in done:
            return done[name]
        runner = BUILD / "unit.o"
        if not runner.exists() or runner.stat().st_mtime < (HERE / "unit.c").stat().st_mtime:
            subprocess.run(["gcc", "-O1", "-g", "-c", "tests/unit/unit.c", "-o", runner], cwd=ROOT, check=True)
        archives = [s for s in sources if s.endswith(".a")]
        if archives:
            run_make(*archives)
        flags = NET_FLAGS if NET in sources else LWIP_FLAGS if LWIP in sources else []
        result = subprocess.run(["gcc", *CFLAGS, *flags, *INCLUDES, f"tests/unit/{name}.c",
                                 *(s for s in sources if s not in archives), runner, *archives,
                                 "-o", BUILD / name], cwd=ROOT, text=True, capture_output=True, check=False)
        done[name] = result
        return result

    return build


@pytest.mark.parametrize("name,sources,case", [
    pytest.param(name, sources, case, id=f"{name}-{case}")
    for name, sources in programs().items() for case in cases(name)])
def test_unit(built, name, sources, case):
    compiled = built(name, sources)
    assert compiled.returncode == 0, compiled.stderr[-4000:]
    run = subprocess.run([BUILD / name, case], text=True, capture_output=True, timeout=TIMEOUT_S, check=False)
    results = parse_tap(run.stdout)
    assert [(n, ok) for n, ok, _ in results] == [(case, True)], run.stdout[-2000:] + run.stderr[-4000:]
    assert run.returncode == 0, run.stderr[-4000:]


@pytest.mark.parametrize("name", ["test_tcp", "test_tcp_listen", "test_tcp_loss", "test_tcp_urgent", "test_inet"])
def test_four_cpus(built, name):
    """All cases again with the stack in four instances (tests/unit/net/world.h)."""
    compiled = built(name, programs()[name])
    assert compiled.returncode == 0, compiled.stderr[-4000:]
    run = subprocess.run([BUILD / name], text=True, capture_output=True, timeout=TIMEOUT_S, check=False,
                         env={**os.environ, "WORLD_CPUS": "4"})
    assert sorted((n, ok) for n, ok, _ in parse_tap(run.stdout)) == sorted((c, True) for c in cases(name)), \
        run.stdout[-4000:] + run.stderr[-4000:]
    assert run.returncode == 0, run.stderr[-4000:]
