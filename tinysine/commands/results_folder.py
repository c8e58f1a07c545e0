"""The folder of a run's results: what was there before is replaced as a whole, or stays as it was."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from tinysine.commands.options import ANOTHER_OUT
from tinysine.errors import ConfigError
from tinysine.outside_json import read_json_file
from tinysine.result_files import EVIDENCE_FILE, TRAINING_JSON
from tinysine.whole_files import behind_links, draft_beside, is_draft, unwritable

PLOTS_FOLDER = "plots"
_ENDINGS = (
    ".json",
    ".keras",
    ".tflite",
    ".cc",
    ".h",
    ".elf",
    ".bin",
    ".hex",
    ".npz",
    ".html",
)  # of what a run leaves


def refuse_foreign(out: Path) -> None:
    """Refuse an output folder that holds something else than the results of an earlier run.

    Raises:
        ConfigError: it does, it is a file, or something in it is in the way of a result.
    """
    try:
        if not out.exists() or (out.is_dir() and (all(map(is_draft, out.iterdir())) or _has_results(out))):
            _refuse_in_the_way(out)
            return
    except OSError as error:
        raise unwritable(out, error, hint=ANOTHER_OUT) from error
    what = "holds files that tinysine did not make" if out.is_dir() else "is a file"
    raise ConfigError(
        f"{out} {what}; nothing was written", hint="name another folder with --out", file=str(out)
    )


def _has_results(out: Path) -> bool:
    for name in (TRAINING_JSON, EVIDENCE_FILE):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            schema = read_json_file(out / name).get("schema")
            if str(schema).startswith("tinysine"):
                return True
    return False


def _refuse_in_the_way(out: Path) -> None:
    """Refuse a folder where a file belongs, before any work: at the end only a part could be put in its place."""
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        due = "folder" if path.name == PLOTS_FOLDER else "file" if path.suffix in _ENDINGS else ""
        if due and path.is_dir() != (due == "folder"):
            raise ConfigError(
                f"{path} is in the way of a {due} of results; nothing was written",
                hint="move it, or name another folder with --out",
                file=str(path),
            )


@contextlib.contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder beside `out` whose files take their places there at the end, all of them or none.

    They do when the work succeeds, and when it got as far as evidence of what went wrong. Where `out` is a file system
    of its own, as a volume of a container is, the folder is in it.

    Raises:
        ConfigError: the folder cannot be written, found out before any work.
    """
    stage = _stage_for(out)
    try:
        try:
            yield stage
        except BaseException:
            if (stage / EVIDENCE_FILE).exists():
                _publish(stage, out)
            raise
        _publish(stage, out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage_for(out: Path) -> Path:
    """A new folder from which files can be renamed into `out`: tried out, for the mounts of a computer are many."""
    stage = draft_beside(out)
    try:
        target = behind_links(out)
        if not target.exists():
            stage = draft_beside(target)
        stage.mkdir(parents=True)
        if target.exists():
            probe = stage / "probe"
            probe.touch()
            try:
                probe.replace(target / stage.name)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.rmtree(stage)
                stage = draft_beside(target / "results")
                stage.mkdir()
            else:
                (target / stage.name).unlink()
    except OSError as error:
        shutil.rmtree(stage, ignore_errors=True)
        raise unwritable(out, error, hint=ANOTHER_OUT) from error
    return stage


def _publish(stage: Path, out: Path) -> None:
    """Put every file in its place; if one cannot be, what was there before is put back."""
    before = stage / ".before"
    done: list[tuple[Path, Path | None]] = []
    files = [path for path in stage.rglob("*") if path.is_file()]
    # Evidence is the last: as long as it is not there, nothing says what the other files are.
    files.sort(key=lambda path: (path.name == EVIDENCE_FILE, path))
    try:
        target = behind_links(out)
        target.mkdir(parents=True, exist_ok=True)
        before.mkdir()
        old_plots = target / PLOTS_FOLDER
        if old_plots.is_dir() and not (stage / PLOTS_FOLDER).exists():
            old_plots.replace(before / PLOTS_FOLDER)  # they would show another run's device
            done.append((old_plots, before / PLOTS_FOLDER))
        for number, file in enumerate(files):
            final = target / file.relative_to(stage)
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.is_dir():
                raise IsADirectoryError(0, f"the folder {final.name} is in the way")
            kept = before / str(number) if final.exists() else None
            if kept is not None:
                final.replace(kept)
            done.append((final, kept))
            file.replace(final)
    except OSError as error:
        for final, kept in reversed(done):
            with contextlib.suppress(OSError):
                if kept is None:
                    final.unlink(missing_ok=True)
                else:
                    kept.replace(final)
        raise unwritable(out, error, hint=ANOTHER_OUT) from error
