# SPDX-License-Identifier: MIT
"""The host's side of kbench's vnet lines."""
import socket
import threading


class Server(threading.Thread):
    """TCP peer on the host: sink (T), source (R) or echo (P)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(8)
        self.port = self.s.getsockname()[1]

    def run(self):
        while True:
            c, _ = self.s.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            m, buf = c.recv(1), bytearray(1 << 18)
            while m == b"T" and c.recv_into(buf):
                pass
            while m == b"R":
                c.sendall(buf)
            while m == b"P":
                d = c.recv(64)
                if not d:
                    break
                c.sendall(d)
        except OSError:
            pass
        c.close()
