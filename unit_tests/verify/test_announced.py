"""Foreign firmware that announces what it does not have: one clear line, and the product has failed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tinysine.commands.app import run_app
from tinysine.device import Device
from tinysine.errors import LinkTimeout
from tinysine.link import Capability, Request
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import REFERENCE_MODEL, Model, read_model
from tinysine.quantization import Rounding
from tinysine.testing import ALL_REQUESTS, FakeDevice, FakeRig
from tinysine.verify.announced import ANNOUNCED_BY, Announced
from unit_tests.verify.test_foreign_firmware import at_port, judge, stranger

ASKED: dict[Request, Callable[[Device], object]] = {
    Request.TIME: lambda device: device.time([0], repetitions=3),
    Request.MEMORY: Device.memory,
    Request.FAULT: Device.last_fault,
    Request.COUNTERS: Device.counters,
}
WORDS = {
    "unknown": "refuses it",
    "refused": "refuses it",
    "nonsense": "answers it with nonsense",
    "nothing": "answers it with nonsense",
    "silence": "does not answer it",
}


@pytest.fixture(scope="module")
def model() -> Model:
    """The sine."""
    return read_model(REFERENCE_MODEL)


def break_promise(device: FakeDevice, request: Request, how: str) -> None:
    """Have a device announce a request, and not keep to it."""
    if how == "silence":
        device.silent = {*device.silent, request}
        return
    answers = {"unknown": (1, b""), "refused": (6, b""), "nonsense": (0, b"?" * 7), "nothing": (0, b"")}
    device.refuse[request] = answers[how]


@pytest.mark.parametrize("how", ["unknown", "nonsense"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_request_that_is_announced_and_not_there_fails(model: Model, asked: Request, how: str) -> None:
    """Its figure is absent, everything else is judged all the same."""
    device = stranger(model, has=set(ASKED))
    break_promise(device, asked, how)
    evidence = judge(REFERENCE_MODEL, device)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    (finding,) = evidence.findings
    assert f"it announces {asked.name}, and {WORDS[how]}: " in str(finding)
    assert "\n" not in str(finding)
    assert evidence.outputs is not None
    assert evidence.outputs.checked == 256
    assert (evidence.latency is None) == (asked == Request.TIME)
    assert (evidence.memory is None) == (asked == Request.MEMORY)


@pytest.mark.parametrize(("asked", "answer"), [(Request.RUN, (6, b"")), (Request.WRITE, (0, b""))])
def test_parts_that_the_firmware_does_not_keep_are_its_own_fault(
    model: Model, asked: Request, answer: tuple[int, bytes]
) -> None:
    """The answers to INFER are judged all the same, and so is everything else."""
    device = stranger(model, has={Request.MEMORY})
    device.refuse[asked] = answer
    evidence = judge(REFERENCE_MODEL, device)
    (finding,) = evidence.findings
    assert evidence.exit_code == 1
    assert "it announces PARTS, and does not keep what it is given: the inputs at the device" in str(finding)
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (256, 0)
    assert evidence.memory is not None


def test_outputs_that_are_not_those_of_the_inference_are_the_firmwares_fault(model: Model) -> None:
    """It has no INFER, so that nothing can be judged, and says a CRC-32 that its outputs have not."""
    device = stranger(model)
    device.lacks = {*device.lacks, Request.INFER}
    device.refuse[Request.RUN] = (0, b"\1\0\0\0\0")
    evidence = judge(REFERENCE_MODEL, device)
    assert evidence.exit_code == 1
    assert "does not keep what it is given: the outputs that were read" in str(evidence.findings[0])


def asking(device: FakeDevice) -> tuple[Announced, list[Any]]:
    """Foreign firmware on a line whose time is not real, and where findings go."""
    run: Any = SimpleNamespace(findings=[])
    connected = FakeRig(device).connect("fake://1")
    return Announced(
        run, connected, ForeignFirmware(device.model_sha256.hex(), Rounding.LITERT)
    ), run.findings


@pytest.mark.parametrize("how", WORDS)
@pytest.mark.parametrize("asked", ASKED)
def test_each_way_not_to_have_it_is_told(asked: Request, how: str) -> None:
    """Once, however often it is asked for; a fault record that is empty means that there was no fault."""
    device = FakeDevice()
    device.record_fault(1)
    break_promise(device, asked, how)
    announced, findings = asking(device)
    for _ in range(2):
        assert announced.ask(ANNOUNCED_BY[asked], lambda: ASKED[asked](announced.device)) is None
    if (asked, how) == (Request.FAULT, "nothing"):
        assert not findings
        return
    (finding,) = findings
    assert f"it announces {asked.name}, and {WORDS[how]}: " in str(finding)


def test_a_device_that_answers_nothing_at_all_is_no_liar() -> None:
    """The bench may be at fault: it is asked who it is, and says nothing to that either."""
    device = FakeDevice()
    announced, findings = asking(device)
    device.silent = ALL_REQUESTS
    with pytest.raises(LinkTimeout):
        announced.ask(Capability.MEMORY, announced.device.memory)
    assert not findings


@pytest.mark.parametrize("missing", ASKED)
def test_what_is_not_announced_is_not_asked(missing: Request) -> None:
    """It is absent, and no fault."""
    device = FakeDevice()
    device.lacks = {missing}
    announced, findings = asking(device)
    frames = len(device.frames)
    assert announced.ask(ANNOUNCED_BY[missing], lambda: ASKED[missing](announced.device)) is None
    assert not findings
    assert len(device.frames) == frames


@pytest.mark.parametrize("how", ["unknown", "nonsense"])
def test_inferences_are_announced_too(model: Model, how: str) -> None:
    """Answers of another length, or none, are the firmware's: the line carried them unharmed."""
    device = stranger(model)
    break_promise(device, Request.INFER, how)
    evidence = judge(REFERENCE_MODEL, device)
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    assert f"it announces INFER, and {WORDS[how]}: " in str(evidence.findings[0])


