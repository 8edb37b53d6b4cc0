# SPDX-License-Identifier: MIT
"""
The self-tests of hardware (ktest=hw), as a board runs them, on the machines that stand for one: each has its card and
its network ports, so none of the tests finds nothing to do.
"""
import re
import sys

import pytest

from conftest import ROOT
from machine import Machine
from test_card import command_of

sys.path.insert(0, str(ROOT / "tests/kernel"))
from test_kernel import RESULT  # noqa: E402

PORTS = {"visionfive2": 2, "sifive-unleashed": 1, "microchip-icicle-kit": 2}


@pytest.mark.parametrize("board", PORTS)
def test_hardware_is_well(board, tmp_path):
    with Machine(command_of(tmp_path, board, "CONFIG=debug", "APPEND=ktest=hw")) as machine:
        said = machine.expect("ktest: done", "it does not end")
    results = RESULT.findall(said)
    assert len(results) >= 12 and not any(failed for failed, _ in results), said[-3000:]
    # More than once, where the device tells of it again before it is reset.
    assert len(set(re.findall(r"eth\d: bus error, starts again", said))) == PORTS[board], said[-3000:]
    assert re.search(r"mmcblk\d: SD card", said), said[-3000:]
