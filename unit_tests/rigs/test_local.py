"""A real board flashed by tools that succeed, fail, lie, hang or flash the wrong board: only the device counts.

The board is an emulated one that this process does not know as such, and the tools are fakes that reach it
through its control socket.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec import structs

from tinysine.commands.app import run_app
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard, start_emulator
from tinysine.errors import ConfigError, FlashError, IdentityMismatch, LeaseHeld, LinkTimeout, TinysineError
from tinysine.graph import read_network
from tinysine.image import BuildOptions, Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.place import AtPort, Wiring
from tinysine.quantization import Rounding
from tinysine.rigs import Rig, lease_on, open_rig
from unit_tests.flashing.fake_tools import NANO, Bench

CHIP = b"REALCHIP"
PROBES = (
    """if 'json' in sys.argv: print('{"boards": [{"unique_id": "P", "target": "cortex_m"}]}'); sys.exit(0)"""
)
PROGRAM = """
from tinysine.emulation import attach_emulator
attach_emulator({control!r}).{action}
"""


@pytest.fixture
def twin(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedBoard]:
    """An emulated Nano that nobody finds among the running ones, and whose chip does not say that it is a twin."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    with start_emulator(NANO, unique_id=CHIP) as emulator:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        emulator.port = os.path.realpath(emulator.port)  # beside its name, its control socket would be found
        yield emulator


@pytest.fixture(scope="module")
def other_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the image that the board ran before: the same model, another rounding."""
    folder = tmp_path_factory.mktemp("other image")
    return build_image(
        read_network(REFERENCE_MODEL), NANO, options=BuildOptions(rounding=Rounding.TFLM), out_dir=folder
    )


def programs(twin: EmulatedBoard, image: Image) -> str:
    """The behaviour of a pyOCD that puts an image on a board."""
    return PROBES + PROGRAM.format(control=twin.control, action=f"flash({str(image.elf)!r})")


def proved(rig: Rig, image: Image) -> bool:
    """Ask the device at the rig's port whether it runs the image."""
    with Device.connect(rig.port, timeout_s=2.0) as device:
        device.require(image)
    return True


def test_success_is_what_the_device_says(bench: Bench, twin: EmulatedBoard, nano_image: Image) -> None:
    """The tool programs the board, and the board reports the image's build."""
    bench.tool("pyocd", programs(twin, nano_image))
    with open_rig(NANO, AtPort(twin.port)) as rig:
        assert (rig.kind, rig.is_twin, rig.emulator) == ("unknown", False, None)
        assert rig.report() == ""
        rig.flash(nano_image)
        assert proved(rig, nano_image)


def test_a_failure_is_told_with_command_and_output(
    bench: Bench, twin: EmulatedBoard, nano_image: Image
) -> None:
    """And the board is as it was."""
    bench.tool("pyocd", PROBES + "\nprint('flash program page failure'); sys.exit(1)")
    with open_rig(NANO, AtPort(twin.port)) as rig, pytest.raises(FlashError) as caught:
        rig.flash(nano_image)
    assert caught.value.tool == "pyocd"
    assert "load --no-wait --target nrf52840 --uid P" in str(caught.value.command)
    assert caught.value.output == "flash program page failure\n"
    assert twin.status()["state"] == "loader"


@pytest.mark.long
def test_a_tool_that_lies_is_found_out(
    bench: Bench, twin: EmulatedBoard, nano_image: Image, other_image: Image
) -> None:
    """Exit code 0 with nothing programmed: the device is silent, or still reports the build it had."""
    bench.tool("pyocd", PROBES)
    with open_rig(NANO, AtPort(twin.port)) as rig:
        rig.flash(nano_image)
        with pytest.raises(LinkTimeout):
            proved(rig, nano_image)
        twin.flash(other_image.elf)
        rig.flash(nano_image)
        with pytest.raises(IdentityMismatch) as caught:
            proved(rig, nano_image)
    assert caught.value.expected == "litert"
    assert caught.value.got == "tflm"


