# SPDX-License-Identifier: MIT
"""
Cards that are put in and pulled out while the machine runs: the root is in memory, the slot is empty at the start.
"""
import hashlib
import subprocess

import pytest

from conftest import run_make
from machine import Machine, run_flags
from test_card import READ_MULTIPLE, Monitor
from test_shell import ok

BOARDS = {"visionfive2": "mmcblk1", "microchip-icicle-kit": "mmcblk0", "sifive-unleashed": "mmcblk0"}
CARD_BYTES = 64 << 20
SECTOR = 512
SILENT = 1 << 30			# for the model: the transfer begins and never ends


def make_card(path, sizes):
    """A card with an ext2 partition of each size in MiB; in each a file whose contents tell which it is."""
    tree = path.with_suffix(".d")
    tree.mkdir()
    table = "label: dos\n" + "".join(f"size={size}MiB, type=83\n" for size in sizes)
    with path.open("wb") as image:
        image.truncate(CARD_BYTES)
    subprocess.run(["/usr/sbin/sfdisk", "-q", path], input=table, text=True, check=True)
    start = 1
    for number, size in enumerate(sizes, 1):
        (tree / "name").write_text(f"{path.name} {number}\n")
        (tree / "data").write_bytes(hashlib.sha256(path.name.encode()).digest() * (1 << 17))
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-d", tree, "-E",
                        f"offset={start << 20}", path, f"{size}M"], check=True)
        start += size
    return path


@pytest.fixture(scope="module", name="cards")
def fixture_cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    return make_card(folder / "one", [20]), make_card(folder / "two", [16, 24])


@pytest.fixture(scope="module", params=BOARDS, name="slot")
def fixture_slot(request, tmp_path_factory):
    """The machine, its monitor, the disk's name."""
    folder = tmp_path_factory.mktemp("slot")
    variables = (f"BOARD={request.param}", "ROOT=initramfs", "CONFIG=debug")
    run_make("run-ready", *variables)
    command = run_flags("run", *variables, "qemu-net=")
    command = [word.replace("-serial mon:stdio", "-serial stdio") for word in command]
    command += ["-drive", "if=sd,id=sd0", "-monitor", f"unix:{folder}/monitor,server,nowait"]
    with Machine(command) as machine:
        machine.login()
        ok(machine, "w() { for i in 1 2 3 4 5 6 7 8 9; do eval \"$1\" && break; sleep .3; done; }")
        ok(machine, f"D=/dev/{BOARDS[request.param]}; mkdir -p /m /n")
        yield machine, Monitor(folder / "monitor"), BOARDS[request.param]


def insert(machine, monitor, card):
    assert b"rror" not in monitor.ask(f"change sd0 {card} raw")
    ok(machine, "w 'test -b ${D}p1'; test -b ${D}p1")


def pull(machine, monitor):
    monitor.ask("eject -f sd0")
    ok(machine, "w '! test -e $D'; ! test -e ${D}p1")


def test_a_card_comes(slot, cards):
    machine, monitor, name = slot
    assert name not in ok(machine, "cat /proc/partitions; ls /dev /sys/class/block")
    insert(machine, monitor, cards[0])
    ok(machine, "mount -t ext2 ${D}p1 /m")
    assert ok(machine, "cat /m/name") == "one 1"
    assert f"{name}p1" in ok(machine, "cat /proc/partitions") and f"{name}p1" in ok(machine, "ls /sys/class/block")


def test_it_goes_while_it_is_used(slot, cards):
    machine, monitor, name = slot
    ok(machine, "while cat $D; do echo 3 > /proc/sys/vm/drop_caches; done >/dev/null 2>&1 & READER=$!")
    ok(machine, "exec 7< ${D}p1")
    ok(machine, "while dd if=/dev/zero of=/m/new bs=64k count=64 conv=fsync; do :; done 2>/dev/null & WRITER=$!")
    ok(machine, "sleep 1")
    pull(machine, monitor)
    ok(machine, "wait $READER; wait $WRITER; true")
    status, said = machine.run("echo 3 > /proc/sys/vm/drop_caches; md5sum /m/data")
    assert status and "Input/output error" in said, said
    status, said = machine.run("dd bs=1M skip=3 count=1 <&7 2>&1 >/dev/null")
    assert status and "Input/output error" in said, said
    assert name not in ok(machine, "cat /proc/partitions; ls /dev /sys/class/block")
    machine.run("umount /m")
    assert "/m" not in ok(machine, "cut -d' ' -f2 /proc/mounts").split()


def test_another_one_comes_while_the_first_is_still_open(slot, cards):
    machine, monitor, _ = slot
    insert(machine, monitor, cards[1])
    ok(machine, "w 'test -b ${D}p2'; mount -t ext2 ${D}p1 /m; mount -t ext2 ${D}p2 /n")
    assert ok(machine, "cat /m/name /n/name") == "two 1\ntwo 2"
    ok(machine, "umount /m /n; sync")
    status, said = machine.run("dd bs=1M skip=3 count=1 <&7 2>&1 >/dev/null")
    assert status and "Input/output error" in said, said
    ok(machine, "exec 7<&-")
    beginning = hashlib.sha256(cards[1].read_bytes()[:4 << 20]).hexdigest()
    assert ok(machine, "head -c 4194304 $D | sha256sum").split()[0] == beginning


def test_again_and_again(slot, cards):
    machine, monitor, _ = slot
    for card in (cards[0], cards[1], cards[0]):
        pull(machine, monitor)
        insert(machine, monitor, card)
        assert ok(machine, "mount -t ext2 ${D}p1 /m; cat /m/name; umount /m") == f"{card.name} 1"


def test_a_request_in_flight_ends_with_its_card(slot):
    machine, monitor, name = slot
    if name != "mmcblk1":
        pytest.skip("stock QEMU's host answers at once")
    for option, value in (("status", SILENT), ("command", READ_MULTIPLE), ("count", 1000)):
        assert b"Error" not in monitor.ask(f"qom-set /machine/mmc1 inject-{option} {value}")
    ok(machine, "(dd if=$D of=/dev/null bs=1M count=1 skip=30; echo $? > /tmp/ended) 2>/dev/null & sleep .5")
    monitor.ask("eject -f sd0")
    assert ok(machine, "sleep 1; cat /tmp/ended") not in ("", "0")
    monitor.ask("qom-set /machine/mmc1 inject-count 0")
