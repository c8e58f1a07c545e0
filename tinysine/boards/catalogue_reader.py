"""Reads a board file: TOML, every key known, every fact with a source."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinysine.boards.based_on import with_its_base
from tinysine.boards.board import ARDUINO, AVR, LARGEST_PAYLOAD, SMALLEST_PAYLOAD, Board, Memory
from tinysine.boards.pins import pin_number
from tinysine.boards.toml_file import decode_table, read_toml
from tinysine.errors import ConfigError, unknown_name
from tinysine.outside_text import is_file_name

# Names and choices of this project, not facts about the world: nobody asks where they come from.
_UNSOURCED = {"name", "title", "port", "backend", "machine", "sources"}
_PINS = ("uart.tx", "uart.rx", "led.pin", "led.other_pin")
_NO_PIN = {"uart.tx", "uart.rx", "led.other_pin"}  # may be none
_DOCS = "see docs/adding-a-board.md"
_NAME = re.compile(r"[!-~]+")  # the device reports it in ASCII, a log has it between blanks
_SMALLEST_STACK, _LARGEST_HOST_STACK = 256, 1 << 24
_STACK_STEP = 8  # bytes: how the stack's top is aligned
_FAULT_RECORD = 64  # bytes at the end of RAM: ports/cortex_m/link.ld
_ADDRESSES = 1 << 32


def read_board(path: str | os.PathLike[str]) -> Board:
    """One board file, checked key by key.

    Raises:
        ConfigError: the file cannot be read or is no TOML; an unknown key (with the nearest), a missing
            one, a value of the wrong type or out of range, or a fact without a source.
    """
    file = Path(path)
    table = with_its_base(read_toml(file, what="board file", hint=_DOCS), file)
    board = board_from_table(table, file=file)
    _check_sources(board, table, file)
    if board.file_name != file.stem:
        raise ConfigError(
            f"{file.name}: name is {board.name!r}, but the file is named otherwise",
            file=str(file),
            key="name",
        )
    return board


def board_from_table(table: dict[str, Any], *, file: str | os.PathLike[str]) -> Board:
    """A board from a table in the shape of a board file, such as one that was written down with an image.

    Args:
        table: keys as in the catalogue; `file` is only named in errors.
    Raises:
        ConfigError: an unknown key (with the nearest), a missing one, a value of the wrong type or range.
    """
    path = Path(file)
    # Sources are nothing but read, and may have several lines.
    board = decode_table(table, Board, file=path, named=path.name, hint=_DOCS, prose=("sources",))
    _check_whole(board, path)
    _check_pins(board, path)
    return board


def _check_pins(board: Board, file: Path) -> None:
    """Every pin is one of the chip's, and has one thing to do."""
    uses: dict[str, str] = {}
    for key in _PINS:
        table, name = key.split(".")
        pin = getattr(getattr(board, table), name, "")
        if (not pin and key in _NO_PIN) or getattr(board, table) is None:
            continue
        try:
            pin_number(pin, chip=board.chip)
        except ConfigError as error:
            message = f"{file.name}: {key}: {error.message}"
            raise ConfigError(message, hint=error.hint, file=str(file), key=key) from error
        if pin in uses:
            message = f"{file.name}: {key} and {uses[pin]} are both on pin {pin}"
            raise ConfigError(message, hint="see the board's schematic", file=str(file), key=key)
        uses[pin] = key


def _check_sources(board: Board, table: dict[str, Any], file: Path) -> None:
    """Every fact has a source under its own key or its table's; every source belongs to a fact."""
    facts = {key for key in table if key not in _UNSOURCED}
    facts |= {f"{key}.{inner}" for key in facts if isinstance(table[key], dict) for inner in table[key]}
    for key in board.sources:
        if key not in facts:
            message = f"{file.name}: [sources] explains {key!r}, which the file does not state"
            raise unknown_name(message, key, facts, file=str(file), key=f"sources.{key}")
    for key in sorted(facts):
        inner = {fact for fact in facts if fact.startswith(key + ".")}
        table_name = key.split(".", maxsplit=1)[0]
        if {key, table_name} & board.sources.keys() or (inner and inner <= board.sources.keys()):
            continue
        raise ConfigError(
            f"{file.name}: [sources] does not say where {key!r} comes from",
            hint="name the datasheet, schematic or source file",
            file=str(file),
            key=f"sources.{key}",
        )


def _check_whole(board: Board, file: Path) -> None:
    """Check the keys against each other: a chip has memories, the identity fits, the stack is within the RAM."""
    for key, wrong in _contradictions(board):
        raise ConfigError(f"{file.name}: {wrong}", hint=_DOCS, file=str(file), key=key)


def _contradictions(board: Board) -> Iterator[tuple[str, str]]:
    """The key that has to be corrected, and why."""
    yield from _bad_names(board)
    yield from _bad_core(board)
    yield from _bad_memories(board)
    yield from _bad_limits(board)
    if board.backend == "qemu" and not board.machine:
        yield "machine", 'backend is "qemu", but machine does not say which of QEMU\'s machines the board is'
    if board.flash_tools and (unused := sorted(set(board.flash_options) - set(board.flash_tools))):
        what = f"flash_options is about {unused[0]!r}, which is not in flash_tools"
        yield f"flash_options.{unused[0]}", what


