"""A device that speaks docs/protocol.md, written from that page alone: it shares no code with tinysine.link."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

INT8, INT16, UINT8, FLOAT32 = 9, 7, 3, 0
NUMPY: dict[int, np.dtype[Any]] = {
    INT8: np.dtype(np.int8),
    INT16: np.dtype("<i2"),
    UINT8: np.dtype(np.uint8),
    FLOAT32: np.dtype(np.float32),
}
REFERENCES = ("litert", "tflm", "tflm-float32")
MODEL_SHA256 = bytes(range(32))
BUILD_ID = bytes(range(100, 116))
ALL_REQUESTS = range(256)
_RESET = 7

# What IDENTIFY announces, by request; text and parts have no one request.
CAPABILITY = {2: 1, 3: 2, 4: 4, 5: 8, 6: 16, _RESET: 32, 8: 64, 9: 128}
CAN_TEXT, CAN_LAYERS, CAN_PARTS = 256, 512, 1024
_PARTS = (11, 12, 13)

Answer = Callable[..., Any]


@dataclass(frozen=True)
class FakeTensor:
    """One input or output of a fake device.

    Attributes:
        shape: of one inference.
        dtype: a TensorFlow Lite type code.
        scale, zero_point: of its codes; zeros for float32.
    """

    shape: tuple[int, ...]
    dtype: int = INT8
    scale: float = 0.5
    zero_point: int = 0

    @property
    def count(self) -> int:
        """Elements of one inference."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of one inference."""
        return self.count * NUMPY[self.dtype].itemsize


class FakeImage(Protocol):
    """Facts of an image that a fake needs; tinysine.image.Image has them."""

    @property
    def board(self) -> Any:
        """With a name."""

    @property
    def model_sha256(self) -> str:
        """Hexadecimal."""

    @property
    def build_id(self) -> bytes:
        """16 bytes."""

    @property
    def rounding(self) -> Any:
        """A tinysine.quantization.Rounding."""


@dataclass(frozen=True)
class FakeLayer:
    """One layer that a fake device shows.

    Attributes:
        operator: number of the operator in the file that writes it.
        tensor: dtype and shape.
        values: from inputs [n, count] to what it holds, as for FakeDevice's `answer`.
        output: which of the operator's outputs.
        name: for people.
    """

    operator: int
    tensor: FakeTensor
    values: Answer
    output: int = 0
    name: bytes = b""


def stuff(body: bytes) -> bytes:
    """Consistent-overhead byte stuffing, the slow and obvious way."""
    out = bytearray()
    for block in body.split(b"\0"):
        full = len(block) // 254 * 254
        for at in range(0, full, 254):
            out += b"\xff" + block[at : at + 254]
        out += bytes([len(block) - full + 1]) + block[full:]
    return bytes(out)


