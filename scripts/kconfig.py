#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kconfig.py - a board's configuration, from defconfig to generated headers.

usage: kconfig.py sync OUT DEFCONFIG [FRAGMENT...]   make OUT/.config and what follows from it
       kconfig.py defconfig OUT DEFCONFIG [FRAGMENT...]  begin again from the defconfig
       kconfig.py olddefconfig OUT                   complete OUT/.config with defaults
       kconfig.py savedefconfig OUT DEFCONFIG        write the minimal defconfig
       kconfig.py menuconfig OUT                     edit in the terminal

OUT/.config is made from the board's defconfig. It follows later changes of the
defconfig for as long as nobody has edited it by hand: OUT/.config.made is a
copy of what was made last.

From it come OUT/include/generated/autoconf.h (for C), OUT/config/auto.conf (for
make) and one empty file for each option below OUT/config, touched when the
option changes: objects depend on these files and not on autoconf.h.
"""
import filecmp
import os
import shutil
import sys

import kconfiglib


def load(*files):
    """Kconfig with the values of files, later ones winning; bad values are errors."""
    kconf = kconfiglib.Kconfig("Kconfig", warn_to_stderr=False)
    kconf.warn_assign_override = False
    kconf.warn_assign_redun = False
    for number, name in enumerate(files):
        kconf.load_config(name, replace=number == 0)
    for warning in kconf.warnings:
        print("kconfig:", warning, file=sys.stderr)
    return kconf


def write(kconf, out):
    """.config and everything generated from it."""
    os.makedirs(os.path.join(out, "include/generated"), exist_ok=True)
    kconf.write_config(os.path.join(out, ".config"), save_old=False)
    kconf.write_autoconf(os.path.join(out, "include/generated/autoconf.h"))
    kconf.sync_deps(os.path.join(out, "config"))
    # The time stamp says "in step with every Kconfig file" to make.
    os.utime(os.path.join(out, "config/auto.conf"))


def make(out, sources):
    """Begin from the defconfig and remember the result."""
    write(load(*sources), out)
    shutil.copy(os.path.join(out, ".config"), os.path.join(out, ".config.made"))


def sync(out, sources):
    config, made = (os.path.join(out, name) for name in (".config", ".config.made"))
    edited = os.path.exists(config) and not (
        os.path.exists(made) and filecmp.cmp(config, made, shallow=False))
    if edited:
        write(load(config), out)
    else:
        make(out, sources)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    command, out, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    config = os.path.join(out, ".config")
    os.makedirs(out, exist_ok=True)

    if command == "sync":
        sync(out, rest)
    elif command == "defconfig":
        make(out, rest)
        print(config + ": made from " + ", ".join(rest))
    elif command == "olddefconfig":
        write(load(config), out)
    elif command == "savedefconfig":
        load(config).write_min_config(rest[0])
        print(rest[0] + ": written")
    elif command == "menuconfig":
        import menuconfig
        os.environ["KCONFIG_CONFIG"] = config
        menuconfig.menuconfig(load(config))
        write(load(config), out)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
