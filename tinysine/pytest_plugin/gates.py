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
    from tinysine.evidence import DataFacts
    from tinysine.history import HistoryRun
    from tinysine.image import Image
    from tinysine.model import Model
    from tinysine.rigs import Rig, Station
    from tinysine.tensor_values import Values
    from tinysine.verdicts import Finding

AssertGates = Callable[..., None]


@pytest.fixture(scope="session")
def tinysine_assert_gates(  # noqa: PLR0917 - pytest passes fixtures by name
    request: pytest.FixtureRequest,
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
    from tinysine.evidence import document_of  # noqa: PLC0415
    from tinysine.history import commit_of, judge_run, need_history, read_gates, run_of  # noqa: PLC0415
    from tinysine.verify import measure_figures  # noqa: PLC0415

    config = request.config
    choices = config.stash[CHOICES]
    bench = read_bench(config, choices)
    model_file = model_path(config, choices)
    measured: list[tuple[HistoryRun, tuple[Finding, ...]]] = []

    def run() -> tuple[HistoryRun, tuple[Finding, ...]]:
        """Return what a history would keep of this board now, and what is wrong with it; it is measured once."""
        if not measured:
            evidence = measure_figures(
                tinysine_station.device,
                tinysine_rig,
                tinysine_inputs,
                image=tinysine_image,
                model_file=model_file.name,
                data=_data_facts(config, tinysine_model),
                seed=SEED.value(choices["seed"].value),
            )
            place = "" if config.stash[SEATS] is None else tinysine_entry.id
            commit = commit_of(model_file)
            kept = run_of(document_of(evidence), command="pytest", commit=commit, place=place)
            measured.append((kept, evidence.findings))
        return measured[0]

    def assert_gates(*rules: str | os.PathLike[str], history: str | os.PathLike[str] | None = None) -> None:
        """Measure the board, and hold it against gates.

        A growth that cannot be judged, since there is no earlier pass, is no failure: it is a warning with the reason.
        So is a file whose rules are all for other boards.

        Args:
            rules: such as "flash_bytes <= 8192" and "instructions +0 %", or the name of a file of rules. At least one.
            history: of earlier runs, for growth; by default what TINYSINE_HISTORY names.
        Raises:
            AssertionError: a gate does not hold, or what the device says that it takes is not to be believed.
            TypeError: there is no rule, or one is neither a text nor a path.
            ConfigError: a rule means nothing, or is about growth and there is no history that can be read.
            BenchError: the history cannot be read now.
        """
        __tracebackhide__ = True
        texts = [os.fspath(rule) for rule in rules if isinstance(rule, (str, os.PathLike))]
        if not rules or len(texts) < len(rules):
            raise TypeError(
                'tinysine_assert_gates takes rules, each a text: ("flash_bytes <= 8192", "gate.toml")'
            )
        ids = {entry.id: entry.name for entry in bench.entries}
        gates = read_gates(texts, ids=ids, source="tinysine_assert_gates")
        named = os.fspath(history) if history is not None else os.environ.get(HISTORY.variable, "")
        if need_history(gates) and not named:
            raise ConfigError(
                "a gate on growth compares with earlier runs, and no history was named",
                hint=f"history=FILE, or {HISTORY.variable}; `tinysine verify --history FILE` adds runs to it",
                key="gate",
            )
        now, wrong = run()
        judged = judge_run(now, gates, history=Path(named) if named else None, model=model_file, write=False)
        for remark in judged.remarks:
            warnings.warn(remark, stacklevel=2)
        if findings := (*wrong, *judged.findings):
            raise AssertionError("\n".join(finding.reason for finding in findings)) from judged.obstacle
        if judged.obstacle is not None:
            raise judged.obstacle from None  # it says all

    return assert_gates


def _data_facts(config: pytest.Config, model: Model) -> DataFacts | None:
    chosen = config.stash[CHOICES]["data"]
    if not chosen.value:
        return None
    from tinysine.evidence import DataFacts  # noqa: PLC0415
    from tinysine.stimuli import read_data  # noqa: PLC0415

    return DataFacts.of(read_data(path_of(config, chosen), model), shown=chosen.value)
