# SPDX-License-Identifier: MIT
"""
Archives in the form an initramfs has: cpio "newc".

    cpio.py modules INITRD.GZ FOLDER NAME...	kernel modules of an archive, unpacked, as FOLDER/NAME.ko
"""
import gzip
import lzma
import pathlib
import re
import stat
import sys

DIRECTORY = stat.S_IFDIR | 0o755
PROGRAM = stat.S_IFREG | 0o755
FILE = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777


def device(kind, major, minor, permissions=0o600):
    """(mode, data) of a device node: kind is "c" or "b"."""
    return ({"c": stat.S_IFCHR, "b": stat.S_IFBLK}[kind] | permissions, (major, minor))


def pack(entries):
    """
    The archive of [(name, mode, data)]; a device's data is (major, minor), a link's its target.
    A fourth element may say {"uid": ..., "gid": ..., "ino": ..., "nlink": ...}.
    """
    out = bytearray()
    for number, (name, mode, data, *more) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        own = {"uid": 0, "gid": 0, "ino": number, "nlink": 1, **(more[0] if more else {})}
        major, minor = data if isinstance(data, tuple) else (0, 0)
        data = b"" if isinstance(data, tuple) else data
        fields = (own["ino"], mode, own["uid"], own["gid"], own["nlink"], 0, len(data), 0, 0, major, minor,
                  len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4)
        out += data + b"\0" * (-len(data) % 4)
    return bytes(out)


def unpack(data):
    """(name, contents) of each entry, of several archives one behind the other."""
    at = 0
    while data[at:at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        begin = (at + 110 + fields[11] + 3) & ~3
        name = data[at + 110:at + 109 + fields[11]].decode()
        at = (begin + fields[6] + 3) & ~3
        if name == "TRAILER!!!":
            while at < len(data) and not data[at]:
                at += 1
        else:
            yield name, data[begin:begin + fields[6]]


def take_modules(initrd, folder, wanted):
    """Debian has some names with a hyphen for an underscore, and compresses the files."""
    folder.mkdir()
    for name, contents in unpack(gzip.decompress(initrd.read_bytes())):
        found = re.search(r"/([^/]+)\.ko(\.xz)?$", name)
        if found and found[1].replace("-", "_") in wanted:
            text = lzma.decompress(contents) if found[2] else contents
            (folder / f"{found[1].replace('-', '_')}.ko").write_bytes(text)
    missing = [name for name in wanted if not (folder / f"{name}.ko").exists()]
    if missing:
        sys.exit(f"{initrd} has no {' '.join(missing)}")


if __name__ == "__main__":
    take_modules(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4:])
