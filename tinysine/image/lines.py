"""Source lines of the engine's addresses, from the DWARF line table."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from pathlib import Path

from tinysine.elf_file import opened_elf


@dataclass(frozen=True)
class SourceLines:
    """Addresses, ascending, and what starts at each: (file name, line), None behind the end of a function."""

    addresses: tuple[int, ...]
    places: tuple[tuple[str, int] | None, ...]

    def place_of(self, address: int) -> tuple[str, int] | None:
        """(file name without folders, line) of an instruction; None where the compiler told nothing."""
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.places[at] if at >= 0 else None


def read_lines(elf: Path) -> SourceLines:
    """The line table of an image. Only the engine is compiled with one.

    Raises:
        BuildError: not an ELF file.
    """
    rows: dict[int, tuple[str, int] | None] = {}
    with opened_elf(elf) as file:
        if not file.has_dwarf_info():
            return SourceLines((), ())
        dwarf = file.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = [entry.name.decode(errors="replace") for entry in program["file_entry"]]
            base = 0 if program["version"] >= 5 else 1  # DWARF 5 counts files from 0, earlier ones from 1
            for entry in program.get_entries():
                state = entry.state
                if state is None:
                    continue
                if state.end_sequence:
                    rows.setdefault(state.address, None)
                else:
                    name = names[state.file - base] if 0 <= state.file - base < len(names) else ""
                    rows[state.address] = (Path(name).name, state.line)
    ordered = sorted(rows.items())
    return SourceLines(tuple(address for address, _ in ordered), tuple(place for _, place in ordered))
