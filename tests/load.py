# SPDX-License-Identifier: MIT
"""
A web server in the guest under load from the host: make load [N=100000] [SMP="1 2 4"]
[PATTERN=threads]

64 clients, each with one connection after the other, through QEMU's user network. Two things of
that are not the guest's to mend, and are kept away:

  - QEMU listens with a backlog of one. Of clients that begin at the same moment at one port the
    host's kernel lets in two, and drops what the others send; the guest never hears of them.
    (Seen so: every SYN in a capture of the guest's link was answered while clients waited for
    half a minute and the host's ListenOverflows grew.) So each client has a forwarded port of its
    own.
  - The guest sees all clients at one address, with their own ports. Two connections at once from
    one port of the host to two forwarded ports are the same one to the guest, and QEMU mixes them
    up. So each client has source ports of its own, too.

A client that waits here waits for the guest.

CAPTURE=file keeps what went over the guest's link (pcap); handshakes that the guest left
unanswered are counted.
"""
import collections
import itertools
import pathlib
import select
import socket
import struct
import sys
import tempfile
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PAGE_END = b"\r\n\r\nHello world!\n"
CLIENTS = 64
WAIT_S = 30.0			# for a connection and its answer: more is a hang
FIRST_SOURCE, SOURCES = 2048, 460	# below what the host gives out by itself


def free_ports(count):
    """Ports of the host that nobody listens at, all different."""
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def forwarded(command, ports, capture=""):
    """A QEMU command with these ports of the host leading to the guest's 8080, and what it captures."""
    more = "".join(f",hostfwd=tcp:127.0.0.1:{port}-:8080" for port in ports)
    command = [word + more if word.startswith("user,id=net") else word for word in command]
    if capture:
        command += ["-object", f"filter-dump,id=dump,netdev=net,file={capture}"]
    return command


class Client:
    """One connection: connecting, asked, answered."""
    def __init__(self, port, sources):
        self.port, self.sources = port, sources
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            try:
                self.sock.bind(("127.0.0.1", next(sources)))
                break
            except OSError:
                pass
        self.sock.connect_ex(("127.0.0.1", port))
        self.since = time.monotonic()
        self.asked = False
        self.answer = b""


class Load:
    """A client for each port, one connection after the other, until enough were answered."""
    def __init__(self, ports, wanted):
        self.ports, self.wanted = ports, wanted
        self.poll = select.epoll()
        self.clients = {}
        self.begun = 0
        self.tally = collections.Counter()
        self.slowest = 0.0

    def begin(self, port, sources):
        if self.begun == self.wanted:
            return
        self.begun += 1
        client = Client(port, sources)
        self.clients[client.sock.fileno()] = client
        self.poll.register(client.sock, select.EPOLLOUT)

    def end(self, client, how):
        self.tally[how] += 1
        self.slowest = max(self.slowest, time.monotonic() - client.since)
        self.poll.unregister(client.sock)
        del self.clients[client.sock.fileno()]
        client.sock.close()
        self.begin(client.port, client.sources)

    def ready(self, client, events):
        try:
            if not client.asked and events & select.EPOLLOUT:
                client.sock.send(REQUEST)
                client.asked = True
                self.poll.modify(client.sock, select.EPOLLIN)
                return
            part = client.sock.recv(4096)
        except OSError as error:
            self.end(client, f"error {error.errno}")
            return
        client.answer += part
        if not part:
            self.end(client, "answered" if client.answer.endswith(PAGE_END) else "cut short")

    def look_at_clocks(self):
        late = time.monotonic() - WAIT_S
        for client in [c for c in self.clients.values() if c.since < late]:
            self.end(client, "hung")

    def run(self):
        """The tally of all ends; one kind is good: "answered"."""
        looked = time.monotonic()
        for number, port in enumerate(self.ports):
            first = FIRST_SOURCE + number * SOURCES
            self.begin(port, itertools.cycle(range(first, first + SOURCES)))
        while self.clients:
            for fd, events in self.poll.poll(0.2):
                if fd in self.clients:
                    self.ready(self.clients[fd], events)
            if time.monotonic() - looked > 0.5:
                self.look_at_clocks()
                looked = time.monotonic()
        return self.tally


def tcp_of(frame):
    """(source, destination, source port, destination port, flags) of an IPv4 TCP frame, or None."""
    if len(frame) < 54 or frame[12:14] != b"\x08\0" or frame[23] != 6:
        return None
    header = 14 + (frame[14] & 15) * 4
    source, to = struct.unpack(">HH", frame[header:header + 4])
    return frame[26:30], frame[30:34], source, to, frame[header + 13]


def handshakes(path, port):
    """Of a capture: SYNs to the port by connection, and those of them that got no SYN|ACK."""
    asked, answered = collections.Counter(), set()
    with open(path, "rb") as file:
        file.read(24)
        while len(head := file.read(16)) == 16:
            seen = tcp_of(file.read(struct.unpack("<IIII", head)[2]))
            if seen and seen[3] == port and seen[4] & 0x12 == 2:
                asked[seen[0], seen[2]] += 1
            elif seen and seen[2] == port and seen[4] & 0x12 == 0x12:
                answered.add((seen[1], seen[3]))
    return asked, [who for who in asked if who not in answered]


def one_machine(wanted, pattern, capture, smp):
    """True: all were answered."""
    sys.path.insert(0, sys.path[0] + "/boards")
    from machine import Machine, run_flags		# pylint: disable=import-outside-toplevel
    from test_shell import ok				# pylint: disable=import-outside-toplevel
    from test_uboot import private_copy			# pylint: disable=import-outside-toplevel

    ports = free_ports(CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        command = private_copy(run_flags("run", f"SMP={smp}"), pathlib.Path(folder))
        with Machine(forwarded(command, ports, capture), wait=120) as machine:
            machine.login()
            ok(machine, f"/usr/libexec/demos/http {pattern} 8080 0 128 > /dev/null & sleep 1")
            begun = time.monotonic()
            load = Load(ports, wanted)
            tally = load.run()
            rate = wanted / (time.monotonic() - begun)
            print(f"{smp} harts, {pattern}: {dict(tally)}, {rate:.0f} a second, "
                  f"{load.slowest:.1f} s", flush=True)
            print(ok(machine, "cat /proc/net/netstat /proc/net/sockstat; grep Tcp: /proc/net/snmp"))
    if capture:
        asked, silent = handshakes(capture, 8080)
        print(f"capture: {len(asked)} pairs of ends, {sum(asked.values())} SYNs, "
              f"{len(silent)} not answered")
    return tally == {"answered": wanted}


if __name__ == "__main__":
    good = [one_machine(int(sys.argv[1]), sys.argv[2], sys.argv[3], smp) for smp in sys.argv[4:]]
    sys.exit(not all(good))
