"""The page of a terminal: commands, typed and run, with all that they print. `python docs/site/recording.py` writes it.

The page is committed, because running needs a compiler and an emulator, which building the site does not.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "recording.md"
WIDTH = 78  # of the page's lines
COMMANDS = (
    "tinysine verify tinysine/model/reference/sine_int8.tflite",
    "tinysine verify tinysine/model/reference/sine_int8.tflite --board host --reference tflm -q",
    "tinysine references tinysine/model/reference/sine_int8.tflite",
    "tinysine verify tinysine/model/reference/sine_int8.tflite --board nano33 --port COM99",
    "tinysine explain LeaseHeld",
)
_HEAD = """# A terminal, recorded

What these commands printed, in a clone of the repository: `python docs/site/recording.py` runs them and writes this
page. Versions, seconds and figures are those of the computer that it ran on. Long lines are broken. [The verdict,
line by line](verdict.md) explains the first.

"""


def typed(command: str) -> str:
    """Return a command with its prompt, what it printed on both streams, and its exit code if that is not 0."""
    words = [sys.executable, "-m", "tinysine", *command.split()[1:]]
    done = subprocess.run(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300
    )
    said = "\n".join(map(_broken, done.stdout.rstrip().splitlines()))
    code = f"\n$ echo $?\n{done.returncode}" if done.returncode else ""
    return f"```\n$ {command}\n{said}{code}\n```\n"


def _broken(line: str) -> str:
    """Break a line that is too wide for the page; it goes on below its text, as in a narrow terminal."""
    label = re.match(r"  [a-z()]+ +|[A-Z]+  |", line)
    assert label is not None
    return "\n".join(textwrap.wrap(line.rstrip(), WIDTH, subsequent_indent=" " * (label.end() or 2))) or ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(_HEAD + "\n".join(map(typed, COMMANDS)), encoding="utf-8")


if __name__ == "__main__":
    main()