@pytest.mark.long
def test_a_tool_that_hangs_is_killed(
    bench: Bench, twin: EmulatedBoard, nano_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its deadline, with what it said until then."""
    monkeypatch.setattr("tinysine.flashing.pyocd.TIMEOUT_S", 1.0)
    bench.tool("pyocd", PROBES + "\nprint('waiting for a probe', flush=True); time.sleep(600)")
    with open_rig(NANO, AtPort(twin.port)) as rig, pytest.raises(FlashError, match="killed"):
        rig.flash(nano_image)


@pytest.mark.long
def test_a_tool_that_flashes_another_board_is_found_out(
    bench: Bench, twin: EmulatedBoard, nano_image: Image
) -> None:
    """The image runs, on the wrong board: the one at the port does not report it."""
    with start_emulator(NANO) as wrong:
        bench.tool("pyocd", programs(wrong, nano_image))
        with open_rig(NANO, AtPort(twin.port)) as rig:
            rig.flash(nano_image)
            with pytest.raises(TinysineError):
                proved(rig, nano_image)


def test_a_board_is_reset_by_its_tool(bench: Bench, twin: EmulatedBoard, nano_image: Image) -> None:
    """The second rung of the recovery ladder."""
    twin.flash(nano_image.elf)
    before = twin.status()["resets"]
    bench.tool("pyocd", PROBES + PROGRAM.format(control=twin.control, action="reset()"))
    with open_rig(NANO, AtPort(twin.port)) as rig:
        rig.reset()
        assert proved(rig, nano_image)
    assert twin.status()["resets"] > before


def test_a_board_that_comes_back_under_another_name_is_followed(
    bench: Bench, twin: EmulatedBoard, nano_image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool's upload renames the port, as USB does; rig, lease and device go on with the same board."""
    ports = tmp_path / "dev"
    ports.mkdir()
    (ports / "ttyACM0").symlink_to(os.path.realpath(twin.port))

    def comports() -> list[SimpleNamespace]:
        return [
            SimpleNamespace(device=str(port), vid=0x2341, pid=0x805A, serial_number="A", description="")
            for port in ports.iterdir()
        ]

    monkeypatch.setattr("serial.tools.list_ports.comports", comports)
    rename = f"os.rename({str(ports / 'ttyACM0')!r}, {str(ports / 'ttyACM1')!r})"
    bench.tool("pyocd", f"{programs(twin, nano_image)}\n{rename}")
    own_usb = structs.replace(NANO, usb_ids=NANO.upload_usb_ids, upload_usb_ids=())
    with open_rig(own_usb, AtPort(str(ports / "ttyACM0"))) as rig:
        rig.flash(nano_image)
        assert rig.port == str(ports / "ttyACM1")
        assert proved(rig, nano_image)
        assert lease_on(rig.port, usb_serial="A") is not None


def test_a_port_that_only_takes_uploads_is_no_link(plug) -> None:
    """Bare metal has no USB: flashed over the Nano's own, it would be gone for good. Nothing is leased or flashed."""
    plug(("/dev/ttyACM0", 0x2341, 0x805A, "A"))
    with pytest.raises(ConfigError, match=r"does not speak there.*--board nano33ble-usb"):
        open_rig(NANO, AtPort("/dev/ttyACM0"))
    assert lease_on("/dev/ttyACM0", usb_serial="A") is None


def test_without_a_tool_a_person_is_told_what_to_install(
    bench: Bench, twin: EmulatedBoard, nano_image: Image
) -> None:
    """Opening is no error, since a board that runs the image needs no tool; flashing is."""
    assert bench.calls == []
    with open_rig(NANO, AtPort(twin.port)) as rig:
        with pytest.raises(FlashError, match="no tool that flashes nano33ble-sense is installed") as caught:
            rig.flash(nano_image)
        assert "pip install pyocd" in caught.value.hint
        assert str(nano_image.binary) in caught.value.hint
        with pytest.raises(FlashError, match="reset it by hand"):
            rig.reset()


def test_a_board_is_leased_while_its_rig_is_open(bench: Bench, twin: EmulatedBoard) -> None:
    """A second user is refused at once, and let in afterwards."""
    assert bench.calls == []
    with open_rig(NANO, AtPort(twin.port)):
        assert lease_on(twin.port) is not None
        with pytest.raises(LeaseHeld, match="in use by"):
            open_rig(NANO, AtPort(twin.port))
    assert lease_on(twin.port) is None
    open_rig(NANO, AtPort(twin.port)).close()


def test_a_bench_that_names_no_tool_holds_no_lease(bench: Bench, twin: EmulatedBoard) -> None:
    """A rig that could not be opened leaves nothing behind."""
    assert bench.calls == []
    with pytest.raises(ConfigError, match="did you mean 'bossac'"):
        open_rig(NANO, AtPort(twin.port, Wiring(tool="bosac")))
    assert lease_on(twin.port) is None


def test_an_image_for_another_board_is_not_flashed(
    bench: Bench, twin: EmulatedBoard, image_for, nano_image: Image
) -> None:
    """It is refused before any tool runs."""
    bench.tool("pyocd", programs(twin, nano_image))
    other = image_for(structs.replace(NANO, name="other"))
    with open_rig(NANO, AtPort(twin.port)) as rig, pytest.raises(ConfigError, match="image is for other"):
        rig.flash(other)
    assert bench.calls == []


@pytest.mark.parametrize(
    ("behaviour", "code"), [("success", 0), ("failure", 3), pytest.param("lie", 3, marks=pytest.mark.long)]
)
def test_the_command_line_flashes_and_proves(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str], behaviour: str, code: int
) -> None:
    """`tinysine flash` from a model to a proved board; on failure it prints what the tool was told and said."""
    bench, twin = request.getfixturevalue("bench"), request.getfixturevalue("twin")
    image = request.getfixturevalue("nano_image")
    bench.tool(
        "pyocd",
        {
            "success": programs(twin, image),
            "failure": PROBES + "\nprint('first words'); print('page failure'); sys.exit(7)",
            "lie": PROBES,
        }[behaviour],
    )
    ended = run_app(["flash", str(image.elf), "--port", twin.port])
    out, err = capfd.readouterr()
    assert ended == code, err
    assert f"nano33ble-sense at {twin.port}: pyocd replaces the firmware on it\n" in err
    if behaviour == "success":
        assert f"runs build {image.build_id.hex()[:12]}" in out
    else:
        assert out == ""
    if behaviour == "failure":
        assert "error: pyocd failed (exit code 7): page failure" in err
        assert "$ " in err
        assert "load --no-wait --target nrf52840" in err
        assert "first words\n" in err


