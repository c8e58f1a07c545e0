"""A device that speaks docs/protocol.md, written from that page alone: it shares no code with tinysine.link."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Collection
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

INT8, UINT8, FLOAT32 = 9, 3, 0
NUMPY: dict[int, np.dtype[Any]] = {
    INT8: np.dtype(np.int8),
    UINT8: np.dtype(np.uint8),
    FLOAT32: np.dtype(np.float32),
}
MODEL_SHA256 = bytes(range(32))
BUILD_ID = bytes(range(100, 116))
ALL_REQUESTS = range(256)
_RESET = 7

Answer = Callable[[NDArray[Any]], NDArray[Any]]


class FakeImage(Protocol):
    """What an image says about itself; tinysine.image.Image is one."""

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


class FakeDevice:
    """Bytes in, bytes out. Its attributes may be changed between requests.

    Args:
        inputs, outputs: elements per inference.
        dtype: of both ends, a TensorFlow Lite type code: INT8, UINT8 or FLOAT32.
        output_dtype: where it differs.
        payload_max: bytes in one frame.
        answer: from inputs [n, inputs] to outputs [n, outputs], in the two dtypes. By default arithmetic that a test
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
        answered: requests since reset.
        resets: so far.
    """

    def __init__(
        self,
        *,
        inputs: int = 1,
        outputs: int = 1,
        dtype: int = INT8,
        output_dtype: int | None = None,
        payload_max: int = 256,
        answer: Answer | None = None,
    ) -> None:
        self.inputs, self.outputs, self.payload_max = inputs, outputs, payload_max
        self.dtype = dtype
        self.output_dtype = dtype if output_dtype is None else output_dtype
        self.input_scale, self.input_zero_point = (0.0, 0) if dtype == FLOAT32 else (0.5, -128)
        self.output_scale, self.output_zero_point = (0.0, 0) if self.output_dtype == FLOAT32 else (0.5, 3)
        self.expected: Answer = answer or self._sum
        self.major, self.minor = 1, 0
        self.rounding, self.flags, self.counter = 0, 0, 1
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
        self._pending = bytearray()
        self._in_frame = False
        self._last = (b"", b"")  # the last request, and its reply

    @classmethod
    def of_model(cls, model: Any, answer: Answer, *, payload_max: int = 512) -> FakeDevice:
        """A device that runs a model.

        Args:
            model: a tinysine.model.Network.
            answer: as above; an oracle's `run`, for one.
            payload_max: bytes in one frame.
        """
        codes = {kind: code for code, kind in NUMPY.items()}
        device = cls(
            inputs=model.input.count,
            outputs=model.output.count,
            dtype=codes[model.input.dtype],
            output_dtype=codes[model.output.dtype],
            payload_max=payload_max,
            answer=answer,
        )
        device.model_sha256 = bytes.fromhex(model.sha256)
        for end, tensor in (("input", model.input), ("output", model.output)):
            if tensor.quantization is not None:
                setattr(device, f"{end}_scale", tensor.quantization.scale)
                setattr(device, f"{end}_zero_point", tensor.quantization.zero_point)
        return device

    def run_image(self, image: FakeImage) -> None:
        """Say from now on that an image runs, as after flashing it."""
        self.board_name = image.board.name.encode("ascii")[:15]
        self.model_sha256 = bytes.fromhex(image.model_sha256)
        self.build_id = image.build_id
        self.rounding = int(image.rounding.value == "tflm")

    def reset(self) -> None:
        """Begin anew, as by the reset button."""
        self.resets += 1
        self.answered = 0
        self._last = (b"", b"")
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

    def identity(self) -> bytes:
        """The IDENTIFY payload, field by field at its offset."""
        out = bytearray(96)
        for offset, form, value in (
            (0, "B", self.major), (1, "B", self.minor), (2, "B", self.rounding), (3, "B", self.flags),
            (4, "B", self.dtype), (5, "B", self.output_dtype), (6, "H", self.inputs), (8, "H", self.outputs),
            (10, "H", self.payload_max), (12, "B", self.counter), (16, "I", self.clock_hz),
            (20, "I", self.counter_clock_hz), (24, "f", self.input_scale), (28, "i", self.input_zero_point),
            (32, "f", self.output_scale), (36, "i", self.output_zero_point), (40, "16s", self.build_id),
            (56, "32s", self.model_sha256), (88, "8s", self.unique_id),
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

    def _sum(self, values: NDArray[Any]) -> NDArray[Any]:
        sums = values.astype(np.int64).sum(axis=1, keepdims=True)
        raw: NDArray[Any] = 3 * sums + 7 + 5 * np.arange(self.outputs)
        if self.output_dtype == FLOAT32:
            return raw.astype(np.float32)
        return (raw & 0xFF).astype(np.uint8).view(NUMPY[self.output_dtype])

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
            2: lambda: self._infer(payload, NUMPY[self.dtype]),
            3: lambda: self._infer_f32(payload),
            4: lambda: self._time(payload),
            5: lambda: (0, struct.pack("<6I", *self.memory)),
            6: lambda: (0, self.fault),
            _RESET: lambda: (0, b""),
            8: lambda: self._demo(payload),
            9: lambda: (0, struct.pack("<4I", self.answered, 2, 3, 4)),
        }
        return answers.get(request, lambda: (1, b""))()

    def _infer(self, payload: bytes, kind: np.dtype[Any]) -> tuple[int, bytes]:
        values = np.frombuffer(payload, kind)
        if not payload or len(values) % self.inputs:
            return 2, b""
        finite = np.isfinite(values)
        if not finite.all():
            return 3, struct.pack("<H", int(np.argmin(finite)))
        return 0, self.expected(values.reshape(-1, self.inputs)).tobytes()

    def _infer_f32(self, payload: bytes) -> tuple[int, bytes]:
        return self._infer(payload, np.dtype(np.float32))

    def _time(self, payload: bytes) -> tuple[int, bytes]:
        (repetitions,) = struct.unpack_from("<H", payload)
        room = self.payload_max - self.outputs * NUMPY[self.output_dtype].itemsize
        if not repetitions or 4 + 4 * repetitions > room:
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
