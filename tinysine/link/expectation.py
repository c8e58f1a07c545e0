"""Whether the device runs what was built, before any number is compared."""

from __future__ import annotations

import shlex
from typing import Protocol

from tinysine.errors import IdentityMismatch
from tinysine.link.answers import NAME_CHARACTERS, Identity
from tinysine.quantization import Rounding


class Named(Protocol):
    """Anything with a name, such as a Board."""

    @property
    def name(self) -> str:
        """As in the catalogue."""


class ExpectedImage(Protocol):
    """What an image says about itself; tinysine.image.Image is one."""

    @property
    def board(self) -> Named:
        """Which board it was built for."""

    @property
    def model_sha256(self) -> str:
        """Of the .tflite file, hexadecimal."""

    @property
    def build_id(self) -> bytes:
        """16 bytes."""

    @property
    def rounding(self) -> Rounding:
        """Of the engine."""


def require_image(identity: Identity, image: ExpectedImage, *, port: str) -> None:
    """Demand that an identity is the image's, the most telling field first.

    Args:
        identity: as the device reported it.
        image: as it was built.
        port: where the device is, for the message.
    Raises:
        IdentityMismatch: facts field, expected, got.
    """
    flash = f"`tinysine flash FILE --board {image.board.name} --port {shlex.quote(port)}` replaces it"
    rows = (
        (
            "board",
            image.board.name[:NAME_CHARACTERS],
            identity.board,
            "another board is at this port; `tinysine boards` lists them",
        ),
        ("model_sha256", image.model_sha256, identity.model_sha256, f"another model runs there; {flash}"),
        ("rounding", image.rounding.value, identity.rounding.value, f"another rounding runs there; {flash}"),
        ("build_id", image.build_id.hex(), identity.build_id.hex(), f"another build runs there; {flash}"),
    )
    for field, expected, got, hint in rows:
        if expected != got:
            raise IdentityMismatch(
                f"the device at {port} reports {field} {got}, not {expected}",
                hint=hint,
                field=field,
                expected=expected,
                got=got,
            )
