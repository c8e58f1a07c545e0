"""The values of a night: who is to be tested, how, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tinysine.errors import BAD_INPUT, BENCH, EXIT_BENCH_FAILURE, PASS, PRODUCT, Cause, worst
from tinysine.settings import CONNECT_TIMEOUT_S, ENGINE, OPTIMIZE, REFERENCE

if TYPE_CHECKING:
    from tinysine.evidence import Document
    from tinysine.history import Gate, TestOutcome

Verdict = Literal["pass", "fail", "error"]

PART_TIMEOUT_S = 1200.0
LINK_WAS_FLAKY = "the link repeated requests, or dropped frames"


@dataclass(frozen=True)
class Job:
    """One board to be tested.

    Attributes:
        label: tells two boards of a kind apart; also the name of its folder.
        board: catalogue name.
        port: of a real board; None for a twin.
        required: it must be proved to be hardware.
        place: its id in the bench file, by which it is found; "" where it has none.
    """

    label: str
    board: str
    port: str | None
    required: bool = False
    place: str = ""

    @property
    def title(self) -> str:
        """Its id in the bench file and what it is, where the id does not say so."""
        return self.board if self.place in ("", self.board) else f"{self.place} ({self.board})"


@dataclass(frozen=True)
class Part:
    """One step of a board's night.

    Attributes:
        name: "attached", "quarantine", "verify", "gates", "suite" or "agreement".
        cause: why it ended as it did.
        reason: why it did not pass.
        seconds: how long it took.
        output: of the process.
        tests: of the suite: passed, failed, errors, skipped.
        wrong: each of its tests that did not pass.
        flaky: what had to be done before it passed; "" for nothing.
        cut_off: the night ended before this part did; that is nothing against the board.
    """

    name: str
    cause: Cause
    reason: str = ""
    seconds: float = 0.0
    output: str = ""
    tests: dict[str, int] = field(default_factory=dict)
    wrong: tuple[TestOutcome, ...] = ()
    flaky: str = ""
    cut_off: bool = False

    @property
    def verdict(self) -> Verdict:
        """ "fail" is the product's fault; "error" says nothing about the product."""
        return "pass" if self.cause is PASS else "fail" if self.cause is PRODUCT else "error"

    @property
    def failed_at_board(self) -> bool:
        """Tell whether the bench failed it while the board was asked, which may end otherwise the next time."""
        return self.cause is BENCH and self.name in ("verify", "suite") and not self.cut_off


@dataclass(frozen=True)
class BoardNight:
    """Result of one board.

    Attributes:
        job: what was to be tested.
        kind: what stood behind the port, as the evidence has it; "missing" for a board that was not there,
            "quarantined" for one that was left alone, "not reached" where the night ended before.
        parts: in order.
        evidence: of `verify`; None when it got nowhere.
    """

    job: Job
    kind: str
    parts: tuple[Part, ...]
    evidence: Document | None = None

    @property
    def verdict(self) -> Verdict:
        """The product's failure goes before the bench's: it is known, whatever else went wrong."""
        verdicts = {part.verdict for part in self.parts}
        return "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "error"


def cause_of_night(nights: Iterable[BoardNight]) -> Cause:
    """Cause of the end of a night: of all causes of all boards the worst, in the order of `CAUSES`."""
    return worst(part.cause for night in nights for part in night.parts)


def exit_code_of_night(nights: Iterable[BoardNight]) -> int:
    """1 where a product failed, else 3 where a board was not judged, whoever is to blame; 2 is for what keeps a night
    from starting.
    """
    cause = cause_of_night(nights)
    return EXIT_BENCH_FAILURE if cause is BAD_INPUT else cause.exit_code


@dataclass(frozen=True)
class Orders:
    """Choices for a night.

    Attributes:
        model: the .tflite file.
        out: an empty folder.
        suite: command of the suite, without what is added for each board; empty for none.
        bench_file: handed on; "" for the default one.
        timeout_s: for each part.
        night_timeout_s: for the whole night; None for no limit.
        connect_s: how long connecting to a board may take.
        at_once: how many boards at the same time, at most; None for all of them, and as many twins as the computer
            has cores.
        soak: further inferences of known answer in each board's verify.
        engine: as `choose_engine` takes it; a folder by its whole path, since a suite may run elsewhere.
        reference: whose answers it has to give.
        optimize: profile of the generated engine.
        data: file with the inputs to ask; None for random ones.
        retries: how often a part that the bench has failed is tried again.
        gates: limits on the figures of each board.
        history: file with earlier nights, which growth is held against.
    """

    model: Path
    out: Path
    suite: tuple[str, ...] = ()
    bench_file: str = ""
    timeout_s: float = PART_TIMEOUT_S
    night_timeout_s: float | None = None
    connect_s: float = CONNECT_TIMEOUT_S
    at_once: int | None = None
    soak: int = 0
    engine: str = ENGINE.default
    reference: str = REFERENCE.default
    optimize: str = OPTIMIZE.default
    data: Path | None = None
    retries: int = 0
    gates: tuple[Gate, ...] = ()
    history: Path | None = None


@dataclass(frozen=True)
class Plan:
    """Boards that are tested, and those that are missing."""

    jobs: tuple[Job, ...]
    missing: tuple[BoardNight, ...]