def _bad_names(board: Board) -> Iterator[tuple[str, str]]:
    """Names that become names of files, words of a log, or texts of the firmware."""
    if not _NAME.fullmatch(board.name) or not is_file_name(board.name.replace(":", "-")):
        yield (
            "name",
            f"name is {board.name!r}; letters, digits and .,:+@=()#~_- will do, but no dot or dash at its beginning",
        )


def _bad_core(board: Board) -> Iterator[tuple[str, str]]:
    """A core without what its firmware needs."""
    core, port = board.core, board.port
    if core in (AVR, "any") and not board.is_sketch:
        yield "port", f"port is {port!r}, but the core {core} runs Arduino sketches only: port is {ARDUINO!r}"
    if (core == "host") != (port == "host"):
        yield "port", f"port is {port!r} and core is {core!r}: 'host' goes with 'host' only"
    if core in ("host", "any"):
        return
    for key in ("flash", "ram"):
        if getattr(board, key) is None:
            yield key, f"a {core} needs [flash] and [ram]"
    if board.uart is None and not board.is_sketch:
        yield "uart", f"a {core} needs [uart], unless its port is {ARDUINO!r}"
    if board.clock_hz == 0:
        yield "clock_hz", f"clock_hz is 0, but a {core} has a clock"


def _bad_memories(board: Board) -> Iterator[tuple[str, str]]:
    """Addresses that are none, or that two memories have."""
    for key, memory in (("flash", board.flash), ("ram", board.ram)):
        if memory is None:
            continue
        if memory.origin % 4:
            yield f"{key}.origin", f"{key}.origin is {memory.origin:#x}, not a multiple of 4"
        if memory.length % 4:
            yield f"{key}.length", f"{key}.length is {memory.length:#x}, not a multiple of 4"
        if memory.origin + memory.length > _ADDRESSES:
            yield f"{key}.length", f"[{key}] reaches beyond the last address, 0xffffffff"
    if board.flash is not None and board.flash.tcm_length:
        yield "flash.tcm_length", "flash.tcm_length is about RAM only"
    if board.ram is not None and board.ram.tcm_length:
        yield from _bad_seam(board, board.ram)
    flash, ram = board.flash, board.ram
    # An AVR counts each memory from 0.
    if flash is not None and ram is not None and board.core.startswith("cortex-m"):
        above, below = max(flash.origin, ram.origin), min((flash, ram), key=lambda memory: memory.origin)
        if above < below.origin + below.length:
            yield "ram.origin", "[flash] and [ram] overlap"


def _bad_seam(board: Board, ram: Memory) -> Iterator[tuple[str, str]]:
    """A tightly coupled part that is none, or that does not hold what must be in it."""
    key, length = "ram.tcm_length", ram.tcm_length
    if not board.core.startswith("cortex-m"):
        yield key, f"ram.tcm_length is {length:#x}, but a {board.core} has no tightly coupled memory"
    if length % 4:
        yield key, f"ram.tcm_length is {length:#x}, not a multiple of 4"
    if length >= ram.length:
        yield key, f"ram.tcm_length is {length:#x}: leave it out where all of the RAM is alike"
    if board.limits.stack_bytes + _FAULT_RECORD >= length:
        yield key, f"ram.tcm_length is {length:#x}: the stack and the fault record do not fit into it"


def _bad_limits(board: Board) -> Iterator[tuple[str, str]]:
    """Budgets that no firmware can keep to."""
    stack, payload = board.limits.stack_bytes, board.limits.payload_bytes
    if stack == 0 and not board.is_sketch:
        yield "limits.stack_bytes", "limits.stack_bytes is 0, but the firmware has to reserve some"
    if stack and (stack < _SMALLEST_STACK or stack % _STACK_STEP):
        what = f"the least is {_SMALLEST_STACK}, in steps of {_STACK_STEP}"
        yield "limits.stack_bytes", f"limits.stack_bytes is {stack}, {what}"
    if payload < SMALLEST_PAYLOAD:
        yield "limits.payload_bytes", f"limits.payload_bytes is {payload}, the least is {SMALLEST_PAYLOAD}"
    if payload > LARGEST_PAYLOAD:
        yield "limits.payload_bytes", f"limits.payload_bytes is {payload}, the most is {LARGEST_PAYLOAD}"
    if board.core == "host" and stack > _LARGEST_HOST_STACK:
        yield "limits.stack_bytes", f"limits.stack_bytes is {stack}, the most is {_LARGEST_HOST_STACK}"
    if board.ram is None:
        return
    if stack >= board.ram.length:
        yield "limits.stack_bytes", f"limits.stack_bytes is {stack}, more than the RAM"
    if board.is_buildable and stack + 2 * payload + _FAULT_RECORD >= board.ram.length:
        what = f"the stack and two frames of {payload} bytes are more than the RAM"
        yield "limits.payload_bytes", f"limits.payload_bytes is {payload}: {what}"
