"""The tables of a history, version by version: an older file is brought forward, one step after the other."""

from __future__ import annotations

APPLICATION_ID = 0x74737968  # "tsyh": SQLite's place for saying whose file it is

# Never changed once released: a new version is a step more.
STEPS = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        started_utc TEXT NOT NULL, command TEXT NOT NULL, night TEXT NOT NULL,
        board TEXT NOT NULL, place TEXT NOT NULL, kind TEXT NOT NULL, unique_id TEXT NOT NULL,
        verdict TEXT NOT NULL, flaky INTEGER NOT NULL, reason TEXT NOT NULL,
        model_file TEXT NOT NULL, model_sha256 TEXT NOT NULL,
        firmware TEXT NOT NULL, engine TEXT NOT NULL, reference TEXT NOT NULL,
        optimize TEXT NOT NULL, prune INTEGER NOT NULL,
        toolchain TEXT NOT NULL, build_id TEXT NOT NULL, image_sha256 TEXT NOT NULL,
        tinysine_version TEXT NOT NULL, host TEXT NOT NULL, "commit" TEXT NOT NULL, changed INTEGER NOT NULL,
        evidence TEXT NOT NULL
    );
    CREATE INDEX runs_of_board ON runs (board, kind, number);
    CREATE INDEX runs_of_night ON runs (night, number);
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL, part TEXT NOT NULL, unit TEXT NOT NULL, better TEXT NOT NULL,
        UNIQUE (name, part, unit)
    );
    CREATE TABLE figures (
        run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
        series INTEGER NOT NULL REFERENCES series (id),
        value NUMERIC NOT NULL,
        PRIMARY KEY (run, series)
    ) WITHOUT ROWID;
    CREATE INDEX figures_of_series ON figures (series, run);
    CREATE TABLE tests (
        run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
        name TEXT NOT NULL, verdict TEXT NOT NULL, seconds REAL NOT NULL, reason TEXT NOT NULL
    );
    CREATE INDEX tests_of_run ON tests (run);
    """,
    """ALTER TABLE runs ADD COLUMN data_sha256 TEXT NOT NULL DEFAULT ''""",
)
VERSION = len(STEPS)
