"""An engine of the user's on its way into firmware: what it is told of the model, and how its files are compiled."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import Board
from tinysine.errors import BuildError, ConfigError, ModelError, raise_as
from tinysine.image.cache import workshop
from tinysine.image.engines import CPP_ENDINGS, ENGINE_FILE, HEADER_ENDINGS, OUT, SOURCE_ENDINGS, Engine
from tinysine.image.model_source import GUARD_BYTES, model_header, model_source
from tinysine.image.tool_run import run_tool, run_tools
from tinysine.image.toolchain import Toolchain, user_command
from tinysine.image.unlisted_files import (
    flags_may_name_files,
    library_may_name_files,
    names_may_mean_files,
    source_may_name_files,
    text_may_name_files,
)
from tinysine.model import Model
from tinysine.quantization import Rounding

_GENERATE_TIMEOUT_S = 300.0
_MOST_GENERATED = 4096
_REFUSED = 65  # EX_DATAERR: 2 is also what Python and argparse end with when they are called wrongly
_REFUSED_LINE = re.compile(r"^.*:\d+:\d+: (?:fatal )?error: .*$", re.M)
# Headers of the C++ library alone have names without an ending. GCC and Clang word it differently.
_NO_CPP_LIBRARY = re.compile(r"fatal error: (?:(\w+): No such file|'(\w+)' file not found)")
_UNDEFINED = re.compile(r"undefined (?:reference to|symbol:?) [`'\"]?(ts_engine(?:_\w+)?)\b")


@dataclass(frozen=True)
class PreparedEngine:
    """An engine and all that is made for it around one model.

    Attributes:
        engine: as read.
        generated: name and content of each file that its command wrote.
        header: the text of tinysine/model.h.
        source: the C file behind that header: the model's bytes, its tensors, the arena.
    """

    engine: Engine
    generated: tuple[tuple[str, bytes], ...]
    header: str
    source: str

    def parts(
        self, tools: Toolchain, board: Board, *, root: Path, level: tuple[str, ...]
    ) -> Iterator[str | bytes]:
        """Everything that decides what is built of it, for a build id: also each file that is included, wherever it is.

        Args:
            tools, board, root, level: as for `compile_command`.
        Raises:
            ConfigError: a file cannot be read any more, or cannot be compiled.
            BuildError: the compiler failed otherwise.
        """
        yield from self.engine.parts()
        compiled, all_listed = self._read_by_compiler(tools, board, root=root, level=level)
        yield from sorted(compiled)
        yield self.header
        for name, content in self.generated:
            yield from (name, content)
        if not all_listed or self._may_read_more():
            # The image is never taken from the cache.
            yield os.urandom(16)

    def _may_read_more(self) -> bool:
        """Tell whether engine.toml lets a compiler or linker read what nobody lists."""
        return (
            flags_may_name_files(self.engine.flags)
            or names_may_mean_files(self.engine.link)
            or any(map(library_may_name_files, self.engine.libraries))
        )

    def _read_by_compiler(
        self, tools: Toolchain, board: Board, *, root: Path, level: tuple[str, ...]
    ) -> tuple[set[bytes], bool]:
        """Return the digest of each file that the compiler reads for it, and of each text that it makes of them.

        The second value tells whether these are all: an assembler may read more.
        """
        digests: set[bytes] = set()
        all_listed = True
        with workshop("images") as work:
            commands, rules, texts = [], [], []
            for number, file in enumerate(self.place(work)):
                cpp = file.suffix in CPP_ENDINGS
                rules.append(work / f"{number}.d")
                texts.append(work / f"{number}.i")
                command = self.compile_command(tools, board, work=work, root=root, level=level, cpp=cpp)
                told = ["-w", "-E", "-P", "-MD", "-MF", str(rules[-1]), "-o", str(texts[-1])]
                commands.append([*command, *told, str(file)])
            try:
                run_tools(f"the compiler of the engine {self.engine.name}", commands, cwd=work)
            except BuildError as error:
                raise_as(not_compiled(self.engine, error), error)
            for name in {name for rule in rules for name in _prerequisites(rule)}:
                content = (work / name).read_bytes()
                digests.add(hashlib.sha256(content).digest())
                all_listed &= not source_may_name_files(content)
            for file in texts:
                # A file that is not there decides, too: of __has_include.
                text = file.read_bytes().replace(os.fsencode(work), b"build")
                digests.add(hashlib.sha256(text).digest())
                all_listed &= not text_may_name_files(text)
        return digests, all_listed

    def place(self, work: Path) -> list[Path]:
        """Put the header and the generated files into a build's folder; returns all files to compile."""
        (work / "model" / "tinysine").mkdir(parents=True)
        (work / "model" / "tinysine" / "model.h").write_text(self.header, encoding="utf-8")
        files = list(self.engine.sources)
        for name, content in self.generated:
            path = work / "generated" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if path.suffix in SOURCE_ENDINGS:
                files.append(path)
        return files

    @property
    def config(self) -> dict[str, object]:
        """Return the definitions of config.h for it: constructors, layers, and guards beside an arena."""
        guards = {"TS_ARENA_GUARD_BYTES": GUARD_BYTES} if self.engine.arena_bytes else {}
        layers = {"TS_ENGINE_LAYERS": 1} if self.engine.layers else {}
        return {"TS_CONSTRUCTORS": 1, **guards, **layers}

    def compile_command(
        self, tools: Toolchain, board: Board, *, work: Path, root: Path, level: tuple[str, ...], cpp: bool
    ) -> list[str]:
        """The command that compiles one of its files, up to the file and -o.

        Args:
            tools: the C compiler; C++ files take the one beside it.
            work: the build's folder, as `place` has filled it.
            root: the firmware's folder.
            level: of the optimiser, and what else the engine's flags may overrule.
            cpp: the file is C++.
        Raises:
            BuildError: there is no C++ compiler.
        """
        engine = self.engine
        made = (work / "generated" / name for name in ("", *engine.generated_include))
        folders = (engine.folder, *made, *engine.include, work / "model", root / "include")
        return [
            *user_command(tools, board, cpp=cpp),
            *level,
            f"-ffile-prefix-map={work}=build",
            f"-ffile-prefix-map={root}=firmware",
            f"-ffile-prefix-map={engine.folder}=engine",
            *(f"-I{folder}" for folder in folders),
            *(f"-D{name}={value}" for name, value in engine.defines),
            *engine.flags,
        ]

    def link_arguments(self, tools: Toolchain) -> list[str]:
        """Return the arguments that follow the objects when linking."""
        libraries = [*map(str, self.engine.libraries), *(f"-l{name}" for name in self.engine.link)]
        if len(libraries) > 1 and tools.name == "gcc" and sys.platform != "darwin":
            # A library may need another that was named before it, as libm needs libc; other linkers look back.
            libraries = ["-Wl,--start-group", *libraries, "-Wl,--end-group"]
        return libraries


