"""Names, places and values of the C firmware that the host looks for in an image or in memory, each of them once.

unit_tests/firmware/test_firmware_facts.py holds them against the C.
"""

from __future__ import annotations

ENGINE = "ts_engine"
ENGINE_INIT, ENGINE_INVOKE = "ts_engine_init", "ts_engine_invoke"
ENGINE_INPUT, ENGINE_OUTPUT = "ts_engine_input", "ts_engine_output"
ARENA_PAINT = 0x5A
ARENA_TOLD = "ts_arena_told_bytes"  # of the file that image/model_source.py makes
# In struct ts_engine of a 32-bit core: the arena's address, its length, and the end of that.
ARENA_AT, ARENA_BYTES_AT, ARENA_BYTES_END = 48, 52, 56
# In struct ts_engine, by the bits of a pointer: how many inputs it has; how many outputs, in the byte behind.
INPUT_COUNT_AT = {32: 44, 64: 56}
