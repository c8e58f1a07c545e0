"""Output of C++ is caught at the descriptor and kept, and the terminal is restored."""

from __future__ import annotations

import builtins
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from tinysine.errors import ConfigError
from tinysine.training import messages_to_log, tensorflow_quietly
from tinysine.training.messages import LOG_LIMIT_BYTES, messages_shown


def test_output_of_every_kind_is_caught_and_given_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logged: io.StringIO
) -> None:
    """print, stderr, a raw write to the descriptor, a child process and a warning all land in the log."""
    log = tmp_path / "deep" / "messages.log"
    with messages_to_log(log):
        print("from print")
        print("from stderr", file=sys.stderr)
        os.write(1, b"from descriptor 1\n")
        os.write(2, b"from descriptor 2\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        warnings.warn("from a warning", DeprecationWarning, stacklevel=1)
    print("after")
    kept = log.read_text()
    sources = ("print", "stderr", "descriptor 1", "descriptor 2", "a child", "a warning")
    assert all(f"from {source}" in kept for source in sources)
    assert "from descriptor 2" in logged.getvalue()
    out, err = capfd.readouterr()
    assert (out, err) == ("after\n", "")


def test_the_callers_own_function_prints_where_it_always_does(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Print, stderr and the descriptors are as before, then the log's again; without a log nothing changes."""
    log = tmp_path / "messages.log"
    with messages_to_log(log):
        os.write(1, b"of the library\n")
        with messages_shown():
            print("of the caller")
            print("aside", file=sys.stderr)
            os.write(1, b"raw\n")
        os.write(1, b"of the library again\n")
        print("printed by it")
    with messages_shown():
        print("after")
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["after", "of the caller", "raw"]
    assert err == "aside\n"
    kept = log.read_text().splitlines()[1:]
    assert kept == ["of the library", "of the library again", "printed by it"]


def test_error_passes_through_and_its_messages_are_kept(tmp_path: Path) -> None:
    """If the work fails, the terminal is restored, and the log has the earlier messages."""
    log = tmp_path / "messages.log"

    def fail() -> None:
        with messages_to_log(log):
            os.write(2, b"last words\n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "last words" in log.read_text()


def test_log_that_cannot_be_written_stops_nothing(tmp_path: Path, logged: io.StringIO) -> None:
    """A log below a file cannot exist; the logger still gets the text."""
    (tmp_path / "file").write_text("")
    with (
        messages_to_log(tmp_path / "file" / "messages.log"),
    ):
        os.write(1, b"something\n")
    assert "something" in logged.getvalue()


def test_log_starts_anew_when_it_is_too_long(tmp_path: Path) -> None:
    """The log never grows without end."""
    log = tmp_path / "messages.log"
    log.write_text("x" * (LOG_LIMIT_BYTES + 1))
    with messages_to_log(log):
        print("short")
    assert log.stat().st_size < 100


def test_silence_leaves_no_log(tmp_path: Path) -> None:
    """Nothing said, nothing written."""
    with messages_to_log(tmp_path / "messages.log"):
        pass
    assert not (tmp_path / "messages.log").exists()


def test_closed_descriptors_are_survived(tmp_path: Path) -> None:
    """A process without stdout, such as a service, can still train."""
    script = (
        "import os, pathlib, sys\n"
        "os.close(1)\n"
        "from tinysine.training import messages_to_log\n"
        "with messages_to_log(pathlib.Path(sys.argv[1])):\n"
        "    os.write(2, b'heard')\n"
        "os.write(2, b'free')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "log")], capture_output=True, text=True, check=False
    )
    assert "heard" in (tmp_path / "log").read_text()
    assert run.stderr.startswith("free")


def test_importing_the_room_does_not_import_tensorflow() -> None:
    """`import tinysine.training` and the settings of a training load neither tensorflow nor matplotlib."""
    script = (
        "import sys, tinysine.training as t\n"
        "t.make_dataset(t.TrainingSettings(epochs=1))\n"
        "print({'tensorflow', 'keras', 'matplotlib', 'ai_edge_litert'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_missing_tensorflow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tensorflow there is a ConfigError with the command that installs it."""
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name="tensorflow")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"tinysine\[train\]"), tensorflow_quietly():
        pass
    assert sys.modules.get("matplotlib", "absent") is not None, "matplotlib was only hidden for the import"
