"""Programs and packages that a board's twin needs: asked for before anything is built or trained for it."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.errors import ConfigError
from tinysine.extras import is_installed


def require_stand_in(board: Board) -> None:
    """Make sure that the twin of a board can be started here; takes no time worth mentioning.

    Raises:
        ConfigError: it has no twin, or QEMU or the package `unicorn` is not installed.
    """
    if not board.has_twin:
        raise ConfigError(
            f"{board.name} has no emulated twin: it has to be attached",
            hint="--port PORT, or --port auto; or --board with the name of another one",
            key="port",
        )
    if board.backend == "emulated" and not has_unicorn():
        raise unicorn_is_missing()
    if board.backend == "qemu":
        # Only where there are pseudo-terminals can it be imported.
        from tinysine.emulation.qemu_process import qemu_program  # noqa: PLC0415

        qemu_program(board)


def has_unicorn() -> bool:
    """Tell whether the package that emulates a core is installed."""
    return is_installed("unicorn")


def unicorn_is_missing() -> ConfigError:
    """Return the error for an emulated board without its emulator."""
    return ConfigError(
        "the emulated board needs the package `unicorn`, which is not installed",
        hint="pip install unicorn",
        key="board",
    )
