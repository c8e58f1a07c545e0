"""Settings of a run with a board, and where each comes from: option over variable over file over default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinysine.outside_text import one_line
from tinysine.place import WantedPlace, read_place
from tinysine.settings import ENGINE, PORT, SETTINGS, TOLERANCE, TOLERANCE_ABS, from_variables
from tinysine.variables import check_variables


@dataclass(frozen=True)
class Chosen:
    """A value and where it came from: an option, a variable, a file's name, or "default"."""

    value: str
    source: str


Choices = Mapping[str, Chosen]


def choose(
    options: Mapping[str, str | None],
    variables: Mapping[str, str],
    file: Mapping[str, str | None],
    *,
    file_name: str,
) -> Choices:
    """Settle every setting.

    Args:
        options, file: value by setting name; None or absent where not given.
        variables: the whole environment. An empty variable counts as not set, as CI files write it; but not the port's.
        file_name: what to call the file when it decides.
    Returns:
        By setting name.
    Raises:
        ConfigError: a value, or a variable of this family, that means nothing; names the nearest that does.
    """
    check_variables(variables)
    chosen, set_by_variable = {}, from_variables(variables)
    for setting in SETTINGS:
        candidates = (
            (options.get(setting.name), setting.option),
            (set_by_variable.get(setting.name), setting.variable),
            (file.get(setting.name) or None, file_name),
            (setting.default, "default"),
        )
        value, source = next((value, source) for value, source in candidates if value is not None)
        setting.check(value, source)
        if setting is PORT and source != "default":
            read_place(value, source=source)
        chosen[setting.name] = Chosen(value, source)
    return chosen


def boards_of(choices: Choices) -> tuple[str, ...]:
    """Return the names of the boards under test, in the order in which they were asked for, each once."""
    return tuple(dict.fromkeys(name.strip() for name in choices["board"].value.split(",") if name.strip()))


def places_of(choices: Choices) -> tuple[str, ...]:
    """Return the ids of boards of the bench that were asked for, each once."""
    return tuple(dict.fromkeys(id.strip() for id in choices["place"].value.split(",") if id.strip()))


def place_of(choices: Choices) -> WantedPlace:
    """Return the place that was asked for."""
    port = choices["port"]
    return read_place(port.value or None, source=port.source, probe=choices["probe"].value)


def is_foreign(choices: Choices) -> bool:
    """Tell whether the firmware under test is somebody else's."""
    return choices["firmware"].value == "foreign"


def is_generated(choices: Choices) -> bool:
    """Tell whether the generated engine has to run the model."""
    return not is_foreign(choices) and choices["engine"].value == ENGINE.default


def tolerance_of(choices: Choices) -> tuple[int, float]:
    """Return the tolerance that was asked for: in codes, and of float32 outputs."""
    return TOLERANCE.value(choices["tolerance"].value), TOLERANCE_ABS.value(choices["tolerance-abs"].value)


def describe(choices: Choices, *, boards: Sequence[str] = ()) -> str:
    """Say in one line what is under test and who decided it; defaults but board and port go unsaid.

    Args:
        boards: of the bench, in words, where it says which ones there are.
    """
    said = [f"boards {', '.join(boards)}"] * bool(boards)
    always = () if boards else ("port",) if is_foreign(choices) else ("board", "port")
    return ", ".join(
        said
        + [
            f"{name} {one_line(chosen.value) or 'twin'} "
            f"({'' if chosen.source == 'default' else 'from '}{chosen.source})"
            for name, chosen in choices.items()
            if chosen.source != "default" or name in always
        ]
    )
