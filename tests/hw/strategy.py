# SPDX-License-Identifier: MIT
"""
A board from off to Fathom, as a labgrid strategy: off -> U-Boot -> the kernel.

The environment (ENV=, labgrid's own format) says how the board is wired: any console, any power driver,
ManualPowerDriver where a person is the switch, and where U-Boot gets its files: a TFTPProvider; a card in a
multiplexer (USBSDMuxDriver and USBStorageDriver), which is written before each boot; or with "load:" any command
of U-Boot's, for boards whose card was written before.

labgrid's UBootDriver is not used: it takes the first answer for the truth, and a character lost in
its marker is an exception in its parser. Here every command is one whose repetition does no harm, ends in a
marker with its status, and is typed again where the marker does not come; what was loaded and what was set is
compared by U-Boot itself. What then still goes wrong has a name: no console, flash error.
"""
import enum
import json
import os
import re
import subprocess
import tempfile

import attr
import pexpect
from labgrid.factory import target_factory
from labgrid.strategy import Strategy

from line import Line
from machine import TROUBLE, Session

BANNER = re.compile(r"U-Boot (?:SPL )?20\d\d")
KERNEL_SPEAKS = re.compile(r"\n\[ *\d+\.\d+\] |\n# (?:guest|begin)")
TRIES = 5
DONE = re.compile(r"@@(\d+)@@")


class BoardError(Exception):
    """verdict: "no console" or "flash error"; and what the board said."""
    def __init__(self, verdict, text):
        super().__init__(f"{verdict}: {text}")
        self.verdict, self.text = verdict, text


class UBoot(Session):
    """Its prompt, over a line that may lose characters. repeated counts what had to be typed again."""
    def __init__(self, line, prompt):
        super().__init__(line)
        self.prompt, self.repeated = prompt, 0

    def catch(self, wait):
        """From power on to the prompt, within wait seconds."""
        if self.child.expect([BANNER, "stop autoboot", self.prompt, pexpect.TIMEOUT], timeout=wait) == 3:
            raise BoardError("no console", f"nothing of U-Boot in {wait} s\n{self.child.text[-2000:]}")
        for _ in range(40):
            self.type(" ")
            if self.child.expect([self.prompt, pexpect.TIMEOUT], timeout=0.5) == 0:
                break
        self.ask("true", 5)

    def settle(self):
        """Forget what came until now, to the next silence."""
        while self.child.expect([".+", pexpect.TIMEOUT], timeout=0.3) == 0:
            pass

    def ask(self, command, wait=10, verdict="no console"):
        """Its status is 0 in the end, or a BoardError."""
        said = ""
        for _ in range(TRIES):
            self.type(f"{command}; echo @@$?@'@'\r")
            # The prompt without a marker before it: the marker was damaged, waiting on is no use.
            done = self.child.expect([DONE, self.prompt, pexpect.TIMEOUT], timeout=wait)
            said = self.child.before
            if done == 0 and self.child.match[1] == "0":
                self.settle()
                return
            self.repeated += 1
            self.type("\x03")
            self.settle()
        raise BoardError(verdict, f"U-Boot, {TRIES} times: {command}\n{said[-1500:]}")

    def start(self, command, wait):
        """Type what starts the kernel until it speaks."""
        for _ in range(TRIES):
            self.settle()
            self.type(command + "\r")
            self.child.expect(["\n", pexpect.TIMEOUT], timeout=2)
            if self.child.expect([KERNEL_SPEAKS, TROUBLE, self.prompt, pexpect.TIMEOUT], timeout=wait) in (0, 1):
                return
            if self.child.after is pexpect.TIMEOUT:
                break
            self.repeated += 1
        raise BoardError("no console", f"the kernel says nothing\n{self.child.text[-2000:]}")


def partition_bytes(card, number):
    table = json.loads(subprocess.run(["/usr/sbin/sfdisk", "--json", card], check=True, stdout=subprocess.PIPE).stdout)
    return table["partitiontable"]["partitions"][number - 1]["size"] * 512


def make_fat(path, size, files):
    with open(path, "wb") as image:
        image.truncate(size)
    subprocess.run(["mformat", "-i", path, "-v", "FATHOM", "::"], check=True)
    subprocess.run(["mcopy", "-i", path, *files, "::"], check=True)


class Status(enum.Enum):
    unknown, off, uboot, fathom = range(4)


