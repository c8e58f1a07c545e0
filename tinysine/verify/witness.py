"""Asking a twin, or an emulated core that runs the same image, what the firmware cannot change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinysine.emulation import has_unicorn
from tinysine.errors import DeviceError
from tinysine.firmware_facts import (
    ARENA_AT,
    ARENA_BYTES_AT,
    ARENA_BYTES_END,
    ARENA_PAINT,
    ENGINE,
    ENGINE_INVOKE,
)
from tinysine.image import Image
from tinysine.image.elf import read_symbols
from tinysine.link import Status
from tinysine.profiling import Trace, trace_call

if TYPE_CHECKING:
    from tinysine.device import Device
    from tinysine.emulation import EmulatedBoard
    from tinysine.rigs import Build, Rig


@dataclass(frozen=True)
class Sight:
    """Facts that a twin knows by itself at one moment. None: it does not see that.

    Attributes:
        image_sha256: of the file that was flashed.
        resets: since it was started.
        faults: exceptions since power-on.
        inferences: entries into the engine since the image was flashed.
        stack_bytes: the deepest that the stack was written since reset.
        stray: where the engine, while it was watched, first wrote outside what it may write, and the instruction's
            address.
    """

    image_sha256: str | None
    resets: int | None
    faults: int | None
    inferences: int | None
    stack_bytes: int | None
    stray: tuple[int, int] | None = None


def look(rig: Rig) -> Sight | None:
    """Return the facts that the twin behind a rig sees; None for hardware."""
    if rig.emulator is None:
        return None
    status = rig.emulator.status()
    names = ("image_sha256", "resets", "faults", "inferences", "stack_bytes")
    stray = status.get("stray")
    return Sight(**{name: status.get(name) for name in names}, stray=None if stray is None else tuple(stray))


@contextlib.contextmanager
def watched(rig: Rig, device: Device, image: Build) -> Iterator[EmulatedBoard | None]:
    """The twin while it notes every inference; None where it does not see its core. The demo rests meanwhile.

    Args:
        image: that runs. The generated engine may write to its arena, its outputs and its stack, and to nothing else;
            what others own is not known.
    """
    emulator = rig.emulator
    sight = look(rig)
    if emulator is None or sight is None or sight.inferences is None:
        yield None
        return
    identity = device.identity
    demo = _switch_demo(device, on=False)
    emulator.watch(
        input_bytes=[tensor.nbytes for tensor in identity.inputs],
        output_bytes=[tensor.nbytes for tensor in identity.outputs],
        writable=writable(image),
    )
    try:
        yield emulator
    finally:
        emulator.unwatch()
        if demo:
            _switch_demo(device, on=True)


def _switch_demo(device: Device, *, on: bool) -> bool:
    try:
        return device.demo(on)
    except DeviceError as error:
        if error.facts.get("status") != Status.UNSUPPORTED:
            raise
        return False


def trace_inference(image: Image, device: Device, inputs: Sequence[bytes]) -> Trace | None:
    """One inference of the image on an emulated core; None where there is no such core, or nothing to call there.

    Raises:
        BenchError: the engine does not come back on it.
        ConfigError, BuildError: the image cannot be read.
    """
    board, identity = image.board, device.identity
    if not board.core.startswith("cortex-m") or board.ram is None or board.flash is None:
        return None
    if not image.is_generated:
        return (
            None  # it may need variables with initial values, and constructors, which nothing gives it there
        )
    if not has_unicorn() or ENGINE_INVOKE not in read_symbols(image.elf):
        return None  # a sketch's compiler may have put the engine into its caller
    address, length = engine_arena(image)
    return trace_call(
        image,
        inputs=inputs,
        output_bytes=[tensor.nbytes for tensor in identity.outputs],
        paint=(address or board.ram.origin, bytes([ARENA_PAINT]) * length),
        writable=((address, length),),
    )


def least_cycles(trace: Trace, *, core: str) -> int:
    """The fewest cycles that a core can take for a trace: one an instruction, or one for two where it issues two.

    IT and NOP may take none (Cortex-M4 Technical Reference Manual, 3.3.1).
    """
    free = sum(trace.codes[address] & 0xFF00 == 0xBF00 for address in trace.addresses)
    return (len(trace.addresses) - free) // (2 if core == "cortex-m7" else 1)


def engine_arena(image: Image) -> tuple[int, int]:
    """Address and length of the engine's arena, from the linked image; zeros where it has none, or is not known."""
    flash, at = image.board.flash, read_symbols(image.elf).get(ENGINE)
    if at is None or flash is None or image.binary is None:
        return 0, 0
    data = image.binary.read_bytes()[at - flash.origin :][ARENA_AT:ARENA_BYTES_END]
    length_at = ARENA_BYTES_AT - ARENA_AT
    return int.from_bytes(data[:length_at], "little"), int.from_bytes(data[length_at:], "little")


def writable(image: Build) -> tuple[tuple[int, int], ...] | None:
    """Address and bytes of what an engine may write beside its outputs and its stack; None where that is not known."""
    return (engine_arena(image),) if isinstance(image, Image) and image.is_generated else None


def arena_mark(memory: bytes) -> int:
    """The high-water mark of an arena that was painted before it was used."""
    return len(memory.rstrip(bytes([ARENA_PAINT])))
