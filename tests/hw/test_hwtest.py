# SPDX-License-Identifier: MIT
"""
The hardware harness against boards that are none (emulated.py): the way is that of hardware, a serial line,
a power switch, real U-Boot and TFTP; only the board is QEMU. Then with everything that goes wrong on a desk.
"""
import json
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import hwtest
import line as serial
import report
import session
from emulated import Board, Faults

FEW = ("abi_pipe", "abi_sched", "abi_tap")


def verdicts_of(tests):
    return {case.verdict for case in tests.cases}


def run(folder, board="qemu-virt", faults=None, rings=("user",), only=FEW, more="", mux=False, **options):
    """Tests of a fresh board in this folder, and that board. A card in a multiplexer is blank at the beginning."""
    desk = Board(board, folder, faults, mux=mux)
    if mux:
        with (folder / "sdcard.img").open("r+b") as card:
            card.write(bytes((folder / "sdcard.img").stat().st_size))
    try:
        return hwtest.run_board(board, desk.environment(more), rings, only, **options), desk
    finally:
        desk.close()


def texts(tests):
    return "\n\n".join(f"{boot.name}: {boot.verdict}\n{boot.detail[-800:]}" for boot in tests.boots)


@pytest.mark.parametrize("board", ["qemu-virt", "visionfive2"])
def test_programs_run_in_one_boot(board, tmp_path):
    tests, desk = run(tmp_path, board)
    assert verdicts_of(tests) <= {"passed", "skipped"}, texts(tests)
    assert len(tests.boots) == desk.starts == 1
    lines = sum(len(session.guest.recorded(name)) for name in FEW)
    assert len(tests.cases) == lines + len(FEW)
    assert [what for what, _ in tests.boots[0].times] == ["U-Boot", "kernel", "end"]
    before = {"cases": {"abi_gone: ends": "passed", "abi_pipe: ends": "failure"}, "times": {}, "figures": {}}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text(json.dumps(before))
    changed = report.write(tmp_path / "out", "a desk", tests, [("null_syscall", 75.0, "ns")])
    assert ("gone", "abi_gone: ends", "passed", "") in changed
    assert ("mended", "abi_pipe: ends", "failure", "passed") in changed
    suite = xml.etree.ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert int(suite.get("tests")) == len(tests.cases) == len(list(suite)) and suite.get("failures") == "0"
    tap = (tmp_path / "out" / "results.tap").read_text()
    assert tap.startswith(f"TAP version 13\n1..{len(tests.cases)}\nok 1 - ")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Fathom on RISC-V" in page and "null_syscall" in page and not re.search(r'(src|href)="', page)


def test_the_card_is_written_through_the_multiplexer(tmp_path):
    tests, desk = run(tmp_path, "visionfive2", mux=True)
    assert verdicts_of(tests) <= {"passed", "skipped"}, texts(tests)
    assert desk.starts == 1 and desk.has_card() and not any((tmp_path / "tftp").iterdir())


def test_a_multiplexer_that_does_not_switch(tmp_path):
    (tmp_path / "mux-is-stuck").touch()
    tests, desk = run(tmp_path, "visionfive2", mux=True)
    assert verdicts_of(tests) == {"flash error"} and not desk.starts, texts(tests)


def test_a_bad_line_gives_no_wrong_verdict(tmp_path):
    """One character of some thousand is lost, another changed: results are asked again, none fails."""
    tests, desk = run(tmp_path, faults=Faults(lost=150, garbage=150))
    assert verdicts_of(tests) <= {"passed", "skipped"}, texts(tests)
    damaged = sum(serial.heard(boot.text).count("#~ ") for boot in tests.boots)
    assert damaged, "the line was not bad at all"


def test_a_line_that_eats_all_results_is_no_failure(tmp_path):
    tests, _ = run(tmp_path, faults=Faults(break_at="# begin abi_pipe", breaks=ruin), only=("abi_pipe",), patience=8)
    assert verdicts_of(tests) <= set(session.OURS) | {"passed", "time-out"}, texts(tests)
    assert "failure" not in verdicts_of(tests)


def ruin(desk):
    desk.faults.garbage = 20000


def test_a_board_that_never_answers(tmp_path):
    tests, desk = run(tmp_path, faults=Faults(silent=True), more=", banner_s: 5")
    assert verdicts_of(tests) == {"no console"} and {c.group for c in tests.cases} == set(FEW), texts(tests)
    assert desk.starts == 1


