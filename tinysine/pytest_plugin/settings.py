"""What can be chosen for a run with a board, and who decided: option over variable over file over default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinysine.errors import ConfigError, unknown_name
from tinysine.outside_text import one_line
from tinysine.variables import CONNECT_TIMEOUT_S, check_variables, connect_seconds


@dataclass(frozen=True)
class Setting:
    """One thing to choose: `--tinysine-NAME`, `TINYSINE_NAME`, or `tinysine_NAME` in pytest's own file."""

    name: str
    default: str
    help: str
    allowed: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """As typed on the command line."""
        return f"--tinysine-{self.name}"

    @property
    def variable(self) -> str:
        """As set in the environment."""
        return f"TINYSINE_{self.name.upper()}"

    @property
    def key(self) -> str:
        """As written in pytest's configuration file."""
        return f"tinysine_{self.name}"


DEFAULT_BOARD = "nano33ble-sense"
SETTINGS = (
    Setting("board", DEFAULT_BOARD, "board of the catalogue, or a part of its name"),
    Setting(
        "port",
        "",
        'serial port or pyserial URL of the board, or "auto" for the one that is attached; '
        'without it, or by "twin", the board\'s twin is started',
    ),
    Setting("probe", "", "serial number of the debug probe on the board"),
    Setting("bench", "", "bench file: which boards hang on this computer, and how"),
    Setting("boards", "", "folder with board files of one's own; several as in PATH"),
    Setting("model", "", "the .tflite file under test; without it the reference sine model"),
    Setting("rounding", "litert", "whose answers the firmware must give", ("litert", "tflm")),
    Setting("optimize", "speed", "profile of the generated engine", ("speed", "size")),
    Setting("prune", "no", "whether neurons proved constant are folded away", ("no", "yes")),
    Setting("toolchain", "auto", "compiler of the firmware", ("auto", "gcc", "zig")),
    Setting("soak", "0", "further inferences of known answer, over resets of the board"),
    Setting("timeout", f"{CONNECT_TIMEOUT_S:g}", "seconds that connecting to the board may take"),
)


@dataclass(frozen=True)
class Chosen:
    """A value and where it came from: an option, a variable, a file's name, or "default"."""

    value: str
    source: str


Choices = Mapping[str, Chosen]


def choose(
    options: Mapping[str, str | None],
    variables: Mapping[str, str],
    file: Mapping[str, str | None],
    *,
    file_name: str,
) -> Choices:
    """Settle every setting.

    Args:
        options, file: value by setting name; None or absent where not given.
        variables: the whole environment. An empty variable counts as not set, as CI files write it; but not the port's.
        file_name: what to call the file when it decides.
    Returns:
        By setting name.
    Raises:
        ConfigError: a value, or a variable of this family, that means nothing; names the nearest that does.
    """
    check_variables(variables)
    chosen = {}
    for setting in SETTINGS:
        candidates = (
            (options.get(setting.name), setting.option),
            (variables.get(setting.variable) or None, setting.variable),
            (file.get(setting.name) or None, file_name),
            (setting.default, "default"),
        )
        if setting.name == "port" and options.get("port") == "":
            # A variable of a CI job that is not set, most likely: not the same as asking for the twin.
            raise ConfigError(
                f"{setting.option} is empty",
                hint="name a port, or leave the option away for the board's twin",
                key=setting.option,
            )
        value, source = next((value, source) for value, source in candidates if value is not None)
        _refuse_nonsense(setting, value, source)
        chosen[setting.name] = Chosen(value, source)
    return chosen


def describe(choices: Choices) -> str:
    """Say in one line what is under test and who decided it; defaults but board and port go unsaid."""
    return ", ".join(
        f"{name} {one_line(chosen.value) or 'twin'} ({'' if chosen.source == 'default' else 'from '}{chosen.source})"
        for name, chosen in choices.items()
        if name in ("board", "port") or chosen.source != "default"
    )


def _refuse_nonsense(setting: Setting, value: str, source: str) -> None:
    if setting.allowed and value not in setting.allowed:
        message = f"{setting.name} {value!r} (from {source}) is not known"
        raise unknown_name(message, value, setting.allowed, key=setting.name)
    if setting.name == "soak" and not (value.isascii() and value.isdecimal()):
        raise ConfigError(
            f"soak {value!r} (from {source}) is not a number of inferences",
            hint="such as 10000",
            key=setting.name,
        )
    if setting.name == "timeout":
        connect_seconds(value, source)
    if setting.name == "port" and "://" in value:
        from tinysine.link import checked_url  # noqa: PLC0415  # brings numpy

        checked_url(value)
