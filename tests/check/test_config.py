# SPDX-License-Identifier: MIT
"""Configuration: its targets do what they say, and an option rebuilds what depends on it, and no more."""
import shutil
import subprocess

import pytest

from conftest import ROOT, alone_with_make, run_make


def make(folder, *arguments):
    done = subprocess.run(["make", "-C", folder, *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources and of a built kernel, so that nobody's build folder is touched."""
    folder = tmp_path_factory.mktemp("tree") / "fathom"
    run_make("kernel")
    with alone_with_make():
        shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        for part in ("lwip", "qemu-virt"):
            shutil.copytree(ROOT / "build" / part, folder / "build" / part, symlinks=True)
    make(folder, "qemu-virt_defconfig")
    return folder


def compiled(said):
    return {line.split()[1] for line in said.splitlines() if line.split()[:1] == ["CC"]}


def test_savedefconfig_gives_back_what_was_read(tree):
    before = (tree / "boards/qemu-virt/defconfig").read_text()
    make(tree, "olddefconfig")
    make(tree, "savedefconfig")
    after = (tree / "boards/qemu-virt/defconfig").read_text()
    kept = [line for line in after.splitlines() if line.startswith("CONFIG")]
    assert kept == [line for line in before.splitlines() if line.startswith("CONFIG")]
    (tree / "boards/qemu-virt/defconfig").write_text(before)


def test_an_option_rebuilds_only_what_depends_on_it(tree):
    assert not compiled(make(tree, "kernel"))
    config = tree / "build/qemu-virt/.config"
    lines = [line for line in config.read_text().splitlines() if "LOG_RING_SHIFT" not in line]
    config.write_text("\n".join(lines + ["CONFIG_LOG_RING_SHIFT=17"]) + "\n")
    again = compiled(make(tree, "-j2", "kernel"))
    readers = {str(path.relative_to(tree).with_suffix(".o")) for top in ("arch", "drivers", "fs", "kernel")
               for path in (tree / top).rglob("*.c") if "<kernel/debug/log.h>" in path.read_text()}
    assert again == readers and len(again) < 10, again
    assert "CONFIG_LOG_RING_SHIFT=17" in config.read_text()
    assert not compiled(make(tree, "kernel"))
