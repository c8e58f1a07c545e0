"""convert: a network of Keras or TensorFlow as int8 TensorFlow Lite."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.commands.make import array_files, identifier, show_sizes
from tinysine.errors import ConfigError, ModelError
from tinysine.result_files import DEFAULT_OUT, KERAS_FILE, NETWORK, TRAINING_JSON
from tinysine.whole_files import require_writable, write_files

if TYPE_CHECKING:
    from tinysine.training import Converted

_NAME_ONE = "name a Keras file (.keras, .h5), a SavedModel folder, or a folder that `tinysine train` wrote"


def convert(
    network: Annotated[
        Path,
        typer.Argument(
            metavar="NETWORK",
            help="A Keras file (.keras, .h5), a SavedModel folder, or the folder that `tinysine train` wrote.",
            show_default=True,
        ),
    ] = DEFAULT_OUT,
    *,
    representative: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with typical inputs, float32 [samples, ...], as .npy or .npz; the int8 scales follow from them. "
            "A network of `tinysine train` does not need it.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the results; by default the folder of the network.",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Convert a network to float and int8 .tflite files.

    Writes the .tflite files, and the int8 one also as a C array. Shows the size of each form. Inputs and outputs of the
    int8 file are int8. Before anything is written, the int8 file is run and compared with the float file.

    \b
    Examples:
      tinysine convert tinysine-out
      tinysine convert net.keras --representative inputs.npy
    """
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415
    from tinysine.training import read_back, require_tensorflow, tflite_files  # noqa: PLC0415

    source = find_source(network, representative)
    folder = require_writable(out or source.folder)
    require_tensorflow()
    with Progress(lines=True) as progress:
        with progress.stage("convert"):
            converted, parameters = source.convert()
        with progress.stage("read back"):
            agreement = read_back(converted)
    name = source.name
    files = write_files(
        folder, tflite_files(converted, name=name) | array_files(converted.int8_tflite, f"{name}_int8")
    )
    show_sizes(converted, parameters=parameters, name=f"{name}_int8")
    say(
        f"int8 differs from float by at most {agreement.max_error:.3g} on {agreement.samples} representative inputs, "
        f"where outputs are from {agreement.lowest:.3g} to {agreement.highest:.3g}"
    )
    for file in files:
        say(f"wrote {file}")
    _say_what_is_next(folder / f"{name}_int8.tflite")


@dataclass(frozen=True)
class Source:
    """Source of a conversion.

    Attributes:
        name: that the files begin with.
        folder: where they go by default.
        convert: does it, and says how many parameters the network has, where that is known.
    """

    name: str
    folder: Path
    convert: Callable[[], tuple[Converted, int | None]]


def find_source(network: Path, representative: Path | None) -> Source:
    """Find out what was named, before tensorflow is imported, which takes seconds.

    Raises:
        ConfigError: there is no such thing, it is of another kind, or typical inputs are missing or cannot be used.
    """
    from tinysine.tflite import kind_of_path  # noqa: PLC0415
    from tinysine.training import (  # noqa: PLC0415
        REPRESENTATIVE_OPTION,
        convert_file,
        read_representative,
    )

    try:
        kind = kind_of_path(network)
    except FileNotFoundError as error:
        first = "`tinysine train` makes one, or " if network == DEFAULT_OUT else ""
        raise ConfigError(f"there is no {network}", hint=first + _NAME_ONE, file=str(network)) from error
    except OSError as error:
        raise ConfigError(
            f"{network} cannot be read: {error.strerror}", hint=_NAME_ONE, file=str(network)
        ) from error
    inputs = None if representative is None else read_representative(representative)
    trained = network.parent if network.name == KERAS_FILE else network
    if inputs is None and (trained / TRAINING_JSON).is_file():
        return Source(NETWORK, trained, lambda: _convert_trained(trained))
    file = network / KERAS_FILE if (network / TRAINING_JSON).is_file() else network
    if file == network and not kind.convertible:
        hint = kind.hint if kind.what == "a .tflite file" else _NAME_ONE
        raise ConfigError(f"{network} is {kind.what}, not a network to convert", hint=hint, file=str(network))
    if inputs is None:
        raise ConfigError(
            f"{network} needs typical inputs, which decide the int8 scales",
            hint=f"{REPRESENTATIVE_OPTION} inputs.npy, after this in Python: "
            "numpy.save('inputs.npy', x_train[:500].astype('float32'))",
            key=REPRESENTATIVE_OPTION,
        )
    return Source(identifier(file.stem), file.parent, lambda: (convert_file(file, inputs), None))


def _convert_trained(folder: Path) -> tuple[Converted, int | None]:
    from tinysine.training import convert as convert_trained  # noqa: PLC0415
    from tinysine.training import load  # noqa: PLC0415

    network = load(folder)
    return convert_trained(network), network.parameters


def _say_what_is_next(file: Path) -> None:
    """Say whether tinysine runs the file: it is a good one either way."""
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.graph import read_network  # noqa: PLC0415

    try:
        read_network(file)
    except ModelError as error:
        reason = error.message.removeprefix(str(file)).lstrip(": ")
        say(f"not for tinysine's own engine: {reason}")
        say(
            f"firmware with another engine: tinysine verify {shlex.quote(str(file))} --firmware foreign --port PORT"
        )
        return
    say(f"next: tinysine verify {shlex.quote(str(file))}")