def test_an_arena_beyond_all_memory_is_nonsense(model: Model, capfd: pytest.CaptureFixture[str]) -> None:
    """0xFFFFFFFF is no figure of an arena; the command ends with 1 and says so in one line."""
    device = stranger(model, has={Request.MEMORY})
    device.memory = (0xFFFFFFFF,) * 6
    with at_port(device) as port:
        assert run_app(["verify", str(REFERENCE_MODEL), "--firmware", "foreign", "--port", port]) == 1
    shown = capfd.readouterr().out
    assert "it announces MEMORY, and answers it with nonsense" in shown
    assert "an arena cannot have 4,294,967,295 bytes" in shown


def test_an_inference_that_does_not_end_is_told_by_its_number() -> None:
    """Of a device that answered before; it is not told as a loose cable."""
    device = FakeDevice()
    asked: list[int] = []

    def stop_after_two(request: int) -> None:
        asked.append(request)
        if asked.count(Request.INFER) == 2:
            device.silent = ALL_REQUESTS

    device.on_request = stop_after_two
    connected = FakeRig(device).connect("fake://1")
    with pytest.raises(LinkTimeout, match=r"inferences 9 to 72 of 100 \(the first is 0\)") as caught:
        connected.infer(np.zeros((100, 1), np.int8))
    assert "may hang" in caught.value.hint
    assert caught.value.facts["inferences"] == (9, 72)


def break_text(device: FakeDevice) -> None:
    """Have a device announce TEXT, and answer no line."""
    feed = device.feed
    device.feed = lambda data: feed(data.replace(b"?\r", b""))  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            lambda device: break_promise(device, Request.INFER_F32, "unknown"),
            "it announces INFER_F32, and refuses it",
        ),
        (
            lambda device: break_promise(device, Request.DEMO, "nothing"),
            "it announces DEMO, and answers it with nonsense",
        ),
        (
            lambda device: setattr(device, "refuse", {Request.DEMO: (0, b"\1")}),
            "is still on after it was switched off",
        ),
        (break_text, "it announces TEXT, and does not answer it"),
    ],
    ids=["INFER_F32", "DEMO", "demo stays on", "TEXT"],
)
def test_what_no_figure_needs_is_asked_too(
    model: Model, broken: Callable[[FakeDevice], None], says: str
) -> None:
    """INFER_F32, DEMO and TEXT have no figure in the evidence; announced they have to be there all the same."""
    device = stranger(model, has={Request.DEMO})
    broken(device)
    evidence = judge(REFERENCE_MODEL, device)
    (finding,) = evidence.findings
    assert (evidence.exit_code, says in str(finding)) == (1, True)
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (256, 0)


def test_real_inputs_are_held_against_their_codes(model: Model) -> None:
    """A device that rounds them another way answers another inference."""
    device = stranger(model)
    right = device.expected
    device.on_request = lambda request: setattr(
        device, "expected", (lambda codes: right(codes) ^ 1) if request == Request.INFER_F32 else right
    )
    evidence = judge(REFERENCE_MODEL, device)
    assert "INFER_F32 is answered otherwise than INFER: input" in str(evidence.findings)


def test_the_demo_is_left_as_it_was_and_a_reset_is_not_asked_for(model: Model) -> None:
    """A product's start is its owner's affair; the evidence says that nobody asked."""
    device = stranger(model, has={Request.DEMO, Request.RESET})
    evidence = judge(REFERENCE_MODEL, device)
    assert (evidence.verdict, device.demo_on, device.resets) == ("pass", 1, 0)
    assert "RESET (announced, not asked)" in evidence.provenance.not_proved
