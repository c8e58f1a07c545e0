"""A place with a board on it, ready to be flashed and talked to: a twin, or a board of this computer."""

from tinysine.rigs.installation import Build, Flashing, Installation
from tinysine.rigs.lease import Lease, LeaseRecord, lease_on, take_lease
from tinysine.rigs.rig import UNPROVED_UNIT, Flasher, Rig, RigKind, open_rig
from tinysine.rigs.station import Checkup, Station

__all__ = [
    "UNPROVED_UNIT",
    "Build",
    "Checkup",
    "Flasher",
    "Flashing",
    "Installation",
    "Lease",
    "LeaseRecord",
    "Rig",
    "RigKind",
    "Station",
    "lease_on",
    "open_rig",
    "take_lease",
]
