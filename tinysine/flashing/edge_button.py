"""The SparkFun Edge has to be held by the hand while one of its boot loaders is reached."""

from __future__ import annotations

from tinysine.flashing.tool import Target

BAUD = "921600"
STAGING = 0x20000  # where both boot loaders want an image in RAM before it goes into flash
HOLD = "hold button 14, press and release RST, and keep holding 14 until the upload has begun"
HINT = f"{HOLD}; boards given out at TensorFlow conferences want 115200 baud: set it under [flash_options]"


def ask_for_the_button(target: Target, tool: str) -> None:
    """Say what to do before a tool waits for it: nobody can do it afterwards."""
    target.tell(f"{target.board.name}: {HOLD} ({tool} is waiting at {target.port})")


def baud(target: Target, tool: str) -> str:
    """Return the baud rate of the board file's [flash_options], else SparkFun's default."""
    return target.board.flash_options.get(tool, BAUD)
