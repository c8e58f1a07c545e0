"""A fake device behind a pseudo-terminal: a real port, for programs that want one. Linux and macOS only."""

from __future__ import annotations

import contextlib
import os
import threading
import tty

from tinysine.testing.fake_device import FakeDevice


class PtyDevice:
    """A FakeDevice behind a pseudo-terminal, served by a thread.

    Attributes:
        port: path of the terminal.
        hang_up_on_request: the next bytes that come make it vanish.
    """

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
