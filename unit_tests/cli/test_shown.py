"""Output for people: verdicts, tables, doctor and boards."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tinysine.bench.night_report import HEADINGS
from tinysine.commands import doctor_checks
from tinysine.commands.doctor_checks import Check
from tinysine.commands.night_run import show_night
from tinysine.commands.screen import Progress, column_widths, table
from tinysine.commands.verdict_shown import show_verdict
from tinysine.evidence import BoardFacts, Evidence, Provenance, utc_now
from tinysine.quantization import Rounding
from tinysine.verdicts import Finding, Stage, judge_outputs

CODES = np.arange(-128, 128, dtype=np.int8)[:, None]


def failed() -> Evidence:
    """A device with three wrong answers."""
    device = CODES.copy()
    device[[5, 6, 200]] ^= 1
    other = CODES.copy()
    other[9] += 1
    answers = {"litert": CODES, "tflm": other, "integer-single": CODES, "integer-double": other}
    outputs = judge_outputs(inputs=CODES, device=device, answers=answers, rounding=Rounding.LITERT)
    assert outputs.finding is not None
    return Evidence(
        verdict="fail",
        provenance=Provenance(
            model_file="m.tflite",
            model_sha256="ab" * 32,
            rounding="litert",
            optimize="speed",
            prune=False,
            seed=0,
            started_utc=utc_now(),
            finished_utc=utc_now(),
        ),
        board=BoardFacts("nano33ble-sense", "emulated", "nrf52840", 64_000_000),
        findings=(outputs.finding,),
        inputs=CODES,
        device=device,
        outputs=outputs,
    )


def test_a_failure_shows_the_stage_and_the_first_wrong_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """FAIL comes first, then what broke, then input, expected and got."""
    show_verdict(failed())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "FAIL  m.tflite on nano33ble-sense (emulated): 3 of 256 outputs differ from litert"
    assert lines[1].split(maxsplit=1) == ["broke", str(failed().findings[0])]
    assert lines[2].split(maxsplit=1) == ["wrong", "input -123: expected -123, got -124"]
    assert sum(line.startswith("  wrong") for line in lines) == 3
    assert any("3 differ from litert" in line for line in lines)


def test_quiet_failure_says_why_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, with the stage that broke."""
    show_verdict(failed(), quiet=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "3 of 256 outputs differ from litert; engine: 3 of 256 answers" in out
    late = dataclasses.replace(failed(), findings=(Finding(Stage.LATENCY, "331, 300 allowed"),))
    show_verdict(late, quiet=True)
    assert capsys.readouterr().out.endswith("(emulated): latency: 331, 300 allowed\n")


def test_differences_that_rounding_does_not_explain_are_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A reference of the other rounding that differs is explained; one nobody can explain is said to be."""
    show_verdict(failed())
    assert "tflm 4 differ by at most 1 (other rounding)" in capsys.readouterr().out
    evidence = failed()
    assert evidence.outputs is not None
    rows = {name: replace(row, explanation="") for name, row in evidence.outputs.against.items()}
    show_verdict(dataclasses.replace(evidence, outputs=replace(evidence.outputs, against=rows)))
    assert "tflm 4 differ by at most 1 (unexplained)" in capsys.readouterr().out


def test_nothing_compared_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that compared nothing does not count answers: what kept it from comparing is the headline."""
    crash = Finding(Stage.FIRMWARE, "it faulted")
    show_verdict(dataclasses.replace(failed(), outputs=None, inputs=None, device=None, findings=(crash,)))
    assert capsys.readouterr().out.splitlines()[0].endswith("(emulated): firmware: it faulted")


def test_a_table_in_a_pipe_is_columns_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    """No rules, no colour, no trailing spaces: what cut and awk expect."""
    table("title", ["name", "bytes"], [["a", "1"], ["long name", "1,234"]], right=[1])
    assert capsys.readouterr().out == "name       bytes\na              1\nlong name  1,234\n"


NIGHT = [
    [
        "nano33ble-sense",
        "emulated",
        "pass",
        "331 (=) instructions",
        "7,596 (=)",
        "1,204 (=)",
        "152 (=)",
        "0 (=)",
    ],
    [
        "stm32f746g-disco",
        "hardware",
        "pass, flaky",
        "2,905 (-1.2 %) cycles",
        "7,596 (+0.1 %)",
        "1,204",
        "152",
        "0",
    ],
    ["qemu:arduino-uno", "missing", "error", "", "", "", "", ""],
]


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_a_table_breaks_no_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    """In a terminal of the usual width a night can be read: names, units and changes are in one piece."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("tinysine.commands.screen.interactive", lambda: True)
    show_night(HEADINGS, NIGHT)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    words = {word for row in NIGHT for cell in row for word in cell.replace("instructions", "instr.").split()}
    assert words <= set(out.split())
    assert "(-1.2 %)" in out
    assert out.splitlines()[-1] == "(=) unchanged since the last night that passed; instr. instructions"


def test_a_last_column_without_room_stands_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Engines of a large model at 80 columns: figures and names are in one piece, outputs are lines of their own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("tinysine.commands.screen.interactive", lambda: True)
    figures = ["7,697,712", "9,221,355", "2.51", "145,636", "43,676", "40,960", "1,340"]
    rows = [[name, *figures, "all 64 equal to tflm (sampled)"] for name in ("tflm", "bakenn-cmsis-nn")]
    names = ["instructions", "estimated cycles", "ratio", "flash", "RAM", "arena", "stack"]
    table("title", ["engine", *names, "outputs"], [*rows, ["none", *[""] * 8]], right=range(1, 8))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert {"instructions", "bakenn-cmsis-nn", *figures} <= set(out.split())
    assert "outputs" not in out
    below = [f"{name}: all 64 equal to tflm (sampled)" for name in ("tflm", "bakenn-cmsis-nn")]
    assert out.splitlines()[-2:] == below


def test_a_night_without_signs_explains_none(capsys: pytest.CaptureFixture[str]) -> None:
    """The first night has nothing to be compared with."""
    show_night(HEADINGS, [NIGHT[2]])
    assert "unchanged" not in capsys.readouterr().out


@given(
    st.lists(st.lists(st.text("ab (%)", max_size=30), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(0, 90),
)
def test_columns_fit_and_break_no_word(rows: list[list[str]], room: int) -> None:
    """The table is never wider than the room, and longest words that fit beside each other stay whole."""
    widths = [width for width in column_widths(rows, room=room) if width is not None]
    if widths:
        assert sum(widths) <= room
        longest = [
            max((len(w) for cell in column for w in cell.split()), default=0)
            for column in zip(*rows, strict=True)
        ]
        assert all(width >= least for width, least in zip(widths, longest, strict=True))


def test_doctor_fails_only_for_what_the_main_job_needs(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing necessity is exit code 3 with its fix; a missing extra is not."""
    there = Check("compiler", "zig", "building", True, "")
    extra = Check("qemu", "", "more boards", False, "apt install qemu")
    needed = Check("unicorn", "", "emulated boards", True, "pip install unicorn")
    for name in ("_compilers", "_qemu", "_flash_tools", "_permissions"):
        monkeypatch.setattr(doctor_checks, name, lambda: iter(()))
    monkeypatch.setattr(doctor_checks, "_packages", lambda: iter((there, extra)))
    ended = cli("doctor", "--no-boards")
    assert ended.code == 0
    assert "apt install qemu" in ended.out
    monkeypatch.setattr(doctor_checks, "_packages", lambda: iter((there, extra, needed)))
    ended = cli("doctor", "--no-boards")
    assert ended.code == 3
    assert "pip install unicorn" in ended.out
    assert json.loads(cli("doctor", "--no-boards", "--json").out)["ok"] is False


def test_boards_lists_the_catalogue(cli: Callable) -> None:
    """Every board of the catalogue is there, as a table and as JSON."""
    from tinysine.boards import list_boards

    names = [board.name for board in list_boards()]
    document = json.loads(cli("boards", "--json").out)
    assert [board["name"] for board in document["catalogue"]] == names
    shown = cli("boards")
    assert shown.code == 0
    assert all(name in shown.out for name in names)


def test_compare_counts_what_differs(cli: Callable, model: Path) -> None:
    """The references of one rounding agree; the numbers are those of the library call."""
    from tinysine.graph import read_network
    from tinysine.oracles import available_oracles, disagreements
    from tinysine.stimuli import all_inputs

    network = read_network(model)
    found = disagreements(available_oracles(network), all_inputs(network).codes)
    lines = cli("references", model).out.splitlines()
    for i, name in enumerate(found.names):
        cells = lines[1 + i].split("  ")
        assert cells[0] == name
        shown = [cell.strip() for cell in cells[1:] if cell.strip()]
        assert [int(cell.split()[0]) if cell != "equal" else 0 for cell in shown] == found.mismatches[
            i
        ].tolist()
    assert cli("compare", model).out.splitlines() == lines, "its former name is still taken"


def test_build_writes_an_image_that_emulate_can_read(cli: Callable, model: Path, tmp_path: Path) -> None:
    """The image and its description are written, and the sizes shown are the image's."""
    from tinysine.image import load_image

    ended = cli("build", model, "--out", tmp_path / "built")
    assert ended.code == 0, ended.err
    image = load_image(tmp_path / "built" / "nano33ble-sense.elf")
    assert f"{image.sizes.flash_bytes:,}" in ended.out
    wrong = cli("emulate", image.elf, "--board", "host")
    assert wrong.code == 2
    assert "was built for nano33ble-sense" in wrong.err


def test_c_array_holds_the_model(cli: Callable, model: Path, tmp_path: Path) -> None:
    """The array's bytes are the file's, in files and under a name of one's choice."""
    ended = cli("c-array", model, "--out", tmp_path, "--name", "g_model")
    assert ended.code == 0
    text = (tmp_path / "g_model.cc").read_text()
    numbers = [int(word, 16) for word in text.replace(",", " ").split() if word.startswith("0x")]
    assert bytes(numbers) == model.read_bytes()
    assert "g_model" in (tmp_path / "g_model.h").read_text()


@pytest.mark.parametrize(
    ("lines", "log"),
    [(True, "ask each layer ...\n  2 of 3\n"), (False, "ask each layer: 2 of 3\n")],
)
def test_a_log_shows_how_far_a_long_stage_is(
    lines: bool, log: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """On standard error, every few seconds; that a stage begins only where lines were asked for."""
    now = [100.0]
    with Progress(lines=lines, clock=lambda: now[0]) as progress:
        progress.begin("layers")
        progress.begin("layers")  # by who calls, and by who is called: one line
        for number in range(1, 4):
            now[0] += 3.0
            progress.advance("layers", 3, number, f"{number} of 3")
    assert capfd.readouterr() == ("", log)


def test_a_stage_beside_another_begins_with_its_first_step(capfd: pytest.CaptureFixture[str]) -> None:
    """The firmware is built while the references are asked, and a long build is told then, not only after them."""
    with Progress(lines=True) as progress, progress.stage("oracles"):
        progress.advance("build", 17, 0, "build 1")
        progress.begin("build")
    assert capfd.readouterr().err.splitlines() == ["ask the references ...", "compile the firmware ..."]


def test_a_short_stage_and_a_quiet_run_write_no_log(capfd: pytest.CaptureFixture[str]) -> None:
    """A few seconds need no line, and -q wants none at all."""
    now = [100.0]
    for quiet, seconds in ((False, 1.0), (True, 60.0)):
        with Progress(quiet=quiet, clock=lambda: now[0]) as progress:
            progress.begin("outputs")
            now[0] += seconds
            progress.advance("outputs", 3, 1, "1 of 3")
    assert capfd.readouterr() == ("", "")
