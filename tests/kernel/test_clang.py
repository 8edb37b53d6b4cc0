# SPDX-License-Identifier: MIT
"""The kernel as clang compiles it: the in-kernel tests, once, at four harts."""
import qemu
from conftest import run_make


def test_clang_builds_a_kernel_that_passes():
    run_make("kernel", "CONFIG=debug", "LLVM=1")
    done = qemu.boot("qemu-virt", qemu.image("qemu-virt", "debug-clang"), 4, append="ktest=all")
    assert not done.trouble, done.trouble
    assert "ktest: done" in done.console, f"{done.verdict}\n{done.console[-3000:]}"
    assert "not ok" not in done.console, done.console
