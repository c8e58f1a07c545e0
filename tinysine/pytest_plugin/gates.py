"""Gates in a test: the figures of the board under test, held against budgets and against earlier runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tinysine.errors import ConfigError
from tinysine.pytest_plugin.keys import CHOICES, SEATS
from tinysine.pytest_plugin.paths import model_path, path_of
from tinysine.pytest_plugin.places import read_bench
from tinysine.settings import HISTORY, SEED

if TYPE_CHECKING:
    from tinysine.bench.bench_file import BenchEntry
    from tinysine.boards import Board
    from tinysine.history import HistoryRun
    from tinysine.image import Image
    from tinysine.model import Model
    from tinysine.rigs import Rig, Station
    from tinysine.tensor_values import Values

AssertGates = Callable[..., None]


@pytest.fixture(scope="session")
def tinysine_assert_gates(  # noqa: PLR0917 - pytest passes fixtures by name
    request: pytest.FixtureRequest,
    tinysine_board: Board,
    tinysine_entry: BenchEntry,
    tinysine_rig: Rig,
    tinysine_model: Model,
    tinysine_image: Image,
    tinysine_inputs: Values,
    tinysine_station: Station,
) -> AssertGates:
    """Assert that latency and memory hold gates, as `verify --gate` does; a failure names figure, board, the first bad
    run and the commits between.
    """
    config = request.config
    choices = config.stash[CHOICES]
    bench = read_bench(config, choices)
    model_file = model_path(config, choices)
    measured: list[HistoryRun] = []

    def run() -> HistoryRun:
        """Return what a history would keep of this board now; it is measured once."""
        if not measured:
            facts = {
                "board": tinysine_board.name,
                "place": "" if config.stash[SEATS] is None else tinysine_entry.id,
                "model_file": model_file.name,
                "data_sha256": _data_sha256(config, tinysine_model),
                "seed": SEED.value(choices["seed"].value),
            }
            measured.append(_measured(tinysine_station, tinysine_rig, tinysine_image, tinysine_inputs, facts))
        return measured[0]

    def assert_gates(*rules: str, history: str | os.PathLike[str] | None = None) -> None:
        """Measure the board, and hold it against gates.

        Args:
            rules: such as "flash_bytes <= 8192" and "instructions +0 %", or the name of a file of rules.
            history: of earlier runs, for growth; by default what TINYSINE_HISTORY names.
        A growth that cannot be judged, since there is no earlier pass, is no failure: it is a warning with the reason.

        Raises:
            AssertionError: a gate does not hold.
            ConfigError: a rule means nothing, or is about growth and there is no history.
        """
        __tracebackhide__ = True
        from tinysine.history import judge_run, need_history, read_gates  # noqa: PLC0415

        gates = read_gates(rules, ids={entry.id: entry.name for entry in bench.entries})
        named = os.fspath(history) if history is not None else os.environ.get(HISTORY.variable, "")
        if need_history(gates) and not named:
            raise ConfigError(
                "a gate on growth compares with earlier runs, and no history was named",
                hint=f"history=FILE, or {HISTORY.variable}; `tinysine verify --history FILE` adds runs to it",
                key="gate",
            )
        judged = judge_run(
            run(), gates, history=Path(named) if named else None, model=model_file, write=False
        )
        if judged.obstacle is not None:
            raise judged.obstacle
        for remark in judged.remarks:
            warnings.warn(remark, stacklevel=2)
        if judged.findings:
            raise AssertionError("\n".join(finding.reason for finding in judged.findings))

    return assert_gates


def _data_sha256(config: pytest.Config, model: Model) -> str:
    chosen = config.stash[CHOICES]["data"]
    if not chosen.value:
        return ""
    from tinysine.stimuli import read_data  # noqa: PLC0415

    return read_data(path_of(config, chosen), model).sha256


def _measured(
    station: Station, rig: Rig, image: Image, inputs: Values, facts: dict[str, object]
) -> HistoryRun:
    """Measure latency and memory as `verify` does.

    Args:
        facts: of the run; `seed` chooses the inputs that are timed.
    """
    from tinysine.evidence import Document  # noqa: PLC0415
    from tinysine.history import HistoryRun, figures_of  # noqa: PLC0415
    from tinysine.verify.latency import time_inferences  # noqa: PLC0415
    from tinysine.verify.memory import measure_memory  # noqa: PLC0415

    seed = facts.pop("seed")
    assert isinstance(seed, int)
    device = station.device
    answers = device.infer(inputs)
    latency = time_inferences(device, rig, inputs, answers=answers, image=image, seed=seed)
    memory = measure_memory(image.board, image, rig, device)
    document = Document(verdict="pass", findings=(), latency=latency, memory=memory, stages_s={})
    return HistoryRun(
        started_utc="now",
        command="pytest",
        kind=rig.kind,
        unique_id=device.identity.unique_id or "",
        verdict="pass",
        model_sha256=image.model_sha256,
        firmware="own",
        engine=image.engine,
        reference=image.rounding.value,
        optimize=image.optimize,
        prune=image.prune,
        toolchain=f"{image.toolchain.name} {image.toolchain.version}",
        build_id=image.build_id.hex(),
        image_sha256=image.sha256,
        figures=figures_of(document),
        **facts,  # type: ignore[arg-type]
    )
