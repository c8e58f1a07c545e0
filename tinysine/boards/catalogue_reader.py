"""Reads a board file: TOML, every key known, every fact with a source."""

from __future__ import annotations

import dataclasses
import os
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinysine.boards.based_on import with_its_base
from tinysine.boards.board import LARGEST_PAYLOAD, SMALLEST_PAYLOAD, Board, Led, Limits, Memory, Uart
from tinysine.boards.pins import pin_number
from tinysine.boards.toml_file import read_toml, shown
from tinysine.errors import ConfigError, unknown_name
from tinysine.outside_text import is_file_name

_TABLES: dict[str, type] = {"flash": Memory, "ram": Memory, "uart": Uart, "led": Led, "limits": Limits}
_DEFAULTS: dict[str, object] = {
    "fpu": "",
    "machine": "",
    "flash": None,
    "ram": None,
    "uart": None,
    "uart.tx": "",
    "uart.rx": "",
    "led": None,
    "flash_options": {},
    "upload_usb_ids": (),
}
# Names and choices of this project, not facts about the world: nobody asks where they come from.
_UNSOURCED = {"name", "title", "port", "backend", "machine", "sources"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "core": ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "avr5", "host", "any"),
    "fpu": ("", "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16"),
    "backend": ("emulated", "qemu", "host", "none"),
    "led.active": ("high", "low"),
}
# Where zero is no fact: a clock of 0 means unknown, an address of 0 is one.
_POSITIVE = {
    "flash.length",
    "ram.length",
    "uart.baud",
    "limits.payload_bytes",
}
_TEXTS = {"sources", "flash_options"}
_USB_IDS = {"usb_ids", "upload_usb_ids"}
_PINS = ("uart.tx", "uart.rx", "led.pin", "led.other_pin")
_NO_PIN = {"uart.tx", "uart.rx", "led.other_pin"}  # may be none
_NAME = re.compile(r"[!-~]+")  # the device reports it in ASCII, a log has it between blanks
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_NO_PORTS = ("blocks", "cortex_m")  # folders in firmware/ports/ that several ports share
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
    table = with_its_base(read_toml(file, what="board file", hint="see docs/adding-a-board.md"), file)
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
    board = _parse(table, Board, where="", file=Path(file))
    assert isinstance(board, Board)
    _check_whole(board, Path(file))
    _check_pins(board, Path(file))
    return board


def _parse(table: dict[str, Any], kind: type, *, where: str, file: Path) -> object:
    """A TOML table as a frozen value of `kind`, whose fields are the schema."""
    hints = typing.get_type_hints(kind)
    for key in table:
        if key not in hints:
            message = f"{file.name}: unknown key {where + key!r}"
            raise unknown_name(message, key, hints, file=str(file), key=where + key)
    values: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        key = where + field.name
        if field.name in table:
            values[field.name] = _value(table[field.name], hints[field.name], key=key, file=file)
        elif key in _DEFAULTS:
            values[field.name] = _DEFAULTS[key]
        elif field.default is not dataclasses.MISSING:
            values[field.name] = field.default
        else:
            raise ConfigError(
                f"{file.name}: the key {key!r} is missing",
                hint="a board file must say it; see the other files of the catalogue",
                file=str(file),
                key=key,
            )
    return kind(**values)


def _value(value: Any, hint: Any, *, key: str, file: Path) -> object:
    if isinstance(hint, types.UnionType):
        hint = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
    if key in _TABLES and isinstance(value, dict):
        return _parse(value, _TABLES[key], where=key + ".", file=file)
    if hint in (str, int) and type(value) is hint:
        _check_scalar(value, key=key, file=file)
        return typing.cast(object, value)
    if key in _USB_IDS and _is_list(value, lambda pair: _is_list(pair, _is_usb_number) and len(pair) == 2):
        return tuple((vendor, product) for vendor, product in value)
    if key == "flash_tools" and _is_list(value, lambda tool: isinstance(tool, str)):
        return tuple(value)
    if key in _TEXTS and isinstance(value, dict) and all(isinstance(v, str) and v for v in value.values()):
        if key != "sources":  # those are nothing but read, and may have several lines
            for name, text in value.items():
                _check_scalar(text, key=f"{key}.{name}", file=file)
        return dict(value)
    raise ConfigError(
        f"{file.name}: {key} is {shown(value)}, which is not {_expected(key, hint)}",
        file=str(file),
        key=key,
        allowed=_expected(key, hint),
    )


