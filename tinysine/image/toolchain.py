"""Compilers: the choice for a core, and their command lines."""

from __future__ import annotations

import functools
import importlib.util
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinysine.boards import AVR, Board
from tinysine.errors import BuildError, ConfigError
from tinysine.image.arduino_core import INSTALL_HINT as AVR_INSTALL_HINT
from tinysine.image.arduino_core import avr_gcc_program, find_arduino_core
from tinysine.image.tool_run import run_tool

ToolchainName = Literal["gcc", "zig", "arduino-cli"]

INSTALL_HINT = "pip install ziglang"


@dataclass(frozen=True)
class Toolchain:
    """A compiler.

    Attributes:
        name: "gcc" (on the host: the system's C compiler, whatever its make), "zig", or "arduino-cli", which
            has one of its own for each core.
        version: as it reports itself.
        path: the program that is run.
    """

    name: ToolchainName
    version: str
    path: str


@dataclass(frozen=True)
class _Core:
    """Names of a core for the compilers: GCC's -mcpu (Clang shares it), Clang's architecture, Zig's -mcpu."""

    cpu: str
    arch: str
    zig_cpu: str


_CORES = {
    "cortex-m0": _Core("cortex-m0", "thumbv6m", "cortex_m0"),
    "cortex-m0plus": _Core("cortex-m0plus", "thumbv6m", "cortex_m0plus"),
    "cortex-m3": _Core("cortex-m3", "thumbv7m", "cortex_m3"),
    "cortex-m4": _Core("cortex-m4", "thumbv7em", "cortex_m4"),
    "cortex-m7": _Core("cortex-m7", "thumbv7em", "cortex_m7"),
}

