# SPDX-License-Identifier: MIT
"""A card's USB-SD-Mux for labgrid that is none: emulated.py carries out its commands. The environment imports it."""
import attr
from labgrid.factory import target_factory
from labgrid.resource.common import ResourceManager
from labgrid.resource.udev import USBSDMuxDevice


@target_factory.reg_resource
@attr.s(eq=False)
class EmulatedSDMux(USBSDMuxDevice):
    """program: emulated.py; folder: the board's. Always plugged in, so udev is not asked."""
    manager_cls = ResourceManager
    program = attr.ib(default="", validator=attr.validators.instance_of(str))
    folder = attr.ib(default="", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.control_path, self.disk_path = "/dev/desk-mux", "/dev/desk"

    def poll(self):
        pass

    @property
    def command_prefix(self):
        return [*self.program.split(), "host", self.folder]
