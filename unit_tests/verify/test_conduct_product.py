"""The conductor, with a made-up board: what each fault of the product becomes."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.commands.verdict_shown import headline_of
from tinysine.errors import (
    ConfigError,
    DeviceError,
    LinkTimeout,
)
from tinysine.evidence import Evidence, to_document
from tinysine.link import LinkStats, Status
from tinysine.link.identity import DeviceTensor
from tinysine.link.requests import Counter
from tinysine.place import AtPort
from tinysine.quantization import Quantization
from tinysine.verify import Question, Watcher, verify
from trust.operators.dense_chain import random_network
from unit_tests.verify.made_up_bench import FAULT, Bench, conduct, wrong_by_one

INT8 = np.dtype(np.int8)

FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "one wrong answer": ({"answer": wrong_by_one}, "engine", "1 of 256 answers"),
    "answers missing": ({"answer": lambda a: a[:-1]}, "link", "255 answers"),
    "no answers": ({"answer": lambda a: a[:0]}, "link", "0 answers"),
    "fault record": ({"fault": FAULT}, "firmware", "HARD fault while INFERRING"),
    "emulator stopped": (
        {"report": "access outside the memory map at 0x50"},
        "firmware",
        "outside the memory map",
    ),
    "silent reset": ({"resets": True}, "firmware", "reset while it was asked"),
    "another shape than the model's": (
        {"claims": {"inputs": (DeviceTensor(INT8, (1, 2), None),)}},
        "firmware",
        "reports input int8 [1, 2], not int8 [1, 1]",
    ),
    "as many elements in another shape": (
        {"claims": {"outputs": (DeviceTensor(INT8, (1, 1, 1), None),)}},
        "firmware",
        "reports output int8 [1, 1, 1], not int8 [1, 1]",
    ),
    "another dtype": (
        {"claims": {"outputs": (DeviceTensor(np.dtype(np.uint8), (1, 1), None),)}},
        "firmware",
        "reports output uint8 [1, 1]",
    ),
    "another scale": (
        {"claims": {"inputs": (DeviceTensor(INT8, (1, 1), Quantization(99.0, 0)),)}},
        "firmware",
        "scale=99.0",
    ),
    "a scale that is no number": (
        {"claims": {"outputs": (DeviceTensor(INT8, (1, 1), Quantization(math.nan, 0)),)}},
        "firmware",
        "scale=nan",
    ),
    "a board that counts a computer's nanoseconds": (
        {"claims": {"counter": Counter.HOST_NS}},
        "firmware",
        "a counter of host nanoseconds True, not False",
    ),
    "counter stands still": ({"counts": (10, 10, 10)}, "latency", "does not count"),
    "arena beyond plan": ({"memory": {"arena_used_bytes": 33}}, "memory", "outside its arena: 33 B used"),
    "another stack than the image's": ({"memory": {"stack_reserved_bytes": 10}}, "memory", "reserves 10 B"),
    "a counter that is announced and refuses": (
        {"during": {"time": DeviceError("it cannot time", status=Status.UNSUPPORTED)}},
        "firmware",
        "it cannot time",
    ),
    "counter stuck at its end": ({"counts": (2**32 - 1,) * 3}, "latency", "stuck at its end"),
    "stack overflow": ({"memory": {"stack_used_bytes": 1 << 20}}, "memory", "overflowed"),
    "refused": (
        {"during": {"infer": DeviceError("it said no", status=Status.ENGINE)}},
        "firmware",
        "it said no",
    ),
    "crash while asked": (
        {"during": {"infer": LinkTimeout("silence", port="p")}, "fault": FAULT},
        "firmware",
        "HARD fault",
    ),
    "crash at start": (
        {"during": {"connect": LinkTimeout("silence", port="p")}, "report": "unmapped read at 0x0"},
        "firmware",
        "unmapped read",
    ),
}


@pytest.mark.parametrize(("changes", "stage", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_product_fails(bench: Bench, changes: dict[str, Any], stage: str, reason: str) -> None:
    """Each way in which the product can be wrong is a failure, with the stage and the facts."""
    for name, value in changes.items():
        setattr(bench, name, value)
    evidence = conduct(bench)
    assert evidence.verdict == "fail"
    assert evidence.exit_code == 1
    assert evidence.findings[0].stage == stage
    assert reason in evidence.findings[0].reason
    said = headline_of(evidence).split("): ", 1)[1]
    if evidence.outputs is not None and evidence.outputs.mismatches:
        assert said == "1 of 256 outputs differ from litert"
    else:
        assert said == str(evidence.findings[0])  # never how many outputs are equal


def test_an_exceeded_budget_is_what_the_headline_says(bench: Bench) -> None:
    """All outputs being right is no headline for a failure."""
    bench.counts = (510, 511, 510)
    evidence = conduct(bench, question=Question(latency_budget=500))
    headline = headline_of(evidence)
    assert headline.endswith("): latency: 501 instructions for one inference, 500 allowed")
    assert "256 of 256" not in headline


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (1, "1 of 2^40 inputs is too few for a verdict"),
        (63, "63 of 2^40 inputs are too few for a verdict"),
        (99_999_999_999, "99,999,999,999 inputs of 5 elements are more than is held in memory at once"),
    ],
)
def test_a_handful_of_inputs_gives_no_verdict(bench: Bench, tmp_path: Path, samples: int, said: str) -> None:
    """It is refused before anything is built; 64 pass, and the verdict line says how small a part that is."""
    path = tmp_path / "five.tflite"
    path.write_bytes(random_network(np.random.default_rng(3), max_width=5, widths=(5, 4, 3)))
    kept: list[Evidence] = []
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        verify(
            path,
            board=bench.board,
            question=Question(samples=samples),
            watcher=Watcher(on_evidence=kept.append),
        )
    assert caught.value.exit_code == 2
    assert ("--inputs 64" if samples < 64 else "--inputs 26843545") in caught.value.hint
    assert (bench.log, kept) == ([], [])


def test_an_old_fault_record_of_real_hardware_is_no_failure(bench: Bench) -> None:
    """A record from before this run does not blame this firmware; a new one does."""
    bench.kind, bench.running, bench.fault = "hardware", True, FAULT
    assert conduct(bench, place=AtPort(os.devnull)).verdict == "pass"
    bench.log.clear()


def test_a_fault_record_that_changes_is_a_failure(bench: Bench) -> None:
    """On hardware with an old record another one is this run's, whatever its count says."""
    bench.kind, bench.running, bench.fault = "hardware", True, FAULT

    def fault_now(answers: NDArray[Any]) -> NDArray[Any]:
        bench.fault = msgspec.structs.replace(FAULT, pc=0x5678)
        return answers

    bench.answer = fault_now
    evidence = conduct(bench, place=AtPort(os.devnull))
    assert evidence.verdict == "fail"
    assert "pc 0x00005678" in evidence.findings[0].reason


