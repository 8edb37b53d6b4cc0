# SPDX-License-Identifier: MIT
"""
Ring 4, on boards that QEMU has: a session at the console, with a person's commands.

One machine is started for each way to boot and used for all cases; a case that
needs one of its own says so.
"""
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, run_make
from machine import Machine, run_flags
from qemu import check_disk

# id: board, variables of make
BOOTS = {
    "virt-disk-1": ("qemu-virt", ("SMP=1",)),
    "virt-disk-2": ("qemu-virt", ("SMP=2",)),
    "virt-disk-4": ("qemu-virt", ("SMP=4",)),
    "virt-disk-4-debug": ("qemu-virt", ("SMP=4", "CONFIG=debug")),
    "virt-initramfs-2": ("qemu-virt", ("SMP=2", "ROOT=initramfs")),
    "virt-disk-24M": ("qemu-virt", ("SMP=2", "MEM=24M")),
    "unleashed": ("sifive-unleashed", ()),
    "visionfive2": ("visionfive2", ()),
}
DISKS = [name for name in BOOTS if "disk" in name]


def command_of(which, folder):
    """The command, with a disk of its own to write to, and that disk."""
    board, variables = BOOTS[which]
    variables = (f"BOARD={board}", *variables)
    run_make("all", "run-ready", *variables)
    command = run_flags("run", *variables)
    disk = None
    for number, word in enumerate(command):
        if word.startswith("file=") and ("rootfs.img" in word or "sdcard.img" in word):
            path = word.split(",")[0].removeprefix("file=")
            disk = folder / "disk.img"
            shutil.copy(ROOT / path, disk)
            command[number] = word.replace(path, str(disk))
    return command, disk


@pytest.fixture(scope="module", params=BOOTS)
def machine(request, tmp_path_factory):
    command, _ = command_of(request.param, tmp_path_factory.mktemp(request.param))
    with Machine(command) as started:
        yield started.login()


def ok(machine, command):
    status, output = machine.run(command)
    assert status == 0, output
    return output.strip()


def test_mounts(machine):
    mounts = ok(machine, "cat /proc/mounts")
    for where in ("/proc", "/sys", "/dev", "/dev/pts", "/run", "/tmp"):
        assert f" {where} " in mounts, mounts


def test_time_in_which_all_wait_for_a_disk_is_counted(machine):
    """Idle time and that are apart; the initial archive has no disk to wait for."""
    waited = "awk '/^cpu / {print $6}' /proc/stat"
    before = int(ok(machine, waited))
    disk = ok(machine, "ls /dev | grep -x -e vda -e mmcblk0 -e mmcblk1 | tail -n 1; true")
    if disk:
        ok(machine, f"sync; for i in 1 2 3 4; do dd if=/dev/{disk} of=/dev/null bs=64k count=64 iflag=direct; done")
        assert int(ok(machine, waited)) > before
    assert "procs_blocked 0" in ok(machine, "cat /proc/stat")


def test_pipeline(machine):
    assert ok(machine, "seq 1 5000 | sort -rn | head -n 2 | tr '\\n' ' '") == "5000 4999"


def test_exit_status(machine):
    assert machine.run("false")[0] == 1
    assert machine.run("no-such-command")[0] == 127
    assert machine.run("sh -c 'kill -9 $$'")[0] == 137


def test_background_jobs(machine):
    ok(machine, "for i in 1 2 3 4 5 6 7 8; do (sleep 1; echo $i >> /tmp/jobs.$$) & done; wait")
    assert ok(machine, "sort /tmp/jobs.$$ | tr '\\n' ' '") == "1 2 3 4 5 6 7 8"


def start(machine, command):
    """Type it, and wait until it has the terminal: what came earlier the shell would take."""
    machine.type(f"sh -c 'echo start\"ed\"; exec {command}'\r")
    machine.expect(re.compile("started\r*\n"), "it does not start")


def test_interrupt_a_program(machine):
    start(machine, "sleep 100")
    machine.type("\x03")
    machine.expect("root@fathom:", "^C does not end sleep")
    assert ok(machine, "jobs") == ""


def test_stop_and_resume(machine):
    start(machine, "sleep 3")
    machine.type("\x1a")
    machine.expect("Stopped", "^Z does not stop sleep")
    machine.expect("root@fathom:", "no prompt")
    assert "Stopped" in ok(machine, "jobs")
    ok(machine, "bg %1")
    ok(machine, "wait")
    assert "sleep" not in ok(machine, "jobs | grep -v Done; true")


def test_end_of_file(machine):
    start(machine, "cat > /tmp/typed")
    machine.type("a line\r\x04")
    machine.expect("root@fathom:", "^D does not end cat")
    assert ok(machine, "cat /tmp/typed") == "a line"


def test_thousand_commands(machine):
    ok(machine, "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done")


def test_pipelines_in_a_loop(machine):
    output = ok(machine, "i=0; while [ $i -lt 100 ]; do echo $i | cat | cat; i=$((i+1)); done | wc -l")
    assert output == "100"


