"""The real thing: compiler, emulated board, references, verdict, all through the command line."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pty
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tinysine.emulation import running_emulators
from tinysine.graph import read_network
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding, dequantize
from tinysine.schemas import schema as schema_of_document
from trust.operators.dense_chain import random_network
from unit_tests.waiting import wait_until

SCHEMA = schema_of_document("evidence")


def evidence_in(path: Path) -> dict:
    """Read evidence and hold it against its schema."""
    document = json.loads(path.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    return dict(document)


@dataclass(frozen=True)
class Verified:
    """Result of a verification in a process of its own.

    Attributes:
        ended: exit code and output, which went into pipes.
        evidence: the document that it wrote.
        imported: names of the modules that the process had imported at its end.
    """

    ended: subprocess.CompletedProcess[str]
    evidence: dict
    imported: set[str]


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """The reference model, verified on the emulated Nano."""
    folder = tmp_path_factory.mktemp("verified")
    evidence, modules = folder / "evidence.json", folder / "modules"
    code = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(lambda: pathlib.Path({str(modules)!r}).write_text('\\n'.join(sys.modules)))\n"
        f"sys.argv = ['tinysine', 'verify', {str(REFERENCE_MODEL)!r}, '--json', {str(evidence)!r}]\n"
        "from tinysine.cli import main\n"
        "main()\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TINYSINE_")}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert ended.returncode == 0, ended.stderr
    return Verified(ended, evidence_in(evidence), set(modules.read_text().split()))


def test_verify_passes_and_says_little_into_a_pipe(verified: Verified) -> None:
    """A right model passes with exit code 0, in lines without colour, nothing on standard error."""
    out, err = verified.ended.stdout, verified.ended.stderr
    assert err == ""
    assert "\x1b" not in out
    first, *rest = out.splitlines()
    assert first.startswith("PASS  ")
    assert "256 of 256 outputs equal to litert" in first
    assert all(line.startswith("  ") for line in rest)
    evidence = verified.evidence
    network = read_network(REFERENCE_MODEL)
    expected = integer_oracle(network, Rounding.LITERT).run(np.array(evidence["outputs"]["inputs"], np.int8))
    assert evidence["outputs"]["device"] == expected.tolist()
    assert evidence["outputs"]["inputs"] == [[code] for code in range(-128, 128)]
    assert evidence["board"]["kind"] == "emulated"
    assert evidence["latency"]["unit"] == "instructions"
    assert evidence["latency"]["spread"] == 0


def test_the_error_against_the_sine_is_what_the_answers_say(verified: Verified) -> None:
    """mae_vs_sine and max_error_vs_sine follow from the raw answers by the model's own scales."""
    outputs = verified.evidence["outputs"]
    network = read_network(REFERENCE_MODEL)
    assert network.input.quantization is not None
    assert network.output.quantization is not None
    x = dequantize(np.array(outputs["inputs"], np.int8)[:, 0], network.input.quantization)
    y = dequantize(np.array(outputs["device"], np.int8)[:, 0], network.output.quantization)
    errors = [abs(float(b) - math.sin(float(a))) for a, b in zip(x, y, strict=True)]
    assert outputs["mae_vs_sine"] == pytest.approx(sum(errors) / len(errors))
    assert outputs["max_error_vs_sine"] == pytest.approx(max(errors))
    assert outputs["max_error_vs_sine"] == outputs["model_max_error_vs_sine"]


def test_verify_never_imports_tensorflow(verified: Verified) -> None:
    """A whole verification, and tensorflow was not touched."""
    assert "numpy" in verified.imported
    assert "tensorflow" not in verified.imported


def test_evidence_goes_to_standard_output_alone(cli: Callable, model: Path, tmp_path: Path) -> None:
    """`--json -` prints the document and nothing else, so that a program can read it."""
    ended = cli("verify", model, "--json", "-")
    assert (ended.code, ended.err) == (0, "")
    (tmp_path / "evidence.json").write_text(ended.out)
    assert evidence_in(tmp_path / "evidence.json")["verdict"] == "pass"


def test_quiet_is_one_line(cli: Callable, model: Path) -> None:
    """--quiet prints the verdict and nothing else."""
    ended = cli("verify", model, "--quiet", "--rounding", "tflm", "--optimize", "size")
    assert ended.code == 0
    assert re.fullmatch(r"PASS  [^\n]+\n", ended.out)


