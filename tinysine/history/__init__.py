"""History of runs: one SQLite file, its figures named and with their units."""

from tinysine.history.choose import choose_run, is_file
from tinysine.history.compare import Change, Difference, alone_in_words, compare_runs, depends_on_inputs
from tinysine.history.figures import figures_of, shown_percent, shown_value
from tinysine.history.from_evidence import run_of
from tinysine.history.gates import Gate, GateResult, judge_gates, need_history, read_gates
from tinysine.history.judgement import Judgement, judge_run
from tinysine.history.lines import read_lines
from tinysine.history.records import Figure, HistoryRun, KeptRun, TestOutcome
from tinysine.history.repository import Commit, commit_of, commits_between
from tinysine.history.store import History

__all__ = [
    "Change",
    "Commit",
    "Difference",
    "Figure",
    "Gate",
    "GateResult",
    "History",
    "HistoryRun",
    "Judgement",
    "KeptRun",
    "TestOutcome",
    "alone_in_words",
    "choose_run",
    "commit_of",
    "commits_between",
    "compare_runs",
    "depends_on_inputs",
    "figures_of",
    "is_file",
    "judge_gates",
    "judge_run",
    "need_history",
    "read_gates",
    "read_lines",
    "run_of",
    "shown_percent",
    "shown_value",
]
