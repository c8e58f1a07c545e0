"""Provenance of the numbers of a run, as facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tinysine.evidence import Provenance
from tinysine.reports.view import Cell, Fact


def provenance_facts(told: Provenance, stages_s: Mapping[str, float]) -> Iterator[Fact]:
    """Yield date, machine, model, engine, build and tools."""
    began, ended = told.started_utc, told.finished_utc
    yield Fact("Began", Cell(f"{began[:19].replace('T', ' ')} UTC"), took_in_words(began, ended))
    yield Fact("Computer", Cell(told.platform), f"Python {told.python}")
    yield Fact("Model", Cell(told.model_file), _digest(told.model_sha256))
    if told.data is not None:
        yield Fact(
            "Data", Cell(told.data.file), f"{told.data.inputs:,} inputs, taken as {told.data.taken_as}"
        )
    else:
        yield Fact("Seed of the inputs", Cell(str(told.seed)))
    if told.engine is not None or told.firmware == "foreign":
        yield Fact("Engine", Cell(told.engine or "foreign firmware"), _profile(told))
    yield Fact("Reference", Cell(told.rounding), "whose answers the firmware has to give")
    if told.toolchain is not None:
        yield Fact("Compiler", Cell(told.toolchain.version), told.toolchain.name)
    if told.image_sha256 is not None:
        yield Fact("Image", Cell(f"sha256 {told.image_sha256[:16]}", code=True))
    if told.build_id is not None:
        yield Fact("Build", Cell(told.build_id, code=True), "as the device reports")
    for name, detail in told.oracles.items():
        others = ", ".join(f"{key} {value}" for key, value in detail.items() if key != "version")
        yield Fact(f"Interpreter {name}", Cell(str(detail.get("version", ""))), others)
    for name, words in told.refusals.items():
        what = "Integers" if name.startswith("integer") else "Interpreter"
        yield Fact(f"{what} {name}", Cell("refused the model", "warn"), words)
    yield Fact("tinysine", Cell(told.tinysine_version))
    if stages_s:
        yield Fact(
            "Time by stage", Cell(", ".join(f"{name} {seconds:.2f} s" for name, seconds in stages_s.items()))
        )


def took_in_words(began: str, ended: str) -> str:
    """Return how long a run took, from its beginning to its end; "" where one of them is no time."""
    try:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    except ValueError:
        return ""
    return f"took {seconds:,.1f} s"


def _digest(sha256: str | None) -> str:
    return "" if sha256 is None else f"sha256 {sha256[:16]}"


def _profile(told: Provenance) -> str:
    if told.optimize is None:
        return ""
    said = "as a table" if told.optimize == "table" else f"built for {told.optimize}"
    return f"{said}, constant neurons removed" if told.prune else said
