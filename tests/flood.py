# SPDX-License-Identifier: MIT
"""
A SYN flood: a host on the guest's second card sends SYNs of hosts that are not there, as many as
the guest's queue takes, while clients behind the first card are served: make load FLOOD=100000
[SMP="1 2 4"]. Or without an end, until clients were served, a shell has answered and a program has run:
make load FLOOD=endless.

The second card is a stream socket of QEMU's to this program, so that no frame is lost on the way:
where the guest has no room, the flood waits. Nobody but the flood's own host answers on that
link, and only to questions for addresses, so that the guest's answers to the SYNs go out.
"""
import contextlib
import itertools
import pathlib
import random
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

import load

GUEST_MAC = b"\x52\x54\0\x0f\0\x01"
OUR_MAC = b"\x02\0\0\0\0\x02"
CLIENTS = 8
SYN_S_MAX = 0.0005	# of the processors, with the clients that are served meanwhile; measured 20 to 40 us
SETUP = ("ip link set eth1 up", "ip addr add 10.9.0.1/24 dev eth1", "ip route add 198.18.0.0/15 via 10.9.0.2")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(chance, port):
    """A SYN to the guest's port, by a host of 198.18.0.0/15 (RFC 2544: for tests)."""
    source = struct.pack(">I", 0xc6120000 | chance.getrandbits(17))
    ends = source + b"\x0a\x09\0\x01"
    head = struct.pack(">HHIIBBHHH4s", 1024 + chance.getrandbits(15), port, chance.getrandbits(32), 0,
                       0x60, 2, 64240, 0, 0, b"\x02\x04\x05\xb4")
    total = checksum(ends + struct.pack(">HH", 6, len(head)) + head)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 44, chance.getrandbits(16), 0, 64, 6, 0) + ends
    return (GUEST_MAC + OUR_MAC + b"\x08\0" + ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] +
            head[:16] + struct.pack(">H", total) + head[18:])


def framed(frame):
    """As QEMU has it on a stream."""
    return struct.pack(">I", len(frame)) + frame


def flood_of(count, port=8080):
    """So many SYNs, in bursts; made before they are sent, for that takes longer than to answer them."""
    chance = random.Random(1)
    return [b"".join(framed(syn(chance, port)) for _ in range(min(64, count - first)))
            for first in range(0, count, 64)]


class Host:
    """The other end of the second card's cable."""
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.link = None
        self.answers = 0		# SYN|ACKs that the guest has sent
        self.sending = threading.Lock()

    def flags(self):
        """For QEMU."""
        port = self.listener.getsockname()[1]
        return ["-netdev", f"socket,id=flood,connect=127.0.0.1:{port}",
                "-device", f"virtio-net-device,netdev=flood,mac={GUEST_MAC.hex(':')}"]

    def start(self):
        self.link = self.listener.accept()[0]
        threading.Thread(target=self.listen, daemon=True).start()

    def send(self, data):
        with self.sending:
            self.link.sendall(data)

    def listen(self):
        data = b""
        with contextlib.suppress(ConnectionError):
            while more := self.link.recv(1 << 16):
                data += more
                while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack(">I", data[:4])[0]):
                    self.take(data[4:end])
                    data = data[end:]

    def take(self, frame):
        seen = load.tcp_of(frame)
        if seen and seen[4] & 0x12 == 0x12:
            self.answers += 1
        elif frame[12:14] == b"\x08\x06" and frame[21] == 1:
            self.send(framed(frame[6:12] + OUR_MAC + frame[12:21] + b"\x02" + OUR_MAC + frame[38:42] +
                             frame[22:32]))


def field(text, names, name):
    """One of a pair of lines of /proc/net: names above, values below."""
    head, values = re.findall(rf"^{names}: (.*)$", text, re.M)[:2]
    return int(values.split()[head.split().index(name)])


