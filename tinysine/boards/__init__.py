"""Boards: the TOML catalogue as frozen values, and the boards that are attached to this computer."""

from tinysine.boards.attached import (
    AttachedBoard,
    attached_boards,
    join_serial_group,
    same_port,
    serial_group,
)
from tinysine.boards.board import ARDUINO, AVR, Board, Led, Limits, Memory, Uart
from tinysine.boards.catalogue_folders import (
    FOLDERS_VARIABLE,
    catalogue_folders,
    find_board,
    list_boards,
    load_board,
)
from tinysine.boards.catalogue_reader import board_from_table, read_board
from tinysine.boards.foreign import FOREIGN
from tinysine.boards.pins import pin_number
from tinysine.boards.toml_file import read_toml, shown
from tinysine.boards.twin_ids import TWIN_ID, is_twin_id

__all__ = [
    "ARDUINO",
    "AVR",
    "FOLDERS_VARIABLE",
    "FOREIGN",
    "TWIN_ID",
    "AttachedBoard",
    "Board",
    "Led",
    "Limits",
    "Memory",
    "Uart",
    "attached_boards",
    "board_from_table",
    "catalogue_folders",
    "find_board",
    "is_twin_id",
    "join_serial_group",
    "list_boards",
    "load_board",
    "pin_number",
    "read_board",
    "read_toml",
    "same_port",
    "serial_group",
    "shown",
]
