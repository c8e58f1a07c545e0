"""A fake device behind pyserial's own RFC 2217 server, on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading

import serial
import serial.rfc2217

from tinysine.testing import FakeDevice


class _Connection:
    """Connection to which PortManager writes."""

    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.sendall


class Rfc2217Server:
    """Serves one client at a time; `settings` is the serial port whose settings the client may change."""

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self.settings = serial.serial_for_url("loop://")
        self.clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the test ends when it likes
            while True:
                client, _ = self._listener.accept()
                self.clients.append(client)
                with client, contextlib.suppress(OSError):
                    self._serve_client(client)

    def _serve_client(self, client: socket.socket) -> None:
        manager = serial.rfc2217.PortManager(self.settings, _Connection(client))
        while data := client.recv(4096):
            back = self.device.feed(b"".join(manager.filter(data)))
            client.sendall(b"".join(manager.escape(back)))

    def hang_up(self) -> None:
        """End the present client's connection."""
        self.clients[-1].shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop serving."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
