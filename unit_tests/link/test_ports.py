"""Ports: real pseudo-terminals and sockets, and each way to fail named."""

import contextlib
import errno
import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from tinysine.errors import LinkTimeout, PortUnavailable
from tinysine.link import Request, SerialPort, Session, await_path, port_holders
from tinysine.testing import FakeClock, FakeDevice
from tinysine.testing.fake_terminal import PtyDevice


def test_session_over_a_pseudo_terminal(pty_device: PtyDevice) -> None:
    """A request over a real pty gets its answer."""
    with Session.open(pty_device.port) as session:
        assert session.request(Request.INFER, b"\1\2") == bytes([10, 13])
        assert session.stats.retries == 0


def test_round_trip_of_a_batch_costs_little_python(pty_device: PtyDevice) -> None:
    """256 inferences over a pty take well under 2 ms of this thread's processor time."""
    codes = bytes(range(256))
    with Session.open(pty_device.port, timeout_s=10.0) as session:
        session.request(Request.INFER, codes)
        began = time.thread_time()
        for _ in range(50):
            session.request(Request.INFER, codes)
        assert (time.thread_time() - began) / 50 < 0.001


def test_missing_port_is_named_with_what_is_there() -> None:
    """A port that does not exist says so and lists what does."""
    with pytest.raises(PortUnavailable, match="does not exist") as caught:
        Session.open("/dev/tty-no-such-board")
    assert (caught.value.port, caught.value.cause) == ("/dev/tty-no-such-board", "missing")
    assert "present now" in caught.value.hint


def test_a_missing_path_is_waited_for_and_then_named_as_opening_it_names_it(tmp_path: Path) -> None:
    """To the deadline, and with the same words."""
    clock, port = FakeClock(), str(tmp_path / "tty")
    with pytest.raises(PortUnavailable) as opened:
        Session.open(port)
    began = clock()
    with pytest.raises(PortUnavailable) as caught:
        await_path(port, timeout_s=1.5, pause=clock.pause, clock=clock)
    assert 1.4 < clock() - began <= 1.5
    assert caught.value.message == f"{opened.value.message} (waited 1.5 s)"
    assert (caught.value.hint, caught.value.facts) == (opened.value.hint, opened.value.facts)


def test_a_path_that_comes_back_in_time_is_all_that_is_waited_for(tmp_path: Path) -> None:
    """A board that boots; it is not opened."""
    clock, port = FakeClock(), tmp_path / "tty"
    began = clock()

    def pause(seconds: float) -> None:
        clock.pause(seconds)
        if clock() >= began + 0.7:
            port.touch()

    await_path(str(port), timeout_s=8.0, pause=pause, clock=clock)
    assert 0.7 <= clock() - began < 0.8


@pytest.mark.parametrize("port", ["socket://localhost:1", "rfc2217://nowhere:1", os.devnull, "a\0b"])
def test_what_opening_alone_can_tell_is_not_waited_for(port: str) -> None:
    """Some boards reset when their port is opened: nothing is opened here."""
    clock = FakeClock()
    began = clock()
    await_path(port, timeout_s=8.0, pause=clock.pause, clock=clock)
    assert clock() == began


def test_busy_port_is_named_with_who_holds_it(pty_device: PtyDevice) -> None:
    """A port that somebody holds exclusively is busy, not missing."""
    held = os.open(pty_device.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(PortUnavailable, match="is in use") as caught:
            Session.open(pty_device.port)
    finally:
        os.close(held)
    assert caught.value.cause == "busy"
    assert caught.value.hint


def test_second_session_on_one_port_is_refused(pty_device: PtyDevice) -> None:
    """Two sessions never share a port; the first goes on working."""
    with Session.open(pty_device.port) as session:
        with pytest.raises(PortUnavailable, match="is in use"):
            Session.open(pty_device.port)
        assert session.request(Request.INFER, b"\1") == bytes([10])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells who has a file open")
def test_port_holders_names_other_processes(tmp_path: Path) -> None:
    """The process that has a file open is found by name and number."""
    import subprocess

    path = tmp_path / "port"
    path.touch()
    with path.open() as file, subprocess.Popen(["sleep", "30"], stdin=file) as child:
        try:
            assert (
                f"sleep ({child.pid})" in port_holders(str(path))
                or "sleep" not in Path(f"/proc/{child.pid}/comm").read_text()
            )
        finally:
            child.kill()


@pytest.mark.parametrize(
    ("number", "cause", "hint"),
    [
        (errno.EACCES, "permission", "dialout"),
        (errno.EBUSY, "busy", "close"),
        (errno.ENXIO, "missing", "plug"),
    ],
)
def test_failures_to_open_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, number: int, cause: str, hint: str
) -> None:
    """Permission, busy and missing each have their own cause and advice."""

    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(number, os.strerror(number))

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(PortUnavailable) as caught:
        SerialPort("/dev/ttyACM0")
    assert caught.value.cause == cause
    assert hint in caught.value.hint


