"""The conductor, with a made-up board: what each fault of the bench becomes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from tinysine.commands.verdict_shown import headline_of
from tinysine.errors import (
    BenchError,
    BuildError,
    ConfigError,
    FlashError,
    IdentityMismatch,
    LinkTimeout,
    ModelError,
    PortUnavailable,
    ProtocolError,
)
from tinysine.evidence import Evidence, to_document
from tinysine.place import AtPort
from tinysine.verify import Question, Watcher, verify
from unit_tests.verify.made_up_bench import (
    FAULT,
    SCHEMA,
    Bench,
    conduct,
    wrong_by_one,
)


@pytest.mark.parametrize("soak", [0, 600])
def test_another_build_at_the_end_is_no_verdict(bench: Bench, soak: int) -> None:
    """Identity is proved again when everything was asked: what was measured may be another firmware's."""
    evidence: list[Evidence] = []

    def answer(answers: NDArray[Any]) -> NDArray[Any]:
        bench.running = bool(soak) and "reset" not in bench.log
        return answers

    bench.answer = answer
    with pytest.raises(IdentityMismatch):
        conduct(bench, question=Question(soak=soak), watcher=Watcher(on_evidence=evidence.append))
    assert evidence[0].verdict == "error"


BENCH_FAULTS: dict[str, tuple[str, Exception, type[Exception]]] = {
    "compiler": ("build", BuildError("no compiler", tool="zig", command="", output=""), BuildError),
    "port busy": ("open", PortUnavailable("busy", port="p"), PortUnavailable),
    "flash": ("flash", FlashError("the tool failed", tool="t", command="", output=""), FlashError),
    "silence": ("connect", LinkTimeout("silence", port="p"), LinkTimeout),
    "dead link": ("infer", LinkTimeout("silence", port="p"), LinkTimeout),
    "unplugged": ("time", PortUnavailable("vanished", port="p"), PortUnavailable),
    "another build": ("require", IdentityMismatch("another build", field="build_id"), IdentityMismatch),
    "surprise": ("memory", RuntimeError("a bug of ours"), RuntimeError),
}


@pytest.mark.parametrize(("when", "error", "kind"), BENCH_FAULTS.values(), ids=BENCH_FAULTS.keys())
def test_a_fault_of_the_bench_is_an_error_and_keeps_its_evidence(
    bench: Bench, when: str, error: Exception, kind: type[Exception]
) -> None:
    """Each way in which the bench can fail is raised, never a verdict; what was known is handed over."""
    bench.during[when] = error
    kept: list[Evidence] = []
    with pytest.raises(kind):
        conduct(bench, watcher=Watcher(on_evidence=kept.append))
    assert len(kept) == 1
    assert kept[0].verdict == "error"
    assert kept[0].exit_code == 3
    assert kept[0].error is not None
    assert kept[0].error.kind == kind.__name__
    assert kept[0].provenance.model_sha256 == bench.model.sha256
    Draft202012Validator(SCHEMA).validate(to_document(kept[0]))


@pytest.mark.parametrize("when", ["time", "memory", "last_fault", "ask identity"])
@pytest.mark.parametrize(
    "error",
    [
        LinkTimeout("silence", port="p"),
        PortUnavailable("vanished", port="p"),
        ProtocolError("2 bytes make no sense"),
    ],
)
def test_a_wrong_answer_is_not_lost_when_the_bench_fails_later(
    bench: Bench, when: str, error: Exception
) -> None:
    """A wrong product is known, whatever else goes wrong: both are told, the product first."""
    bench.answer = wrong_by_one
    bench.during[when] = error
    evidence = conduct(bench, question=Question(latency_budget=1000))
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert headline_of(evidence).endswith("1 of 256 outputs differ from litert")
    stages = [finding.stage for finding in evidence.findings]
    assert (stages[0], stages[-1]) == ("engine", "bench")
    assert str(error) in evidence.findings[-1].reason


