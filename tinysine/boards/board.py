"""Board: facts from its TOML file, as frozen values."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tinysine.boards.toml_file import Table, Words
from tinysine.outside_text import file_name

# Of a frame, as docs/protocol.md has it: the identity has to fit in one, and lengths are 16 bits wide.
SMALLEST_PAYLOAD, LARGEST_PAYLOAD = 128, 32768
_USUAL_BAUD = 115_200  # of a link that has no rate of its own, and of Arduino sketches

_MOST = 0xFFFFFFFF  # every register and every address has 32 bits
Number = Annotated[int, Meta(ge=0, le=_MOST)]
Positive = Annotated[
    int, Meta(ge=1, le=_MOST)
]  # where zero is no fact: a clock of 0 means unknown, an address is one
UsbNumber = Annotated[int, Meta(ge=0, le=0xFFFF)]
UsbIds = Annotated[
    tuple[tuple[UsbNumber, UsbNumber], ...],
    Meta(description="a list of [vendor, product] pairs of 16-bit numbers"),
]
AVR = "avr5"  # the core of an Arduino Uno
Core = Literal["cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "avr5", "host", "any"]
ARDUINO = "arduino"  # the port of boards whose firmware is an Arduino sketch
Port = Annotated[
    str,
    # Folders in firmware/ports/ that several ports share are no ports.
    Meta(
        pattern=r"\A(?!(?:blocks|cortex_m)\Z)[A-Za-z0-9_]+\Z",
        description="the name of a port in firmware/ports/",
    ),
]
Block = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9_]+\Z", description="the name of a block in firmware/ports/blocks/")
]
Machine = Annotated[
    str,
    # After a comma, QEMU takes options, some of which write files.
    Meta(pattern=r"\A(?:[A-Za-z0-9][A-Za-z0-9_.-]*)?\Z", description="the name of one of QEMU's machines"),
]


class Memory(Table, frozen=True):
    """An address range. Units: bytes.

    Attributes:
        tcm_length: of RAM, how much from its beginning is tightly coupled to the core, where more follows that a data
            cache holds; 0 where all of it is alike.
    """

    origin: Number
    length: Positive
    tcm_length: Number = 0


class Uart(Table, frozen=True, kw_only=True):
    """The serial link: which block drives it, where it is, which pins, how fast.

    Attributes:
        tx, rx: pins; "" where the block has pins of its own and nothing is to be chosen.
        clock_hz: of the block; 0 means that it is the core's.
    """

    block: Block
    base: Number
    tx: str = ""
    rx: str = ""
    baud: Positive
    clock_hz: Number = 0


class Led(Table, frozen=True):
    """The LED of the demo.

    Attributes:
        pin: that switches it.
        active: "high" or "low": the level that lights it.
        other_pin: where its other end is on a pin too, as in a matrix; that pin is held at the opposite level.
            "" where it is wired to supply or ground.
    """

    pin: str
    active: Literal["high", "low"]
    other_pin: str = ""


class Limits(Table, frozen=True):
    """Memory limits of the firmware. Units: bytes.

    Attributes:
        stack_bytes: 0 where somebody else's linker script decides, and nobody tells.
        payload_bytes: largest payload of a frame.
    """

    stack_bytes: Number
    payload_bytes: Positive


class Board(Table, frozen=True, kw_only=True):
    """One board of the catalogue.

    Attributes:
        name: what `--board` takes, such as "nano33ble-sense", "qemu:microbit", "host".
        title: for people.
        chip: such as "nrf52840"; also the name of its register file, where there is one.
        core: "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "avr5" or "host"; "any" for
            boards that only run sketches which somebody else has compiled.
        fpu: the compiler's name for the floating-point unit, "" for none.
        clock_hz: of the core, as the firmware sets it.
        port: the folder in firmware/ports/ that drives it.
        backend: what stands in when no board is attached: "emulated", "qemu", "host" or "none".
        machine: QEMU's name for the machine, "" elsewhere.
        flash, ram: where the image may live; None on "host".
        uart, led: None where the board has none.
        usb_ids: (vendor, product) pairs under which the link enumerates; the application's own first, then, where
            it is the board's own USB, its boot loader's.
        flash_tools: in order of preference.
        limits: budgets.
        sources: where each fact comes from, by key.
        flash_options: by flash tool, the one thing that it has to be told about this board, such as pyOCD's
            target type; each tool's file in tinysine/flashing/ says what.
        upload_usb_ids: where the link is not the board's own USB: the ids under which that comes up for uploads,
            an application's first, then the boot loader's.
    """

    name: str
    title: str
    chip: str
    core: Core
    fpu: Literal["", "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16"] = ""
    clock_hz: Number
    port: Port
    backend: Literal["emulated", "qemu", "host", "none"]
    machine: Machine = ""
    flash: Memory | None = None
    ram: Memory | None = None
    uart: Uart | None = None
    led: Led | None = None
    usb_ids: UsbIds
    flash_tools: Annotated[tuple[str, ...], Meta(description="a list of tool names")]
    limits: Limits
    sources: Annotated[dict[str, Words], Meta(description="a table of texts, one for each fact")]
    flash_options: Annotated[
        dict[str, Words], Meta(description="a table of texts, one for each flash tool")
    ] = field(default_factory=dict)
    upload_usb_ids: UsbIds = ()

    @property
    def file_name(self) -> str:
        """Its name as part of a file's: a colon is none on every system."""
        return file_name(self.name.replace(":", "-"))

    @property
    def baud(self) -> int:
        """The rate of the link, where that means anything."""
        return _USUAL_BAUD if self.uart is None else self.uart.baud

    @property
    def is_buildable(self) -> bool:
        """Tell whether firmware can be built for it here; if not, it runs sketches that were compiled elsewhere."""
        return self.core != "any"

    @property
    def is_sketch(self) -> bool:
        """Tell whether its firmware is an Arduino sketch, around which somebody else's core and libraries stand."""
        return self.port == ARDUINO

    @property
    def features(self) -> frozenset[str]:
        """Return the features that a test may require, in words: the core, and "led" and "fpu" if it has one."""
        has = {"led": self.led is not None, "fpu": bool(self.fpu), self.core: self.core != "any"}
        return frozenset(word for word, is_there in has.items() if is_there)

    @property
    def has_twin(self) -> bool:
        """Tell whether an emulator can stand in for it."""
        return self.backend != "none"

    @property
    def own_usb_ids(self) -> tuple[tuple[int, int], ...]:
        """The ids under which the board takes uploads over USB."""
        return self.upload_usb_ids or self.usb_ids
