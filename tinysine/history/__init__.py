"""What was measured, run by run: one SQLite file, its figures named and with their units."""

from tinysine.history.figures import figures_of
from tinysine.history.records import Figure, HistoryRun, KeptRun, TestOutcome
from tinysine.history.store import History

__all__ = ["Figure", "History", "HistoryRun", "KeptRun", "TestOutcome", "figures_of"]
