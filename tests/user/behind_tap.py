#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Run a command (QEMU) in a network namespace of its own, where tap0 is an interface of the host's
kernel: 10.0.2.100 and fe80::100. It has as many queues as QEMU's "queues=" asks for. Port 7 of both
sends back what it gets, by TCP and by UDP.

usage: behind_tap.py COMMAND...      behind_tap.py --try: can that be done here?
"""
import contextlib
import os
import socket
import subprocess
import sys
import threading

os.environ["PATH"] += ":/usr/sbin"

SETUP = """
ip link set lo up && ip tuntap add dev tap0 mode tap $QUEUES && ip link set tap0 addrgenmode none &&
ip addr add 10.0.2.100/24 dev tap0 && ip addr add fe80::100/64 dev tap0 nodad && ip link set tap0 up"""


def echo(connection):
    """Until it is shut, or reset: what we said of that would be among the guest's words."""
    with connection, contextlib.suppress(ConnectionError):
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def answer(datagrams):
    while True:
        data, peer = datagrams.recvfrom(1 << 16)
        datagrams.sendto(data, peer)


def inside(command):
    several = any("queues=" in word for word in command)
    done = subprocess.run(["sh", "-c", SETUP], check=False, text=True,
                          env=os.environ | {"QUEUES": "multi_queue" if several else ""},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        print("no tap:", done.stderr)
        return 1
    if not command:
        return 0
    listener = socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("::", 7))
    threading.Thread(target=answer, args=(datagrams,), daemon=True).start()
    return subprocess.run(command, check=False).returncode


def main():
    if sys.argv[1] == "--inside":
        sys.exit(inside(sys.argv[2:]))
    command = [] if sys.argv[1] == "--try" else sys.argv[1:]
    os.execvp("unshare", ["unshare", "--map-root-user", "--net", sys.executable, __file__, "--inside", *command])


if __name__ == "__main__":
    main()