def test_a_budget_that_is_not_met_fails(cli: Callable, model: Path, tmp_path: Path) -> None:
    """Too slow is the product's fault: exit code 1, the stage in the line, evidence and a report that say so."""
    files = ("--json", tmp_path / "evidence.json", "--html", tmp_path / "report.html")
    ended = cli("verify", model, "--max-latency", 1, "--quiet", *files)
    assert ended.code == 1
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.index("FAIL") < report.index("1 allowed") < report.index("Device minus reference")
    assert re.fullmatch(r"FAIL  [^\n]+: latency: [^\n]+, 1 allowed\n", ended.out)
    assert evidence_in(tmp_path / "evidence.json")["verdict"] == "fail"


@pytest.mark.long
def test_a_model_that_is_no_sine_is_sampled(cli: Callable, tmp_path: Path) -> None:
    """Several inputs are checked on a seeded sample, which is said; there is no comparison with a sine."""
    file = tmp_path / "network.tflite"
    file.write_bytes(random_network(np.random.default_rng(11), widths=[3, 8, 2], style="trained"))
    runs = []
    for seed in (5, 5, 6):
        ended = cli("verify", file, "--seed", seed, "--inputs", 300, "--json", tmp_path / "evidence.json")
        assert ended.code == 0, ended.out + ended.err
        assert f"seeded sample and corners, seed {seed}" in ended.out
        runs.append(evidence_in(tmp_path / "evidence.json"))
    outputs = runs[0]["outputs"]
    assert (outputs["checked"], outputs["exhaustive"]) == (300, False)
    assert all(len(row) == 3 for row in outputs["inputs"])
    assert all(len(row) == 2 for row in outputs["device"])
    assert "mae_vs_sine" not in outputs
    assert "max_error_vs_sine" not in outputs
    assert runs[0]["sine"]["is_sine"] is False
    assert runs[1]["outputs"]["inputs"] == outputs["inputs"]
    assert runs[2]["outputs"]["inputs"] != outputs["inputs"]


@pytest.mark.long
def test_a_terminal_gets_progress_and_colour(model: Path) -> None:
    """With a person looking, the stages pass by and the verdict is green."""
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tinysine.cli", "verify", str(model)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # Linux ends a pseudo-terminal so
            break
        if not part:
            break
        shown += part
    os.close(main)
    assert process.wait(60) == 0
    text = shown.decode()
    assert "compile the firmware" in text
    assert "✓" in text
    assert re.search(r"\x1b\[[\d;]*42m PASS ", text)


def start(*arguments: object, mark: str = "") -> subprocess.Popen[str]:
    """Start a command in a session of its own, as a shell would; what it starts inherits the mark."""
    return subprocess.Popen(
        [sys.executable, "-m", "tinysine.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"MARK_OF_A_TEST": mark},
    )


def boards_of(mark: str) -> set[int]:
    """The processes of the emulated boards that a marked command has started."""
    found = set()
    for record in running_emulators():
        with contextlib.suppress(OSError):  # it may end while it is looked at
            if f"MARK_OF_A_TEST={mark}".encode() in Path(f"/proc/{record.pid}/environ").read_bytes():
                found.add(record.pid)
    return found


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)]
)
def test_an_interrupted_verify_leaves_no_orphan(model: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C and a cancelled CI job end the emulated board too; no traceback."""
    mark = secrets.token_hex(8)
    process = start("verify", model, mark=mark)
    new: set[int] = set()

    def booted() -> bool:
        new.update(boards_of(mark))
        return bool(new)

    wait_until(booted, timeout_s=120)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    wait_until(lambda: not new & boards_of(mark), timeout_s=120)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.long
def test_emulate_prints_a_port_that_verify_can_use(cli: Callable, model: Path) -> None:
    """A running emulated board is used by its port, left running, and ends at Ctrl-C with exit code 0."""
    process = start("emulate", model)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("port ")
        port = line.split()[1]
        ended = cli("verify", model, "--port", port, "--quiet")
        assert ended.code == 0, ended.err
        listed = json.loads(cli("boards", "--json").out)
        assert port in [record["port"] for record in listed["running"]]
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert [line.strip() for line in err.splitlines()] == [
        "next, in another terminal:",
        f"tinysine verify {model} --board nano33ble-sense --port {port}",
        "or open the port with a serial terminal: a model of one number answers numbers, such as 1.5708",
        "Ctrl-C ends it",
    ]
    assert not Path(port).exists()
