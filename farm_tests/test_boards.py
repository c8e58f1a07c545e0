"""Boards of a farm: asked, flashed, switched, and lost in the middle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from farm_tests.conftest import BOARD, RAW, TELNET, FarmMaker, FlashTool, Lines, Power
from farm_tests.loopback import Farm, Seat, until
from tinysine.boards import load_board
from tinysine.errors import BenchError, FlashError, PlaceLost, TinysineError
from tinysine.image import Image
from tinysine.model import REFERENCE_MODEL
from tinysine.place import AtLabgrid, AtPort
from tinysine.rigs import Installation, Rig, open_rig

COMMAND = [sys.executable, "-m", "tinysine", "verify", str(REFERENCE_MODEL), "--board", BOARD]
FLASHED = {"board": "nano33ble", "flash": "pyocd", "probe": "P1"}


def rig_at(name: str = RAW) -> Rig:
    """The board at a place."""
    return open_rig(load_board(BOARD), AtLabgrid(name))


def test_a_board_of_the_farm_is_verified(farm: Farm, tmp_path: Path) -> None:
    """By name, from the command line; the place is free afterwards, and the evidence says where the board was."""
    evidence = tmp_path / "evidence.json"
    done = subprocess.run(
        [*COMMAND, "--port", f"labgrid:{RAW}", "--json", str(evidence)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "256 of 256 outputs equal" in done.stdout
    record = json.loads(evidence.read_text(encoding="utf-8"))
    assert record["board"]["port"].startswith("socket://127.0.0.1:")
    assert farm.holders() == {}
    assert farm.reservations() == ""


def test_rfc_2217_is_spoken_where_labgrid_says_no_protocol(farm: Farm, image: Image) -> None:
    """As behind labgrid's own ser2net; a pseudo-terminal has no control lines to set."""
    with rig_at(TELNET) as rig, rig.open_device(image, timeout_s=60) as device:
        assert rig.port.startswith("rfc2217://")
        assert rig.kind == "emulated"
        assert device.identity.build_id == image.build_id
    assert farm.holders() == {}


def test_ser2net_refuses_a_second_client(farm: Farm, lines: Lines, image: Image) -> None:
    """Whoever goes past labgrid to the port is refused there, and the holder is not disturbed."""
    with rig_at() as rig, rig.open_device(image, timeout_s=60) as device:
        with (
            open_rig(load_board(BOARD), AtPort(f"socket://127.0.0.1:{lines.raw}")) as second,
            pytest.raises(TinysineError) as refused,
        ):
            second.open_device(image, timeout_s=3)
        assert refused.value.exit_code == 3
        device.identify()
        rig.require_ours()
    assert farm.holders() == {}


