"""The firmware compiled for this computer around small engines made for testing, and a line to talk to it."""

from __future__ import annotations

import hashlib
import os
import select
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs

HERE = Path(__file__).parent
FIRMWARE = HERE.parent.parent / "firmware"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror")
# No heap, so no leaks to look for; the guard page below the stack would stop the search.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0"}
DEADLINE_S = float(os.environ.get("TINYSINE_TEST_DEADLINE_S", "10"))
# A folder of objects that were compiled before, for who runs these tests again and again; they are kept there.
OBJECTS = "TINYSINE_TEST_OBJECTS"


@dataclass(frozen=True)
class Reply:
    """One frame from the device."""

    nonce: bytes
    sequence: int
    request: int
    status: int
    payload: bytes


def body(
    request: int, payload: bytes = b"", *, nonce: bytes = b"\x01\x00\xfe\x03", sequence: int = 0
) -> bytes:
    """A request with its CRC, before COBS."""
    head = nonce + bytes([sequence, request]) + payload
    return head + struct.pack("<I", zlib.crc32(head))


def frame(
    request: int, payload: bytes = b"", *, nonce: bytes = b"\x01\x00\xfe\x03", sequence: int = 0
) -> bytes:
    """A request as it goes over the wire."""
    return b"\0" + cobs.encode(body(request, payload, nonce=nonce, sequence=sequence)) + b"\0"


@pytest.fixture(scope="session", name="frame")
def frame_of() -> Callable[..., bytes]:
    """A request as it goes over the wire."""
    return frame


class Line:
    """Both ends of a device's serial line, without belief in what comes out of it."""

    body = staticmethod(body)
    frame = staticmethod(frame)

    def __init__(self, process: subprocess.Popen[bytes], to_device: int, from_device: int) -> None:
        self.process = process
        self.to_device = to_device
        self.from_device = from_device
        self.received = bytearray()
        self.noise = bytearray()
        self.sequence = 0

    def write(self, data: bytes) -> None:
        """Send bytes."""
        while data:
            data = data[os.write(self.to_device, data) :]

    def close(self) -> None:
        """Pull the cable. May be called again."""
        for end in {self.to_device, self.from_device} - {-1}:
            os.close(end)
        self.to_device = self.from_device = -1

    def read(self, timeout_s: float) -> bytes:
        """Return the bytes that come within a time; empty if none do."""
        if not select.select([self.from_device], [], [], max(timeout_s, 0))[0]:
            return b""
        return os.read(self.from_device, 65536)

    def receive(self, timeout_s: float = DEADLINE_S) -> Reply:
        """The next good frame; everything else goes to `noise`."""
        deadline = time.monotonic() + timeout_s
        while True:
            while b"\0" in self.received:
                chunk, _, self.received = self.received.partition(b"\0")
                try:
                    decoded = cobs.decode(bytes(chunk))
                except cobs.DecodeError:
                    decoded = b""
                if len(decoded) >= 11 and zlib.crc32(decoded[:-4]) == struct.unpack("<I", decoded[-4:])[0]:
                    assert decoded[5] >= 0x80, "a reply's request has its top bit set"
                    return Reply(decoded[:4], decoded[4], decoded[5] - 0x80, decoded[6], decoded[7:-4])
                self.noise += chunk
            got = self.read(deadline - time.monotonic())
            assert got or self.process.poll() is None, f"the firmware ended: {self.process.returncode}"
            assert got, f"no reply within {timeout_s} s; so far {bytes(self.received)!r}"
            self.received += got

    def ask(self, request: int, payload: bytes = b"") -> Reply:
        """One request, once, and its reply."""
        self.sequence = (self.sequence + 1) % 256
        self.write(frame(request, payload, sequence=self.sequence))
        reply = self.receive()
        assert (reply.sequence, reply.request) == (self.sequence, request)
        return reply

    def wake(self) -> None:
        """Ask until the device answers: what it had received before a reset is lost, as on a chip."""
        for attempt in range(200, 220):
            self.write(frame(1, sequence=attempt))
            if select.select([self.from_device], [], [], DEADLINE_S / 20)[0]:
                break
        while self.receive().sequence != attempt:  # earlier ones may be answered late
            pass

    def text(self, line: bytes) -> bytes:
        """Return the answer to a typed line."""
        self.write(line)
        deadline = time.monotonic() + DEADLINE_S
        while not self.received.endswith(b"\r\n"):
            got = self.read(deadline - time.monotonic())
            assert got, f"no answer to {line!r}; so far {bytes(self.received)!r}"
            self.received += got
        answer, self.received = bytes(self.received), bytearray()
        return answer


