"""What a board is: the TOML catalogue as frozen values, and which boards are attached to this computer."""

from tinysine.boards.attached import AttachedBoard, attached_boards
from tinysine.boards.board import Board, Led, Limits, Memory, Uart
from tinysine.boards.catalogue_reader import board_from_table, list_boards, load_board, read_board
from tinysine.boards.pins import pin_number

__all__ = [
    "AttachedBoard",
    "Board",
    "Led",
    "Limits",
    "Memory",
    "Uart",
    "attached_boards",
    "board_from_table",
    "list_boards",
    "load_board",
    "pin_number",
    "read_board",
]