def test_file_that_is_no_port_is_refused(tmp_path: Path) -> None:
    """A regular file cannot be a serial port."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(PortUnavailable, match="cannot be used as a serial port"):
        SerialPort(str(path))
    assert path.read_text() == "hello"


def test_port_vanishing_during_a_request_is_named() -> None:
    """If the other end hangs up during a request, the port has vanished; the deadline is not waited for."""
    device = PtyDevice()
    device.hang_up_on_request = True
    with Session.open(device.port) as session:
        began = time.monotonic()
        with pytest.raises(PortUnavailable, match="vanished") as caught:
            session.request(Request.INFER, b"\1", timeout_s=120.0)
        assert time.monotonic() - began < 60.0
    assert (caught.value.port, caught.value.cause) == (device.port, "vanished")
    device.close()


def test_closed_port_is_an_error_and_closing_twice_is_not(pty_device: PtyDevice) -> None:
    """Using a closed port is a named error."""
    port = SerialPort(pty_device.port)
    port.close()
    port.close()
    with pytest.raises(PortUnavailable):
        port.read(0.0)
    with pytest.raises(PortUnavailable):
        port.write(b"x", 0.1)


def test_full_pseudo_terminal_ends_at_the_deadline() -> None:
    """A device that never reads is a timeout even when its buffer is full."""
    master, slave = os.openpty()
    try:
        with Session.open(os.ttyname(slave)) as session, pytest.raises(LinkTimeout, match="took only"):
            session.request(Request.INFER, bytes(60000), timeout_s=0.2)
    finally:
        os.close(master)
        os.close(slave)


@pytest.fixture
def server() -> Iterator[tuple[str, list[socket.socket]]]:
    """A fake device listening on a loopback socket; gives its URL and the accepted connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def serve() -> None:
        device = FakeDevice()
        with contextlib.suppress(OSError):  # the test hangs up when it likes
            connection, _ = listener.accept()
            accepted.append(connection)
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(device.feed(data))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"socket://127.0.0.1:{listener.getsockname()[1]}", accepted
    listener.close()
    thread.join(5)


def test_session_over_a_socket_sends_at_once(server: tuple[str, list[socket.socket]]) -> None:
    """`socket://` works, with Nagle's algorithm switched off at our end."""
    url, _ = server
    with Session.open(url) as session:
        assert session.request(Request.INFER, b"\1\2") == bytes([10, 13])
        with socket.socket(fileno=os.dup(session.port._serial.fileno())) as twin:
            assert twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_socket_hanging_up_is_a_vanished_port(server: tuple[str, list[socket.socket]]) -> None:
    """The end of the stream is a vanished port."""
    url, accepted = server
    with Session.open(url) as session:
        session.request(Request.COUNTERS)
        accepted[0].shutdown(socket.SHUT_RDWR)
        with pytest.raises(PortUnavailable, match="vanished"):
            session.request(Request.COUNTERS, timeout_s=20.0)


def test_socket_that_nobody_listens_on_cannot_be_reached() -> None:
    """A refused connection is a missing port with its own advice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(PortUnavailable, match="cannot be reached") as caught:
            Session.open(url)
    assert caught.value.cause == "missing"
