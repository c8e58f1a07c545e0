"""A made-up bench for the conductor: compiler, rig and device do what a test says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from tinysine.boards import Board
from tinysine.device import Timing
from tinysine.errors import (
    IdentityMismatch,
)
from tinysine.evidence import Evidence, to_document
from tinysine.graph import Network
from tinysine.image import BuildOptions, Image
from tinysine.link import Counters, DeviceMemory, FaultKind, FaultRecord, LinkStats, Stage
from tinysine.link.identity import DeviceTensor, Identity
from tinysine.link.requests import Capability, Counter
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.rigs import Rig
from tinysine.schemas import schema as schema_of_document
from tinysine.verify import verify
from unit_tests.made_up_image import made_up_image

FAULT = FaultRecord(FaultKind.HARD, Stage.INFERRING, 0x1234, 0x99, 0, 1 << 25, 1 << 30, 0, 0, 1)


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
        return made_up_image(
            Path("nano.elf"), self.board, model_sha256=self.model.sha256, rounding=self.rounding
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


SCHEMA = schema_of_document("evidence")


def conduct(bench: Bench, **options: Any) -> Evidence:
    """Verify the reference model on the made-up bench; whatever comes out keeps to the schema."""
    evidence = verify(
        REFERENCE_MODEL, board=bench.board, options=BuildOptions(rounding=bench.rounding), **options
    )
    Draft202012Validator(SCHEMA).validate(to_document(evidence))
    return evidence


def wrong_by_one(answers: NDArray[Any]) -> NDArray[Any]:
    """One answer of all is one step off."""
    changed = answers.copy()
    changed[77] ^= 1
    return changed
