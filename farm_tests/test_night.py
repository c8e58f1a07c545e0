"""The morning after: a night of six twins and two places of a farm, with four things planted, each named rightly."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farm_tests.conftest import BOARD, FarmMaker
from farm_tests.loopback import SER2NET, Seat, free_port, ser2net
from tinysine.boards import load_board
from tinysine.emulation import EmulatedBoard
from tinysine.graph import read_judged
from tinysine.image import BuildOptions, build_image, choose_engine
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import available_oracles
from tinysine.quantization import Rounding
from tinysine.result_files import REPORT_FILE
from tinysine.rigs import open_rig
from unit_tests.reports.browser import look_at, screenshots, started_tab

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("playwright")]

LOST_BYTES = 3  # by the flaky link; each costs a request that is sent again
SLOWER = "stm32f746g-disco"  # its core is the only one that the planted instruction is for
ENGINE_TOML = """
name = "by-heart"
references = ["litert"]
sources = ["engine.c"]
generate = ["{python}", "plant.py", "{core}", "{out}"]
"""
ENGINE_C = """
#include "tinysine/model.h"

#include "planted.h"

static const int8_t answers[] = {ANSWERS};
static TS_TENSOR_ALIGNED int8_t input;
static TS_TENSOR_ALIGNED int8_t output;

const struct ts_engine ts_engine = {
    .name = "by-heart",
    .model_sha256 = TS_MODEL_SHA256,
    .inputs = ts_model_inputs,
    .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS,
    .output_count = TS_MODEL_OUTPUTS,
    .reference = TS_REFERENCE_LITERT,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    (void)index;
    return &input;
}

const void *ts_engine_output(uint8_t index) {
    (void)index;
    return &output;
}

int ts_engine_invoke(void) {
    PLANTED;
    output = answers[input + 128];
    return TS_OK;
}
"""
PLANT = """
import sys
from pathlib import Path

instruction = '__asm__ volatile("nop")' if sys.argv[1] == {core!r} else "(void)0"
(Path(sys.argv[2]) / "planted.h").write_text(f"#define PLANTED {{instruction}}\\n")
"""
SUITE = '''
"""What a board is asked besides `verify`."""


def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
    tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
'''
BENCH = """
[[board]]
id = "left"
name = "nano33ble-sense"
port = "twin"

[[board]]
id = "right"
name = "nano33ble-sense"
port = "twin"

[[board]]
id = "edge"
name = "sparkfun-edge"
port = "twin"

[[board]]
id = "disco"
name = "stm32f746g-disco"
port = "twin"

[[board]]
id = "flaky"
name = "nano33ble-sense"
port = "{flaky}"

[[board]]
id = "dead"
name = "nano33ble-sense"
port = "{dead}"

[[board]]
id = "far-1"
name = "nano33ble-sense"
port = "labgrid:far-1"

