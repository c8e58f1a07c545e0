"""An engine that remembers, or answers otherwise by another road, is found by asking again."""

from __future__ import annotations

import zlib
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.link.requests import Capability
from tinysine.verify.reruns import ask_again, ask_last, rerun

INPUTS = np.arange(-128, 128, dtype=np.int8)[:, None]
ANSWERS = -INPUTS - np.int8(1)


class Remembering:
    """A device whose answers may depend on what was asked before, and on how."""

    capabilities = Capability.PARTS

    def __init__(
        self, *, order: bool = False, late: int = 1000, parts: int = 0, window: bool = False
    ) -> None:
        self._order, self._late, self._parts, self._window = order, late, parts, window
        self._asked, self._last = 0, -129

    def infer(self, inputs: NDArray[np.int8], *, per_frame: int = 0) -> NDArray[np.int8]:  # noqa: ARG002
        """Answer; wrongly out of order, or after so many."""
        return np.array([[self._answer(int(x))] for x in inputs[:, 0]], np.int8)

    def rerun(self, codes: Any) -> tuple[int, int | None]:
        """Run twice; wrongly in parts, or with the input spoilt where it is over -120."""
        crc = zlib.crc32(bytes([(-int(codes[0]) - 1 + self._parts) % 256]))
        return crc, None if self._window and int(codes[0]) > -120 else crc

    def _answer(self, x: int) -> int:
        self._asked += 1
        wrong = (self._order and x != self._last + 1) or self._asked > self._late
        self._last = x
        return 5 if wrong else -x - 1


def _device(**how: Any) -> Device:
    device = Remembering(**how)
    assert np.array_equal(device.infer(INPUTS), ANSWERS)
    return cast(Device, device)


def test_an_honest_engine_is_believed() -> None:
    """For any seed."""
    for seed in range(20):
        assert ask_again(_device(), INPUTS, ANSWERS, seed=seed) == ""
        assert rerun(_device(), INPUTS, ANSWERS, seed=seed) == ""
        assert ask_last(_device(), INPUTS, ANSWERS, seed=seed) == ""


def test_an_engine_that_remembers_the_order_is_found() -> None:
    """It counts up as the inputs of the first pass do; the answer to each is right, and depends on the one before."""
    for seed in range(20):
        said = ask_again(_device(order=True), INPUTS, ANSWERS, seed=seed)
        assert "in another order" in said
        assert said.endswith("then 5")


def test_an_engine_that_fails_late_is_found() -> None:
    """It is right as often as the model has inputs."""
    assert "asked again" in ask_again(_device(late=256), INPUTS, ANSWERS, seed=0)


def test_an_engine_that_fails_after_everything_else_is_found() -> None:
    """For any seed, and where the model has few inputs."""
    for seed in range(20):
        assert "last of all: input" in ask_last(_device(late=256), INPUTS, ANSWERS, seed=seed)
    assert "last of all: input" in ask_last(_device(late=257), INPUTS[:2], ANSWERS[:2], seed=0)
    assert ask_last(_device(), INPUTS[:1], ANSWERS[:1], seed=0) == ""


def test_an_engine_that_is_wrong_in_parts_only_is_found() -> None:
    """Both runs give the same, which is not what it answered before."""
    assert "written in parts" in rerun(_device(parts=1), INPUTS, ANSWERS, seed=0)


def test_an_engine_that_spoils_some_inputs_is_found() -> None:
    """The inputs that are run again are spread over all of them."""
    for seed in range(20):
        assert "writes into its inputs" in rerun(_device(window=True), INPUTS, ANSWERS, seed=seed)
