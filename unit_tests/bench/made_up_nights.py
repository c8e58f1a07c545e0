"""Nights on a made-up bench: evidence, reports of suites, and boards that are not tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan
from tinysine.bench.nightly import NightRun
from tinysine.errors import Cause
from tinysine.evidence import Document, from_document
from tinysine.history import History, HistoryRun

HOST_JOB = Job("host", "host", None)

JUNIT = """<testsuites><testsuite name="pytest"><properties>
<property name="tinysine.verdict" value="{verdict}" />{proofs}</properties>{cases}</testsuite></testsuites>"""

# What a suite's report has to say of the board that `evidence` is about.
FACTS = {"board": "host", "rig": "hardware", "model_sha256": "ab" * 32, "build_id": "cd" * 16, "requests": 5}

FAKE_VERIFY = """
import json, os, sys, time
out = sys.argv[sys.argv.index("--json") + 1]
facts = json.loads(os.environ["FAKE"])
if facts.get("hang"): time.sleep(600)
if facts.get("evidence"): open(out, "w").write(json.dumps(facts["evidence"]))
if facts.get("says"): print(facts["says"], file=sys.stderr)
sys.exit(facts["code"])
"""


def evidence(verdict: str, *, kind: str = "hardware", reason: str = "") -> dict[str, Any]:
    """Facts that a night reads of a run's evidence."""
    error = {"kind": "LinkTimeout", "message": "no answer", "hint": "plug it in", "exit_code": 3}
    return {
        "schema": "tinysine.evidence/1",
        "verdict": verdict,
        "findings": [{"stage": "engine", "reason": reason or "3 differ"}]
        if reason or verdict == "fail"
        else [],
        "board": {"name": "host", "kind": kind, "chip": "", "clock_hz": 0, "port": "", "proof": ""},
        "outputs": {
            "checked": 1,
            "exhaustive": False,
            "reference": "litert",
            "mismatches": 0,
            "max_abs_diff": 0,
            "first_mismatches": [],
            "against": {},
            "inputs": [[0]],
            "device": [[0]],
        },
        "latency": {"unit": "cycles", "min": 390, "median": 400.0, "max": 410, "counts": []},
        "memory": {
            "arena_bytes": 0,
            "arena_high_water_bytes": 0,
            "flash_bytes": 7000,
            "static_ram_bytes": 600,
            "stack_bytes": 150,
        },
        "provenance": {
            "model_file": "m.tflite",
            "model_sha256": "ab" * 32,
            "rounding": "litert",
            "seed": 0,
            "started_utc": "",
            "finished_utc": "",
            "build_id": "cd" * 16,
            "device": {
                "board": "host",
                "engine": "generated",
                "protocol": "2.0",
                "build_id": "cd" * 16,
                "model_sha256": "ab" * 32,
                "pruned": False,
                "size_profile": False,
                "unique_id": "u",
                "counter": "DWT",
                "payload_max": 256,
            },
            "flaky": False,
        },
        "stages_s": {},
        **({"error": error} if verdict == "error" else {}),
    }


def recorded(verdict: str) -> Document:
    """The same, read."""
    return from_document(evidence(verdict), file="evidence.json")


def after(orders: Orders, *jobs: Job) -> list[BoardNight]:
    """Results of the boards of a night."""
    run = NightRun(Plan(jobs, ()), orders)
    run.run()
    return run.boards()


def proofs_of(**others: object) -> str:
    """The properties that prove a suite's board; one that is None is left out."""
    facts = {name: value for name, value in (FACTS | others).items() if value is not None}
    return "".join(f'<property name="tinysine.{name}" value="{value}" />' for name, value in facts.items())


def cases(tests: int = 0, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    """Test cases of a report, those that did not pass among them."""
    ends = ["<failure/>"] * failures + ["<error/>"] * errors + ["<skipped/>"] * skipped
    ends += [""] * (tests - len(ends))
    return "".join(f'<testcase name="t">{end}</testcase>' for end in ends)


def suite_that(code: int, *, verdict: str = "", proofs: str | None = None, **counts: int) -> str:
    """A suite that leaves a report and ends."""
    proofs = proofs_of() if proofs is None else proofs
    report = JUNIT.format(verdict=verdict, proofs=proofs, cases=cases(**counts))
    return f"open(out, 'w').write({report!r})\nprint('the last line')\nsys.exit({code})\n"


def night_that_found(
    cause: Cause, monkeypatch: pytest.MonkeyPatch, *, end: BaseException | None = None
) -> None:
    """The boards of the next nights are not tested: they are said to have come to this."""

    def run(self: NightRun) -> None:
        for parts in self._parts.values():
            parts.append(Part("verify", cause, "3 differ"))
        if end is not None:
            raise end

    monkeypatch.setattr(NightRun, "run", run)


def kept_runs(folder: Path) -> list[HistoryRun]:
    """The runs of a folder's history, oldest first."""
    with History(folder / "history.sqlite", write=False) as history:
        return [kept.run for kept in reversed(history.runs())]