[[board]]
id = "far-2"
name = "nano33ble-sense"
port = "labgrid:far-2"
"""


def write_engine(folder: Path, *, core: str) -> Path:
    """An engine that knows the answers by heart; on one core, or none, it takes an instruction more."""
    folder.mkdir(exist_ok=True)
    model = read_judged(REFERENCE_MODEL, own=True)
    inputs = np.arange(-128, 128, dtype=np.int8).reshape(-1, 1)
    (oracle, *_) = available_oracles(model, needed=Rounding.LITERT)
    answers = ", ".join(map(str, np.ravel(oracle.run(inputs)).tolist()))
    (folder / "engine.toml").write_text(ENGINE_TOML, encoding="utf-8")
    (folder / "engine.c").write_text(ENGINE_C.replace("ANSWERS", answers), encoding="utf-8")
    (folder / "plant.py").write_text(PLANT.format(core=core), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Night:
    """A night that has ended.

    Attributes:
        folder: of its files.
        exit_code, output: of the command.
        summary: its summary.json.
    """

    folder: Path
    exit_code: int
    output: str
    summary: dict[str, Any]

    def board(self, name: str) -> dict[str, Any]:
        """Return what the summary says of a board."""
        return next(board for board in self.summary["boards"] if board["place"] == name)

    def reasons(self, name: str) -> str:
        """Return why a board did not pass."""
        return "; ".join(part["reason"] for part in self.board(name)["parts"])


def night(out: Path, *options: str) -> Night:
    """Run a night."""
    command = [sys.executable, "-m", "tinysine", "nightly", "--no-twins", "--out", str(out)]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=400, check=False, cwd=out.parent
    )
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return Night(out, done.returncode, done.stdout + done.stderr, summary)


def started(running: contextlib.ExitStack, name: str, *, engine: Path | None = None) -> EmulatedBoard:
    """A running emulated board, with firmware on it if an engine is given."""
    board = load_board(name)
    rig = running.enter_context(open_rig(board, shared=True))
    if engine is not None:
        model = read_judged(REFERENCE_MODEL, own=True)
        rig.flash(build_image(model, board, BuildOptions(engine=choose_engine(str(engine)))))
    assert rig.emulator is not None
    return rig.emulator


@pytest.fixture
def showcase(new_farm: FarmMaker, tmp_path: Path, require: Callable[[str], str]) -> Iterator[Night]:
    """Six twins and two places, with four things planted.

    An engine that takes an instruction more on one core than in the night before; a board without power; a place with
    another board than is said; a link that loses bytes.
    """
    if not SER2NET:
        require("ser2net")
    good = write_engine(tmp_path / "good", core="none")
    slow = write_engine(tmp_path / "slow", core=load_board(SLOWER).core)
    history, suite, bench = (tmp_path / name for name in ("history.sqlite", "test_suite.py", "bench.toml"))
    suite.write_text(SUITE, encoding="utf-8")
    with contextlib.ExitStack() as running:
        flaky, dead = started(running, BOARD), started(running, BOARD)
        near, strange = started(running, BOARD, engine=slow), started(running, SLOWER, engine=slow)
        ports = {"far-1": free_port(), "far-2": free_port()}
        lines = {ports["far-1"]: near.port, ports["far-2"]: strange.port}
        running.enter_context(ser2net(tmp_path / "ser2net", lines))
        farm = new_farm(*(Seat(name, port, tags={"board": "nano33ble"}) for name, port in ports.items()))
        bench.write_text(BENCH.format(flaky=flaky.port, dead=dead.port), encoding="utf-8")
        orders = ["--bench", str(bench), "--gate", "instructions +0 %", "--history", str(history)]
        before = night(tmp_path / "before", *orders, "--engine", str(good), "--boards", SLOWER)
        assert before.exit_code == 0, before.output
        for number in range(LOST_BYTES):
            flaky.wire_fault("to_host", "drop", after=400 * (number + 1))
        dead.power(False)
        orders += [
            "--suite",
            shlex.join([sys.executable, "-m", "pytest", str(suite), "-q"]),
            "--timeout",
            "3",
        ]
        yield night(tmp_path / "night", *orders, "--engine", str(slow))
        assert farm.holders() == {}
        assert farm.reservations() == ""


def test_a_night_names_what_was_planted(
    showcase: Night,
    require: Callable[[str], str],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The regression, the dead board, the wrong board and the flaky link, in every form; and nothing of any other."""
    assert showcase.exit_code == 1, showcase.output
    verdicts = {board["place"]: board["verdict"] for board in showcase.summary["boards"]}
    assert verdicts == dict.fromkeys(("left", "right", "edge", "flaky", "far-1"), "pass") | {
        "disco": "fail",
        "dead": "error",
        "far-2": "error",
    }
    flaky = {board["place"] for board in showcase.summary["boards"] if board.get("flaky")}
    assert flaky == {"flaky"}, showcase.output
    slower = showcase.reasons("disco")
    for told, said in (
        (slower, "'instructions +0 %' does not hold: latency.median is"),
        (slower, f"on disco ({SLOWER})"),
        (slower, "at the last pass (run 1)"),
        (showcase.reasons("dead"), "not one byte came"),
        (showcase.reasons("far-2"), "reports board 'stm32f746g-disc', not 'nano33ble-sense'"),
        (showcase.reasons("far-2"), "another board is at this port"),
        (showcase.output, "flaky, far-1, left, right, edge, disco gave the same answers to 256 inputs"),
    ):
        assert said in told
    with started_tab(require("chromium")) as tab:
        folder = screenshots(request.config, tmp_path_factory)
        for page in look_at(tab, showcase.folder / REPORT_FILE, "farm-night", folder=folder):
            first = page[: page.index("Since the last pass")]
            assert "5 of 8 boards passed, 1 failed, 2 could not be judged" in first
            assert "not one byte came" in first
            assert "reports board 'stm32f746g-disc'" in first
            assert "requests sent again" in first
            assert re.search(r"disco\s+latency, instructions\s+(\d+)\s+(\d+)\s+\+[\d.]+ %\s+worse", page)
