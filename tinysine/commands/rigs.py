"""flash and emulate: an image on a board, real or made of software."""

from __future__ import annotations

import contextlib
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinysine.commands import options
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.errors import ConfigError
from tinysine.place import NewTwin, read_place
from tinysine.settings import (
    BENCH,
    ENGINE,
    MODEL,
    OPTIMIZE,
    PLACE,
    PROBE,
    PRUNE,
    REFERENCE,
    TIMEOUT,
    TOOLCHAIN,
)
from tinysine.settings import Optimize as OptimizeName
from tinysine.settings import Reference as ReferenceName
from tinysine.settings import Toolchain as ToolchainName

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinysine.image import Image
    from tinysine.rigs import Rig

POLL_S = 0.2
IMAGE_ENDINGS = (".elf", ".bin", ".json")

ImageOrModel = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="An image that `tinysine build` wrote, or a .tflite model.",
        envvar=MODEL.variable,
        show_default=False,
    ),
]


def flash(
    file: ImageOrModel,
    *,
    port: options.FlashPort = None,
    place: options.PlaceId = PLACE.start,
    probe: options.Probe = PROBE.start,
    bench: options.BenchPath = BENCH.start,
    timeout: options.Timeout = TIMEOUT.start,
    board: options.OptionalBoard = None,
    engine: options.Engine = ENGINE.start,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
) -> None:
    """Put an image on a board, and prove that it runs there.

    The board counts as flashed only if it then reports the build id of the image.

    \b
    Examples:
      tinysine flash tinysine-build/nano33ble-sense.elf --port /dev/ttyUSB0
      tinysine flash sine.tflite --board nano33ble-sense --port /dev/ttyUSB0
    """
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415

    asked = read_place(port, source="--port", probe=probe)
    if isinstance(asked, NewTwin) and not place:
        raise _no_port()
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415

    layout = find_bench(bench)
    if place:
        board = board or layout.entry(place).name
    with Progress() as progress:
        with progress.stage("build"):
            image = image_from(
                file,
                board,
                _builder(
                    engine=engine,
                    rounding=rounding,
                    optimize=optimize,
                    prune=prune,
                    toolchain=toolchain,
                    timeout_s=timeout,
                ),
            )
        from tinysine.bench.bench_file import find_place  # noqa: PLC0415
        from tinysine.rigs import Installation, open_rig  # noqa: PLC0415

        _, found = find_place(image.board.name, asked, id=place, bench=layout)
        if isinstance(found, NewTwin):
            raise _no_port()
        with open_rig(image.board, found, timeout_s=timeout) as rig:
            installation = Installation(rig, image, timeout_s=timeout, stage=progress.stage)
            with contextlib.closing(installation):
                installation.install(flash="always")  # it has proved its chip and its build
            say(f"{image.board.name} on {rig.port} runs build {image.build_id.hex()[:12]}")


def _no_port() -> ConfigError:
    return ConfigError(
        "flash needs a port",
        hint="--port PORT or --port auto; `tinysine boards` lists what is there, `tinysine emulate` starts a twin",
        key="port",
    )


