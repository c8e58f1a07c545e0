"""Which boards there are: tinysine's own catalogue, and folders of board files that a user adds to it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from tinysine.boards.board import Board
from tinysine.boards.catalogue_reader import read_board
from tinysine.errors import ConfigError, unknown_name

CATALOGUE = Path(__file__).parent / "catalogue"
FOLDERS_VARIABLE = "TINYSINE_BOARDS"


def load_board(name: str) -> Board:
    """The board that the catalogue knows under `name`.

    Raises:
        ConfigError: no such board (with the nearest name), or a catalogue file that breaks its rules.
    """
    boards = {board.name: board for board in list_boards()}
    if name in boards:
        return boards[name]
    where = os.pathsep.join(map(str, catalogue_folders()))
    raise unknown_name(f"there is no board named {name!r}", name, boards, file=where, key="board")


def list_boards() -> tuple[Board, ...]:
    """Every board of the catalogue and of the folders in TINYSINE_BOARDS, by name.

    Raises:
        ConfigError: a folder that is not there, a file that breaks its rules, or a name given twice.
    """
    return _boards_in(catalogue_folders())


def catalogue_folders() -> tuple[Path, ...]:
    """Where board files are looked for: tinysine's own folder, then those in the variable TINYSINE_BOARDS.

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