def unstuff(data: bytes) -> bytes | None:
    """The stuffing undone; None when it is none."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        if code == 0 or at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


def wrap(content: bytes) -> bytes:
    """A whole frame around content."""
    return b"\0" + stuff(content + struct.pack("<I", zlib.crc32(content))) + b"\0"


def _quantised(values: NDArray[np.float32], tensor: FakeTensor) -> NDArray[Any]:
    """Codes of a tensor for real values: a float32 quotient, rounded half away from zero, and clamped."""
    kind = NUMPY[tensor.dtype]
    if tensor.dtype == FLOAT32:
        return values
    scaled = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + tensor.zero_point
    limits = np.iinfo(kind)
    codes: NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(kind)
    return codes


class FakeDevice:
    """Bytes in, bytes out. Its attributes may be changed between requests.

    Args:
        inputs, outputs: elements per inference of the only tensor there, or the tensors.
        dtype: of both ends where they are numbers, a TensorFlow Lite type code: INT8, INT16, UINT8 or FLOAT32.
        output_dtype: where it differs.
        payload_max: bytes in one frame.
        answer: from inputs [n, count] to outputs [n, count], in their dtypes; where there are several inputs it takes
            as many arguments, where there are several outputs it returns a tuple. By default arithmetic that a test
            can redo: each output is 3 * (sum of the inputs) + 7 + 5 * its place, modulo 256.

    Attributes:
        silent: numbers of the requests that it does not answer.
        refuse: status and payload of the reply, by the request's number.
        on_request: called with a request's number before it is answered.
        fault: payload of the FAULT reply; empty for none.
        counts: overhead and then counts, which TIME repeats as often as it must.
        memory: the six words of the MEMORY reply.
        short_by: bytes left out at the end of every reply.
        frames: every request as it came, from nonce to payload, repeated ones included.
        lacks: numbers of requests that it does not have and does not announce.
        layers: that it shows; it announces them where there are any.
        answered: requests since reset.
        resets: so far.
    """

    def __init__(
        self,
        *,
        inputs: int | Sequence[FakeTensor] = 1,
        outputs: int | Sequence[FakeTensor] = 1,
        dtype: int = INT8,
        output_dtype: int | None = None,
        payload_max: int = 256,
        answer: Answer | None = None,
    ) -> None:
        out = dtype if output_dtype is None else output_dtype
        self.inputs = _tensors(inputs, dtype, zero_point=-128)
        self.outputs = _tensors(outputs, out, zero_point=3)
        self.payload_max = payload_max
        self.expected: Answer = answer or self._sum
        self.major, self.minor = 2, 0
        self.reference, self.flags, self.counter = 0, 0, 1
        self.lacks: Collection[int] = ()
        self.layers: Sequence[FakeLayer] = ()
        self.clock_hz, self.counter_clock_hz = 64_000_000, 0
        self.model_sha256, self.build_id, self.unique_id = MODEL_SHA256, BUILD_ID, b"\1\2\3\4\5\6\7\x08"
        self.engine_name, self.board_name = b"fake", b"host"
        self.silent: Collection[int] = ()
        self.refuse: dict[int, tuple[int, bytes]] = {}
        self.on_request: Callable[[int], object] = lambda _request: None
        self.fault = b""
        self.counts: tuple[int, ...] = ()
        self.memory = (32, 24, 2048, 312, 700, 0xFFFFFFFF)
        self.demo_on = 1
        self.resets = 0
        self.short_by = 0
        self.frames: list[bytes] = []
        self.answered = 0
        self._memory_in, self._memory_out = self._cleared()
        self._pending = bytearray()
        self._in_frame = False
        self._last = (b"", b"")  # the last request, and its reply

    @classmethod
    def of_model(cls, model: Any, answer: Answer, *, payload_max: int = 512) -> FakeDevice:
        """A device that runs a model.

        Args:
            model: a tinysine.model.Model.
            answer: as above; an oracle's `run`, for one.
            payload_max: bytes in one frame.
        """
        codes = {kind: code for code, kind in NUMPY.items()}
        ends = [
            [
                FakeTensor(
                    tensor.shape,
                    codes[tensor.dtype],
                    tensor.quantization.scale if tensor.quantization else 0.0,
                    tensor.quantization.zero_point if tensor.quantization else 0,
                )
                for tensor in tensors
            ]
            for tensors in (model.inputs, model.outputs)
        ]
        device = cls(inputs=ends[0], outputs=ends[1], payload_max=payload_max, answer=answer)
        device.model_sha256 = bytes.fromhex(model.sha256)
        return device

    def run_image(self, image: FakeImage) -> None:
        """Say from now on that an image runs, as after flashing it."""
        self.board_name = image.board.name.encode("ascii")[:15]
        self.model_sha256 = bytes.fromhex(image.model_sha256)
        self.build_id = image.build_id
        self.reference = REFERENCES.index(image.rounding.value)

    def reset(self) -> None:
        """Begin anew, as by the reset button."""
        self.resets += 1
        self.answered = 0
        self._last = (b"", b"")
        self._memory_in, self._memory_out = self._cleared()
        self._pending.clear()
        self._in_frame = False

    def record_fault(self, count: int, *, kind: int = 1, stage: int = 7, pc: int = 0x1234) -> None:
        """Put a fault on the record.

        Args:
            count: faults since power-on; 0 clears the record.
            kind, stage: as docs/protocol.md numbers them.
            pc: where it was.
        """
        self.fault = struct.pack("<10I", kind, stage, pc, 0, 0, 0, 0, 0, 0, count) if count else b""

    @property
    def capabilities(self) -> int:
        """Return the announced capabilities, as the bits of IDENTIFY."""
        can = sum(bit for request, bit in CAPABILITY.items() if request not in self.lacks)
        if not self.counter:
            can &= ~CAPABILITY[4]
        one_frame = max(self._bytes(self.inputs), self._bytes(self.outputs)) <= self.payload_max
        if not one_frame:
            can &= ~CAPABILITY[2]
        reals = 4 * self.inputs[0].count
        if len(self.inputs) > 1 or max(reals, self._bytes(self.outputs)) > self.payload_max:
            can &= ~CAPABILITY[3]
        can |= CAN_LAYERS if self.layers else 0
        return can | CAN_TEXT | (CAN_PARTS if not set(_PARTS) & set(self.lacks) else 0)

    def identity(self) -> bytes:
        """The IDENTIFY payload, field by field at its offset."""
        out = bytearray(76)
        for offset, form, value in (
            (0, "B", self.major), (1, "B", self.minor), (2, "B", self.reference), (3, "B", self.flags),
            (4, "H", self.capabilities), (6, "H", self.payload_max), (8, "B", len(self.inputs)),
            (9, "B", len(self.outputs)), (10, "H", self.counter), (12, "I", self.clock_hz),
            (16, "I", self.counter_clock_hz), (20, "16s", self.build_id), (36, "32s", self.model_sha256),
            (68, "8s", self.unique_id),
        ):  # fmt: skip
            struct.pack_into("<" + form, out, offset, value)
        return bytes(out) + self.engine_name + b"\0" + self.board_name + b"\0"

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the wire and return what goes back."""
        out = b""
        for byte in data:
            if byte == 0:
                if self._in_frame and self._pending:
                    out += self._frame(bytes(self._pending))
                    self._in_frame = False
                else:
                    self._in_frame = True
                self._pending.clear()
            elif not self._in_frame and byte in b"\r\n":
                if self._pending:
                    out += b"you typed " + bytes(self._pending) + b"\r\nthat is all\r\n"
                self._pending.clear()
            else:
                self._pending.append(byte)
        return out

    def _sum(self, *values: NDArray[Any]) -> Any:
        sums = sum(array.astype(np.int64).sum(axis=1, keepdims=True) for array in values)
        answers = []
        for tensor in self.outputs:
            raw: NDArray[Any] = 3 * sums + 7 + 5 * np.arange(tensor.count)
            wrapped = raw if tensor.dtype == FLOAT32 else raw & 0xFF
            if tensor.dtype == INT8:
                wrapped = wrapped.astype(np.uint8).view(np.int8)
            answers.append(wrapped.astype(NUMPY[tensor.dtype]))
        return answers[0] if len(answers) == 1 else tuple(answers)

    @staticmethod
    def _bytes(tensors: Sequence[FakeTensor]) -> int:
        return sum(tensor.nbytes for tensor in tensors)

    def _cleared(self) -> tuple[list[bytearray], list[bytes]]:
        return [bytearray(tensor.nbytes) for tensor in self.inputs], [bytes(t.nbytes) for t in self.outputs]

    def _frame(self, chunk: bytes) -> bytes:
        body = unstuff(chunk)
        if body is None or len(body) < 10 or struct.pack("<I", zlib.crc32(body[:-4])) != body[-4:]:
            return b""
        self.frames.append(body[:-4])
        nonce, sequence, request, payload = body[:4], body[4], body[5], body[6:-4]
        if request in self.silent:
            return b""
        if body == self._last[0]:
            return self._last[1]
        self.on_request(request)
        status, reply = self.refuse.get(request) or self._answer(request, payload)
        reply = reply[: len(reply) - self.short_by]
        self.answered += 1
        self._last = (body, wrap(nonce + bytes([sequence, request | 0x80, status]) + reply))
        back = self._last[1]
        if request == _RESET and status == 0:
            self.reset()
        return back

    def _answer(self, request: int, payload: bytes) -> tuple[int, bytes]:
        answers: dict[int, Callable[[], tuple[int, bytes]]] = {
            1: lambda: (0, self.identity()),
            2: lambda: self._infer(payload),
            3: lambda: self._infer_f32(payload),
            4: lambda: self._time(payload),
            5: lambda: (0, struct.pack("<6I", *self.memory)),
            6: lambda: (0, self.fault),
            _RESET: lambda: (0, b""),
            8: lambda: self._demo(payload),
            9: lambda: (0, struct.pack("<4I", self.answered, 2, 3, 4)),
            10: lambda: self._describe(payload),
            11: lambda: self._write(payload),
            12: lambda: self._run(payload),
            13: lambda: self._read(payload),
            14: lambda: self._layer(payload),
            15: lambda: self._read_layer(payload),
        }
        if request in self.lacks:
            return 1, b""
        return answers.get(request, lambda: (1, b""))()

    def _infer(self, payload: bytes) -> tuple[int, bytes]:
        each = self._bytes(self.inputs)
        if not payload or len(payload) % each:
            return 2, b""
        rows = np.frombuffer(payload, np.uint8).reshape(-1, each)
        values, at = [], 0
        for tensor in self.inputs:
            part = np.ascontiguousarray(rows[:, at : at + tensor.nbytes])
            values.append(part.view(NUMPY[tensor.dtype]).reshape(len(rows), tensor.count))
            at += tensor.nbytes
        return self._answered(values)

    def _answered(self, values: Sequence[NDArray[Any]]) -> tuple[int, bytes]:
        finite = np.concatenate([np.isfinite(array) for array in values], axis=1)
        if not finite.all():
            return 3, struct.pack("<H", int(np.argmin(finite)))
        answers = self.expected(*values)
        answers = answers if isinstance(answers, tuple) else (answers,)
        kinds = [NUMPY[tensor.dtype] for tensor in self.outputs]
        rows = [[array.astype(kind)[n].tobytes() for array, kind in zip(answers, kinds, strict=True)]
                for n in range(len(values[0]))]  # fmt: skip
        self._memory_in = [bytearray(array[-1].tobytes()) for array in values]
        self._memory_out = rows[-1]
        return 0, b"".join(part for row in rows for part in row)

    def _infer_f32(self, payload: bytes) -> tuple[int, bytes]:
        (tensor,) = self.inputs
        values = np.frombuffer(payload, "<f4")
        if not payload or len(values) % tensor.count:
            return 2, b""
        if not np.isfinite(values).all():
            return 3, struct.pack("<H", int(np.argmin(np.isfinite(values))))
        return self._answered([_quantised(values, tensor).reshape(-1, tensor.count)])

    def _describe(self, payload: bytes) -> tuple[int, bytes]:
        if payload[0] > 1 or payload[1] >= len((self.inputs, self.outputs)[payload[0]]):
            return 6, b""
        tensor = (self.inputs, self.outputs)[payload[0]][payload[1]]
        head = struct.pack(
            "<BBHIfi", tensor.dtype, len(tensor.shape), 0, tensor.nbytes, tensor.scale, tensor.zero_point
        )
        return 0, head + struct.pack(f"<{len(tensor.shape)}I", *tensor.shape)

    def _write(self, payload: bytes) -> tuple[int, bytes]:
        if len(payload) < 5:
            return 2, b""
        index, offset, data = payload[0], int.from_bytes(payload[1:4], "little"), payload[4:]
        if index >= len(self.inputs) or offset + len(data) > self.inputs[index].nbytes:
            return 6, b""
        self._memory_in[index][offset : offset + len(data)] = data
        return 0, b""

    def _run(self, payload: bytes) -> tuple[int, bytes]:
        data = b"".join(self._memory_in)
        if payload and payload != struct.pack("<I", zlib.crc32(data)):
            return 6, b""
        status, answer = self._infer(data)
        if status:
            return status, answer
        return 0, (struct.pack("<I", zlib.crc32(answer)) + answer)[: self.payload_max]

    def _read(self, payload: bytes) -> tuple[int, bytes]:
        index, offset = payload[0], int.from_bytes(payload[1:4], "little")
        (length,) = struct.unpack_from("<H", payload, 4)
        if index >= len(self.outputs) or not length or offset + length > self.outputs[index].nbytes:
            return 6, b""
        return 0, self._memory_out[index][offset : offset + length]

    def _layer(self, payload: bytes) -> tuple[int, bytes]:
        index = int.from_bytes(payload, "little")
        if index >= len(self.layers):
            return 6, b""
        layer = self.layers[index]
        tensor = layer.tensor
        head = struct.pack(
            "<HHBBBBI",
            len(self.layers),
            layer.operator,
            layer.output,
            tensor.dtype,
            len(tensor.shape),
            0,
            tensor.nbytes,
        )
        return 0, head + struct.pack(f"<{len(tensor.shape)}I", *tensor.shape) + layer.name

    def _read_layer(self, payload: bytes) -> tuple[int, bytes]:
        index, length, offset = struct.unpack("<HHI", payload)
        if index >= len(self.layers):
            return 6, b""
        layer = self.layers[index]
        values = [
            np.frombuffer(bytes(memory), NUMPY[tensor.dtype]).reshape(1, tensor.count)
            for memory, tensor in zip(self._memory_in, self.inputs, strict=True)
        ]
        kept = layer.values(*values).astype(NUMPY[layer.tensor.dtype]).tobytes()
        return (0, kept[offset : offset + length]) if offset + length <= len(kept) else (6, b"")

    def _time(self, payload: bytes) -> tuple[int, bytes]:
        (repetitions,) = struct.unpack_from("<H", payload)
        if len(payload) not in (2, 2 + self._bytes(self.inputs)):
            return 2, b""
        if not repetitions or 4 + 4 * repetitions > self.payload_max:
            return 6, b""
        if self.counts:
            overhead, *counts = self.counts
            counts = (counts * repetitions)[:repetitions]
        else:
            overhead, counts = 11, list(range(400, 400 + repetitions))
        return 0, struct.pack(f"<{repetitions + 1}I", overhead, *counts)

    def _demo(self, payload: bytes) -> tuple[int, bytes]:
        before, self.demo_on = self.demo_on, payload[0]
        return 0, bytes([before])


def _tensors(ends: int | Sequence[FakeTensor], dtype: int, *, zero_point: int) -> tuple[FakeTensor, ...]:
    if not isinstance(ends, int):
        return tuple(ends)
    scale, zero_point = (0.0, 0) if dtype == FLOAT32 else (0.5, zero_point)
    return (FakeTensor((1, ends), dtype, scale, zero_point),)
