"""What the emulated board asks of a chip, whichever it is."""

from __future__ import annotations

from typing import Protocol

from tinysine.emulation.core import Core
from tinysine.emulation.serial_line import SerialLine
from tinysine.emulation.system_control import SystemControl
from tinysine.errors import ConfigError


class Receiver(Protocol):
    """The serial block, for tests that want to see it overrun."""

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, and say so as the hardware does."""


class Chip(Protocol):
    """A chip on its board. Its constructor: see EmulatedTwin.

    Attributes:
        loader: the boot loader that it has.
        line: its end of the wire.
    """

    loader: str
    core: Core
    system: SystemControl
    line: SerialLine

    @property
    def uart(self) -> Receiver:
        """The serial block on the wire."""

    def power_on(self) -> None:
        """RAM holds noise, and nothing is remembered."""

    def reset(self, reason: str) -> None:
        """Every block as after a reset. `reason`: "power", "pin", "software" or "watchdog"."""

    def boot(self) -> str:
        """Take the way to the application: "" when the core stands at its first instruction, else why not."""

    def application_start(self) -> int:
        """Where the boot loader looks for an application."""

    def application_limit(self) -> int:
        """The first address that an application must leave alone."""

    def erase(self) -> None:
        """The application's flash, and only that."""

    def pins(self) -> dict[str, dict[str, object]]:
        """What the firmware made of the pins: name to {function, direction, level, pull}."""


def choose_loader(asked: str | None, known: tuple[str, ...], *, board: str) -> str:
    """The boot loader to be emulated: the first that is known, unless one is asked for.

    Raises:
        ConfigError: there is no such loader for this chip.
    """
    if asked is None:
        return known[0]
    if asked not in known:
        raise ConfigError(
            f"{board} has no boot loader {asked!r}",
            hint=f"it has: {', '.join(known)}",
            key="loader",
            allowed=known,
        )
    return asked
