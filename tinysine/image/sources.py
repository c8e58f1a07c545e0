"""C files of a board's firmware, and the header that describes the board to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import Board, pin_number
from tinysine.errors import BuildError, ConfigError

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class FirmwareSources:
    """The files of one board's firmware.

    Attributes:
        root: the firmware folder; the include path is `root` and `root/include`.
        engine: C files that belong to the engine beside the generated one.
        build_id: the C file that holds the build id.
        rest: all other C files; they are the same in every build for a board.
        headers: every header that any of them may include.
        script: the linker script; None on the host.
    """

    root: Path
    engine: tuple[Path, ...]
    build_id: Path
    rest: tuple[Path, ...]
    headers: tuple[Path, ...]
    script: Path | None


def firmware_root() -> Path:
    """Return the folder of the C sources: inside the installed package, or beside it in a checkout.

    Raises:
        BuildError: neither place has them.
    """
    for folder in (_PACKAGE / "_firmware", _PACKAGE.parent / "firmware"):
        if (folder / "include" / "tinysine" / "engine.h").is_file():
            return folder
    raise BuildError(
        f"the firmware's C sources are missing: looked in {_PACKAGE / '_firmware'}",
        hint="install tinysine again",
        tool="",
        command="",
        output="",
    )


def firmware_sources(
    board: Board, *, layers: bool = False, c_library: bool = False, root: Path | None = None
) -> FirmwareSources:
    """The C files of a board's firmware, in an order that never changes.

    Args:
        layers: the engine shows its layers.
        c_library: one is linked: its memcpy, memmove and memset take the place of the firmware's, a byte at a time.
        root: the firmware folder; the package's own by default.
    Raises:
        ConfigError: the board names a port or a UART block that the firmware does not have.
        BuildError: the sources are missing altogether.
    """
    root = firmware_root() if root is None else root
    port = root / "ports" / board.port
    if not port.is_dir():
        have = sorted(p.name for p in (root / "ports").glob("*") if p.is_dir() and p.name != "blocks")
        raise ConfigError(
            f"the board {board.name} wants the port {board.port!r}, which the firmware does not have",
            hint="it has: " + ", ".join(have),
            key="port",
            allowed=tuple(have),
        )
    build_id = root / "link" / "build_id.c"
    rest = [*(root / "app").glob("*.c"), *(root / "link").glob("*.c"), *port.glob("*.c")]
    rest.remove(build_id)
    if layers:
        rest.append(root / "optional" / "layers.c")
    script = None
    if board.core.startswith("cortex-m"):
        rest += (root / "ports" / "cortex_m").glob("*.c")
        if c_library:
            rest.remove(root / "ports" / "cortex_m" / "memory.c")
        script = root / "ports" / "cortex_m" / "link.ld"
    if board.uart is not None:
        rest.append(_block(board.name, board.uart.block, root))
    return FirmwareSources(
        root=root,
        engine=tuple(sorted((root / "engine").glob("*.c"))),
        build_id=build_id,
        rest=tuple(sorted(rest)),
        headers=tuple(sorted(root.rglob("*.h"))),
        script=script,
    )


def _block(board: str, block: str, root: Path) -> Path:
    file = root / "ports" / "blocks" / f"{block}.c"
    if not file.is_file():
        have = sorted(p.stem for p in file.parent.glob("*.c"))
        raise ConfigError(
            f"the board {board} wants the UART block {block!r}, which the firmware does not have",
            hint="it has: " + ", ".join(have),
            key="uart.block",
            allowed=tuple(have),
        )
    return file


def config_header(board: Board, *, build_id: bytes, further: Mapping[str, object] | None = None) -> str:
    """The text of config.h: what the firmware knows of its board. What a board lacks is not defined.

    Args:
        further: names and values that an engine of the user's needs defined.
    """
    defines: dict[str, object] = {
        "TS_BOARD_NAME": json.dumps(board.name),
        "TS_BUILD_ID": "{" + ", ".join(f"0x{byte:02x}" for byte in build_id) + "}",
        "TS_PAYLOAD_BYTES": board.limits.payload_bytes,
        "TS_STACK_BYTES": board.limits.stack_bytes,
        "TS_CLOCK_HZ": f"{board.clock_hz}u",
    }
    defines |= further or {}
    if board.uart is not None:
        defines["TS_UART_BASE"] = f"{board.uart.base:#x}u"
        defines["TS_UART_BAUD"] = f"{board.uart.baud}u"
        defines["TS_UART_CLOCK_HZ"] = f"{board.uart.clock_hz or board.clock_hz}u"
        for name, pin in (("TX", board.uart.tx), ("RX", board.uart.rx)):
            if pin:
                defines[f"TS_UART_{name}"] = pin_number(pin)
    if board.led is not None:
        defines["TS_LED_PIN"] = pin_number(board.led.pin)
        defines["TS_LED_ACTIVE_HIGH"] = int(board.led.active == "high")
        if board.led.other_pin:
            defines["TS_LED_OTHER_PIN"] = pin_number(board.led.other_pin)
    lines = [f"#define {name} {value}" for name, value in defines.items()]
    guard = "TINYSINE_CONFIG_H"
    return "\n".join(
        [
            "/* Generated for one build. Do not edit. */",
            f"#ifndef {guard}",
            f"#define {guard}",
            *lines,
            "#endif",
            "",
        ]
    )


def linker_symbols(board: Board) -> dict[str, int]:
    """Return the symbols that the linker script needs of the board; empty on the host."""
    if board.flash is None or board.ram is None:
        return {}
    return {
        "ts_flash_origin": board.flash.origin,
        "ts_flash_length": board.flash.length,
        "ts_ram_origin": board.ram.origin,
        "ts_ram_length": board.ram.length,
        "ts_tcm_length": board.ram.tcm_length,
        "ts_stack_bytes": board.limits.stack_bytes,
    }
