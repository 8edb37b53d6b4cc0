# SPDX-License-Identifier: MIT
"""
Debian's own programs on the network, dynamic and unchanged: at the console of a machine whose
root has them, and from the host behind QEMU's user network.
"""
import concurrent.futures
import json
import re
import shutil
import subprocess
import urllib.request

import pytest

import guest
from conftest import ROOT, run_make
from machine import Machine, run_flags
from test_network import free_port
from test_shell import ok

# Of setup's $guest_network, which also is what lies in the cache; the rest there is of other tests.
SETUP = (ROOT / "scripts" / "setup").read_text()
PACKAGES = re.search(r'^guest_network="([^"]*)"', SETUP, re.M)[1].split()
# What they share with tests/user/test_programs.py.
SHARED = ("zlib1g", "libssl3t64", "libselinux1", "libpcre2-8-0", "libcrypt1", "libgmp10",
          "libsystemd0")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/bash-completion",
            "usr/lib/systemd")
PAGE = "a page of some bytes\n" * 200


def unpack(package, root):
    """As dpkg would; but a link from sbin to bin would be one to itself here."""
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        if str(inside).startswith(LEFT_OUT) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() and "sbin" in inside.parts and path.readlink().name == path.name:
            continue
        target = root / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)


def make_disk(folder):
    root = folder / "root"
    shutil.copytree(ROOT / "build/qemu-virt-debug/rootfs", root, symlinks=True)
    for package in (*SHARED, *PACKAGES):
        unpack(guest.CACHE / "guest" / package, root)
    www = root / "srv/www"
    www.mkdir(parents=True)
    (www / "index.html").write_text(PAGE)
    (root / "etc/lighttpd/test.conf").write_text(
        'server.document-root = "/srv/www"\nserver.port = 80\nindex-file.names = ("index.html")\n'
        'server.modules = ()\nserver.pid-file = "/run/lighttpd.pid"\n')
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (root / "root/.ssh").mkdir(mode=0o700)
    (root / "root/.ssh/authorized_keys").write_text((folder / "key.pub").read_text())
    image = folder / "root.img"
    subprocess.run([ROOT / "userland/image/mkext2", root, image, "160M",
                    ROOT / "userland/image/nodes"], check=True)
    shutil.rmtree(root)
    return image, key


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """(machine, host's ports that lead to the guest's 22 and 80, the key that opens it)"""
    variables = ("SMP=2", "CONFIG=debug")
    run_make("all", "run-ready", *variables)
    folder = tmp_path_factory.mktemp("debian")
    image, key = make_disk(folder)
    ports = free_port(), free_port()
    command = run_flags("run", *variables)
    for number, word in enumerate(command):
        if word.startswith("user,"):
            command[number] = "user,id=net," + ",".join(
                f"hostfwd=tcp:127.0.0.1:{host}-:{inside}" for host, inside in zip(ports, (22, 80)))
        if word.startswith("file="):
            command[number] = re.sub(r"file=[^,]*", f"file={image}", word)
    with Machine(command) as machine:
        yield machine.login(), ports, key


@pytest.fixture(scope="module")
def web(net):
    """lighttpd serves; gives the machine and the host's port that leads there."""
    machine, ports, _ = net
    ok(machine, "lighttpd -f /etc/lighttpd/test.conf")
    return machine, ports[1]


def ip(machine, arguments):
    """What Debian's ip prints where nobody looks: no colours."""
    return ok(machine, f"/sbin/ip {arguments} | cat")


def dump(machine, arguments):
    """Start tcpdump in the background, into /tmp/cap; it listens when this returns."""
    ok(machine, f"tcpdump -Z root {arguments} > /tmp/cap 2> /tmp/cap.err & "
                "sleep 0.2; until grep -q 'istening on' /tmp/cap.err; do sleep 0.1; done")


def test_ip(net):
    machine = net[0]
    assert re.search(r"eth0 +UP +10\.0\.2\.15/24", ip(machine, "-br addr"))
    assert "default via 10.0.2.2 dev eth0" in ip(machine, "route")
    assert "10.0.2.2 dev eth0 src 10.0.2.15" in ip(machine, "route get 10.0.2.2")
    assert re.search(r"RX: +bytes", ip(machine, "-s link show dev lo"))


