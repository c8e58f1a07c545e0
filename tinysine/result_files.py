"""Names of the files that commands leave in a folder, and that others look for there."""

from __future__ import annotations

from pathlib import Path

from tinysine.regular_files import open_regular

DEFAULT_OUT = Path("tinysine-out")  # where commands write if no folder is named
NETWORK = "sine"  # of the network that `tinysine train` makes
KERAS_FILE = f"{NETWORK}.keras"
INT8_FILE = f"{NETWORK}_int8.tflite"
TRAINING_JSON = "training.json"
REPORT_FILE = "report.html"
EVIDENCE_FILE = "evidence.json"  # of `run` and of each board of a night, in its folder
INDEX_FILE = "index.html"  # of a folder of nights

REPORT_MARK = (
    '<meta name="generator" content="tinysine">'  # near the beginning of every page that tinysine writes
)
_HEAD_BYTES = 600


def is_report(file: Path) -> bool:
    """Tell whether a file is a page that tinysine wrote; one that cannot be read is none."""
    try:
        with open_regular(file) as stream:
            return REPORT_MARK.encode() in stream.read(_HEAD_BYTES)
    except OSError:
        return False
