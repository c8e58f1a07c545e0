"""Results of one run, as frozen values."""

from __future__ import annotations

import platform
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from tinysine import __version__
from tinysine.errors import EXIT_PASS, EXIT_PRODUCT_FAILURE, TinysineError, cause_of
from tinysine.link import Counters, FaultRecord, LinkStats
from tinysine.model import Model, Tensor
from tinysine.quantization import Rounding
from tinysine.record import Count, Dtype, Positive, Record, Sha256, Time, Words, always, fact
from tinysine.settings import Firmware, Optimize
from tinysine.tasks import ClassVerdict, SineVerdict
from tinysine.tensor_values import Values, inferences_of
from tinysine.verdicts import Finding, LatencyVerdict, LayersVerdict, MemoryVerdict, OutputsVerdict, Soak

if TYPE_CHECKING:
    from tinysine.stimuli import DataSet

Json = dict[str, Any]
BuildId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
HEXADECIMAL = fact("the last 32 bytes received, oldest first, hexadecimal")
ORACLE = Meta(extra_json_schema={"required": ["version"], "properties": {"version": {"type": "string"}}})


class Tool(Record):
    """A tool that built the image."""

    name: Annotated[str, fact("of the tool")]
    version: Annotated[str, fact("that it reported")]


class DataFacts(Record):
    """A user's file of inputs (`--data`)."""

    file: Annotated[Words, fact("its name")]
    sha256: Annotated[Sha256, fact("of its bytes")]
    inputs: Annotated[Count, fact("how many it has")]
    taken_as: Annotated[
        Literal["codes", "real values", "codes and real values"], fact("how its numbers were read")
    ]

    @classmethod
    def of(cls, data: DataSet, *, shown: str) -> DataFacts:
        """Return those of a file that was read.

        Args:
            shown: what the evidence calls the file.
        """
        return cls(shown, data.sha256, inferences_of(data.codes), data.taken_as)


class EndFacts(Record):
    """One of the model's inputs or outputs: a code stands for scale * (code - zero_point)."""

    name: Annotated[str, fact("of the tensor, as in the file")]
    dtype: Annotated[Dtype, fact("of its values")]
    shape: Annotated[tuple[Count, ...], fact("of one inference, the batch dimension included")]
    scale: Annotated[float | None, fact("of its codes; absent where the values are reals")] = None
    zero_point: Annotated[int | None, fact("the code of zero")] = None


class Ends(Record):
    """The model's inputs and outputs, which say what the numbers in `outputs` stand for."""

    inputs: Annotated[tuple[EndFacts, ...], fact("in the file's order")]
    outputs: Annotated[tuple[EndFacts, ...], fact("in the file's order")]

    @classmethod
    def of(cls, model: Model) -> Ends:
        """Return those of a model."""
        return cls(tuple(map(_end, model.inputs)), tuple(map(_end, model.outputs)))


def _end(tensor: Tensor) -> EndFacts:
    coded = tensor.quantization
    scale, zero_point = (None, None) if coded is None else (coded.scale, coded.zero_point)
    return EndFacts(tensor.name, tensor.dtype.name, tensor.shape, scale, zero_point)


class DeviceFacts(Record, kw_only=True):
    """Identity of the device, as it reports it."""

    board: Annotated[str, fact("name of the board, cut at 15 characters")]
    engine: Annotated[str, fact("name of the engine, cut at 15 characters")]
    protocol: Annotated[str, fact("version of the protocol, such as `2.0`")]
    build_id: Annotated[BuildId, fact("of the image; zeros if the device does not report it")]
    model_sha256: Annotated[Sha256, fact("of the .tflite file")]
    rounding: Annotated[str | None, fact("the reference that its engine follows")] = None
    pruned: Annotated[bool, fact("neurons that are proved constant were removed")]
    size_profile: Annotated[bool, fact("built for size rather than speed")]
    unique_id: Annotated[str | None, fact("of the chip, 16 hexadecimal digits, where it has one")] = None
    clock_hz: Annotated[Count | None, fact("of the core", unit="Hz")] = None
    counter: Annotated[str, fact("what latency is counted with")]
    payload_max: Annotated[Positive, fact("of payload that fit in one frame", unit="bytes")]
    counters: Annotated[Counters | None, fact("its counters since reset, if it has them")] = None


class Link(LinkStats, omit_defaults=False):
    """Counts of the link."""

    last_bytes: Annotated[str, HEXADECIMAL] = ""  # type: ignore[assignment]


class Fault(FaultRecord):
    """The last fault since power-on, as the processor left it."""

    kind: Annotated[  # type: ignore[assignment]
        Words | int, fact("kind of fault; a number for an unknown kind")
    ]
    stage: Annotated[  # type: ignore[assignment]
        Words | int, fact("the stage that the firmware had reached; a number for an unknown stage")
    ]


def _operating_system() -> str:
    """As `platform.platform` names Linux, which starts a program to find out a word that it does not use."""
    named = platform.system(), platform.release(), platform.machine()
    library = "".join(platform.libc_ver())
    return "-".join([*filter(None, named), *([f"with-{library}"] if library else [])])


