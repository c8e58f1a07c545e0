"""A verdict that can be trusted at a glance: what was compared with what, the figures, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinysine.commands.screen import console, interactive, markup, say
from tinysine.settings import ENGINE

if TYPE_CHECKING:
    from tinysine.evidence import Evidence
    from tinysine.tasks import ClassVerdict
    from tinysine.verdicts import Against, LatencyVerdict, MemoryVerdict, OutputsVerdict, OutputVerdict
    from tinysine.verdicts.metrics import Metrics

Row = tuple[str, str]
POOR_MAE = 0.1  # five times that of a network that has learned


def show_verdict(evidence: Evidence, *, quiet: bool = False) -> None:
    """Print the verdict; one line when quiet, no colour into a pipe."""
    headline = headline_of(evidence)
    failures = _failures(evidence)
    if quiet and failures and failures[0][0] == "broke":
        headline = f"{headline}; {failures[0][1]}"
    passed = evidence.verdict == "pass"
    rows = [] if quiet else [*failures, *_rows(evidence)]
    if not interactive():
        say(f"{'PASS' if passed else 'FAIL'}  {headline}")
        for label, text in rows:
            say(f"  {label:<9} {text}")
        return
    from rich.table import Table  # noqa: PLC0415

    color = "green" if passed else "red"
    out = console()
    out.print(f"[bold white on {color}] {'PASS' if passed else 'FAIL'} [/]  [bold]{markup(headline)}[/]")
    if not rows:
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        style = "bold red" if label in ("broke", "also", "wrong") else ""
        grid.add_row(label, f"[{style}]{markup(text)}[/]" if style else markup(text))
    out.print(grid)
    out.print("`tinysine explain WORD` says what a word here means", style="dim")


def headline_of(evidence: Evidence) -> str:
    """Say what was tested, on what, and how it went, in one line. A failure comes before what was right."""
    from tinysine.verdicts.wording import headline  # noqa: PLC0415

    kind = evidence.board.kind or "not reached"
    board = evidence.board.name
    if evidence.provenance.firmware == "foreign":
        board = f"foreign firmware at {evidence.board.port}"
    where = f"{evidence.provenance.model_file} on {board} ({kind})"
    if evidence.provenance.engine not in (None, ENGINE.default):
        where += f" with the engine {evidence.provenance.engine}"
    return f"{where}: {headline(evidence.outputs, evidence.findings)}"


def _failures(evidence: Evidence) -> list[Row]:
    """Everything that is wrong and that the headline does not say already."""
    from tinysine.verdicts.wording import difference_in_words, told_by_count  # noqa: PLC0415

    counted = told_by_count(evidence.outputs, evidence.findings)
    rows = []
    for i, finding in enumerate(evidence.findings):
        if i or counted:
            rows.append(("also" if i else "broke", str(finding)))
    rows += [
        ("wrong", difference_in_words(wrong))
        for wrong in (evidence.outputs.first_mismatches if evidence.outputs else ())
    ]
    return rows


def _rows(evidence: Evidence) -> list[Row]:
    rows: list[Row] = []
    if evidence.outputs is not None:
        rows += _output_rows(evidence, evidence.outputs)
    if evidence.latency is not None:
        rows.append(("latency", _latency(evidence.latency)))
    elif evidence.outputs is not None:
        rows.append(("latency", f"not measured{_why_no_latency(evidence)}"))
    if evidence.memory is not None:
        rows += _memory_rows(evidence.memory, foreign=evidence.provenance.firmware == "foreign")
    if evidence.soak is not None:
        soak = evidence.soak
        right = soak.asked if soak.wrong is None else soak.wrong.number - 1
        rows.append(
            (
                "soak",
                f"{right:,} of {soak.wanted:,} further answers right, {_counted(soak.resets, 'reset')}",
            )
        )
    if evidence.board.kind == "unknown":
        hint = "a USB device behind it, or unique_id in a bench file, would"
        rows.append(("board", f"nothing proves that {evidence.board.port} is hardware or a twin ({hint})"))
    rows += _provenance_rows(evidence)
    return rows


def _output_rows(evidence: Evidence, outputs: OutputsVerdict) -> list[Row]:
    from tinysine.verdicts.wording import how_in_words, inputs_there_are  # noqa: PLC0415

    detail = evidence.provenance.oracles.get(outputs.reference, {})
    resolver = f" ({detail['resolver']})" if "resolver" in detail else ""
    data = evidence.provenance.data
    how = (
        "every input there is"
        if outputs.exhaustive
        else f"of {data.file}, taken as {data.taken_as}"
        if data is not None
        else f"of {inputs_there_are(outputs)} inputs: seeded sample and corners, seed {evidence.provenance.seed}"
    )
    differ, agree = how_in_words(outputs)
    verdict = f"all {agree}" if outputs.mismatches == 0 else f"{outputs.mismatches} {differ}"
    rows = [("outputs", f"{outputs.checked:,} checked ({how}), {verdict}{resolver}")]
    if outputs.mismatches and outputs.metrics is not None:
        rows.append(("distance", _distance(outputs.metrics)))
    rows += [("output", _one_of_several(outputs, output)) for output in outputs.tensors]
    if evidence.classes is not None:
        rows += _class_rows(evidence.classes)
    others = [_against(name, row) for name, row in outputs.against.items() if name != outputs.reference]
    if others:
        rows.append(("against", "; ".join(others)))
    sine = evidence.sine
    if sine is not None and sine.mae is not None and sine.max_error is not None:
        own = (
            "the same as the .tflite file's own"
            if sine.passed
            else f"the .tflite file's own is {sine.model_max_error:.4f}"
        )
        poor = sine.model_mae is not None and sine.model_mae > POOR_MAE
        advice = "; the network itself is poor: train a larger one, or longer" if poor else ""
        rows.append(
            ("sin(x)", f"error {sine.mae:.4f} on average, {sine.max_error:.4f} at most: {own}{advice}")
        )
    if evidence.error_budget:
        parts = [f"{name} {worst:.4f} at x={at:.2f}" for name, (worst, at) in evidence.error_budget.items()]
        rows.append(("errors", f"by where they come from, at most: {', '.join(parts)}"))
    return rows


def _distance(metrics: Metrics) -> str:
    cosine = "" if metrics.cosine is None else f", cosine {metrics.cosine:.6f}"
    return (
        f"{metrics.max_abs:.4g} at most, {metrics.mean_abs:.4g} on average, RMSE {metrics.rmse:.4g}{cosine}"
    )


def _one_of_several(outputs: OutputsVerdict, output: OutputVerdict) -> str:
    from tinysine.verdicts.wording import how_in_words  # noqa: PLC0415

    differ, agree = how_in_words(outputs, output)
    how = f"{output.mismatches:,} {differ}" if output.mismatches else f"all {agree}"
    distance = f"; {_distance(output.metrics)}" if output.mismatches and output.metrics else ""
    return f"{output.name!r}, {output.dtype} x {output.elements:,}: {how}{distance}"


def _class_rows(classes: ClassVerdict) -> list[Row]:
    shares = f"device {classes.device:.2%}, reference {classes.reference:.2%}"
    if classes.float_model is not None:
        shares += f", float model {classes.float_model:.2%}"
    changed = f"{classes.changed_count:,} of {classes.samples:,} in another class than the reference's"
    rows = [("accuracy", f"{shares}; {changed}")]
    if classes.changed:
        told = (
            f"input {c.index} (label {c.label}): {c.reference} became {c.device}" for c in classes.changed[:5]
        )
        rows.append(("changed", "; ".join(told) + ("; ..." if classes.changed_count > 5 else "")))
    return rows


def _against(name: str, row: Against) -> str:
    if not row.mismatches:
        return f"{name} equal"
    most = "" if row.max_abs_diff is None else f" by at most {row.max_abs_diff:g}"
    return f"{name} {row.mismatches} differ{most} ({'other rounding' if row.explanation else 'unexplained'})"


def _latency(latency: LatencyVerdict) -> str:
    if latency.min is None or latency.median is None or latency.max is None:
        return f"not measured: {latency.note or 'the counter gives nothing believable'}"
    spread = "" if latency.min == latency.max else f" ({latency.min:,} to {latency.max:,})"
    limit = "" if latency.budget is None else f", {latency.budget:,} allowed"
    cycles = latency.estimated_cycles
    estimate = "" if cycles is None else f", {cycles:,.0f} estimated cycles"
    note = f"; {latency.note}" if latency.note else ""
    return f"{latency.median:,.10g} {latency.unit} for one inference{spread}{estimate}{limit}, {latency.proof}{note}"


def _why_no_latency(evidence: Evidence) -> str:
    device = evidence.provenance.device
    return ": the device has no counter" if device is None or device.counter == "NONE" else ""


def _stack_proof(memory: MemoryVerdict) -> str:
    """Return the words for the proof of the stack, the figure with the fewest other sources."""
    proof = memory.proof.get("stack_bytes")
    return "" if proof is None else f"; the stack is {proof}"


def _memory_rows(memory: MemoryVerdict, *, foreign: bool) -> list[Row]:
    stack = "not measured"
    if memory.stack_bytes is not None:
        stack = f"{memory.stack_bytes:,} B"
        if memory.stack_budget_bytes is not None:
            stack += f" of {memory.stack_budget_bytes:,} B"
    engine = "" if memory.engine_stack_bytes is None else f" (inference {memory.engine_stack_bytes} B)"
    arena = "none needed"
    if memory.arena_bytes:
        arena = f"{memory.arena_high_water_bytes:,} B of {memory.arena_bytes:,} B planned"
        if memory.arena_least_bytes is not None:
            least = f"{memory.arena_least_bytes:,} B, the least that it starts with"
            arena = f"{memory.arena_high_water_bytes:,} B of {least}"
        if memory.arena_told_bytes is not None:
            arena += f" ({memory.arena_told_bytes:,} B by its own word)"
    static = "not measured" if memory.static_ram_bytes is None else f"{memory.static_ram_bytes:,} B"
    flash = f"not known: the {'firmware' if foreign else 'sketch'} was compiled elsewhere"
    if memory.flash_bytes is not None:
        flash = (
            f"{memory.flash_bytes:,} B, of which engine and model {memory.engine_bytes:,} B "
            f"(model {memory.model_bytes:,} B)"
        )
    return [
        (
            "memory",
            f"arena {arena}, stack {stack}{engine}, static RAM {static}{_stack_proof(memory)}",
        ),
        ("flash", flash),
    ]


def _provenance_rows(evidence: Evidence) -> list[Row]:
    facts = evidence.provenance
    made = [f"tinysine {facts.tinysine_version}", f"rounding {facts.rounding}"]
    if facts.optimize is not None:
        made.append("as a table" if facts.optimize == "table" else f"for {facts.optimize}")
    if facts.toolchain is not None:
        tool = facts.toolchain
        made.append(tool.version if tool.name in tool.version else f"{tool.name} {tool.version}")
    made += [
        f"{name} {told['version']}" for name, told in facts.oracles.items() if not name.startswith("integer")
    ]
    rows = [
        ("with", ", ".join(made)),
        *(("refused", _refusal(name, words)) for name, words in facts.refusals.items()),
    ]
    names = [("model", facts.model_sha256), ("image", facts.image_sha256), ("build", facts.build_id)]
    known = [f"{name} {value[:12]}" for name, value in names if value]
    if known:
        elsewhere = facts.build_id and not facts.image_sha256
        how = "as the device says; compiled elsewhere" if elsewhere else "as the device reports"
        rows.append(("proved", ", ".join(known) + (f", {how}" if facts.device else "")))
    if facts.not_proved:
        rows.append(("open", f"foreign firmware does not prove: {', '.join(facts.not_proved)}"))
    if facts.flaky and facts.link is not None:
        rows.append(
            (
                "flaky",
                f"requests sent again: {facts.link.retries}; corrupt frames: {facts.link.corrupt}",
            )
        )
    if evidence.stages_s:
        rows.append(("verified", f"in {_seconds(evidence):.1f} s"))
    return rows


def _refusal(name: str, words: str) -> str:
    """An interpreter's words name it; those about tinysine's own integers do not."""
    return f"{name}: {words}" if name.startswith("integer") else words


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _seconds(evidence: Evidence) -> float:
    from datetime import datetime  # noqa: PLC0415

    began, ended = (
        datetime.fromisoformat(stamp)
        for stamp in (evidence.provenance.started_utc, evidence.provenance.finished_utc)
    )
    return (ended - began).total_seconds()
