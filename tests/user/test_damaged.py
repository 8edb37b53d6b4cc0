# SPDX-License-Identifier: MIT
"""
Damaged ext2 images, 180 in three boots (disk_damaged.c makes them from a stock one), and
more of them by hand: /usr/bin/python3 tests/user/test_damaged.py VARIANT FIRST COUNT [1k|4k|old-inodes].
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import cpio	# noqa: E402
import guest	# noqa: E402
import qemu	# noqa: E402
from conftest import run_make	# noqa: E402

# name: mke2fs options, variant, harts, first image and how many
BOOTS = {
    "1k": (["-b", "1024"], "debug", 4, (0, 90)),
    "4k": (["-b", "4096"], "", 2, (560, 45)),
    "old-inodes": (["-b", "1024", "-I", "128"], "", 1, (135, 45)),
}


def make(folder, options):
    """A small image with a file of three map levels, links of both kinds, directories of several blocks."""
    tree = folder / "tree"
    (tree / "a/b/c").mkdir(parents=True)
    (tree / "many").mkdir()
    for i in range(60):
        (tree / "many" / f"a-name-of-some-length-{i:03}").symlink_to("x" * (i + 20))
    (tree / "small").write_bytes(b"small" * 20)
    (tree / "a/b/middle").write_bytes(b"m" * 30000)
    with open(tree / "large", "wb") as f:
        f.write(b"L" * 300000)
        f.seek(70000000)
        f.write(b"end")
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-N", "128", *options, "-d", str(tree), str(image), "1M"],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return image


def boot(folder, options, variant, harts, images):
    run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
    image = make(folder, options)
    return guest.boot(qemu.image("qemu-virt", variant), ["disk_damaged.240"], harts, disk=image,
                      extra_files=[("etc/images", cpio.FILE, b"%d %d\n" % images)])


@pytest.mark.parametrize("which", BOOTS)
def test_damaged_images(which, tmp_path):
    machine, programs = boot(tmp_path, *BOOTS[which])
    assert not machine.trouble, machine.trouble
    run = programs.get("disk_damaged")
    assert run and run.end == "exit 0", f"{machine.verdict} {run and run.end}\n{machine.console[-3000:]}"
    assert all(passed for _, passed, _ in run.results), run.text[-3000:]
    assert machine.verdict == "ended", machine.console[-3000:]


def stock(folder):
    """The images before the lies, for tests/fuzz/fuzz_ext2.c."""
    for name, (options, *_) in BOOTS.items():
        with tempfile.TemporaryDirectory() as where:
            shutil.copy(make(pathlib.Path(where), options), f"{folder}/{name}.img")


if __name__ == "__main__" and sys.argv[1] == "stock":
    stock(sys.argv[2])
elif __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        name = sys.argv[4] if len(sys.argv) > 4 else "1k"
        done, _ = boot(pathlib.Path(where), BOOTS[name][0], {"shipped": "", "debug": "debug"}[sys.argv[1]], 4,
                       (int(sys.argv[2]), int(sys.argv[3])))
        print(done.console, done.verdict, done.trouble)
