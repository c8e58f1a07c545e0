"""Boards on a bench: what was chosen for a run, and one board looked after between tests.

What needs flash tools is not named here, because every start of pytest imports this: `tinysine.bench.bench_file`,
`tinysine.bench.census`, `tinysine.bench.nightly`.
"""

from tinysine.bench.settings import SETTINGS, Choices, Chosen, Setting, choose, describe
from tinysine.bench.station import Checkup, Station

__all__ = ["SETTINGS", "Checkup", "Choices", "Chosen", "Setting", "Station", "choose", "describe"]
