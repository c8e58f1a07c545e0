"""A device's own description against the model and the build that it proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np

from tinysine.boards import AVR
from tinysine.device import Identity
from tinysine.errors import FirmwareWrong
from tinysine.image import ForeignBuild, Image
from tinysine.image.elf import read_engine_counts
from tinysine.link import Counter, DeviceTensor
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model, Tensor
from tinysine.rigs import Build


def contradiction(identity: Identity, model: Model, image: Build) -> str:
    """Say what a device tells of its model and engine that the build it proved cannot have; "" for nothing.

    Args:
        identity: of the device, which proved `image`.
        model: under test.
        image: that it was asked to prove.
    """
    # Firmware of our own is compiled with the clock of the board's file.
    clock_hz = image.board.clock_hz if isinstance(image, Image) and image.board.core != "host" else None
    # Nanoseconds of this computer are judged as noise, which no board's own counter may be.
    is_host = isinstance(image, Image) and image.board.core == "host"
    counts_host_ns = identity.counter is Counter.HOST_NS
    rows: tuple[tuple[str, object, object], ...] = (
        ("a counter of host nanoseconds", counts_host_ns, counts_host_ns and is_host),
        ("core clock in Hz", identity.clock_hz, clock_hz or identity.clock_hz),
        *_end_rows("input", identity.inputs, model.inputs),
        *_end_rows("output", identity.outputs, model.outputs),
    )
    if is_ours(image):
        rows += (
            ("pruned", identity.pruned, image.prune),
            ("size profile", identity.size_profile, image.optimize == "size"),
        )
    wrong = [f"{what} {got}, not {due}" for what, got, due in rows if got != due]
    proved = "model" if isinstance(image, ForeignFirmware) else "build"
    return f"the device proves its {proved}, but reports {'; '.join(wrong)}" if wrong else ""


def refuse_miscount(image: Build | None, model: Model) -> None:
    """Refuse a user's engine that has another number of inputs or outputs than the model.

    The device would describe tensors behind the end of the engine's tables, and may crash over it: the linked image is
    asked, before the board.

    Args:
        image: what the board is to run; nothing is known of the counts in what was not built here.
        model: that it was built for.
    Raises:
        FirmwareWrong: it has; both numbers are told.
    """
    if not isinstance(image, Image) or image.is_generated or image.board.core == AVR:
        return
    counts = read_engine_counts(image.elf)
    for name, got, tensors in zip(
        ("input", "output"), counts or (), (model.inputs, model.outputs), strict=False
    ):
        if got != len(tensors):
            raise FirmwareWrong(
                f"the engine {image.engine} says {name}_count = {got}, and the model has {len(tensors)}: "
                f"TS_MODEL_{name.upper()}S of tinysine/model.h is the number that it is built for",
                field=f"{name}_count",
                expected=len(tensors),
                got=got,
            )


def is_ours(image: Build) -> TypeGuard[Image | ForeignBuild]:
    """Tell whether the engine in it is the one that tinysine generates."""
    return image.is_generated if isinstance(image, Image) else not isinstance(image, ForeignFirmware)


def _end_rows(
    what: str, device: Sequence[DeviceTensor], model: Sequence[Tensor]
) -> Iterator[tuple[str, object, object]]:
    """Of each tensor: its name, what the device says of it, and what the model does."""
    if len(device) != len(model):
        yield f"number of {what}s", len(device), len(model)
        return
    for index, (got, due) in enumerate(zip(device, model, strict=True)):
        name = what if len(model) == 1 else f"{what} {index}"
        yield name, _end(got.dtype, got.shape), _end(due.dtype, due.shape)
        yield f"{name} quantization", got.quantization, due.quantization


def _end(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f"{dtype} {list(shape)}"
