"""The device's C link, compiled for this computer and called in this process."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import host_compiler

FIRMWARE = Path(__file__).parents[2] / "firmware"
INPUTS, OUTPUTS = 4, 3
PAYLOAD_BYTES = 128
CONFIG = f"""#define TS_BOARD_NAME "bench"
#define TS_PAYLOAD_BYTES {PAYLOAD_BYTES}
#define TS_BUILD_ID {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}
#define TS_CLOCK_HZ 0
#define TS_STACK_BYTES 0
"""


def build_library(folder: Path, *, firmware: Path = FIRMWARE) -> Path:
    """Compile the link with its test engine.

    Args:
        folder: for the library.
        firmware: the sources.
    Raises:
        BuildError: no compiler, or it fails.
    """
    (folder / "config.h").write_text(CONFIG, encoding="utf-8")
    library = folder / "link.so"
    app = (firmware / f"app/{name}.c" for name in ("arena", "demo", "fault", "stack"))
    sources = (*sorted(firmware.glob("link/*.c")), *app, Path(__file__).with_name("device.c"))
    includes = (f"-I{folder}", f"-I{firmware / 'include'}")
    options = ("-std=c11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", *includes)
    run_tool("cc", [*host_compiler(), *options, *map(str, sources), "-o", str(library)])
    return library


class Firmware:
    """The one device of this process: the library's state is global."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._out = ctypes.POINTER(ctypes.c_char)()

    def power_on(self) -> None:
        """Begin anew, the counts of this class included."""
        self._library.bench_power_on()

    def reset(self) -> None:
        """Begin anew, as by the reset button."""
        self._library.bench_reset()

    def quiet(self) -> None:
        """Tell it that nothing came for two seconds."""
        self._library.ts_link_quiet()

    def feed(self, data: bytes) -> bytes:
        """Bytes from the wire; returns what the device sends back."""
        self._library.bench_feed(data, len(data))
        length = self._library.bench_take(ctypes.byref(self._out))
        return bytes(self._out[:length])

    @property
    def inferred(self) -> int:
        """Inferences since power-on."""
        return int(self._library.bench_count_inferred())

    @property
    def resets(self) -> int:
        """Resets since power-on, those that were asked for included."""
        return int(self._library.bench_count_resets())


def expected_answers(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Answers of the engine in device.c: int8 [n, INPUTS] to int8 [n, OUTPUTS]."""
    sums = np.tile(7 + 5 * np.arange(OUTPUTS, dtype=np.uint32), (len(codes), 1))
    for column in codes.view(np.uint8).T.astype(np.uint32):
        sums = sums * np.uint32(31) + column[:, None]
    return (sums ^ (sums >> np.uint32(8))).astype(np.uint8).view(np.int8)
