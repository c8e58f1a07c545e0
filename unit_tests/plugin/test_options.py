"""The plugin's options: who decided is said, nonsense is refused early, nobody else is disturbed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ONE_TEST = "def test_one(): pass"


def test_header_says_which_setting_won(fake: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Option over variable over file, each named in the header."""
    fake.makepyfile(ONE_TEST)
    fake.makeini("[pytest]\ntinysine_board = host\ntinysine_rounding = tflm\ntinysine_optimize = size\n")
    monkeypatch.setenv("TINYSINE_REFERENCE", "litert")
    monkeypatch.setenv("TINYSINE_OPTIMIZE", "size")
    result = fake.runpytest("--tinysine-optimize=speed")
    result.stdout.fnmatch_lines(
        [
            "tinysine: board host (from tox.ini), port twin (default), "
            "reference litert (from TINYSINE_REFERENCE), optimize speed (from --tinysine-optimize)"
        ]
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--tinysine-board=nano33ble-sensd", "*nano33ble-sense*"),
        ("--tinysine-reference=tfml", "*did you mean 'tflm'?*"),
        ("--tinysine-timeout=never", "*not a positive number of seconds*"),
        ("--tinysine-model=missing.tflite", "*missing.tflite*"),
    ],
)
def test_nonsense_is_a_usage_error(fake: pytest.Pytester, option: str, says: str) -> None:
    """A value that cannot be meant ends the run before a test, in one line, with pytest's code for usage."""
    fake.makepyfile(ONE_TEST)
    result = fake.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([says])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("before", [None, "", "elsewhere"])
def test_the_variable_of_boards_is_as_it_was(
    fake: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    """A session in this process sets it for its boards' processes, and leaves it as it found it."""
    folder, _ = fake.mkdir("boards"), fake.mkdir("elsewhere")
    fake.makepyfile(
        f"import os\ndef test_one(): assert os.environ['TINYSINE_BOARDS'] == {str(folder)!r}",
    )
    if before is None:
        monkeypatch.delenv("TINYSINE_BOARDS", raising=False)
    else:
        monkeypatch.setenv("TINYSINE_BOARDS", before)
    fake.runpytest_inprocess(f"--tinysine-boards={folder}").assert_outcomes(passed=1)
    assert os.environ.get("TINYSINE_BOARDS") == before


def test_workers_do_not_share_a_port(fake: pytest.Pytester) -> None:
    """One port and several xdist workers cannot go together."""
    fake.makepyfile(ONE_TEST)
    result = fake.runpytest("-n1", "--tinysine-port=/dev/null")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cannot share one port*"])


def test_relative_model_in_the_file_is_relative_to_the_file(fake: pytest.Pytester) -> None:
    """A model named in pytest's file is looked for beside that file, wherever pytest is started."""
    fake.makeini("[pytest]\ntinysine_model = models/none.tflite\n")
    below = fake.mkdir("below")
    (below / "test_one.py").write_text(ONE_TEST, encoding="utf-8")
    result = fake.runpytest("below")
    result.stderr.fnmatch_lines([f"*{fake.path / 'models' / 'none.tflite'}*"])


def test_markers_are_registered(fake: pytest.Pytester) -> None:
    """The markers are known, so that --strict-markers accepts them."""
    fake.makepyfile(
        """
        import pytest

        @pytest.mark.hardware
        @pytest.mark.emulated
        @pytest.mark.slow
        @pytest.mark.disturbs
        def test_one(): pass
        """
    )
    fake.runpytest("--strict-markers").assert_outcomes(passed=1)


def test_plugin_loads_nothing_heavy() -> None:
    """Everybody's pytest loads the plugin, so it imports neither numpy nor anything that drives a board."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tinysine.pytest_plugin; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    heavy = {
        "numpy",
        "serial",
        "tensorflow",
        "unicorn",
        "ai_edge_litert",
        "rich",
        "typer",
        "elftools",
    }
    assert heavy.isdisjoint(loaded)
    assert [name for name in loaded if name.startswith("tinysine.device")] == []
