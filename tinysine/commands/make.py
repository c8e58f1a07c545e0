"""train, c-array, build: from samples of a sine to an image in a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine import training_defaults
from tinysine.commands import options
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.errors import ConfigError
from tinysine.result_files import DEFAULT_OUT
from tinysine.settings import (
    ENGINE,
    OPTIMIZE,
    PRUNE,
    REFERENCE,
    TIMEOUT,
    TOOLCHAIN,
)
from tinysine.whole_files import require_writable, write_files

if TYPE_CHECKING:
    from tinysine.commands.screen import Progress
    from tinysine.image import Image
    from tinysine.training import Converted, Trained, TrainingSettings

OutFolder = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Folder for the results; it is created if it does not exist.",
        rich_help_panel="Output",
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Show what each layer costs, measured on an emulated core.",
        rich_help_panel="Output",
    ),
]


def train(
    *,
    out: OutFolder = DEFAULT_OUT,
    network: options.Network = training_defaults.NETWORK,
    epochs: options.Epochs = training_defaults.EPOCHS,
    batch_size: options.BatchSize = training_defaults.BATCH_SIZE,
    samples: options.TrainingSamples = training_defaults.SAMPLES,
    noise: options.Noise = training_defaults.NOISE,
    split: options.Split = training_defaults.SPLIT,
    seed: options.TrainingSeed = training_defaults.SEED,
) -> None:
    """Train a small network on a noisy sine.

    Writes the Keras model, and training.json with recipe and history. Same seed and versions, same weights.

    \b
    Examples:
      tinysine train
      tinysine train --network model_1 --epochs 200 --out attempt
    """
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415
    from tinysine.training import TrainingSettings, require_tensorflow, save  # noqa: PLC0415

    settings = TrainingSettings(
        samples=samples,
        noise=noise,
        split=split,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        network=network,
    )
    require_writable(out)
    require_tensorflow()
    with Progress(lines=True) as progress:
        trained = train_with(progress, settings)
        with progress.stage("save"):
            files = save(out, trained)
    say(
        f"{trained.parameters} parameters, loss {trained.history['loss'][-1]:.4f}, "
        f"validation {trained.history['val_loss'][-1]:.4f}, {trained.seconds:.1f} s"
    )
    for file in files:
        say(f"wrote {file}")


def train_with(
    progress: Progress, settings: TrainingSettings, *, on_epoch: Callable[[int, int], None] | None = None
) -> Trained:
    """Train, with a bar that shows the loss.

    Args:
        progress: has the bar.
        settings: of the training.
        on_epoch: called after each epoch as on_epoch(epoch, epochs), epoch counted from 1.
    """
    from tinysine.training import train as fit  # noqa: PLC0415

    with progress.stage("train", steps=settings.epochs) as step:
        every = max(1, settings.epochs // 200)

        def ended(epoch: int, epochs: int, loss: float, mae: float) -> None:
            if on_epoch is not None:
                on_epoch(epoch, epochs)
            if epoch % every == 0 or epoch == epochs:
                step(epoch, f"epoch {epoch}/{epochs}  loss {loss:.4f}  mae {mae:.4f}")

        return fit(settings, on_epoch=ended)


def array_files(data: bytes, name: str) -> dict[str, bytes]:
    """The C array of a model as file contents by file name."""
    from tinysine.tflite import c_array as make_array  # noqa: PLC0415

    array = make_array(data, name=name)
    return {f"{name}.cc": array.source.encode(), f"{name}.h": array.header.encode()}


def show_sizes(converted: Converted, *, parameters: int | None, name: str) -> None:
    """Print the size table of a network's forms; the C source is that of the array `name`."""
    from tinysine.commands.screen import table  # noqa: PLC0415
    from tinysine.training import size_table  # noqa: PLC0415

    source = array_files(converted.int8_tflite, name)[f"{name}.cc"].decode()
    rows = size_table(converted, parameters=parameters, c_source=source)
    table("Sizes", ["form", "bytes", ""], [(r.form, f"{r.size_bytes:,}", r.remark) for r in rows], right=[1])


