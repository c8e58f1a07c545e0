"""The conductor, with a made-up board: what it does in which order, and what each fault becomes."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from msgspec import structs
from numpy.typing import NDArray

from tinysine.boards import Board, load_board
from tinysine.commands.verdict_shown import headline_of
from tinysine.device import Timing
from tinysine.errors import (
    BenchError,
    BuildError,
    ConfigError,
    DeviceError,
    FlashError,
    IdentityMismatch,
    LinkTimeout,
    ModelError,
    PortUnavailable,
    ProtocolError,
)
from tinysine.evidence import Evidence, to_document
from tinysine.graph import Network, read_network
from tinysine.image import BuildOptions, Image, ImageSizes, Toolchain
from tinysine.link import Counters, DeviceMemory, FaultKind, FaultRecord, LinkStats, Stage, Status
from tinysine.link.identity import DeviceTensor, Identity
from tinysine.link.requests import Capability, Counter
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.place import AtPort, NewTwin, Place
from tinysine.quantization import Quantization, Rounding
from tinysine.rigs import Rig
from tinysine.rigs import rig as rig_module
from tinysine.schemas import schema as schema_of_document
from tinysine.verify import Question, Watcher, builds, verify
from tinysine.verify import conduct as conduct_module
from trust.operators.dense_chain import random_network

FAULT = FaultRecord(FaultKind.HARD, Stage.INFERRING, 0x1234, 0x99, 0, 1 << 25, 1 << 30, 0, 0, 1)


@pytest.fixture(autouse=True)
def _no_image_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image of these tests is a name only: no function of its engine can be called on an emulated core."""
    monkeypatch.setattr("tinysine.verify.witness.read_symbols", lambda _elf: {})


@dataclasses.dataclass
class Bench:
    """Settings of the fake board; a test changes those that must go wrong."""

    model: Network
    board: Board
    kind: str = "emulated"
    rounding: Rounding = Rounding.LITERT
    unconnected: int = 0
    flash_mends: bool = False
    log: list[str] = dataclasses.field(default_factory=list)
    answer: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    during: dict[str, BaseException] = dataclasses.field(default_factory=dict)
    running: bool = False
    fault: FaultRecord | None = None
    report: str | Exception | None = None
    resets: bool = False
    bauds: list[int] = dataclasses.field(default_factory=list)
    claims: dict[str, Any] = dataclasses.field(default_factory=dict)
    counts: tuple[int, ...] = (510, 510, 510)
    memory: dict[str, Any] = dataclasses.field(default_factory=dict)
    stats: LinkStats = dataclasses.field(default_factory=LinkStats)

    def event(self, name: str) -> None:
        """Note what happens, and fail if a test wants it."""
        self.log.append(name)
        if name in self.during:
            self.unconnected += name == "connect"
            raise self.during[name]

    def image(self) -> Image:
        """Return the result of the build."""
        return Image(
            elf=Path("nano.elf"),
            binary=None,
            board=self.board,
            model_sha256=self.model.sha256,
            build_id=bytes(range(16)),
            rounding=self.rounding,
            optimize="speed",
            prune=False,
            toolchain=Toolchain("zig", "0.13", "zig"),
            sha256="ab" * 32,
            sizes=ImageSizes(flash_bytes=8000, static_ram_bytes=900, model_bytes=500, engine_bytes=1000),
            arena_bytes=32,
            stack_bytes=1024,
            stack_bound_bytes=100,
        )


class FakeRig:
    """A rig that notes what is done to it."""

    is_twin, counted, open_device, flash = Rig.is_twin, Rig.counted, Rig.open_device, Rig.flash
    _deadline_clock, require_ours = Rig._deadline_clock, Rig.require_ours
    is_own_twin = is_twin
    proof, epoch = "a fake", 0

    def __init__(self, bench: Bench, *, fresh: bool) -> None:
        self.fresh = fresh
        self.bench, self.kind, self.port, self.board = bench, bench.kind, "/dev/fake", bench.board
        self.emulator = None

    def reset(self) -> None:
        """Pull the reset pin."""
        self.bench.event("reset")

    def recognise(self, _identity: Identity) -> None:
        """Know already what stands behind the port."""

    def report(self) -> str:
        """Return the report of the fault that stopped the emulator."""
        if isinstance(self.bench.report, Exception):
            raise self.bench.report
        return "" if self.kind == "hardware" else self.bench.report or ""

    def _refuse_to_touch(self) -> None:
        """Nothing is refused."""

    def _flash(self, _image: Image) -> str:
        self.bench.event("flash")
        self.bench.running = True
        if self.bench.flash_mends:
            del self.bench.during["connect"]
        return self.port

    def instruction_hz(self, _unit: str, counter_hz: int) -> int | None:
        """Count cycles on hardware, instructions elsewhere."""
        return None if self.kind == "hardware" else counter_hz

    def close(self) -> None:
        """Close."""
        self.bench.event("close rig")


EVERYTHING = ~Capability(0) & ~Capability.LAYERS


def tensor(told: Any, **changes: Any) -> DeviceTensor:
    """Return a device's description of a tensor, with changes."""
    return dataclasses.replace(DeviceTensor(told.dtype, told.shape, told.quantization), **changes)


