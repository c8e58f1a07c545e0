"""A device and a rig made up for tests: no board, no program, no waiting.

`FakeDevice` speaks the protocol, `FakeLine` carries its bytes over a line that may lose, change or delay them, and
`FakeRig` is a rig with such a device on it. Time is `FakeClock`'s: it passes only where somebody waits.
"""

from tinysine.testing.fake_device import (
    ALL_REQUESTS,
    FLOAT32,
    INT8,
    INT16,
    UINT8,
    FakeDevice,
    FakeLayer,
    FakeTensor,
)
from tinysine.testing.fake_line import FakeClock, FakeLine
from tinysine.testing.fake_rig import FakeRig

__all__ = [
    "ALL_REQUESTS",
    "FLOAT32",
    "INT8",
    "INT16",
    "UINT8",
    "FakeClock",
    "FakeDevice",
    "FakeLayer",
    "FakeLine",
    "FakeRig",
    "FakeTensor",
]
