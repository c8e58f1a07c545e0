"""Firmware that lies: small changes of the C sources, and whether verify finds each of them."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from tinysine.boards import load_board
from tinysine.errors import TinysineError
from tinysine.graph import read_network
from tinysine.image import BuildOptions, Image, build_image, sources
from tinysine.image.sources import firmware_root
from tinysine.model import REFERENCE_MODEL
from tinysine.outside_text import markdown
from tinysine.place import NEW_TWIN, AtPort, Place
from tinysine.verify import Question, verify
from trust.lies.catalogue import HOST, LIES, NANO, QEMU, Lie
from trust.page import Outcome

SOAK = 5000
SHOWN = 160
WORDS = {
    "verify": "**found**",
    "soak": "**found** by `--soak`",
    "suite": "found by hil_tests",
    "nobody": "not found",
}


@dataclass(frozen=True)
class Told:
    """End of a run with a lying firmware: "pass", "fail" or "error", and why."""

    verdict: str
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--board", choices=(NANO, QEMU, HOST), help="only on this board")
    parser.add_argument("--only", default="", metavar="WORDS", help="only lies whose name has these words")


def run(options: argparse.Namespace) -> Outcome:
    """Run every lie on its boards; passed if each is found by whom the catalogue says, and nobody else."""
    jobs = [
        (lie, board)
        for lie in LIES
        for board in lie.found_by
        if options.only in lie.name and options.board in (None, board)
    ]
    found: dict[tuple[str, str], Told] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (lie, board), told in zip(jobs, pool.map(_judged, jobs), strict=True):
            found[lie.name, board] = told
            print(f"{told.verdict:5} {board}: {lie.name}: {told.reason}", flush=True)
    surprises = [
        f"{lie.name} on {board}: {told.verdict}, and not {_expected(lie, board)}: {told.reason}"
        for lie, board in jobs
        if (told := found[lie.name, board]).verdict != _expected(lie, board)
    ]
    lines = [table_of(found)]
    if surprises:
        lines += ["", "Not as expected:", "", *(f"- {markdown(surprise)}" for surprise in surprises)]
    return Outcome(tried=len(jobs), passed=not surprises, table="\n".join(lines))


def table_of(found: Mapping[tuple[str, str], Told]) -> str:
    """Say in Markdown what came of each lie that was tried.

    Args:
        found: by the lie's name and the board.
    """
    tried = [lie for lie in LIES if any((lie.name, board) in found for board in lie.found_by)]
    lines = [
        f"{len(tried)} lying firmwares. An empty cell: not tried there.",
        "",
        "| the firmware's lie | emulated | QEMU | host | what a run on the emulated Nano 33 BLE Sense says |",
        "|---|---|---|---|---|",
    ]
    for lie in tried:
        cells = [_cell(lie, board, found.get((lie.name, board))) for board in (NANO, QEMU, HOST)]
        said = found.get((lie.name, NANO), Told("", "")).reason
        lines.append(f"| {lie.name} | {' | '.join(cells)} | {markdown(said)} |")
    return "\n".join(lines)


def _expected(lie: Lie, board: str) -> str:
    return "pass" if lie.found_by[board] == "nobody" else "fail"


def _cell(lie: Lie, board: str, told: Told | None) -> str:
    if told is None:
        return ""
    if told.verdict != _expected(lie, board):
        return f"not as expected: {told.verdict}"
    return WORDS[lie.found_by[board]]


def _judged(job: tuple[Lie, str]) -> Told:
    """Return the verdict on a lie on a board, by what finds it."""
    lie, board = job
    finder = lie.found_by[board]
    told = tell(lie, board, soak=SOAK if finder == "soak" else 0)
    return _suite(lie, board) if finder == "suite" and told.verdict == "pass" else told


def tell(lie: Lie, board: str, *, soak: int = 0) -> Told:
    """Verify the reference model with a lying firmware."""
    try:
        if lie.impostor:
            return _impostor(board)
        with lying_sources(lie):
            return _verified(board, soak=soak)
    except TinysineError as error:
        return Told("error", str(error))


def _verified(board: str, *, soak: int = 0, place: Place = NEW_TWIN) -> Told:
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board(board),
        options=BuildOptions(optimize="size", toolchain="zig"),
        place=place,
        flash="auto" if place == NEW_TWIN else "never",
        question=Question(soak=soak),
    )
    reason = "; ".join(finding.reason for finding in evidence.findings)
    return Told(evidence.verdict, reason if len(reason) <= SHOWN else f"{reason[:SHOWN]}...")


def _suite(lie: Lie, board: str) -> Told:
    """The tests of hil_tests that ask for what `verify` does not."""
    file = Path(__file__).parents[2] / "hil_tests" / f"{lie.suite}.py"
    build = ("--tinysine-optimize=size", "--tinysine-toolchain=zig", f"--tinysine-board={board}")
    said = io.StringIO()
    with lying_sources(lie), contextlib.redirect_stdout(said):
        code = pytest.main(
            [str(file), "-x", "-q", "-p", "no:cacheprovider", "-W", "ignore:Module already imported", *build]
        )
    failed = re.search(r"^FAILED \S+::(\w+)", said.getvalue(), re.MULTILINE)
    if code == pytest.ExitCode.TESTS_FAILED and failed is not None:
        return Told("fail", f"{failed[1]} fails")
    return Told("pass" if code == pytest.ExitCode.OK else "error", said.getvalue()[-SHOWN:])


def _impostor(board: str) -> Told:
    """A firmware of other sources that proves the build id of the honest one, already on the board."""
    from tinysine.emulation import start_emulator  # noqa: PLC0415

    place = load_board(board)
    honest = _built(board)
    ident = ", ".join(str(byte) for byte in honest.build_id)
    changes = (
        ("link/build_id.c", "ts_build_id[16] = TS_BUILD_ID", f"ts_build_id[16] = {{{ident}}}"),
        ("link/text.c", "tinysine on ", "an impostor on "),
    )
    with lying_sources(Lie("", changes)):
        impostor = _built(board)
    with start_emulator(place) as emulator:
        emulator.flash(impostor.elf)
        return _verified(board, place=AtPort(emulator.port))


def _built(board: str) -> Image:
    return build_image(
        read_network(REFERENCE_MODEL),
        load_board(board),
        options=BuildOptions(optimize="size", toolchain="zig"),
    )


def changed_files(lie: Lie) -> dict[str, str]:
    """The files that a lie changes, by their path in the firmware's folder, as they are then.

    Raises:
        ValueError: a text that a change replaces is not there any more.
    """
    changed: dict[str, str] = {}
    for name, text, instead in lie.changes:
        before = changed.get(name) or (firmware_root() / name).read_text(encoding="utf-8")
        if text not in before:
            raise ValueError(f"{name} has no {text!r} for the lie {lie.name!r}")
        changed[name] = before.replace(text, instead, 1)
    return changed


@contextlib.contextmanager
def lying_sources(lie: Lie) -> Iterator[None]:
    """Build from a copy of the firmware in which the lie's changes are made.

    Raises:
        ValueError: as `changed_files`.
    """
    with tempfile.TemporaryDirectory(prefix="tinysine-lie-") as folder:
        root = Path(folder) / "firmware"
        shutil.copytree(firmware_root(), root)
        for name, text in changed_files(lie).items():
            (root / name).write_text(text, encoding="utf-8")
        with mock.patch.object(sources, "firmware_root", return_value=root):
            yield
