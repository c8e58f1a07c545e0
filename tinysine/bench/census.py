"""Every board connected to this computer: where, what runs on it, who uses it, and what to do next."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec.structs import replace

from tinysine.bench.bench_file import BenchEntry, BenchFile
from tinysine.boards import AttachedBoard, Board, attached_boards, list_boards, load_board, same_port
from tinysine.device import Device
from tinysine.errors import DeviceError, LinkTimeout, PortUnavailable, ProtocolError
from tinysine.evidence import DeviceFacts, identity_record
from tinysine.flashing import choose_tool, own_serial, tools_of
from tinysine.place import LABGRID, TWIN
from tinysine.record import Count, Record, fact
from tinysine.rigs import LeaseRecord, lease_on
from tinysine.settings import CONNECT_TIMEOUT_S

AT_ONCE = 8

State = Literal[
    "running tinysine",
    "other firmware",
    "silent",
    "in use",
    "no permission",
    "not asked",
    "missing",
    "unusable",
]


KnownBy = Literal["device", "bench", "usb", ""]


class FoundBoard(Record, kw_only=True, omit_defaults=False):
    """A board that is attached, or a USB serial port that may be one."""

    board: Annotated[str | None, fact("name in the catalogue; null if it is not known")]
    known_by: Annotated[
        KnownBy,
        fact(
            "how the name is known: `device` for its own report, `bench` for the bench file, "
            "`usb` for its ids; empty if it is not known"
        ),
    ]
    port: Annotated[str, fact("where it is")]
    vendor_id: Annotated[Count | None, fact("USB id of the maker; null for a port that has none")]
    product_id: Annotated[Count | None, fact("USB id of the product; null for a port that has none")]
    serial_number: Annotated[str, fact("of the USB device; empty where it has none")]
    description: Annotated[str, fact("as the operating system words it")]
    state: Annotated[
        State, fact("what the device is; `missing`: the bench file has it, and it is not attached")
    ]
    place: Annotated[str, fact("its id in the bench file; empty for a board that is not there")] = ""
    detail: Annotated[str, fact("the state in more words")] = ""
    lease: Annotated[str, fact("the user of the board; empty if it is free")] = ""
    next: Annotated[str, fact("what to do about it")] = ""
    identity: Annotated[
        DeviceFacts | None, fact("the identity that the device reported; null unless it runs tinysine")
    ] = None


@dataclass(frozen=True)
class _Answer:
    """Answer of a port that was asked; next: what to do about it, where the error itself says so."""

    state: State
    detail: str
    next: str = ""
    identity: DeviceFacts | None = None


def take_census(
    bench: BenchFile,
    *,
    ask: Literal["none", "boards", "all"] = "boards",
    timeout_s: float = CONNECT_TIMEOUT_S,
    connect: Callable[..., Device] = Device.connect,
) -> tuple[FoundBoard, ...]:
    """Look at every USB serial port and at every entry of the bench file.

    Asking opens a port, which resets some boards (the SparkFun Edge among them), and sends a request that other
    firmware may not expect. A board that somebody has leased is never asked.

    Args:
        bench: see `find_bench`.
        ask: only ports that look like boards, all of them, or none.
        timeout_s: for each; they are asked at the same time.
        connect: opens a device by URL.
    Raises:
        ConfigError: a board file that breaks its rules.
    """
    attached = attached_boards()
    rows = [_row(port, _entry_of(port, bench, attached)) for port in attached]
    for entry in bench.entries:
        now = entry.port_now(attached)
        if now == TWIN:
            continue
        if now is None:
            what = f"{bench.file} has it" + (f" at {entry.port}" if entry.port else "")
            rows.append(_of_entry(entry, "missing", f"{what}, USB serial number {entry.usb_serial or 'any'}"))
        elif not any(same_port(now, row.port) for row in rows):
            rows.append(_of_entry(entry, "not asked", ""))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="census") as workers:
        asked = workers.map(lambda row: _look_at(row, ask=ask, timeout_s=timeout_s, connect=connect), rows)
        return tuple(replace(row, next=row.next or _advice(row, bench)) for row in asked)


def _entry_of(
    port: AttachedBoard, bench: BenchFile, attached: tuple[AttachedBoard, ...]
) -> BenchEntry | None:
    for entry in bench.entries:
        now = entry.port_now(attached)
        if now not in (None, TWIN) and same_port(str(now), port.port):
            return entry
    return None


def _row(port: AttachedBoard, entry: BenchEntry | None) -> FoundBoard:
    known_by: KnownBy = "bench" if entry is not None else "usb" if port.board else ""
    name = port.board if entry is None else entry.name
    return FoundBoard(
        board=name,
        known_by=known_by,
        port=port.port,
        vendor_id=port.vendor_id,
        product_id=port.product_id,
        serial_number=port.serial_number,
        description=port.description,
        state="not asked",
        place="" if entry is None else entry.id,
    )


def _of_entry(entry: BenchEntry, state: State, detail: str) -> FoundBoard:
    return FoundBoard(
        board=entry.name,
        known_by="bench",
        port=entry.port,
        vendor_id=None,
        product_id=None,
        serial_number=entry.usb_serial,
        description="",
        state=state,
        place=entry.id,
        detail=detail,
    )


def _look_at(row: FoundBoard, *, ask: str, timeout_s: float, connect: Callable[..., Device]) -> FoundBoard:
    if row.state == "missing" or row.port.startswith(LABGRID):
        return row  # a place of a farm has to be acquired first, which may take as long as a night
    lease = _lease(row)
    if lease is not None:
        return replace(
            row, board=row.board or lease.board, state="in use", detail=lease.holder, lease=lease.holder
        )
    looks_like_a_board = row.board is not None or (row.vendor_id, row.product_id) in _ids()
    if ask == "none" or (ask == "boards" and not looks_like_a_board):
        return row
    known: dict[str, int] = {} if row.board is None else {"baud": load_board(row.board).baud}
    answer = _ask(row.port, connect=functools.partial(connect, timeout_s=timeout_s, **known))
    row = replace(row, **vars(answer))
    if answer.identity is not None and answer.identity.board in (board.name for board in list_boards()):
        row = replace(row, board=answer.identity.board, known_by="device")
    return row


def _lease(row: FoundBoard) -> LeaseRecord | None:
    return lease_on(row.port, usb_serial=own_serial(row.port))


def _ids() -> set[tuple[int, int]]:
    return {usb_id for board in list_boards() for usb_id in board.usb_ids}


def _ask(port: str, *, connect: Callable[..., Device]) -> _Answer:
    try:
        device = connect(port)
    except PortUnavailable as error:
        states: dict[object, State] = {"permission": "no permission", "busy": "in use"}
        return _Answer(states.get(error.facts.get("cause"), "unusable"), error.message, error.hint)
    except LinkTimeout as error:
        silent = error.facts.get("diagnosis") in (None, "silence", "blocked")
        return _Answer("silent" if silent else "other firmware", error.message)
    except (ProtocolError, DeviceError) as error:
        return _Answer("other firmware", error.message)
    with device:
        facts = identity_record(device.identity)
    return _Answer("running tinysine", f"{facts.board}, build {facts.build_id[:12]}", identity=facts)


def _advice(row: FoundBoard, bench: BenchFile) -> str:
    if row.state == "missing":
        return f"plug it in, or correct {bench.file}"
    if row.lease:
        return f"wait for {row.lease}"
    if row.board is None:
        return f"if it is a board: tinysine verify MODEL --board NAME --port {row.port}"
    return _next_for_a_board(row, load_board(row.board))


def _next_for_a_board(row: FoundBoard, board: Board) -> str:
    if not board.is_buildable:
        return f"tinysine verify MODEL --board {board.name} --port {row.port} --flash never"
    if row.state in ("running tinysine", "not asked"):
        return f"tinysine verify MODEL --board {board.name} --port {row.port}"
    if choose_tool(board) is None and board.flash_tools:
        return "install one of: " + "; ".join(f"{tool.name} ({tool.install})" for tool in tools_of(board))
    return f"tinysine flash MODEL --board {board.name} --port {row.port}"
