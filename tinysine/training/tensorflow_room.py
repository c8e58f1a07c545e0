"""The one place that imports tensorflow: late, quickly, and with its talk going to a log.

TensorFlow writes to the file descriptors behind stdout and stderr from C++, past everything Python can redirect, so
the descriptors themselves are turned to a file while it works.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tinysine.errors import ConfigError

logger = logging.getLogger("tinysine.training")

LOG_LIMIT_BYTES = 1 << 20


def default_log() -> Path:
    """Where tensorflow's own messages go unless another file is named."""
    import platformdirs  # noqa: PLC0415 - only needed where something is logged

    return Path(platformdirs.user_log_path("tinysine")) / "tensorflow.log"


@contextlib.contextmanager
def tensorflow_quietly(*, log: Path | None = None) -> Iterator[Any]:
    """Import tensorflow and yield the module; what is printed until the end of the block goes to a log.

    Everything the process writes to stdout and stderr meanwhile is caught, from every thread: a progress bar should
    not be moving. The text is appended to `log` and sent, line by line, to the logger "tinysine.training" (DEBUG).

    Args:
        log: file to append to; by default `tensorflow.log` in the user's log folder. One that cannot be written is
            passed over: the logger still gets the text.
    Raises:
        ConfigError: tensorflow is not installed.
    """
    with _caught_output(log or default_log()):
        try:
            yield _import_tensorflow()
        except ModuleNotFoundError as error:
            if error.name != "tensorflow":
                raise
            raise ConfigError(
                "training and conversion need tensorflow, which is not installed",
                hint='pip install "tinysine[train]"',
                key="tensorflow",
                allowed=None,
            ) from error


def _import_tensorflow() -> Any:
    if "tensorflow" not in sys.modules:
        # 7.1 s to 5.8 s, measured: the collector finds nothing to free among the modules, and Keras imports
        # matplotlib, where there is one, for two galleries of pictures that have no use here.
        collecting = gc.isenabled()
        gc.disable()
        hidden = "matplotlib" not in sys.modules
        if hidden:
            sys.modules["matplotlib"] = None  # type: ignore[assignment]  # the documented way to make an import fail
        try:
            import tensorflow  # noqa: F401, PLC0415 - seconds long, so only where it is used
            import tensorflow.keras  # noqa: F401, PLC0415
        finally:
            if hidden:
                del sys.modules["matplotlib"]
            if collecting:
                gc.enable()
    return sys.modules["tensorflow"]


@contextlib.contextmanager
def _caught_output(log: Path) -> Iterator[None]:
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as caught:
        try:
            with _descriptors_to(caught), contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
                with warnings.catch_warnings():
                    warnings.simplefilter("default")  # shown, so logged; tensorflow's own are nobody's error here
                    yield
        finally:
            caught.seek(0)
            _record(caught.read(), log)


@contextlib.contextmanager
def _descriptors_to(target: IO[str]) -> Iterator[None]:
    saved: dict[int, int] = {}
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # absent or closed, as under pythonw
            stream.flush()  # type: ignore[union-attr]
    try:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):  # closed: nothing to turn away
                saved[descriptor] = os.dup(descriptor)
                os.dup2(target.fileno(), descriptor)
        yield
    finally:
        target.flush()
        for descriptor, original in saved.items():
            os.dup2(original, descriptor)
            os.close(original)


def _record(text: str, log: Path) -> None:
    if not text.strip():
        return
    for line in text.splitlines():
        logger.debug("%s", line)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        too_long = log.exists() and log.stat().st_size > LOG_LIMIT_BYTES
        with log.open("w" if too_long else "a", encoding="utf-8") as file:
            file.write(f"--- {datetime.datetime.now().astimezone().isoformat(timespec='seconds')}\n{text}")
    except OSError as error:
        logger.debug("could not write %s: %s", log, error)
