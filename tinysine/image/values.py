"""An image and its sizes as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tinysine.boards import Board
from tinysine.image.engines import GENERATED
from tinysine.image.toolchain import Toolchain
from tinysine.quantization import Rounding
from tinysine.settings import Optimize


@dataclass(frozen=True)
class ForeignBuild:
    """An exported sketch that somebody else has compiled and uploaded: what was exported is known, its bytes are not.

    Attributes:
        board: that it runs on.
        model_sha256: of the .tflite file, hexadecimal.
        build_id: 16 bytes that name the sources, the model and the settings, but no compiler.
        rounding, optimize, prune: of the engine.
        arena_bytes: planned for the engine, for each of those among which the core chooses.
    """

    board: Board
    model_sha256: str
    build_id: bytes
    rounding: Rounding
    optimize: Optimize
    prune: bool
    arena_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Linked:
    """A linked file and what it was linked from.

    Attributes:
        engine_objects: those of the engine.
        stack_bytes: reserved for the stack; 0 where nobody tells.
        stack_bound_bytes: the most that one inference can take; None: unknown.
        own_script: whether the linker script was ours, with the symbols that ours promises.
    """

    elf: Path
    engine_objects: tuple[Path, ...]
    stack_bytes: int
    stack_bound_bytes: int | None = None
    own_script: bool = True


class Recipe(Protocol):
    """Everything that decides the bytes of an image."""

    @property
    def toolchain(self) -> Toolchain:
        """Toolchain that compiles it."""

    def build_id(self, model_sha256: str) -> bytes:
        """16 bytes of a SHA-256 over all of it, the paths of this computer left out."""

    def link(self, build_id: bytes, work: Path) -> Linked:
        """Compile and link.

        Args:
            work: a folder for all of it; the generated engine is left there as engine.c.
        Raises:
            BuildError: a tool failed.
            ImageTooLarge: it does not fit the board.
        """


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of an image, read from its ELF file. Units: bytes.

    Attributes:
        flash_bytes: all that is written to flash: code, constants, initial values of data.
        static_ram_bytes: data and bss, the arena included, as the device reports it; neither the stack nor
            the fault record that survives a reset.
        model_bytes: the engine's constants in flash: weights, biases, multipliers, the model's description.
        engine_bytes: the engine in flash: its code and those constants.
    """

    flash_bytes: int
    static_ram_bytes: int
    model_bytes: int
    engine_bytes: int


@dataclass(frozen=True)
class Image:
    """A firmware image for one board, one model, one rounding.

    Attributes:
        elf: the file that is flashed.
        binary: the same as raw bytes from the start of the board's flash; None on the host.
        board: that it was built for.
        model_sha256: of the .tflite file, hexadecimal.
        build_id: 16 bytes that name everything that went in; the device reports them.
        rounding, optimize, prune: of the engine.
        toolchain: that built it.
        sha256: of the ELF file, hexadecimal.
        sizes: read from the ELF file.
        arena_bytes: planned for the engine; None: an engine of the user's has its own, and only the device knows.
        stack_bytes: reserved for the stack; 0 where nobody tells.
        stack_bound_bytes: the most that one inference can take, from the call graph; None: unknown.
        engine: "generated", or the name that an engine of the user's has in its engine.toml.
        arena_searched: arena_bytes is the least that the engine starts with, by a search. Not kept with the files.
    """

    elf: Path
    binary: Path | None
    board: Board
    model_sha256: str
    build_id: bytes
    rounding: Rounding
    optimize: Optimize
    prune: bool
    toolchain: Toolchain
    sha256: str
    sizes: ImageSizes
    arena_bytes: int | None
    stack_bytes: int
    stack_bound_bytes: int | None
    engine: str = GENERATED
    arena_searched: bool = False

    @property
    def is_generated(self) -> bool:
        """Tell whether the engine is the one that tinysine generates."""
        return self.engine == GENERATED
