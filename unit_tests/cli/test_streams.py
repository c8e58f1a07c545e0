"""Output that goes nowhere, is not read to its end, or knows fewer characters: the verdict and its code stay."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.commands.examples import MadeSine
from tinysine.result_files import INT8_FILE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells and signals of POSIX")

PROGRAM = f"{shlex.quote(sys.executable)} -m tinysine.cli"


@pytest.fixture
def shell(tmp_path: Path, model: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a line of bash in a folder with a copy of the model; `$ts` is the program."""
    shutil.copy(model, tmp_path / "sine.tflite")

    def run(line: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TINYSINE_", "LC_", "LANG"))}
        return subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment | {"ts": PROGRAM} | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.long
def test_a_verdict_that_nobody_reads_keeps_its_code(shell: Callable[..., Any]) -> None:
    """A pass into a pipe that is closed is a pass: 1 would say that the device is wrong."""
    ended = shell("$ts verify sine.tflite -b host | true; echo ${PIPESTATUS[0]}")
    assert (ended.stdout, ended.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("verify sine.tflite -b host --json -", marks=pytest.mark.long),
        pytest.param("boards", marks=pytest.mark.long),
        "--help",
    ],
)
def test_other_output_that_nobody_reads_is_no_verdict(shell: Callable[..., Any], command: str) -> None:
    """Neither 0 nor 1: what was asked for did not arrive, and that says nothing about a device."""
    ended = shell(f"($ts {command}; echo $? >code) | true; cat code")
    assert ended.stdout == "141\n"
    assert all(line.endswith(" ...") for line in ended.stderr.splitlines()), ended.stderr  # what it looks at


@pytest.mark.parametrize(
    "closed", [*(pytest.param(one, marks=pytest.mark.long) for one in (">&-", "2>&-")), "<&- >&- 2>&-"]
)
def test_closed_streams_change_no_verdict(shell: Callable[..., Any], tmp_path: Path, closed: str) -> None:
    """A daemon has no streams; the evidence is written all the same."""
    ended = shell(f"$ts verify sine.tflite -b host --json out.json {closed}; echo $?")
    assert ended.stdout.splitlines()[-1] == "0"
    assert json.loads((tmp_path / "out.json").read_text())["verdict"] == "pass"


def test_evidence_for_a_closed_stream_is_refused(shell: Callable[..., Any]) -> None:
    """It would be lost."""
    ended = shell("$ts verify sine.tflite --json - >&-")
    assert ended.returncode == 2
    assert "standard output is closed" in ended.stderr


@pytest.mark.long
def test_a_name_that_the_encoding_lacks_is_escaped(shell: Callable[..., Any]) -> None:
    """A verdict is worth more than an umlaut."""
    ended = shell(
        "mv sine.tflite $'\\xc3\\xbc.tflite'; $ts verify *.tflite -b host -q", PYTHONIOENCODING="ascii"
    )
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].startswith("PASS  ")


@pytest.mark.long
def test_evidence_goes_into_a_pipe_without_a_name(shell: Callable[..., Any]) -> None:
    """`>(program)` is /dev/fd/63 to us, a link to nothing that has a path."""
    wait = "for i in 1 2 3 4 5; do [ -s out.json ] || sleep 1; done"
    ended = shell(f"$ts verify sine.tflite -b host -q --json >(cat >out.json); {wait}; cat out.json")
    verdict, _, document = ended.stdout.partition("\n")
    assert verdict.startswith("PASS")
    assert json.loads(document)["verdict"] == "pass"


def test_evidence_does_not_replace_the_model(cli: Callable[..., Any], tmp_path: Path, model: Path) -> None:
    """The same file by another name included."""
    shutil.copy(model, tmp_path / "sine.tflite")
    (tmp_path / "link").symlink_to("sine.tflite")
    ended = cli("verify", tmp_path / "sine.tflite", "--json", tmp_path / "link")
    assert ended.code == 2
    assert "is the model" in ended.err
    assert (tmp_path / "sine.tflite").read_bytes() == model.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_verdict_is_shown_although_its_evidence_cannot_be_kept(
    cli: Callable[..., Any], model: Path
) -> None:
    """The verdict is printed even if its evidence cannot be written."""
    ended = cli("verify", model, "--board", "host", "-q", "--json", "/dev/full")
    assert ended.code == 3
    assert ended.out.startswith("PASS")
    assert "No space left" in ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
@pytest.mark.parametrize(
    "command", ["verify sine.tflite", pytest.param("run --no-plots", marks=pytest.mark.long)]
)
def test_a_failure_counts_for_more_than_its_evidence(
    cli: Callable[..., Any], tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A device that is wrong is exit code 1, though the evidence cannot be kept, which is said as well."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(model, "sine.tflite")

    def trained_already(_progress: object, _settings: object, folder: Path, **_: object) -> MadeSine:
        shutil.copy(model, folder / INT8_FILE)
        return MadeSine(None, None)  # type: ignore[arg-type]

    monkeypatch.setattr("tinysine.commands.run.make_sine", trained_already)
    ended = cli(*command.split(), "--max-latency", 1, "-q", "--json", "/dev/full")
    assert ended.code == 1
    assert ended.out.startswith("FAIL")
    assert "No space left" in ended.err


@pytest.mark.long
@pytest.mark.usefixtures("interruptible")
def test_a_terminal_that_goes_is_an_interruption_with_evidence(tmp_path: Path, model: Path) -> None:
    """SIGHUP ends the run and keeps what was found."""
    path = tmp_path / "out.json"
    near, far = os.openpty()
    tty.setraw(far)
    process = subprocess.Popen(
        [sys.executable, "-m", "tinysine.cli", "verify", model, "--port", os.ttyname(far), "--json", path]
    )
    try:
        # A silent board: whoever asks it something waits for an answer.
        assert select.select([near], [], [], 120)[0], "nothing was asked"
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 128 + signal.SIGHUP
    finally:
        process.kill()
        process.wait()
        os.close(near)
        os.close(far)
    assert json.loads(path.read_text())["verdict"] == "error"
