"""Real boards that nothing here can flash yet: a person does, and the device then proves what it runs."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.errors import FlashError
from tinysine.image import Image


class ByHand:
    """Stands in for a flash tool where there is none: every request fails, and says what a person can do."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def flash(self, image: Image, port: str) -> None:
        """Fail.

        Raises:
            FlashError: always.
        """
        raise FlashError(
            f"no tool here flashes {self._board.name} at {port}",
            hint=f"flash {image.binary or image.elf} by hand, and run this again",
            tool="",
            command="",
            output="",
        )

    def reset(self, port: str) -> None:
        """Fail.

        Raises:
            FlashError: always.
        """
        raise FlashError(
            f"no tool here resets {self._board.name} at {port}",
            hint="press its reset button",
            tool="",
            command="",
            output="",
        )

    def close(self) -> None:
        """Nothing is held."""
