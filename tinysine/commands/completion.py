"""Completion of options in the shell: boards, ports, engines, errors.

Nothing here fails or prints, whatever is broken.
"""

from __future__ import annotations

import glob

from tinysine.place import ANY_PORT, TWIN
from tinysine.settings import ENGINE

Offer = tuple[str, str]
"""A word, and what it is."""


def complete_board(incomplete: str) -> list[Offer]:
    """Boards of the catalogue whose name begins with what is typed; a shell takes no others."""
    try:
        from tinysine.boards import list_boards  # noqa: PLC0415

        names = [(board.name, board.title) for board in list_boards()]
    except Exception:  # a broken board file is said when the command runs
        return []
    return [offer for offer in names if offer[0].startswith(incomplete)]


def complete_port(incomplete: str) -> list[Offer]:
    """Serial ports that are there, running twins, and the words that stand for a port."""
    offers = [(ANY_PORT, "the one board that is attached"), (TWIN, "an emulated board that is started")]
    try:
        from serial.tools.list_ports import comports  # noqa: PLC0415

        from tinysine.emulation import running_emulators  # noqa: PLC0415

        offers += [(port.device, port.description or "") for port in comports()]
        offers += [(twin.port, f"emulated {twin.board}") for twin in running_emulators()]
    except Exception:  # as above
        pass
    return [offer for offer in offers if offer[0].startswith(incomplete)]


def complete_error(incomplete: str) -> list[Offer]:
    """Names of errors and words of a verdict, in whatever letters they are typed."""
    from tinysine.commands.verdict_words import WORDS  # noqa: PLC0415
    from tinysine.remedies import REMEDIES, meaning_of  # noqa: PLC0415

    offers = [*((kind.__name__, meaning_of(kind)) for kind in REMEDIES), *WORDS.items()]
    return [offer for offer in offers if offer[0].lower().startswith(incomplete.lower())]


def complete_engine(incomplete: str) -> list[Offer]:
    """The generated engine, those that tinysine has recipes for, and folders with an engine.toml.

    Where none fits, a shell offers folders by itself.
    """
    offers = [(ENGINE.default, "tinysine's own")]
    try:
        from tinysine.image.engines import ENGINE_FILE, recipes  # noqa: PLC0415

        offers += [(name, "comes with tinysine") for name in recipes()]
        for deeper in ("", "/*"):
            found = glob.glob(f"{glob.escape(incomplete)}*{deeper}/{ENGINE_FILE}")
            offers += [(file.removesuffix(f"/{ENGINE_FILE}"), "your engine") for file in sorted(found)]
    except Exception:  # as above
        pass
    return [offer for offer in offers if offer[0].startswith(incomplete)]
