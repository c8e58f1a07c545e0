"""Arduino's AVR core and its compiler, wherever this computer has them."""

from __future__ import annotations

import functools
import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import Board
from tinysine.errors import BuildError, ConfigError

INSTALL_HINT = (
    "apt install gcc-avr avr-libc arduino-core-avr (Debian, Ubuntu), or arduino-cli core install arduino:avr"
)
_DEBIAN = Path("/usr/share/arduino/hardware/arduino/avr")
_BOARD_OPTION = "arduino-cli"  # in Board.flash_options: Arduino's full name, such as arduino:avr:uno


@dataclass(frozen=True)
class ArduinoCore:
    """The sources that make a sketch a program.

    Attributes:
        folder: with cores/, variants/ and boards.txt.
        version: as its platform.txt says.
    """

    folder: Path
    version: str

    @property
    def sources(self) -> tuple[Path, ...]:
        """Return the files to compile, in a fixed order."""
        return tuple(sorted(p for p in self._core.iterdir() if p.suffix in (".c", ".cpp", ".S")))

    @property
    def _core(self) -> Path:
        return self.folder / "cores" / "arduino"

    def includes(self, target: ArduinoTarget) -> tuple[Path, ...]:
        """The include path for one kind of board."""
        return self._core, self.folder / "variants" / target.variant

    def digest(self) -> str:
        """SHA-256 over all of the core and its variants, hexadecimal."""
        digest = hashlib.sha256()
        for room in (self._core, self.folder / "variants"):
            for path in sorted(p for p in room.rglob("*") if p.is_file()):
                digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class ArduinoTarget:
    """Arduino's facts about a board.

    Attributes:
        mcu: the compiler's name for the chip.
        clock: the value of F_CPU, as C.
        macro: the board's own, such as AVR_UNO.
        variant: the folder that says which pin is which.
    """

    mcu: str
    clock: str
    macro: str
    variant: str


def find_arduino_core() -> ArduinoCore:
    """The AVR core: Debian's, else the newest that Arduino's own tools have installed.

    Raises:
        BuildError: there is none.
    """
    installed = sorted(_packages().glob("hardware/avr/*"), key=_version_key, reverse=True)
    for folder in (_DEBIAN, *installed):
        if (folder / "cores" / "arduino" / "Arduino.h").is_file():
            facts = _properties(folder / "platform.txt")
            return ArduinoCore(folder, facts.get("version", "unknown"))
    raise BuildError(
        "Arduino's AVR core is not installed",
        hint=INSTALL_HINT,
        tool="arduino-core-avr",
        command="",
        output="",
    )


def avr_gcc_program() -> str | None:
    """The AVR's compiler: on PATH, else the newest that Arduino's own tools have installed; None: there is none."""
    bins = sorted(_packages().glob("tools/avr-gcc/*/bin"), key=lambda p: _version_key(p.parent), reverse=True)
    found = (shutil.which("avr-gcc", path=path) for path in (None, *map(str, bins)))
    return next((path for path in found if path), None)


def arduino_target(board: Board, core: ArduinoCore) -> ArduinoTarget:
    """Return the facts of a catalogue board from the core's boards.txt.

    Raises:
        ConfigError: the board's file does not say which one that is, or the core has no such board.
    """
    full_name = board.flash_options.get(_BOARD_OPTION, "")
    name = full_name.split(":")[2] if full_name.count(":") >= 2 else ""
    facts = _properties(core.folder / "boards.txt")
    keys = ("mcu", "f_cpu", "board", "variant")
    values = [facts.get(f"{name}.build.{key}") for key in keys]
    if not name or None in values:
        raise ConfigError(
            f"{board.name}: Arduino's AVR core {core.version} has no board {full_name!r}",
            hint=f'the board file names it: [flash_options] {_BOARD_OPTION} = "arduino:avr:uno"',
            key=f"flash_options.{_BOARD_OPTION}",
        )
    mcu, clock, macro, variant = (str(value) for value in values)
    return ArduinoTarget(mcu, clock, macro, variant)


@functools.cache
def _properties(path: Path) -> dict[str, str]:
    """`key=value` lines of one of Arduino's text files; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


def _packages() -> Path:
    """Return the folder in which arduino-cli and the Arduino IDE install the files of Arduino's own boards."""
    homes = {"darwin": "Library/Arduino15", "win32": "AppData/Local/Arduino15"}
    return Path.home() / homes.get(sys.platform, ".arduino15") / "packages" / "arduino"


def _version_key(folder: Path) -> tuple[tuple[int, str], ...]:
    """1.8.10 is after 1.8.9."""
    parts = folder.name.replace("-", ".").split(".")
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
