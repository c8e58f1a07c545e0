"""Results so far of a run that is under way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import asdict, replace

from tinysine.boards import Board
from tinysine.device import Device, FaultRecord, Identity
from tinysine.errors import TinysineError
from tinysine.evidence.values import (
    BoardFacts,
    DeviceFacts,
    Ends,
    ErrorRecord,
    Evidence,
    Fault,
    Link,
    Provenance,
    Tool,
)
from tinysine.tasks import ClassVerdict, SineVerdict
from tinysine.tensor_values import Values
from tinysine.verdicts import (
    EQUAL,
    Finding,
    LatencyVerdict,
    LayersVerdict,
    MemoryVerdict,
    OutputsVerdict,
    Soak,
    Stage,
    Tolerance,
)

if TYPE_CHECKING:
    from tinysine.image import Image


@dataclass
class Run:
    """Results so far; they grow stage by stage, so that an error half way loses nothing."""

    provenance: Provenance
    board: Board
    on_begin: Callable[[str], None]
    on_stage: Callable[[str, float], None]
    facts: BoardFacts
    on_progress: Callable[[str, int, int, str], None] = lambda _name, _steps, _done, _note: None
    findings: list[Finding] = field(default_factory=list)
    inputs: Values | None = None
    answers: dict[str, Values] = field(default_factory=dict)
    device_answers: Values | None = None
    ends: Ends | None = None
    tolerance: Tolerance = EQUAL
    outputs: OutputsVerdict | None = None
    sine: SineVerdict | None = None
    likeness: float | None = None
    classes: ClassVerdict | None = None
    budget: dict[str, tuple[float, float]] | None = None
    latency: LatencyVerdict | None = None
    memory: MemoryVerdict | None = None
    fault: Fault | None = None
    soak: Soak | None = None
    layers: LayersVerdict | None = None
    bench_failure: Finding | None = None
    stages_s: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage and report it."""
        self.on_begin(name)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.stages_s[name] = time.perf_counter() - began
        self.on_stage(name, self.stages_s[name])

    def is_wrong(self) -> bool:
        """Tell whether an answer of the product is already known to be wrong; later errors do not change that."""
        return bool(
            (self.outputs is not None and self.outputs.mismatches)
            or (self.sine is not None and self.sine.finding)
            or any(finding.stage is Stage.ENGINE for finding in self.findings)
        )

    def cut_short(self, error: TinysineError) -> None:
        """Note that the bench failed after the product was known to be wrong: the verdict is a failure then."""
        self.bench_failure = Finding(Stage.BENCH, f"it failed before everything was asked: {error}")

    def know(self, **facts: Any) -> None:
        """Add to the provenance."""
        self.provenance = replace(self.provenance, **facts)

    def know_image(self, image: Image) -> None:
        """Add to the provenance what was built."""
        self.know(
            image_sha256=image.sha256,
            build_id=image.build_id.hex(),
            toolchain=Tool(image.toolchain.name, image.toolchain.version),
        )

    def _expected(self) -> Values | None:
        """The answers of the reference that the device was compared with."""
        if self.outputs is None or self.outputs.checked == 0:
            return None
        return self.answers.get(self.outputs.reference)

    def evidence(
        self, verdict: Literal["pass", "fail", "error"], error: BaseException | None = None
    ) -> Evidence:
        """Everything known, with a verdict."""
        self.know(finished_utc=utc_now())
        return Evidence(
            verdict=verdict,
            provenance=self.provenance,
            board=self.facts,
            findings=tuple(self.findings),
            inputs=self.inputs,
            device=self.device_answers,
            expected=self._expected(),
            ends=self.ends,
            outputs=self.outputs,
            sine=self.sine,
            sine_likeness=self.likeness,
            error_budget=self.budget,
            classes=self.classes,
            latency=self.latency,
            memory=self.memory,
            fault=self.fault,
            soak=self.soak,
            layers=self.layers,
            error=ErrorRecord.of(error) if error else None,
            stages_s=dict(self.stages_s),
        )


def utc_now() -> str:
    """The time, as provenance writes it: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fault_record(record: FaultRecord) -> Fault:
    """Return a fault record for the evidence: kind and stage by their names, if they are known."""
    facts = asdict(record)
    return Fault(**facts | {key: getattr(facts[key], "name", facts[key]) for key in ("kind", "stage")})


def identity_record(identity: Identity) -> DeviceFacts:
    """Return the device's own identity for the evidence."""
    return DeviceFacts(
        board=identity.board,
        engine=identity.engine,
        protocol=".".join(map(str, identity.protocol)),
        build_id=identity.build_id.hex(),
        model_sha256=identity.model_sha256,
        rounding=identity.reference,
        pruned=identity.pruned,
        size_profile=identity.size_profile,
        unique_id=identity.unique_id,
        clock_hz=identity.clock_hz,
        counter=identity.counter.name,
        payload_max=identity.payload_max,
    )


def link_record(device: Device) -> Link:
    """Return the counts of the link for the evidence."""
    stats = device.stats
    return Link(**asdict(stats) | {"last_bytes": stats.last_bytes[-32:].hex()})