def test_a_serial_port_that_is_not_there(tmp_path):
    desk = Board("qemu-virt", tmp_path)
    environment = desk.environment()
    (tmp_path / "tty").unlink()
    try:
        tests = hwtest.run_board("qemu-virt", environment, ("user",), FEW)
    finally:
        desk.close()
    assert verdicts_of(tests) == {"no console"} and "tty" in tests.boots[0].detail, texts(tests)


def test_files_that_u_boot_cannot_get(tmp_path):
    tests, _ = run(tmp_path, more=", load: 'tftpboot {address} no-such-{file}'")
    assert verdicts_of(tests) == {"flash error"}, texts(tests)


def flip(desk):
    """Where every program comes to at last, however late the bit flips."""
    desk.flip_bits("sys_exit_group")


def test_a_panic_in_a_test_ends_that_test_alone(tmp_path):
    """A bit flips in the kernel's text while a program runs: it fails, the rest is run in a second boot."""
    tests, desk = run(tmp_path, faults=Faults(break_at="# begin abi_sched", breaks=flip))
    of = {name: {c.verdict for c in tests.cases if c.group == name} for name in FEW}
    assert of["abi_pipe"] <= {"passed"} and of["abi_tap"] <= {"passed", "skipped"}, texts(tests)
    assert of["abi_sched"] - {"passed"} == {"panic"}, texts(tests)
    assert [boot.verdict for boot in tests.boots] == ["panic", "ended"] and desk.starts == 2
    assert "Kernel panic" in tests.boots[0].detail


def test_a_board_that_stops_in_a_test(tmp_path):
    tests, desk = run(tmp_path, faults=Faults(break_at="# begin abi_sched", breaks=Board.freeze), patience=6)
    of = {name: {c.verdict for c in tests.cases if c.group == name} for name in FEW}
    assert of["abi_pipe"] <= {"passed"} and of["abi_tap"] <= {"passed", "skipped"}, texts(tests)
    assert of["abi_sched"] - {"passed"} == {"time-out"}, texts(tests)
    assert desk.starts == 2


def test_endings(tmp_path, monkeypatch):
    """A panic says where, a restart and a power cut are survived: by the board that can."""
    monkeypatch.setattr(session, "CRASHES", {"null_pointer": session.CRASHES["null_pointer"]})
    tests, _ = run(tmp_path, rings=("ends",))
    found = {case.name: case.verdict for case in tests.cases}
    assert found == dict.fromkeys(("null_pointer", "restart", "power cut"), "passed"), texts(tests)


def test_figures_are_taken(tmp_path):
    tests, _ = run(tmp_path, rings=("bench",), only=("null_syscall", "ctx_2p_0k"))
    assert {case.name: case.verdict for case in tests.cases} == {n: "passed" for n, _, _ in tests.figures}, texts(tests)
    assert {name for name, value, unit in tests.figures if value > 0 and unit} == {"null_syscall", "ctx_2p_0k"}


def test_boards_side_by_side(tmp_path):
    """Two of a map at once, one of them dead: each has a verdict and reports of its own."""
    rows, desks = [], []
    for name, silent in (("left", False), ("right", True)):
        desks.append(Board("qemu-virt", tmp_path / name, Faults(silent=silent)))
        desks[-1].environment(", banner_s: 5" if silent else "")
        rows.append(f"- {{name: {name}, board: qemu-virt, env: {name}/env.yaml}}\n")
    (tmp_path / "hwmap.yaml").write_text("".join(rows))
    done = subprocess.run([sys.executable, hwtest.__file__, "--rings", "user", "--only", "abi_tap",
                           "--map", tmp_path / "hwmap.yaml", tmp_path / "out"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    for desk in desks:
        desk.close()
    found = {name: set(json.loads((tmp_path / "out" / name / "results.json").read_text())["cases"].values())
             for name in ("left", "right")}
    assert found == {"left": {"passed"}, "right": {"no console"}}, done.stdout
    assert done.returncode == 1 and "right: " in done.stdout and "left: " in done.stdout


def test_sums_are_those_of_the_programs():
    text = "ok 3 - a name: -22"
    good = f"{text} ~{serial.line_sum(text):04x}"
    assert serial.heard(good + "\r\n") == text + "\n"
    for n in range(len(good)):
        assert serial.heard(good[:n] + good[n + 1:]) != text
