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
            "A name is misspelt, or is not one of the allowed names",
            "Use the name that the message suggests",
        ),
        Remedy(
            "The value comes from a variable, from pytest's configuration, or from a bench or board file",
            "Correct it there; the message says where it comes from",
        ),
        Remedy("Two options contradict each other", "Leave out the one that the message names"),
        Remedy(
            "A file or folder does not exist, or may not be read or written",
            "Check the path and its permissions",
        ),
        Remedy(
            "An extra or a program is not installed",
            "Run `tinysine doctor`: it says which, and how to get it",
        ),
    ),
    ModelError: (
        Remedy(
            "The file is not a TensorFlow Lite model, but a web page, a Git LFS pointer, or a Keras file",
            "Download the model itself; convert a Keras file with `tinysine convert`",
        ),
        Remedy("The file is cut off or damaged", "Copy or download it again"),
        Remedy(
            "The model computes in floats", "Quantise it to int8 with `tinysine convert` and typical inputs"
        ),
        Remedy(
            "The generated engine does not support an operator, or not with these attributes or shapes",
            "See the list of operators on the page of the generated engine; test the model with another engine "
            "(`--engine tflm`), or with firmware of your own (`--firmware foreign`)",
        ),
        Remedy(
            "The reference cannot be reproduced with 32-bit integers for this model",
            "Compare with the other reference: `--reference tflm`",
        ),
    ),
    BuildError: (
        Remedy(
            "No compiler for this core is installed",
            "Run `pip install ziglang`, or install GCC for Arm (arm-none-eabi-gcc) or AVR (avr-gcc)",
        ),
        Remedy(
            "The C of an engine or a sketch does not compile",
            "Correct the sources; the message has the compiler's first error",
        ),
        Remedy(
            "The compiler was ended by a signal, or memory or disk space ran out",
            "Free memory or disk space, and run it again",
        ),
        Remedy("The installation of tinysine is incomplete", "Install it again"),
    ),
    ImageTooLarge: (
        Remedy(
            "The weights and the code are larger than the board's flash",
            "Use a smaller model, `--optimize size`, or a board with more flash; `tinysine boards` lists the boards",
        ),
        Remedy(
            "The buffers between layers are larger than the board's RAM",
            "Make the activations smaller, with a smaller picture or a stride in an early layer; or use a board "
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
            "An emulated board does not start, or does not end",
            "Run `tinysine doctor`, which checks every emulator",
        ),
        Remedy("The disk is full", "Free disk space"),
        Remedy(
            "The board is quarantined: it fell silent, and nothing brought it back",
            "Read the first error of the session; then check cable, power and board",
        ),
    ),
    BoardNotFound: (
        Remedy(
            "The board is not plugged in, or its cable only carries power",
            "Plug it in with a data cable; `tinysine boards` lists what is attached",
        ),
        Remedy(
            "You do not have permission to see the device",
            "Run `tinysine doctor`: it prints the command that gives you permission",
        ),
        Remedy(
            "The bench file has another serial number",
            "Correct it; `tinysine boards` prints the lines of a bench file",
        ),
        Remedy("An emulated board has ended", "Start it again with `tinysine emulate`"),
    ),
    PlaceLost: (
        Remedy("Somebody released or acquired the place during the run", "Ask who did; then run this again"),
        Remedy(
            "The coordinator of the farm, or the computer with the board, was restarted or is gone",
            "Check that both run; then run this again",
        ),
    ),
    PortUnavailable: (
        Remedy(
            "Another program has the port open, such as a serial monitor",
            "Close it; the message names it if it is known",
        ),
        Remedy(
            "You do not have permission to use serial ports",
            "Run `tinysine doctor`: it prints the command that gives you permission",
        ),
        Remedy(
            "The board was unplugged, reset or powered off while it was asked",
            "Check cable and power, and run this again",
        ),
        Remedy("The port has another name now", "Use `--port auto`, which finds the board by its USB device"),
        Remedy(
            "The system has no pseudo-terminals: Windows has none", "Use WSL, or a board that is attached"
        ),
    ),
    FlashError: (
        Remedy(
            "No tool that flashes this board is installed",
            "Run `tinysine doctor`: it lists the tools for each board, and how to get them",
        ),
        Remedy(
            "Several debug probes are attached, or another chip is connected to the probe",
            "Name the probe: `--probe SERIAL`, or `probe` in the bench file",
        ),
        Remedy(
            "The boot loader did not start, or its port did not appear",
            "Press the reset button twice, quickly, and run this again",
        ),
        Remedy("The flash tool failed", "Run its command by hand; command and output are below the message"),
        Remedy(
            "You do not have permission to use the probe's USB device",
            "Run `tinysine doctor`: it prints the command that gives you permission",
        ),
    ),
    LinkTimeout: (
        Remedy("The device sends nothing: no firmware, no power, or it hangs", "Reset it; flash it again"),
        Remedy("TX and RX are swapped, or ground is not connected", "Check the wires"),
        Remedy("The port has another baud rate than the firmware", "Correct `baud` in the board file"),
        Remedy(
            "Another application runs on the board, and prints text",
            "Flash the firmware; the message shows what was received",
        ),
        Remedy("The board boots slowly after its port is opened", "Give it more time: `--timeout 20`"),
    ),
    LeaseHeld: (
        Remedy(
            "Another program uses the board, yours or somebody else's",
            "Wait for it, or end the process that the message names",
        ),
        Remedy(
            "A program that was started in the background still runs",
            "Run `tinysine boards`: it shows who uses each board",
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
            "Bytes were lost or changed on the line",
            "Use a shorter cable, a common ground or a lower baud rate",
        ),
        Remedy(
            "The CRC or the framing of your own firmware is wrong",
            "Compare it with the example frame in docs/protocol.md",
        ),
    ),
    StaleReply: (
        Remedy(
            "An answer came after its deadline, or belongs to another program's request",
            "Close other programs at this port; tinysine sends the request again",
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
            "Leave out `--flash never`, so that the board is flashed",
        ),
        Remedy(
            "The flash tool reported success, but the board was not flashed",
            "Flash again; try another tool or cable",
        ),
        Remedy(
            "The port belongs to another board than you think",
            "Run `tinysine boards`, which shows each board's port; name the port, or `usb_serial` in the bench file",
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
