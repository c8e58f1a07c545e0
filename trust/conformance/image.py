"""Many engines in one image, compiled as a build compiles each of them."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tinysine.boards import load_board
from tinysine.image.build_options import ENGINE_LEVEL
from tinysine.image.firmware import runtime_library
from tinysine.image.sources import firmware_root
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import compile_command, find_toolchain, link_command, runtime_arguments
from trust.conformance.networks import Variant
from trust.conformance.one_file import one_file

HERE = Path(__file__).parent
BOARDS = {
    "cortex-m0": "microbit",
    "cortex-m3": "qemu:lm3s6965evb",
    "cortex-m4": "nano33ble-sense",
    "cortex-m7": "stm32f746g-disco",
}
# What one engine in a file of its own does not meet: equal functions of two engines made one, and their variables
# put side by side.
_APART = {"gcc": ("-fno-ipa-icf",), "zig": ("-mno-global-merge",)}


def build(engines: Mapping[str, str], variant: Variant, work: Path, *, root: Path | None = None) -> Path:
    """Compile and link engines.

    Args:
        engines: prefix of its names -> generated source.
        variant: core, compiler and profile.
        work: an empty folder.
        root: the firmware folder.
    Returns:
        The ELF file, with `ts_conformance_run` and the functions of each engine, `PREFIX_ts_engine_invoke` and so on.
    Raises:
        BuildError: of the compiler or the linker.
    """
    root = firmware_root() if root is None else root
    board = load_board(BOARDS[variant.core])
    tools = find_toolchain(variant.compiler, variant.core)
    head = [*compile_command(tools, board), "-w", f"-I{root / 'include'}", f"-I{root}"]
    source = work / "engines.c"
    source.write_text(one_file(engines.items(), root=root), encoding="utf-8")
    objects = [work / "engines.o"]
    flags = [ENGINE_LEVEL[variant.profile], *_APART[variant.compiler]]
    run_tool(variant.compiler, [*head, *flags, "-c", str(source), "-o", str(objects[0])], cwd=work)
    for path in (HERE / "runner.c", root / "ports" / "cortex_m" / "memory.c"):
        objects.append(work / f"{path.stem}.o")
        objects[-1].write_bytes(_always_the_same((*head, "-Os"), path.read_text(encoding="utf-8")))
    elf = work / "engines.elf"
    link = [
        arg
        for arg in link_command(tools, board, script=HERE / "link.ld", symbols={})
        if "gc-sections" not in arg
    ]
    runtime = [str(runtime_library(tools, board))] if tools.name == "zig" else runtime_arguments(tools, board)
    entry = "-Wl,-e,ts_conformance_run" if tools.name == "gcc" else "--entry=ts_conformance_run"
    run_tool(variant.compiler, [*link, entry, *map(str, objects), *runtime, "-o", str(elf)], cwd=work)
    return elf


@functools.cache
def _always_the_same(command: tuple[str, ...], text: str) -> bytes:
    """Compile once what is in every image; returns the object file."""
    with tempfile.TemporaryDirectory(prefix="tinysine-conformance-") as folder:
        source, target = Path(folder, "same.c"), Path(folder, "same.o")
        source.write_text(text, encoding="utf-8")
        run_tool(command[0], [*command, "-c", str(source), "-o", str(target)], cwd=Path(folder))
        return target.read_bytes()
