"""`python -m tinysine.emulation`: the process behind `start_emulator`. Its first line of input says what to be."""

from __future__ import annotations

import json
import logging
import os
import sys

from tinysine.boards import board_from_table
from tinysine.emulation.control import encode_error
from tinysine.emulation.server import announce_on_stdout, serve
from tinysine.errors import TinysineError
from tinysine.outside_json import read_json_object


def _read_line() -> bytes:
    # Unbuffered: what follows the line is the parent's end of life, and belongs to the watcher.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            break
        line += byte
    return line


def main() -> int:
    """Be the board that the first line of standard input describes."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        wanted = read_json_object(_read_line())
        facts = {key: value for key, value in wanted["board"].items() if value is not None}
        unique_id = bytes.fromhex(wanted["unique_id"]) if wanted["unique_id"] else None
        serve(
            board_from_table(facts, file=facts["name"]),
            clock=wanted["clock"],
            loader=wanted["loader"],
            unique_id=unique_id,
            announce=announce_on_stdout,
        )
    except TinysineError as error:
        print(json.dumps(encode_error(error)), flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The core's thread may be inside an endless loop of the firmware; nothing that matters is left to be done.
    os._exit(code)
