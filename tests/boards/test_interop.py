# SPDX-License-Identifier: MIT
"""
TCP with another implementation: this kernel and Debian's Linux on one link (link.py), which loses
frames, lets them overtake each other and delays them. busybox's nc at both ends; it ends when the peer
has said all, so where it is to go on its input is a FIFO that never ends.
"""
import os
import pathlib
import re

import pytest

import cpio
from conftest import run_make
from link import Link
from machine import Machine, run_flags
from test_shell import ok
from test_uboot import private_copy

CACHE = pathlib.Path(os.environ.get("FATHOM_CACHE") or pathlib.Path.home() / ".cache" / "fathom")
MODULES = ("failover", "net_failover", "virtio_mmio", "virtio_net")
OURS, LINUX = "10.9.0.1", "10.9.0.2"
INIT = """#!/bin/sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
for m in %s; do insmod /lib/$m.ko; done
ip link set lo up
export PS1='root@fathom:~# '
cd /tmp
exec setsid cttyhack sh
""" % " ".join(MODULES)


def linux_archive(folder):
    entries = [(d, cpio.DIRECTORY, b"") for d in ("bin", "dev", "lib", "proc", "sys", "tmp")]
    entries += [("dev/console", *cpio.device("c", 5, 1)), ("init", cpio.PROGRAM, INIT.encode()),
                ("bin/busybox", cpio.PROGRAM, (CACHE / "busybox" / "busybox").read_bytes()),
                ("bin/sh", cpio.PROGRAM, (CACHE / "busybox" / "busybox").read_bytes())]
    entries += [(f"lib/{m}.ko", cpio.FILE, (CACHE / "linux" / "modules" / f"{m}.ko").read_bytes()) for m in MODULES]
    path = folder / "linux.cpio"
    path.write_bytes(cpio.pack(entries))
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(our machine, Linux, the link between them)"""
    run_make("all", "run-ready")
    folder, link = tmp_path_factory.mktemp("interop"), Link()
    command = private_copy(run_flags("run", "SMP=2"), folder) + link.flags(0, "52:54:00:0f:00:01")
    linux = ["qemu-system-riscv64", "-M", "virt", "-global", "virtio-mmio.force-legacy=false", "-smp", "1",
             "-m", "256M", "-nographic", "-kernel", str(CACHE / "linux" / "Image"),
             "-initrd", str(linux_archive(folder)), "-append", "quiet loglevel=1 panic=-1 apparmor=0",
             *link.flags(1, "52:54:00:0f:00:02")]
    with Machine(linux, banner="OpenSBI") as other, Machine(command) as machine:
        link.start()
        machine.login()
        other.login()
        ok(machine, f"cd /tmp && ip addr add {OURS}/24 dev eth1 && ip link set eth1 up")
        ok(other, f"ip addr add {LINUX}/24 dev eth0 && ip link set eth0 up")
        ok(machine, f"ping -c 1 {LINUX}")
        for each in (machine, other):
            ok(each, "mkfifo open; dd if=/dev/urandom of=data bs=64k count=32 2> /dev/null")
        yield machine, other, link


@pytest.fixture
def smooth(pair):
    pair[2].loss = pair[2].reorder = pair[2].delay = 0.0
    yield pair
    pair[2].loss = pair[2].reorder = pair[2].delay = 0.0


WAYS = {"to-linux": True, "from-linux": False}
ports = iter(range(7000, 8000))


def ends(pair, to_linux):
    """(sender, receiver, the receiver's address)"""
    machine, other, _ = pair
    return (machine, other, LINUX) if to_linux else (other, machine, OURS)


def send(pair, to_linux, kib, reader="sha256sum > got"):
    """Bytes of one end arrive at the other as they were."""
    sender, receiver, address = ends(pair, to_linux)
    port = next(ports)
    ok(receiver, f"(nc -l -p {port} 0<> open | ({reader})) & sleep 0.3")
    ok(sender, f"head -c {kib}k data > part; nc {address} {port} < part")
    ok(receiver, "wait")
    assert ok(receiver, "cut -c -64 got") == ok(sender, "sha256sum part | cut -c -64")


@pytest.mark.parametrize("way", WAYS)
def test_bulk(smooth, way):
    send(smooth, WAYS[way], 2048)


@pytest.mark.parametrize("way", WAYS)
def test_bulk_over_a_bad_link(smooth, way):
    link = smooth[2]
    link.loss, link.reorder, link.delay = 0.03, 0.05, 0.002
    lost = link.lost
    send(smooth, WAYS[way], 256)
    assert link.lost > lost


@pytest.mark.parametrize("way", WAYS)
def test_slow_reader(smooth, way):
    """The window shuts, and opens again."""
    send(smooth, WAYS[way], 2048, "sleep 3; sha256sum > got")


@pytest.mark.parametrize("way", WAYS)
def test_half_close(smooth, way):
    """One end says all it has to say; then the other answers."""
    sender, receiver, address = ends(smooth, WAYS[way])
    port = next(ports)
    ok(receiver, "printf '#!/bin/sh\\nwc -c > n; cat n data\\n' > answer.sh && chmod +x answer.sh")
    ok(receiver, f"(nc -l -p {port} -e ./answer.sh) & sleep 0.3")
    text = ok(sender, f"head -c 100000 data > part; nc {address} {port} < part > answer; head -n 1 answer")
    ok(receiver, "wait")
    assert text.strip() == "100000"
    assert ok(receiver, "cat n data | sha256sum") == ok(sender, "sha256sum < answer")


@pytest.mark.parametrize("way", WAYS)
def test_reset(smooth, way):
    """Who goes away with data unread resets; who sends to him learns it, and ends."""
    reader, writer, address = ends(smooth, WAYS[way])
    port = next(ports)
    ok(writer, f"rm -f state; (nc -l -p {port} < /dev/zero > /dev/null 2>&1; echo over > state) & sleep 0.3")
    ok(reader, f"nc {address} {port} 0<> open | head -c 200000 > part")
    assert ok(reader, "wc -c < part").strip() == "200000"
    ok(writer, "wait")
    assert ok(writer, "cat state").strip() == "over"
    status, text = reader.run(f"nc {address} {port} < /dev/null 2>&1")
    assert status and re.search("refused", text), text
