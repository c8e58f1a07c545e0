"""A run for the history, from the evidence that it wrote."""

from __future__ import annotations

import platform
from pathlib import Path, PurePath

from tinysine.evidence.document import Document
from tinysine.history.figures import figures_of
from tinysine.history.records import HistoryRun
from tinysine.history.repository import Commit


def run_of(
    document: Document,
    *,
    command: str = "verify",
    evidence: Path | None = None,
    commit: Commit | None = None,
    place: str = "",
) -> HistoryRun:
    """Return what is kept of a run.

    Args:
        document: its evidence.
        command: what ran it.
        evidence: the file that holds it.
        commit: of the repository that has the model or the bench file.
        place: id of the board in the bench file; "" where none was named, for the port of one that is no twin.
    """
    told, board = document.provenance, document.board
    reasons = [finding.reason for finding in document.findings]
    if document.error is not None:
        reasons.append(document.error.message)
    device, tool = told and told.device, told and told.toolchain
    return HistoryRun(
        started_utc=told.started_utc if told else "",
        command=command,
        board=board.name if board else "",
        place=place or (board.port if board and board.kind in ("hardware", "unknown") else ""),
        kind=board.kind if board else "",
        unique_id=(device.unique_id or "") if device else "",
        verdict=document.verdict,
        flaky=bool(told and told.flaky),
        reason="; ".join(reasons),
        model_file=PurePath(told.model_file).name if told else "",
        model_sha256=(told.model_sha256 or "") if told else "",
        data_sha256=told.data.sha256 if told and told.data else "",
        firmware=told.firmware if told else "",
        engine=(told.engine or "") if told else "",
        reference=told.rounding if told else "",
        optimize=(told.optimize or "") if told else "",
        prune=bool(told and told.prune),
        toolchain=f"{tool.name} {tool.version}" if tool else "",
        build_id=(told.build_id or "") if told else "",
        image_sha256=(told.image_sha256 or "") if told else "",
        tinysine_version=told.tinysine_version if told else "",
        host=platform.node(),
        commit=commit.sha if commit else "",
        changed=commit.changed if commit else False,
        evidence="" if evidence is None else str(evidence),
        figures=figures_of(document),
    )