def _expected(key: str, hint: Any) -> str:
    special = {
        **dict.fromkeys(_USB_IDS, "a list of [vendor, product] pairs of 16-bit numbers"),
        "flash_tools": "a list of tool names",
        "sources": "a table of texts, one for each fact",
        "flash_options": "a table of texts, one for each flash tool",
    }
    return special.get(key) or {str: "a text", int: "a whole number"}.get(hint, "a table")


def _is_list(value: Any, check: typing.Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(check(item) for item in value)


def _is_usb_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 0xFFFF


def _check_scalar(value: str | int, *, key: str, file: Path) -> None:
    allowed = _CHOICES.get(key)
    if isinstance(value, int):
        least = 1 if key in _POSITIVE else 0
        if not least <= value <= 0xFFFFFFFF:
            raise ConfigError(
                f"{file.name}: {key} is {shown(value)}, out of range", file=str(file), key=key, least=least
            )
    elif not value.isprintable():
        message = f"{file.name}: {key} is {shown(value)}, with characters that cannot be printed"
        raise ConfigError(message, file=str(file), key=key)
    elif allowed is not None and value not in allowed:
        raise unknown_name(f"{file.name}: {key} is {shown(value)}", value, allowed, file=str(file), key=key)


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
        raise ConfigError(f"{file.name}: {wrong}", hint="see docs/adding-a-board.md", file=str(file), key=key)


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
    if not _PLAIN.fullmatch(board.port) or board.port in _NO_PORTS:
        yield "port", f"port is {board.port!r}, which is not the name of a port in firmware/ports/"
    if board.machine and not _MACHINE.fullmatch(board.machine):
        # After a comma, QEMU takes options, some of which write files.
        yield "machine", f"machine is {board.machine!r}, which is not the name of one of QEMU's machines"
    if board.uart is not None and not _PLAIN.fullmatch(board.uart.block):
        block = board.uart.block
        yield (
            "uart.block",
            f"uart.block is {block!r}, which is not the name of a block in firmware/ports/blocks/",
        )


def _bad_core(board: Board) -> Iterator[tuple[str, str]]:
    """A core without what its firmware needs."""
    core, port = board.core, board.port
    if core in ("avr5", "any") and port != "arduino":
        yield "port", f"port is {port!r}, but the core {core} runs Arduino sketches only: port is 'arduino'"
    if (core == "host") != (port == "host"):
        yield "port", f"port is {port!r} and core is {core!r}: 'host' goes with 'host' only"
    if core in ("host", "any"):
        return
    for key in ("flash", "ram"):
        if getattr(board, key) is None:
            yield key, f"a {core} needs [flash] and [ram]"
    if board.uart is None and port != "arduino":
        yield "uart", f"a {core} needs [uart], unless its port is 'arduino'"
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
    flash, ram = board.flash, board.ram
    # An AVR counts each memory from 0.
    if flash is not None and ram is not None and board.core.startswith("cortex-m"):
        above, below = max(flash.origin, ram.origin), min((flash, ram), key=lambda memory: memory.origin)
        if above < below.origin + below.length:
            yield "ram.origin", "[flash] and [ram] overlap"


def _bad_limits(board: Board) -> Iterator[tuple[str, str]]:
    """Budgets that no firmware can keep to."""
    stack, payload = board.limits.stack_bytes, board.limits.payload_bytes
    if stack == 0 and board.port != "arduino":
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
