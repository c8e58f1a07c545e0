"""The one interface of all flash tools, and what they are told."""

from __future__ import annotations

import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tinysine.boards import Board
from tinysine.errors import ConfigError, FlashError
from tinysine.image import Image
from tinysine.outside_text import lines
from tinysine.place import Wiring


def tell_on_stderr(text: str) -> None:
    """Tell a person what to do with their hands."""
    print(lines(text), file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Target:
    """The board to be flashed.

    Attributes:
        board: of the catalogue.
        port: of its link.
        wiring: what is known of the rest.
        tell: shows a person what they have to do before a tool waits for it.
        pause, clock: sleep and monotonic seconds.
    """

    board: Board
    port: str
    wiring: Wiring = field(default_factory=Wiring)
    tell: Callable[[str], None] = tell_on_stderr
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def option(self, tool: FlashTool) -> str:
        """Return the board file's option for a tool.

        Raises:
            ConfigError: not what the tool needs.
        """
        if tool.name not in self.board.flash_options:
            raise ConfigError(
                f"the board file of {self.board.name} does not say {tool.needs}, which {tool.name} needs",
                hint=f"add `{tool.name} = ...` under [flash_options]",
                key=f"flash_options.{tool.name}",
            )
        return self.board.flash_options[tool.name]


class FlashTool(ABC):
    """One program that puts images on boards.

    Attributes:
        name: as in board files.
        install: how to get it.
        programs: the names that its program may have on PATH.
        needs: what the board file has to tell it, under [flash_options]; "" for nothing.
        probe_on_board: it is for boards that carry their own debug probe.
    """

    name: str
    install: str
    programs: tuple[str, ...] = ()
    needs: str = ""
    probe_on_board: bool = False

    def program(self) -> str | None:
        """Its path; None when it is not installed."""
        return find_program(*self.programs)

    @abstractmethod
    def flash(self, image: Image, target: Target) -> None:
        """Program `image` and start it. That this returns proves nothing: only the device's identity does.

        Raises:
            FlashError: with tool, command and output.
            ConfigError: the board file or the bench leaves out what the tool has to know.
        """

    @abstractmethod
    def reset(self, target: Target) -> None:
        """Start the image anew.

        Raises:
            FlashError: it failed, or cannot.
        """


class ProbeCommand(ABC):
    """A tool that is one command, told the probe's serial number: it works as well on the computer that has the board.

    Attributes:
        name, programs: as of `FlashTool`.
    """

    name: str
    programs: tuple[str, ...]

    @abstractmethod
    def load_command(self, program: str, file: str, origin: int, target: Target, serial: str) -> list[str]:
        """The command that programs a raw image and starts it.

        Args:
            program: that runs there.
            file: path of the image there.
            origin: where its first byte goes.
            target: the board.
            serial: of its probe; "" where only one can be meant.
        Raises:
            ConfigError: the board file leaves out what the tool has to know.
        """

    @abstractmethod
    def reset_command(self, program: str, target: Target, serial: str) -> list[str]:
        """The command that starts the image anew; arguments and errors as for `load_command`."""


class UploadTool(FlashTool):
    """A tool that only uploads: starting the image anew is for the hand."""

    def reset(self, target: Target) -> None:
        """Fail.

        Raises:
            FlashError: always.
        """
        raise FlashError(
            f"{self.name} cannot reset {target.board.name}", hint="press its reset button", tool=self.name
        )


def find_program(*names: str, elsewhere: tuple[str, ...] = ()) -> str | None:
    """The first program of these names on PATH, else the newest of those patterns in the home folder."""
    for name in names:
        # Scripts are seldom marked executable where they come from; this Python starts them.
        if found := shutil.which(name, mode=os.F_OK if name.endswith(".py") else os.F_OK | os.X_OK):
            return found
    for pattern in elsewhere:
        candidates = sorted(path for path in Path.home().glob(pattern) if path.is_file())
        if candidates:
            return str(candidates[-1])
    return None


def script_command(path: str) -> list[str]:
    """Return the command that starts a tool; a Python script runs under this Python, which has pyserial."""
    return [sys.executable, path] if path.endswith(".py") else [path]


def installed(tool: FlashTool) -> str:
    """The path of a tool's program.

    Raises:
        FlashError: it is not installed.
    """
    path = tool.program()
    if path is None:
        raise FlashError(f"{tool.name} is not installed", hint=tool.install, tool=tool.name)
    return path
