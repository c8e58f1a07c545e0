"""A device for tests, written from docs/protocol.md alone: it shares no code with tinysine.link.

Its "network" is arithmetic that a test can redo: each output is 3 * (sum of the inputs) + 7 + 5 * its place,
modulo 256.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import tty
import zlib

import numpy as np

INT8, UINT8, FLOAT32 = 9, 3, 0
NUMPY = {INT8: np.int8, UINT8: np.uint8, FLOAT32: np.float32}
MODEL_SHA256 = bytes(range(32))
BUILD_ID = bytes(range(100, 116))


def stuff(body: bytes) -> bytes:
    """COBS, the slow and obvious way."""
    out = bytearray()
    for block in body.split(b"\0"):
        full = len(block) // 254 * 254
        for at in range(0, full, 254):
            out += b"\xff" + block[at : at + 254]
        out += bytes([len(block) - full + 1]) + block[full:]
    return bytes(out)


def unstuff(data: bytes) -> bytes | None:
    """COBS undone; None when it is not COBS."""
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
    """Bytes in, bytes out. Its attributes may be changed between requests."""

    def __init__(
        self, *, inputs: int = 1, outputs: int = 1, dtype: int = INT8, payload_max: int = 256
    ) -> None:
        self.inputs, self.outputs, self.dtype, self.payload_max = inputs, outputs, dtype, payload_max
        self.major, self.minor = 1, 0
        self.rounding, self.flags, self.counter = 0, 0, 1
        self.engine_name, self.board_name = b"fake", b"host"
        self.refuse: dict[int, tuple[int, bytes]] = {}
        self.fault = b""
        self.demo_on = 1
        self.resets = 0
        self.short_by = 0
        self.frames: list[bytes] = []
        self.answered = 0  # since reset
        self._pending = bytearray()
        self._in_frame = False
        self._last = (b"", b"")  # the last request, and its reply

    def identity(self) -> bytes:
        """The IDENTIFY payload, field by field at its offset."""
        out = bytearray(96)
        scale = 0.0 if self.dtype == FLOAT32 else 0.5
        for offset, form, value in (
            (0, "B", self.major), (1, "B", self.minor), (2, "B", self.rounding), (3, "B", self.flags),
            (4, "B", self.dtype), (5, "B", self.dtype), (6, "H", self.inputs), (8, "H", self.outputs),
            (10, "H", self.payload_max), (12, "B", self.counter), (16, "I", 64_000_000), (20, "I", 0),
            (24, "f", scale), (28, "i", -128), (32, "f", scale), (36, "i", 3), (40, "16s", BUILD_ID),
            (56, "32s", MODEL_SHA256), (88, "8s", b"\1\2\3\4\5\6\7\x08"),
        ):  # fmt: skip
            struct.pack_into("<" + form, out, offset, value)
        return bytes(out) + self.engine_name + b"\0" + self.board_name + b"\0"

    def expected(self, values: np.ndarray) -> np.ndarray:
        """What this device answers for [n, inputs] values."""
        sums = values.astype(np.int64).sum(axis=1, keepdims=True)
        raw = 3 * sums + 7 + 5 * np.arange(self.outputs)
        if self.dtype == FLOAT32:
            return raw.astype(np.float32)
        return (raw & 0xFF).astype(np.uint8).view(NUMPY[self.dtype])

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

    def _frame(self, chunk: bytes) -> bytes:
        body = unstuff(chunk)
        if body is None or len(body) < 10 or struct.pack("<I", zlib.crc32(body[:-4])) != body[-4:]:
            return b""
        self.frames.append(body[:-4])
        if body == self._last[0]:
            return self._last[1]
        self.answered += 1
        nonce, sequence, request, payload = body[:4], body[4], body[5], body[6:-4]
        status, reply = self.refuse.get(request) or self._answer(request, payload)
        reply = reply[: len(reply) - self.short_by]
        self._last = (body, wrap(nonce + bytes([sequence, request | 0x80, status]) + reply))
        return self._last[1]

    def _answer(self, request: int, payload: bytes) -> tuple[int, bytes]:
        answers = {
            1: lambda: (0, self.identity()),
            2: lambda: self._infer(payload, NUMPY[self.dtype]),
            3: lambda: self._infer(payload, np.float32),
            4: lambda: self._time(payload),
            5: lambda: (0, struct.pack("<6I", 32, 24, 2048, 312, 700, 0xFFFFFFFF)),
            6: lambda: (0, self.fault),
            7: self._reset,
            8: lambda: self._demo(payload),
            9: lambda: (0, struct.pack("<4I", self.answered, 2, 3, 4)),
        }
        return answers.get(request, lambda: (1, b""))()

    def _infer(self, payload: bytes, kind: type) -> tuple[int, bytes]:
        values = np.frombuffer(payload, kind)
        if not payload or len(values) % self.inputs:
            return 2, b""
        bad = np.flatnonzero(~np.isfinite(values)) if kind is np.float32 else []
        if len(bad):
            return 3, struct.pack("<H", bad[0])
        return 0, self.expected(values.reshape(-1, self.inputs)).tobytes()

    def _time(self, payload: bytes) -> tuple[int, bytes]:
        (repetitions,) = struct.unpack_from("<H", payload)
        room = self.payload_max - self.outputs * np.dtype(NUMPY[self.dtype]).itemsize
        if not repetitions or 4 + 4 * repetitions > room:
            return 6, b""
        return 0, struct.pack(f"<{repetitions + 1}I", 11, *range(400, 400 + repetitions))

    def _reset(self) -> tuple[int, bytes]:
        self.resets += 1
        self.answered = 0
        return 0, b""

    def _demo(self, payload: bytes) -> tuple[int, bytes]:
        before, self.demo_on = self.demo_on, payload[0]
        return 0, bytes([before])


class FakeClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Wire:
    """A port in memory between a session and a FakeDevice, with a weather of its own.

    `to_device` and `to_host` each take the bytes of one write or reply and return [(delay_s, bytes), ...].
    """

    name = "wire"

    def __init__(self, device: FakeDevice, clock: FakeClock) -> None:
        self.device, self.clock = device, clock
        self.to_device = lambda data: [(0.0, data)]
        self.to_host = lambda data: [(0.001, data)]
        self.accepts: int | None = None
        self.closed = False
        self._arrivals: list[tuple[float, int, bytes]] = []
        self._count = 0

    def arrive(self, data: bytes, *, delay_s: float = 0.0) -> None:
        """Put bytes on their way to the host."""
        self._count += 1
        self._arrivals.append((self.clock.now + delay_s, self._count, data))
        self._arrivals.sort()

    def write(self, data: bytes, timeout_s: float) -> int:
        """As tinysine.link.Port."""
        if self.accepts is not None:
            data, whole = data[: self.accepts], len(data)
            self.accepts -= len(data)
            if len(data) < whole:
                self.clock.now += timeout_s
        for delay_s, part in self.to_device(data):
            for more_s, back in self.to_host(self.device.feed(part)):
                if back:
                    self.arrive(back, delay_s=delay_s + more_s)
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        """As tinysine.link.Port."""
        until = self.clock.now + max(timeout_s, 0.0)
        if self._arrivals and self._arrivals[0][0] <= until:
            when, _, data = self._arrivals.pop(0)
            self.clock.now = max(self.clock.now, when)
            return data
        # A real wait ends a little late, never early.
        self.clock.now = until + 1e-6
        return b""

    def close(self) -> None:
        """As tinysine.link.Port."""
        self.closed = True


class PtyDevice:
    """A FakeDevice behind a pseudo-terminal, served by a thread."""

    def __init__(self, device: FakeDevice | None = None) -> None:
        self.device = device or FakeDevice()
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.hang_up_on_request = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the test hangs up when it likes
            while data := os.read(self.master, 4096):
                if self.hang_up_on_request:
                    break
                back = self.device.feed(data)
                while back:
                    back = back[os.write(self.master, back) :]
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """Hang up."""
        os.close(self.slave)  # the serving thread's read ends when no slave is open any more
        self._thread.join(5)
