"""The same sketch that `export-arduino` writes, compiled with Arduino's AVR core as its IDE would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from tinysine.boards import Board
from tinysine.image import elf as elf_reader
from tinysine.image.arduino import BUILD_ID_FILE, DSP_ENGINE_FILE, ENGINE_FILE, SKETCH_NAME
from tinysine.image.arduino_core import ArduinoCore, ArduinoTarget, arduino_target, find_arduino_core
from tinysine.image.avr_stack import avr_stack_bound, avr_stack_needed
from tinysine.image.cache import cached_library, digest_of
from tinysine.image.kept_images import ELF_NAME
from tinysine.image.objects import keep_object, take_object
from tinysine.image.room import memories, too_large
from tinysine.image.sources import config_header
from tinysine.image.tool_run import run_tool, run_tools
from tinysine.image.toolchain import WARNINGS, Toolchain
from tinysine.image.values import Linked

# What platform.txt of the core compiles with, except for link-time optimisation: the engine's bytes could no longer
# be told from the rest's. GCC 5's float.h hides DECIMAL_DIG from C++, and the core wants it.
_C = ("-std=gnu11", "-ffunction-sections", "-fdata-sections")
_CPP = (
    *("-std=gnu++11", "-fpermissive", "-fno-exceptions", "-ffunction-sections", "-fdata-sections"),
    *("-fno-threadsafe-statics", "-Wno-error=narrowing", "-DDECIMAL_DIG=__DECIMAL_DIG__"),
)
_CPP_WARNINGS = tuple(flag for flag in WARNINGS if "prototypes" not in flag)
_ARDUINO_VERSION = "10819"  # of the last Arduino IDE 1; its successors define the same
_DATA_SPACE = 0x800000  # where ELF files of the AVR have what the core calls address 0 of data
_ROOMY = 0x20000  # of flash: as far as jumps of this family reach
_ROOMY_RAM = 0xFF00  # as far as addresses of data reach
# What differs from model to model: no other file of a sketch includes one of these, or reads the build id in config.h.
_OWN_FILES = (ENGINE_FILE, DSP_ENGINE_FILE, BUILD_ID_FILE, "src/config.h", "sketch.yaml", "README.md")
_SYMBOLS = {f"__ts_{part}_{end}": f"__{part}_{end}" for part in ("data", "bss") for end in ("start", "end")}


@dataclass(frozen=True)
class SketchRecipe:
    """Everything that decides the bytes of a sketch's image.

    Attributes:
        files: of the sketch; config.h only stands for the real one.
        engine_level: how the engine is optimised; the rest always for size.
    """

    board: Board
    toolchain: Toolchain
    core: ArduinoCore
    target: ArduinoTarget
    files: dict[str, str]
    engine_level: str
    extra_flags: tuple[str, ...]

    def build_id(self, model_sha256: str) -> bytes:
        """See `Recipe`."""
        files = [path for path in sorted(self.files) if path.startswith("src/")]
        return digest_of(
            *(
                model_sha256,
                config_header(self.board, build_id=b""),
                self.toolchain.version,
                self.core.digest(),
            ),
            *(repr(self.target), self.engine_level, *self.extra_flags, *_C, *_CPP, *_link_options()),
            *(part for path in files for part in (path, self.files[path])),
        )

    def link(self, build_id: bytes, work: Path) -> Linked:
        """See `Recipe`."""
        folder = work / SKETCH_NAME
        files = {**self.files, "src/config.h": config_header(self.board, build_id=build_id)}
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        # What Arduino's builder makes of a sketch's own file; this one has no functions that need a prototype.
        main = folder / f"{SKETCH_NAME}.ino.cpp"
        main.write_text("#include <Arduino.h>\n" + files[f"{SKETCH_NAME}.ino"], encoding="utf-8")
        engine = folder / ENGINE_FILE
        (work / "engine.c").write_bytes(engine.read_bytes())
        sources = [engine, *sorted(p for p in folder.rglob("*.c*") if p != engine)]
        objects = tuple(work / f"{number:02d}_{path.stem}.o" for number, path in enumerate(sources))
        shared = self._shared(folder)
        commands, made = [], {}
        for source, output in zip(sources, objects, strict=True):
            key = shared.get(source)
            if key is not None:
                if take_object(key, output):
                    continue
                made[key] = output
            level = self.engine_level if source == engine else "-Os"
            warnings = WARNINGS if source.suffix == ".c" else _CPP_WARNINGS
            commands.append(_compile(self, source, output, level, *warnings, *self.extra_flags))
        run_tools("avr-gcc", commands, cwd=work)
        for key, output in made.items():
            keep_object(key, output)
        elf = work / ELF_NAME
        head = [self.toolchain.path, f"-mmcu={self.target.mcu}", *_link_options()]
        command = [*head, *map(str, objects), str(_core_library(self)), "-lm", "-o", str(elf)]
        run_tool("avr-gcc", command, cwd=work)
        bound = avr_stack_bound(elf)
        needed = max(self.board.limits.stack_bytes, 0 if bound is None else avr_stack_needed(bound))
        board = structs.replace(self.board, limits=structs.replace(self.board.limits, stack_bytes=needed))
        _check_room(board, elf, command)
        return Linked(
            elf=elf,
            engine_objects=objects[:1],
            stack_bytes=self.board.limits.stack_bytes,
            stack_bound_bytes=bound,
        )

    def _shared(self, folder: Path) -> dict[Path, bytes]:
        """Sources that every sketch for the board has in common, each with the key that its object is kept under."""
        common = {path: text for path, text in self.files.items() if path not in _OWN_FILES}
        parts = [part for path in sorted(common) for part in (path, common[path])]
        config = config_header(self.board, build_id=b"")
        core = (self.toolchain.version, repr(self.target), self.core.digest(), *_C, *_CPP)
        same = digest_of(*core, config, *self.extra_flags, *parts)
        return {folder / path: digest_of(same, path) for path in common if path.startswith("src/")}


def sketch_recipe(
    board: Board,
    toolchain: Toolchain,
    files: dict[str, str],
    *,
    engine_level: str,
    extra_flags: tuple[str, ...],
) -> SketchRecipe:
    """The recipe for a board, with the core that this computer has.

    Raises:
        BuildError: it has none.
        ConfigError: the core does not know the board.
    """
    core = find_arduino_core()
    return SketchRecipe(
        board=board,
        toolchain=toolchain,
        core=core,
        target=arduino_target(board, core),
        files=files,
        engine_level=engine_level,
        extra_flags=extra_flags,
    )


def _compile(recipe: SketchRecipe, source: Path, output: Path, *options: str) -> list[str]:
    target, path = recipe.target, Path(recipe.toolchain.path)
    is_cpp = source.suffix == ".cpp"
    program = path.with_name(path.name.replace("gcc", "g++")) if is_cpp else path
    language = _CPP if is_cpp else _C if source.suffix == ".c" else ("-x", "assembler-with-cpp")
    defines = [f"-DF_CPU={target.clock}", f"-DARDUINO={_ARDUINO_VERSION}", f"-DARDUINO_{target.macro}"]
    includes = [f"-I{folder}" for folder in recipe.core.includes(target)]
    head = [str(program), f"-mmcu={target.mcu}", *language, *defines, "-DARDUINO_ARCH_AVR", *includes]
    return [*head, *options, "-c", str(source), "-o", str(output)]


def _link_options() -> list[str]:
    # What is too much is told better afterwards, when it is known how much there is.
    lengths = {"__TEXT_REGION_LENGTH__": f"{_ROOMY:#x}", "__DATA_REGION_LENGTH__": f"{_ROOMY_RAM:#x}"}
    symbols = {**_SYMBOLS, **lengths}
    return ["-Os", "-Wl,--gc-sections", *(f"-Wl,--defsym={name}={value}" for name, value in symbols.items())]


def _core_library(recipe: SketchRecipe) -> Path:
    """The core, compiled once for a kind of board and kept."""

    def make(work: Path) -> Path:
        sources = recipe.core.sources
        objects = [work / f"{path.name}.o" for path in sources]
        pairs = zip(sources, objects, strict=True)
        run_tools("avr-gcc", [_compile(recipe, s, o, "-Os", "-w") for s, o in pairs], cwd=work)
        path = Path(recipe.toolchain.path)
        archiver = path.with_name(path.name.replace("gcc", "ar"))
        draft = work / "core.a"
        run_tool(archiver.name, [str(archiver), "rcsD", str(draft), *map(str, objects)], cwd=work)
        return draft

    parts = (recipe.toolchain.version, repr(recipe.target), recipe.core.digest(), *_C, *_CPP)
    return cached_library(digest_of(*parts), make)


def _check_room(board: Board, elf: Path, command: list[str]) -> None:
    """The linker knows the chip's family, not how much of it the stack and the boot loader need."""
    assert board.flash is not None
    assert board.ram is not None
    static_end = elf_reader.read_symbols(elf)["__heap_start"] - _DATA_SPACE
    needs = {
        "flash": elf_reader.flash_end(elf) - board.flash.origin,
        "ram": static_end - board.ram.origin + board.limits.stack_bytes,
    }
    if any(needs[name] > has for name, has in memories(board).items()):
        raise too_large(board, needs, tool="avr-gcc", command=command, output="")
