# SPDX-License-Identifier: MIT
"""
All programs of tests/user on the boards, through the harness that tests hardware: U-Boot's prompt, TFTP, the
serial line, and what Linux answered. Some ten minutes a board: make test-boards.
"""
import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests/hw"))
import hwtest  # noqa: E402
from emulated import Board  # noqa: E402


@pytest.mark.parametrize("board", ["sifive-unleashed", "visionfive2"])
def test_user_ring(board, tmp_path):
    desk = Board(board, tmp_path)
    try:
        tests = hwtest.run_board(board, desk.environment(), ("user",), ())
    finally:
        desk.close()
    bad = [f"{case.group} {case.name}: {case.verdict}\n{case.detail[-600:]}" for case in tests.cases
           if case.verdict not in ("passed", "skipped")]
    assert tests.cases and not bad, "\n\n".join(bad)
