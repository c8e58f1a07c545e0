"""ELF files, opened with errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tinysine.errors import BuildError
from tinysine.regular_files import open_regular


@contextmanager
def opened_elf(path: Path) -> Iterator[Any]:
    """Open a file as elftools reads it.

    Raises:
        BuildError: it cannot be read, or what is read from it shows that it is no ELF file.
    """
    from elftools.common.exceptions import ELFError  # noqa: PLC0415  # heavy
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        with open_regular(path) as stream:
            yield ELFFile(stream)
    except OSError as error:
        raise elf_error(
            f"{path} cannot be read: {error.strerror or error}", path, hint="build it first"
        ) from error
    except (ELFError, ValueError, KeyError) as error:
        message = f"{path} is not an ELF file that can be read: {error}"
        raise elf_error(message, path, hint="build it again") from error


def elf_error(message: str, path: Path, *, hint: str = "") -> BuildError:
    """Make the error for an ELF file that does not do."""
    return BuildError(message, hint=hint, tool="elf", command="", output="", file=str(path))
