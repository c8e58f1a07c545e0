"""Every URL that pyserial knows: it works, or it is refused in one line."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import serial.tools.list_ports

from tinysine.device import Device
from tinysine.errors import ConfigError, LinkTimeout, PortUnavailable
from tinysine.link import Request, SerialPort, Session, ports
from tinysine.link.port_urls import HANDLERS
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice
from unit_tests.link.rfc2217_server import Rfc2217Server


@pytest.fixture
def server() -> Iterator[Rfc2217Server]:
    """A fake device behind an RFC 2217 server."""
    server = Rfc2217Server(FakeDevice(payload_max=1024))
    yield server
    server.close()


def test_every_handler_of_pyserial_is_known() -> None:
    """A scheme that pyserial adds is not forgotten."""
    folder = Path(serial.__file__).parent / "urlhandler"
    there = {path.stem.removeprefix("protocol_") for path in folder.glob("protocol_*.py")}
    assert there == set(HANDLERS)


def test_device_over_rfc2217(server: Rfc2217Server) -> None:
    """Every byte value passes in both directions, the baud rate arrives, and Nagle's algorithm is off."""
    codes = np.arange(-128, 128, dtype=np.int8)[:, None]
    with Device.connect(server.url, baud=57600) as device:
        np.testing.assert_array_equal(device.infer(codes), server.device.expected(codes))
        assert device.stats.retries == 0
        assert server.settings.baudrate == 57600
        connection = device.session.port._serial._socket
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_request_over_rfc2217_negotiates_nothing(server: Rfc2217Server) -> None:
    """A request is bytes alone: settings are not sent to the server again."""
    with Session.open(server.url) as session:
        session.request(Request.INFER, b"\1")
        server.settings.baudrate = 300  # a negotiation would set it back
        for _ in range(20):
            session.request(Request.INFER, b"\1")
        assert server.settings.baudrate == 300


def test_rfc2217_server_hanging_up_is_a_vanished_port(server: Rfc2217Server) -> None:
    """The end of the connection is noticed while waiting, long before the deadline."""
    with Session.open(server.url) as session:
        session.request(Request.COUNTERS)
        server.device.feed = lambda _data: (server.hang_up(), b"")[1]  # type: ignore[method-assign]
        with pytest.raises(PortUnavailable, match="vanished"):
            session.request(Request.COUNTERS, timeout_s=20.0)


def test_rfc2217_silence_ends_at_the_deadline(server: Rfc2217Server) -> None:
    """A device that says nothing behind the server is a timeout, on time."""
    with Session.open(server.url) as session:
        server.device.feed = lambda _data: b""  # type: ignore[method-assign]
        began = time.monotonic()
        with pytest.raises(LinkTimeout, match="not one byte"):
            session.request(Request.COUNTERS, timeout_s=0.3)
        assert 0.29 < time.monotonic() - began < 5.0


def test_server_of_plain_bytes_is_no_rfc2217_server() -> None:
    """A server that does not negotiate is told apart from an absent one; the hint names the right URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}?timeout=0.2"
        with pytest.raises(PortUnavailable, match="not as RFC 2217") as caught:
            SerialPort(url)
    assert "socket://" in caught.value.hint


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_port_that_nobody_listens_on_cannot_be_reached(scheme: str) -> None:
    """A refused connection is a missing port, whatever the scheme."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(PortUnavailable, match="cannot be reached") as caught:
            SerialPort(f"{scheme}://127.0.0.1:{probe.getsockname()[1]}")
    assert caught.value.cause == "missing"


def test_opening_ends_at_the_deadline() -> None:
    """A listener that never accepts, and one that accepts and never answers, cost no more than was asked for."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        number = listener.getsockname()[1]
        before = set(threading.enumerate())
        began = time.monotonic()
        with pytest.raises(PortUnavailable, match=r"cannot be reached \(waited 0.1 s\)") as caught:
            Device.connect(f"rfc2217://127.0.0.1:{number}?timeout=2", timeout_s=0.1)
        assert caught.value.cause == "missing"
        assert time.monotonic() - began < 1.5
        for thread in set(threading.enumerate()) - before:
            thread.join(10.0)
        began = time.monotonic()
        while True:  # fill its queue: a further connection is neither accepted nor refused
            filler = waiting.enter_context(socket.socket())
            filler.settimeout(0.1)
            if filler.connect_ex(("127.0.0.1", number)):
                break
        with pytest.raises(PortUnavailable, match=r"cannot be reached \(waited 0.1 s\)"):
            Device.connect(f"socket://127.0.0.1:{number}", timeout_s=0.1)
        assert time.monotonic() - began < 2.5  # pyserial itself waits 5 s


def test_a_port_that_opens_too_late_is_closed() -> None:
    """A port that opens after its timeout is closed; otherwise the next attempt would find it in use."""
    opened, closed = threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def opening() -> Late:
        opened.wait(10.0)
        return Late()

    with pytest.raises(TimeoutError):
        ports._opened_within(opening, 0.01)
    opened.set()
    assert closed.wait(10.0)


def test_what_opening_raises_is_raised_here() -> None:
    """A deadline changes no error."""

    def opening() -> None:
        raise serial.SerialException("refused")

    with pytest.raises(serial.SerialException, match="refused"):
        ports._opened_within(opening, 10.0)


@pytest.mark.parametrize(
    "form", ["spy://{}", "SPY://{}?all&color", "alt://{}", "alt://{}?class=PosixPollSerial"]
)
def test_local_handlers_carry_a_session(
    pty_device: PtyDevice, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """spy:// and alt:// reach a local port; spy shows the traffic."""
    with Session.open(form.format(pty_device.port)) as session:
        assert session.request(Request.INFER, b"\1\2") == bytes([10, 13])
    shown = capsys.readouterr().err
    assert ("TX" in shown and "RX" in shown) == form.lower().startswith("spy")


