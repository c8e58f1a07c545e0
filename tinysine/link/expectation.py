"""Check that the device runs the image that was built, before any number is compared."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Protocol

from tinysine.errors import IdentityMismatch
from tinysine.link.identity import NAME_CHARACTERS, Identity
from tinysine.quantization import Rounding


class Named(Protocol):
    """Anything with a name, such as a Board."""

    @property
    def name(self) -> str:
        """As in the catalogue."""


class Expected(Protocol):
    """Identity that a device must prove: an image, or firmware that was not built here."""

    @property
    def board(self) -> Named | None:
        """Board for which it was built; None if it is not known."""

    @property
    def model_sha256(self) -> str:
        """Of the .tflite file, hexadecimal."""

    @property
    def build_id(self) -> bytes | None:
        """16 bytes; None where the firmware was not built here."""

    @property
    def rounding(self) -> Rounding:
        """Of the engine."""


@dataclass(frozen=True)
class ForeignFirmware:
    """Firmware that was not built here: it proves its model and its reference, and its build is its own affair.

    Attributes:
        model_sha256: of the .tflite file, hexadecimal.
        rounding: whose answers it gives.
    """

    model_sha256: str
    rounding: Rounding
    board: None = None
    build_id: None = None


def require(identity: Identity, expected: Expected, *, port: str) -> None:
    """Demand that an identity is the expected one, the most telling field first.

    Args:
        identity: as the device reported it.
        expected: what it has to prove.
        port: where the device is, for the message.
    Raises:
        IdentityMismatch: facts field, expected, got.
    """
    board = build_id = None
    cure = f"put firmware with it on the device, or choose --reference {identity.reference}"
    if expected.board is not None:
        board = expected.board.name
        cure = f"`tinysine flash FILE --board {board} --port {shlex.quote(port)}` replaces it"
    if expected.build_id is not None:
        build_id = expected.build_id.hex()
    model = cure if board else "put firmware with this one on the device, or verify the model that it runs"
    rows = (
        (
            "board",
            board and board[:NAME_CHARACTERS],
            identity.board,
            "another board is at this port, or firmware that tinysine did not build: --firmware foreign judges that as"
            " it is; `tinysine boards` lists boards",
        ),
        ("model_sha256", expected.model_sha256, identity.model_sha256, f"another model runs there; {model}"),
        (
            "rounding",
            expected.rounding.value,
            str(identity.reference),
            f"another rounding runs there; {cure}",
        ),
        ("build_id", build_id, identity.build_id.hex(), f"another build runs there; {cure}"),
    )
    for field, due, got, hint in rows:
        if due is not None and due != got:
            raise IdentityMismatch(
                f"the device at {port} reports {field} {got!r}, not {due!r}"
                if field == "board"
                else f"the device at {port} reports {field} {got}, not {due}",
                hint=hint,
                field=field,
                expected=due,
                got=got,
            )