def busy_s(machine, ok):
    """Processor seconds that were not idle, of all harts."""
    ticks = [int(word) for word in ok(machine, "grep '^cpu ' /proc/stat").split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / 100


class Outcome:
    """What a flood did to a machine."""
    def __init__(self, machine, host, ports, count, ok):
        bursts = flood_of(count)
        for command in SETUP:
            ok(machine, command)
        clients = load.Load(ports[:CLIENTS], 1 << 30)
        before, free = busy_s(machine, ok), self.free_kib(machine, ok)
        serving = threading.Thread(target=self.serve, args=(clients,))
        serving.start()
        begun = time.monotonic()
        for number, burst in enumerate(bursts):
            if number % (len(bursts) // 10) == 0:
                self.let_in(clients)
            host.send(burst)
        self.wait_for(machine, ok, count)
        self.seconds = time.monotonic() - begun
        clients.wanted = clients.begun
        serving.join()
        text = ok(machine, "cat /proc/net/netstat /proc/net/snmp")
        self.busy = busy_s(machine, ok) - before
        self.kept_kib = free - self.free_kib(machine, ok)
        self.slowest = clients.slowest
        self.cookies = field(text, "TcpExt", "SyncookiesSent")
        self.taken = field(text, "TcpExt", "SyncookiesRecv")
        self.dropped = field(text, "TcpExt", "ListenDrops")
        self.answers = host.answers

    def serve(self, clients):
        self.tally = clients.run()

    @staticmethod
    def let_in(clients):
        """Some clients come in the middle of it, however fast it is."""
        begun, until = clients.begun, time.monotonic() + 1
        while clients.begun < begun + CLIENTS and time.monotonic() < until:
            time.sleep(0.01)

    @staticmethod
    def free_kib(machine, ok):
        return int(ok(machine, "grep MemFree /proc/meminfo").split()[1])

    @staticmethod
    def wait_for(machine, ok, count):
        """Until the guest has seen all of them."""
        for _ in range(600):
            text = ok(machine, "grep eth1: /proc/net/dev")
            if int(text.split()[2]) >= count:
                return
            time.sleep(0.1)
        raise AssertionError(f"the guest has not seen all SYNs\n{text}")

    def __str__(self):
        return (f"{self.seconds:.1f} s, {self.busy:.1f} s of its processors, clients {dict(self.tally)}, the slowest "
                f"{self.slowest:.1f} s; {self.answers} answers, {self.cookies} cookies, {self.taken} taken, "
                f"{self.dropped} dropped, {self.kept_kib} KiB kept")

    def judge(self, count):
        """Everybody is served, SYNs are answered by cookies, cheaply, and nothing of them is kept."""
        assert set(self.tally) == {"answered"} and self.tally["answered"] >= CLIENTS, str(self)
        assert self.slowest < 10, str(self)
        # What several harts cannot take in at once is dropped before it costs anything.
        assert self.cookies > count // 10 and self.taken > 0, str(self)
        assert self.busy < 5 + count * SYN_S_MAX, str(self)
        # A connection in TIME_WAIT takes 2 KiB, and 4096 of them are kept.
        assert self.kept_kib < 8192 + 2 * min(self.tally["answered"], 4096), str(self)


@contextlib.contextmanager
def web_server(smp):
    """(machine, ok, the clients' ports, the flood's host), with a web server in the guest."""
    sys.path.insert(0, sys.path[0] + "/boards")
    from machine import Machine, run_flags		# pylint: disable=import-outside-toplevel
    from test_shell import ok				# pylint: disable=import-outside-toplevel
    from test_uboot import private_copy			# pylint: disable=import-outside-toplevel

    ports, host = load.free_ports(CLIENTS), Host()
    with tempfile.TemporaryDirectory() as folder:
        command = private_copy(run_flags("run", f"SMP={smp}"), pathlib.Path(folder))
        with Machine(load.forwarded(command, ports) + host.flags(), wait=300) as machine:
            host.start()
            machine.login()
            ok(machine, "/usr/libexec/demos/http threads 8080 0 128 > /dev/null & sleep 1")
            yield machine, ok, ports, host
            # A busy host may take longer to end it than pexpect waits.
            machine.child.kill(signal.SIGKILL)
            machine.child.wait()


def one_machine(count, smp):
    """Print what happened; raises where it is not well."""
    with web_server(smp) as (machine, ok, ports, host):
        outcome = Outcome(machine, host, ports, count, ok)
        print(f"{smp} harts, {count} SYNs: {outcome}", flush=True)
        outcome.judge(count)


REQUESTS = 400
LOOP = "n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done; echo $n"


class Endless(threading.Thread):
    """A flood that goes on until it is told to stop."""
    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.goes_on = host, True

    def run(self):
        bursts = itertools.cycle(flood_of(16384))
        with contextlib.suppress(OSError):
            while self.goes_on:
                self.host.send(next(bursts))


def under_flood(machine, ok, what):
    """Seconds that it took, and SYNs that the guest has taken in a second meanwhile."""
    def seen():
        return int(ok(machine, "grep eth1: /proc/net/dev").split()[2])

    before, begun = seen(), time.monotonic()
    what()
    took = time.monotonic() - begun
    syns = seen() - before
    assert syns > 0, "no flood"
    return f"{took:.2f} s ({syns / took:.0f} SYNs a second)"


def endless_machine(smp):
    """Clients, a shell and a program beside a flood without an end."""
    with web_server(smp) as (machine, ok, ports, host):
        clients = load.Load(ports[:CLIENTS], REQUESTS)
        for command in SETUP:
            ok(machine, command)
        begun = time.monotonic()
        ok(machine, LOOP)
        alone = time.monotonic() - begun
        flood = Endless(host)
        flood.start()
        Outcome.wait_for(machine, ok, 20000)
        shell = under_flood(machine, ok, lambda: [ok(machine, "ls / > /dev/null; echo") for _ in range(10)])
        program = under_flood(machine, ok, lambda: ok(machine, LOOP))
        served = under_flood(machine, ok, clients.run)
        flood.goes_on = False
        flood.join()
        print(f"{smp} harts, a flood without an end: {REQUESTS} clients in {served}, {dict(clients.tally)}, "
              f"the slowest {clients.slowest:.2f} s; ten commands in {shell}; a loop in {program}, "
              f"alone in {alone:.2f} s", flush=True)
        assert set(clients.tally) == {"answered"}, str(clients.tally)


if __name__ == "__main__":
    for harts in sys.argv[2:]:
        if sys.argv[1] == "endless":
            endless_machine(harts)
        else:
            one_machine(int(sys.argv[1]), harts)