@target_factory.reg_driver
@attr.s(eq=False)
class FathomStrategy(Strategy):
    """
    board: its name in boards/. server: whom U-Boot asks for files, if not who answered its DHCP.
    network: what makes U-Boot's network work. load: how U-Boot gets a file to an address.
    banner_s, kernel_s: seconds until U-Boot, and then the kernel, has to say something.
    boot_part: of a card in a multiplexer, the FAT partition that "load:" reads.
    """
    bindings = {"power": "PowerProtocol", "console": "ConsoleProtocol", "tftp": {"TFTPProviderDriver", None},
                "sdmux": {"USBSDMuxDriver", None}, "storage": {"USBStorageDriver", None}}
    board = attr.ib(default="", validator=attr.validators.instance_of(str))
    server = attr.ib(default="", validator=attr.validators.instance_of(str))
    network = attr.ib(default="setenv autoload no; dhcp", validator=attr.validators.instance_of(str))
    load = attr.ib(default="tftpboot {address} {file}", validator=attr.validators.instance_of(str))
    prompt = attr.ib(default=r"(?:=>|StarFive #) ", validator=attr.validators.instance_of(str))
    banner_s = attr.ib(default=30, validator=attr.validators.instance_of(int))
    kernel_s = attr.ib(default=60, validator=attr.validators.instance_of(int))
    boot_part = attr.ib(default=3, validator=attr.validators.instance_of(int))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.status = Status.unknown
        self.line = self.uboot = None
        self.card_is_written = False

    def transition(self, status):
        status = status if isinstance(status, Status) else Status[status]
        if status == Status.off:
            self.target.activate(self.power)
            self.power.off()
            self.target.deactivate(self.console)
        elif status == Status.uboot:
            # Who listens only after power on misses the first words.
            self.target.activate(self.console)
            self.target.activate(self.power)
            self.line = Line(self.console)
            self.uboot = UBoot(self.line, self.prompt)
            self.power.cycle()
            self.uboot.catch(self.banner_s)
        else:
            raise ValueError(f"boot() leads to {status}")
        self.status = status

    def write_card(self, card, files):
        """The whole card once, its boot partition with these files for each boot; it is the board's again after."""
        self.transition(Status.off)
        self.target.activate(self.sdmux)
        self.target.activate(self.storage)
        self.sdmux.set_mode("host")
        try:
            if not self.card_is_written:
                self.storage.write_image(card)
            self.card_is_written = True
            with tempfile.TemporaryDirectory(prefix="fathom-card-") as folder:
                make_fat(f"{folder}/boot.img", partition_bytes(card, self.boot_part), files)
                self.storage.write_image(f"{folder}/boot.img", partition=self.boot_part)
        finally:
            self.sdmux.set_mode("dut")

    def prepare(self, card, files):
        """Before power on: what U-Boot is to find. card: the image of the whole card."""
        if not self.sdmux:
            return
        try:
            self.write_card(str(card), files)
        except Exception as reason:
            raise BoardError("flash error", f"{card}: {reason}") from reason

    def file_for_uboot(self, path):
        """Its name for U-Boot."""
        if not self.tftp:
            return os.path.basename(path)
        self.target.activate(self.tftp)
        # labgrid 0.4.1 makes the link on another machine only; here it is made for it.
        link = os.path.join(self.tftp.provider.internal, os.path.basename(path))
        if os.path.isdir(self.tftp.provider.internal):
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(os.path.abspath(path), link)
        return self.tftp.stage(path)

    def fetch(self, path, address):
        try:
            name = self.file_for_uboot(path)
        except Exception as reason:
            raise BoardError("flash error", f"{path}: {reason}") from reason
        size = os.path.getsize(path)
        command = self.load.format(address=address, file=name)
        self.uboot.ask(f"{command} && test $filesize = {size:x}", 30 + size / 100000, "flash error")

    def boot(self, kernel, archive, arguments):
        """From U-Boot to the kernel's first line; archive may be None."""
        if self.network:
            self.uboot.ask(self.network, 60, "flash error")
        if self.server:
            self.uboot.ask(f"setenv serverip {self.server}")
        self.fetch(kernel, "$kernel_addr_r")
        ramdisk = "-"
        if archive:
            self.fetch(archive, "$ramdisk_addr_r")
            ramdisk = f"$ramdisk_addr_r:{os.path.getsize(archive):x}"
        self.uboot.ask(f"setenv bootargs '{arguments}' && test \"$bootargs\" = '{arguments}'")
        self.uboot.start(f"booti $kernel_addr_r {ramdisk} $fdtcontroladdr", self.kernel_s)
        self.status = Status.fathom
