"""The stack that is reserved is enough for the firmware and an inference on top, or the build is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import Memory, list_boards, load_board
from tinysine.codegen import generate
from tinysine.errors import EXIT_USAGE, ImageTooLarge
from tinysine.graph import Network
from tinysine.image import BuildOptions, build_image
from tinysine.image.elf import read_symbols
from tinysine.image.firmware import FirmwareRecipe
from tinysine.image.sources import firmware_sources
from tinysine.image.stack import FIRMWARE_STACK_BYTES, stack_bound, stack_needed
from tinysine.image.toolchain import find_toolchain
from tinysine.profiling import trace_call
from tinysine.quantization import Rounding

BOARDS = [
    board.name for board in list_boards() if board.core.startswith("cortex-m") and board.port != "arduino"
]
# Pushed by the core when it faults, with the registers of its floating-point unit, and aligned.
EXCEPTION_FRAME_BYTES = 112
HUNGRY = """
__attribute__((noinline)) static void hungry(void) {
    volatile char taken[3000];
    taken[0] = 1;
    __asm volatile("" : : "r"(taken) : "memory");
}
int ts_engine_invoke(void) {
    hungry();
"""


def recipe(model: Network, name: str, toolchain: str, *, hungry: bool = False) -> FirmwareRecipe:
    """A board's firmware around a model, whose inference takes 3,000 bytes of stack more when it is hungry."""
    board = load_board(name)
    engine = generate(model, rounding=Rounding.LITERT, core=board.core).source
    if hungry:
        engine = engine.replace("int ts_engine_invoke(void) {\n", HUNGRY)
    return FirmwareRecipe(
        board=board,
        toolchain=find_toolchain(toolchain, board.core),
        sources=firmware_sources(board),
        engine=engine,
        engine_level="-O2",
        extra_flags=(),
    )


@pytest.mark.needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if number % 3 else [])
        for number, name in enumerate(BOARDS)
    ],
)
def test_the_firmware_itself_takes_less_than_is_allowed_for_it(
    sine_model: Network, name: str, tmp_path: Path
) -> None:
    """All that runs from the start of the application on, an inference included, leaves room for a fault."""
    linked = recipe(sine_model, name, "gcc").link(bytes(16), tmp_path)
    deepest = stack_bound(sorted(tmp_path.glob("*.o")), entry="ts_cortex_start", linked=linked.elf)
    assert deepest is not None
    assert deepest + EXCEPTION_FRAME_BYTES <= FIRMWARE_STACK_BYTES
    assert linked.stack_bound_bytes is not None
    assert stack_needed(linked.stack_bound_bytes) <= load_board(name).limits.stack_bytes


def test_the_stack_grows_where_an_inference_needs_it(
    sine_model: Network, toolchain: str, tmp_path: Path
) -> None:
    """More than the board's file reserves is given where the RAM has it."""
    linked = recipe(sine_model, "nano33ble-sense", toolchain, hungry=True).link(bytes(16), tmp_path)
    assert linked.stack_bound_bytes is not None
    assert linked.stack_bound_bytes > 3000
    assert linked.stack_bytes == stack_needed(linked.stack_bound_bytes)
    at = read_symbols(linked.elf)
    assert at["__ts_stack_top"] - at["__ts_stack_bottom"] == linked.stack_bytes
    image = build_image(sine_model, load_board("nano33ble-sense"), options=BuildOptions(toolchain=toolchain))
    grown = dataclasses.replace(image, elf=linked.elf, stack_bytes=linked.stack_bytes)
    trace = trace_call(grown, inputs=(bytes(1),), output_bytes=(1,))
    assert 2900 < trace.stack_bytes <= linked.stack_bound_bytes


def test_a_stack_that_does_not_fit_is_refused(sine_model: Network, toolchain: str, tmp_path: Path) -> None:
    """If the RAM is too small, the error names both figures, and it is bad input."""
    hungry = recipe(sine_model, "nano33ble-sense", toolchain, hungry=True)
    small = structs.replace(hungry.board, ram=Memory(0x20000000, 4096))
    with pytest.raises(ImageTooLarge, match=r"bytes of RAM \(frames 2 x 256, stack 3,\d+\)") as caught:
        dataclasses.replace(hungry, board=small).link(bytes(16), tmp_path)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.facts["available_bytes"] == 4096


@pytest.mark.parametrize("name", ["qemu:microbit", pytest.param("qemu:lm3s6965evb", marks=pytest.mark.long)])
def test_the_compilers_own_routines_are_counted(
    sine_model: Network, name: str, toolchain: str, tmp_path: Path
) -> None:
    """A core without a long product calls a routine for it, and the bound is known all the same."""
    linked = recipe(sine_model, name, toolchain).link(bytes(16), tmp_path)
    assert linked.stack_bound_bytes is not None
    alone = stack_bound([tmp_path / "00_engine.o"])
    assert alone is None or alone == linked.stack_bound_bytes
