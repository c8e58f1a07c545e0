"""Damaged graphs: each file is read as a network or refused in one line, in little time and memory."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.errors import ModelError
from tinysine.graph import Network, parse_network
from tinysine.tflite.file_kind import FILE_IDENTIFIER
from tinysine.tflite.graph_writer import AlignedBuffer
from trust.operators import DRAWS
from trust.page import Outcome

FILES = 20_000
MOST_S, MOST_BYTES = 2.0, 200 << 20
_EACH = 250  # files of one task of a process
_SHOWN = 10
_NAME = "damaged.tflite"
# Numbers that make trouble where an offset, a length, a shape or an index is read.
_AWKWARD = (-(2**31), -129, -2, -1, 0, 1, 2, 3, 7, 127, 255, 256, 4097, 65535, 65536, 2**31 - 1)
_SCALES = (0.0, -1.0, float("nan"), float("inf"), 1e-38, 1e-30, 1.0, 1e30, 3e38)


@dataclass(frozen=True)
class Tally:
    """Results of some files: how many were refused and read by kind of damage, and what was wrong."""

    refused: Counter[str]
    read: Counter[str]
    longest_s: float
    most_bytes: int
    failures: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust damaged_graphs`."""
    parser.add_argument("--files", type=int, default=FILES, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first one")


def run(options: argparse.Namespace) -> Outcome:
    """Read the files; passed if each is a network or one ModelError, within the bounds of time and memory."""
    numbers = range(options.seed, options.seed + options.files)
    parts = [numbers[start : start + _EACH] for start in range(0, len(numbers), _EACH)]
    tallies = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, tally in enumerate(pool.map(read_files, parts), 1):
            tallies.append(tally)
            for failure in tally.failures[:_SHOWN]:
                print(failure)
            if done * 10 // len(parts) > (done - 1) * 10 // len(parts):
                print(f"{min(done * _EACH, len(numbers)):,} of {len(numbers):,} files", flush=True)
    failures = sum(len(tally.failures) for tally in tallies)
    refused = sum((tally.refused for tally in tallies), Counter())
    read = sum((tally.read for tally in tallies), Counter())
    longest_s = max((tally.longest_s for tally in tallies), default=0.0)
    most_bytes = max((tally.most_bytes for tally in tallies), default=0)
    lines = [
        f"{len(numbers):,} files, at most {longest_s:.2f} s of processor time and {most_bytes / 2**20:.0f} MB each, "
        f"{failures} wrong.",
        "",
        "| damage | files refused in one line | files still good |",
        "|---|---:|---:|",
        *(f"| {kind} | {refused[kind]:,} | {read[kind]:,} |" for kind in DAMAGES),
    ]
    return Outcome(tried=len(numbers), passed=not failures, table="\n".join(lines))


def read_files(numbers: Sequence[int]) -> Tally:
    """Draw, damage and read the files of these numbers."""
    refused: Counter[str] = Counter()
    read: Counter[str] = Counter()
    failures = []
    longest_s, most_bytes = 0.0, 0
    for number in numbers:
        kind, data = damaged(number)
        before = _peak_bytes()
        began = time.process_time()
        try:
            (read if read_or_refused(data) else refused)[kind] += 1
        except Exception as error:  # the campaign goes on, and says so
            failures.append(f"file {number}, {kind}: {type(error).__name__}: {error}")
        took_s, more_bytes = time.process_time() - began, _peak_bytes() - before
        if took_s > MOST_S or more_bytes > MOST_BYTES:
            failures.append(f"file {number}, {kind}: takes {took_s:.1f} s and {more_bytes >> 20} MB")
        longest_s, most_bytes = max(longest_s, took_s), max(most_bytes, more_bytes)
    return Tally(refused, read, longest_s, most_bytes, failures)


def read_or_refused(data: bytes) -> Network | None:
    """Read a file; returns None where it is refused.

    Raises:
        AssertionError: the refusal is no single line with the file's name.
    """
    try:
        return parse_network(data, file=_NAME)
    except ModelError as error:
        if _NAME not in error.message or "\n" in error.message:
            raise AssertionError(f"no clear line: {error.message!r}") from error
        return None


def _peak_bytes() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def damaged(number: int) -> tuple[str, bytes]:
    """Return (kind of damage, the file) of a number: a model of one operator after one to three accidents."""
    rng = np.random.default_rng([number, 0xDA])
    operator = sorted(DRAWS)[number % len(DRAWS)]
    data = DRAWS[operator](np.random.default_rng([number // 50, zlib.crc32(operator.encode())]))
    kind = list(DAMAGES)[number % len(DAMAGES)]
    return kind, DAMAGES[kind](data, rng)


def _bytes_changed(data: bytes, rng: np.random.Generator) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(spoilt)))
        match rng.integers(3):
            case 0:
                spoilt[place] ^= 1 << int(rng.integers(8))
            case 1:
                spoilt[place] = int(rng.integers(256))
            case _:
                word = int(rng.choice(_AWKWARD)) % 2**32
                place -= place % 4
                spoilt[place : place + 4] = word.to_bytes(4, "little")
    return bytes(spoilt)


def _pieces_moved(data: bytes, rng: np.random.Generator) -> bytes:
    place, start = (int(n) for n in rng.integers(len(data), size=2))
    length = int(rng.integers(1, 64))
    match rng.integers(4):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + data[place + length :]
        case 2:
            return data[:place] + rng.bytes(length) + data[place:]
    return data[:place] + data[start : start + length] + data[place + length :]


def _fields_changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Change fields of the schema: a file that is whole, and says what makes no sense."""
    import flatbuffers  # noqa: PLC0415 - comes with the schema
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - costs 0.2 s

    while True:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(rng.integers(1, 3)):
            _ACCIDENTS[rng.integers(len(_ACCIDENTS))](model, rng)
        model.buffers = [
            AlignedBuffer(schema, b"" if each.data is None else bytes(bytearray(each.data)))
            for each in model.buffers
        ]
        builder = flatbuffers.Builder(1024)
        with contextlib.suppress(TypeError):  # a number that its field cannot hold
            builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
            return bytes(builder.Output())


def _any(items: Sequence[Any], rng: np.random.Generator) -> Any:
    return items[int(rng.integers(len(items)))]


def _shape(model: Any, rng: np.random.Generator) -> None:
    tensor = _any(model.subgraphs[0].tensors, rng)
    shape = [int(n) for n in tensor.shape] if tensor.shape is not None else []
    match rng.integers(4):
        case 0 if shape:
            shape[rng.integers(len(shape))] = int(rng.choice(_AWKWARD))
        case 1:
            shape = shape[:-1]
        case 2:
            shape += [1] * int(rng.integers(1, 8))
        case _:
            rng.shuffle(shape)
    tensor.shape = shape


def _type(model: Any, rng: np.random.Generator) -> None:
    _any(model.subgraphs[0].tensors, rng).type = int(rng.choice([0, 1, 2, 3, 4, 7, 9, 17]))


def _buffer(model: Any, rng: np.random.Generator) -> None:
    tensor = _any(model.subgraphs[0].tensors, rng)
    tensor.buffer = int(rng.choice([0, int(rng.integers(len(model.buffers))), 1000]))


def _scale(model: Any, rng: np.random.Generator) -> None:
    quantization = _any(model.subgraphs[0].tensors, rng).quantization
    if quantization is None:
        return
    match rng.integers(4):
        case 0:
            quantization.scale = np.array([rng.choice(_SCALES)], np.float32)
        case 1:
            quantization.zeroPoint = np.array([rng.choice(_AWKWARD)], np.int64)
        case 2:
            quantization.scale = np.full(rng.integers(0, 5), 0.1, np.float32)
        case _:
            quantization.quantizedDimension = int(rng.choice(_AWKWARD))


def _wiring(model: Any, rng: np.random.Generator) -> None:
    graph = model.subgraphs[0]
    operator = _any(graph.operators, rng)
    end = _any(("inputs", "outputs"), rng)
    wires = [int(n) for n in getattr(operator, end)]
    other = int(rng.choice([-1, 1000, *range(len(graph.tensors))]))
    match rng.integers(3):
        case 0 if wires:
            wires[rng.integers(len(wires))] = other
        case 1:
            wires = wires[:-1]
        case _:
            wires.append(other)
    setattr(operator, end, wires)


def _ends(model: Any, rng: np.random.Generator) -> None:
    graph = model.subgraphs[0]
    end = _any(("inputs", "outputs"), rng)
    setattr(graph, end, [int(n) for n in rng.integers(0, len(graph.tensors), rng.integers(0, 4))])


def _order(model: Any, rng: np.random.Generator) -> None:
    operators = model.subgraphs[0].operators
    if rng.random() < 0.5:
        operators.reverse()
    else:
        operators.append(_any(operators, rng))


def _options(model: Any, rng: np.random.Generator) -> None:
    options = _any(model.subgraphs[0].operators, rng).builtinOptions
    numbers = [name for name, value in vars(options).items() if isinstance(value, int)] if options else []
    if numbers:
        name = _any(numbers, rng)
        if isinstance(getattr(options, name), bool):
            setattr(options, name, not getattr(options, name))
        else:
            narrow = "ctivation" in name or name == "padding"
            setattr(options, name, int(rng.integers(0, 8) if narrow else rng.choice(_AWKWARD)))


def _operator(model: Any, rng: np.random.Generator) -> None:
    code = _any(model.operatorCodes, rng)
    code.builtinCode = int(rng.integers(0, 150))
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def _data(model: Any, rng: np.random.Generator) -> None:
    buffer = _any(model.buffers, rng)
    if buffer.data is None or not len(buffer.data):
        return
    data = bytearray(buffer.data)
    if rng.random() < 0.3:
        data = data[: rng.integers(len(data))]
    else:
        place = int(rng.integers(len(data))) // 4 * 4
        data[place : place + 4] = (int(rng.choice(_AWKWARD)) % 2**32).to_bytes(4, "little")
    buffer.data = data


_ACCIDENTS: tuple[Callable[[Any, np.random.Generator], None], ...] = (
    *(_shape, _shape, _type, _buffer, _scale, _scale, _wiring, _wiring),
    *(_ends, _order, _options, _options, _operator, _data),
)
DAMAGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "bytes changed": _bytes_changed,
    "pieces cut, put in or moved": _pieces_moved,
    "fields of the schema changed": _fields_changed,
}
