"""The control socket: one JSON object a line, asked and answered. Unix socket only, in a private folder."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import queue
import socket
import threading
from collections.abc import Callable
from io import BufferedRWPair
from pathlib import Path
from typing import Any

from tinysine import errors
from tinysine.errors import BenchError, BoardNotFound, ConfigError, TinysineError
from tinysine.outside_json import read_json_object

log = logging.getLogger("tinysine.emulation")

_LONGEST_LINE = 1 << 26
_TIMEOUT_S = 20.0
_SIGN_OF_LIFE_S = (
    5.0  # while a command waits for a board that computes, an empty line says so as often as that
)


class ControlServer:
    """Answers commands, each connection in a thread of its own.

    Args:
        path: of the socket; must not exist.
        commands: by name; called with the request's other fields as keywords.
    """

    def __init__(self, path: Path, commands: dict[str, Callable[..., Any]]) -> None:
        self._commands = commands
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(str(path))
        except OSError as error:
            raise BenchError(
                f"the control socket {path} cannot be made: {error}",
                hint="set XDG_RUNTIME_DIR to a short path",
            ) from error
        path.chmod(0o600)
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # Who asked may be gone before the answer comes.
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                answers: queue.Queue[bytes] = queue.Queue()
                threading.Thread(target=self._put_answer, args=(line, answers), daemon=True).start()
                while not self._send_next(stream, answers):
                    pass

    def _put_answer(self, line: bytes, answers: queue.Queue[bytes]) -> None:
        answers.put(json.dumps(self._answer(line)).encode())

    @staticmethod
    def _send_next(stream: BufferedRWPair, answers: queue.Queue[bytes]) -> bool:
        """Send the answer, or a sign of life if it takes long; whether it was the answer."""
        try:
            answer = answers.get(timeout=_SIGN_OF_LIFE_S)
        except queue.Empty:
            answer = b""
        stream.write(answer + b"\n")
        stream.flush()
        return bool(answer)

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            request = read_json_object(line)
            command = self._commands[request.pop("command")]
            return {"ok": True, "result": command(**request)}
        except TinysineError as error:
            return {"ok": False, **encode_error(error)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            refusal = ConfigError(
                f"the control socket did not understand {line[:80]!r}: {str(error)[:200]}",
                hint=f"commands: {', '.join(self._commands)}",
            )
            log.warning("%s", refusal)
            return {"ok": False, **encode_error(refusal)}

    def close(self) -> None:
        """Take no more commands."""
        self._socket.close()


def ask(control: str, command: str, **arguments: object) -> Any:
    """Send one command and return its result.

    Raises:
        BoardNotFound: nobody is there, or gives no sign of life in time.
        TinysineError: as the board's side raised it.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(control)
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
                stream.flush()
                while (line := stream.readline(_LONGEST_LINE)) == b"\n":
                    pass  # a sign of life
    except (OSError, AttributeError) as error:
        raise BoardNotFound(
            f"the emulated board behind {control} does not answer `{command}`: {error}",
            hint="start it again with `tinysine emulate`",
            control=control,
        ) from error
    if not line:
        raise BoardNotFound(
            f"the emulated board behind {control} ended while it was asked for `{command}`",
            hint="start it again with `tinysine emulate`",
            control=control,
        )
    try:
        answer = read_json_object(line)
        if answer["ok"]:
            return answer["result"]
        refusal = decode_error(answer)
    except (ValueError, KeyError, TypeError, AttributeError) as trouble:
        raise BoardNotFound(
            f"what answers behind {control} is no emulated board: {str(trouble)[:200]}",
            hint="start it again with `tinysine emulate`",
            control=control,
        ) from trouble
    raise refusal


def encode_error(error: TinysineError) -> dict[str, object]:
    """An error as the fields of a JSON object; its facts stay behind."""
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


def decode_error(fields: dict[str, Any]) -> TinysineError:
    """The error that `encode_error` was given."""
    kind: type[TinysineError] = getattr(errors, fields["error"], BenchError)
    return kind(fields["message"], hint=fields["hint"])


def encode_bytes(data: bytes) -> str:
    """Bytes for a JSON field."""
    return base64.b64encode(data).decode("ascii")


def decode_bytes(text: str) -> bytes:
    """Bytes from a JSON field.

    Raises:
        ConfigError: not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ConfigError(f"not base64: {text[:40]!r}") from error