class FakeDevice:
    """A device that answers as the bench says."""

    bench: Bench

    def __init__(self) -> None:
        bench, model = self.bench, self.bench.model
        self.requests = 0
        self.identity = Identity(
            protocol=(2, 0),
            reference=bench.rounding.value,
            pruned=False,
            size_profile=False,
            capabilities=EVERYTHING,
            payload_max=512,
            counter=Counter.DWT,
            clock_hz=64_000_000,
            counter_clock_hz=64_000_000,
            build_id=bytes(range(16)),
            model_sha256=model.sha256,
            unique_id=None,
            engine="generated",
            board=bench.board.name,
            inputs=(tensor(model.input),),
            outputs=(tensor(model.output),),
        )
        self.identity = dataclasses.replace(self.identity, **bench.claims)

    @classmethod
    def connect(cls, _url: str, *, baud: int, **_options: float) -> Self:
        """Connect."""
        cls.bench.event("connect")
        cls.bench.bauds.append(baud)
        return cls()

    def _ask(self, name: str) -> None:
        self.requests += 1
        self.bench.event(name)

    @property
    def stats(self) -> LinkStats:
        """The link's figures."""
        return msgspec.structs.replace(self.bench.stats, requests=self.requests)

    def require(self, _image: Image) -> None:
        """Demand the image."""
        self.bench.event("require")
        if not self.bench.running:
            raise IdentityMismatch("another build runs", field="build_id", expected="", got="")

    inferences_per_frame = 64

    def infer(self, codes: NDArray[Any], **_options: int) -> NDArray[Any]:
        """Answer."""
        self._ask("infer")
        answers = integer_oracle(self.bench.model, self.bench.rounding).run(codes)
        return self.bench.answer(answers) if self.bench.answer else answers

    def time(self, _codes: NDArray[Any], **_options: int) -> Any:
        """Time."""
        self._ask("time")
        return Timing(10, np.array(self.bench.counts), "cycles", self.identity.counter_clock_hz)

    def memory(self) -> DeviceMemory:
        """Measure."""
        self._ask("memory")
        figures = {
            "arena_planned_bytes": 32,
            "arena_used_bytes": 32,
            "stack_reserved_bytes": 1024,
            "stack_used_bytes": 300,
            "static_ram_bytes": 900,
            "invoke_stack_bytes": 90,
        }
        return DeviceMemory(**(figures | self.bench.memory))

    def last_fault(self) -> FaultRecord | None:
        """Say what went wrong."""
        self._ask("last_fault")
        return self.bench.fault

    def counters(self) -> Counters:
        """Count."""
        self._ask("counters")
        return Counters(
            answered=1 if self.bench.resets else self.requests, corrupt=0, overruns=0, text_lines=0
        )

    def identify(self) -> Identity:
        """Say again who it is, and demand the image again."""
        self._ask("ask identity")
        self.require(self.bench.image())
        return self.identity

    def resync(self, **_options: float) -> None:
        """Recover, and demand the image again."""
        self.bench.event("resync")
        self.require(self.bench.image())

    def close(self) -> None:
        """Close."""
        self.bench.event("close device")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A made-up bench in place of compiler, rig and device."""
    made = Bench(read_network(REFERENCE_MODEL), load_board("nano33ble-sense"))

    def build_image(*_arguments: Any, **_options: Any) -> Image:
        made.event("build")
        return made.image()

    def open_rig(_board: Board, place: Place, **_options: float) -> FakeRig:
        made.event("open")
        return FakeRig(made, fresh=isinstance(place, NewTwin))

    monkeypatch.setattr(FakeDevice, "bench", made, raising=False)
    monkeypatch.setattr(builds, "build_firmware", build_image)
    monkeypatch.setattr(conduct_module, "open_rig", open_rig)
    monkeypatch.setattr(rig_module, "Device", FakeDevice)
    yield made
    if "open" in made.log and "open" not in made.during:
        assert made.log.count("close rig") == 1, "the rig was not closed exactly once"
    assert made.log.count("close device") == made.log.count("connect") - made.unconnected


SCHEMA = schema_of_document("evidence")


def conduct(bench: Bench, **options: Any) -> Evidence:
    """Verify the reference model on the made-up bench; whatever comes out keeps to the schema."""
    evidence = verify(
        REFERENCE_MODEL, board=bench.board, options=BuildOptions(rounding=bench.rounding), **options
    )
    Draft202012Validator(SCHEMA).validate(to_document(evidence))
    return evidence


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


def wrong_by_one(answers: NDArray[Any]) -> NDArray[Any]:
    """One answer of all is one step off."""
    changed = answers.copy()
    changed[77] ^= 1
    return changed


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


def test_hardware_that_refuses_to_say_who_it_is_is_flashed(bench: Bench) -> None:
    """Firmware of another kind may know our frames and not our questions; it is replaced like any other."""
    bench.kind = "hardware"
    bench.during["connect"] = DeviceError("refused IDENTIFY", status=Status.UNSUPPORTED)
    bench.flash_mends = True
    evidence = conduct(bench, place=AtPort(os.devnull))
    assert (evidence.verdict, evidence.provenance.flashed) == ("pass", True)


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


def test_a_board_that_is_flashed_first_needs_no_port_before(bench: Bench, tmp_path: Path) -> None:
    """A probe finds it without."""
    bench.kind = "hardware"
    assert (
        conduct(bench, place=AtPort(str(tmp_path / "tty")), flash="always", timeout_s=0.02).verdict == "pass"
    )


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
