"""The report of one run of one board: its evidence, put in the order in which people ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from numpy.typing import NDArray

from tinysine import __version__
from tinysine.evidence import Document
from tinysine.reports.answers import curve_of
from tinysine.reports.board import board_facts, links_of
from tinysine.reports.costs import cost_blocks, layer_blocks
from tinysine.reports.outputs import class_blocks, curve_blocks, reference_blocks, tensor_blocks
from tinysine.reports.past import NO_PAST, Past, change_sections, with_capital
from tinysine.reports.provenance import provenance_facts, took_in_words
from tinysine.reports.view import Block, Facts, Page, Reason, Section, Tone, Verdict
from tinysine.settings import ENGINE
from tinysine.verdicts import Finding, Stage
from tinysine.verdicts.wording import comparison_in_words, difference_in_words

FOOTER = f"Made by tinysine {__version__}. A figure that was not measured is not on this page."


def run_page(
    document: Document, arrays: Mapping[str, NDArray[Any]], past: Past = NO_PAST, *, place: str = ""
) -> Page:
    """Return the report of a run.

    Args:
        document: its evidence.
        arrays: inputs and answers by their names in the evidence; {} where there are none.
        past: what earlier runs have to say.
        place: id of the board in the bench file; "" where none was named.
    """
    verdict = run_verdict(document, place)
    return Page(
        title=f"{verdict.word}: {verdict.subject}",
        verdict=verdict,
        sections=tuple(run_sections(document, arrays, past, place)),
        footer=FOOTER,
    )


def run_sections(
    document: Document, arrays: Mapping[str, NDArray[Any]], past: Past, place: str = ""
) -> Iterator[Section]:
    """Yield everything but the verdict; a section without anything in it is left out."""
    yield from change_sections(past)
    curve = curve_of(document, arrays)
    found: dict[str, tuple[Block, ...]] = {
        "Answers": (*(() if curve is None else curve_blocks(document, curve)), *tensor_blocks(document)),
        "Classes": class_blocks(document),
        "References": reference_blocks(document),
        "Latency and memory": cost_blocks(document, past),
        "Layers": layer_blocks(document),
        "Board": board_blocks(document, place),
        "Where the numbers come from": provenance_blocks(document),
    }
    yield from (Section(title, blocks, _LEADS.get(title, "")) for title, blocks in found.items() if blocks)


_LEADS = {
    "References": "Two interpreters may round differently, and both are right. The device has to equal the one that "
    "its firmware was built for.",
    "Layers": "The model is cut off behind each layer in turn: a layer's cost is that of the model up to it, less "
    "that of the model up to the layer before.",
}


def run_verdict(document: Document, place: str) -> Verdict:
    """Return what stands first on the page."""
    word, tone = verdict_word(document)
    subject, reasons = subject_of(document, place), tuple(reasons_of(document))
    return Verdict(word, tone, subject, _sentence(document), reasons, _when(document))


def verdict_word(document: Document) -> tuple[str, Tone]:
    """Return the verdict in a word, and its tone."""
    if document.verdict == "pass":
        flaky = document.provenance is not None and document.provenance.flaky
        return ("PASS, FLAKY", "warn") if flaky else ("PASS", "good")
    return ("FAIL", "bad") if document.verdict == "fail" else ("BENCH FAILED", "warn")


def subject_of(document: Document, place: str) -> str:
    """Name what was tested, and on what."""
    told, board = document.provenance, document.board
    if told is None or board is None:
        return ""
    if told.firmware == "foreign":
        at = f"{place}, {board.port}" if place else board.port
        return f"{PurePath(told.model_file).name}, foreign firmware at {at}"
    engine = f" with the engine {told.engine}" if told.engine not in (None, ENGINE.default) else ""
    kind = board.kind or "not reached"
    on = f"{board.name} ({kind})" if place in ("", board.name) else f"{place} ({board.name}, {kind})"
    return f"{PurePath(told.model_file).name} on {on}{engine}"


def _sentence(document: Document) -> str:
    outputs, findings = document.outputs, document.findings
    if document.verdict == "error":
        return "Nothing is said about the product"
    if outputs is not None and outputs.checked and (outputs.mismatches or not findings):
        data = document.provenance and document.provenance.data
        return with_capital(comparison_in_words(outputs, data=data.file if data else ""))
    return with_capital(findings[0].reason) if findings else "Nothing could be compared"


def reasons_of(document: Document) -> Iterator[Reason]:
    """Yield what is wrong, the likeliest cause first, and what deserves a look."""
    if document.error is not None:
        yield Reason(document.error.kind, document.error.message, document.error.hint, "warn")
    for finding in document.findings:
        yield _reason(finding)
    wrong = document.outputs.first_mismatches if document.outputs else ()
    if wrong:
        first, *more = map(difference_in_words, wrong)
        yield Reason("first wrong", first, more=tuple(more))
    told = document.provenance
    if told is not None and told.flaky and told.link is not None:
        yield Reason("flaky", f"{links_of(told.link)}: a pass still deserves a look", tone="warn")
    if document.outputs is not None and document.outputs.stands_in_for:
        absent = document.outputs.stands_in_for
        yield Reason(
            "reference", f"{absent} is not installed: tinysine's own integers stood in for it", tone="warn"
        )
    if told is not None and told.not_proved:
        yield Reason(
            "not proved", f"foreign firmware does not prove: {', '.join(told.not_proved)}", tone="warn"
        )


def _reason(finding: Finding) -> Reason:
    tone: Tone = "warn" if finding.stage is Stage.BENCH else "bad"
    return Reason(finding.stage.value, finding.reason, f"{with_capital(finding.stage.meaning)}.", tone)


def _when(document: Document) -> tuple[str, ...]:
    told = document.provenance
    if told is None:
        return ()
    began = told.started_utc[:19].replace("T", " ")
    return (f"{began} UTC", took_in_words(told.started_utc, told.finished_utc), told.platform)


def board_blocks(document: Document, place: str) -> tuple[Block, ...]:
    """Return the card of the board that was asked."""
    if document.board is None:
        return ()
    return (Facts(tuple(board_facts(document, place)), look="rows"),)


def provenance_blocks(document: Document) -> tuple[Block, ...]:
    """Return where the numbers come from."""
    if document.provenance is None:
        return ()
    return (Facts(tuple(provenance_facts(document.provenance, document.stages_s)), look="rows"),)
