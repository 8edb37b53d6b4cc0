#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Test a board over its serial line, or several side by side.

usage: hwtest.py [--rings user,kernel,ends,bench] [--only NAME,...] BOARD ENVIRONMENT FOLDER
       hwtest.py [--rings ...] [--only ...] --map HWMAP FOLDER

ENVIRONMENT is a labgrid environment (boards/*/labgrid.yaml), FOLDER gets the reports (report.py). HWMAP is
a list of "- {name: ..., board: ..., env: ...}"; each of its boards is tested by a process of its own.
Exit status 0: every case passed or was skipped; 1: not so; 2: wrong use.
"""
import argparse
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "boards"), str(HERE.parent / "kernel")]

import yaml  # noqa: E402
from labgrid import Environment  # noqa: E402

import guest  # noqa: E402
import qemu  # noqa: E402
import report  # noqa: E402
import session  # noqa: E402
import strategy  # noqa: E402
from conftest import run_make  # noqa: E402

RINGS = ("user", "kernel", "ends", "bench")


def images(board, rings, card=False):
    """{variant: path of its Image}, built; and "card", built where it is wanted."""
    if card:
        run_make("sdcard", f"BOARD={board}")
    run_make("kernel", f"BOARD={board}")
    if set(rings) & {"kernel", "ends"}:
        run_make("kernel", f"BOARD={board}", "CONFIG=debug")
    found = {variant: qemu.image(board, variant) for variant in ("", "debug")}
    return {**found, "card": found[""].with_name("sdcard.img")}


def run_board(board, environment, rings=RINGS, only=(), log=print, patience=session.PATIENCE_S):
    """All rings on one board; the session.Tests with their boots and cases."""
    target = Environment(str(environment)).get_target("main")
    way = target.get_driver(strategy.FathomStrategy)
    way.board = way.board or board
    tests = session.Tests(way, images(board, rings, bool(way.sdmux)), log, patience)
    names = [n for n in guest.on_their_own() if not only or n in only]
    try:
        for ring in rings:
            getattr(tests, ring)(*{"user": [names], "bench": [only]}.get(ring, []))
    finally:
        target.cleanup()
    return tests


def test_one(options):
    tests = run_board(options.what, options.environment, options.rings, options.only,
                      lambda text: print(text, flush=True))
    for what, case, old, new in report.write(options.folder, options.folder.name, tests, tests.figures):
        print(f"{what}: {case} {old} -> {new}")
    told = ", ".join(f"{number} {verdict}" for verdict, number in report.counts(tests.cases).items())
    print(f"{options.what}: {told}; {options.folder}/report.html")
    return any(case.verdict not in ("passed", "skipped") for case in tests.cases)


def follow(name, process):
    for line in process.stdout:
        print(f"{name}: {line}", end="", flush=True)


def test_map(options):
    """Every board of the map at the same time; what they say, each line with its name."""
    boards = yaml.safe_load(options.map.read_text())
    shared = ["--rings", ",".join(options.rings), *(["--only", ",".join(options.only)] if options.only else [])]
    for board in {row["board"] for row in boards}:
        # Here, one after another: two makes at once would build the same files.
        images(board, options.rings)
    run_make("user")
    running = []
    for row in boards:
        command = [sys.executable, __file__, *shared, row["board"], str(options.map.parent / row["env"]),
                   str(options.folder / row["name"])]
        process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        thread = threading.Thread(target=follow, args=(row["name"], process))
        thread.start()
        running.append((process, thread))
    for _, thread in running:
        thread.join()
    return any([process.wait() for process, _ in running])


def words(text):
    return tuple(text.split(","))


def rings(text):
    if set(words(text)) - set(RINGS):
        raise argparse.ArgumentTypeError(f"rings are {', '.join(RINGS)}")
    return words(text)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rings", type=rings, default=RINGS)
    parser.add_argument("--only", type=words, default=())
    parser.add_argument("--map", type=pathlib.Path)
    parser.add_argument("what", nargs="?", default="")
    parser.add_argument("environment", nargs="?", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    if not options.map and not options.environment:
        parser.error("a board, its environment and a folder, or --map")
    sys.exit((test_map if options.map else test_one)(options))


if __name__ == "__main__":
    main()
