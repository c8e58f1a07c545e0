"""Names of the files that commands leave in a folder, and that others look for there."""

from __future__ import annotations

from pathlib import Path

DEFAULT_OUT = Path("tinysine-out")  # where commands write if no folder is named
NETWORK = "sine"  # of the network that `tinysine train` makes
KERAS_FILE = f"{NETWORK}.keras"
INT8_FILE = f"{NETWORK}_int8.tflite"
TRAINING_JSON = "training.json"
REPORT_FILE = "report.html"
EVIDENCE_FILE = "evidence.json"  # of `run` and of each board of a night, in its folder
INDEX_FILE = "index.html"  # of a folder of nights
