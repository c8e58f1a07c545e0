"""Flashing by copying a file: the right drive, the right form, and the report that a probe leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import Board
from tinysine.errors import ConfigError, FlashError
from tinysine.flashing import FLASH_TOOLS
from tinysine.flashing.drag_and_drop import BACK_S
from tinysine.flashing.firmware_file import intel_hex
from tinysine.image import Image
from tinysine.place import Wiring
from unit_tests.flashing.fake_tools import DISCO, Bench, Clock

Images = Callable[[Board], Image]
MICROBIT = structs.replace(DISCO, flash_options={"mass-storage": "MICROBIT/firmware.hex"})
TOOL = FLASH_TOOLS["mass-storage"]


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Lets a test mount drives: a folder's name, and the serial number of the device behind it."""
    mounts, disks = tmp_path / "mounts", tmp_path / "by-id"
    mounts.write_text("proc /proc proc rw 0 0\nbroken\n")
    disks.mkdir()
    monkeypatch.setattr("tinysine.flashing.drag_and_drop.MOUNTS", mounts)
    monkeypatch.setattr("tinysine.flashing.drag_and_drop.DISKS", disks)

    def mount(name: str, serial: str) -> Path:
        drive, device = tmp_path / "media" / name, tmp_path / f"sd-{serial}"
        drive.mkdir(parents=True)
        (drive / "DETAILS.TXT").touch()
        device.touch()
        (disks / f"usb-MBED_VFS_{serial}-0:0").symlink_to(device)
        with mounts.open("a") as file:
            file.write(f"{device} {str(drive).replace(' ', chr(92) + '040')} vfat rw 0 0\n")
        return drive

    return mount


@pytest.mark.usefixtures("bench")
def test_the_file_lands_on_the_drive_in_its_form(mount, image_for: Images, clock: Clock) -> None:
    """Raw for the one, Intel HEX for the other, under the name that the board file says."""
    disco, microbit = mount("DIS_F746NG", "S1"), mount("MICROBIT", "S2")
    TOOL.flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyACM0"))
    TOOL.flash(image_for(MICROBIT), clock.target(MICROBIT, "/dev/ttyACM0"))
    assert (disco / "firmware.bin").read_bytes() == bytes(range(40))
    assert (microbit / "firmware.hex").read_text() == intel_hex(bytes(range(40)), 0x08000000)


@pytest.mark.usefixtures("bench")
def test_two_drives_and_none_named_get_nothing(mount, image_for: Images, clock: Clock) -> None:
    """The second of a kind is mounted under a number; both are listed."""
    drives = [mount("DIS_F746NG", "S1"), mount("DIS_F746NG1", "S2")]
    with pytest.raises(FlashError, match=r"2 drives could be .*nothing was flashed"):
        TOOL.flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyS0"))
    assert not any((drive / "firmware.bin").exists() for drive in drives)


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("how", ["by probe", "by port"])
def test_of_two_drives_the_named_one_is_written(
    how: str, mount, plug, image_for: Images, clock: Clock
) -> None:
    """The device behind the mount carries the probe's serial number."""
    other, meant = mount("DIS_F746NG", "S1"), mount("DIS_F746NG 1", "S2")
    plug(("/dev/ttyACM4", 0x0483, 0x374B, "S2"))
    port, wiring = ("/dev/ttyS0", Wiring(probe="S2")) if how == "by probe" else ("/dev/ttyACM4", Wiring())
    TOOL.flash(image_for(DISCO), clock.target(DISCO, port, wiring))
    assert (meant / "firmware.bin").exists()
    assert not (other / "firmware.bin").exists()


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("named", [True, False])
def test_a_drive_that_is_not_mounted_is_told(named: bool, mount, image_for: Images, clock: Clock) -> None:
    """None at all, or not that of the probe that is named: another one is not taken instead."""
    if named:
        mount("DIS_F746NG", "S1")
    mount("DIS_F746NGX", "S3")
    wiring = Wiring(probe="S2" if named else "")
    with pytest.raises(FlashError, match="mounted; nothing was flashed"):
        TOOL.flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyS0", wiring))


@pytest.mark.usefixtures("bench")
def test_the_probes_report_is_an_error(mount, image_for: Images, clock: Clock) -> None:
    """The drive goes, comes back, and holds FAIL.TXT: its text is the error's output."""
    drive = mount("DIS_F746NG", "S1")

    def come_back() -> None:
        (drive / "FAIL.TXT").write_text("error: In application programming failed\ntype: interface\n")

    def vanish() -> None:
        for file in drive.iterdir():
            file.unlink()

    clock.at(0.1, come_back)
    target = clock.target(DISCO, "/dev/ttyS0")

    class Copied(type(TOOL)):  # type: ignore[misc]
        """Takes the drive away as the probe does, before the report is looked for."""

        def _read_report(self, *arguments: object) -> None:
            vanish()
            super()._read_report(*arguments)

    with pytest.raises(FlashError, match="mass-storage failed: error: In application") as caught:
        Copied().flash(image_for(DISCO), target)
    assert "type: interface" in str(caught.value.output)


@pytest.mark.usefixtures("bench")
def test_a_drive_that_stays_away_is_left_to_the_device(
    mount, image_for: Images, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If drives are not mounted automatically, there is no report to read: only the device is asked."""
    drive = mount("DIS_F746NG", "S1")
    monkeypatch.setattr(
        "tinysine.flashing.drag_and_drop.run_tool", lambda *_a, **_o: [f.unlink() for f in drive.iterdir()]
    )
    TOOL.flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyS0"))
    assert clock.now == pytest.approx(BACK_S, abs=1)


@pytest.mark.usefixtures("bench")
def test_a_drive_that_cannot_be_written_is_an_error(mount, image_for: Images, clock: Clock) -> None:
    """The error quotes the failed copy."""
    drive = mount("DIS_F746NG", "S1")
    (drive / "firmware.bin").mkdir()
    with pytest.raises(FlashError, match=r"mass-storage failed \(exit code 1\): IsADirectoryError"):
        TOOL.flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyS0"))


@pytest.mark.parametrize(
    "option",
    ["MICROBIT", "/firmware.hex", "MICROBIT/firmware.elf", "X/../../evil.hex", "X/a/b.bin", "X//etc/a.bin"],
)
def test_an_option_that_names_no_drive_and_file_is_refused(
    option: str, bench: Bench, image_for: Images, clock: Clock
) -> None:
    """The board file is told how it is written."""
    assert bench.calls == []
    board = structs.replace(DISCO, flash_options={"mass-storage": option})
    with pytest.raises(ConfigError, match="is not a drive and a file"):
        TOOL.flash(image_for(board), clock.target(board, "/dev/ttyS0"))
