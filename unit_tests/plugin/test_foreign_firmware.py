"""`--tinysine-firmware foreign`: the fixtures on a device whose firmware was not built here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tinysine.model import read_model
from tinysine.oracles import litert_oracle
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice
from unit_tests.verify.test_announced_layers import layers_of, showing
from unit_tests.verify.test_foreign_firmware import at_port

CASE = Path(__file__).parents[1] / "cases" / "batch8.tflite"


@pytest.fixture
def port() -> Iterator[str]:
    """A device with a model that the generated engine cannot run; it has IDENTIFY and INFER only."""
    model = read_model(CASE)
    device = FakeDevice.of_model(model, litert_oracle(model).run)
    device.board_name, device.build_id = b"gadget", bytes(16)
    device.lacks = (4, 5, 6, 7, 8, 9)
    terminal = PtyDevice(device)
    yield terminal.port
    terminal.close()


def test_answers_are_judged_and_an_image_is_not_there(pytester: pytest.Pytester, port: str) -> None:
    """A test that needs no image runs; one that needs an image is skipped with a reason; JUnit names the firmware."""
    pytester.makepyfile("""
        def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            assert not tinysine_inputs.flags.writeable  # no test changes them for those after it
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))

        def test_model(tinysine_model, tinysine_board, tinysine_device):
            assert tinysine_model.input.shape == (8, 4)
            assert tinysine_board.name == "foreign"
            assert "foreign firmware" in repr(tinysine_device)

        def test_image(tinysine_image): pass
    """)
    ended = pytester.runpytest(
        "-p", "no:cacheprovider", "-rs", "--junitxml=report.xml",
        "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={CASE}",
    )  # fmt: skip
    ended.assert_outcomes(passed=2, skipped=1)
    ended.stdout.fnmatch_lines(["*foreign firmware was not built here*"])
    report = (pytester.path / "report.xml").read_text(encoding="utf-8")
    assert 'name="tinysine.firmware" value="foreign"' in report


def test_a_fault_record_that_is_announced_and_refused_fails(pytester: pytest.Pytester) -> None:
    """In one line, and with the exit code of a wrong product: nobody takes it for a record that is not kept."""
    device = FakeDevice.of_model(model := read_model(CASE), litert_oracle(model).run)
    device.refuse = {6: (1, b"")}
    pytester.makepyfile("def test_answers(tinysine_device): tinysine_device.identify()")
    with at_port(device) as port:
        ended = pytester.runpytest(
            "-p", "no:cacheprovider",
            "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={CASE}",
        )  # fmt: skip
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(["*FirmwareWrong: it announces FAULT, and refuses it: *"])


LAYERS = """
    def test_layers(tinysine_layers):
        assert tinysine_layers.passed, tinysine_layers.finding
        assert all(row.checked for row in tinysine_layers.rows)
"""


def test_layers_that_are_not_announced_are_skipped(pytester: pytest.Pytester, port: str) -> None:
    """With the reason."""
    pytester.makepyfile(LAYERS)
    ended = pytester.runpytest(
        "-p", "no:cacheprovider", "-rs",
        "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={CASE}",
    )  # fmt: skip
    ended.assert_outcomes(skipped=1)
    ended.stdout.fnmatch_lines(["*does not announce layers*"])


def test_layers_that_are_announced_are_judged(pytester: pytest.Pytester) -> None:
    """As `tinysine verify --layers` judges them."""
    file = CASE.with_name("softmax_end.tflite")
    model = read_model(file)
    device = showing(model, layers_of(model))
    pytester.makepyfile(LAYERS)
    with at_port(device) as port:
        ended = pytester.runpytest(
            "-p", "no:cacheprovider",
            "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={file}",
        )  # fmt: skip
    ended.assert_outcomes(passed=1)


@pytest.mark.parametrize("port", [(), ("--tinysine-port=twin",), ("--tinysine-port=auto",)])
def test_a_port_is_needed(pytester: pytest.Pytester, port: tuple[str, ...]) -> None:
    """Before any test, as bad usage, with the names that this command and the environment know."""
    ended = pytester.runpytest("-p", "no:cacheprovider", "--tinysine-firmware=foreign", *port)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*no port was named*--tinysine-port or TINYSINE_PORT*"])


TESTS = """
def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
    tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))

def test_late(request):
    request.getfixturevalue("tinysine_device")
"""


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ({"scale": 0.25}, "output quantization"),
        ({"shape": (3, 8)}, "output int8 [[]3, 8], not int8 [[]8, 3]"),
    ],
    ids=["scale", "turned"],
)
def test_a_false_description_is_no_pass(pytester: pytest.Pytester, end: dict[str, Any], says: str) -> None:
    """Right answers prove nothing where the device tells its users to read them as other numbers."""
    model = read_model(CASE)
    device = FakeDevice.of_model(model, litert_oracle(model).run)
    device.board_name, device.build_id = b"gadget", bytes(16)
    device.outputs = (replace(device.outputs[0], **end),)
    terminal = PtyDevice(device)
    pytester.makepyfile(TESTS)
    try:
        ended = pytester.runpytest(
            "-p", "no:cacheprovider", "--junitxml=report.xml",
            "--tinysine-firmware=foreign", f"--tinysine-port={terminal.port}", f"--tinysine-model={CASE}",
        )  # fmt: skip
    finally:
        terminal.close()
    assert ended.parseoutcomes().get("passed", 0) == 0
    ended.stdout.fnmatch_lines([f"*the device proves its model, but reports {says}*"])
    report = (pytester.path / "report.xml").read_text(encoding="utf-8")
    assert 'name="tinysine.verdict" value="product failure"' in report