def test_a_board_without_a_counter_has_no_latency(bench: Bench) -> None:
    """Latency is absent, not zero; with a budget, its absence is a failure."""
    bench.claims["counter"] = Counter.NONE
    bench.during["time"] = DeviceError("it has no counter", status=Status.UNSUPPORTED)
    evidence = conduct(bench)
    assert evidence.verdict == "pass"
    assert evidence.latency is None
    assert "latency" not in to_document(evidence)
    bench.log.clear()
    assert conduct(bench, question=Question(latency_budget=1000)).verdict == "fail"


def test_the_latency_budget_is_kept_to_the_count(bench: Bench) -> None:
    """One instruction more than allowed fails."""
    assert conduct(bench, question=Question(latency_budget=500)).verdict == "pass"
    bench.log.clear()
    assert conduct(bench, question=Question(latency_budget=499)).verdict == "fail"


def test_a_pass_after_a_retry_is_flaky(bench: Bench) -> None:
    """Retries on the link do not fail, and do not stay hidden."""
    bench.stats = LinkStats(retries=2)
    evidence = conduct(bench)
    assert evidence.verdict == "pass"
    assert evidence.provenance.flaky
    assert to_document(evidence)["provenance"]["flaky"] is True


@pytest.mark.parametrize(
    ("kind", "unit"), [("emulated", "instructions"), ("qemu", "instructions"), ("hardware", "cycles")]
)
def test_latency_is_called_what_it_is(bench: Bench, kind: str, unit: str) -> None:
    """An emulated core counts instructions; only hardware counts cycles."""
    bench.kind = kind
    evidence = conduct(bench)
    assert evidence.latency is not None
    assert evidence.latency.unit == unit
