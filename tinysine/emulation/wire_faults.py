"""Faults of a serial wire, on order: for tests that want to see the link recover."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinysine.errors import ConfigError

KINDS = ("drop", "flip", "duplicate", "noise")


@dataclass
class _Order:
    kind: str
    count: int
    after: int
    data: bytes


@dataclass
class WireFaults:
    """Faults waiting to happen, in each direction."""

    _orders: dict[str, list[_Order]] = field(default_factory=lambda: {"to_device": [], "to_host": []})

    def order(
        self, direction: str, kind: str, *, count: int = 1, after: int = 0, data: bytes = b"\x55"
    ) -> None:
        """One fault.

        Args:
            direction: "to_device" or "to_host".
            kind: "drop", "flip" (all bits) or "duplicate" `count` bytes, or insert `data` as "noise".
            after: bytes that pass unharmed before.

        Raises:
            ConfigError: an unknown direction or kind.
        """
        if direction not in self._orders or kind not in KINDS:
            raise ConfigError(
                f"there is no wire fault {kind!r} in direction {direction!r}",
                hint=f"directions: {', '.join(self._orders)}; kinds: {', '.join(KINDS)}",
                allowed=KINDS,
            )
        self._orders[direction].append(_Order(kind, count, after, data))

    def to_device(self, data: bytes) -> bytes:
        """Return the bytes that the device gets instead of `data`."""
        orders = self._orders["to_device"]
        return _apply(orders, data) if orders else data

    def to_host(self, data: bytes) -> bytes:
        """Return the bytes that the host gets instead of `data`."""
        orders = self._orders["to_host"]
        return _apply(orders, data) if orders else data


def _apply(orders: list[_Order], data: bytes) -> bytes:
    out = bytearray()
    while data and orders:
        order = orders[0]
        if order.after:
            passed, data = data[: order.after], data[order.after :]
            order.after -= len(passed)
            out += passed
            continue
        if order.kind == "noise":
            out += order.data
            orders.pop(0)
            continue
        hit, data = data[: order.count], data[order.count :]
        order.count -= len(hit)
        if order.kind == "flip":
            out += bytes(byte ^ 0xFF for byte in hit)
        elif order.kind == "duplicate":
            out += bytes(byte for byte in hit for _ in range(2))
        if order.count == 0:
            orders.pop(0)
    return bytes(out) + data
