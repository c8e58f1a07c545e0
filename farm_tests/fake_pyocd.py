"""A flash tool that takes pyOCD's arguments and flashes an emulated board, if the image arrived as it was built.

Beside it are: `control`, the path of the board's control socket; `images`, lines of digest and ELF file; `mode`, which
may be "fail" or "hang"; and it writes `calls`, its own process id and arguments.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from tinysine.emulation import attach_emulator

HERE = Path(__file__).parent
with (HERE / "calls").open("a", encoding="utf-8") as calls:
    calls.write(json.dumps([os.getpid(), *sys.argv[1:]]) + "\n")
mode = (HERE / "mode").read_text(encoding="utf-8").strip()
if mode == "fail":
    print("0001234 I loading")
    sys.exit("no probe with the unique id P1 is attached")
if mode == "hang":
    time.sleep(600)
board = attach_emulator((HERE / "control").read_text(encoding="utf-8").strip())
if sys.argv[1] == "load":
    digest = hashlib.sha256(Path(sys.argv[-1]).read_bytes()).hexdigest()
    known = dict(
        line.split(maxsplit=1) for line in (HERE / "images").read_text(encoding="utf-8").splitlines()
    )
    if digest not in known:
        sys.exit(f"the image with the digest {digest} is none that was built here")
    board.flash(known[digest])
else:
    board.reset()