def test_ip_makes_links(net):
    machine = net[0]
    ok(machine, "/sbin/ip link add left type veth peer name right && /sbin/ip link add br0 type bridge")
    ok(machine, "/sbin/ip link set right master br0 && /sbin/ip link set left up && /sbin/ip link set right up")
    assert re.search(r"left@right: .*\n.*\n +veth", ip(machine, "-d link show left"))
    assert re.search(r"right@left: .* master br0 ", ip(machine, "-o link show type veth"))
    ok(machine, "/sbin/ip link set br0 up && /sbin/ip addr add 10.9.0.1/24 dev br0")
    assert "10.9.0.0/24 dev br0" in ip(machine, "route")
    # Nobody is there to answer, but the question must come out at the far end.
    dump(machine, "-i left -nn -c 1 arp")
    ok(machine, "/bin/ping -c 1 -W 1 10.9.0.2; wait")
    assert "ARP, Request who-has 10.9.0.2 tell 10.9.0.1" in ok(machine, "cat /tmp/cap")
    ok(machine, "/sbin/ip link del left && /sbin/ip link del br0")
    assert "right" not in ip(machine, "link") + ip(machine, "route")


def test_ping(net):
    machine = net[0]
    assert " 0% packet loss" in ok(machine, "/bin/ping -c 2 -i 0.2 10.0.2.2")
    assert " 0% packet loss" in ok(machine, "/bin/ping -c 2 -i 0.2 ::1")
    status, text = machine.run("/bin/ping -c 1 -s 20000 -M do -W 1 10.0.2.2")
    assert status and re.search(r"message too long, mtu[:=] ?1500|Message too long", text), text


def test_traceroute_and_tracepath(net):
    machine = net[0]
    for how in ("", "-I"):
        text = ok(machine, f"traceroute -n {how} 127.0.0.1")
        assert re.search(r"^ 1 +127\.0\.0\.1 +[\d.]+ ms", text, re.M), text
    assert "Resume: pmtu 65535 hops 1" in ok(machine, "tracepath -n 127.0.0.1")


def test_curl_and_wget(web):
    machine, _ = web
    size = len(PAGE)
    assert ok(machine, "curl -s http://127.0.0.1/ | wc -c").strip() == str(size)
    assert ok(machine, "/usr/bin/wget -q -O - http://10.0.2.15/ | wc -c").strip() == str(size)
    text = ok(machine, "curl -s -o /dev/null -w '%{http_code} %{size_download}' http://[::ffff:127.0.0.1]/")
    assert text.strip() == f"200 {size}"


def test_load_from_the_host(web):
    _, port = web

    def one(_):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return answer.read()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(200))) == {PAGE.encode()}


def test_ss(web):
    machine, _ = web
    assert re.search(r'LISTEN +0 +\d+ +0\.0\.0\.0:80 .*users:\(\("lighttpd",pid=\d+,fd=\d+\)\)',
                     ok(machine, "ss -tulpan"))
    assert "0.0.0.0:80" in ok(machine, "ss -tln 'sport = :80'")
    assert "0.0.0.0:80" not in ok(machine, "ss -tln 'sport = :81 or dst 10.9.8.7'")
    assert "0.0.0.0:80" in ok(machine, "ss -tln 'src 0.0.0.0/0 and sport >= 80 and sport <= 80'")
    ok(machine, "(sleep 5 | nc 127.0.0.1 80 > /dev/null) & until ss -tn | grep -q ESTAB.*:80; do sleep 0.1; done")
    text = ok(machine, "ss -tino state established 'dport = :80'")
    assert re.search(r"127\.0\.0\.1:80\b.*\n.*\breno\b.*\brto:\d+.*\bmss:\d+ .*\bcwnd:\d+", text), text
    assert re.search(r"skmem:\(r\d+,rb\d+,t\d+,tb\d+", ok(machine, "ss -tmn state listening"))
    assert re.search(r"^TCP: +\d+ \(estab \d+", ok(machine, "ss -s"), re.M)
    # The end of this connection must not be seen by who captures the next.
    ok(machine, "kill %%; wait %% 2> /dev/null; while ss -tn | grep -q ':80 '; do sleep 0.1; done")


