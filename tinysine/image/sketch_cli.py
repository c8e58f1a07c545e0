"""The sketch compiled by arduino-cli, for boards whose core nobody but Arduino's own tools can build.

The folder is the one that `export-arduino` writes, but for the build id, which here names the compiler's versions, too.
"""

from __future__ import annotations

import functools
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import Board
from tinysine.errors import BuildError, ConfigError, ImageTooLarge, raise_as
from tinysine.image.arduino import DSP_ENGINE_FILE, ENGINE_FILE, SKETCH_NAME, Sketch, with_build_id
from tinysine.image.cache import digest_of
from tinysine.image.kept_images import ELF_NAME
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import Toolchain
from tinysine.image.values import Linked

PROGRAM = "arduino-cli"
INSTALL = "install arduino-cli, then: arduino-cli core install "
_OPTION = "arduino-cli"  # in Board.flash_options: Arduino's full name, such as arduino:mbed_nano:nano33ble
# The linker's words, or arduino-cli's own, which come even where the linker was content.
_OVERFLOW = re.compile(
    r"region [`'](?P<region>\w+)' overflowed by (?P<over>\d+) bytes"
    r"|(?P<what>Sketch|Global variables) uses? (?P<used>\d+) bytes [^\n]*Maximum is (?P<most>\d+) bytes"
)
_COMPILE_S = 900.0  # the first build of a core on an operating system takes minutes


@dataclass(frozen=True)
class CliRecipe:
    """Everything that decides the bytes of an image that arduino-cli compiles.

    Attributes:
        full_name: Arduino's, of the board.
    """

    board: Board
    toolchain: Toolchain
    full_name: str
    sketch: Sketch

    def build_id(self, model_sha256: str) -> bytes:
        """See `Recipe`."""
        return digest_of(
            self.sketch.build_id, model_sha256, self.board.name, self.full_name, self.toolchain.version
        )

    def link(self, build_id: bytes, work: Path) -> Linked:
        """See `Recipe`."""
        folder, build = work / SKETCH_NAME, work / "build"
        for path, text in with_build_id(self.sketch.files, build_id).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        # Not the profile of sketch.yaml: that would download a core of its own.
        command = [
            self.toolchain.path,
            "compile",
            "--fqbn",
            self.full_name,
            "--build-path",
            str(build),
            str(folder),
        ]
        try:
            run_tool(PROGRAM, command, cwd=work, timeout_s=_COMPILE_S)
        except BuildError as error:
            raise_as(overflow_of(str(error.facts["output"]), self.board, command), error)
        elf, engine = work / ELF_NAME, self._engine_object(build, command)
        shutil.copyfile(_only(build, f"{SKETCH_NAME}.ino.elf", command), elf)
        (work / "engine.c").write_text(
            self.sketch.files[f"src/{engine.name.removesuffix('.o')}"], encoding="utf-8"
        )
        return Linked(elf=elf, engine_objects=(engine,), stack_bytes=0, own_script=False)

    def _engine_object(self, build: Path, command: list[str]) -> Path:
        """The object of the engine for this core; the other one has nothing in it."""
        names = [f"{Path(name).name}.o" for name in (DSP_ENGINE_FILE, ENGINE_FILE)]
        found = [path for name in names for path in sorted(build.rglob(name))]
        if not found:
            raise _unexpected(f"no {' or '.join(names)}", command)
        return max(found, key=lambda path: path.stat().st_size)


def cli_recipe(board: Board, toolchain: str, sketch: Sketch) -> CliRecipe:
    """The recipe for a board, with the tools that `find_arduino_cli` finds; raises what that raises."""
    return CliRecipe(board, find_arduino_cli(board, toolchain), board.flash_options[_OPTION], sketch)


def find_arduino_cli(board: Board, toolchain: str) -> Toolchain:
    """The arduino-cli that is installed, with the board's core; its version names both.

    Args:
        toolchain: the choice that was made; the core brings its own, so only "auto" can be meant.
    Raises:
        BuildError: no arduino-cli, or not the board's core.
        ConfigError: the board's file does not name the board as Arduino does; a toolchain that cannot be chosen.
    """
    full_name = board.flash_options.get(_OPTION, "")
    if not board.is_buildable or full_name.count(":") < 2:
        raise ConfigError(
            f"{board.name} runs sketches that the Arduino IDE has compiled; tinysine cannot build for it",
            hint="`tinysine export-arduino MODEL DIR` writes the sketch; upload it, then verify with --flash never",
            key=f"flash_options.{_OPTION}",
        )
    if toolchain != "auto":
        raise ConfigError(
            f"{board.name}: Arduino's core brings its own compiler, not {toolchain!r}",
            hint="leave --toolchain out",
            key="toolchain",
        )
    core = ":".join(full_name.split(":")[:2])
    path = shutil.which(PROGRAM)
    if path is None:
        raise _missing(f"{PROGRAM} is not installed", core)
    return Toolchain("arduino-cli", _versions(path, core, board.name), path)


@functools.cache  # asked before a run begins, and again by the build
def _versions(path: str, core: str, board: str) -> str:
    version = run_tool(PROGRAM, [path, "version"], timeout_s=30.0).strip()
    # A table with the columns ID, Installed, Latest and Name, in every version of arduino-cli so far.
    table = run_tool(PROGRAM, [path, "core", "list"], timeout_s=30.0)
    row = re.search(rf"^{re.escape(core)}\s+(\S+)", table, re.MULTILINE)
    if row is None:
        raise _missing(f"{PROGRAM} has no core {core}, which {board} needs", core)
    return f"{version}, {core} {row[1]}"


def overflow_of(output: str, board: Board, command: list[str]) -> ImageTooLarge | None:
    """The error for a sketch that arduino-cli found too large; None where it failed over something else."""
    excess = {}
    for found in _OVERFLOW.finditer(output):
        in_flash = found["what"] == "Sketch" or "FLASH" in (found["region"] or "").upper()
        by = int(found["over"] or int(found["used"]) - int(found["most"]))
        excess["flash" if in_flash else "ram"] = by
    memory = max(excess, key=lambda name: excess[name], default="")
    if not memory or excess[memory] <= 0:
        return None
    by = excess[memory]
    return ImageTooLarge(
        f"the sketch needs {by:,} bytes of {memory if memory == 'flash' else 'RAM'} more than {board.name} has",
        hint="a smaller model, or --optimize size" if memory == "flash" else "a smaller model",
        memory=memory,
        excess_bytes=by,
        tool=PROGRAM,
        command=command,
        output=output,
    )


def _missing(message: str, core: str) -> BuildError:
    hint = f"{INSTALL}{core}; or upload the sketch of `tinysine export-arduino` by the Arduino IDE, and --flash never"
    return BuildError(message, hint=hint, tool=PROGRAM, command="", output="")


def _only(folder: Path, name: str, command: list[str]) -> Path:
    path = folder / name
    if not path.is_file():
        raise _unexpected(f"no {name}", command)
    return path


def _unexpected(what: str, command: list[str]) -> BuildError:
    return BuildError(
        f"{PROGRAM} was content, but left {what} in its build folder",
        hint="run the command by hand",
        tool=PROGRAM,
        command=command,
        output="",
    )
