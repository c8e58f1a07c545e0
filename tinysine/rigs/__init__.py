"""A place with a board on it, ready to be flashed and talked to: a twin, or a board of this computer."""

from tinysine.rigs.installation import Build, Installation
from tinysine.rigs.lease import Lease, LeaseRecord, lease_on, take_lease
from tinysine.rigs.local import LocalRig
from tinysine.rigs.opening import await_port, open_rig
from tinysine.rigs.rig import UNPROVED_UNIT, Rig, RigKind
from tinysine.rigs.station import Checkup, Rung, Station
from tinysine.rigs.twin import TwinRig
from tinysine.settings import Flashing

__all__ = [
    "UNPROVED_UNIT",
    "Build",
    "Checkup",
    "Flashing",
    "Installation",
    "Lease",
    "LeaseRecord",
    "LocalRig",
    "Rig",
    "RigKind",
    "Rung",
    "Station",
    "TwinRig",
    "await_port",
    "lease_on",
    "open_rig",
    "take_lease",
]
