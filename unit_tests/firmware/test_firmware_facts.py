"""The host's copies of the firmware's constants equal the C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine import firmware_facts as facts
from tinysine.boards import load_board
from tinysine.image.sources import config_header, firmware_root
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import compile_command, find_toolchain

HELD = f"""
#include <stddef.h>
#include "tinysine/engine.h"
#include "app/arena.c"
_Static_assert(sizeof(void *) == 4, "a 32-bit core");
_Static_assert(offsetof(struct ts_engine, arena) == {facts.ARENA_AT}, "ARENA_AT");
_Static_assert(offsetof(struct ts_engine, arena_bytes) == {facts.ARENA_BYTES_AT}, "ARENA_BYTES_AT");
_Static_assert(sizeof ts_engine.arena_bytes == {facts.ARENA_BYTES_END - facts.ARENA_BYTES_AT}, "ARENA_BYTES_END");
_Static_assert(offsetof(struct ts_engine, input_count) == {facts.INPUT_COUNT_AT[32]}, "INPUT_COUNT_AT");
_Static_assert(offsetof(struct ts_engine, output_count) == {facts.INPUT_COUNT_AT[32] + 1}, "its outputs");
_Static_assert(TS_ARENA_PATTERN == {facts.ARENA_PAINT}, "ARENA_PAINT");
int (*const functions[])(void) = {{{facts.ENGINE_INIT}, {facts.ENGINE_INVOKE}}};
void *(*const input)(uint8_t) = {facts.ENGINE_INPUT};
const void *(*const output)(uint8_t) = {facts.ENGINE_OUTPUT};
const struct ts_engine *const engine = &{facts.ENGINE};
"""


@pytest.mark.parametrize("board", ["nano33ble-sense", "microbit"])
@pytest.mark.parametrize("choice", ["gcc", "zig"])
def test_the_facts_are_those_of_the_c(
    tmp_path: Path, require: Callable[[str], str], board: str, choice: str
) -> None:
    """The compiler itself compares them, for the cores with and without a floating-point unit."""
    if choice == "gcc":
        require("arm-none-eabi-gcc")
    source = tmp_path / "held.c"
    source.write_text(HELD)
    (tmp_path / "config.h").write_text(config_header(load_board(board), build_id=bytes(16)))
    command = compile_command(find_toolchain(choice, load_board(board).core), load_board(board))
    include = ["-I", str(tmp_path), "-I", str(firmware_root() / "include"), "-I", str(firmware_root())]
    run_tool(choice, [*command, *include, "-c", str(source), "-o", str(tmp_path / "held.o")])
