"""Memory as planned: what was promised at build time is what the device measures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.image import Image
from tinysine.oracles import Oracle
from tinysine.rigs import Rig
from tinysine.stimuli import Inputs
from tinysine.verify.memory import measure_memory

Figure = Callable[[str, object], None]


def test_arena_stays_within_its_plan(
    tinysine_device: Device, tinysine_image: Image, inputs: Inputs, figure: Figure
) -> None:
    """After every input was inferred, the arena's high-water mark is at most what was planned."""
    tinysine_device.infer(inputs.codes)
    memory = tinysine_device.memory()
    figure("arena planned, bytes", memory.arena_planned_bytes)
    figure("arena high-water mark, bytes", memory.arena_used_bytes)
    if tinysine_image.arena_bytes is not None:  # else it is the engine's own affair
        assert memory.arena_planned_bytes == tinysine_image.arena_bytes
    assert memory.arena_used_bytes <= memory.arena_planned_bytes


def test_stack_stays_under_its_budget(
    tinysine_device: Device, tinysine_image: Image, inputs: Inputs, figure: Figure
) -> None:
    """The deepest that the stack ever got leaves room, and an inference stays under its computed bound."""
    tinysine_device.infer(inputs.codes)
    memory = tinysine_device.memory()
    if memory.stack_used_bytes is None or memory.stack_reserved_bytes is None:
        pytest.skip("this firmware does not know where its stack is")
    figure("stack high-water mark, bytes", memory.stack_used_bytes)
    assert 0 < memory.stack_used_bytes < memory.stack_reserved_bytes
    assert memory.stack_reserved_bytes <= tinysine_image.stack_bytes
    if memory.invoke_stack_bytes is None:
        pytest.skip("this board cannot measure the stack of one inference")
    figure("stack of one inference, bytes", memory.invoke_stack_bytes)
    assert memory.invoke_stack_bytes < memory.stack_reserved_bytes
    if tinysine_image.stack_bound_bytes is not None:
        figure("stack of one inference, computed bound, bytes", tinysine_image.stack_bound_bytes)
        assert memory.invoke_stack_bytes <= tinysine_image.stack_bound_bytes


def test_memory_is_what_an_emulator_sees(
    tinysine_device: Device, tinysine_rig: Rig, tinysine_image: Image, tinysine_board: Board, inputs: Inputs
) -> None:
    """Every figure of the device is the one that its twin sees, or that the image has on an emulated core."""
    tinysine_device.infer(inputs.codes)
    verdict = measure_memory(tinysine_board, tinysine_image, tinysine_rig, tinysine_device)
    assert verdict.passed, verdict.findings


def test_static_ram_is_what_the_linker_placed(
    tinysine_device: Device, tinysine_image: Image, tinysine_board: Board, figure: Figure
) -> None:
    """The device's own figure is the image's, and both fit the board."""
    if tinysine_board.ram is None or tinysine_board.flash is None:
        pytest.skip("on this computer the operating system places the memory")
    memory = tinysine_device.memory()
    sizes = tinysine_image.sizes
    figure("static RAM, bytes", sizes.static_ram_bytes)
    figure("flash, bytes", sizes.flash_bytes)
    figure("engine and model in flash, bytes", sizes.engine_bytes)
    assert sizes.static_ram_bytes + (memory.stack_reserved_bytes or 0) <= tinysine_board.ram.length
    assert sizes.flash_bytes <= tinysine_board.flash.length
    if memory.static_ram_bytes is None:
        pytest.skip("this firmware does not know which variables are its own")
    assert memory.static_ram_bytes == sizes.static_ram_bytes


def test_arena_is_smaller_than_tflms(
    tinysine_device: Device, tinysine_oracles: dict[str, Oracle], figure: Figure
) -> None:
    """The generated plan takes less than TensorFlow Lite Micro's interpreter uses for the same model."""
    tflm = tinysine_oracles.get("tflm")
    theirs = tflm.detail.get("arena_used_bytes") if tflm is not None else None
    if not isinstance(theirs, int):
        pytest.skip("the tflite-micro wheel is not installed here, so there is nothing to compare with")
    figure("arena used by TFLM, bytes", theirs)
    assert tinysine_device.memory().arena_used_bytes < theirs
