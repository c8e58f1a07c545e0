"""An image that was never built, as `build_image` describes one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tinysine.boards import Board
from tinysine.image import Image, ImageSizes, Toolchain
from tinysine.quantization import Rounding


def made_up_image(elf: Path, board: Board, *, model_sha256: str, **changes: Any) -> Image:
    """Of the generated engine for speed, made by Zig, without a raw binary, but for the changes."""
    plain = Image(
        elf=elf,
        binary=None,
        board=board,
        model_sha256=model_sha256,
        build_id=bytes(range(16)),
        rounding=Rounding.LITERT,
        optimize="speed",
        prune=False,
        toolchain=Toolchain("zig", "0.13", "zig"),
        sha256="ab" * 32,
        sizes=ImageSizes(flash_bytes=8000, static_ram_bytes=900, model_bytes=500, engine_bytes=1000),
        arena_bytes=32,
        stack_bytes=1024,
        stack_bound_bytes=100,
    )
    return dataclasses.replace(plain, **changes)
