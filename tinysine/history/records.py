"""One run of one board as the history keeps it: what was measured, by which tests, and where it came from."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from tinysine.record import Better, Count, Number, Record, Words, fact

_ID = re.compile(r"[\w.:-]+")  # a port has a slash


class Figure(Record):
    """One number of a run."""

    name: Annotated[Words, fact("where it is in the evidence, such as `memory.flash_bytes`")]
    value: Annotated[Number, fact("of the figure")]
    unit: Annotated[str, fact("that it is counted in")] = ""
    part: Annotated[str, fact("the layer or the output that it is of, where it is not of the whole")] = ""
    better: Annotated[Better, fact("which way it improves")] = ""


class TestOutcome(Record):
    """One test of a suite on this board."""

    __test__ = False  # pytest would take it for a class of tests

    name: Annotated[Words, fact("of the test")]
    verdict: Annotated[Words, fact("`pass`, `fail`, `error` or `skip`")]
    seconds: Annotated[Number, fact("that it took", unit="seconds")] = 0.0
    reason: Annotated[str, fact("why it did not pass")] = ""


class HistoryRun(Record, kw_only=True):
    """One run of one board. What is empty is not known, or does not apply."""

    started_utc: Annotated[Words, fact("when it began, ISO 8601")]
    command: Annotated[Words, fact("what ran it: `verify`, `nightly` or `bench`")]
    night: Annotated[str, fact("name of the night that it was part of")] = ""
    board: Annotated[Words, fact("name of the board")]
    place: Annotated[
        str, fact("where the board was: its id in the bench file, or a port; empty for a twin")
    ] = ""
    kind: Annotated[str, fact("what stood behind the port, as in the evidence; `missing` for no board")] = ""
    unique_id: Annotated[str, fact("of the chip")] = ""
    verdict: Annotated[Literal["pass", "fail", "error"], fact("of the run")]
    flaky: Annotated[bool, fact("it passed only after something had to be repeated")] = False
    reason: Annotated[str, fact("why it did not pass")] = ""
    model_file: Annotated[str, fact("name of the model's file")] = ""
    model_sha256: Annotated[str, fact("of the model's bytes")] = ""
    firmware: Annotated[str, fact("`own` or `foreign`")] = ""
    engine: Annotated[str, fact("name of the engine")] = ""
    reference: Annotated[str, fact("the reference that it had to equal")] = ""
    optimize: Annotated[str, fact("profile of the build")] = ""
    prune: Annotated[bool, fact("neurons that are proved constant were removed")] = False
    toolchain: Annotated[str, fact("the compiler and its version")] = ""
    build_id: Annotated[str, fact("of the image")] = ""
    image_sha256: Annotated[str, fact("of the image's bytes")] = ""
    tinysine_version: Annotated[str, fact("of tinysine")] = ""
    host: Annotated[str, fact("name of the computer")] = ""
    commit: Annotated[str, fact("of the repository that has the model or the bench file")] = ""
    changed: Annotated[bool, fact("files of that repository differed from the commit")] = False
    evidence: Annotated[str, fact("file with everything that the run saw")] = ""
    data_sha256: Annotated[
        str, fact("of the user's file of inputs; empty for tinysine's own inputs, and where nobody told")
    ] = ""
    figures: Annotated[tuple[Figure, ...], fact("what was measured")] = ()
    tests: Annotated[tuple[TestOutcome, ...], fact("of the suite, where one ran")] = ()

    @property
    def title(self) -> str:
        """Its id in a bench file and what it is, where there is an id and it does not say so."""
        return f"{self.place} ({self.board})" if self.id and self.id != self.board else self.board

    @property
    def id(self) -> str:
        """Its id in a bench file; "" where it has none."""
        return self.place if _ID.fullmatch(self.place) else ""

    def figure(self, name: str) -> Figure | None:
        """Return the figure of the whole run that has a name; None for one that was not measured."""
        return next((figure for figure in self.figures if figure.name == name and not figure.part), None)


# Runs that are alike in these are of one series: each is held against the one before it. The model's bytes may change.
SERIES = ("board", "kind", "model_file", "firmware", "engine", "reference", "optimize", "prune", "toolchain")
UNTOLD = ("model_file", "firmware", "optimize", "toolchain")  # in lines of earlier versions


class KeptRun(Record, kw_only=True):
    """A run in a history, with its number there."""

    number: Annotated[Count, fact("of the run in the history, from 1")]
    run: Annotated[HistoryRun, fact("what is kept of it")]
