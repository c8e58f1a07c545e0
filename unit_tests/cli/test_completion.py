"""Completion in the shell: the protocol, as bash and zsh speak it, and its installation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.boards import list_boards
from tinysine.commands import completion
from tinysine.commands.app import run_app

LINES = (
    ("verify --board nano", {"nano33ble-sense", "nano33ble-usb"}),
    ("run -b stm", {"stm32f746g-disco"}),
    ("emulate --board spark", {"sparkfun-edge", "sparkfun-edge-svl"}),
    ("verify --reference ", {"litert", "tflm", "tflm-float32"}),
    ("build --optimize ", {"speed", "size", "table"}),
    ("build --toolchain ", {"auto", "gcc", "zig"}),
    ("verify --port t", {"twin"}),
    ("flash x --port a", {"auto"}),
    ("verify m.tflite --engine gen", {"generated"}),
    ("engines m.tflite --engine bakenn-", {"bakenn-cmsis-nn"}),
    ("convert --rep", {"--representative"}),
)


def protocol(shell: str, line: str) -> dict[str, str]:
    """The variables by which a shell asks what may follow a line."""
    words = f"tinysine {line}"
    return {
        "_TINYSINE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": words,
    }


@pytest.fixture
def offered(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Return a function that gives the program's output for a shell, run in this process."""

    def offered(shell: str, line: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in protocol(shell, line).items():
                patch.setenv(name, value)
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                run_app([])
        out, err = capfd.readouterr()
        assert (ended.value.code, err) == (0, "")
        return out

    return offered


def test_bash_is_offered_every_name(offered: Callable[[str, str], str]) -> None:
    """Boards, values of options, words for ports, commands and options."""
    for line, words in LINES:
        assert set(offered("bash", line).split()) == words, line


def test_folders_of_engines_are_offered(
    offered: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those with an engine.toml, as they are typed; for other folders nothing, so that the shell offers its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "engines/theirs", "mi[ne", "empty"):
        (tmp_path / name).mkdir(parents=True)
        if name != "empty":
            (tmp_path / name / "engine.toml").touch()
    for typed, words in {
        "m": {"mine", "mi[ne"},
        "./mine": {"./mine"},
        "mi[": {"mi[ne"},
        "en": {"engines/theirs"},
        "engines/": {"engines/theirs"},
        "em": set(),
        "generated": {"generated"},
    }.items():
        assert set(offered("bash", f"nightly --engine {typed}").split()) == words, typed


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_asks_a_process(shell: str, tmp_path: Path, offered: Callable[[str, str], str]) -> None:
    """With nothing in the environment but the protocol, a process prints the same."""
    run = subprocess.run(
        [sys.executable, "-m", "tinysine"],
        env={"PATH": "", "HOME": str(tmp_path), **protocol(shell, "verify --board nano")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.stderr == ""
    assert "nano33ble-sense" in run.stdout
    assert run.stdout == offered(shell, "verify --board nano")


@pytest.mark.parametrize("line", ["verify --board q", "verify --reference ", "verify --port t"])
def test_zsh_is_offered_the_same(offered: Callable[[str, str], str], line: str) -> None:
    """In zsh's own form, where a colon in a name is escaped."""
    shown = offered("zsh", line).replace("\\", "")
    assert shown.startswith("_arguments")
    qemu = [board.name for board in list_boards() if board.name.startswith("qemu:")]
    words = {"verify --board q": qemu, "verify --reference ": ["litert", "tflm"], "verify --port t": ["twin"]}
    for word in words[line]:
        assert f'"{word}"' in shown


@pytest.mark.parametrize(("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_completion_installs_itself(tmp_path: Path, shell: str, file: str) -> None:
    """`--install-completion` writes into the shell's own start-up file, and says so."""
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # then the shell is named, not looked for
    run = subprocess.run(
        [sys.executable, "-m", "tinysine", "--install-completion", shell],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **told},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert f"{shell} completion installed" in run.stdout
    assert (tmp_path / file).read_text()
    assert any("_TINYSINE_COMPLETE" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_broken_board_files_offer_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A traceback in the middle of a command line would help nobody."""
    (tmp_path / "bad.toml").write_text("no toml")
    monkeypatch.setenv("TINYSINE_BOARDS", str(tmp_path))
    assert completion.complete_board("") == []
    monkeypatch.delenv("TINYSINE_BOARDS")
    assert ("host", "This computer") in completion.complete_board("")
