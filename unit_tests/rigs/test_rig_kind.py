"""The kind of a board is the proved one: a twin reports itself, hardware has a proof, all else is unknown."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tinysine.boards import is_twin_id, load_board
from tinysine.emulation import start_emulator
from tinysine.errors import FlashError, IdentityMismatch
from tinysine.image import Image
from tinysine.link import Timing
from tinysine.model import REFERENCE_MODEL
from tinysine.place import AtPort, Wiring
from tinysine.rigs import open_rig
from tinysine.testing import FakeRig

NANO = load_board("nano33ble-sense")
MPS2 = load_board("qemu:mps2-an386")
REAL, TWIN, QEMU = b"REALCHIP".hex(), b"TWIN1234".hex(), "0300000078563412"
ADAPTER = (0x0403, 0x6001, "FT1")


@pytest.fixture
def port(tmp_path: Path) -> str:
    """A port that is there, and is only a name."""
    path = tmp_path / "ttyX"
    path.touch()
    return str(path)


def device(unique_id: str | None) -> Any:
    """Return a device with the identity that these tests need."""
    return SimpleNamespace(unique_id=unique_id, is_twin=is_twin_id(unique_id))


@pytest.mark.parametrize(
    ("usb", "expected", "unique_id", "kind"),
    [
        (False, "", REAL, "unknown"),
        (False, "", None, "unknown"),
        (False, "", TWIN, "emulated"),
        (False, "", QEMU, "emulated"),
        (False, REAL, REAL, "hardware"),
        (False, TWIN, TWIN, "emulated"),
        (True, "", REAL, "hardware"),
        (True, "", None, "hardware"),
        (True, "", TWIN, "emulated"),  # two adapters, wired to each other
    ],
)
def test_a_port_is_what_was_proved(
    *, port: str, plug: Callable[..., None], usb: bool, expected: str, unique_id: str | None, kind: str
) -> None:
    """A USB device, or the chip that the bench expects, is hardware; a twin's id outweighs both."""
    plug(*([(port, *ADAPTER)] if usb else []))
    with open_rig(NANO, AtPort(port, Wiring(unique_id=expected))) as rig:
        assert rig.kind == ("hardware" if usb else "unknown")
        rig.recognise(device(unique_id))
        assert rig.kind == kind
        assert bool(rig.proof) == (kind != "unknown")
        assert rig.is_twin == (kind == "emulated")


@pytest.mark.parametrize("unique_id", [None, "00" * 7 + "01", TWIN])
def test_another_chip_than_the_bench_expects_is_refused(
    port: str, plug: Callable[..., None], unique_id: str | None
) -> None:
    """Also where a USB device is behind the port: it may be another board."""
    plug((port, *ADAPTER))
    rig = open_rig(NANO, AtPort(port, Wiring(unique_id=REAL)))
    with rig, pytest.raises(IdentityMismatch, match=f"the chip {REAL} is expected") as caught:
        rig.recognise(device(unique_id))
    assert (caught.value.field, caught.value.got) == ("unique_id", unique_id)


def test_a_chip_that_a_probe_has_programmed_is_not_proved_to_be_at_the_port(
    port: str, bench: Any, image_for: Callable[..., Image]
) -> None:
    """Its probe may be on one board, and the port lead to another that runs the same image, or to a twin."""
    listing = '{"boards": [{"unique_id": "P1", "info": "a probe", "target": "nrf52840"}]}'
    bench.tool("pyocd", f"import sys\nif 'json' in sys.argv: print({listing!r})")
    with open_rig(NANO, AtPort(port)) as rig:
        rig.recognise(device(None))
        assert rig.kind == "unknown"
        rig.flash(image_for(NANO))
        rig.recognise(device(None))
        assert (rig.kind, rig.proof) == ("unknown", "")