class Provenance(Record, kw_only=True):
    """Sources of the numbers. An absent field does not apply, or the run did not get that far."""

    model_file: Annotated[str, fact("as it was named")]
    model_sha256: Annotated[Sha256 | None, fact("of the .tflite file")] = None
    rounding: Annotated[
        str,
        Meta(extra_json_schema={"enum": [one.value for one in Rounding]}),
        fact("the reference that the firmware had to equal"),
    ]
    optimize: Annotated[
        Optimize | None, fact("what the engine was optimised for; absent for foreign firmware")
    ] = None
    prune: Annotated[
        bool | None, fact("of the generated engine: neurons that are proved constant are removed")
    ] = None
    seed: Annotated[Count, fact("of the sample of inputs")]
    started_utc: Annotated[Time, fact("when the run began")]
    finished_utc: Annotated[Time, fact("when it ended")]
    image_sha256: Annotated[
        Sha256 | None, fact("of the image; absent if another program compiled it (`--flash never`)")
    ] = None
    build_id: Annotated[BuildId | None, fact("of the image, which the device reports")] = None
    toolchain: Annotated[Tool | None, fact("the compiler; absent if another program compiled the image")] = (
        None
    )
    oracles: Annotated[
        dict[str, Annotated[dict[str, Any], ORACLE]],
        fact("by name of a reference: its version, and details such as its resolver"),
    ] = always({})
    refusals: Annotated[
        dict[str, Words],
        fact(
            "by name of an interpreter: its message on a model that it refuses; another one "
            "is the reference then. By name of tinysine's own integers: why they cannot equal "
            "their interpreter on the model"
        ),
    ] = msgspec.field(default_factory=dict)
    device: Annotated[DeviceFacts | None, fact("the identity that the device reported")] = None
    link: Annotated[Link | None, fact("counts of the link")] = None
    flashed: Annotated[bool | None, fact("whether this run flashed the board")] = None
    firmware: Annotated[Firmware, fact("`own` was built here; `foreign` was not, and proves less")] = always(
        "own"
    )
    engine: Annotated[
        Words | None,
        fact("`generated`, or the name of an engine of the user's; absent for foreign firmware"),
    ] = None
    not_proved: Annotated[
        tuple[Words, ...], fact("what foreign firmware did not report, or what cannot be checked")
    ] = ()
    data: Annotated[DataFacts | None, fact("the user's file of inputs")] = None
    tinysine_version: Annotated[str, fact("of tinysine")] = always(__version__)
    python: Annotated[str, fact("version of Python")] = msgspec.field(default_factory=platform.python_version)
    platform: Annotated[str, fact("the computer's operating system")] = msgspec.field(
        default_factory=_operating_system
    )
    flaky: Annotated[bool, fact("the link needed more than one try: look at the run, even if it passed")] = (
        always(False)
    )

    def __post_init__(self) -> None:
        link = self.link
        force_setattr(self, "flaky", bool(link is not None and (link.retries or link.corrupt)))


class BoardFacts(Record, omit_defaults=False):
    """The board that was asked."""

    name: Annotated[Words, fact("in the catalogue")]
    kind: Annotated[
        Literal["emulated", "host", "qemu", "hardware", "unknown", ""],
        fact("the kind of board that was proved; `unknown` if nothing proves it, empty if none was reached"),
    ]
    chip: Annotated[str, fact("its chip")]
    clock_hz: Annotated[Count, fact("of the core", unit="Hz")]
    port: Annotated[str, fact("where it was reached")] = ""
    proof: Annotated[str, fact("what proved the kind; empty where nothing did")] = ""


_BY_SIGNAL = 128  # an exit code is this and the signal's number, as shells have it


class ErrorRecord(Record):
    """Reason why a run ended early."""

    kind: Annotated[str, fact("the error's class")]
    message: Annotated[str, fact("what happened, and where")]
    hint: Annotated[str, fact("what to try")]
    exit_code: Annotated[
        int, Meta(extra_json_schema={"enum": [1, 2, 3, 129, 130, 143]}), fact("that follows")
    ]

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
        expected: the reference's raw answers to the same inputs, as `device`; None where they are not known.
        ends: of the model; None where it could not be read.
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
    expected: Values | None = None
    ends: Ends | None = None
    outputs: OutputsVerdict | None = None
    sine: SineVerdict | None = None
    sine_likeness: float | None = None
    error_budget: dict[str, tuple[float, float]] | None = None
    classes: ClassVerdict | None = None
    latency: LatencyVerdict | None = None
    memory: MemoryVerdict | None = None
    fault: Fault | None = None
    soak: Soak | None = None
    layers: LayersVerdict | None = None
    error: ErrorRecord | None = None
    stages_s: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 product failure, else the error's own."""
        if self.verdict == "error":
            return self.error.exit_code if self.error else TinysineError.exit_code
        return EXIT_PASS if self.verdict == "pass" else EXIT_PRODUCT_FAILURE
