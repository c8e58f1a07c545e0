"""The resources of a place: its serial line, the computer that the board is connected to, and its power switch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tinysine.errors import BenchError

POWER = (
    *("NetworkPowerPort", "PDUDaemonPort", "TasmotaPowerPort", "NetworkUSBPowerPort"),
    *("NetworkSiSPMPowerPort", "NetworkYKUSHPowerPort"),
)
_SERIAL = "NetworkSerialPort"
_RAW = "raw"


@dataclass(frozen=True)
class SerialLine:
    """A serial line behind a network.

    Attributes:
        host, port: where it listens.
        raw: plain bytes; else RFC 2217.
        proxy: computer that ssh has to go through; "" where the line is reached directly.
        exporter: computer that the board is connected to, as ssh reaches it.
    """

    host: str
    port: int
    raw: bool
    proxy: str
    exporter: str

    def url(self, *, host: str = "", port: int = 0) -> str:
        """As pyserial takes it.

        Args:
            host, port: of a forward to it, if there is one.
        """
        host, port = host or self.host, port or self.port
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # A pseudo-terminal, and many a USB device, answers no request to set its control lines.
        return f"socket://{where}" if self.raw else f"rfc2217://{where}?ign_set_control"


def serial_line(resources: Iterable[Mapping[str, Any]], *, place: str) -> SerialLine:
    """The one serial line of a place.

    Args:
        resources: as the helper tells them.
    Raises:
        BenchError: there is none, it is not there, or there are several; facts place.
    """
    found = [resource for resource in resources if resource.get("cls") == _SERIAL]
    if len(found) != 1:
        classes = ", ".join(sorted(str(resource.get("cls")) for resource in resources)) or "nothing"
        raise BenchError(
            f"the place {place} has {len(found) or 'no'} {_SERIAL}{'s' if found else ''}; it has {classes}",
            hint="a match of the place must select the board's one serial line",
            place=place,
        )
    params, extra = _table(found[0].get("params")), _table(found[0].get("extra"))
    host, port = params.get("host"), params.get("port")
    if not found[0].get("avail") or not isinstance(port, int) or not 0 < port < 1 << 16 or not _is_host(host):
        raise BenchError(
            f"the serial line of {place} is not there: labgrid says available "
            f"{'yes' if found[0].get('avail') else 'no'}, host {host or 'none'}, port {port or 'none'}",
            hint="plug the board in at its exporter, and see to that exporter's log",
            place=place,
        )
    assert isinstance(host, str)
    proxy = extra.get("proxy") if extra.get("proxy_required") else ""
    proxy = proxy if _is_host(proxy) else ""
    assert isinstance(proxy, str)
    return SerialLine(host, port, params.get("protocol") == _RAW, proxy, proxy or host)


def has_power(resources: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether labgrid can switch the power of a place."""
    return any(resource.get("cls") in POWER for resource in resources)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_host(value: object) -> bool:
    # It becomes an argument of ssh, and a part of a URL: nothing that either would take for something else.
    return (
        isinstance(value, str)
        and 0 < len(value) < 256
        and value.isascii()
        and value[0].isalnum() | (value[0] == ":")
        and all(char.isalnum() or char in ".-:_%" for char in value)
    )
