"""With two probes attached the right one is flashed, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import Board
from tinysine.errors import FlashError
from tinysine.flashing import FLASH_TOOLS
from tinysine.flashing.usb import usb_probes_of
from tinysine.image import Image
from tinysine.place import Wiring
from unit_tests.flashing.fake_tools import DISCO, NANO, Bench, Clock

Images = Callable[[Board], Image]
LEFT, RIGHT = ("/dev/ttyACM0", 0x0483, 0x374B, "LEFT"), ("/dev/ttyACM1", 0x0483, 0x374B, "RIGHT")


def pyocd_finds(bench: Bench, *probes: tuple[str, str]) -> None:
    """A pyOCD that lists probes: (serial number, target of the board that they sit on)."""
    boards = [{"unique_id": serial, "info": "probe", "target": target} for serial, target in probes]
    bench.tool("pyocd", f"if 'json' in sys.argv: print({json.dumps(json.dumps({'boards': boards}))})")


def flash_runs(bench: Bench) -> list[list[str]]:
    """The runs that would have changed a board."""
    return [call.arguments for call in bench.calls if "json" not in call.arguments]


@pytest.mark.parametrize("tool", ["openocd", "st-flash", "pyocd"])
def test_two_identical_probes_and_none_named_flash_nothing(
    tool: str, bench: Bench, plug, image_for: Images, clock: Clock
) -> None:
    """Both are listed, with how to name one."""
    bench.tool(tool)
    pyocd_finds(bench, ("LEFT", "stm32f746nghx"), ("RIGHT", "stm32f746nghx"))
    plug(LEFT, RIGHT)
    with pytest.raises(FlashError, match=r"2 probes could be .*LEFT.*RIGHT.*nothing was flashed") as caught:
        FLASH_TOOLS[tool].flash(image_for(DISCO), clock.target(DISCO, "socket://elsewhere:4000"))
    assert "--probe" in caught.value.hint
    assert len(caught.value.found) == 2
    assert flash_runs(bench) == []


@pytest.mark.parametrize("tool", ["openocd", "st-flash", "pyocd"])
@pytest.mark.parametrize(
    ("port", "wiring", "chosen"),
    [
        ("/dev/ttyACM1", Wiring(), "RIGHT"),
        ("/dev/ttyACM0", Wiring(), "LEFT"),
        ("socket://elsewhere:4000", Wiring(probe="RIGHT"), "RIGHT"),
        ("/dev/ttyACM0", Wiring(probe="RIGHT"), "RIGHT"),
    ],
    ids=["by its port", "by the other's port", "by name", "by name over port"],
)
def test_a_named_probe_is_used(
    request: pytest.FixtureRequest, tool: str, port: str, wiring: Wiring, chosen: str
) -> None:
    """The bench's word goes first; the port of a board that is its own probe names it, too."""
    bench, plug, clock = (request.getfixturevalue(name) for name in ("bench", "plug", "clock"))
    bench.tool(tool)
    pyocd_finds(bench, ("LEFT", "stm32f746nghx"), ("RIGHT", "stm32f746nghx"))
    plug(LEFT, RIGHT)
    FLASH_TOOLS[tool].reset(clock.target(DISCO, port, wiring))
    (arguments,) = flash_runs(bench)
    assert chosen in " ".join(arguments)
    assert {"LEFT", "RIGHT"} - {chosen} not in arguments


@pytest.mark.parametrize("tool", ["openocd", "st-flash", "pyocd"])
def test_a_named_probe_that_is_not_attached_flashes_nothing(
    tool: str, bench: Bench, plug, image_for: Images, clock: Clock
) -> None:
    """The only other probe is not taken instead."""
    bench.tool(tool)
    pyocd_finds(bench, ("LEFT", "stm32f746nghx"))
    plug(LEFT)
    with pytest.raises(FlashError, match=r"probe RIGHT .*is not attached; nothing was flashed"):
        FLASH_TOOLS[tool].flash(image_for(DISCO), clock.target(DISCO, LEFT[0], Wiring(probe="RIGHT")))
    assert flash_runs(bench) == []


@pytest.mark.parametrize("tool", ["openocd", "st-flash", "pyocd"])
def test_no_probe_is_told_as_such(tool: str, bench: Bench, image_for: Images, clock: Clock) -> None:
    """It is not left to the tool to take whatever comes."""
    bench.tool(tool)
    pyocd_finds(bench)
    with pytest.raises(FlashError, match=f"{tool} finds no debug probe for disco"):
        FLASH_TOOLS[tool].flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyACM0"))
    assert flash_runs(bench) == []


def test_a_probe_on_another_kind_of_board_is_never_meant(bench: Bench, clock: Clock) -> None:
    """A micro:bit beside the board is no choice; a probe that knows no board of its own is."""
    pyocd_finds(bench, ("MICROBIT", "nrf51"), ("LEFT", "stm32f746nghx"))
    FLASH_TOOLS["pyocd"].reset(clock.target(DISCO, "/dev/ttyS0"))
    assert "LEFT" in flash_runs(bench)[-1]
    pyocd_finds(bench, ("MICROBIT", "nrf51"), ("JLINK", "cortex_m"))
    FLASH_TOOLS["pyocd"].reset(clock.target(NANO, "/dev/ttyS0"))
    assert "JLINK" in flash_runs(bench)[-1]
    pyocd_finds(bench, ("MICROBIT", "nrf51"))
    with pytest.raises(FlashError, match="finds no debug probe"):
        FLASH_TOOLS["pyocd"].reset(clock.target(NANO, "/dev/ttyS0"))


def test_linux_tells_probes_without_a_port(plug, tmp_path: Path) -> None:
    """USB devices are found by vendor, product and serial number; other devices, hubs and interfaces are not."""
    for name, vendor, product, serial in (
        ("1-1", "0483", "374b", "LEFT"),
        ("1-2", "0483", "374b", "RIGHT"),
        ("1-3", "0d28", "0204", "MICROBIT"),
        ("usb1", "1d6b", "0002", "hub"),
    ):
        (tmp_path / name).mkdir()
        for file, text in (
            ("idVendor", vendor),
            ("idProduct", product),
            ("serial", serial),
            ("product", "P"),
        ):
            (tmp_path / name / file).write_text(text + "\n")
    (tmp_path / "1-1:1.0").mkdir()
    plug(LEFT)
    assert [probe.serial for probe in usb_probes_of(DISCO, sysfs=tmp_path)] == ["LEFT", "RIGHT"]
    without = structs.replace(DISCO, usb_ids=())
    assert usb_probes_of(without, sysfs=tmp_path) == ()
