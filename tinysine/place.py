"""Where a board is, in one value, and the text that asks for it. Each start of the command line imports this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from tinysine.errors import ConfigError

ANY_PORT = "auto"
TWIN = "twin"


@dataclass(frozen=True)
class Wiring:
    """The connection of one board of a bench to this computer, as far as it has to be said.

    Attributes:
        probe: serial number of the debug probe on it.
        usb_serial: serial number of the board's own USB device.
        upload_port: port of its boot loader, where that is not the port of the link.
        tool: the flash tool to use, instead of the first one that is installed.
        unique_id: that the board's chip reports, 16 hexadecimal digits; proves that it is this board.
    """

    probe: str = ""
    usb_serial: str = ""
    upload_port: str = ""
    tool: str = ""
    unique_id: str = ""


@dataclass(frozen=True)
class NewTwin:
    """The board's twin: it is started for whoever asks, and ended afterwards."""

    port: ClassVar[str] = ""  # it gets one as it starts


@dataclass(frozen=True)
class AtPort:
    """A port of this computer, of a running twin, or of another computer.

    Attributes:
        port: a device path, a name such as COM3, or a pyserial URL.
        wiring: what flashing has to know of hardware.
    """

    port: str
    wiring: Wiring = field(default_factory=Wiring)


@dataclass(frozen=True)
class Attached:
    """Wherever the one board of its kind is that is attached; `tinysine.bench.bench_file.locate` finds it.

    Attributes:
        wiring: what is known beforehand of its connection.
    """

    wiring: Wiring = field(default_factory=Wiring)


Place = NewTwin | AtPort
WantedPlace = Place | Attached

NEW_TWIN = NewTwin()


def read_place(text: str | None, *, source: str, probe: str = "") -> WantedPlace:
    """Read the place that a text asks for: the only function that knows its words.

    Args:
        text: "twin" or None: the board's twin. "auto": the one that is attached. Else a port.
        source: the option, variable or file that the text came from.
        probe: serial number of the debug probe on the board; "" where it need not be said.
    Raises:
        ConfigError: empty, an option, or a URL that pyserial would not take; facts key.
    """
    wiring = Wiring(probe=probe)
    if text is None or text == TWIN:
        return NEW_TWIN
    if text == ANY_PORT:
        return Attached(wiring)
    if not text:
        # A variable of a script that is not set, most likely: not the same as asking for the twin.
        raise ConfigError(
            f"{source} is empty",
            hint="name a port, or leave the option away for the board's twin",
            key=source,
        )
    if "://" in text:
        from tinysine.link import checked_url  # noqa: PLC0415 - brings numpy

        checked_url(text)
    return AtPort(text, wiring)
