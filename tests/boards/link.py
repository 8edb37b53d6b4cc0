# SPDX-License-Identifier: MIT
"""A cable between two QEMU machines that loses frames, lets them overtake each other and takes its time."""
import heapq
import itertools
import random
import socket
import struct
import threading
import time


class Link:
    """
    Both ends are stream sockets of QEMU's. loss and reorder: of 1; delay: seconds each way. They
    may be changed while the link is in use; the same seed gives the same fate to the same frames.
    """
    def __init__(self, seed=1):
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.loss = self.reorder = self.delay = 0.0
        self.carried = self.lost = 0
        self.seed = seed

    def flags(self, end, mac):
        """For the QEMU at that end."""
        port = self.listeners[end].getsockname()[1]
        return ["-netdev", f"socket,id=link,connect=127.0.0.1:{port}",
                "-device", f"virtio-net-device,netdev=link,mac={mac}"]

    def start(self):
        """Both QEMUs run."""
        ends = [listener.accept()[0] for listener in self.listeners]
        for end in ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(2):
            way = Way(self, ends[number], ends[1 - number], random.Random(self.seed + number))
            threading.Thread(target=way.receive, daemon=True).start()
            threading.Thread(target=way.deliver, daemon=True).start()


class Way:
    """One direction: frames wait until they are due."""
    def __init__(self, link, source, sink, chance):
        self.link, self.source, self.sink, self.chance = link, source, sink, chance
        self.waiting, self.number = [], itertools.count()
        self.changed = threading.Condition()

    def receive(self):
        data = b""
        while more := self.source.recv(1 << 16):
            data += more
            while len(data) >= 4 and len(data) >= (end := 4 + struct.unpack(">I", data[:4])[0]):
                self.take(data[:end])
                data = data[end:]

    def take(self, frame):
        if self.chance.random() < self.link.loss:
            self.link.lost += 1
            return
        due = time.monotonic() + self.link.delay
        if self.chance.random() < self.link.reorder:
            due += 0.002 + self.chance.random() * 0.008
        with self.changed:
            heapq.heappush(self.waiting, (due, next(self.number), frame))
            self.changed.notify()

    def deliver(self):
        while True:
            with self.changed:
                while not self.waiting or self.waiting[0][0] > time.monotonic():
                    self.changed.wait(self.waiting[0][0] - time.monotonic() if self.waiting else None)
                frame = heapq.heappop(self.waiting)[2]
            self.link.carried += 1
            self.sink.sendall(frame)
