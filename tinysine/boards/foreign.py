"""The board of firmware that was not built here: nothing is known of it beforehand."""

from __future__ import annotations

from tinysine.boards.board import Board, Limits

FOREIGN = Board(
    name="foreign",
    title="a device whose firmware was not built here",
    chip="unknown",
    core="any",
    fpu="",
    clock_hz=0,
    port="",
    backend="none",
    machine="",
    flash=None,
    ram=None,
    uart=None,
    led=None,
    usb_ids=(),
    flash_tools=(),
    limits=Limits(stack_bytes=0, payload_bytes=0),
    sources={},
)
"""Stands where a board of the catalogue is asked for; it can be opened and asked, neither built for nor flashed."""