def test_a_twin_out_of_reach_is_neither_flashed_nor_reset(port: str, image_for: Callable[..., Image]) -> None:
    """A tool would program the real board of that name instead, if one is attached."""
    with open_rig(NANO, AtPort(port)) as rig:
        rig.recognise(device(TWIN))
        with pytest.raises(FlashError, match="a twin of nano33ble-sense that cannot be controlled"):
            rig.flash(image_for(NANO))
        with pytest.raises(FlashError, match="cannot be controlled"):
            rig.reset()


@pytest.mark.parametrize(
    ("kind", "unit"), [("hardware", "cycles"), ("unknown", "counts"), ("emulated", "instructions")]
)
def test_only_hardware_counts_cycles(kind: Any, unit: str) -> None:
    """And only a twin instructions; of an unknown counter not even the clock is known."""
    rig = FakeRig(board=NANO, kind=kind)
    timing = rig.counted(Timing(2, np.array([333]), "cycles", 64_000_000))
    assert (timing.unit, timing.clock_hz) == (unit, None if kind == "unknown" else 64_000_000)
    assert timing.net.tolist() == [331]


@pytest.mark.needs("qemu-system-arm")
def test_a_twin_without_an_id_answers_on_its_control_socket(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QEMU's MPS2 has no unique id: by the name that it gave its port it is known under any runtime folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    with start_emulator(MPS2) as emulator:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        with open_rig(MPS2, AtPort(emulator.port)) as rig:
            assert (rig.kind, rig.proof) == ("qemu", "its control socket answers")
        with open_rig(MPS2, AtPort(os.path.realpath(emulator.port))) as rig:
            rig.recognise(device(None))
            assert rig.kind == "unknown"


@pytest.fixture
def bridge() -> Iterator[Callable[[str], str]]:
    """Makes `socket://` URLs that lead to pseudo-terminals, as ser2net and socat do."""
    over = threading.Event()
    threads = []

    def serve(listener: socket.socket, path: str) -> None:
        with listener, listener.accept()[0] as peer:
            terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
            try:
                while not over.is_set():
                    ready, _, _ = select.select([peer, terminal], [], [], 0.1)
                    if peer in ready:
                        if not (data := peer.recv(4096)):
                            return
                        os.write(terminal, data)
                    if terminal in ready:
                        peer.sendall(os.read(terminal, 4096))
            finally:
                os.close(terminal)

    def make(path: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=serve, args=(listener, path), daemon=True))
        threads[-1].start()
        return f"socket://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    over.set()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize(
    ("chip", "kind", "unit"),
    [
        pytest.param(None, "emulated", "instructions", marks=pytest.mark.long),
        (b"REALCHIP", "unknown", "counts"),
    ],
)
def test_verify_certifies_no_twin_as_hardware(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    bridge: Callable[[str], str],
    nano_image: Image,
    chip: bytes | None,
    kind: str,
    unit: str,
) -> None:
    """Emulated under one runtime folder, verified under another, over TCP: outputs are judged, cycles never named."""
    from tinysine.commands.app import app

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    file = tmp_path_factory.mktemp("e") / "e.json"
    with start_emulator(NANO, unique_id=chip) as emulator:
        emulator.flash(nano_image.elf)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        command = ["verify", str(REFERENCE_MODEL), "--flash", "never", "--json", str(file)]
        results = [
            CliRunner().invoke(app, [*command, "--port", bridge(os.path.realpath(emulator.port)), *limit])
            for limit in ([], ["--max-latency", "100000"])
        ]
    plain, limited = results
    assert plain.exit_code == 0, plain.output
    assert f"({kind})" in plain.output
    for lie in ("hardware)", "cycles for"):
        assert lie not in plain.output
    evidence = json.loads(file.read_text())
    assert (evidence["board"]["kind"], evidence["latency"]["unit"]) == (kind, unit)
    assert limited.exit_code == (1 if kind == "unknown" else 0), limited.output
    assert ("a limit of 100,000 was given, and nothing proves what is behind" in limited.output) == (
        kind == "unknown"
    )
