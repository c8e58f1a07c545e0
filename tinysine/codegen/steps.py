"""One node of a graph, ready to be emitted: which kernel, its tables, and the statement that runs it."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.graph import Node
from tinysine.quantization import Rounding
from tinysine.settings import Optimize

# Of the structures in firmware/engine, on a 32-bit core; a test holds them against a compiler.
STRUCT_BYTES = {
    "ts_add": 76,
    "ts_add_linear": 68,
    "ts_add_tables": 24,
    "ts_conv": 40,
    "ts_dense_lanes": 16,
    "ts_depthwise": 60,
    "ts_depthwise_planes": 28,
    "ts_lanes": 40,
    "ts_mul": 64,
    "ts_pointwise_8": 12,
    "ts_planes": 16,
    "ts_pool": 22,
    "ts_rgb": 28,
    "ts_scaled_channel": 12,
    "ts_taps": 48,
    "ts_winograd": 32,
}
DSP_CORES = ("cortex-m4", "cortex-m7", "host")


@dataclass(frozen=True)
class Room:
    """Memory that a board has for an engine. Units: bytes.

    Attributes:
        flash_bytes: for constants.
        ram_bytes: for the arena.
    """

    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class Target:
    """Target for which an engine is generated.

    Attributes:
        core: as in Board.core. "host" gets the engine of a Cortex-M4, which runs there in plain C.
        optimize: "speed" or "size"; a table has no steps.
        rounding: which reference the answers equal.
        room: None where the board is not known.
    """

    core: str
    optimize: Optimize
    rounding: Rounding
    room: Room | None = None

    @property
    def dsp(self) -> bool:
        """Tell whether the core has dual multiply-accumulates, and speed is wanted."""
        return self.core in DSP_CORES and self.optimize == "speed"


@dataclass(frozen=True, eq=False)
class Step:
    """One node.

    Attributes:
        node: what it computes.
        kernel: the name of the function that runs it, for people and for the tests that count them; "" for none.
        headers: of firmware/engine that it needs.
        tables: C definitions, each name with the node's number in it.
        call: the C statement; {source0}, {source1}, ..., {target} and {scratch} stand for expressions of type
            `int8_t *` (`float *` for float32, `uint8_t *` for uint8), each aligned to 4 bytes.
        constant_bytes: of the tables, on a 32-bit core.
        scratch_bytes: of memory that it needs beside its values, while it runs.
        result_bytes: of the result, where it does not lie as the file has it; 0 where it does.
        cycles: of a Cortex-M4, about, to choose between kernels; 0 where there is nothing to choose.
        in_place: the result may lie where the first source is.
        alias: the result is the first source: nothing runs.
        reason: why this kernel was chosen, for people.
    """

    node: Node
    kernel: str
    headers: tuple[str, ...] = ()
    tables: str = ""
    call: str = ""
    constant_bytes: int = 0
    scratch_bytes: int = 0
    result_bytes: int = 0
    cycles: int = 0
    in_place: bool = False
    alias: bool = False
    reason: str = ""
