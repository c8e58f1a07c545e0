"""A device that is made of docs/protocol.md: every offset, size, number and code comes from the tables of the page."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cobs import cobs
from numpy.typing import NDArray

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
Rows = list[list[str]]
Layer = Callable[[list[NDArray[Any]]], NDArray[Any]]


def tables_of(page: str) -> dict[str, list[Rows]]:
    """The rows of each table, under the first word of its heading that is in capitals, or the whole heading."""
    found: dict[str, list[Rows]] = {}
    heading, inside = "", False
    for line in page.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").split(" ", 1)[-1] if line.startswith("### 0x") else line.lstrip("# ")
            inside = False
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not inside:
                found.setdefault(heading, []).append([])
            elif not set(line) <= set("|-: "):
                found[heading][-1].append(cells)
            inside = True
        else:
            inside = False
    return found


class Layout:
    """A table of offsets, sizes and fields: bytes from values, and values from bytes."""

    def __init__(self, rows: Rows) -> None:
        self.fields = [
            (int(offset), int(size) if size.isdigit() else 0, field)
            for offset, size, field in rows
            if offset.isdigit()
        ]

    def field(self, name: str) -> tuple[int, int]:
        """Offset and size of the field that begins with these words."""
        (place,) = [
            (offset, size)
            for offset, size, field in self.fields
            if field.strip("`").replace("_", " ").startswith(name)
        ]
        return place

    def pack(self, **values: int | float | bytes) -> bytes:
        """The fields that are named (`_` for a space), zeros between; integers in as many bytes as the page says."""
        places = {name: self.field(name.replace("_", " ")) for name in values}
        out = bytearray(max(offset + size for offset, size in places.values()))
        for name, value in values.items():
            offset, size = places[name]
            raw = struct.pack("<f", value) if isinstance(value, float) else value
            data = raw if isinstance(raw, bytes) else raw.to_bytes(size, "little", signed=raw < 0)
            assert not size or len(data) == size, f"{name} has {size} bytes"
            out[offset : offset + len(data)] = data
        return bytes(out)

    def read(self, data: bytes, name: str) -> int:
        """An unsigned integer."""
        offset, size = self.field(name)
        return int.from_bytes(data[offset : offset + size], "little")

    def rest(self, data: bytes, name: str) -> bytes:
        """A last field of any length."""
        return data[self.field(name)[0] :]


TABLES = tables_of(PAGE.read_text(encoding="utf-8"))
FRAME = [Layout(rows) for rows in TABLES["Frames"]]
STATUS = {name: int(code) for code, name, *_ in TABLES["Status"][0]}
REQUESTS = {int(code, 16): name for code, name, _ in TABLES["Requests"][0]}
BITS = {name: int(by.split()[1]) for _, name, by in TABLES["Requests"][0] if by.startswith("bit")}
DTYPES = {name: (int(code), int(size)) for code, name, size in TABLES["Requests"][1]}


def layouts(request: str) -> list[Layout]:
    """Those of a request and of its reply."""
    return [Layout(rows) for rows in TABLES[request]]


class PageDevice:
    """A device with one float32 or int8 model of any number of inputs and outputs.

    Args:
        inputs, outputs: dtype and shape of each.
        answer: from arrays to arrays, one for each tensor.
        can: the requests that it has, beside IDENTIFY and DESCRIBE.
        layers: operator, dtype, shape and name of each layer that it shows, and what it holds for the inputs' arrays.
        payload_max: bytes in one frame.
    """

    def __init__(
        self,
        inputs: list[tuple[str, tuple[int, ...]]],
        outputs: list[tuple[str, tuple[int, ...]]],
        answer: Callable[[list[NDArray[Any]]], list[NDArray[Any]]],
        *,
        can: set[str],
        layers: Sequence[tuple[int, str, tuple[int, ...], bytes, Layer]] = (),
        payload_max: int = 128,
    ) -> None:
        self.ends, self.answer, self.can, self.payload_max = (inputs, outputs), answer, can, payload_max
        self.memory = [bytearray(self.size(*tensor)) for tensor in inputs]
        self.results = [bytes(self.size(*tensor)) for tensor in outputs]
        self.layers, self.kept = layers, [b""] * len(layers)
        self.asked: list[str] = []
        self.first_outputs = 0
        self.stream = b""

    @staticmethod
    def size(dtype: str, shape: tuple[int, ...]) -> int:
        """Bytes of a tensor."""
        return DTYPES[dtype][1] * int(np.prod(shape))

    def feed(self, data: bytes) -> bytes:
        """Bytes from the wire; what goes back."""
        *chunks, self.stream = (self.stream + data).split(b"\0")
        return b"".join(self.frame(cobs.decode(chunk)) for chunk in chunks if chunk)

    def frame(self, body: bytes) -> bytes:
        """A request's body; the frame of its reply."""
        question, reply = FRAME
        assert body[-4:] == zlib.crc32(body[:-4]).to_bytes(4, "little")
        request = question.read(body, "request")
        name = REQUESTS[request]
        self.asked.append(name)
        handler = getattr(self, name.lower(), None) if name in self.can | {"IDENTIFY", "DESCRIBE"} else None
        status, payload = (
            handler(question.rest(body[:-4], "payload")) if handler else ("UNKNOWN_REQUEST", b"")
        )
        head = reply.pack(
            nonce=body[:4],
            sequence=question.read(body, "sequence"),
            request=request + 0x80,
            status=STATUS[status],
            payload=payload,
        )
        return b"\0" + cobs.encode(head + zlib.crc32(head).to_bytes(4, "little")) + b"\0"

    def identify(self, _: bytes) -> tuple[str, bytes]:
        """Return its identity."""
        (layout,) = layouts("IDENTIFY")
        return "OK", layout.pack(
            protocol_major=2,
            reference=0,
            capabilities=sum({1 << BITS[name] for name in self.can}),
            payload_max=self.payload_max,
            number_of_inputs=len(self.ends[0]),
            number_of_outputs=len(self.ends[1]),
            SHA=bytes(range(32)),
            engine_name=b"page\0python\0",
        )

    def describe(self, payload: bytes) -> tuple[str, bytes]:
        """One of its tensors."""
        question, reply = layouts("DESCRIBE")
        end, index = question.read(payload, "0 for"), question.read(payload, "which of them")
        if end > 1 or index >= len(self.ends[end]):
            return "BAD_VALUE", b""
        dtype, shape = self.ends[end][index]
        scale = 0.0 if dtype == "float32" else 0.5
        dims = b"".join(size.to_bytes(4, "little") for size in shape)
        return "OK", reply.pack(
            dtype=DTYPES[dtype][0],
            rank=len(shape),
            bytes=self.size(dtype, shape),
            scale=scale,
            dimensions=dims,
        )

    def infer(self, payload: bytes) -> tuple[str, bytes]:
        """Whole inferences of one frame."""
        each, answers = sum(map(len, self.memory)), b""
        for at in range(0, len(payload), each):
            for memory in self.memory:
                memory[:], at = payload[at : at + len(memory)], at + len(memory)  # noqa: PLW2901 - walks on
            self.run(b"")
            answers += b"".join(self.results)
        return "OK", answers

    def write(self, payload: bytes) -> tuple[str, bytes]:
        """A part of an input."""
        (question,) = layouts("WRITE")
        memory, data = self.memory[question.read(payload, "which input")], question.rest(payload, "the bytes")
        offset = question.read(payload, "offset")
        if offset + len(data) > len(memory):
            return "BAD_VALUE", b""
        memory[offset : offset + len(data)] = data
        return "OK", b""

    def run(self, payload: bytes) -> tuple[str, bytes]:
        """One inference of what is there."""
        if payload and payload != zlib.crc32(b"".join(self.memory)).to_bytes(4, "little"):
            return "BAD_VALUE", b""
        values = [np.frombuffer(m, d).reshape(s) for m, (d, s) in zip(self.memory, self.ends[0], strict=True)]
        self.results = [array.tobytes() for array in self.answer(values)]
        self.kept = [holds(values).tobytes() for *_, holds in self.layers]
        outputs = b"".join(self.results)
        first = outputs[: self.first_outputs]
        return "OK", layouts("RUN")[1].pack(CRC=zlib.crc32(outputs), the_first_bytes=first)

    def read(self, payload: bytes) -> tuple[str, bytes]:
        """A part of an output."""
        (question,) = layouts("READ")
        output, at = self.results[question.read(payload, "which output")], question.read(payload, "offset")
        return "OK", output[at : at + question.read(payload, "how many")]

    def layer(self, payload: bytes) -> tuple[str, bytes]:
        """Return the description of one of its layers."""
        question, reply = layouts("LAYER")
        index = question.read(payload, "which layer")
        if index >= len(self.layers):
            return "BAD_VALUE", b""
        operator, dtype, shape, name, _ = self.layers[index]
        head = reply.pack(
            how_many_layers=len(self.layers),
            operator=operator,
            which_of=0,
            dtype=DTYPES[dtype][0],
            rank=len(shape),
            bytes=self.size(dtype, shape),
            dimensions=b"".join(size.to_bytes(4, "little") for size in shape),
        )
        return "OK", head + name

    def read_layer(self, payload: bytes) -> tuple[str, bytes]:
        """A part of a layer."""
        (question,) = layouts("READ_LAYER")
        kept, at = self.kept[question.read(payload, "which layer")], question.read(payload, "offset")
        part = kept[at : at + question.read(payload, "how many")]
        return ("OK", part) if len(part) == question.read(payload, "how many") else ("BAD_VALUE", b"")