def emulate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="An image, or a .tflite model; the reference sine model by default.",
            envvar=MODEL.variable,
            show_default=False,
        ),
    ] = None,
    *,
    board: options.OptionalBoard = None,
    timeout: options.Timeout = TIMEOUT.start,
    engine: options.Engine = ENGINE.start,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
    toolchain: options.Toolchain = TOOLCHAIN.start,
) -> None:
    """Start an emulated board, and keep it running until Ctrl-C.

    Prints its serial port, which any serial terminal can open. If the model takes one number, you can type a number
    there, and the board answers. `tinysine verify --port` works with it as with a real board.

    \b
    Examples:
      tinysine emulate
      tinysine emulate sine.tflite --board nano33ble-sense
    """
    from tinysine.commands.screen import Progress, is_quiet, say, say_aside  # noqa: PLC0415
    from tinysine.model import REFERENCE_MODEL  # noqa: PLC0415

    with Progress() as progress:
        with progress.stage("build"):
            builder = _builder(
                engine=engine,
                rounding=rounding,
                optimize=optimize,
                prune=prune,
                toolchain=toolchain,
                timeout_s=timeout,
            )
            image = image_from(file or REFERENCE_MODEL, board, builder)
        from tinysine.rigs import open_rig  # noqa: PLC0415

        with progress.stage("board"):
            rig = open_rig(image.board, shared=True, timeout_s=timeout)
    with rig:
        rig.flash(image)
        say(f"port {rig.port}")
        if not is_quiet():
            say_aside("next, in another terminal:")
            say_aside(f"  {_verify_command(file or REFERENCE_MODEL, image, engine, rig.port)}")
            say_aside(
                "or open the port with a serial terminal: a model of one number answers numbers, such as 1.5708"
            )
            say_aside("Ctrl-C ends it")
        try:
            _watch(rig)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None  # the way to end it, and no failure


def _verify_command(file: Path, image: Image, engine: str, port: str) -> str:
    """The command that judges what was started, as a shell takes it."""
    model = str(file) if looks_like_model(file) else "MODEL"
    options = [
        *("--board", image.board.name, "--port", port),
        *(("--engine", engine) if engine != ENGINE.default else ()),
        *(("--reference", image.rounding.value) if image.rounding.value != REFERENCE.default else ()),
        *(("--optimize", image.optimize) if image.optimize != OPTIMIZE.default else ()),
        *(("--prune",) if image.prune else ()),
    ]
    return shlex.join(["tinysine", "verify", model, *options])


def _watch(rig: Rig) -> None:
    told = ""
    while True:
        time.sleep(POLL_S)
        assert rig.emulator is not None  # a twin that was started
        report = rig.emulator.status()["report"] or ""
        if report and report != told:
            from tinysine.commands.screen import say  # noqa: PLC0415

            say(f"stopped: {report}")
        told = report


def looks_like_model(path: Path) -> bool:
    """Tell a model from an image: an image is an ELF file, or is named as a build's files are."""
    if not path.exists():
        raise ConfigError(
            f"there is no {path}",
            hint="name a .tflite file or an image that `tinysine build` wrote",
            file=str(path),
        )
    if path.suffix in IMAGE_ENDINGS:
        return False
    if not path.is_file():
        return True  # its reader says what it is
    from tinysine.tflite import is_elf  # noqa: PLC0415

    with path.open("rb") as file:
        return not is_elf(file.read(4))


def image_from(path: Path, board: str | None, build_it: Callable[[Path, str], Image]) -> Image:
    """The image that a path names: read, or built around the model that it is.

    Raises:
        ConfigError: no such file, or an image for another board than asked for.
    """
    from tinysine.image import load_image  # noqa: PLC0415

    if looks_like_model(path):
        return build_it(path, board or DEFAULT_BOARD)
    image = load_image(path)
    if board is not None and image.board.name != board:
        raise ConfigError(
            f"{path} was built for {image.board.name}, not for {board}",
            hint=f"leave --board out, or build it for {board}",
            key="board",
        )
    return image


def _builder(
    *,
    engine: str,
    rounding: ReferenceName,
    optimize: OptimizeName,
    prune: bool,
    toolchain: ToolchainName,
    timeout_s: float,
) -> Callable[[Path, str], Image]:
    def build(path: Path, board: str) -> Image:
        from tinysine.boards import load_board  # noqa: PLC0415
        from tinysine.graph import read_judged  # noqa: PLC0415
        from tinysine.verify import build_firmware  # noqa: PLC0415

        target = load_board(board)
        chosen = options.build_options(
            engine=engine, rounding=rounding, optimize=optimize, prune=prune, toolchain=toolchain
        )
        judged = read_judged(path, own=chosen.engine is None)
        return build_firmware(judged, target, chosen, file=path, timeout_s=timeout_s)

    return build
