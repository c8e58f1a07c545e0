"""Boards on a bench, and one board looked after between tests.

What needs flash tools is not named here, because every start of pytest imports this: `tinysine.bench.bench_file`,
`tinysine.bench.census`, `tinysine.bench.nightly`.
"""

from tinysine.bench.station import Checkup, Station

__all__ = ["Checkup", "Station"]