def prepare_engine(engine: Engine, model: Model, rounding: Rounding, *, core: str) -> PreparedEngine:
    """Generate the engine's sources for a model, and write down what it is told of the model.

    Args:
        core: of the board, as the catalogue names it.
    Raises:
        ConfigError: the command generates nothing, or its program is missing.
        ModelError: the command refuses the model: it ended with exit code 65.
        BuildError: the command failed.
    """
    return PreparedEngine(
        engine=engine,
        generated=tuple(_generated(engine, model, core)) if engine.generate else (),
        header=model_header(engine, model, rounding),
        source=model_source(engine, model),
    )


def not_compiled(engine: Engine, error: BuildError) -> ConfigError | None:
    """The error for a file of an engine that the compiler refuses; None where it failed for another reason."""
    refused = _REFUSED_LINE.search(str(error.facts.get("output", "")))
    if refused is None or error.facts.get("exit_code") != 1:
        return None
    hint = f"correct that, or the sources, include and flags in {ENGINE_FILE}"
    if _NO_CPP_LIBRARY.search(refused[0]):
        hint = "install the C++ library of that compiler; for GCC on Debian: libstdc++-arm-none-eabi-newlib"
    return ConfigError(
        f"the engine {engine.name} ({engine.folder}) does not compile: {refused[0].strip()}",
        hint=hint,
        file=str(engine.folder / ENGINE_FILE),
        key="sources",
    )


