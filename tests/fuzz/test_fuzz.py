# SPDX-License-Identifier: MIT
"""A few seconds of each fuzz target, from a fixed seed. At length: make fuzz."""
import subprocess

import pytest

from conftest import ROOT, run_make

INPUTS = {"fuzz_frames": 6000, "fuzz_filter": 100000, "fuzz_netlink": 20000, "fuzz_elf": 200000, "fuzz_ext2": 120}


@pytest.mark.parametrize("target", INPUTS)
def test_fuzz(target):
    program = f"build/fuzz/{target}"
    run_make(program)
    done = subprocess.run([ROOT / program, "7", str(INPUTS[target])], text=True, timeout=300,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-4000:]
