"""Defaults of training, apart from the room that trains: the command line shows them, and starts without numpy."""

from __future__ import annotations

NETWORK = "model_2"
EPOCHS = 600
BATCH_SIZE = 16
SAMPLES = 1000
NOISE = 0.1
SPLIT = (0.6, 0.2, 0.2)
SEED = 3

DIGITS_EPOCHS = 25