def test_another_build_after_a_wrong_answer_is_no_verdict(bench: Bench) -> None:
    """If the device turns out to be another one, nobody knows whose answer was wrong."""
    bench.answer = wrong_by_one
    bench.during["ask identity"] = IdentityMismatch("another build", field="build_id")
    with pytest.raises(IdentityMismatch):
        conduct(bench)


@pytest.mark.parametrize("when", ["connect", "infer", ""])
def test_an_emulator_that_was_ended_is_no_fault_of_the_firmware(bench: Bench, when: str) -> None:
    """Whatever the device seems to be like then, and whenever it happens: the bench failed."""
    bench.report = BenchError("something on this computer ended QEMU")
    bench.fault, bench.resets = FAULT, True
    if when:
        bench.during[when] = LinkTimeout("silence", port="p")
    kept: list[Evidence] = []
    with pytest.raises(BenchError, match="ended QEMU"):
        conduct(bench, watcher=Watcher(on_evidence=kept.append))
    assert (kept[0].verdict, kept[0].exit_code) == ("error", 3)


def test_an_interruption_keeps_its_evidence_too(bench: Bench) -> None:
    """Ctrl-C in the middle closes everything and is told from a failure."""
    bench.during["time"] = KeyboardInterrupt()
    kept: list[Evidence] = []
    with pytest.raises(KeyboardInterrupt):
        conduct(bench, watcher=Watcher(on_evidence=kept.append))
    assert kept[0].verdict == "error"
    assert kept[0].exit_code == 130
    assert kept[0].outputs is not None


def test_a_usage_error_leaves_no_evidence(bench: Bench, tmp_path: Path) -> None:
    """A model that cannot be used never starts a run, so an older file is not replaced."""
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model")
    kept: list[Evidence] = []
    with pytest.raises(ModelError):
        verify(broken, board=bench.board, watcher=Watcher(on_evidence=kept.append))
    bench.during["build"] = ConfigError("no such toolchain")
    with pytest.raises(ConfigError):
        conduct(bench, watcher=Watcher(on_evidence=kept.append))
    assert kept == []


def test_never_flashing_another_build_is_an_error(bench: Bench) -> None:
    """With --flash never, a board that runs something else is refused before anything is compared."""
    bench.kind = "hardware"
    with pytest.raises(IdentityMismatch):
        conduct(bench, flash="never")
    assert "infer" not in bench.log


def test_a_silent_port_that_cannot_be_flashed_says_both(bench: Bench) -> None:
    """The silence is what happened; that no tool could flash it is said with it."""
    bench.kind = "hardware"
    bench.during["connect"] = LinkTimeout("no answer from /dev/fake", hint="is it the right port?", port="p")
    bench.during["flash"] = FlashError("no flash tool is installed", tool="", command="", output="")
    with pytest.raises(LinkTimeout) as caught:
        conduct(bench)
    assert "no flash tool" in str(caught.value)
    assert "right port" in str(caught.value)


def test_an_old_fault_record_does_not_turn_a_dead_link_into_a_crash(bench: Bench) -> None:
    """Silence from real hardware with a record from before this run stays a failure of the bench."""
    bench.kind, bench.running, bench.fault = "hardware", True, FAULT
    bench.during["infer"] = LinkTimeout("silence", port="p")
    with pytest.raises(LinkTimeout):
        conduct(bench, place=AtPort(os.devnull))


@pytest.mark.parametrize("options", [{}, {"flash": "never"}, {"firmware": "foreign"}])
def test_a_port_that_is_not_there_is_told_before_anything_is_done(
    bench: Bench, options: dict[str, Any], tmp_path: Path
) -> None:
    """Nothing is built, nothing opened, no reference asked."""
    begun: list[str] = []
    place = AtPort(str(tmp_path / "tty"))
    with pytest.raises(PortUnavailable, match=r"tty does not exist \(waited 0\.02 s\)") as caught:
        conduct(bench, place=place, timeout_s=0.02, watcher=Watcher(on_begin=begun.append), **options)
    assert (caught.value.exit_code, caught.value.cause) == (3, "missing")
    assert begun == ["model"]
    assert bench.log == []
