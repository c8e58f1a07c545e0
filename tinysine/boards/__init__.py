"""What a board is: the TOML catalogue as frozen values, and which boards are attached to this computer."""

from tinysine.boards.attached import AttachedBoard, attached_boards
from tinysine.boards.board import Board, Led, Limits, Memory, Uart
from tinysine.boards.catalogue_reader import list_boards, load_board, read_board

__all__ = [
    "AttachedBoard",
    "Board",
    "Led",
    "Limits",
    "Memory",
    "Uart",
    "attached_boards",
    "list_boards",
    "load_board",
    "read_board",
]