Build = Callable[..., Path]
Start = Callable[..., Line]


@pytest.fixture(scope="session")
def build_host(tmp_path_factory: pytest.TempPathFactory, host_cc: Any) -> Build:
    """Compile the firmware for this computer: build_host("add_one", "-DTEST_TRAPS", sanitize=True).

    The flags are for the engine alone: the rest is compiled once for all engines.
    """
    objects = Path(os.environ.get(OBJECTS) or tmp_path_factory.mktemp("objects"))
    headers = b"".join(path.read_bytes() for path in sorted(FIRMWARE.rglob("*.h")))
    built: dict[tuple[object, ...], Path] = {}

    def compiled(source: Path, options: tuple[str, ...]) -> Path:
        digest = hashlib.sha256(headers + source.read_bytes() + repr(options).encode()).hexdigest()
        output = objects / f"{source.stem}-{digest[:24]}.o"
        if not output.exists():
            host_cc(*WARNINGS, *options, "-c", source, "-o", output)
        return output

    def build(engine: str, *flags: str, sanitize: bool = True, payload_bytes: int = 256) -> Path:
        key = (engine, flags, sanitize, payload_bytes)
        if key not in built:
            config = objects / f"config-{sanitize}-{payload_bytes}"
            config.mkdir(exist_ok=True)
            (config / "config.h").write_text(
                f'#define TS_BOARD_NAME "host"\n#define TS_PAYLOAD_BYTES {payload_bytes}\n'
                "#define TS_BUILD_ID {" + ", ".join(map(str, range(100, 116))) + "}\n"
                f"#define TS_CLOCK_HZ 0\n#define TS_STACK_BYTES {262144 if sanitize else 16384}\n"
            )
            level = ("-g", "-O1", *host_cc.sanitizers) if sanitize else ("-O2",)
            options = (*level, f"-I{config}", f"-I{FIRMWARE}", f"-I{FIRMWARE}/include")
            sources = [
                path for room in ("app", "link", "ports/host") for path in (FIRMWARE / room).glob("*.c")
            ]
            files = [compiled(source, options) for source in sources]
            files.append(compiled(HERE / f"engine_{engine}.c", (*options, *flags)))
            output = tmp_path_factory.mktemp("host") / "firmware"
            host_cc(*level, *files, "-o", output)
            built[key] = output
        return built[key]

    return build


@pytest.fixture(scope="module")
def start_process() -> Iterator[Start]:
    """Start a process whose standard input and output are a device's line; `terminal`: a pseudo-terminal's.

    What still runs at the end is stopped, and the test's ends of the line are closed.
    """
    lines: list[Line] = []

    def start(
        *command: object,
        env: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
        terminal: bool = False,
    ) -> Line:
        if terminal:
            ours, theirs = os.openpty()
            ends, their_ends = (ours, ours), (theirs, theirs)
        else:
            (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
            ends, their_ends = (our_out, our_in), (their_in, their_out)
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=their_ends[0],
            stdout=their_ends[1],
            env={**os.environ, **ENVIRONMENT, **(env or {})},
            pass_fds=pass_fds,
        )
        for end in set(their_ends):
            os.close(end)
        lines.append(Line(process, *ends))
        return lines[-1]

    yield start
    for line in lines:
        line.process.kill()
        line.process.wait()
        line.close()


@pytest.fixture(scope="module")
def line(build_host: Build, start_process: Start) -> Line:
    """The add-one engine's firmware under both sanitizers."""
    return start_process(build_host("add_one"))


@pytest.fixture
def quiet_line(build_host: Build, start_process: Start) -> Line:
    """The same, newly started."""
    return start_process(build_host("add_one"))


@pytest.fixture
def trapped_line(build_host: Build, start_process: Start) -> Line:
    """The same with the traps of engine_add_one.c, without sanitizers, which would take the faults."""
    return start_process(build_host("add_one", "-DTEST_TRAPS", sanitize=False))


@pytest.fixture(scope="session")
def arm_gcc(require: Callable[[str], str]) -> str:
    """The cross compiler."""
    return require("arm-none-eabi-gcc")