def test_ss_other_families(net):
    machine = net[0]
    ok(machine, "(redis-server --unixsocket /tmp/redis --port 0 --save '' > /dev/null &)")
    ok(machine, "while [ ! -S /tmp/redis ]; do sleep 0.2; done")
    assert re.search(r"u_str +LISTEN +0 +\d+ +/tmp/redis \d+ .*redis-server", ok(machine, "ss -xlp"))
    ok(machine, "(redis-cli -s /tmp/redis subscribe x > /dev/null &)")
    ok(machine, "until ss -x | grep -q 'ESTAB.*/tmp/redis'; do sleep 0.1; done")
    assert re.search(r"u_str +ESTAB .*/tmp/redis \d+", ok(machine, "ss -x"))
    ok(machine, "redis-cli -s /tmp/redis shutdown nosave")
    dump(machine, "-i lo -w /dev/null")
    assert re.search(r"p_raw .*\*:lo .*tcpdump", ok(machine, "ss -0 -p"))
    ok(machine, "kill %%; wait %% 2> /dev/null; true")
    assert re.search(r"rtnl:|tcpdiag:", ok(machine, "ss -f netlink"))


def capture(machine, interface, extra=""):
    """What tcpdump prints of one request to port 80."""
    dump(machine, f"-i {interface} -nn -l {extra} port 80")
    ok(machine, "curl -s -o /dev/null http://127.0.0.1/")
    machine.run("i=0; while [ $i -lt 50 ] && [ $(grep -c 'Flags .F' /tmp/cap) -lt 2 ]; do sleep 0.2; i=$((i+1)); done")
    ok(machine, "kill %%; wait %% 2> /dev/null; true")
    return ok(machine, "cat /tmp/cap /tmp/cap.err")


@pytest.mark.parametrize("interface,extra", [("lo", ""), ("any", ""), ("lo", "--immediate-mode")])
def test_tcpdump_shows_handshake_and_close(web, interface, extra):
    machine, _ = web
    text = capture(machine, interface, extra)
    flags = re.findall(r"127\.0\.0\.1\.(\d+) > 127\.0\.0\.1\.(\d+): Flags \[(\S+)\]", text)
    kinds = [f[2] for f in flags]
    assert kinds[:2] == ["S", "S."] or kinds[:4] == ["S", "S", "S.", "S."], text
    closing = {f[0] == "80" for f in flags if "F" in f[2]}
    assert closing == {True, False}, text
    assert "0 packets dropped by kernel" in text, text


def test_tcpdump_of_a_real_interface(web):
    machine, port = web
    dump(machine, "-i eth0 -nn -c 4 port 80")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        answer.read()
    text = ok(machine, "wait; cat /tmp/cap")
    assert re.search(r"IP 10\.0\.2\.2\.\d+ > 10\.0\.2\.15\.80: Flags \[S\]", text), text


def test_iperf3(net):
    machine = net[0]
    ok(machine, "iperf3 -s -D && until ss -ltn | grep -q :5201; do sleep 0.1; done")
    for options in ("", "-R", "-u -b 20M"):
        text = ok(machine, f"iperf3 -c 127.0.0.1 -t 1 -J {options}")
        result = json.loads(text[text.index("{"):])
        assert "error" not in result, result
        total = result["end"].get("sum_received") or result["end"]["sum"]
        assert total["bits_per_second"] > 1e6, total


def test_redis(net):
    machine = net[0]
    ok(machine, "redis-server --daemonize yes --save '' --dir /tmp > /dev/null")
    ok(machine, "until redis-cli ping 2> /dev/null | grep -q PONG; do sleep 0.1; done")
    assert ok(machine, "redis-cli set name value").strip() == "OK"
    assert ok(machine, "redis-cli get name | cat").strip() == "value"
    text = ok(machine, "redis-benchmark -q -n 1000 -c 20 -t set,get | tr '\\r' '\\n'")
    assert re.search(r"SET: [\d.]+ requests per second", text), text
    assert re.search(r"GET: [\d.]+ requests per second", text), text
    ok(machine, "redis-cli shutdown nosave")


def test_ssh_from_the_host(net):
    machine, ports, key = net
    ok(machine, "mkdir -p /etc/dropbear && dropbear -R -p 22")
    command = ["ssh", "-F", "/dev/null", "-i", key, "-p", str(ports[0]), "-o", "BatchMode=yes",
               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "root@127.0.0.1", "uname -s; cat > /tmp/came; wc -c < /tmp/came"]
    done = subprocess.run(command, input="x" * 100000, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.stdout.split() == ["Linux", "100000"], done