def test_hwgrep_finds_a_port_by_what_it_is(pty_device: PtyDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """hwgrep:// opens the port whose description matches, and is missing while none does."""
    found = [(pty_device.port, "Fake device", "USB VID:PID=2341:805A")]
    monkeypatch.setattr(
        serial.tools.list_ports, "grep", lambda pattern: [row for row in found if pattern in row[2]]
    )
    with Session.open("HWGREP://2341:805A") as session:
        assert session.request(Request.INFER, b"\1") == bytes([10])
    with pytest.raises(PortUnavailable, match="matches no port") as caught:
        SerialPort("hwgrep://1234:5678")
    assert caught.value.cause == "missing"


def test_loop_returns_what_is_sent_and_is_never_believed() -> None:
    """loop:// carries bytes; a device is not behind it, and a request that it cannot hold ends in time."""
    port = SerialPort("loop://")
    assert port.write(b"round", 0.5) == 5
    assert port.read(0.5) + port.read(0.0) == b"round"
    assert port.read(0.0) == b""
    port.close()
    for payload, diagnosis in ((b"\1", "echo"), (bytes(60000), "blocked")):
        with Session.open("loop://") as session, pytest.raises(LinkTimeout) as caught:
            session.request(Request.INFER, payload, timeout_s=0.2)
        assert caught.value.diagnosis == diagnosis


def test_cp2110_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hidapi the URL is refused with the package's name."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="hidapi"):
        SerialPort("cp2110:///dev/hidraw99")


def test_cp2110_without_a_device_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of hidapi becomes the error that every port has."""

    class Handle:
        def open_path(self, _path: bytes) -> None:
            raise OSError("open failed")

        def close(self) -> None:
            """Close nothing: Python 3.13 tells where the finalizer of a port fails."""

    monkeypatch.setitem(sys.modules, "hid", SimpleNamespace(device=Handle, __spec__=object()))
    monkeypatch.delitem(sys.modules, "serial.urlhandler.protocol_cp2110", raising=False)
    with pytest.raises(PortUnavailable):
        SerialPort("cp2110:///dev/hidraw99")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("carrier-pigeon://roof", "no URL begins with carrier-pigeon"),
        ("sockt://localhost:4000", "no URL begins with sockt"),
        ("socket://localhost", "it names no port number"),
        ("socket://:4000", "it names no host"),
        ("socket://localhost:99999", "is not a port"),
        ("socket://localhost:abc", "is not a port"),
        ("socket://localhost:1?color", "there is no option 'color'"),
        ("socket://localhost:1?logging=loud", "logging is 'loud'"),
        ("rfc2217://localhost", "it names no port number"),
        ("rfc2217://localhost:1?timeout=soon", "not a number of seconds"),
        ("rfc2217://[::1:4000", "is not a port"),
        ("alt:///dev/null?class=list", "class is 'list'"),
        ("alt:///dev/null?class=io", "class is 'io'"),
        ("alt:///dev/null?klass=x", "there is no option 'klass'"),
        ("hwgrep://[", "not a regular expression"),
        ("hwgrep://", "match every port"),
        ("hwgrep://x&n=one", "neither skip_busy nor n"),
        ("loop://?x", "there is no option 'x'"),
    ],
)
def test_malformed_url_is_a_usage_error(url: str, words: str) -> None:
    """A malformed port is the user's mistake; the error names it, and a form that works."""
    with pytest.raises(ConfigError, match=words) as caught:
        SerialPort(url)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize("option", ["file=", "%66ile=", "color&file="])
def test_spy_writes_no_file(tmp_path: Path, pty_device: PtyDevice, option: str) -> None:
    """A port's name never makes or empties a file."""
    file = tmp_path / "log"
    file.write_text("kept")
    with pytest.raises(ConfigError, match="would write a file"):
        SerialPort(f"spy://{pty_device.port}?{option}{file}")
    assert file.read_text() == "kept"
