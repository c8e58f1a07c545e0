"""The workflow's and the timer's own steps, run as they are written, on twins: they cannot rot unseen."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "nightly-hil.yml"
SYSTEMD = ROOT / "docs" / "nightly"

# Stands in for `python3 -m venv` and what pip would install: the packages are there, tox runs tox.ini's own command.
FAKE_PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec {python} "$@"
mkdir -p "$3/bin"
cp {tools}/pip {tools}/tox {tools}/tinysine "$3/bin/"
"""
FAKE_PIP = """#!/bin/sh
echo "$@" >> {tools}/pip.log
"""
FAKE_TOX = """#!{python}
import configparser, os, shlex, sys
tox = configparser.ConfigParser(interpolation=None)
tox.read("tox.ini")
assert sys.argv[1:4] == ["-e", "hil-board", "--"], sys.argv
command = tox["testenv:hil-board"]["commands"].replace("{{posargs}}", shlex.join(sys.argv[4:]))
command = command.replace("{{env_log_dir}}", {tools!r}).replace("{{/}}", "/")
arguments = shlex.split(command)
assert arguments[0] == "pytest"
os.execv({python!r}, [{python!r}, "-m", *arguments, "-k", "test_identity", "-p", "no:cacheprovider"])
"""
# Stands in for a session that has been run already, for the same build: it leaves that one's report.
REPLAYED_TOX = """#!/bin/sh
[ "$1 $2 $3" = "-e hil-board --" ] || exit 9
for last; do :; done
cp {suite} "${{last#--junitxml=}}"
"""
FAKE_TINYSINE = """#!/bin/sh
exec {python} -m tinysine "$@"
"""


def install(folder: Path) -> Path:
    """Make a runner's computer: a checkout, a home, and tools that need no network."""
    tools = folder / "tools"
    tools.mkdir()
    for name, text in (
        ("python3", FAKE_PYTHON),
        ("pip", FAKE_PIP),
        ("tox", FAKE_TOX),
        ("tinysine", FAKE_TINYSINE),
    ):
        (tools / name).write_text(text.format(python=sys.executable, tools=str(tools)))
        (tools / name).chmod(0o755)
    checkout = folder / "home" / "tinysine"
    checkout.mkdir(parents=True)
    for name in ("hil_tests", "conftest.py", "pyproject.toml", "tox.ini", "docs"):
        (checkout / name).symlink_to(ROOT / name)
    return folder


@dataclass(frozen=True)
class Night:
    """The workflow as it ended on a runner: exit codes by the names of its steps."""

    runner: Path
    codes: dict[str, int]


@pytest.fixture(scope="module")
def whole_night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """A night on one twin, with everything that belongs to it."""
    runner = install(tmp_path_factory.mktemp("night"))
    return Night(runner, run_workflow(runner, inputs__boards="host"))


@pytest.fixture
def runner(tmp_path: Path, whole_night: Night) -> Path:
    """A runner's computer on which the suite's session is that of the whole night."""
    folder = install(tmp_path)
    suite = whole_night.runner / "home/tinysine/nightly/host/suite.xml"
    (folder / "tools" / "tox").write_text(REPLAYED_TOX.format(suite=shlex.quote(str(suite))))
    return folder