# What each demo has to say, besides exit status 0.
DEMOS = {
    "anatomy": r"code: main\(\)(.|\n)*\[heap\]\n *heap:(.|\n)*\[stack\]\n *stack:"
               r"(.|\n)*Everything is where it should be",
    # The kernel may join a page or two beside the buffer to its mapping; the program knows how many.
    "fork_cow": r"child, after fork +102\d\d +51\d\d +102\d\d +\d{1,2}\n"
                r"(.|\n)*after writing 4 MiB +102\d\d +7[12]\d\d +61\d\d +4[01]\d\d\n"
                r"(.|\n)*102\d\d +102\d\d +\d{1,2} +102\d\d\nThe parent's first byte is still 1",
    "threads": r"the heap has 1000 \+ 1000 \+ 1000 \+ 1000 notes; my own counter is 0",
    "race": r"with a mutex: +800000 of 800000\n(.|\n)*with a semaphore: +up to [12] inside, 2 allowed",
    "producers": r"went in 600030000, of what came out 600030000",
    "pipes": r"lines with a 7: 271\n(.|\n)*ended by SIGPIPE\ntold of ended children: yes",
    "mapping": r'shared: "by the child", file: "by the child", private: "As it was made"\n(.|\n)*SIGBUS',
}


@pytest.mark.parametrize("demo", DEMOS)
def test_demo(machine, demo):
    said = ok(machine, demo)
    assert re.search(DEMOS[demo], said), said


def test_a_lost_update_is_seen(machine):
    """The race demo's broken halves: with more than one hart they do go wrong, sooner or later."""
    if ok(machine, "grep -c ^processor /proc/cpuinfo") == "1":
        pytest.skip("one hart may be lucky")
    ok(machine, "for i in 1 2 3 4 5; do race | grep -q '[1-9][0-9]* additions lost' && break; done")


def test_figures_are_sound(machine):
    """What the tools print is not only there but right."""
    total, used, free = map(int, ok(machine, "free | sed -n 2p").split()[1:4])
    assert 0 < used < total and 0 < free < total
    size, taken, left = map(int, ok(machine, "df /tmp | tail -n 1").split()[1:4])
    assert size > 0 and taken < size and left <= size
    before = int(ok(machine, "df /tmp | tail -n 1").split()[2])
    ok(machine, "dd if=/dev/zero of=/tmp/mib bs=1M count=1 2>/dev/null")
    assert int(ok(machine, "df /tmp | tail -n 1").split()[2]) - before == 1024
    ok(machine, "rm /tmp/mib")
    assert ok(machine, "dmesg | grep -c 'Fathom on RISC-V'") == "1"
    assert ok(machine, "stty size") == "24 80"
    assert ok(machine, "ls -ld /home/user").split()[2:4] == ["user", "user"]


def test_tools(machine):
    assert ok(machine, "nice -n 5 nice") == "5"
    assert "init" in ok(machine, "pstree")
    assert ok(machine, "pgrep init").splitlines()[0] == "1"
    for command in ("ps", "top -b -n 1", "free", "df", "uptime", "mount", "dmesg | tail -n 1", "uname -a", "id",
                    "date", "hostname", "cat /proc/self/status", "ls -l /proc/self/fd"):
        ok(machine, command)


def test_real_time_clock(machine, request):
    """It has set the system's clock, but where it has no battery; hwclock reads it and sets it."""
    board = BOOTS[request.node.callspec.params["machine"]][0]
    if board == "sifive-unleashed":
        assert "rtc" not in ok(machine, "ls /dev /sys/class")
        pytest.skip("no clock that has a driver")
    if board == "visionfive2":
        ok(machine, "date -u -s '2030-01-02 03:04:05'; hwclock -u -w")
    now, clock = map(int, ok(machine, "date +%s; cat /sys/class/rtc/rtc0/since_epoch").split())
    assert abs(now - clock) <= 2
    ok(machine, "date -u -s '2031-02-03 04:05:06'; hwclock -u -w; date -s @$(cat /sys/class/rtc/rtc0/since_epoch)")
    assert "2031-02-03" in ok(machine, "cat /sys/class/rtc/rtc0/date") and "2031" in ok(machine, "hwclock -u -r")
    ok(machine, f"date -s @{now + 1}; hwclock -u -w")


def test_processes_do_not_pile_up(machine):
    assert "Z" not in ok(machine, "ps -o stat").split()


@pytest.mark.parametrize("which", DISKS)
def test_files_survive_a_reboot(which, tmp_path):
    command, disk = command_of(which, tmp_path)
    with Machine(command) as machine:
        machine.login()
        ok(machine, "seq 1 20000 > /root/numbers; mkdir -p /root/a/b; ln -s ../numbers /root/a/link; sync")
        sums = ok(machine, "md5sum < /root/numbers")
        machine.type("poweroff\r")
        machine.ends()
    assert not check_disk(disk)
    written = subprocess.run(["/usr/sbin/debugfs", "-R", "cat /root/numbers", disk], text=True, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert written == "".join(f"{i}\n" for i in range(1, 20001))
    with Machine(command) as machine:
        machine.login()
        assert ok(machine, "md5sum < /root/a/link") == sums
        machine.type("poweroff\r")
        machine.ends()
    assert not check_disk(disk)


def test_reboot(tmp_path):
    command, _ = command_of("virt-disk-2", tmp_path)
    with Machine(command) as machine:
        machine.login().type("reboot\r")
        machine.expect("Fathom on RISC-V", "it does not start again")
        machine.login().type("poweroff\r")
        machine.ends()
