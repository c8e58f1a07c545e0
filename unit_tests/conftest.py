"""Fixtures that the tests of every room share."""

from __future__ import annotations

import ctypes
import gc
import io
import logging
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import pytest
from hypothesis import settings

from tinysine.errors import BuildError
from tinysine.graph import Network, read_network
from tinysine.image.tool_run import environment
from tinysine.image.toolchain import host_compiler
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import AlignedBuffer
from tinysine.tflite.writer import LayerSpec, write_model

# A busy computer is no failure: no example has a deadline of its own.
settings.register_profile("tinysine", deadline=None)
settings.load_profile("tinysine")


@dataclass(frozen=True)
class HostCompiler:
    """A C compiler for this computer.

    Attributes:
        command: that options and files follow.
        finds_addresses: whether it has an address sanitizer that can be linked. Zig has none.
    """

    # Undefined behaviour stops the program with a signal; no runtime library is needed for it.
    UNDEFINED: ClassVar = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
    ADDRESS: ClassVar = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

    command: tuple[str, ...]
    finds_addresses: bool

    @property
    def sanitizers(self) -> tuple[str, ...]:
        """Options for the strictest checks that it has."""
        return self.ADDRESS if self.finds_addresses else self.UNDEFINED

    def __call__(self, *arguments: object, cwd: Path | None = None) -> None:
        """Compile or link; a failure fails the test and shows what the compiler said."""
        done = _run([*self.command, *map(str, arguments)], cwd)
        assert done.returncode == 0, done.stderr


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the collector of garbage what lives as long as the run: thousands of tests and all modules."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)  # a test leaves little: of 700 objects, most will go by themselves
        gc.enable()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have what a test starts take SIGINT and SIGHUP as usual: background jobs of a shell inherit that they do not."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Collect what the loggers of tinysine say, down to DEBUG.

    pytest's own `caplog` needs its plugin for logging, which takes a millisecond of every test; tox leaves it out.
    """
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logger = logging.getLogger("tinysine")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield said
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.fixture(scope="session", autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lease boards that are not there in a folder of one's own: another session may make up the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYSINE_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="session")
def host_cc(tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], NoReturn]) -> HostCompiler:
    """The C compiler that builds for this computer: the system's, or where there is none, Zig's."""
    try:
        command = host_compiler()
    except BuildError:
        lacking("cc")
    source = tmp_path_factory.mktemp("address_sanitizer") / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    built = _run([*command, *HostCompiler.ADDRESS, str(source), "-o", str(source.with_suffix(""))], None)
    return HostCompiler(command, finds_addresses=built.returncode == 0)


@pytest.fixture(scope="session")
def engine_library(
    host_cc: HostCompiler, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., ctypes.CDLL]:
    """Compile a C file with parts of the engine into a library; undefined behaviour ends the test run.

    engine_library(HERE / "softmax.c", "-DNAME=VALUE")
    """
    firmware = Path(__file__).parents[1] / "firmware"

    def build(source: Path, *defines: str) -> ctypes.CDLL:
        output = tmp_path_factory.mktemp(source.stem) / f"{source.stem}.so"
        options = ("-std=gnu11", "-O1", "-fPIC", "-shared", *host_cc.UNDEFINED, *defines)
        host_cc(*options, f"-I{firmware}", f"-I{firmware / 'include'}", source, "-o", output)
        return ctypes.CDLL(str(output))

    return build


def _run(command: list[str], cwd: Path | None) -> subprocess.CompletedProcess[str]:
    # Zig builds its C library at the first call on a computer, which takes a minute on a slow one.
    return subprocess.run(
        command, check=False, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300
    )


Edit = Callable[[Any], None]


@pytest.fixture(scope="session")
def sine_model() -> Network:
    """The repository's reference model."""
    return read_network(REFERENCE_MODEL)


@pytest.fixture(scope="session")
def good() -> bytes:
    """A network that has everything: 2 -> 3 -> 2, per-tensor and per-channel, float32 in, uint8 out."""
    rng = np.random.default_rng(1)
    hidden = Quantization(0.25, -128)
    layers = [
        LayerSpec(
            weights=rng.integers(-127, 128, (3, 2)).astype(np.int8),
            bias=np.array([100, -200, 300], np.int32),
            weight_scales=np.array([0.01], np.float32),
            output=hidden,
            activation="relu6",
        ),
        LayerSpec(
            weights=rng.integers(-127, 128, (2, 3)).astype(np.int8),
            bias=np.array([5, -5], np.int32),
            weight_scales=np.array([0.02, 0.03], np.float32),
            output=Quantization(0.5, 3),
        ),
    ]
    return write_model(layers, input=Quantization(0.125, 7), input_type="float32", output_type="uint8")


@pytest.fixture(scope="session")
def edited(good: bytes) -> Callable[[Edit], bytes]:
    """Return a function that applies an edit to the good model's object tree and packs it again."""

    def edit(change: Edit) -> bytes:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema

        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(good, 0))
        model.buffers = [
            AlignedBuffer(schema, b"" if b.data is None else bytes(b.data)) for b in model.buffers
        ]
        change(model)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    return edit