def c_array(
    model: options.ModelFile,
    *,
    out: OutFolder = Path(),
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of the array and the files; by default the model's own name.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a model as a C array: NAME.cc and NAME.h.

    The bytes are those that `xxd -i` would write, constant and aligned to 16 bytes.

    \b
    Example:
      tinysine c-array sine.tflite --name g_sine_model --out src
    """
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.model import read_tflite  # noqa: PLC0415

    data = read_tflite(model)
    if name is not None and not (name.isascii() and name.isidentifier()):
        raise ConfigError(
            f"{name!r} is no name for a C array",
            hint=f"letters, digits and underscores, such as {identifier(name)}",
            key="name",
        )
    for file in write_files(out, array_files(data, name or identifier(model.stem))):
        say(f"wrote {file}")


def identifier(stem: str) -> str:
    """A C identifier as near to a file's name as can be."""
    plain = "".join(character if character.isascii() and character.isalnum() else "_" for character in stem)
    return plain if plain and not plain[0].isdigit() else f"model_{plain}"


def build(
    model: options.ModelFile,
    *,
    board: options.BoardName = DEFAULT_BOARD,
    out: OutFolder = Path("tinysine-build"),
    engine: options.Engine = ENGINE.start,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
    timeout: options.Timeout = TIMEOUT.start,
    report: Report = False,
) -> None:
    """Build a board's firmware around a model.

    Shows how much flash and RAM the firmware needs. Writes the ELF file, the raw binary and a description, which
    `tinysine flash` and `tinysine emulate` read.

    \b
    Examples:
      tinysine build sine.tflite
      tinysine build sine.tflite --board nano33ble --optimize size --out firmware
      tinysine build sine.tflite --report    instructions and bytes of each layer
    """
    from tinysine.boards import load_board  # noqa: PLC0415
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415
    from tinysine.graph import Network, read_judged  # noqa: PLC0415
    from tinysine.image.files import description_path  # noqa: PLC0415
    from tinysine.verify import build_firmware  # noqa: PLC0415

    target = load_board(board)
    chosen = options.build_options(
        engine=engine, rounding=rounding, optimize=optimize, prune=prune, toolchain=toolchain
    )
    if report and chosen.engine is not None:
        raise ConfigError(
            f"the layers of the engine {chosen.engine_name} are not known, so there is no report of their costs",
            hint="leave --report out",
            key="report",
        )
    network = read_judged(model, own=chosen.engine is None)
    with Progress() as progress, progress.stage("build"):
        image = build_firmware(
            network,
            target,
            chosen,
            file=model,
            out_dir=out,
            timeout_s=timeout,
            on_progress=partial(progress.advance, "build"),
        )
    show_image(image)
    if report and isinstance(network, Network):
        from tinysine.codegen import generate  # noqa: PLC0415
        from tinysine.commands.costs_shown import show_costs  # noqa: PLC0415
        from tinysine.image import engine_room  # noqa: PLC0415

        generated = generate(
            network,
            rounding=chosen.rounding,
            optimize=optimize,
            prune=prune,
            core=target.core,
            room=engine_room(target, network),
        )
        show_costs(network, image, generated)
    for file in (image.elf, image.binary, description_path(image.elf)):
        if file is not None:
            say(f"wrote {file}")


def show_image(image: Image) -> None:
    """Print what an image takes of its board."""
    from tinysine.commands.screen import table  # noqa: PLC0415

    sizes, board = image.sizes, image.board
    flash, ram = board.flash, board.ram

    def share(used: int, total: int | None) -> str:
        return "" if not total else f"{100 * used / total:.1f} % of {total:,}"

    stack = image.stack_bound_bytes
    rows = [
        (
            "flash, all of it",
            f"{sizes.flash_bytes:,}",
            share(sizes.flash_bytes, flash.length if flash else None),
        ),
        ("  engine and model", f"{sizes.engine_bytes:,}", ""),
        ("    model", f"{sizes.model_bytes:,}", ""),
        (
            "static RAM",
            f"{sizes.static_ram_bytes:,}",
            share(sizes.static_ram_bytes, ram.length if ram else None),
        ),
        ("  arena", "unknown" if image.arena_bytes is None else f"{image.arena_bytes:,}", ""),
        ("stack reserved", f"{image.stack_bytes:,}" if image.stack_bytes else "unknown", ""),
        ("  one inference, at most", "unknown" if stack is None else f"{stack:,}", ""),
    ]
    tool = image.toolchain
    title = f"{board.name}: {tool.name} {tool.version}, rounding {image.rounding.value}, for {image.optimize}"
    if not image.is_generated:
        title += f", engine {image.engine}"
    table(title, ["memory", "bytes", ""], rows, right=[1])
