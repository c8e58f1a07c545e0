"""Place of a board, in one value, and the text that asks for it. Each start of the command line imports this."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from tinysine.errors import ConfigError

ANY_PORT = "auto"
TWIN = "twin"
LABGRID = "labgrid:"
_PLACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*")
_TAG_NAME = re.compile("[a-z][a-z0-9_]+")
_TAG = re.compile(rf"({_TAG_NAME.pattern})=([A-Za-z0-9_.-]+)")


@dataclass(frozen=True)
class Wiring:
    """The connection of one board of a bench to this computer, as far as it has to be said.

    Attributes:
        probe: serial number of the debug probe on it.
        usb_serial: serial number of the board's own USB device.
        upload_port: port of its boot loader, where that is not the port of the link.
        tool: the flash tool to use, instead of the first one that is installed.
        unique_id: that the board's chip reports, 16 hexadecimal digits; proves that it is this board.
        power: commands that switch the board off and on, one after the other; none where nothing can.
    """

    probe: str = ""
    usb_serial: str = ""
    upload_port: str = ""
    tool: str = ""
    unique_id: str = ""
    power: tuple[tuple[str, ...], ...] = ()


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
class AtLabgrid:
    """A place of a labgrid farm: one by name, or any that has all the tags.

    Attributes:
        name: of the place; "" where tags say which.
        tags: names and values, sorted.
        wiring: what is known beforehand of its connection; the place's own tags say the rest.
    """

    name: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    wiring: Wiring = field(default_factory=Wiring)

    @property
    def port(self) -> str:
        """The text that asks for it, which stands for the port until the place is acquired."""
        return LABGRID + (self.name or ",".join(f"{name}={value}" for name, value in self.tags))


@dataclass(frozen=True)
class Attached:
    """Wherever the one board of its kind is that is attached; `tinysine.bench.bench_file.locate` finds it.

    Attributes:
        wiring: what is known beforehand of its connection.
    """

    wiring: Wiring = field(default_factory=Wiring)


Named = AtPort | AtLabgrid
Place = NewTwin | Named
WantedPlace = Place | Attached

NEW_TWIN = NewTwin()


def read_place(text: str | None, *, source: str, probe: str = "") -> WantedPlace:
    """Read the place that a text asks for: the only function that knows its words.

    Args:
        text: "twin" or None: the board's twin. "auto": the one that is attached. "labgrid:NAME" or
            "labgrid:tag=value,...": a place of a labgrid farm. Else a port.
        source: the option, variable or file that the text came from.
        probe: serial number of the debug probe on the board; "" where it need not be said.
    Raises:
        ConfigError: empty, an option, a URL that pyserial would not take, or no place of labgrid; facts key.
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
    return place_at(text, wiring)


def place_at(text: str, wiring: Wiring) -> Named:
    """The place that the text of a port names: a port, or a place of labgrid.

    Raises:
        ConfigError: a URL that pyserial would not take, or no place of labgrid; facts key.
    """
    if text.startswith(LABGRID):
        return _labgrid_place(text, wiring)
    if "://" in text:
        from tinysine.link import checked_url  # noqa: PLC0415 - brings numpy

        checked_url(text)
    return AtPort(text, wiring)


def _labgrid_place(text: str, wiring: Wiring) -> AtLabgrid:
    asked = text.removeprefix(LABGRID)
    if _PLACE_NAME.fullmatch(asked):
        return AtLabgrid(name=asked, wiring=wiring)
    tags: dict[str, str] = {}
    for part in asked.split(","):
        found = _TAG.fullmatch(part)
        if found is None or found[1] in tags:
            why = "it says neither a name nor tags" if not asked else f"{part!r} is no tag=value"
            name, _, value = part.partition("=")
            if name and value and not _TAG_NAME.fullmatch(name):
                why = (
                    f"labgrid has no tag {name!r}: a small letter first, then at least one of a-z, 0-9 and _"
                )
            elif name and value and found is None:
                why = f"the value {value!r} of {name} has more than letters, digits and _ . -"
            if found is not None:
                why = f"it names the tag {found[1]} twice"
            raise ConfigError(
                f"{text!r} is no place of labgrid: {why}",
                hint=f"{LABGRID}NAME, or {LABGRID}tag=value,tag=value",
                key="port",
            )
        tags[found[1]] = found[2]
    return AtLabgrid(tags=tuple(sorted(tags.items())), wiring=wiring)
