"""Settings of a run with a board, each declared once: name, kind, allowed values, default, help, environment variable.

The command line makes its options of this table, and the pytest plugin makes its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast, get_args

from tinysine.errors import ConfigError, unknown_name

FAMILY = "TINYSINE_"
# The time to connect to a board, by default: one that resets when its port is opened may boot for 5 s.
CONNECT_TIMEOUT_S = 8.0
SAMPLED_INPUTS = 1000  # that are checked where not all can be, beside the corners

# What is allowed where only some values are: for whoever takes such a value, and for the settings themselves.
Firmware = Literal["own", "foreign"]
Reference = Literal["litert", "tflm", "tflm-float32"]
Optimize = Literal["speed", "size", "table"]
Toolchain = Literal["auto", "gcc", "zig"]
Flashing = Literal["auto", "always", "never"]

Kind = Literal["text", "path", "choice", "switch", "count", "number", "seconds"]
T = TypeVar("T")


LEAST_S = 0.001  # that anything is waited for: no device answers sooner


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One thing to choose. T is the type of its value in the program.

    Attributes:
        name: `--NAME` on the command line, `--tinysine-NAME` and `tinysine_NAME` for pytest, `TINYSINE_NAME` for both;
            a hyphen in it is an underscore in the last two.
        default: as it would be typed; "" for none.
        help: a sentence without its full stop.
        metavar: stands for the value in help.
        allowed: values; empty where any is.
        former: name that it had before, which is still taken everywhere; "" for none.
        kind: of the value: "path" names a file or a folder, "choice" is one of those allowed, "switch" no or yes,
            "count" a whole number, "number" any that is not negative, "seconds" a positive number.
        least: of a count.
        most: of a number or of seconds; what waits takes no more, and never less than LEAST_S.
    """

    name: str
    default: str
    help: str
    metavar: str = ""
    allowed: tuple[str, ...] = ()
    kind: Kind = "text"
    former: str = ""
    least: int = 0
    most: float = math.inf

    @property
    def start(self) -> T:
        """Its value where nobody chooses."""
        return self.value(self.default)

    def value(self, text: str) -> T:
        """Return what a text that passed `check` stands for."""
        made: object = text
        if self.kind == "switch":
            made = text == "yes"
        elif self.kind == "count":
            made = int(text)
        elif self.kind in ("number", "seconds"):
            made = float(text)
        return cast("T", made)

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, and the former one if there is one."""
        return (self.name, self.former) if self.former else (self.name,)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in the environment, today's first."""
        return tuple(FAMILY + name.upper().replace("-", "_") for name in self.names)

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return self.variables[0]

    @property
    def options(self) -> tuple[str, ...]:
        """The options of pytest, today's first."""
        return tuple(f"--tinysine-{name}" for name in self.names)

    @property
    def option(self) -> str:
        """The option of pytest."""
        return self.options[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in pytest's configuration file, today's first."""
        return tuple(f"tinysine_{name.replace('-', '_')}" for name in self.names)

    @property
    def key(self) -> str:
        """The key in pytest's configuration file."""
        return self.keys[0]

    @property
    def _bounds(self) -> str:
        if math.isfinite(self.most):
            return f" below {self.most:.15g}"
        return ", or a negative one" if self.kind == "number" else ""

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
        if self.kind == "count" and int(text) < self.least:
            raise ConfigError(
                f"{self.name} {text!r} (from {source}) is less than {self.least}",
                hint=f"such as {self.default}",
                key=self.name,
            )
        if self.kind == "number" and not 0 <= _number(text) < self.most:
            raise ConfigError(
                f"{self.name} {text!r} (from {source}) is not a number{self._bounds}",
                hint=f"such as {self.default if float(self.default) else '1e-5'}",
                key=self.name,
            )
        if self.kind == "seconds" and not LEAST_S <= _number(text) < self.most:
            raise ConfigError(
                f"{self.name} {text!r} (from {source}) is not a positive number of seconds{self._bounds}, "
                f"and at least {LEAST_S:g}",
                hint=f"such as {self.default} or 0.5",
                key=self.name,
            )


def _number(text: str) -> float:
    try:
        # Python takes the digits of every script, and 1_0.
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


BOARD: Setting[str] = Setting(
    "board",
    "nano33ble-sense",
    "Board of the catalogue, or a part of its name; `tinysine boards` lists them",
    "NAME",
)
PORT: Setting[str] = Setting(
    "port",
    "",
    "Serial port or pyserial URL of a real board; auto for the only board that is attached; labgrid:PLACE"
    " for a board of a farm; twin, or no port at all, starts an emulated board",
    "PORT",
)
PROBE: Setting[str] = Setting(
    "probe",
    "",
    "Serial number of the debug probe on the board; needed where several are attached",
    "SERIAL",
)
BENCH: Setting[str] = Setting(
    "bench",
    "",
    "Bench file: the boards that are connected to this computer, and how; by default tinysine-bench.toml,"
    " if it exists",
    "FILE",
    kind="path",
)
PLACE: Setting[str] = Setting(
    "place",
    "",
    "Id of a board in the bench file, which says what board that is and where it is connected",
    "ID",
)
BOARDS: Setting[str] = Setting(
    "boards",
    "",
    "Folder with board files of your own; several folders are separated as in PATH",
    "DIR",
    kind="path",
)
MODEL: Setting[str] = Setting(
    "model",
    "",
    "Model under test: a .tflite file, or C source with its bytes; by default the reference sine model",
    "FILE",
    kind="path",
)
DATA: Setting[str] = Setting(
    "data",
    "",
    "File with inputs to ask instead of random ones: .npz, .npy or .csv, perhaps with labels; floats are "
    "real values, whole numbers are codes",
    "FILE",
    kind="path",
)
FIRMWARE: Setting[Firmware] = Setting(
    "firmware",
    "own",
    "own builds tinysine's firmware and flashes it; foreign tests the firmware that runs at the port "
    "already, and flashes nothing",
    allowed=get_args(Firmware),
    kind="choice",
)
ENGINE: Setting[str] = Setting(
    "engine",
    "generated",
    "Inference engine: generated is tinysine's own; bakenn, bakenn-cmsis-nn, tflm; or a folder with engine.toml",
    "NAME",
)
REFERENCE: Setting[Reference] = Setting(
    "reference",
    "litert",
    "Reference that every answer must equal, bit for bit: litert (LiteRT), tflm (TensorFlow Lite Micro), "
    "or tflm-float32 (TensorFlow Lite Micro as a device computes it)",
    allowed=get_args(Reference),
    kind="choice",
    former="rounding",
)
OPTIMIZE: Setting[Optimize] = Setting(
    "optimize",
    "speed",
    "What the generated engine is optimised for; table stores all 256 answers of a network whose input is"
    " one value of 8 bits",
    allowed=get_args(Optimize),
    kind="choice",
)
PRUNE: Setting[bool] = Setting(
    "prune",
    "no",
    "Leave out neurons and channels that are proved constant",
    allowed=("no", "yes"),
    kind="switch",
)
TOOLCHAIN: Setting[Toolchain] = Setting(
    "toolchain",
    "auto",
    "Compiler; auto takes GCC where it is installed, else Zig",
    allowed=get_args(Toolchain),
    kind="choice",
)
TOLERANCE: Setting[int] = Setting(
    "tolerance",
    "0",
    "Largest allowed difference of an output, in codes; only for engines and firmware that are not tinysine's own",
    "N",
    kind="count",
)
TOLERANCE_ABS: Setting[float] = Setting(
    "tolerance-abs",
    "0",
    "Largest allowed difference of a float32 output, in its own unit; needed if an engine computes in floats",
    "X",
    kind="number",
)
SOAK: Setting[int] = Setting(
    "soak",
    "0",
    "Number of further inferences whose answers are known; the board is reset from time to time",
    "N",
    kind="count",
)
TIMEOUT: Setting[float] = Setting(
    "timeout",
    f"{CONNECT_TIMEOUT_S:g}",
    "Seconds that connecting to the board may take; a board that resets when its port is opened needs "
    "time to boot",
    "S",
    kind="seconds",
    most=1e6,
)
INPUTS: Setting[int] = Setting(
    "inputs",
    f"{SAMPLED_INPUTS}",
    "Number of random inputs, if there are too many to ask all of them; verify needs at least 64",
    "N",
    kind="count",
    least=1,
)
SEED: Setting[int] = Setting(
    "seed",
    "0",
    "Seed of the random inputs, and of the choice of inputs that are timed",
    "N",
    kind="count",
)
SETTINGS: tuple[Setting[Any], ...] = (
    *(BOARD, PORT, PLACE, PROBE, BENCH, BOARDS, MODEL),
    *(DATA, INPUTS, SEED, ENGINE, FIRMWARE, REFERENCE, OPTIMIZE, PRUNE, TOOLCHAIN),
    *(TOLERANCE, TOLERANCE_ABS, SOAK, TIMEOUT),
)
# Of the computer, or of what one command writes, not of a run: they have a variable and no option of pytest.
HISTORY: Setting[str] = Setting(
    "history", "", "History file of all commands that read or write one", "FILE", kind="path"
)
LOCKS: Setting[str] = Setting(
    "locks", "", "Folder of the leases, which give a board to one user at a time", "DIR", kind="path"
)
LABGRID: Setting[str] = Setting(
    "labgrid",
    "",
    "The program labgrid-client, in the environment that has labgrid; by default the one on PATH",
    "FILE",
    kind="path",
)
LABGRID_WAIT: Setting[float] = Setting(
    "labgrid-wait",
    "600",
    "Seconds to wait for a board of a farm that somebody else uses",
    "S",
    kind="number",
    most=1e6,
)
OF_THE_COMPUTER: tuple[Setting[Any], ...] = (HISTORY, LOCKS, LABGRID, LABGRID_WAIT)
VARIABLES = tuple(name for setting in (*SETTINGS, *OF_THE_COMPUTER) for name in setting.variables)


def from_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Settings that the environment decides, by name, unchecked. An empty variable counts as not set, as CI files
    write it.

    Raises:
        ConfigError: today's variable of a setting and its former one differ.
    """
    decided: dict[str, str] = {}
    for setting in SETTINGS:
        given = {name: value for name in setting.variables if (value := variables.get(name))}
        if len(set(given.values())) > 1:
            raise ConfigError(
                " and ".join(f"{name} is {value!r}" for name, value in given.items())
                + ": they are one setting",
                hint=f"set {setting.variable} alone",
                key=setting.name,
            )
        if given:
            decided[setting.name] = next(iter(given.values()))
    return decided


def engine_for_foreign(options: str) -> ConfigError:
    """Return the error for foreign firmware and an engine at once.

    Args:
        options: what names the two to this user.
    """
    return ConfigError(
        "foreign firmware has an engine of its own, and nothing is built of the one that was named",
        hint=f"leave out {options}",
        key="engine",
    )


def no_port_for_foreign(options: str) -> ConfigError:
    """Return the error for foreign firmware without a port: nothing can be started for it, or found by its USB device.

    Args:
        options: what names a port to this user.
    """
    return ConfigError(
        "foreign firmware is asked where it runs, and no port was named",
        hint=f"{options} with the serial port or URL of the device; `tinysine boards` lists what is attached",
        key="port",
    )
