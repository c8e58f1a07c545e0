"""examples/your_firmware, as docs/your-firmware.md has it: firmware that shares nothing with ours is judged."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinysine.boards import FOREIGN
from tinysine.evidence import Evidence
from tinysine.model import REFERENCE_MODEL
from tinysine.place import AtPort
from tinysine.verify import verify
from unit_tests.conftest import HostCompiler

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "your_firmware"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reference model's model.h."""
    folder = tmp_path_factory.mktemp("your_firmware")
    header = subprocess.run(
        [sys.executable, EXAMPLE / "make_model.py", REFERENCE_MODEL], check=True, capture_output=True
    ).stdout
    (folder / "model.h").write_bytes(header)
    return folder


@contextlib.contextmanager
def running(*command: str | Path) -> Iterator[str]:
    """A program that prints the terminal at which it can be asked."""
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )
    try:
        assert program.stdout is not None
        told, deadline = b"", time.monotonic() + PATIENCE_S
        while not (found := re.search(rb"/dev/\S+", told)):
            assert time.monotonic() < deadline, told
            told += os.read(program.stdout.fileno(), 4096)
        yield found[0].decode()
    finally:
        program.kill()
        program.communicate()


def judged(port: str) -> Evidence:
    """The verdict on what answers at a port."""
    return verify(
        REFERENCE_MODEL, board=FOREIGN, place=AtPort(port), firmware="foreign", timeout_s=PATIENCE_S
    )


def assert_passed(evidence: Evidence) -> None:
    """All 256 answers, and nothing that such firmware cannot know."""
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.outputs is not None
    assert evidence.outputs.checked == 256
    assert evidence.provenance.device is not None
    assert (evidence.provenance.device.engine, evidence.provenance.device.board) == (
        "table",
        "your board",
    )
    assert (evidence.latency, evidence.memory) == (None, None)


def test_on_this_computer(work: Path, host_cc: HostCompiler) -> None:
    """Under the sanitizers that the compiler has."""
    program = work / "your_firmware"
    sources = (EXAMPLE / "your_firmware.c", EXAMPLE / "host.c")
    options = ("-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{work}", *host_cc.sanitizers)
    host_cc(*options, "-o", program, *sources)
    with running(program) as port:
        assert_passed(judged(port))


@pytest.mark.long
@pytest.mark.needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_on_a_cortex_m4_in_qemu(work: Path) -> None:
    """A machine that nobody here wrote."""
    image = work / "your_firmware.elf"
    subprocess.run(
        [
            "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-O2", "-Wall", "-Wextra", "-Werror",
            "-ffreestanding", "-nostdlib", f"-I{work}", "-o", image,
            "-T", EXAMPLE / "mps2.ld", EXAMPLE / "your_firmware.c", EXAMPLE / "mps2.c",
        ],
        check=True,
    )  # fmt: skip
    with running(
        "qemu-system-arm",
        "-M",
        "mps2-an386",
        "-display",
        "none",
        "-monitor",
        "none",
        "-serial",
        "pty",
        "-kernel",
        image,
    ) as port:
        assert_passed(judged(port))


def test_it_is_small_and_shares_nothing() -> None:
    """The file is as small and independent as the page promises."""
    text = (EXAMPLE / "your_firmware.c").read_text(encoding="utf-8")
    assert text.count("\n") < 150
    assert re.findall(r"#include\s+(\S+)", text) == ["<stdint.h>", "<string.h>", '"model.h"']
