"""The URLs that pyserial takes for a port: checked before any of them is opened."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tinysine.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Handler:
    """One URL scheme of pyserial.

    Attributes:
        form: an example.
        options: names that may stand behind the question mark.
        needs_host: whether a host and a port number stand behind the slashes.
    """

    form: str
    options: tuple[str, ...] = ()
    needs_host: bool = False


HANDLERS = {
    "socket": Handler("socket://localhost:4000", ("logging",), True),
    "rfc2217": Handler(
        "rfc2217://localhost:2217", ("logging", "ign_set_control", "poll_modem", "timeout"), True
    ),
    "hwgrep": Handler("hwgrep://2341:805a"),
    "spy": Handler("spy:///dev/ttyACM0", ("color", "raw", "all", "file")),
    "alt": Handler("alt:///dev/ttyACM0?class=PosixPollSerial", ("class",)),
    "loop": Handler("loop://", ("logging",)),
    "cp2110": Handler("cp2110:///dev/hidraw0"),
}
ALT_CLASSES = ("Serial", "PosixPollSerial", "VTIMESerial")
LOG_LEVELS = ("debug", "info", "warning", "error")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


def scheme_of(port: str) -> str:
    """The scheme of a URL in lower case; "" for a device path."""
    found = _SCHEME.match(port)
    return found[1].lower() if found else ""


def checked_url(port: str) -> str:
    """A port as pyserial takes it, refused if it cannot be meant or would do more than open a port.

    Args:
        port: a device path or a URL.
    Returns:
        The same, the scheme in lower case.
    Raises:
        ConfigError: an unknown scheme or option, a part that is missing, a package that is not installed.
    """
    scheme = scheme_of(port)
    if not scheme:
        return port
    if scheme not in HANDLERS:
        raise unknown_name(
            f"{port!r} is not a port: no URL begins with {scheme}://", scheme, HANDLERS, key="port"
        )
    handler = HANDLERS[scheme]
    url = scheme + port[len(scheme) :]
    if scheme == "hwgrep":
        _check_pattern(url)
        return url
    try:
        parts = urlsplit(url)
        number = parts.port if handler.needs_host else None
    except ValueError as error:
        raise _malformed(url, str(error), handler) from error
    if handler.needs_host and (not parts.hostname or not number):
        raise _malformed(url, "it names no " + ("port number" if parts.hostname else "host"), handler)
    _check_options(url, handler, parse_qs(parts.query, keep_blank_values=True))
    if scheme == "cp2110" and importlib.util.find_spec("hid") is None:
        raise ConfigError(f"{url} needs the Python package hidapi", hint="pip install hidapi", key="port")
    return url


def _check_options(url: str, handler: Handler, options: dict[str, list[str]]) -> None:
    for name, values in options.items():
        if name not in handler.options:
            raise unknown_name(f"{url}: there is no option {name!r}", name, handler.options, key="port")
        if name == "file":
            raise ConfigError(
                f"{url} would write a file",
                hint="leave file= out: the traffic is shown on standard error, which can be redirected",
                key="port",
            )
        allowed = {"class": ALT_CLASSES, "logging": LOG_LEVELS}.get(name, ())
        if allowed and values[0] not in allowed:
            raise unknown_name(f"{url}: {name} is {values[0]!r}", values[0], allowed, key="port")
        if name == "timeout" and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", values[0]):
            raise _malformed(url, f"timeout is {values[0]!r}, not a number of seconds", handler)


def _check_pattern(url: str) -> None:
    pattern, *options = url.removeprefix("hwgrep://").split("&")
    handler = HANDLERS["hwgrep"]
    try:
        re.compile(pattern)
    except re.error as error:
        raise _malformed(url, f"not a regular expression, {error}", handler) from error
    if not pattern:
        raise _malformed(url, "it would match every port", handler)
    for option in options:
        if option != "skip_busy" and not re.fullmatch(r"n=([2-9]|[1-9][0-9]+)", option):
            raise _malformed(url, f"{option!r} is neither skip_busy nor n=2 or more", handler)


def _malformed(url: str, why: str, handler: Handler) -> ConfigError:
    return ConfigError(f"{url!r} is not a port: {why}", hint=f"such as {handler.form}", key="port")
