"""The conductor, with a made-up board: what it does in which order."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from tinysine.errors import (
    DeviceError,
)
from tinysine.evidence import to_document
from tinysine.link import Status
from tinysine.place import AtPort
from tinysine.quantization import Rounding
from tinysine.verify import Question, Watcher
from unit_tests.verify.made_up_bench import Bench, conduct


def test_a_right_device_passes(bench: Bench) -> None:
    """Every output is compared, and everything that a pass needs is in the evidence."""
    stages: list[str] = []
    evidence = conduct(
        bench, watcher=Watcher(on_stage=lambda name, seconds: stages.append(name) if seconds >= 0 else None)
    )
    assert evidence.verdict == "pass"
    assert evidence.exit_code == 0
    assert evidence.findings == ()
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.exhaustive) == (256, True)
    assert evidence.latency is not None
    assert (evidence.latency.unit, evidence.latency.median) == ("instructions", 500)
    assert evidence.board.kind == "emulated"
    assert evidence.provenance.build_id == bytes(range(16)).hex()
    assert stages == [
        "model",
        "oracles",
        "build",
        "board",
        "flash",
        "identify",
        "outputs",
        "latency",
        "memory",
        "health",
    ]
    assert set(stages) == set(evidence.stages_s)


def test_a_soak_goes_over_a_reset_and_is_recorded(bench: Bench) -> None:
    """As many further inferences as were ordered; after the reset the device proves again what it runs."""
    done: list[int] = []
    evidence = conduct(
        bench,
        question=Question(soak=1200),
        watcher=Watcher(
            on_progress=lambda _name, of, asked, _note: done.append(asked) if of == 1200 else None
        ),
    )
    assert evidence.verdict == "pass"
    assert evidence.soak is not None
    assert (evidence.soak.wanted, evidence.soak.asked, evidence.soak.resets) == (1200, 1200, 1)
    reset = bench.log.index("reset")
    assert bench.log[reset + 1 : reset + 3] == ["resync", "require"]
    assert done == sorted(done)
    assert done[-1] == 1200
    assert to_document(evidence)["soak"]["resets"] == 1


def test_an_answer_that_is_wrong_late_fails_a_soak(bench: Bench) -> None:
    """Right while it is compared and timed, wrong after the reset: the first wrong answer is a finding."""
    bench.answer = lambda answers: answers ^ 1 if "reset" in bench.log else answers
    evidence = conduct(bench, question=Question(soak=1200))
    assert evidence.verdict == "fail"
    assert evidence.soak is not None
    assert evidence.soak.wrong is not None
    assert evidence.soak.wrong.since_reset == 1
    assert evidence.soak.wrong.number > 600
    assert "of the soak" in evidence.findings[0].reason
    assert evidence.findings[0].stage == "engine"


def test_tflm_firmware_is_held_against_tflm(bench: Bench) -> None:
    """Firmware of the other rounding passes against the other reference."""
    bench.rounding = Rounding.TFLM
    evidence = conduct(bench)
    assert evidence.verdict == "pass"
    assert evidence.outputs is not None
    assert evidence.outputs.reference in ("tflm", "integer-double")


def test_hardware_that_runs_the_build_is_not_flashed_again(bench: Bench) -> None:
    """A real board that proves to run this very build is asked as it is; "always" flashes nevertheless."""
    bench.kind, bench.running = "hardware", True
    assert conduct(bench).verdict == "pass"
    assert "flash" not in bench.log
    assert conduct(bench, flash="always").verdict == "pass"
    assert "flash" in bench.log
    bench.log.remove("close rig")


def test_the_port_is_opened_at_the_boards_rate(bench: Bench) -> None:
    """Before and after flashing: a board file may have another rate than most."""
    assert bench.board.uart is not None
    slow = structs.replace(bench.board.uart, baud=57600)
    bench.kind, bench.board = "hardware", structs.replace(bench.board, uart=slow)
    assert conduct(bench).provenance.flashed is True
    assert bench.bauds == [57600, 57600]


def test_hardware_that_runs_something_else_is_flashed(bench: Bench) -> None:
    """A real board with another build is flashed, and has to prove the new one."""
    bench.kind = "hardware"
    evidence = conduct(bench)
    assert evidence.verdict == "pass"
    assert evidence.provenance.flashed is True
    assert bench.log.index("flash") < len(bench.log) - 1 - bench.log[::-1].index("require")


def test_hardware_that_refuses_to_say_who_it_is_is_flashed(bench: Bench) -> None:
    """Firmware of another kind may know our frames and not our questions; it is replaced like any other."""
    bench.kind = "hardware"
    bench.during["connect"] = DeviceError("refused IDENTIFY", status=Status.UNSUPPORTED)
    bench.flash_mends = True
    evidence = conduct(bench, place=AtPort(os.devnull))
    assert (evidence.verdict, evidence.provenance.flashed) == ("pass", True)


def test_a_board_that_is_flashed_first_needs_no_port_before(bench: Bench, tmp_path: Path) -> None:
    """A probe finds it without."""
    bench.kind = "hardware"
    assert (
        conduct(bench, place=AtPort(str(tmp_path / "tty")), flash="always", timeout_s=0.02).verdict == "pass"
    )
