# SPDX-License-Identifier: MIT
"""
ext2 as stock tools make it: an image of mke2fs -d is used by disk_ext2.c in the
guest, then judged by e2fsck (qemu.boot) and read by debugfs on the host.
"""
import re
import subprocess

import pytest

import guest
import qemu
from conftest import run_make

# name: mke2fs options, variant, harts
IMAGES = {
    "1k": (["-b", "1024"], "debug", 4),
    "2k": (["-b", "2048"], "", 4),
    "4k": (["-b", "4096"], "debug", 2),
    "4k-one-hart": (["-b", "4096"], "", 1),
    "old-inodes": (["-b", "1024", "-I", "128"], "", 2),
    "rev0": (["-b", "1024", "-r", "0"], "", 2),
    "no-features": (["-b", "4096", "-O", "none"], "", 4),
    "small-groups": (["-b", "1024", "-g", "1024", "-N", "8192"], "debug", 4),
}


def pattern(number, size):
    return bytes((at * 31 + (at >> 8) * 7 + number * 13) & 255 for at in range(size))


def stock(folder):
    """The tree that mke2fs -d copies."""
    root = folder / "tree" / "stock"
    (root / "deep/a/b/c/d/e/f/g").mkdir(parents=True)
    (root / "many").mkdir()
    for i in range(1500):
        (root / "many" / f"name-with-some-length-{i:04}").write_bytes(b"")
    (root / "small").write_bytes(pattern(1, 100))
    (root / "large").write_bytes(pattern(2, 5 * 1024 * 1024 + 17))
    (root / "short-link").symlink_to("small")
    (root / "long-link").symlink_to("x" * 200)
    with open(root / "sparse", "wb") as f:
        f.truncate(70 * 1024 * 1024 - 4)
        f.seek(0, 2)
        f.write(b"tail")
    return folder / "tree"


def make(folder, options):
    image = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", *options, "-d", str(stock(folder)), str(image), "48M"],
                   check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return image


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Each image is made and used once."""
    done = {}

    def run(name):
        if name not in done:
            options, variant, harts = IMAGES[name]
            run_make("kernel", *([f"CONFIG={variant}"] if variant else []))
            image = make(tmp_path_factory.mktemp(name), options)
            done[name] = image, *guest.boot(qemu.image("qemu-virt", variant), ["disk_ext2.200"], harts, disk=image)
        return done[name]

    return run


@pytest.mark.parametrize("image", IMAGES)
def test_used_in_the_guest(runs, image):
    _, machine, programs = runs(image)
    run = programs.get("disk_ext2")
    assert run and run.end == "exit 0", machine.console[-4000:]
    assert all(passed for _, passed, _ in run.results), run.text[-3000:]


@pytest.mark.parametrize("image", IMAGES)
def test_e2fsck_finds_nothing(runs, image):
    _, machine, _ = runs(image)
    assert machine.verdict == "ended", machine.console[-3000:]
    assert not machine.trouble, machine.trouble


def debugfs(image, command):
    return subprocess.run(["debugfs", "-R", command, str(image)], capture_output=True, check=True).stdout


@pytest.mark.parametrize("image", IMAGES)
def test_the_host_reads_what_was_written(runs, image, tmp_path):
    path, _, _ = runs(image)
    subprocess.run(["debugfs", "-R", f"rdump / {tmp_path}", str(path)], check=True, capture_output=True)
    checked = 0
    for worker in range(4):
        for line in (tmp_path / f"w{worker}" / "list").read_text().splitlines():
            name, size, want = line.split()
            data = (tmp_path / name).read_bytes()
            total = 0
            for byte in data:
                total = total * 31 + byte & 0xffffffff
            assert (len(data), total) == (int(size), int(want)), name
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("image", IMAGES)
def test_attributes_are_as_linux_writes_them(runs, image):
    path, _, _ = runs(image)
    text = debugfs(path, "stat /special/disk").decode()
    assert "Type: block special" in text and "300:70000" in text, text
    text = debugfs(path, "stat /special/hard").decode()
    assert re.search(r"Mode:\s+04751", text) and re.search(r"Links: 2\b", text), text
    text = debugfs(path, "stat /special/fifo").decode()
    assert re.search(r"User:\s*100000\s+Group:\s*70000", text), text
