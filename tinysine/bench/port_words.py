"""Words that stand where a port is asked for, and ports that cannot be meant."""

from __future__ import annotations

from tinysine.errors import ConfigError

ANY_PORT = "auto"
"""The one board of its kind that is attached."""

TWIN = "twin"
"""None: the board's twin."""


def check_port(port: str, source: str) -> None:
    """Refuse a port that cannot be meant, before anything is built.

    Args:
        port: as it was written.
        source: the option, variable or file that it came from.
    Raises:
        ConfigError: empty, an option, or a URL that pyserial would not take; facts key.
    """
    if not port:
        # A variable of a script that is not set, most likely: not the same as asking for the twin.
        raise ConfigError(
            f"{source} is empty",
            hint="name a port, or leave the option away for the board's twin",
            key=source,
        )
    if "://" in port:
        from tinysine.link import checked_url  # noqa: PLC0415  # brings numpy

        checked_url(port)
