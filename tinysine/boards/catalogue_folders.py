"""Folders of board files: tinysine's own catalogue, and those that a user adds to it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from pathlib import Path

from tinysine.boards.based_on import CATALOGUE
from tinysine.boards.board import Board
from tinysine.boards.catalogue_reader import read_board
from tinysine.errors import ConfigError, unknown_name
from tinysine.settings import BOARDS

FOLDERS_VARIABLE = BOARDS.variable
MOST_NAMES = 4


def load_board(name: str) -> Board:
    """The board that the catalogue knows under `name`.

    Raises:
        ConfigError: no such board (with the nearest names), or a catalogue file that breaks its rules.
    """
    boards = {board.name: board for board in list_boards()}
    if name in boards:
        return boards[name]
    refusal = _unknown(name, boards)
    if candidates := _with_part(name, boards):
        refusal.hint = (
            f"did you mean {' or '.join(map(repr, candidates[:MOST_NAMES]))}? The whole name is needed here"
        )
    raise refusal


def find_board(text: str, *, preferred: str, by_usb: bool = False) -> Board:
    """Find the board that is meant by a name, or by a part of one that fits one board only.

    Args:
        text: capitals do not count. The beginning of a name is taken before a part from its middle.
        preferred: a name that is taken where it is one of several that fit.
        by_usb: the port is to be found by USB ids, so that of several only boards that have such can be meant.
    Raises:
        ConfigError: none fits (with the nearest name), or several do (with their names); or as `load_board`.
    """
    boards = {board.name: board for board in list_boards()}
    candidates = (text,) if text in boards else _with_part(text, boards)
    if by_usb and len(candidates) > 1:
        candidates = tuple(name for name in candidates if boards[name].usb_ids) or candidates
    if preferred in candidates:
        return boards[preferred]
    if len(candidates) == 1:
        return boards[candidates[0]]
    if not candidates:
        raise _unknown(text, boards)
    raise ConfigError(
        f"{text!r} is a part of the names of {len(candidates)} boards: {', '.join(candidates)}",
        hint="name one of them",
        key="board",
        allowed=candidates,
    )


def _with_part(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that begin with a text; where none does, those that hold it."""
    part = text.lower()
    if not part:
        return ()
    begin = tuple(name for name in names if name.lower().startswith(part))
    return begin or tuple(name for name in names if part in name.lower())


def _unknown(name: str, known: Iterable[str]) -> ConfigError:
    where = os.pathsep.join(map(str, catalogue_folders()))
    return unknown_name(f"there is no board named {name!r}", name, known, file=where, key="board")


def list_boards() -> tuple[Board, ...]:
    """Every board of the catalogue and of the folders in TINYSINE_BOARDS, by name.

    Raises:
        ConfigError: a folder that is not there, a file that breaks its rules, or a name given twice.
    """
    return _boards_in(catalogue_folders())


def catalogue_folders() -> tuple[Path, ...]:
    """Return the folders of board files: tinysine's own, then those in the variable TINYSINE_BOARDS.

    The variable holds one folder, or several with the separator of PATH between them.
    """
    named = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return (CATALOGUE, *(Path(folder).absolute() for folder in named if folder))


@functools.cache
def _boards_in(folders: tuple[Path, ...]) -> tuple[Board, ...]:
    boards: dict[str, tuple[Board, Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(
                f"there is no folder {folder} for board files",
                hint=f"correct {FOLDERS_VARIABLE} or --boards-dir",
                file=str(folder),
                key=FOLDERS_VARIABLE,
            )
        for path in sorted(folder.glob("*.toml")):
            board = read_board(path)
            if board.name in boards:
                raise ConfigError(
                    f"{path} and {boards[board.name][1]} both describe a board named {board.name!r}",
                    hint="give your board a name of its own",
                    file=str(path),
                    key="name",
                )
            boards[board.name] = (board, path)
    return tuple(board for board, _ in sorted(boards.values(), key=lambda pair: pair[0].name))