WARNINGS = ("-Wall", "-Wextra", "-Wstrict-prototypes", "-Wmissing-prototypes")
# Address 0 is memory on a microcontroller. And GCC 12 writes some addresses in loops as 0 plus an offset, takes such an
# access for one through a null pointer, after which nothing runs, and drops the call of the whole function.
CODE = ("-fno-common", "-ffunction-sections", "-fdata-sections", "-fno-delete-null-pointer-checks")
LANGUAGE = ("-std=c11", *CODE)
CPP_LANGUAGE = (
    "-std=gnu++17",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-use-cxa-atexit",
)
# Unwind tables serve C++ exceptions and debuggers; nothing here reads them.
BARE_METAL = ("-ffreestanding", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fstack-usage")


def find_toolchain(choice: str, core: str) -> Toolchain:
    """The compiler to use for a core.

    Args:
        choice: "gcc", "zig", or "auto": GCC where it is installed, else Zig.
        core: as in Board.core.
    Raises:
        ConfigError: a choice that does not exist, or a core that nothing here compiles for.
        BuildError: no such compiler is installed.
    """
    if choice not in ("auto", "gcc", "zig"):
        raise ConfigError(
            f"there is no toolchain {choice!r}",
            hint="auto, gcc or zig",
            key="toolchain",
            allowed=("auto", "gcc", "zig"),
        )
    if core == AVR:
        return _find_avr_toolchain(choice)
    if core != "host" and core not in _CORES:
        raise ConfigError(
            f"no compiler here builds for the core {core!r}", key="core", allowed=(*_CORES, AVR, "host")
        )
    gcc_names = ("cc", "gcc", "clang") if core == "host" else ("arm-none-eabi-gcc",)
    if choice in ("auto", "gcc"):
        for name in gcc_names:
            if path := shutil.which(name):
                return Toolchain("gcc", _version(path, "--version"), path)
    if choice in ("auto", "zig") and (zig := _zig_program()):
        return Toolchain("zig", _version(zig, "version"), zig)
    looked_for = {"gcc": gcc_names, "zig": ("ziglang",), "auto": (*gcc_names, "ziglang")}[choice]
    raise BuildError(
        f"no compiler for {core}: looked for {', '.join(looked_for)}",
        hint=INSTALL_HINT if choice != "gcc" else f"install {gcc_names[-1]}, or {INSTALL_HINT} and use zig",
        tool=looked_for[0],
        command="",
        output="",
    )


def _find_avr_toolchain(choice: str) -> Toolchain:
    path = avr_gcc_program() if choice != "zig" else None  # Zig has no C library for the AVR
    if path is None:
        raise BuildError(
            "no compiler for avr5: looked for avr-gcc",
            hint=AVR_INSTALL_HINT if choice != "zig" else "leave --toolchain out",
            tool="avr-gcc",
            command="",
            output="",
        )
    version = f"{_version(path, '--version')}, Arduino AVR core {find_arduino_core().version}"
    return Toolchain("gcc", version, path)


def host_compiler() -> tuple[str, ...]:
    """The command that compiles and links C for this computer: of the system's compiler, else of Zig.

    Options and files follow it, as GCC and Clang know them. Run it with the variables of `environment`.

    Raises:
        BuildError: no compiler is installed.
    """
    return tuple(_host_head(find_toolchain("auto", "host")))


def compile_command(toolchain: Toolchain, board: Board) -> list[str]:
    """The command that compiles one file for a board, up to the optimisation level, the file and -o."""
    if board.core == "host":
        return [*_host_head(toolchain), *LANGUAGE, *WARNINGS]
    target = [*_clang_head(toolchain, board), *_cpu_flags(board)]
    return [toolchain.path, *target, *LANGUAGE, *BARE_METAL, *WARNINGS]


def user_command(toolchain: Toolchain, board: Board, *, cpp: bool) -> list[str]:
    """The command that compiles one file of a user's engine, up to its options, the level, the file and -o.

    It is as hosted as the compiler is: libraries for microcontrollers include what C and C++ have.

    Args:
        toolchain: the C compiler.
        cpp: the file is C++.
    Raises:
        BuildError: there is no C++ compiler beside it.
    """
    language = CPP_LANGUAGE if cpp else ("-std=gnu11",)
    if board.core == "host":
        return [*_host_head(toolchain, cpp=cpp), *language, *CODE]
    program = _cpp_program(toolchain) if cpp and toolchain.name == "gcc" else toolchain.path
    head = [program, *_clang_head(toolchain, board), *_cpu_flags(board), *language, *CODE]
    return [*head, *(option for option in BARE_METAL if option != "-ffreestanding")]


def link_command(
    toolchain: Toolchain, board: Board, *, script: Path | None, symbols: dict[str, int]
) -> list[str]:
    """The command that links objects for a board, up to the objects and -o.

    Args:
        script: the linker script; None on the host.
        symbols: absolute symbols that the script needs.
    """
    if board.core == "host":
        # Without a level Zig links, and first builds, its debugging runtime, which takes 17 seconds; with -Os
        # it drops the symbols that the sizes are read from.
        level = ["-O2"] if toolchain.name == "zig" else []
        gc = "-Wl,-dead_strip" if sys.platform == "darwin" else "-Wl,--gc-sections"
        no_id = [] if sys.platform == "darwin" else ["-Wl,--build-id=none"]
        return [*_host_head(toolchain), *level, gc, *no_id]
    defines = [f"--defsym={name}={value:#x}" for name, value in symbols.items()]
    # Without pages: lld would load its own headers in front of an image that starts inside a page.
    options = ["--gc-sections", "--build-id=none", "--nmagic", *defines]
    where = ["-T", str(script)]
    if toolchain.name == "zig":
        return [toolchain.path, "ld.lld", *options, *where]
    return [toolchain.path, *_cpu_flags(board), "-nostdlib", *(f"-Wl,{option}" for option in options), *where]


def runtime_arguments(toolchain: Toolchain, board: Board) -> list[str]:
    """Return the linker's last arguments: the compiler's own routines for operations that the core lacks."""
    return ["-lgcc"] if toolchain.name == "gcc" and board.core != "host" else []


def runtime_library_command(toolchain: Toolchain, board: Board, output: Path) -> list[str]:
    """The command that builds Zig's library of such routines for a bare-metal board: none is shipped."""
    core = _CORES[board.core]
    source = Path(toolchain.path).parent / "lib" / "compiler_rt.zig"
    target = f"thumb-freestanding-eabi{'hf' if board.fpu else ''}"
    features = f"{core.zig_cpu}{'' if board.fpu else '+soft_float'}"
    options = ["-ffunction-sections", "-fdata-sections", "-fno-stack-check", "-fstrip"]
    size = ["-O", "ReleaseSmall", f"-femit-bin={output}"]
    return [toolchain.path, "build-lib", str(source), "-target", target, "-mcpu", features, *options, *size]


def _cpp_program(toolchain: Toolchain) -> str:
    """The C++ compiler that belongs to a C compiler."""
    path = Path(toolchain.path)
    for c, cpp in (("gcc", "g++"), ("clang", "clang++"), ("cc", "c++")):
        if path.name.endswith(c):
            program = path.with_name(path.name.removesuffix(c) + cpp)
            if program.is_file():
                return str(program)
            break
    raise BuildError(
        f"no C++ compiler beside {path}",
        hint="install it, or --toolchain zig",
        tool="c++",
        command="",
        output="",
    )


def _host_head(toolchain: Toolchain, *, cpp: bool = False) -> list[str]:
    if toolchain.name != "zig":
        return [_cpp_program(toolchain) if cpp else toolchain.path]
    # Zig compiles C with sanitizers unless told otherwise, and they change the product. The target is named outright
    # on Linux, so that Zig brings its own C library's headers and needs none installed.
    target = ["-target", f"{platform.machine()}-linux-gnu"] if sys.platform == "linux" else []
    return [toolchain.path, "c++" if cpp else "cc", *target, "-fno-sanitize=all"]


def _cpu_flags(board: Board) -> list[str]:
    floats = [f"-mfpu={board.fpu}", "-mfloat-abi=hard"] if board.fpu else ["-mfloat-abi=soft"]
    return [f"-mcpu={_CORES[board.core].cpu}", "-mthumb", *floats]


def _clang_head(toolchain: Toolchain, board: Board) -> list[str]:
    """Zig's Clang called directly: without the cache, the defaults and the start-up time of `zig cc`."""
    if toolchain.name != "zig":
        return []
    target = f"{_CORES[board.core].arch}-none-eabi{'hf' if board.fpu else ''}"
    headers = Path(toolchain.path).parent / "lib" / "include"
    # With the GNU ABI names Clang calls memcpy and memset, which the firmware has, as GCC does. An address is one load
    # from a literal, as with GCC, not MOVW and MOVT.
    return ["clang", "-target", target, "-meabi", "gnu", "-mno-movt", "-nostdinc", "-isystem", str(headers)]


def _zig_program() -> str | None:
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = shutil.which("zig", path=folder)
        if program:
            return program
    return shutil.which("zig")


@functools.cache
def _version(path: str, argument: str) -> str:
    output = run_tool(Path(path).name, [path, argument], timeout_s=30.0)
    return output.splitlines()[0].strip() if output.strip() else "unknown"
