"""The device that tests hold for a whole session, while the connection behind it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinysine.rigs import Station


class LiveDevice:
    """Whichever connection is alive now: recovery between tests opens new ones behind this.

    What a test puts in place of the device's methods stays here, out of the device: what looks after the board does
    not go by it. Values that a device holds, such as `timeout_s`, are set on the device.
    """

    __slots__ = ("_patched", "_station")
    _patched: dict[str, Any]
    _station: Station

    def __init__(self, station: Station) -> None:
        object.__setattr__(self, "_station", station)
        object.__setattr__(self, "_patched", {})

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # pytest's monkeypatch asks what has to be restored
        return {**vars(self._station.device), **self._patched}

    def __getattr__(self, name: str) -> Any:
        return self._patched[name] if name in self._patched else getattr(self._station.device, name)

    def __setattr__(self, name: str, value: object) -> None:
        device = self._station.device
        if name in vars(device):
            setattr(device, name, value)
        else:
            self._patched[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._patched:
            raise AttributeError(f"{name} is the device's own, and cannot be deleted")
        del self._patched[name]

    def __dir__(self) -> list[str]:
        return [*dir(self._station.device), *self._patched]

    def __repr__(self) -> str:
        station = self._station
        build_id = station.firmware.build_id
        build = "foreign firmware" if build_id is None else f"build {build_id.hex()[:12]}"
        return f"<{station.rig.board.name} ({station.rig.kind}) at {station.rig.port}, {build}>"