@pytest.mark.long
def test_verify_flashes_a_board_that_needs_it_and_not_again(
    bench: Bench, twin: EmulatedBoard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first time the board is silent and gets the image; the second time it proves to run it already."""
    # Of the two compilers Zig's is the one that needs no PATH.
    image = build_image(
        read_network(REFERENCE_MODEL), NANO, options=BuildOptions(toolchain="zig"), out_dir=tmp_path / "image"
    )
    bench.tool("pyocd", programs(twin, image))
    layout = tmp_path / "bench.toml"
    layout.write_text(
        f'[[board]]\nname = "{NANO.name}"\nport = "{twin.port}"\nunique_id = "{CHIP.hex().upper()}"\n'
    )
    command = ["verify", str(REFERENCE_MODEL), "--toolchain", "zig"]
    command += ["--port", twin.port, "--bench", str(layout)]
    flashed = []
    for number in range(2):
        file = tmp_path / f"{number}.json"
        assert run_app([*command, "--json", str(file)]) == 0, capfd.readouterr().err
        evidence = json.loads(file.read_text())
        assert (evidence["board"]["kind"], evidence["latency"]["unit"]) == ("hardware", "cycles")
        flashed.append(evidence["provenance"]["flashed"])
    assert flashed == [True, False]
    assert sum("load" in call.arguments for call in bench.calls) == 1
