# SPDX-License-Identifier: MIT
"""Archives in the form an initramfs has: cpio "newc"."""
import stat

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
