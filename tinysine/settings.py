"""Settings of a run with a board, each declared once: name, kind, default, help, environment variable.

The command line makes its options of this table, and the pytest plugin makes its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tinysine.errors import ConfigError, unknown_name

FAMILY = "TINYSINE_"
# The time to connect to a board, by default: one that resets when its port is opened may boot for 5 s.
CONNECT_TIMEOUT_S = 8.0
SAMPLED_INPUTS = 1000  # that are checked where not all can be, beside the corners

Kind = Literal["text", "switch", "count", "seconds"]


@dataclass(frozen=True)
class Setting:
    """One thing to choose.

    Attributes:
        name: `--NAME` on the command line, `--tinysine-NAME` and `tinysine_NAME` for pytest, `TINYSINE_NAME` for both.
        default: as it would be typed; "" for none.
        help: a sentence without its full stop.
        metavar: stands for the value in help.
        allowed: values; empty where any is.
        kind: of the value: "switch" is no or yes, "count" a whole number that is not negative,
            "seconds" a positive number.
    """

    name: str
    default: str
    help: str
    metavar: str = ""
    allowed: tuple[str, ...] = ()
    kind: Kind = "text"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return FAMILY + self.name.upper()

    @property
    def option(self) -> str:
        """The option of pytest."""
        return f"--tinysine-{self.name}"

    @property
    def key(self) -> str:
        """The key in pytest's configuration file."""
        return f"tinysine_{self.name}"

    def check(self, value: str | float, source: str) -> None:
        """Refuse a value that means nothing.

        Args:
            value: as it was written.
            source: the option, variable or file that it came from.
        Raises:
            ConfigError: facts key, and allowed and nearest where only some values are allowed.
        """
        text = str(value)
        if self.allowed and text not in self.allowed:
            raise unknown_name(
                f"{self.name} {text!r} (from {source}) is not known", text, self.allowed, key=self.name
            )
        if self.kind == "count" and not (text.isascii() and text.isdecimal()):
            raise ConfigError(
                f"{self.name} {text!r} (from {source}) is not a whole number",
                hint="such as 10000",
                key=self.name,
            )
        if self.kind == "seconds" and not _is_positive(text):
            raise ConfigError(
                f"{self.name} {text!r} (from {source}) is not a positive number of seconds",
                hint=f"such as {self.default} or 0.5",
                key=self.name,
            )


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


BOARD = Setting(
    "board",
    "nano33ble-sense",
    "Board of the catalogue, or a part of its name; `tinysine boards` lists them",
    "NAME",
)
PORT = Setting(
    "port",
    "",
    "Serial port or pyserial URL of a board that is there, or auto for the one that is attached; "
    "without it, or by twin, an emulated one is started",
    "PORT",
)
PROBE = Setting(
    "probe",
    "",
    "Serial number of the debug probe on the board; needed where several are attached",
    "SERIAL",
)
BENCH = Setting(
    "bench",
    "",
    "Bench file: which boards are connected to this computer, and how; without it tinysine-bench.toml, if it is there",
    "FILE",
)
BOARDS = Setting("boards", "", "A folder with board files of your own; several as in PATH", "DIR")
MODEL = Setting("model", "", "The .tflite file under test; without it the reference sine model", "FILE")
DATA = Setting(
    "data",
    "",
    "Inputs to ask instead of random ones: .npz, .npy or .csv, floats as real values, whole numbers as codes, "
    "with labels perhaps",
    "FILE",
)
FIRMWARE = Setting(
    "firmware",
    "own",
    "own builds and flashes it; foreign asks what runs at the port, of any maker, and flashes nothing",
    allowed=("own", "foreign"),
)
ROUNDING = Setting(
    "rounding",
    "litert",
    "Whose answers the firmware must give, bit for bit: LiteRT's or TensorFlow Lite Micro's",
    allowed=("litert", "tflm"),
)
OPTIMIZE = Setting("optimize", "speed", "Profile of the generated engine", allowed=("speed", "size"))
PRUNE = Setting("prune", "no", "Fold neurons that are proved constant", allowed=("no", "yes"), kind="switch")
TOOLCHAIN = Setting(
    "toolchain", "auto", "Compiler; auto takes GCC where it is installed", allowed=("auto", "gcc", "zig")
)
SOAK = Setting(
    "soak",
    "0",
    "Ask for so many further inferences of known answer, over resets of the board",
    "N",
    kind="count",
)
TIMEOUT = Setting(
    "timeout",
    f"{CONNECT_TIMEOUT_S:g}",
    "Seconds that connecting to the board may take; a board that resets when its port is opened boots first",
    "S",
    kind="seconds",
)
SETTINGS = (
    *(BOARD, PORT, PROBE, BENCH, BOARDS, MODEL),
    *(DATA, FIRMWARE, ROUNDING, OPTIMIZE, PRUNE, TOOLCHAIN, SOAK, TIMEOUT),
)
LOCKS = FAMILY + "LOCKS"  # where leases are kept: a matter of the computer, not of one run
VARIABLES = (*(setting.variable for setting in SETTINGS), LOCKS)


def from_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Settings that the environment decides, by name, unchecked. An empty variable counts as not set, as CI files
    write it.
    """
    return {setting.name: value for setting in SETTINGS if (value := variables.get(setting.variable))}


def no_port_for_foreign() -> ConfigError:
    """Return the error for foreign firmware without a port: nothing can be started for it."""
    return ConfigError(
        "foreign firmware is asked where it runs, and no port was named",
        hint=f"--port, {PORT.option} or {PORT.variable} with the serial port or URL of the device",
        key="port",
    )