def test_a_run_whose_coordinator_restarts_ends_as_a_bench_failure(farm: Farm) -> None:
    """At once, in the middle of a long question, whatever the answers were; the place can be had again."""
    assert farm.coordinator is not None
    command = [*COMMAND, "--port", f"labgrid:{RAW}", "--soak", "100000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: RAW in farm.holders(), "the run has the place", timeout_s=120)
    farm.coordinator.kill()
    farm.coordinator.wait()
    farm.start_coordinator()
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 3, out + errors
    assert f"labgrid's place {RAW} is no longer ours: the coordinator is gone" in errors + out
    farm.start_exporter()
    with rig_at() as rig:
        rig.require_ours()
    assert farm.holders() == {}


def test_a_wait_for_the_board_ends_when_the_place_is_lost(farm: Farm, image: Image) -> None:
    """A board that is silent is not waited for until its deadline, once somebody else may have it."""
    with rig_at() as rig, rig.open_device(image, timeout_s=60) as device:
        assert farm.exporter is not None
        farm.exporter.kill()
        farm.exporter.wait()
        began = time.monotonic()
        with pytest.raises(PlaceLost, match="its exporter is gone"):  # noqa: PT012  # it is asked until it is lost
            while time.monotonic() - began < 30:
                device.identify()
    assert farm.holders() == {}


def test_a_board_is_flashed_where_it_hangs(
    new_farm: FarmMaker, lines: Lines, image: Image, flash_tool: FlashTool
) -> None:
    """By ssh, with the tool and the probe that the place's tags name; only the device's identity counts."""
    farm = new_farm(Seat(RAW, lines.raw, tags=FLASHED))
    with rig_at() as rig:
        installation = Installation(rig, image, timeout_s=60)
        installation.install(flash="always")
        assert installation.flashed
        installation.reset()
        installation.close()
    load, reset = map(json.loads, flash_tool.calls())
    assert load[1:-1] == [
        *("load", "--no-wait", "--target", "nrf52840", "--uid", "P1"),
        *("--format", "bin", "--base-address", "0x00010000"),
    ]
    assert reset[1:] == ["reset", "--no-wait", "--target", "nrf52840", "--uid", "P1"]
    assert not Path(load[-1]).parent.exists()
    assert farm.holders() == {}


def test_a_flash_tool_that_fails_says_so(
    new_farm: FarmMaker, lines: Lines, image: Image, flash_tool: FlashTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code comes through; so does that ssh cannot get there, or finds no tool."""
    new_farm(
        Seat(RAW, lines.raw, tags=FLASHED),
        Seat("b4", lines.raw, tags={**FLASHED, "flash": "st-flash"}),
        Seat("b5", lines.raw, tags={"board": "x"}),
    )
    flash_tool.behave("fail")
    with rig_at() as rig:
        with pytest.raises(
            FlashError, match=r"pyocd on 127\.0\.0\.1 failed \(exit code 1\): no probe with"
        ) as failed:
            rig.flash(image)
        assert failed.value.facts["exit_code"] == 1
        monkeypatch.setenv("PATH", os.environ["PATH"].partition(":")[2])  # an ssh without our key
        with pytest.raises(FlashError, match=r"127\.0\.0\.1 cannot be reached by ssh"):
            rig.flash(image)


def test_a_place_that_does_not_say_how_is_refused(new_farm: FarmMaker, lines: Lines, image: Image) -> None:
    """No tool, or no probe: a guess would flash another board of that computer."""
    new_farm(Seat(RAW, lines.raw), Seat(TELNET, lines.raw, tags={"flash": "pyocd"}))
    for name, told in ((RAW, "set-tags flash="), (TELNET, "set-tags probe=SERIAL")):
        with rig_at(name) as rig, pytest.raises(FlashError) as refused:
            rig.flash(image)
        assert told in refused.value.hint


def test_a_tool_ends_with_the_client_that_asked_for_it(
    new_farm: FarmMaker, lines: Lines, flash_tool: FlashTool, tmp_path: Path
) -> None:
    """A client that is killed leaves neither a tool on the other computer, nor the place."""
    farm = new_farm(Seat(RAW, lines.raw, tags=FLASHED))
    flash_tool.behave("hang")
    command = [sys.executable, "-m", "tinysine", "flash", str(REFERENCE_MODEL), "--board", BOARD]
    process = subprocess.Popen(
        [*command, "--port", f"labgrid:{RAW}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    tool = json.loads(until(flash_tool.calls, "the tool runs", timeout_s=120)[0])[0]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not psutil.pid_exists(tool), "the tool has ended")
    until(lambda: farm.holders() == {}, "the place is free")


def test_power_is_switched_by_labgrid(
    new_farm: FarmMaker, lines: Lines, power: tuple[int, type[Power]]
) -> None:
    """A place with a power port can be switched off and on; a switch that is broken is the bench's fault."""
    port, switch = power
    resource = {"model": "simplerest", "host": f"http://127.0.0.1:{port}/{{index}}/{{value}}", "index": 1}
    farm = new_farm(Seat(RAW, lines.raw, resources={"NetworkPowerPort": resource}))
    with rig_at() as rig:
        assert rig.can_power
        rig.power_cycle()
        assert switch.switched == ["/1/0", "/1/1"]
        switch.broken = True
        with pytest.raises(BenchError, match=f"could not switch the power of {RAW}"):
            rig.power_cycle()
    assert farm.holders() == {}


def test_an_isolated_exporter_is_reached_through_ssh(
    new_farm: FarmMaker, lines: Lines, image: Image, flash_tool: FlashTool
) -> None:
    """Labgrid demands a proxy: the serial line goes through a forward, which ends with the rig."""
    del flash_tool  # its ssh is what counts
    farm = new_farm(Seat(RAW, lines.raw), isolated=True)
    with rig_at() as rig:
        assert rig.port != f"socket://127.0.0.1:{lines.raw}"
        with rig.open_device(image, timeout_s=60) as device:
            assert device.identity.build_id == image.build_id
        children = psutil.Process().children()
    assert farm.holders() == {}
    assert not [child for child in children if child.is_running() and child.name() == "ssh"]


def test_a_bench_file_names_places(farm: Farm, tmp_path: Path) -> None:
    """`auto` with a bench file goes to the place of the board's row, as to any port."""
    bench = tmp_path / "bench.toml"
    bench.write_text(f'[[board]]\nname = "{BOARD}"\nport = "labgrid:{RAW}"\n', encoding="utf-8")
    command = [*COMMAND, "--port", "auto", "--bench", str(bench)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert farm.holders() == {}
