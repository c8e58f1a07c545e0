"""An engine that answers otherwise while it is timed is found, whatever its speed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.emulation import Inference
from tinysine.link import Counter
from tinysine.link.timing import Timing
from tinysine.rigs import Build, Rig
from tinysine.verdicts import Finding, LatencyVerdict, Stage
from tinysine.verify.latency import ANSWERS_OTHERWISE, measure_latency

COST, OVERHEAD = 100, 2
INPUTS = np.arange(4, dtype=np.int8)[:, None]
ANSWERS = INPUTS + np.int8(10)


class Watched:
    """A device and the twin that sees it, of one input and one output of a byte.

    Args:
        wrong_from: from which inference on each answer is one more.
    """

    identity = SimpleNamespace(
        counter=Counter.DWT, inputs=(SimpleNamespace(nbytes=1),), outputs=(SimpleNamespace(nbytes=1),)
    )

    def __init__(self, wrong_from: int) -> None:
        self._wrong_from = wrong_from
        self._asked = 0
        self._seen: list[Inference] = []

    def status(self) -> dict[str, Any]:
        """Tell what a twin knows of itself."""
        return {"inferences": self._asked}

    def watch(self, **_: Any) -> None:
        """Begin to note inferences."""

    def unwatch(self) -> None:
        """Note no more."""

    def demo(self, on: bool) -> bool:
        """Nothing runs beside."""
        return on

    def seen(self) -> list[Inference]:
        """Give the inferences since the last time."""
        seen, self._seen = self._seen, []
        return seen

    def infer(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Answer each row."""
        return np.array([[self._run(int(row[0]))] for row in inputs], np.int8)

    def time(self, codes: NDArray[np.int8], *, repetitions: int) -> Timing:
        """Run once more than is timed, and tell the true counts."""
        for _ in range(repetitions + 1):
            self._run(int(codes[0]))
        return Timing(OVERHEAD, np.full(repetitions, COST + OVERHEAD, np.int64), "instructions")

    def _run(self, code: int) -> int:
        self._asked += 1
        answer = code + 10 + (self._asked >= self._wrong_from)
        self._seen.append(Inference(COST, 16, bytes([code]), bytes([answer])))
        return answer


def _timed(wrong_from: int, answers: NDArray[np.int8] | None = ANSWERS) -> LatencyVerdict:
    device = Watched(wrong_from)
    rig = SimpleNamespace(emulator=device, kind="twin", port="twin", counted=lambda timing: timing)
    image = cast(Build, SimpleNamespace())
    return measure_latency(cast(Device, device), cast(Rig, rig), INPUTS, image=image, answers=answers)


def test_an_engine_that_answers_as_before_is_believed() -> None:
    """Its latency is what the twin counted."""
    verdict = _timed(1000)
    assert verdict.finding is None
    assert verdict.median == COST


# Each input is asked once and then run four times, which is five inferences an input.
@pytest.mark.parametrize("wrong_from", [1, 6, 16])
def test_an_engine_that_answers_otherwise_between_timed_inferences_is_found(wrong_from: int) -> None:
    """From the first inference, from the second input, from the last: the engine is at fault, not its speed."""
    assert _timed(wrong_from).finding == Finding(Stage.ENGINE, ANSWERS_OTHERWISE)


def test_answers_that_nobody_knows_are_not_held() -> None:
    """Without the answers before, it may answer anything; the twin saw the same."""
    assert _timed(1, answers=None).finding is None
