"""Causes and remedies of each error: for the page of errors and `tinysine explain`.

The message of an error has the hint for its own case. Here is what else is possible, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tinysine.errors import (
    BenchError,
    BoardNotFound,
    BuildError,
    ConfigError,
    DeviceError,
    FirmwareWrong,
    FlashError,
    FrameCorrupt,
    IdentityMismatch,
    ImageTooLarge,
    LeaseHeld,
    LinkTimeout,
    ModelError,
    PlaceLost,
    PortUnavailable,
    ProtocolError,
    StaleReply,
    TinysineError,
    VersionMismatch,
)


def meaning_of(kind: type[TinysineError]) -> str:
    """Return the meaning of an error's kind, in one sentence, without its full stop."""
    return " ".join((kind.__doc__ or kind.__name__).split()).partition(".")[0]


def facts_of(kind: type[TinysineError]) -> str:
    """The names of the attributes that an error of a kind may have, as its docstring lists them; "" for none."""
    return " ".join((kind.__doc__ or "").split()).partition(" Facts")[2].strip(":. ")


class Remedy(NamedTuple):
    """One thing that an error may come from, and what helps. Both are sentences without their full stops."""

    cause: str
    cure: str


REMEDIES: Mapping[type[TinysineError], tuple[Remedy, ...]] = {
    ConfigError: (
        Remedy(
            "A name is misspelt, or is none of those that are allowed",
            "The message has the nearest match, or all that are allowed",
        ),
        Remedy(
            "The value comes from a variable, from pytest's configuration, or from a bench or board file",
            "The message says from where; correct it there",
        ),
        Remedy("Two options contradict each other", "Leave out the one that the message names"),
        Remedy(
            "A file or folder does not exist, or may not be read or written",
            "Check the path and its permissions",
        ),
        Remedy("An extra or a program is not installed", "`tinysine doctor` says which, and how to get it"),
    ),
    ModelError: (
        Remedy(
            "The file is no TensorFlow Lite model, such as a web page, a Git LFS pointer, or a Keras file",
            "Fetch the model itself; a Keras file becomes one by `tinysine convert`",
        ),
        Remedy("The file is cut off or damaged", "Copy or download it again"),
        Remedy(
            "The model is in floats", "Quantise it to int8: `tinysine convert` does so with typical inputs"
        ),
        Remedy(
            "The generated engine does not have an operator, or not with these attributes or shapes",
            "The page of the generated engine lists them; judge the model with another engine "
            "(`--engine tflm`), or with firmware of your own (`--firmware foreign`)",
        ),
        Remedy(
            "No integers of 32 bits equal the reference for this model",
            "Judge it against the other reference: `--reference tflm`",
        ),
    ),
    BuildError: (
        Remedy(
            "No compiler for this core is installed",
            "`pip install ziglang` brings one; or install GCC for Arm (arm-none-eabi-gcc) or AVR (avr-gcc)",
        ),
        Remedy(
            "The C of an engine or a sketch does not compile",
            "The message has the compiler's first error; correct the sources",
        ),
        Remedy(
            "The compiler was ended, by a signal or for want of memory or disk space",
            "Free some, and run it again",
        ),
        Remedy("The installation of tinysine is incomplete", "Install it again"),
    ),
    ImageTooLarge: (
        Remedy(
            "The weights and the code are larger than the board's flash",
            "A smaller model, `--optimize size`, or a board with more flash; `tinysine boards` lists them",
        ),
        Remedy(
            "The buffers between layers are larger than the board's RAM",
            "Smaller activations, such as a smaller picture or a stride in an early layer, or a board "
            "with more RAM",
        ),
    ),
    BenchError: (
        Remedy(
            "Another program uses the board, its port or a file at the same time",
            "End it, and run this again",
        ),
        Remedy(
            "No folder for running boards or leases can be made",
            "Set `XDG_RUNTIME_DIR` to a folder of your own with a short path, or `TINYSINE_LOCKS` to "
            "one that all users share",
        ),
        Remedy(
            "An emulated board does not start, or does not come to rest",
            "`tinysine doctor` checks every emulator",
        ),
        Remedy("The disk is full", "Free some space"),
        Remedy(
            "The board is quarantined: it fell silent, and nothing brought it back",
            "Look at the first error of the session; then at cable, power and board",
        ),
    ),
    BoardNotFound: (
        Remedy(
            "The board is not plugged in, or its cable only carries power",
            "Plug it in with a data cable; `tinysine boards` lists what is attached",
        ),
        Remedy(
            "The operating system does not let you see the device",
            "`tinysine doctor` prints the command that allows it",
        ),
        Remedy(
            "The bench file names another serial number",
            "Correct it; `tinysine boards` prints the lines of a bench file",
        ),
        Remedy("An emulated board has ended", "Start it again with `tinysine emulate`"),
    ),
    PlaceLost: (
        Remedy("Somebody released or took the place meanwhile", "Ask who; then run this again"),
        Remedy(
            "The coordinator of the farm, or the computer with the board, was restarted or is gone",
            "Look whether both run; then run this again",
        ),
    ),
    PortUnavailable: (
        Remedy(
            "Another program has the port open, such as a serial monitor",
            "Close it; the message names it where it can be known",
        ),
        Remedy("You may not use serial ports", "`tinysine doctor` prints the command that allows it"),
        Remedy(
            "The board was unplugged, reset or powered off while it was asked",
            "Check cable and power, and run this again",
        ),
        Remedy("The port has another name now", "`--port auto` finds the board by its USB device"),
        Remedy(
            "The system has no pseudo-terminals, as Windows has none", "Use WSL, or a board that is attached"
        ),
    ),
    FlashError: (
        Remedy(
            "No tool that flashes this board is installed",
            "`tinysine doctor` lists the tools for each board, and how to get them",
        ),
        Remedy(
            "Several debug probes are attached, or the chip behind the probe is another",
            "Name the probe: `--probe SERIAL`, or `probe` in the bench file",
        ),
        Remedy(
            "The boot loader did not start, or its port did not appear",
            "Press the reset button twice, quickly, and run this again",
        ),
        Remedy("The flash tool failed", "Its command and what it said are below the message; run it by hand"),
        Remedy(
            "You may not use the probe's USB device", "`tinysine doctor` prints the command that allows it"
        ),
    ),
    LinkTimeout: (
        Remedy("The device sends nothing: no firmware, no power, or it hangs", "Reset it; flash it again"),
        Remedy("TX and RX are exchanged, or ground is missing", "Check the wires"),
        Remedy("The baud rate of the port is another than the firmware's", "`baud` in the board file"),
        Remedy(
            "Another application runs there, and prints text",
            "Flash the firmware; the message shows what was received",
        ),
        Remedy("The board boots slowly after its port was opened", "`--timeout 20`"),
    ),
    LeaseHeld: (
        Remedy(
            "Another program of yours or of somebody else uses the board",
            "Wait for it, or end the process that the message names",
        ),
        Remedy(
            "A program that was started in the background still runs", "`tinysine boards` shows who uses what"
        ),
    ),
    ProtocolError: (
        Remedy("Another program reads or writes at the same port", "Close it"),
        Remedy("The device is reset again and again", "Check its power; ask for its fault record"),
        Remedy(
            "Firmware of your own does not follow the protocol",
            "Compare it with docs/protocol.md; for firmware of tinysine, flash it again",
        ),
    ),
    FrameCorrupt: (
        Remedy(
            "Bytes were lost or changed on the line", "A shorter cable, a common ground, a lower baud rate"
        ),
        Remedy(
            "The CRC or the framing of your own firmware is wrong",
            "Compare it with the example frame in docs/protocol.md",
        ),
    ),
    StaleReply: (
        Remedy(
            "An answer came after its deadline, or belongs to another program's request",
            "Close other programs at this port; requests are sent again by themselves",
        ),
    ),
    VersionMismatch: (
        Remedy("The firmware was built by an older tinysine", "Flash firmware built by this version"),
        Remedy(
            "The firmware was built by a later tinysine",
            "Install that version, or flash firmware built by this one",
        ),
    ),
    DeviceError: (
        Remedy(
            "The request was refused: its size, offset or tensor does not fit the model",
            "Compare the model on the device with yours; the message names the status",
        ),
        Remedy("An input is NaN or infinite", "Send finite numbers only"),
        Remedy(
            "The engine failed, or describes its tensors wrongly",
            "Correct the engine: docs/your-engine.md says what its functions return",
        ),
        Remedy(
            "The firmware does not have the request",
            "Leave out the option that needs it, or add the request to the firmware",
        ),
    ),
    IdentityMismatch: (
        Remedy(
            "The board was not flashed since the model or an option changed",
            "Leave out `--flash never`, so that it is flashed",
        ),
        Remedy("Flashing seemed to work, and did not", "Flash again; try another tool or cable"),
        Remedy(
            "The port belongs to another board than you think",
            "`tinysine boards` lists which is where; name the port, or `usb_serial` in the bench file",
        ),
        Remedy("The engine was built for another model or reference", "Build it again"),
    ),
    FirmwareWrong: (
        Remedy(
            "The firmware crashed between two tests",
            "The message has the fault record: its kind, and the address (pc) to look for in the "
            "image's symbols",
        ),
    ),
}
