"""The report of a night: what to know first, every board at a glance, and each board's own report below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tinysine.bench.night import LINK_WAS_FLAKY, BoardNight, Part, cause_of_night
from tinysine.bench.night_report import HEADINGS, rows
from tinysine.errors import BENCH, PASS, PRODUCT, Cause
from tinysine.evidence.files import arrays_of_file
from tinysine.history import Gate, History, HistoryRun
from tinysine.reports.board import KINDS, board_facts, links_of
from tinysine.reports.past import NO_PAST, Past, change_table, limits_of, past_of
from tinysine.reports.run_page import FOOTER, run_sections
from tinysine.reports.view import (
    Block,
    Card,
    Cards,
    Cell,
    Detail,
    Fact,
    Facts,
    Notes,
    Page,
    Reason,
    Section,
    Table,
    Tone,
    Verdict,
)
from tinysine.result_files import EVIDENCE_FILE
from tinysine.settings import ENGINE

MOST_REASON = 600  # characters of a test's diagnosis
MOST_NAMED = 3  # boards beside a reason that they share


def night_page(
    nights: Sequence[BoardNight],
    runs: Sequence[HistoryRun],
    *,
    out: Path,
    history: History | None = None,
    before: int | None = None,
    gates: Sequence[Gate] = (),
) -> Page:
    """Return the report of a night.

    Args:
        nights: what came of each board.
        runs: of these, as the history keeps them.
        out: folder of the night, which has each board's evidence.
        history: of earlier nights; None where there is none.
        before: the number of this night's first run in it; None where it has none yet.
        gates: limits that are drawn.
    """
    pasts = [_past(run, history, before, gates) for run in runs]
    boards = list(zip(nights, runs, pasts, strict=True))
    verdict = _verdict(nights, runs)
    sections = {
        "Since the last pass": tuple(_changes(boards)),
        "Boards": (Cards(tuple(_card(number, night, run) for number, (night, run, _) in enumerate(boards))),),
        "Failing tests": tuple(_failing(nights)),
        "Figures": (_figures(nights, runs, history, before),),
        "What was not judged": tuple(_unjudged(nights)),
        "Where the numbers come from": (Facts(tuple(_provenance(runs)), look="rows"),),
    }
    leads = {"Since the last pass": "" if sections["Since the last pass"] else _nothing_changed(pasts)}
    return Page(
        title=f"{verdict.word}: {verdict.sentence}",
        verdict=verdict,
        sections=tuple(
            Section(title, blocks, leads.get(title, ""))
            for title, blocks in sections.items()
            if blocks or leads.get(title)
        ),
        details=tuple(
            _detail(number, night, run, past, out) for number, (night, run, past) in enumerate(boards)
        ),
        footer=FOOTER,
    )


def _past(run: HistoryRun, history: History | None, before: int | None, gates: Sequence[Gate]) -> Past:
    if history is None or not run.figures:
        return NO_PAST
    return past_of(run, history, before=before, limits=limits_of(run, gates))


def night_word(cause: Cause, *, flaky: bool) -> tuple[str, Tone]:
    """Return the verdict of a night in a word, and its tone."""
    if cause is PASS:
        return ("PASS, FLAKY", "warn") if flaky else ("PASS", "good")
    if cause is PRODUCT:
        return "FAIL", "bad"
    return ("BENCH FAILED" if cause is BENCH else cause.words.upper()), "warn"


def _verdict(nights: Sequence[BoardNight], runs: Sequence[HistoryRun]) -> Verdict:
    word, tone = night_word(cause_of_night(nights), flaky=any(run.flaky for run in runs))
    run = runs[0] if runs else None
    with_engine = f" with the engine {run.engine}" if run and run.engine not in ("", ENGINE.default) else ""
    return Verdict(
        word,
        tone,
        f"{run.model_file or 'the model'}{with_engine}, reference {run.reference}" if run else "",
        _count(nights),
        tuple(_reasons(nights, runs)),
        (f"{run.started_utc[:19].replace('T', ' ')} UTC", run.host) if run else (),
    )


def _count(nights: Sequence[BoardNight]) -> str:
    verdicts = [night.verdict for night in nights]
    passed, failed, errors = (verdicts.count(word) for word in ("pass", "fail", "error"))
    noun = "board" if len(nights) == 1 else "boards"
    said = f"{passed} of {len(nights)} {noun} passed"
    said += f", {failed} failed" if failed else ""
    return said + (f", {errors} could not be judged" if errors else "")


def _reasons(nights: Sequence[BoardNight], runs: Sequence[HistoryRun]) -> Iterator[Reason]:
    """Yield why boards did not pass, those with the same reason together, and then what was flaky."""
    for verdict, tone in _TONES:
        boards: dict[Reason, list[str]] = {}
        for night in nights:
            said = [part for part in night.parts if part.verdict == verdict]
            # What the bench has failed once has mostly failed all that came after it.
            others = [part.name for part in said[1:]] if verdict == "error" else []
            for part in said[: 1 if others else None]:
                text, hint = _text_and_hint(part.reason or part.cause.sentence)
                more = (f"Not judged either: {', '.join(others)}.",) if others else ()
                reason = Reason("", f"{part.name}: {text}", hint, tone, more)
                boards.setdefault(reason, []).append(night.job.label)
        for reason, labels in boards.items():
            if len(labels) > MOST_NAMED:
                named = f"These are {', '.join(labels)}."
                yield replace(reason, where=f"{len(labels):,} boards", more=(named, *reason.more))
            else:
                yield replace(reason, where=", ".join(labels))
    for night, run in zip(nights, runs, strict=True):
        if run.flaky and night.verdict == "pass":
            yield Reason(night.job.label, f"flaky: {_help(night)}; a pass that deserves a look", tone="warn")


def _text_and_hint(reason: str) -> tuple[str, str]:
    """Message and hint of an error, as the command line shows it."""
    text, _, hint = reason.partition(". try: ")
    return (text, f"Try: {hint}.") if hint else (reason, "")


_TONES: tuple[tuple[str, Tone], ...] = (("fail", "bad"), ("error", "warn"))


def _help(night: BoardNight) -> str:
    """Steps that were needed before a board passed."""
    said = [f"{part.name}: {part.flaky}" for part in night.parts if part.flaky and part.name != "verify"]
    verify = next((part.flaky for part in night.parts if part.name == "verify" and part.flaky), "")
    if verify.startswith("tried "):
        said.insert(0, f"verify: {verify}")
    elif verify or not said:
        said.insert(0, _link(night))
    return "; ".join(said)


def _link(night: BoardNight) -> str:
    told = night.evidence.provenance if night.evidence is not None else None
    return links_of(told.link) if told is not None and told.link is not None else "something was repeated"


def _changes(boards: Sequence[tuple[BoardNight, HistoryRun, Past]]) -> Iterator[Block]:
    notes, changes = [], []
    for night, _, past in boards:
        if past.difference is None or past.base is None:
            continue
        notes += [Reason(night.job.label, reason, tone="quiet") for reason in past.difference.reasons]
        changes += [
            (night.job.label, change) for change in past.difference.changes if change.judgement != "same"
        ]
    if notes:
        yield Notes(tuple(notes))
    if changes:
        yield change_table(changes)


def _nothing_changed(pasts: Sequence[Past]) -> str:
    held = sum(past.difference is not None for past in pasts)
    if held:
        said = f"Nothing: all figures of {_boards(held)} are the same."
        new = len(pasts) - held
        return f"{said} There is no earlier pass of {_boards(new)}." if new else said
    kept = any(past.is_kept for past in pasts)
    return "There is no earlier pass of these boards with this engine and reference." if kept else ""


def _boards(count: int) -> str:
    return f"{count} board{'s' * (count != 1)}"


def _card(number: int, night: BoardNight, run: HistoryRun) -> Card:
    word, tone = _word(night, run)
    wrong = ""
    if night.kind != "not reached":  # that is said at the top, once for all such boards
        wrong = next((part.reason for part in night.parts if part.verdict != "pass" and part.reason), "")
        wrong, _ = _text_and_hint(wrong)
    facts = [] if night.evidence is None else list(board_facts(night.evidence))
    shown = ("Where", "What", "Board", "Unique id", "Link")
    chosen = [Fact(fact.name, fact.value) for fact in facts if fact.name in shown]
    if night.job.port or night.kind != "missing":
        # Of a twin and of a farm's place the port of this very night says nothing.
        where = Cell(night.job.port or "twin of this computer", code=bool(night.job.port))
        chosen = [Fact("Where", where), *(fact for fact in chosen if fact.name != "Where")]
    if night.evidence is None:
        chosen.append(Fact("What", Cell(KINDS.get(night.kind, night.kind))))
        chosen.append(Fact("Board", Cell(night.job.board)))
    has_link = any(fact.name == "Link" for fact in chosen)
    helped = "; ".join(
        f"{part.name}: {part.flaky}"
        for part in night.parts
        if part.flaky and not (has_link and part.flaky == LINK_WAS_FLAKY)  # it is in the facts
    )
    if helped:
        chosen.append(Fact("Needed", Cell(helped, "warn")))
    seconds = sum(part.seconds for part in night.parts)
    if seconds:
        chosen.append(Fact("Took", Cell(f"{seconds:,.1f} s")))
    return Card(night.job.label, word, tone, tuple(chosen), wrong, f"#board-{number}")


def _word(night: BoardNight, run: HistoryRun) -> tuple[str, Tone]:
    if night.verdict == "pass":
        return ("PASS, FLAKY", "warn") if run.flaky else ("PASS", "good")
    if night.verdict == "fail":
        return "FAIL", "bad"
    return {"missing": "MISSING", "not reached": "NOT REACHED"}.get(night.kind, "NOT JUDGED"), "warn"


def _failing(nights: Sequence[BoardNight]) -> Iterator[Table]:
    rows_ = [
        (
            Cell(test.name),
            Cell(night.job.label),
            Cell(test.verdict, "bad" if test.verdict == "fail" else "warn"),
            Cell(test.reason[:MOST_REASON]),
        )
        for night in nights
        for part in night.parts
        for test in part.wrong
    ]
    if rows_:
        headings = (Cell("Test"), Cell("board"), Cell("verdict"), Cell("diagnosis"))
        yield Table(headings, tuple(rows_), wide=True)


def _figures(
    nights: Sequence[BoardNight], runs: Sequence[HistoryRun], history: History | None, before: int | None
) -> Table:
    headings = (
        Cell("Board"),
        Cell("Kind"),
        Cell("Verdict"),
        *(Cell(name, number=True) for name in HEADINGS[3:]),
    )
    tones: dict[str, Tone] = {"pass": "good", "fail": "bad", "error": "warn"}
    table = []
    for night, row in zip(nights, rows(runs, history, before=before), strict=True):
        cells = (Cell(cell, number=True) for cell in row[3:])
        table.append((Cell(night.job.label), Cell(row[1]), Cell(row[2], tones.get(row[2], "warn")), *cells))
    return Table(headings, tuple(table), "Each with its change since the last pass; (=) is unchanged")


def _unjudged(nights: Sequence[BoardNight]) -> Iterator[Notes]:
    notes = tuple(
        Reason(night.job.label, f"{part.name}: {part.reason}", tone="quiet")
        for night in nights
        for part in night.parts
        if part.verdict == "pass" and part.reason
    )
    if notes:
        yield Notes(notes)


def _provenance(runs: Sequence[HistoryRun]) -> Iterator[Fact]:
    for name, values in {
        "Night": {run.night for run in runs},
        "Computer": {run.host for run in runs},
        "Model": {run.model_file for run in runs},
        "Model's SHA-256": {run.model_sha256[:16] for run in runs},
        "Engine": {run.engine for run in runs},
        "Reference": {run.reference for run in runs},
        "Commit": {
            run.commit[:12] + (", with changed files" if run.changed else "") for run in runs if run.commit
        },
        "Compilers": {run.toolchain for run in runs},
        "tinysine": {run.tinysine_version for run in runs},
    }.items():
        if found := sorted(values - {""}):
            yield Fact(name, Cell(", ".join(found)))


def _detail(number: int, night: BoardNight, run: HistoryRun, past: Past, out: Path) -> Detail:
    sections = [Section("Steps", (_steps(night.parts),))]
    if night.evidence is not None:
        arrays = arrays_of_file(night.evidence, out / night.job.label / EVIDENCE_FILE)
        sections += run_sections(night.evidence, arrays, past)
    word, tone = _word(night, run)
    return Detail(f"board-{number}", night.job.label, word, tone, tuple(sections))


def _steps(parts: Sequence[Part]) -> Table:
    tones: dict[str, Tone] = {"pass": "good", "fail": "bad", "error": "warn"}
    table = []
    for part in parts:
        tests = ", ".join(f"{count:,} {name}" for name, count in part.tests.items() if count)
        table.append(
            (
                Cell(part.name),
                Cell(part.verdict, tones[part.verdict]),
                Cell(f"{part.seconds:,.1f} s" if part.seconds else "", number=True),
                Cell(tests),
                Cell(part.reason or part.flaky),
            )
        )
    head = (Cell("Step"), Cell("verdict"), Cell("took", number=True), Cell("tests"), Cell("why"))
    return Table(head, tuple(table))