def _prerequisites(rule: Path) -> Iterator[str]:
    """Yield the files that a make rule of a compiler names behind its target."""
    text = rule.read_text(encoding="utf-8", errors="surrogateescape").replace("\\\n", " ")
    _, _, names = text.partition(": ")
    for name in re.findall(r"(?:\\.|\$\$|\S)+", names):
        yield re.sub(r"\\(.)", r"\1", name).replace("$$", "$")


def missing_functions(engine: Engine, error: BuildError) -> ConfigError | None:
    """The error for what the linker found nowhere, where that belongs to an engine's interface; else None."""
    missing = sorted(set(_UNDEFINED.findall(str(error.facts["output"]))))
    if not missing:
        return None
    return ConfigError(
        f"the engine {engine.name} ({engine.folder}) does not define {', '.join(missing)}",
        hint='tinysine/engine.h declares what an engine defines; in C++ within extern "C"',
        file=str(engine.folder / ENGINE_FILE),
        key="sources",
    )


def require_linkable(engine: Engine, tools: Toolchain, board: Board) -> None:
    """Demand that the system libraries that an engine links exist for a board.

    Raises:
        ConfigError: Zig has none for a board without an operating system.
    """
    if engine.link and tools.name == "zig" and board.core != "host":
        raise ConfigError(
            f"the engine {engine.name} links {', '.join(engine.link)}, and Zig has no C library for {board.name}",
            hint="--toolchain gcc",
            file=str(engine.folder / ENGINE_FILE),
            key="link",
        )


def _generated(engine: Engine, model: Model, core: str) -> Iterator[tuple[str, bytes]]:
    with workshop("images") as work:
        (work / "model.tflite").write_bytes(model.source)
        out = work / "out"
        out.mkdir()
        places = {
            "{python}": sys.executable,
            "{model}": str(work / "model.tflite"),
            OUT: str(out),
            "{core}": core,
        }
        command = [places.get(word, word) for word in engine.generate]
        beside = engine.folder / command[0]
        program = str(beside) if beside.is_file() else shutil.which(command[0])
        if program is None:
            raise ConfigError(
                f"the engine {engine.name} is generated by {command[0]}, which is not installed",
                hint=f"install it, or name it in {engine.folder / ENGINE_FILE}",
                file=str(engine.folder / ENGINE_FILE),
                key="generate",
            )
        try:
            run_tool(
                f"the command that generates the engine {engine.name}",
                [program, *command[1:]],
                cwd=engine.folder,
                timeout_s=_GENERATE_TIMEOUT_S,
            )
        except BuildError as error:
            if error.facts.get("exit_code") == _REFUSED:
                said = re.search(r"^error: *(.{1,300})", str(error.facts["output"]), re.M)
                raise ModelError(
                    error.message if said is None else f"the engine {engine.name}: {said[1].rstrip()}",
                    hint="cut the model off before that, or choose another engine",
                ) from error
            raise
        files = sorted(path for path in out.rglob("*") if path.is_file())
        kept = [path for path in files if path.suffix in (*SOURCE_ENDINGS, *HEADER_ENDINGS)]
        if not kept or len(kept) > _MOST_GENERATED:
            wrote = (
                f"{len(kept):,} files, and {_MOST_GENERATED:,} are taken"
                if kept
                else "no C, C++ or header file"
            )
            raise ConfigError(
                f"the command that generates the engine {engine.name} wrote {wrote}, into {OUT}",
                hint=f"see generate in {engine.folder / ENGINE_FILE}",
                file=str(engine.folder / ENGINE_FILE),
                key="generate",
            )
        for path in kept:
            yield path.relative_to(out).as_posix(), path.read_bytes()
