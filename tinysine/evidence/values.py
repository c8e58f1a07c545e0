"""What one run did and saw, as frozen values."""

from __future__ import annotations

import platform
import signal
from dataclasses import dataclass, field
from typing import Any, Literal

from tinysine import __version__
from tinysine.errors import EXIT_PASS, EXIT_PRODUCT_FAILURE, TinysineError, cause_of
from tinysine.tasks import ClassVerdict, SineVerdict
from tinysine.tensor_values import Values
from tinysine.verdicts import Finding, LatencyVerdict, LayersVerdict, MemoryVerdict, OutputsVerdict

Json = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A tool, the version it reported, and what else there is to say about it."""

    name: str
    version: str
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True)
class DataFacts:
    """A user's file of inputs: its digest, how many, and whether as "codes", as "real values" or as some of both."""

    file: str
    sha256: str
    inputs: int
    taken_as: str


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from. None or empty: the run did not get that far.

    Attributes:
        firmware: "own" was built here; "foreign" was not, and proves its model and reference only.
        engine: "generated", or the name of the user's; None for foreign firmware.
        optimize: of the build; None for foreign firmware.
        prune: of the generated engine; None for any other.
        refusals: by name of an interpreter, its words on a model that it does not take; another one judges then.
        not_proved: what foreign firmware did not say, or nobody can check.
    """

    model_file: str
    model_sha256: str | None
    rounding: str
    optimize: str | None
    prune: bool | None
    seed: int
    started_utc: str
    finished_utc: str
    image_sha256: str | None = None
    build_id: str | None = None
    toolchain: Tool | None = None
    oracles: tuple[Tool, ...] = ()
    refusals: dict[str, str] = field(default_factory=dict)
    device: Json | None = None
    link: Json | None = None
    flashed: bool | None = None
    firmware: str = "own"
    engine: str | None = None
    not_proved: tuple[str, ...] = ()
    data: DataFacts | None = None
    tinysine_version: str = __version__
    python: str = field(default_factory=platform.python_version)
    platform: str = field(default_factory=platform.platform)

    @property
    def flaky(self) -> bool:
        """Whether the link needed more than one try anywhere: a pass then still deserves a look."""
        return bool(self.link and (self.link.get("retries") or self.link.get("corrupt")))


@dataclass(frozen=True)
class BoardFacts:
    """The board that was asked.

    Attributes:
        kind: "emulated", "host", "qemu" or "hardware", each of them proved; "unknown" where nothing proves it; "" when
            none was reached.
        proof: what proved the kind; "" where nothing did.
    """

    name: str
    kind: str
    chip: str
    clock_hz: int
    port: str = ""
    proof: str = ""


_BY_SIGNAL = 128  # an exit code is this and the signal's number, as shells have it


@dataclass(frozen=True)
class ErrorRecord:
    """Why a run ended early: the error's class, its message and hint, and the exit code that follows."""

    kind: str
    message: str
    hint: str
    exit_code: int

    @classmethod
    def of(cls, error: BaseException) -> ErrorRecord:
        """Record any exception; an interruption by the user counts as one."""
        code = cause_of(error).exit_code
        if isinstance(error, TinysineError):
            return cls(type(error).__name__, error.message, error.hint, code)
        if isinstance(error, KeyboardInterrupt):
            return cls("Interrupted", "interrupted by the user", "", code)
        if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > _BY_SIGNAL:
            name = signal.Signals(error.code - _BY_SIGNAL).name
            return cls("Interrupted", f"ended from outside, by the signal {name}", "", error.code)
        return cls(type(error).__name__, str(error), "", code)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One run. What it did not reach is None.

    Attributes:
        verdict: "pass", "fail" (the product is at fault) or "error" (nothing can be said about the product).
        findings: what is wrong, the likeliest cause first.
        inputs: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        device: [n, output.count], the device's raw answers in the order of the inputs; a tuple of these for several
            outputs.
        sine_likeness: the reference's mean absolute error against sin over 0..2pi; None where it cannot be
            asked.
        error_budget: per stage, the largest error and the x it occurs at; None for a model that is no sine.
        classes: a classifier's accuracy on labelled data; None without labels.
        fault: the device's fault record.
        soak: further inferences of known answer, and the first that was wrong; None where none were ordered.
        layers: each layer by itself; None where that was not asked for.
        stages_s: seconds that each stage took.
    """

    verdict: Literal["pass", "fail", "error"]
    provenance: Provenance
    board: BoardFacts
    findings: tuple[Finding, ...] = ()
    inputs: Values | None = None
    device: Values | None = None
    outputs: OutputsVerdict | None = None
    sine: SineVerdict | None = None
    sine_likeness: float | None = None
    error_budget: dict[str, tuple[float, float]] | None = None
    classes: ClassVerdict | None = None
    latency: LatencyVerdict | None = None
    memory: MemoryVerdict | None = None
    fault: Json | None = None
    soak: Json | None = None
    layers: LayersVerdict | None = None
    error: ErrorRecord | None = None
    stages_s: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 product failure, else the error's own."""
        if self.verdict == "error":
            return self.error.exit_code if self.error else TinysineError.exit_code
        return EXIT_PASS if self.verdict == "pass" else EXIT_PRODUCT_FAILURE