def environment(runner: Path) -> dict[str, str]:
    """Of the runner's user, with nobody's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TINYSINE_", "XDG_", "PYTEST"))
    }
    home = runner / "home"
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{runner / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "GITHUB_STEP_SUMMARY": str(runner / "step-summary.md"),
    }


def substituted(value: Any, facts: dict[str, str]) -> str:
    """A value with its ${{ expressions }} filled in; one that nobody knows is an error."""
    return re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda match: facts[match[1]], str(value))


def run_workflow(runner: Path, **facts: str) -> dict[str, int]:
    """Run the steps as GitHub does: in order, those after a failure only if they say so. Gives exit codes."""
    known = {"vars.REQUIRED_BOARDS": "", "inputs.boards": "", "github.run_id": "1", "github.run_attempt": "1"}
    known |= {name.replace("__", "."): value for name, value in facts.items()}
    (job,) = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    codes: dict[str, int] = {}
    failed = False
    for step in job["steps"]:
        if "run" not in step or (failed and step.get("if") != "always()"):
            continue
        own = {name: substituted(value, known) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", substituted(step["run"], known)],
            cwd=runner / "home" / "tinysine",
            env=environment(runner) | own,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        print(done.stdout, done.stderr)
        codes[step["name"]] = done.returncode
        failed = failed or done.returncode != 0
    return codes


def test_the_workflow_runs_on_a_runner_with_boards() -> None:
    """Every night, by hand too, on the bench's own runner, one night at a time, with a deadline."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML 1.1 takes `on` for a truth value
    assert re.fullmatch(r"\d+ \d+ \* \* \*", triggers["schedule"][0]["cron"])
    assert "workflow_dispatch" in triggers
    assert "pull_request" not in triggers, "strangers' code does not run on somebody's bench"
    (job,) = workflow["jobs"].values()
    assert "self-hosted" in job["runs-on"]
    assert 0 < job["timeout-minutes"] <= 360
    assert workflow["concurrency"]["cancel-in-progress"] is False
    upload = job["steps"][-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert (upload["if"], upload["with"]["path"]) == ("always()", "nightly/")


@pytest.mark.slow
def test_the_workflows_steps_on_every_board(tmp_path: Path) -> None:
    """As they run at night, on all boards of the catalogue whose twins this computer can start."""
    runner = install(tmp_path)
    codes = run_workflow(runner)
    assert codes["Install"] == 0
    summary = json.loads((runner / "home/tinysine/nightly/summary.json").read_text())
    wrong = [board for board in summary["boards"] if board["verdict"] != "pass"]
    assert all("no compiler here" in board["parts"][0]["reason"] for board in wrong), wrong


@pytest.mark.long
def test_the_workflows_steps(whole_night: Night) -> None:
    """Installed, looked at, tested, shown, kept: on one twin, whose evidence and JUnit are in the artifacts."""
    runner, codes = whole_night.runner, whole_night.codes
    assert codes == {
        "Install": 0,
        "Look at the bench": 0,
        "Test every board": 0,
        "Show the night": 0,
    }
    assert "install --quiet .[all] tox tox-uv" in (runner / "tools/pip.log").read_text()
    artifacts = runner / "home/tinysine/nightly"
    assert json.loads((artifacts / "host/evidence.json").read_text())["verdict"] == "pass"
    suite = ET.parse(artifacts / "host/suite.xml").getroot()
    assert int(next(suite.iter("testsuite")).get("tests", 0)) > 0
    assert {p.get("name"): p.get("value") for p in suite.iter("property")}["tinysine.board"] == "host"
    cases = [case.get("name") for case in ET.parse(artifacts / "junit.xml").getroot().iter("testcase")]
    assert cases == ["verify", "suite"]
    assert (runner / "step-summary.md").read_text() == (artifacts / "summary.md").read_text()
    assert (runner / "home/.local/state/tinysine/history.sqlite").exists()


@pytest.mark.long
def test_a_missing_board_fails_the_workflow(runner: Path) -> None:
    """And the night is shown and kept all the same."""
    codes = run_workflow(runner, inputs__boards="host", vars__REQUIRED_BOARDS="host")
    assert codes["Test every board"] == 3
    assert codes["Show the night"] == 0
    assert "## BENCH FAILED" in (runner / "step-summary.md").read_text()


def unit(name: str) -> configparser.ConfigParser:
    """A systemd unit; where a key may be given twice, the last one."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SYSTEMD / name)
    return parser


@pytest.mark.long
def test_the_timers_service_runs(runner: Path) -> None:
    """ExecStart as it is written, with the specifiers that systemd fills in: a night in a folder of its own."""
    home = runner / "home"
    subprocess.run([runner / "tools/python3", "-m", "venv", ".nightly"], cwd=home / "tinysine", check=True)
    service = unit("tinysine-nightly.service")["Service"]
    words = shlex.split(service["ExecStart"].replace("%h", str(home)))
    # One twin is enough here; a night takes all of them.
    words = ["" if word == "${REQUIRED_BOARDS}" else word for word in words] + ["--boards", "host"]
    folder = service["WorkingDirectory"].replace("%h", str(home))
    done = subprocess.run(
        words, cwd=folder, env=environment(runner), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (night,) = (home / ".local/state/tinysine/nights").glob("20*")
    assert json.loads((night / "summary.json").read_text())["boards"][0]["verdict"] == "pass"
    assert (home / ".local/state/tinysine/history.sqlite").exists()


def test_the_timer_is_every_night() -> None:
    """It starts the service of its name, and catches up."""
    timer = unit("tinysine-nightly.timer")
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:00", timer["Timer"]["OnCalendar"])
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.long
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(runner: Path) -> None:
    """No key that it does not know, no path that it cannot read."""
    home = runner / "home"
    (home / "tinysine/.nightly/bin").mkdir(parents=True)
    shutil.copy(runner / "tools/tinysine", home / "tinysine/.nightly/bin/tinysine")
    for name in ("tinysine-nightly.service", "tinysine-nightly.timer"):
        text = (SYSTEMD / name).read_text(encoding="utf-8").replace("%h", str(home))
        (runner / name).write_text(text)
    (runner / "run").mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", runner / "tinysine-nightly.timer"],
        env=environment(runner) | {"XDG_RUNTIME_DIR": str(runner / "run")},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "tinysine" in line]
    assert ours == [], done.stderr


def test_the_page_names_what_is_there() -> None:
    """Files, commands and keys of the page exist."""
    page = (SYSTEMD / "README.md").read_text(encoding="utf-8")
    assert "cp docs/nightly/tinysine-nightly.* " in page
    for name in ("report.html", "summary.md", "summary.json", "junit.xml", "evidence.json", "suite.xml"):
        assert name in page
    from tinysine.bench.bench_file import BenchEntry

    for key in BenchEntry.__struct_fields__:
        assert key in page
